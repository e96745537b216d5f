"""Import: files from a person's disk or medium into the archive."""

import asyncio
from collections.abc import Callable, Iterable
from typing import IO, Protocol

import msgspec

from sagittal.archive.archive import Archive
from sagittal.archive.model import Stored
from sagittal.archive.session import PackSession
from sagittal.errors import Exhausted, SagittalError
from sagittal.ingest.part10 import Part10Receiver
from sagittal.ingest.sources import READ_ERRORS, Found, Item, Missing, Unreadable
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline

CHUNK_BYTES = 512 * 1024
COMMITS_IN_FLIGHT = 16


class Refusal(msgspec.Struct, frozen=True):
    """A file that did not go in, and why."""

    name: str
    reason: str


class ImportReport(msgspec.Struct):
    """What an import did; it grows while the import runs.

    Attributes:
        stored, duplicates, conflicts: instances by outcome (`sagittal.archive.model.Stored`).
        resumed: files that an earlier run, broken off, had done.
        refused: files that are not instances or cannot be kept.
        missing: files that a DICOMDIR lists and that are not there.
    """

    stored: int = 0
    duplicates: int = 0
    conflicts: int = 0
    resumed: int = 0
    bytes_read: int = 0
    refused: list[Refusal] = msgspec.field(default_factory=list)
    missing: list[str] = msgspec.field(default_factory=list)

    @property
    def files(self) -> int:
        """Files looked at so far."""
        return self.stored + self.duplicates + self.conflicts + self.resumed + len(self.refused)

    def count(self, stored: Stored) -> None:
        """Adds one instance by its outcome."""
        self.stored += stored.outcome == "stored"
        self.duplicates += stored.outcome == "duplicate"
        self.conflicts += stored.outcome == "conflict"


Progress = Callable[[ImportReport], None]


class Journal(Protocol):
    """What an import has done, so that one that was broken off goes on where it stood."""

    def has(self, item: Item) -> bool:
        """Whether `item` was done by an earlier run that was broken off."""

    def add(self, item: Item, stored: Stored) -> None:
        """Notes that `item` is durable."""

    def finish(self) -> None:
        """The import is through."""


async def import_items(
    archive: Archive,
    actor: Actor,
    items: Iterable[Found],
    journal: Journal,
    progress: Progress,
    timeout_s: float = 300,
) -> ImportReport:
    """Reads every item into the archive; an item that cannot go in is reported and the rest goes on.

    Args:
        journal: tells what an earlier run did, and is told what this one does.
        progress: called after each item with the report so far.
        timeout_s: how long one item may take.

    Raises:
        Exhausted: the archive has no room left; what was done is durable and journalled.
    """
    work = _Import(archive.session(actor), journal, progress, timeout_s)
    try:
        for item in items:
            await work.take(item)
        await work.settle()
        progress(work.report)
    finally:
        await work.close()
    journal.finish()
    return work.report


class _Import:
    """Reads one item after the other; commits run behind, so that they share their syncs."""

    def __init__(self, session: PackSession, journal: Journal, progress: Progress, timeout_s: float) -> None:
        self.report = ImportReport()
        self._session = session
        self._journal = journal
        self._progress = progress
        self._timeout_s = timeout_s
        self._commits: set[asyncio.Task[None]] = set()
        self._full: Exhausted | None = None

    async def take(self, item: Found) -> None:
        if isinstance(item, Missing):
            self.report.missing.append(item.name)
        elif isinstance(item, Unreadable):
            self.report.refused.append(Refusal(item.name, item.reason))
        elif self._journal.has(item):
            self.report.resumed += 1
        else:
            await self._read(item)
        self._progress(self.report)

    async def settle(self, most: int = 0) -> None:
        """Waits until at most `most` commits are in flight."""
        while len(self._commits) > most:
            done, self._commits = await asyncio.wait(self._commits, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        if self._full is not None:
            raise self._full

    async def close(self) -> None:
        if self._commits:
            await asyncio.wait(self._commits)
        await self._session.close()

    async def _read(self, item: Item) -> None:
        receiver = Part10Receiver(self._session)
        deadline = Deadline.after(self._timeout_s)
        try:
            await self._pour(item, receiver)
        except (SagittalError, *READ_ERRORS) as error:
            await receiver.abort()
            self._refuse(item, error)
            await self.settle(COMMITS_IN_FLIGHT - 1)
            return
        await self.settle(COMMITS_IN_FLIGHT - 1)
        self._commits.add(asyncio.create_task(self._commit(item, receiver, deadline)))

    async def _pour(self, item: Item, receiver: Part10Receiver) -> None:
        file, chunk = await _opened(item)
        with file:
            while chunk:
                self.report.bytes_read += len(chunk)
                if receiver.write(chunk):
                    await receiver.drain()
                chunk = b"" if len(chunk) < CHUNK_BYTES else await asyncio.to_thread(file.read, CHUNK_BYTES)

    async def _commit(self, item: Item, receiver: Part10Receiver, deadline: Deadline) -> None:
        try:
            stored = await receiver.commit(deadline)
        except SagittalError as error:
            self._refuse(item, error)
        else:
            self.report.count(stored)
            self._journal.add(item, stored)

    def _refuse(self, item: Item, error: Exception) -> None:
        if isinstance(error, Exhausted):
            self._full = error
        self.report.refused.append(Refusal(item.name, str(error)))


async def _opened(item: Item) -> tuple[IO[bytes], bytes]:
    opening = asyncio.ensure_future(asyncio.to_thread(_open, item))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        await asyncio.wait({opening})
        if opening.exception() is None:
            opening.result()[0].close()
        raise


def _open(item: Item) -> tuple[IO[bytes], bytes]:
    file = item.open()
    try:
        return file, file.read(CHUNK_BYTES)
    except BaseException:
        file.close()
        raise
