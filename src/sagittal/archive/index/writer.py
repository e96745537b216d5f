"""The one writer of the index: rows and events of a batch in one transaction."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from sagittal.archive.index import schema, statements
from sagittal.archive.index.connect import connect_writer
from sagittal.archive.index.named import Named, load_named
from sagittal.archive.index.parents import Parents, last_id
from sagittal.archive.index.renderings import Renderings
from sagittal.archive.index.rows import Placed, Row, conflict_row, event_row, instance_row, restored_row
from sagittal.archive.index.statements import select_by
from sagittal.archive.index.values import ValueReader
from sagittal.archive.index.wording import Wording
from sagittal.archive.model import Outcome
from sagittal.archive.packs.tar import padded
from sagittal.errors import Exhausted

_MERGED_PAGES = 500  # of the search of names, in one step
_CHECKPOINT_WAIT_MS = 1000
_BUSY_MS = 30_000

OPEN_PACKS = select_by(schema.packs, "state")


class Known(NamedTuple):
    """What the index has of some UIDs.

    Attributes:
        kept: digest of the data set that has the UID.
        damaged: those of which what is kept is no longer what was stored.
        beside: digests of others that came under it.
    """

    kept: dict[str, bytes]
    damaged: set[str]
    beside: dict[str, set[bytes]]


_NOTHING_KNOWN = Known({}, set(), {})


class Fate(NamedTuple):
    """What becomes of a data set that comes.

    Attributes:
        outcome: what the one who sent it is told.
        is_to_keep: its bytes are written; else they are here already.
        restores: they take the place of the same bytes that are damaged.
    """

    outcome: Outcome
    is_to_keep: bool
    restores: bool = False


_NEW = Fate("stored", True)
_SECOND_COPY = Fate("stored", True, True)
_DUPLICATE = Fate("duplicate", False)
_CONFLICT = Fate("conflict", True)
_SAME_CONFLICT = Fate("conflict", False)


def fate_of(sop_instance_uid: str, digest_data_set: str, known: Known) -> Fate:
    """What becomes of a data set, by what the index knows of its UID."""
    kept = known.kept.get(sop_instance_uid)
    if kept is None:
        return _NEW
    digest = bytes.fromhex(digest_data_set)
    if kept == digest:
        return _SECOND_COPY if sop_instance_uid in known.damaged else _DUPLICATE
    return _SAME_CONFLICT if digest in known.beside.get(sop_instance_uid, ()) else _CONFLICT


class PackRow(NamedTuple):
    """A row of `packs`, in the order of the schema's columns."""

    id: str
    facility: str
    series_instance_uid: str
    state: str = "open"
    length: int = 0
    indexed_length: int = 0
    verified_ns: int = 0


