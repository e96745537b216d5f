"""What readers of the change feed remember, so that each reacts once to each thing, whatever stops it in between."""

from collections.abc import Callable
from typing import Final, NamedTuple

from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from sagittal.archive.records.ledger_tables import FEED, FEED_TIME, ledger_marks
from sagittal.archive.records.reaction_tables import feed_readers, reactions

_CURSOR: Final = select(feed_readers.c.seq).where(feed_readers.c.reader == bindparam("reader"))


class Cause(NamedTuple):
    """What somebody reacts to: an instance as it came.

    Attributes:
        reader: who reacts.
        digest: BLAKE3 of the file, 32 bytes.
    """

    reader: str
    sop_instance_uid: str
    digest: bytes


def cursor_of(connection: Connection, reader: str) -> int:
    """The number of the last event that a reader need not see again; 0 for a new one."""
    return int(connection.execute(_CURSOR, {"reader": reader}).scalar() or 0)


def set_cursor(connection: Connection, reader: str, seq: int) -> None:
    """Remembers how far a reader is."""
    row = insert(feed_readers).values(reader=reader, seq=seq)
    connection.execute(row.on_conflict_do_update(index_elements=["reader"], set_={"seq": seq}))


def begin_anew(connection: Connection, last_until: Callable[[int], int]) -> None:
    """Has every reader see all events again, as they have other numbers now; what is done stays done.

    The ledger goes on where it was, by the time of the last event that it has.

    Args:
        last_until: the number of the last event that is not later than a time, ns; 0 if there is none.
    """
    connection.execute(delete(feed_readers))
    at_ns = connection.execute(select(ledger_marks.c.seq).where(ledger_marks.c.reader == FEED_TIME)).scalar()
    mark = update(ledger_marks).where(ledger_marks.c.reader == FEED)
    connection.execute(mark.values(seq=last_until(int(at_ns or 0))))


def is_done(connection: Connection, cause: Cause) -> bool:
    """Whether somebody has reacted to it already."""
    its = [reactions.c[name] == value for name, value in cause._asdict().items()]
    return connection.execute(select(reactions.c.at_ns).where(*its)).first() is not None


def set_done(connection: Connection, cause: Cause, at_ns: int, entry: int | None = None) -> None:
    """Remembers that somebody has, and the entry of the journal that came of it."""
    row = insert(reactions).values(**cause._asdict(), at_ns=at_ns, entry=entry)
    connection.execute(row.on_conflict_do_nothing())
