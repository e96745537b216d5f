"""Series that have come to rest get their metadata made and kept, in the background, by the change feed.

an event about a series ─► wait until it is quiet ─► locate, read headers ─► JSON and gzip in a worker ─► one file
                                                          └─ nothing there any more ─► the file goes
"""

import asyncio
import time
from collections import OrderedDict

from sagittal.archive.archive import Archive
from sagittal.archive.index.writer import IndexWriter
from sagittal.archive.model import StoredInstance
from sagittal.dicomweb.kept_metadata import KeptMetadata, SeriesKey, state_of
from sagittal.dicomweb.metadata_text import packed_text
from sagittal.dicomweb.urls import resource_url
from sagittal.errors import SagittalError
from sagittal.retrieve.metadata import read_parts
from sagittal.runtime.actor import LOCAL
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.log import get_logger
from sagittal.runtime.memory import give_back
from sagittal.runtime.pools import WorkerPool

log = get_logger(__name__)

FEWEST = 8
"""Instances of a series whose metadata is kept: of fewer it is made as fast as it is read."""
_QUIET_S = 5.0
_MAX_HEADERS_BYTES = 64 * 1024**2
_MAX_WAITING = 10_000
_EVENTS = 1000
_SERIES_TIMEOUT_S = 120.0
_IDLE_S = 3600.0
_TOGETHER_S = 0.5


class Settler:
    """Knows which series are still changing. Belongs to one event loop.

    Attributes:
        base_url: what clients called us last, with which the URLs in the text are likely to begin.
    """

    def __init__(self, archive: Archive, pool: WorkerPool, kept: KeptMetadata, quiet_s: float = _QUIET_S) -> None:
        """`quiet_s`: how long nothing has to happen to a series before it is taken to be at rest."""
        self.base_url = ""
        self._archive = archive
        self._pool = pool
        self._kept = kept
        self._quiet_s = quiet_s
        self._asked = asyncio.Event()
        self._due: OrderedDict[SeriesKey, float] = OrderedDict()  # in the order of their times

    async def run(self) -> None:
        """Follows the feed until it is cancelled, from where the last process left it."""
        try:
            await self._run()
        except Exception:  # the border of a task
            log.exception("series are not settled any more; the next start goes on")

    async def _run(self) -> None:
        cursor = await asyncio.to_thread(self._kept.read_cursor)
        newest = await self._archive.newest_event()
        cursor = newest if cursor is None else min(cursor, newest)
        while True:
            await self._until_needed(cursor)
            cursor = await self._follow(cursor)
            await self._settle_due()
            if not self._due:
                await asyncio.to_thread(self._kept.write_cursor, cursor)
                await self._archive.change(IndexWriter.rest)
                await asyncio.to_thread(give_back)  # what the burst that is over took

    def ask(self, key: SeriesKey) -> None:
        """Someone asks for a series that is not kept: it is to be settled when it is quiet."""
        if len(self._due) < _MAX_WAITING:
            self._due.setdefault(key, time.monotonic() + self._quiet_s)
            self._asked.set()

    async def _until_needed(self, cursor: int) -> None:
        """Returns when there are events, a series was asked for, or one has been quiet for long enough."""
        now = time.monotonic()
        wait_s = max(0.0, next(iter(self._due.values()), now + _IDLE_S) - now)
        waiting = (
            asyncio.create_task(self._archive.changed(cursor, Deadline.after(wait_s))),
            asyncio.create_task(self._asked.wait()),
        )
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            self._asked.clear()
            await asyncio.sleep(min(_TOGETHER_S, self._quiet_s))  # events that come close together are taken together
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _follow(self, cursor: int) -> int:
        """Takes the events beyond `cursor`; the number of the last."""
        while events := await self._archive.events(cursor, _EVENTS):
            now = time.monotonic()
            for event in events:
                if event.series_instance_uid:
                    key = SeriesKey(event.study_instance_uid, event.series_instance_uid)
                    self._due.pop(key, None)
                    self._due[key] = now + self._quiet_s
            while len(self._due) > _MAX_WAITING:
                await self.settle(self._due.popitem(last=False)[0])
            cursor = events[-1].seq
        return cursor

    async def _settle_due(self) -> None:
        while self._due and next(iter(self._due.values())) <= time.monotonic():
            await self.settle(self._due.popitem(last=False)[0])

    async def settle(self, key: SeriesKey) -> None:
        """Makes and keeps the metadata of a series as it is now; lets go of what was kept if the series is gone."""
        try:
            await self._settle(key)
        except SagittalError as error:
            log.info("series not settled", kind=type(error).__name__, series_instance_uid=key.series)
        except Exception:  # the border of a task
            log.exception("series not settled", series_instance_uid=key.series)

    async def _settle(self, key: SeriesKey) -> None:
        deadline = Deadline.after(_SERIES_TIMEOUT_S)
        # Nobody sees anything by this: neither the policy is asked nor the ledger told.
        located = await self._archive.locate(study=key.study, series=key.series)
        instances = [one for one in located if not one.is_corrupt]
        headers_bytes = sum(one.pixel_offset or one.data_set_length for one in instances)
        if len(instances) < FEWEST or headers_bytes > _MAX_HEADERS_BYTES:
            await asyncio.to_thread(self._kept.forget, key)
            return
        base_url = self.base_url
        packed = await self._packed(instances, base_url, deadline)
        await asyncio.to_thread(self._kept.write, key, state_of(instances), base_url, packed)

    async def _packed(self, instances: list[StoredInstance], base_url: str, deadline: Deadline) -> bytes:
        urls = [
            resource_url(base_url, one.study_instance_uid, one.series_instance_uid, one.sop_instance_uid)
            for one in instances
        ]
        parts = [await read_parts(self._archive, LOCAL, one, deadline) for one in instances]
        return await self._pool.run(packed_text, urls, parts, deadline=deadline)
