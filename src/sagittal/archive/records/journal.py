"""The journal: what was done with instances and found of them, entry after entry, never changed."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, func, insert, select

from sagittal.archive.acts import Entry, Named
from sagittal.archive.records.schema import journal, journal_instances

_COLUMNS = tuple(journal.c[name] for name in Entry._fields)
_NAMED = tuple(journal_instances.c[name] for name in Named._fields)
_AFTER = select(*_COLUMNS).where(journal.c.id > bindparam("after")).order_by(journal.c.id)
_BY_ID = select(*_COLUMNS).where(journal.c.id == bindparam("entry"))
_DAMAGED = (
    select(journal_instances.c.received_ns)
    .join(journal)
    .where(journal.c.kind == "damaged", journal.c.id > bindparam("after"))
)
_NAMED_BY = select(*_NAMED).where(journal_instances.c.entry == bindparam("entry")).order_by(_NAMED[0])


def append(connection: Connection, entry: Entry, named: Sequence[Named]) -> Entry:
    """Adds an entry; returns it with its id."""
    values = entry._asdict()
    del values["id"]
    result = connection.execute(insert(journal).values(values))
    (entry_id,) = result.inserted_primary_key or (0,)
    if named:
        connection.execute(insert(journal_instances), [{"entry": entry_id, **one._asdict()} for one in named])
    return entry._replace(id=int(entry_id))


def last_of(connection: Connection) -> tuple[int, int, int]:
    """Id and time of the last entry and the highest event number that any tells; zeros if there is none."""
    highest = (func.coalesce(func.max(journal.c[name]), 0) for name in ("id", "at_ns", "seq"))
    last_id, at_ns, seq = connection.execute(select(*highest)).one()
    return int(last_id), int(at_ns), int(seq)


def entries_after(connection: Connection, after: int) -> tuple[Entry, ...]:
    """The entries beyond number `after`, in order."""
    return tuple(Entry(*row) for row in connection.execute(_AFTER, {"after": after}))


def damaged_after(connection: Connection, after: int) -> frozenset[int]:
    """When those came that entries beyond number `after` tell to be damaged."""
    return frozenset(received_ns for (received_ns,) in connection.execute(_DAMAGED, {"after": after}))


def entry_of(connection: Connection, entry_id: int) -> Entry | None:
    """The entry of that number; None if there is none."""
    row = connection.execute(_BY_ID, {"entry": entry_id}).one_or_none()
    return Entry(*row) if row is not None else None


def named_by(connection: Connection, entry_id: int) -> tuple[Named, ...]:
    """What an entry names, in the order it came."""
    rows = connection.execute(_NAMED_BY, {"entry": entry_id})
    return tuple(Named(*row)._replace(is_conflict=bool(row.is_conflict)) for row in rows)
