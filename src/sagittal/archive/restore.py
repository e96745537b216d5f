"""Instances read back from packs and brought into the index, as if they arrived again: for repair and reindex."""

import os
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

import msgspec

from sagittal.archive.index.named import EVERY_INDEX, Wanted
from sagittal.archive.index.placeless import placed
from sagittal.archive.index.rows import Identity, Placed, identify
from sagittal.archive.index.writer import Fate, IndexWriter, fate_of
from sagittal.archive.intake import Intake
from sagittal.archive.packs.scan import Member, chunks
from sagittal.dicom.dataset import Header, HeaderReader
from sagittal.errors import SagittalError

_BATCH = 256


class ReadBack(NamedTuple):
    """A member of a pack and what its bytes say.

    Attributes:
        is_whole: the bytes are those that were stored.
    """

    pack_id: str
    member: Member
    identity: Identity
    header: Header
    frame_table: bytes | None
    is_whole: bool


class Restored(msgspec.Struct):
    """How many members became what.

    Attributes:
        kept: by pack, the end of the last member that the index now has, bytes.
    """

    stored: int = 0
    conflicts: int = 0
    duplicates: int = 0
    kept: dict[str, int] = {}


def read_back(
    descriptor: int, pack_id: str, member: Member, *, check: bool = True, wanted: Wanted = EVERY_INDEX
) -> ReadBack | None:
    """Reads a member as it would have been read on arrival; None if its bytes are no data set.

    Without `check` it is read only as far as its row needs, and taken to be whole. `wanted` of its header is kept: what
    the index it goes to wants (`IndexWriter.values`).
    """
    facts = member.facts
    intake = Intake(os.pread(descriptor, facts.data_set_offset, member.file_offset))
    reader = HeaderReader(facts.transfer_syntax_uid, wanted.tags, optional=wanted.optional)
    header: Header | None = None
    start = member.file_offset + facts.data_set_offset
    try:
        for chunk in chunks(descriptor, start, member.file_length - facts.data_set_offset):
            if header is None and reader.feed(chunk):
                header = placed(reader.header, facts.sop_class_uid)
                intake.expect(header)
                if not check and not intake.wants_more:
                    break
            intake.absorb((chunk,))
        header = header or placed(reader.close(), facts.sop_class_uid)
        identity = identify(header.elements, facts.sop_class_uid, facts.sop_instance_uid)
    except SagittalError:
        return None
    is_whole = not check or intake.digest == facts.digest
    return ReadBack(pack_id, member, identity, header, intake.frame_table(), is_whole)


class Interludes(Protocol):
    """What was done between the arrivals."""

    def tells_of_damage(self, received_ns: int) -> bool:
        """Whether one of them says that what came then is damaged: until then it was not."""

    def is_due(self, received_ns: int) -> bool:
        """Whether something was done before then that is not done here yet."""

    def go_to(self, received_ns: int) -> None:
        """Does it."""


def bring_in(
    index: IndexWriter,
    found: Iterable[ReadBack],
    interludes: Interludes,
    advanced: Callable[[int], None] | None = None,
) -> Restored:
    """Indexes members in the order given, which is to be that of their arrival, with what was done in between.

    Args:
        index: where to.
        found: the members.
        interludes: what was done with those that had come; what was done after the last came is left to the caller.
        advanced: called with the number of members after each batch.
    """
    restored = Restored()
    for batch in _batches(found, interludes):
        known = index.known([one.identity.sop_instance_uid for one in batch])
        placed = []
        for one in batch:
            fate = fate_of(one.identity.sop_instance_uid, one.member.facts.digest_data_set, known)
            if not fate.is_to_keep:
                restored.duplicates += 1
                continue
            is_told = interludes.tells_of_damage(one.member.facts.received_ns)
            placed.append(_place(one, fate, is_corrupt=not (one.is_whole or is_told)))
            restored.stored += fate.outcome == "stored" and not fate.restores
            restored.conflicts += fate.outcome == "conflict"
            restored.kept[one.pack_id] = one.member.end
        if placed:
            index.add(placed)
        if advanced is not None:
            advanced(len(batch))
    return restored


def _batches(found: Iterable[ReadBack], interludes: Interludes) -> Iterator[list[ReadBack]]:
    """In groups within which no UID comes twice and nothing was done: each sees what the ones before it brought."""
    batch: list[ReadBack] = []
    uids: set[str] = set()
    for one in found:
        uid = one.identity.sop_instance_uid
        received_ns = one.member.facts.received_ns
        is_due = interludes.is_due(received_ns)
        if batch and (uid in uids or len(batch) >= _BATCH or is_due):
            yield batch
            batch, uids = [], set()
        if is_due:
            interludes.go_to(received_ns)
        batch.append(one)
        uids.add(uid)
    if batch:
        yield batch


def _place(one: ReadBack, fate: Fate, *, is_corrupt: bool) -> Placed:
    member = one.member
    return Placed(
        one.identity,
        one.header,
        member.facts,
        one.pack_id,
        member.file_offset,
        member.file_length,
        one.frame_table,
        is_conflict=fate.outcome == "conflict",
        is_corrupt=is_corrupt,
        restores=fate.restores,
    )
