"""What was done with instances or found of them: journalled first, on the medium, then done in the index.

    records.db: entry, synced  ->  index.db: rows, events and the entry's number in one transaction

The entry is the truth. What was journalled and not done, because the process or the disk failed in between, is done
before anything else comes in, and at start-up; a rebuilt index goes through all entries. Times order everything: an
entry's is given by the clock that also gives the times of arrival, so it is known what had come before it.
"""

from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self, TypeAlias

from sqlalchemy import Connection

from sagittal.archive.acts import Entry, Named
from sagittal.archive.headers import Headers
from sagittal.archive.index.applying import apply
from sagittal.archive.index.writer import IndexWriter
from sagittal.archive.records import journal
from sagittal.archive.records.records import Records
from sagittal.errors import Corrupt
from sagittal.runtime.log import get_logger

log = get_logger(__name__)


Told: TypeAlias = Callable[[Connection, Entry], None]
"""Writes more of the records in the transaction of an entry."""


def carry_out(
    index: IndexWriter,
    records: Records,
    packs: Path,
    entry: Entry,
    named: Sequence[Named],
    also: Told | None = None,
) -> Entry:
    """Journals an entry and does what it says; returns it with its number and time. For the committing thread.

    Args:
        also: is done with the entry, or neither is.

    Raises:
        Exhausted: the disk is full or fails. Where the entry was journalled before that, it is done later.
    """
    if index.catch_up is not None:
        index.catch_up()
    told = entry._replace(at_ns=index.now_ns(), seq=index.last_seq)

    def write(connection: Connection) -> Entry:
        written = journal.append(connection, told, named)
        if also is not None:
            also(connection, written)
        return written

    written = records.write_now(write)
    index.catch_up = lambda: _catch_up(index, records, packs)
    with Headers(packs, lambda: index.values.wanted) as headers:
        apply(index, headers.read, written, named)
    index.catch_up = None
    return written


def _catch_up(index: IndexWriter, records: Records, packs: Path) -> None:
    with Replay(index, records, packs) as replay:
        replay.finish()
    index.catch_up = None


class Replay:
    """Entries of the journal that the index has not done yet, done in their time. A context manager; blocks."""

    def __init__(self, index: IndexWriter, records: Records, packs: Path) -> None:
        """Looks for them.

        Raises:
            Corrupt: the index knows entries that the records do not have.
        """
        last_id, at_ns, seq = records.write_now(journal.last_of)
        if index.last_entry > last_id:
            raise Corrupt(
                f"the index has entry {index.last_entry} of the journal, the records end at {last_id}: put records.db "
                "back from where it was copied to, or have `sagittal reindex` go by what there is"
            )
        self._index = index
        self._records = records
        self._headers = Headers(packs, lambda: index.values.wanted)
        self._end = (at_ns, seq)
        after = index.last_entry
        self._entries = deque(records.write_now(lambda connection: journal.entries_after(connection, after)))
        self._damaged = records.write_now(lambda connection: journal.damaged_after(connection, after))
        if self._entries:
            log.info("journal is gone through", entries=len(self._entries))

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Lets packs go."""
        self._headers.__exit__(None, None, None)

    def tells_of_damage(self, received_ns: int) -> bool:
        """Whether an entry tells that what came then was found to be damaged, later."""
        return received_ns in self._damaged

    def is_due(self, received_ns: int) -> bool:
        """Whether an entry is older than what came then."""
        return bool(self._entries) and self._entries[0].at_ns < received_ns

    def go_to(self, received_ns: int) -> None:
        """Does the entries that are older than what came then."""
        while self.is_due(received_ns):
            self._do(self._entries.popleft())

    def finish(self) -> None:
        """Does the rest; times and numbers go on from there."""
        while self._entries:
            self._do(self._entries.popleft())
        self._index.not_before(*self._end)

    def _do(self, entry: Entry) -> None:
        named = self._records.write_now(lambda connection: journal.named_by(connection, entry.id))
        apply(self._index, self._headers.read, entry, named)