class IndexWriter:
    """Writes the index. Belongs to one thread at a time; its methods block and raise Exhausted if the disk fails.

    Attributes:
        last_seq: of the newest event.
        last_entry: of the journal, that is applied.
        catch_up: to be called before anything comes in: applies what was journalled but could not be applied; None if
            there is nothing.
        named: the attributes that the site wants to search by.
        values: reads their values from headers.
    """

    def __init__(self, path: Path, clock: Callable[[], int], *, is_scratch: bool = False) -> None:
        """Opens the index.

        Args:
            path: of the index, at revision HEAD.
            clock: nanoseconds since 1970-01-01 UTC.
            is_scratch: nobody misses it if the machine stops before it is closed: nothing is synced.
        """
        self._clock = clock
        self._durable = "OFF" if is_scratch else "FULL"
        self._relaxed = "OFF" if is_scratch else "NORMAL"
        self._connection = connect_writer(path)
        self._connection.execute(f"PRAGMA synchronous={self._relaxed}")
        self._renderings = Renderings()
        self._parents = Parents(self._connection)
        self._last_ns = 0
        self.catch_up: Callable[[], None] | None = None
        self._read_counters()
        self.name(load_named(self._connection))

    def name(self, named: Named) -> None:
        """Goes on with other attributes to search by."""
        self.named = named
        self.values = ValueReader(named)

    def name_again(self, named: Named) -> None:
        """Takes news of the same attributes."""
        self.named = named

    def _read_counters(self) -> None:
        # The last event is never taken away: numbers and times go on from it.
        row = self._connection.execute("SELECT seq, at_ns FROM events ORDER BY seq DESC LIMIT 1").fetchone()
        counters = dict(self._connection.execute("SELECT name, value FROM counters").fetchall())
        self.last_seq = max(int(row[0]) if row else 0, counters.get("events", 0))
        self.last_entry = int(counters.get("journal", 0))
        # Not below what was given out before a transaction failed: members with such times may be in packs.
        self._last_ns = max(int(row[1]) if row else 0, self._last_ns)
        (rejected,) = self._connection.execute(statements.LAST_REJECTED).fetchone()
        self._last_instance = max(last_id(self._connection, "instances"), int(rejected))  # ids that are to be had back
        (rejected,) = self._connection.execute(statements.LAST_REJECTED_CONFLICT).fetchone()
        self._last_conflict = max(last_id(self._connection, "conflicts"), int(rejected))

    def not_before(self, at_ns: int, seq: int) -> None:
        """No time and no number of an event is given that is not beyond these, which were given out before."""
        self._last_ns = max(self._last_ns, at_ns)
        self.last_seq = max(self.last_seq, seq)

    def last_event_until(self, at_ns: int) -> int:
        """The number of the last event that is not later; 0 if there is none."""
        ((seq,),) = self.fetch("SELECT coalesce(max(seq), 0) FROM events WHERE at_ns <= ?", (at_ns,))
        return int(seq)

    def now_ns(self) -> int:
        """The time, and later than any that was given before, over restarts too."""
        self._last_ns = max(self._last_ns + 1, self._clock())
        return self._last_ns

    def fetch(self, sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        """All rows of a query, as they are between two changes."""
        return self._connection.execute(sql, tuple(values)).fetchall()

    def known(self, sop_instance_uids: Sequence[str]) -> Known:
        """What the index has under these UIDs."""
        if self.catch_up is not None:
            self.catch_up()
        if len(sop_instance_uids) == 1:  # one sender that waits for each answer: half the time of a list
            found = self._connection.execute(statements.KNOWN_INSTANCE, sop_instance_uids).fetchall()
            if not found:
                return _NOTHING_KNOWN
        wanted = msgspec.json.encode(sop_instance_uids).decode()
        found = self._connection.execute(statements.KNOWN_INSTANCES, (wanted,)).fetchall()
        kept = {uid: digest for uid, digest, _ in found}
        damaged = {uid for uid, _, is_corrupt in found if is_corrupt}
        beside: dict[str, set[bytes]] = {}
        if kept:
            for uid, digest, _ in self._connection.execute(statements.KNOWN_CONFLICTS, (wanted,)):
                beside.setdefault(uid, set()).add(digest)
        return Known(kept, damaged, beside)

    def add(self, placed: Iterable[Placed]) -> None:
        """Rows and events for instances that are in packs and synced, in the order they were received."""
        with self.transaction():
            instances, conflicts, restored = [], [], []
            events: list[Row] = []
            values: list[Row] = []
            for one in placed:
                self._last_ns = max(self._last_ns, one.facts.received_ns)
                if one.is_conflict:
                    self._last_conflict += 1
                    conflicts.append(conflict_row(one, self._last_conflict))
                elif one.restores:
                    restored.append(restored_row(one))
                else:
                    self._last_instance += 1
                    instances.append(self._instance_row(one, self._last_instance))
                    if self.named:
                        values += self.values.rows(self._last_instance, one.header)
                self._add_events(one, events)
            connection = self._connection
            self._parents.flush()
            for statement, rows in (
                (statements.INSERT_INSTANCE, instances),
                (statements.INSERT_CONFLICT, conflicts),
                (statements.RESTORE_INSTANCE, restored),
                (statements.INSERT_EVENT, events),
                (statements.INSERT_VALUE, values),
            ):
                if rows:
                    connection.executemany(statement.sql, rows)

    def _add_events(self, one: Placed, events: list[Row]) -> None:
        kinds = ["instance.conflict" if one.is_conflict else "instance.intact" if one.restores else "instance.stored"]
        if one.is_corrupt:
            kinds.append("instance.corrupt")
        for kind in kinds:
            self.last_seq += 1
            events.append(event_row(one, self.last_seq, kind, one.facts.received_ns))

    # Within a transaction that is open

    def put_back(self, one: Placed, row_id: int) -> None:
        """The row of an instance that was rejected and is to be there again, under the id it had."""
        self._connection.execute(statements.INSERT_INSTANCE.sql, self._instance_row(one, row_id))
        if self.named:
            self._connection.executemany(statements.INSERT_VALUE.sql, self.values.rows(row_id, one.header))

    def next_instance(self) -> int:
        """An id for a row of `instances`."""
        self._last_instance += 1
        return self._last_instance

    def next_conflict(self) -> int:
        """An id for a row of `conflicts`."""
        self._last_conflict += 1
        return self._last_conflict

    def forget_parents(self) -> None:
        """Writes what is held of the rows above instances and has them read anew: others than `add` change them."""
        self._parents.flush()
        self._parents.forget()

    def tell(self, kind: str, at_ns: int, uids: tuple[str, str, str], digest: bytes, actor: str) -> None:
        """Adds an event about the instance of these UIDs: study, series, instance."""
        self.last_seq += 1
        event = (self.last_seq, kind, at_ns, *uids, digest, actor)
        self._connection.execute(statements.INSERT_EVENT.sql, event)

    def count(self, last_entry: int) -> None:
        """Notes up to which entry the journal is applied, and which number the newest event has."""
        self.last_entry = last_entry
        self._connection.executemany(statements.SET_COUNTER, (("journal", self.last_entry), ("events", self.last_seq)))

    def _instance_row(self, one: Placed, row_id: int) -> tuple[object, ...]:
        renderer = self._renderings.of(one.header)
        facts = one.facts
        series = self._parents.place(one.identity, one.header, renderer, facts.facility, facts.received_ns)
        wording = series.wording
        if wording is None or wording.renderer is not renderer:
            wording = series.wording = Wording(renderer)
        wording.follow(one.header)
        return instance_row(one, wording, row_id, series.id)

    def add_packs(self, packs: Iterable[PackRow]) -> None:
        """Makes packs known, on the medium, before anything is written to them: start-up looks at no others."""
        with self.synced_transaction() as connection:
            connection.executemany(statements.INSERT_PACK.sql, packs)

    def packs_in(self, state: str) -> list[str]:
        """The ids of the packs in a state."""
        return [row[0] for row in self._connection.execute("SELECT id FROM packs WHERE state = ?", (state,))]

    def merge_names(self, *, is_first: bool) -> bool:
        """Takes a step towards a search of names that has nothing of those that were taken out; False at its end."""
        pages = -_MERGED_PAGES if is_first else _MERGED_PAGES
        is_working = is_first
        with self.transaction() as connection:
            for names, _ in schema.NAME_TABLES:
                before = connection.total_changes
                connection.execute(f"INSERT INTO {names} ({names}, rank) VALUES ('merge', ?)", (pages,))  # noqa: S608  # a name of ours
                is_working |= connection.total_changes - before >= 2  # fewer: it found nothing to do
        return is_working

    def empty_log(self) -> None:
        """Brings the write-ahead log into the file and leaves nothing in it, unless somebody reads from it for long."""
        self._connection.execute(f"PRAGMA busy_timeout={_CHECKPOINT_WAIT_MS}").fetchall()
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}").fetchall()

    def seal_packs(self, ends: Mapping[str, tuple[int, int]]) -> None:
        """Packs that nobody writes to any more; those of length 0 are gone and forgotten.

        Args:
            ends: by pack, where its last member ends, and its length, bytes.
        """
        with self.transaction():
            self._connection.executemany(
                "UPDATE packs SET state = 'sealed', indexed_length = ?, length = ? WHERE id = ?",
                [(*end, pack) for pack, end in ends.items() if end[1]],
            )
            self._connection.executemany(
                "DELETE FROM packs WHERE id = ?", [(pack,) for pack, end in ends.items() if not end[1]]
            )

    def open_packs(self) -> list[PackRow]:
        """The packs that were not sealed; `indexed_length` as the rows of their instances tell."""
        rows = [PackRow(*row) for row in self._connection.execute(OPEN_PACKS.sql, ("open",)).fetchall()]
        return [row._replace(indexed_length=self._indexed_length(row)) for row in rows]

    def _indexed_length(self, pack: PackRow) -> int:
        values = (pack.series_instance_uid, pack.id, pack.id, pack.id)
        found = self._connection.execute(statements.LAST_END, values).fetchone()
        return padded(int(found[0] or 0))

    @contextmanager
    def synced_transaction(self) -> Iterator[sqlite3.Connection]:
        """As `transaction`, and on the medium when it ends, with all that were before it."""
        self._connection.execute(f"PRAGMA synchronous={self._durable}")
        try:
            with self.transaction() as connection:
                yield connection
        finally:
            self._connection.execute(f"PRAGMA synchronous={self._relaxed}")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing. After a failure everything held in memory is read anew."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield self._connection
            self._connection.execute("COMMIT")
        except BaseException as error:
            self._roll_back()
            if isinstance(error, sqlite3.OperationalError | sqlite3.InternalError):
                raise Exhausted(f"cannot write the index: {error}") from error
            raise

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._parents.forget()
        self._read_counters()

    def rest(self) -> None:
        """Lets go of what a burst of instances left in memory: parents, and pages that the cache of the system has."""
        with suppress(sqlite3.Error):  # then it stays; the next instance will say what is wrong
            self._parents.forget()
            self._connection.execute("PRAGMA shrink_memory").close()

    def close(self) -> None:
        """Brings the write-ahead log into the file and closes it."""
        with suppress(sqlite3.Error):  # statistics for the next time; a full disk may do without
            self._connection.execute("PRAGMA optimize")
        self._connection.close()
