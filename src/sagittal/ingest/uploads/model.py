"""What an upload is, and which piece may follow: rules without a disk."""

import hashlib
from typing import Literal, NamedTuple

import msgspec

from sagittal.errors import Conflict, Invalid, Refused
from sagittal.ingest.importing import Refusal
from sagittal.runtime.actor import Actor

State = Literal["receiving", "waiting", "working", "done"]
"""Bytes are awaited; all are there and wait for their turn; they are brought in; the report is final."""

MAX_REFUSALS = 10_000
MAX_STUDIES = 1_000


class OffsetMismatch(Conflict):
    """A piece that does not begin where the last one ended."""

    def __init__(self, expected: int, provided: int) -> None:
        """`expected`: how many bytes are here."""
        super().__init__(f"the upload is at byte {expected}; the piece begins at byte {provided}")
        self.expected = expected
        self.provided = provided


class LengthMismatch(Invalid):
    """The length said now is not the one said before, or more bytes came than were announced."""


class AlreadyComplete(Conflict):
    """Nothing can be added to an upload that is whole."""


class TooLarge(Refused):
    """More bytes than this site takes in one upload."""


class DigestMismatch(Invalid):
    """A piece whose bytes are not those that its sender made the digest of; none of it was kept."""


class Limits(NamedTuple):
    """What this site takes.

    Attributes:
        max_bytes: of one upload, and of what unpacks from it.
        max_object_bytes: of one instance.
        space_bytes: of all uploads that are not yet brought in.
        expiry_s: how long an upload may lie without a new piece, and a report is kept.
        max_open: uploads of one actor that are not yet brought in.
        max_kept: uploads of one actor, with those whose reports are kept.
        max_entries: uploads of everybody.
    """

    max_bytes: int = 32 * 1024**3
    max_object_bytes: int = 64 * 1024**3
    space_bytes: int = 128 * 1024**3
    expiry_s: int = 7 * 86_400
    max_open: int = 256
    max_kept: int = 4_000
    max_entries: int = 50_000


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is said when an upload begins.

    Attributes:
        id: its name in addresses, which nobody can guess.
        actor: on whose behalf it is brought in.
        name: of the file, as its sender calls it; may identify a patient.
        metadata: what a client wants to hear again (tus: Upload-Metadata).
        created_ns: nanoseconds since 1970-01-01 UTC.
    """

    id: str
    actor: Actor
    name: str
    metadata: str
    created_ns: int


class Mark(msgspec.Struct, frozen=True):
    """How far an upload is; what it says is on the medium.

    Attributes:
        offset: bytes that are here.
        length: of the whole; None as long as nobody has said.
        is_complete: nothing follows.
    """

    offset: int
    length: int | None
    is_complete: bool = False


class Piece(NamedTuple):
    """A piece of an upload, as announced.

    Attributes:
        offset: where it begins.
        size: in bytes, None if not announced.
        length: of the whole upload, if the sender said it.
        completes: whether it is the last: True or False where the sender says so; None: if it reaches the length.
        digest: algorithm of `hashlib` and what it is to give for these bytes.
    """

    offset: int
    size: int | None = None
    length: int | None = None
    completes: bool | None = None
    digest: tuple[str, bytes] | None = None


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """An upload as its owner sees it.

    Attributes:
        expires_ns: when it is forgotten, nanoseconds since 1970-01-01 UTC.
        is_complete: no bytes are awaited.
    """

    id: str
    name: str
    metadata: str
    state: State
    offset: int
    length: int | None
    is_complete: bool
    expires_ns: int


class UploadReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an upload.

    Attributes:
        stored, duplicates, conflicts: instances by outcome; a duplicate was here already and is well, a conflict is
            kept aside for a person to decide.
        refused: files that did not go in, and why; at most MAX_REFUSALS of them, `refused_count` says how many.
        missing: files that a DICOMDIR lists and that did not come.
        studies: Study Instance UIDs of what is here now, at most MAX_STUDIES.
        files: looked at so far.
        reason: why it waits, or why nothing of it could be read.
        ended_ns: nanoseconds since 1970-01-01 UTC; 0 until `state` is `done`.
    """

    id: str
    name: str = ""
    state: State = "done"
    offset: int = 0
    length: int | None = None
    stored: int = 0
    duplicates: int = 0
    conflicts: int = 0
    refused_count: int = 0
    refused: tuple[Refusal, ...] = ()
    missing: tuple[str, ...] = ()
    studies: tuple[str, ...] = ()
    files: int = 0
    reason: str = ""
    ended_ns: int = 0


def owner_of(actor: Actor) -> str:
    """Whose an upload is: of this account, this device, or this machine's own."""
    return f"{actor.kind}/{actor.account}/{'' if actor.account else actor.name}"


def owner_key(actor: Actor) -> str:
    """As `owner_of`, for browsers to keep: names nobody."""
    return hashlib.blake2b(owner_of(actor).encode(), digest_size=12).hexdigest()


def check_piece(mark: Mark, piece: Piece, max_bytes: int) -> int | None:
    """The length of the upload if this piece may follow; None if it stays unknown.

    Raises:
        AlreadyComplete, OffsetMismatch, LengthMismatch, TooLarge: it may not.
    """
    if mark.is_complete:
        if piece.size != 0:
            raise AlreadyComplete("the upload is complete; nothing can be added")
        if piece.offset == mark.offset and piece.completes is None:
            return mark.length
        raise AlreadyComplete("the upload is complete already")
    if piece.offset != mark.offset:
        raise OffsetMismatch(mark.offset, piece.offset)
    end = None if piece.size is None else piece.offset + piece.size
    length = mark.length
    for said in (piece.length, end if piece.completes else None):
        if said is not None and length is not None and said != length:
            raise LengthMismatch(f"the upload was announced with {length} bytes; now it is {said}")
        length = length if said is None else said
    if length is not None and (end or piece.offset) > length:
        raise LengthMismatch(f"the piece ends at byte {end}, beyond the announced {length}")
    if max(length or 0, end or 0) > max_bytes:
        raise TooLarge(f"an upload may have {max_bytes} bytes at most")
    return length


def mark_after(offset: int, length: int | None, *, is_whole: bool, completes: bool | None) -> Mark:
    """How far an upload is when a piece ended at `offset`; `is_whole`: all bytes of its request came.

    Raises:
        LengthMismatch: the sender says that this is all, and it is not what was announced.
    """
    if completes is None:
        return Mark(offset, length, is_complete=offset == length)
    if not (completes and is_whole):
        return Mark(offset, length)
    if length is not None and offset != length:
        raise LengthMismatch(f"the upload ends at byte {offset}; {length} were announced")
    return Mark(offset, offset, is_complete=True)
