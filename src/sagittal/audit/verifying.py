"""Looks the ledger through: is every line there, as it was written, in its place?"""

from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec

from sagittal.archive.records.records import RecordsReader
from sagittal.audit.line import GENESIS, HASH_BYTES, Line, hash_of
from sagittal.errors import Invalid

_FIELDS: Final = Line.__struct_fields__
_BATCH: Final = 2000
_LINES: Final = f"SELECT {', '.join(_FIELDS)}, hash FROM ledger WHERE seq > ? ORDER BY seq LIMIT {_BATCH}"  # noqa: S608  # names of ours
_LAST: Final = f"SELECT {', '.join(_FIELDS)}, hash FROM ledger ORDER BY seq DESC LIMIT 2"  # noqa: S608  # as above
_MAX_FAULTS: Final = 1000

Wrong = Literal["missing", "changed", "cut off", "another chain"]


class Fault(NamedTuple):
    """Where the chain does not hold.

    Attributes:
        seq: of the line.
        wrong: `missing`: it was taken out; `changed`: it says something else, or came from elsewhere; `cut off`: the
            ledger ends before the anchor; `another chain`: the line at the anchor is not the one that was anchored.
    """

    seq: int
    wrong: Wrong


class Anchor(msgspec.Struct, frozen=True):
    """The head of the chain at some time, kept elsewhere."""

    seq: int
    hash: str

    def encode(self) -> bytes:
        """As a line of JSON."""
        return msgspec.json.encode(self) + b"\n"

    @classmethod
    def load(cls, path: Path) -> "Anchor":
        """Reads what `encode` gave. Raises Invalid if it is none."""
        try:
            anchor = msgspec.json.decode(path.read_bytes(), type=cls)
            is_hash = len(bytes.fromhex(anchor.hash)) == HASH_BYTES
        except (msgspec.MsgspecError, ValueError) as error:
            raise Invalid(f"{path} is no anchor of a ledger") from error
        if not is_hash or anchor.seq < 0:
            raise Invalid(f"{path} is no anchor of a ledger")
        return anchor


class Verdict(NamedTuple):
    """What was found: lines looked at, the head, and what is wrong (at most 1,000 of it)."""

    lines: int
    head: Anchor
    faults: tuple[Fault, ...]


async def verify(records: RecordsReader, key: bytes, anchor: Anchor | None = None) -> Verdict:
    """Goes along the chain from its first line.

    A changed line is told once: the chain is taken up again behind it, from the hash that stands there.
    """
    before, last, count = GENESIS, 0, 0
    faults: list[Fault] = []
    anchored: bytes | None = GENESIS if anchor is not None and anchor.seq == 0 else None
    while rows := await records.fetch(_LINES, (last,)):
        for *values, found in rows:
            line = Line(*values)
            if line.seq > last + 1:  # what follows a gap cannot be computed, only what follows that again
                faults += [Fault(seq, "missing") for seq in range(last + 1, min(line.seq, last + 1 + _MAX_FAULTS))]
            elif found != hash_of(key, before, line):
                faults.append(Fault(line.seq, "changed"))
            before, last, count = bytes(found), line.seq, count + 1
            if anchor is not None and last == anchor.seq:
                anchored = before
    if anchor is not None:
        faults += _against(anchor, anchored, last)
    return Verdict(count, Anchor(last, before.hex()), tuple(faults[:_MAX_FAULTS]))


async def ends_well(records: RecordsReader, key: bytes) -> bool:
    """Whether the last line follows from the one before with this key: a look that costs nothing, at each start."""
    last = await records.fetch(_LAST, ())
    if not last:
        return True
    *values, found = last[0]
    before = bytes(last[1][-1]) if len(last) > 1 else GENESIS
    return bool(found == hash_of(key, before, Line(*values)))


def _against(anchor: Anchor, anchored: bytes | None, last: int) -> list[Fault]:
    if last < anchor.seq:
        return [Fault(anchor.seq, "cut off")]
    if anchored is None or anchored.hex() != anchor.hash:
        return [Fault(anchor.seq, "another chain")]
    return []
