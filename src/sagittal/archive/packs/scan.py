"""Reading the members of a pack back, from its bytes alone: for repair, reindex and verify."""

import os
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
from blake3 import blake3

from sagittal.archive.packs import tar
from sagittal.archive.packs.facts import Facts, decode_facts

_HEAD_BYTES = 4096
CHUNK_BYTES = 1 << 20


class Member(NamedTuple):
    """A file in a pack, as its headers tell; only its digest says whether it is whole.

    Attributes:
        name: of the member.
        facts: what its comment says.
        start: of its headers, bytes.
        file_offset, file_length: of the Part 10 file, bytes.
        end: of its last block, bytes.
    """

    name: str
    facts: Facts
    start: int
    file_offset: int
    file_length: int
    end: int


class Scan:
    """Goes over the members of a pack, from one offset on.

    Attributes:
        end: behind the last member seen, bytes.
        is_sealed: the end-of-archive blocks were seen.
    """

    def __init__(self, descriptor: int, start: int = 0) -> None:
        self._descriptor = descriptor
        self.end = start
        self.is_sealed = False

    def __iter__(self) -> Iterator[Member]:
        """The members whose headers are whole and whose file is as long as they say; ends at the first other bytes."""
        length = os.fstat(self._descriptor).st_size
        while True:
            head = os.pread(self._descriptor, _HEAD_BYTES, self.end)
            if head[: tar.BLOCK] == tar.END_OF_ARCHIVE[: tar.BLOCK]:
                self.is_sealed = head[: 2 * tar.BLOCK] == tar.END_OF_ARCHIVE
                return
            member = self._parse(head)
            if member is None or member.end > length:
                return
            self.end = member.end
            yield member

    def _parse(self, head: bytes) -> Member | None:
        parsed = tar.parse_headers(head)
        if isinstance(parsed, int) and parsed > _HEAD_BYTES:
            parsed = tar.parse_headers(os.pread(self._descriptor, parsed, self.end))
        if parsed is None or isinstance(parsed, int):
            return None
        try:
            facts = decode_facts(parsed.comment)
        except msgspec.MsgspecError:
            return None
        file_offset = self.end + parsed.head_length
        if not 0 <= facts.data_set_offset <= parsed.length:
            return None
        end = file_offset + tar.padded(parsed.length)
        return Member(parsed.name, facts, self.end, file_offset, parsed.length, end)


def chunks(descriptor: int, offset: int, length: int, chunk_bytes: int = CHUNK_BYTES) -> Iterator[bytes]:
    """The bytes of a file, piece by piece; ends early where the file does."""
    stop = offset + length
    while offset < stop:
        piece = os.pread(descriptor, min(chunk_bytes, stop - offset), offset)
        if not piece:
            return
        offset += len(piece)
        yield piece


def is_whole(descriptor: int, member: Member) -> bool:
    """Whether the bytes of a member are those that were stored."""
    hasher = blake3()
    for piece in chunks(descriptor, member.file_offset, member.file_length):
        hasher.update(piece)
    return hasher.hexdigest() == member.facts.digest
