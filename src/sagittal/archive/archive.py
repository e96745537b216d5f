"""The archive: opened once for a data folder; takes instances, finds them, and gives their bytes back.

DATA/lock              held by the process that writes
DATA/index.db          SQLite; can be rebuilt
DATA/records.db        SQLite; what no pack holds and nobody can rebuild
DATA/packs/ab/cd/*.tar what we keep
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from sagittal.archive.commit import Committer
from sagittal.archive.feed import Feed
from sagittal.archive.index.connect import migrate
from sagittal.archive.index.named import wanted_for
from sagittal.archive.index.naming import name_attributes
from sagittal.archive.index.writer import IndexWriter
from sagittal.archive.journalled import Replay
from sagittal.archive.lock import FolderLock
from sagittal.archive.packs.disk import Disk
from sagittal.archive.reader import INDEX_NAME, PACKS_NAME, ArchiveReader
from sagittal.archive.records.connect import migrate as migrate_records
from sagittal.archive.records.records import RECORDS_NAME, Records
from sagittal.archive.repair import RepairReport, repair
from sagittal.archive.session import PackSession
from sagittal.archive.settings import ArchiveSettings
from sagittal.archive.sweep import sweep
from sagittal.dicom.attribute_path import AttributePath
from sagittal.errors import Conflict, Corrupt
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline

T = TypeVar("T")


class Archive(ArchiveReader):
    """A data folder, open for reading and writing. Belongs to one event loop, but for `open`, which blocks.

    Attributes:
        repairs: what start-up had to put right.
        records: what no pack holds.
        purging: held by the one who writes packs anew.
    """

    records: Records

    def __init__(
        self,
        root: Path,
        lock: FolderLock,
        index: IndexWriter,
        records: Records,
        repairs: RepairReport,
        disk: Disk,
        settings: ArchiveSettings,
        clock: Callable[[], int],
    ) -> None:
        """Made by `open`."""
        super().__init__(root, settings, records)
        self.named = index.named
        self.repairs = repairs
        self.purging = asyncio.Lock()
        self._lock = lock
        self._index = index
        self._disk = disk
        self._settings = settings
        self._clock = clock
        self._feed = Feed(index.last_seq)
        self._sessions: set[PackSession] = set()
        self._wanted = index.values.wanted
        self._committer = Committer(self.packs, index, disk, settings, self._feed.published)

    @classmethod
    def open(
        cls,
        root: Path,
        *,
        settings: ArchiveSettings | None = None,
        disk: Disk | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> "Archive":
        """Opens the data folder, which is made if it is not there; brings the index up to date and checks it.

        Args:
            root: the data folder.
            settings: how memory, files and threads are used.
            disk: what packs are written with.
            clock: nanoseconds since 1970-01-01 UTC.

        Raises:
            Conflict: another process has it open, or packs are there but no index.
            Corrupt: the index is no index.
            Unsupported: a later version of Sagittal wrote the index or the records.
        """
        packs = root / PACKS_NAME
        root.mkdir(mode=0o700, parents=True, exist_ok=True)  # patient data in the clear: nobody else's by default
        packs.mkdir(exist_ok=True)
        lock = FolderLock(root)
        path = root / INDEX_NAME
        try:
            if not path.exists() and any(packs.glob("*/*/*.tar")):
                raise Conflict(f"{root} has packs but no index; `sagittal reindex` rebuilds it from them")
            migrate(path)
            migrate_records(root / RECORDS_NAME)
            for folder in (root, root.parent):  # the names of what was just made
                (disk or Disk()).sync_folder(folder)
            index = IndexWriter(path, clock)
            records = Records(root / RECORDS_NAME)
            try:
                with Replay(index, records, packs) as replay:
                    sweep(packs, index)
                    repairs = repair(packs, index, replay)
                    replay.finish()
            except BaseException:
                records.close()
                index.close()
                raise
        except BaseException as error:
            lock.release()
            if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
                raise Corrupt(f"{path} is damaged ({error}); `sagittal reindex` rebuilds it from the packs") from error
            raise
        return cls(root, lock, index, records, repairs, disk or Disk(), settings or ArchiveSettings(), clock)

    def session(self, actor: Actor) -> PackSession:
        """Starts taking instances from one association, request or import."""
        session = PackSession(
            actor,
            self._committer,
            self._threads,
            self._disk,
            self._settings,
            self._clock,
            self._sessions.discard,
            self._wanted,
        )
        session.witness = self.witness
        session.fetch = self.fetch
        self._sessions.add(session)
        return session

    async def name_attributes(self, paths: Sequence[AttributePath]) -> None:
        """Makes `paths` what can be searched by beyond what every index has; `filling` reads what is there already.

        Raises:
            Conflict: somebody is storing.
        """
        if self._sessions:
            raise Conflict("attributes to search by are named before anybody stores")
        self.named = await self.change(lambda index: name_attributes(index, paths))
        self._wanted = wanted_for(self.named.attributes)

    async def change(self, run: Callable[[IndexWriter], T]) -> T:
        """Has `run` change the index, in the committing thread between batches."""
        return await self._committer.call(run)

    def now_ns(self) -> int:
        """The archive's clock, nanoseconds since 1970-01-01 UTC."""
        return self._clock()

    async def changed(self, after: int, deadline: Deadline) -> bool:
        """Waits until there is an event beyond `after`: True; False if the deadline passed first."""
        return await self._feed.changed(after, deadline)

    async def close(self) -> None:
        """Closes the sessions, finishes what is queued, and lets the folder go."""
        if self._is_closed:
            return
        for session in tuple(self._sessions):
            await session.close()
        await super().close()

    def _close(self) -> None:
        self._committer.stop()
        super()._close()
        self._index.close()
        self._lock.release()
