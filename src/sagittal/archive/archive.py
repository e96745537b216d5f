"""The archive: opened once for a data folder; takes instances, finds them, and gives their bytes back.

DATA/lock              held by the process that writes
DATA/index.db          SQLite; can be rebuilt
DATA/packs/ab/cd/*.tar what we keep
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Executable

from sagittal.archive.commit import Committer
from sagittal.archive.feed import Feed
from sagittal.archive.index.connect import migrate
from sagittal.archive.index.locate import EVENTS_SQL, event_from, instance_from, locate_sql
from sagittal.archive.index.readers import AnyRow, ReaderPool
from sagittal.archive.index.writer import IndexWriter
from sagittal.archive.lock import FolderLock
from sagittal.archive.model import Event, StoredInstance
from sagittal.archive.packs.disk import Disk
from sagittal.archive.packs.reader import PackReader
from sagittal.archive.repair import RepairReport, repair
from sagittal.archive.session import PackSession
from sagittal.archive.settings import ArchiveSettings
from sagittal.errors import Conflict, Corrupt, Invalid
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline

T = TypeVar("T")

INDEX_NAME = "index.db"
PACKS_NAME = "packs"
CHUNK_BYTES = 256 * 1024
"""Of what `stream` gives at a time."""


class Archive:
    """A data folder, open for reading and writing. Belongs to one event loop, but for `open`, which blocks.

    Attributes:
        root: the data folder.
        packs: its folder of packs.
        repairs: what start-up had to put right.
    """

    def __init__(
        self,
        root: Path,
        lock: FolderLock,
        index: IndexWriter,
        repairs: RepairReport,
        disk: Disk,
        settings: ArchiveSettings,
        clock: Callable[[], int],
    ) -> None:
        """Made by `open`."""
        self.root = root
        self.packs = root / PACKS_NAME
        self.repairs = repairs
        self._lock = lock
        self._index = index
        self._disk = disk
        self._settings = settings
        self._clock = clock
        self._threads = ThreadPoolExecutor(settings.file_threads, thread_name_prefix="sagittal-file")
        self._reader = PackReader(self.packs, self._threads, settings.max_read_packs)
        self._readers = ReaderPool(root / INDEX_NAME, settings.read_threads)
        self._feed = Feed(index.last_seq)
        self._sessions: set[PackSession] = set()
        self._committer = Committer(self.packs, index, disk, settings, self._feed.published)
        self._is_closed = False

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
            Unsupported: a later version of Sagittal wrote the index.
        """
        packs = root / PACKS_NAME
        packs.mkdir(parents=True, exist_ok=True)
        lock = FolderLock(root)
        try:
            path = root / INDEX_NAME
            if not path.exists() and any(packs.glob("*/*/*.tar")):
                raise Conflict(f"{root} has packs but no index; `sagittal reindex` rebuilds it from them")
            migrate(path)
            for folder in (root, root.parent):  # the names of what was just made
                (disk or Disk()).sync_folder(folder)
            index = IndexWriter(path, clock)
            try:
                repairs = repair(packs, index)
            except BaseException:
                index.close()
                raise
        except BaseException:
            lock.release()
            raise
        return cls(root, lock, index, repairs, disk or Disk(), settings or ArchiveSettings(), clock)

    def session(self, actor: Actor) -> PackSession:
        """Starts taking instances from one association, request or import."""
        session = PackSession(
            actor, self._committer, self._threads, self._disk, self._settings, self._clock, self._sessions.discard
        )
        self._sessions.add(session)
        return session

    async def locate(
        self, *, study: str | None = None, series: str | None = None, instance: str | None = None
    ) -> tuple[StoredInstance, ...]:
        """The instances of a study, a series, or one; all that is given has to agree. Empty if there is none.

        Ordered by series, Instance Number, and when they came.
        """
        values = tuple(uid for uid in (study, series, instance) if uid is not None)
        if not values:
            raise Invalid("locate needs a study, a series or an instance")
        sql = locate_sql(study is not None, series is not None, instance is not None)
        return tuple(map(instance_from, await self._readers.fetch(sql, values)))

    async def read(self, instance: StoredInstance, start: int, length: int) -> bytes:
        """Bytes `[start, start + length)` of the Part 10 file. Raises Corrupt if they are no longer what was stored."""
        if start < 0 or length < 0 or start + length > instance.file_length:
            raise Invalid(f"bytes {start} to {start + length} of a file of {instance.file_length} bytes")
        if instance.is_corrupt:
            raise Corrupt(f"instance {instance.sop_instance_uid} is damaged in pack {instance.pack_id}")
        return await self._reader.read(instance.pack_id, instance.file_offset + start, length)

    async def stream(self, instance: StoredInstance, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """The Part 10 file from `start` to `stop`, in chunks of at most CHUNK_BYTES."""
        end = instance.file_length if stop is None else stop
        while start < end:
            length = min(CHUNK_BYTES, end - start)
            yield await self.read(instance, start, length)
            start += length

    async def select(self, statement: Executable, parameters: Mapping[str, object] | None = None) -> list[AnyRow]:
        """All rows of a SQLAlchemy Core statement over `index.schema`."""
        return await self._readers.select(statement, parameters)

    async def fetch(self, sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        """All rows of SQL text that is always the same, with question marks for `values`."""
        return await self._readers.fetch(sql, values)

    async def change(self, run: Callable[[IndexWriter], T]) -> T:
        """Has `run` change the index, in the committing thread between batches."""
        return await self._committer.call(run)

    def now_ns(self) -> int:
        """The archive's clock, nanoseconds since 1970-01-01 UTC."""
        return self._clock()

    async def events(self, after: int, limit: int) -> tuple[Event, ...]:
        """At most `limit` events beyond number `after`, in order."""
        return tuple(map(event_from, await self._readers.fetch(EVENTS_SQL, (after, limit))))

    async def changed(self, after: int, deadline: Deadline) -> bool:
        """Waits until there is an event beyond `after`: True; False if the deadline passed first."""
        return await self._feed.changed(after, deadline)

    async def close(self) -> None:
        """Closes the sessions, finishes what is queued, and lets the folder go."""
        if self._is_closed:
            return
        self._is_closed = True
        for session in tuple(self._sessions):
            await session.close()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._close)
        self._reader.close()

    def _close(self) -> None:
        self._committer.stop()
        self._threads.shutdown(wait=True)
        self._readers.close()
        self._index.close()
        self._lock.release()
