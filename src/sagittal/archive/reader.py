"""The reading half of the archive: finds instances and gives their bytes, beside whoever writes."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Executable

from sagittal.archive.index.connect import HEAD, connect_reader, revision_of
from sagittal.archive.index.locate import EVENTS_SQL, NEWEST_EVENT_SQL, event_from, instance_from, locate_sql
from sagittal.archive.index.named import Named, load_named
from sagittal.archive.index.readers import AnyRow, ReaderPool
from sagittal.archive.model import Event, StoredInstance
from sagittal.archive.packs.names import pack_path
from sagittal.archive.packs.reader import PackMissing, PackReader
from sagittal.archive.records.connect import HEAD as RECORDS_HEAD
from sagittal.archive.records.connect import revision_of as records_revision_of
from sagittal.archive.records.records import RECORDS_NAME, RecordsReader
from sagittal.archive.settings import ArchiveSettings
from sagittal.errors import Corrupt, Invalid, NotFound, Unsupported
from sagittal.runtime.stretches import placed
from sagittal.runtime.witness import NoWitness, Witness

INDEX_NAME = "index.db"
PACKS_NAME = "packs"
CHUNK_BYTES = 544 * 1024
"""Of what `stream` gives at a time: a CT of 512 x 512 with its header in one."""


class ArchiveReader:
    """A data folder, open for reading. Belongs to one event loop.

    Attributes:
        root: the data folder.
        packs: its folder of packs.
        records: what no pack holds.
        witness: who is told what is done with what is kept; nobody, until somebody is put there.
        named: the attributes that the site wants to search by, and how far their index is.
    """

    records: RecordsReader
    named: Named

    def __init__(
        self, root: Path, settings: ArchiveSettings | None = None, records: RecordsReader | None = None
    ) -> None:
        """Reads a folder whose index and records are there and of this version; `open_reader` makes sure of that."""
        settings = settings or ArchiveSettings()
        self.root = root
        self.packs = root / PACKS_NAME
        self.records = records or RecordsReader(root / RECORDS_NAME)
        self._threads = ThreadPoolExecutor(settings.file_threads, thread_name_prefix="sagittal-file")
        self._reader = PackReader(self.packs, self._threads, settings.max_read_packs)
        self._readers = ReaderPool(root / INDEX_NAME, settings.read_threads, root / RECORDS_NAME)
        self._is_closed = False
        self.named = Named()
        self.witness: Witness = NoWitness()

    async def locate(
        self,
        *,
        study: str | None = None,
        series: str | None = None,
        instance: str | None = None,
        allowed: tuple[str, tuple[object, ...]] | None = None,
    ) -> tuple[StoredInstance, ...]:
        """The instances of a study, a series, or one; all that is given has to agree. Empty if there is none.

        Ordered by series, Instance Number, and when they came.

        Args:
            study, series, instance: UIDs.
            allowed: a condition in SQL over `studies` and `series` with its values; what it leaves out is not there.
        """
        values = tuple(uid for uid in (study, series, instance) if uid is not None)
        if not values:
            raise Invalid("locate needs a study, a series or an instance")
        condition, more = allowed or ("", ())
        sql = locate_sql(study is not None, series is not None, instance is not None, condition)
        return tuple(map(instance_from, await self._readers.fetch(sql, (*values, *more))))

    async def read(
        self, instance: StoredInstance, start: int, length: int, before: bytes = b"", after: bytes = b""
    ) -> bytes:
        """Bytes `[start, start + length)` of the Part 10 file. Raises Corrupt if they are no longer what was stored.

        Args:
            before, after: other bytes that come first and last in what is returned, at no cost.
        """
        _check(instance, start, length)
        try:
            return await self._reader.read(instance.pack_id, instance.file_offset + start, length, before, after)
        except PackMissing:
            moved = await self._moved(instance)
            return await self._reader.read(moved.pack_id, moved.file_offset + start, length, before, after)

    def place(self, instance: StoredInstance, start: int, length: int) -> bytes:
        """The same for a worker: it reads them itself, and raises Misplaced where a purge has moved them."""
        _check(instance, start, length)
        return placed(pack_path(self.packs, instance.pack_id), instance.file_offset + start, length)

    async def _moved(self, instance: StoredInstance) -> StoredInstance:
        """Where an instance lies by now: a purge writes packs anew. Raises NotFound if it is gone."""
        found = await self.locate(instance=instance.sop_instance_uid)
        if not found:
            raise NotFound(f"instance {instance.sop_instance_uid} is kept no more")
        if found[0].digest != instance.digest:
            raise Corrupt(f"instance {instance.sop_instance_uid} is another than it was")
        return found[0]

    def let_go(self, pack_id: str) -> None:
        """Closes a pack that is no more, once nobody reads from it."""
        self._reader.forget(pack_id)

    async def stream(
        self, instance: StoredInstance, start: int = 0, stop: int | None = None, before: bytes = b""
    ) -> AsyncIterator[bytes]:
        """The Part 10 file from `start` to `stop`, in chunks of at most CHUNK_BYTES; `before` comes with the first."""
        end = instance.file_length if stop is None else stop
        while start < end:
            length = min(CHUNK_BYTES, end - start)
            yield await self.read(instance, start, length, before)
            start += length
            before = b""

    async def select(self, statement: Executable, parameters: Mapping[str, object] | None = None) -> list[AnyRow]:
        """All rows of a SQLAlchemy Core statement over `index.schema`."""
        return await self._readers.select(statement, parameters)

    async def fetch(self, sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        """All rows of SQL text that is always the same, with question marks for `values`."""
        return await self._readers.fetch(sql, values)

    def version(self) -> tuple[int, ...]:
        """Another value whenever what can be selected may have changed; for those who keep what they made of it."""
        return self._readers.version()

    async def events(self, after: int, limit: int) -> tuple[Event, ...]:
        """At most `limit` events beyond number `after`, in order."""
        return tuple(map(event_from, await self._readers.fetch(EVENTS_SQL, (after, limit))))

    async def newest_event(self) -> int:
        """The number of the last event, 0 if there is none."""
        rows = await self._readers.fetch(NEWEST_EVENT_SQL, ())
        return int(rows[0][0])

    async def close(self) -> None:
        """Lets files and connections go."""
        if self._is_closed:
            return
        self._is_closed = True
        await asyncio.get_running_loop().run_in_executor(None, self._close)
        self._reader.close()

    def _close(self) -> None:
        self._threads.shutdown(wait=True)
        self._readers.close()
        self.records.close()


def _check(instance: StoredInstance, start: int, length: int) -> None:
    if start < 0 or length < 0 or start + length > instance.file_length:
        raise Invalid(f"bytes {start} to {start + length} of a file of {instance.file_length} bytes")
    if instance.is_corrupt:
        raise Corrupt(f"instance {instance.sop_instance_uid} is damaged in pack {instance.pack_id}")


def open_reader(root: Path) -> ArchiveReader:
    """A data folder for reading only; another process may be writing it. Blocks.

    Raises:
        NotFound: there is no index.
        Unsupported: the index or the records are of another version of Sagittal.
    """
    revision = revision_of(root / INDEX_NAME)
    if not revision:
        raise NotFound(f"nothing is kept in {root}")
    if revision != HEAD:
        raise Unsupported(f"the index in {root} is at revision {revision}, this version of Sagittal reads {HEAD}")
    recorded = records_revision_of(root / RECORDS_NAME)
    if recorded != RECORDS_HEAD:
        raise Unsupported(
            f"the records in {root} are at revision {recorded or 'none'}, this version of Sagittal reads {RECORDS_HEAD}"
        )
    reader = ArchiveReader(root)
    with closing(connect_reader(root / INDEX_NAME)) as connection:
        reader.named = load_named(connection)
    return reader
