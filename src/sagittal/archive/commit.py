"""The thread that commits: packs written and synced, then one transaction, then everyone is told at once.

    sessions of the event loop -> queue -> [all that waits is one batch]
        1 digests; which of them are here already        4 one index transaction: rows and events
        2 new packs made known and created               5 one wake-up of the event loop
        3 members written, each pack synced once

Puts of any number of associations share syncs and transactions: while one batch is synced the next one gathers, and
where several senders take turns it is given a moment to.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple, TypeVar

from sagittal.archive.gathering import Gathering
from sagittal.archive.index.rows import Placed
from sagittal.archive.index.writer import Fate, IndexWriter, PackRow, fate_of
from sagittal.archive.model import Stored
from sagittal.archive.packs.disk import Disk
from sagittal.archive.packs.writer import Folders, PackWriter
from sagittal.archive.put import Put
from sagittal.archive.settings import ArchiveSettings
from sagittal.archive.syncs import Syncs
from sagittal.errors import Exhausted, SagittalError
from sagittal.runtime.log import get_logger

log = get_logger(__name__)

T = TypeVar("T")
_Answer = tuple[Put, Stored | BaseException]


class _Call(NamedTuple):
    """Something else to do in the thread, between batches; `future` is None if nobody waits for it."""

    run: Callable[[IndexWriter], object]
    future: asyncio.Future[object] | None


class _Stop(NamedTuple):
    """The last thing in the queue."""


class Committer:
    """Owns the index writer and the packs that are being written. Its public methods belong to the event loop.

    Args:
        packs: the folder of packs.
        index: handed over to the thread until `stop`.
        published: called in the event loop with the number of the newest event after every commit.
    """

    def __init__(
        self, packs: Path, index: IndexWriter, disk: Disk, settings: ArchiveSettings, published: Callable[[int], None]
    ) -> None:
        self._packs = packs
        self._index = index
        self._settings = settings
        self._published = published
        self._folders = Folders(packs, disk)
        self._syncs = Syncs()
        self._gathering = Gathering()
        self._queue: SimpleQueue[Put | _Call | _Stop] = SimpleQueue()
        self._is_stopped = False
        self._is_rested = True
        self._thread = threading.Thread(target=self._run, name="sagittal-commit", daemon=True)
        self._thread.start()

    def put(self, put: Put) -> None:
        """Queues an instance; its future is resolved when it is durable."""
        if self._is_stopped:
            raise Exhausted("the archive is closed")
        self._queue.put(put)

    async def call(self, run: Callable[[IndexWriter], T]) -> T:
        """Runs something in the thread, between batches, and gives its result."""
        if self._is_stopped:
            raise Exhausted("the archive is closed")
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._queue.put(_Call(run, future))
        result: T = await future  # type: ignore[assignment]  # the future resolves to what `run` returned
        return result

    async def open_pack(self, pack: PackWriter) -> None:
        """Makes a new pack known and creates its file. Raises Exhausted."""
        await self.call(lambda _: self._open_packs([pack]))

    async def seal_packs(self, packs: Iterable[PackWriter]) -> None:
        """Ends packs that nobody writes to any more."""
        ended = tuple(packs)
        await self.call(lambda _: self._seal(ended))

    def seal_soon(self, pack: PackWriter) -> None:
        """As `seal_packs`, without waiting; start-up does it if this process ends before."""
        self._queue.put(_Call(lambda _: self._seal((pack,)), None))

    async def cut_pack(self, pack: PackWriter) -> None:
        """Cuts a pack back to what was kept."""
        await self.call(lambda _: pack.cut())

    def stop(self) -> None:
        """Does what is queued, then ends the thread; blocks."""
        if not self._is_stopped:
            self._is_stopped = True
            self._queue.put(_Stop())
        self._thread.join()

    # In the thread

    def _run(self) -> None:
        while True:
            task: Put | _Call | _Stop | None = self._next()
            while isinstance(task, Put):
                self._is_rested = False
                task = self._gather(task)
            if isinstance(task, _Stop):
                self._syncs.close()
                return
            if task is not None:
                self._do(task)

    def _next(self) -> Put | _Call | _Stop:
        if not self._is_rested:
            with contextlib.suppress(Empty):
                return self._queue.get(timeout=self._settings.rest_s)
            self._index.rest()
            self._is_rested = True
        return self._queue.get()

    def _gather(self, first: Put) -> Put | _Call | _Stop | None:
        """Commits `first` and what waits behind it; returns the first thing that belongs to no batch with it."""
        self._gathering.pause()
        batch = [first]
        uids = {first.identity.sop_instance_uid}
        room = self._settings.max_batch_bytes - first.length
        following: Put | _Call | _Stop | None = None
        while len(batch) < self._settings.max_batch and room > 0:
            try:
                following = self._queue.get_nowait()
            except Empty:
                following = None
                break
            if not isinstance(following, Put) or following.identity.sop_instance_uid in uids:
                break
            batch.append(following)
            uids.add(following.identity.sop_instance_uid)
            room -= following.length
            following = None
        self._gathering.saw(put.actor for put in batch)
        self._answer(self._commit(batch))
        return following

    def _do(self, call: _Call) -> None:
        future = call.future
        result: object = None
        failure: BaseException | None = None
        try:
            result = call.run(self._index)
        except BaseException as error:  # noqa: BLE001  # the border of a task: it goes to the one who waits
            failure = error
            if future is None:
                log.error("the committing thread failed at a task", error=type(error).__name__)
        if future is not None:
            self._tell(future.get_loop(), self._done, future, result, failure, self._index.last_seq)

    def _done(
        self, future: asyncio.Future[object], result: object, failure: BaseException | None, last_seq: int
    ) -> None:
        self._published(last_seq)
        if future.done():
            return
        if failure is None:
            future.set_result(result)
        else:
            future.set_exception(failure)

    def _commit(self, batch: list[Put]) -> list[_Answer]:
        answers: list[_Answer] = []
        try:
            fresh = self._examine(batch, answers)
            placed = self._write(fresh, answers)
            self._index_all(placed, answers)
        except BaseException as error:  # noqa: BLE001  # the border of a task: nobody is left waiting
            log.error("commit failed", error=type(error).__name__, instances=len(batch))
            answered = {id(put) for put, _ in answers}
            answers += self._commit_each([put for put in batch if id(put) not in answered], error)
        return answers

    def _commit_each(self, batch: list[Put], error: BaseException) -> list[_Answer]:
        """After a failure nobody foresaw: one after the other, so that one bad instance takes no other along."""
        if len(batch) == 1:
            batch[0].slot.pack.cut()
            return [(batch[0], error)]
        for put in batch:
            put.slot.pack.rewind()
        return [answer for put in batch for answer in self._commit([put])]

    def _examine(self, batch: list[Put], answers: list[_Answer]) -> list[tuple[Put, Fate]]:
        """The puts whose bytes are to be kept, and as what."""
        wanted = []
        for put in batch:
            if put.is_abandoned:
                put.slot.pack.cut()
                answers.append((put, Exhausted("nobody waits for this instance any more")))
            else:
                put.examine()
                wanted.append(put)
        known = self._index.known([put.identity.sop_instance_uid for put in wanted])
        fresh = []
        for put in wanted:
            fate = fate_of(put.identity.sop_instance_uid, put.digest_data_set, known)
            if fate.is_to_keep:
                fresh.append((put, fate))
                continue
            if put.streamed is not None:
                put.slot.pack.cut()
            answers.append((put, put.stored(fate.outcome)))
        return fresh

    def _write(self, fresh: list[tuple[Put, Fate]], answers: list[_Answer]) -> list[tuple[Put, Placed]]:
        """Members written and synced, each pack once. What fails takes the other puts of its pack along."""
        failed = self._open_packs([put.slot.pack for put, _ in fresh])
        written = []
        for put, fate in fresh:
            pack = put.slot.pack
            if pack not in failed:
                try:
                    written.append((put, self._write_one(put, fate)))
                except Exhausted as error:
                    failed[pack] = error
        failed |= self._syncs.sync({put.slot.pack for put, _ in written} - failed.keys())
        for pack in failed:
            pack.cut()
        answers += [(put, failed[put.slot.pack]) for put, _ in fresh if put.slot.pack in failed]
        return [(put, placed) for put, placed in written if put.slot.pack not in failed]

    def _write_one(self, put: Put, fate: Fate) -> Placed:
        pack = put.slot.pack
        facts = put.facts(self._index.now_ns())
        uid = put.identity.sop_instance_uid
        if put.streamed is not None:
            offset = pack.finish_streamed(uid, facts, put.length)
        else:
            offset = pack.append(uid, facts, (put.file_header, *put.chunks), put.length)
        return Placed(
            put.identity,
            put.header,
            facts,
            pack.pack_id,
            offset,
            put.length,
            put.frame_table,
            is_conflict=fate.outcome == "conflict",
            restores=fate.restores,
        )

    def _index_all(self, placed: list[tuple[Put, Placed]], answers: list[_Answer]) -> None:
        if not placed:
            return
        packs = {put.slot.pack for put, _ in placed}
        try:
            self._index.add(one for _, one in placed)
        except Exhausted as error:
            for pack in packs:
                pack.cut()
            answers += [(put, error) for put, _ in placed]
            return
        for pack in packs:
            pack.keep()
        answers += [(put, put.stored("conflict" if one.is_conflict else "stored")) for put, one in placed]

    def _open_packs(self, packs: list[PackWriter]) -> dict[PackWriter, SagittalError]:
        """Creates those that are not open; returns those that could not be."""
        new = [pack for pack in dict.fromkeys(packs) if not pack.is_open]
        failed: dict[PackWriter, SagittalError] = {}
        if not new:
            return failed
        try:
            self._index.add_packs([PackRow(pack.pack_id, pack.facility, pack.series_instance_uid) for pack in new])
        except Exhausted as error:
            return dict.fromkeys(new, error)
        for pack in new:
            try:
                pack.open(self._packs, self._folders)
            except Exhausted as error:
                failed[pack] = error
        if failed:
            self._index.seal_packs({pack.pack_id: (0, 0) for pack in failed})
        return failed

    def _seal(self, packs: tuple[PackWriter, ...]) -> None:
        self._index.seal_packs({pack.pack_id: (pack.kept, pack.seal(self._packs)) for pack in packs if pack.is_open})

    def _answer(self, answers: list[_Answer]) -> None:
        """Tells everyone, with one wake-up for each event loop."""
        by_loop: dict[asyncio.AbstractEventLoop, list[_Answer]] = {}
        for answer in answers:
            by_loop.setdefault(answer[0].future.get_loop(), []).append(answer)
        for loop, group in by_loop.items():
            self._tell(loop, self._resolve, group, self._index.last_seq)

    def _resolve(self, answers: list[_Answer], last_seq: int) -> None:
        self._published(last_seq)
        for put, answer in answers:
            put.slot.pending -= 1
            future = put.future
            if future.done():
                continue
            if isinstance(answer, Stored):
                future.set_result(answer)
            else:
                future.set_exception(answer)

    def _tell(self, loop: asyncio.AbstractEventLoop, callback: Callable[..., None], *values: object) -> None:
        try:
            loop.call_soon_threadsafe(callback, *values)
        except RuntimeError:
            log.warning("nobody waits for a commit: its event loop is closed")
