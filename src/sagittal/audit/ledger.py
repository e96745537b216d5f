"""The ledger of a running Sagittal: told by rooms and doors, and reading the change feed.

What changed the archive (stores, rejections) is in the change feed, written in the transaction of its change: the
ledger reads it from there, and how far it has read stands in the transaction of its own lines. So the path of a store
pays nothing, and a crash neither loses nor repeats a line. What left the archive is told by the rooms: the first time
within some minutes the caller waits until that is durable, later times are only counted.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from sqlalchemy import Connection

from sagittal.archive.archive import Archive
from sagittal.archive.model import Event
from sagittal.archive.records.ledger_tables import FEED, FEED_TIME
from sagittal.audit.acts import Kind
from sagittal.audit.chronicle import Chronicle
from sagittal.audit.line import Act
from sagittal.audit.lines import (
    Draft,
    close_left_open,
    forget_windows,
    open_window,
    save_counts,
    set_mark,
    write_lines,
)
from sagittal.audit.naming import Naming
from sagittal.audit.windows import Same, Source, Window, Windows
from sagittal.errors import Exhausted, SagittalError
from sagittal.runtime.actor import LOCAL, Actor
from sagittal.runtime.actor import Kind as ActorKind
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.log import get_logger
from sagittal.runtime.witness import Access

log = get_logger(__name__)

MAX_WAITING: Final = 10_000
"""Lines that wait for the disk; with more, those who tell have to wait."""

_LINGER_S: Final = 0.1  # what nobody waits for gathers this long
_SAVE_S: Final = 30.0  # how often counts are saved
_EVENTS: Final = 2000
_FED: Final[dict[str, Kind]] = {
    "instance.stored": "store",
    "instance.conflict": "store",
    "instance.corrupt": "damage",
    "instance.rejected": "reject",
    "instance.restored": "undo rejection",
    "instance.purged": "purge",
    "instance.kept": "decision",
    "instance.taken": "decision",
    "instance.renamed": "decision",
    "instance.kept_undone": "undo decision",
    "instance.taken_undone": "undo decision",
    "instance.renamed_undone": "undo decision",
}
_ACTOR_KINDS: Final[dict[str, ActorKind]] = {"cli": "local", "dimse": "machine"}


class Ledger:
    """Keeps who did what. Belongs to one event loop; `start` it before anything is told, `close` it at the end.

    Attributes:
        written: called when there are new lines.
    """

    def __init__(
        self, archive: Archive, key: bytes, *, clock: Callable[[], int] = time.time_ns, gather_s: float = 1.0
    ) -> None:
        """Keeps what is done to `archive`.

        Args:
            key: of the chain.
            clock: nanoseconds since 1970-01-01 UTC.
            gather_s: how long changes of the archive gather before they are written.
        """
        self.written: Callable[[], None] = lambda: None
        self._archive = archive
        self._gather_s = gather_s
        self._cursor = 0
        self._advanced = asyncio.Event()
        self._key = key
        self._clock = clock
        self._naming = Naming(archive, key)
        self._windows = Windows()
        self._drafts: list[Draft] = []
        self._opened: list[Window] = []
        self._closed: list[Window] = []
        self._fed: set[Window] = set()
        self._mark: Event | None = None  # the last of the feed that was counted
        self._waiting: list[asyncio.Future[None]] = []
        self._wake = asyncio.Event()
        self._linger: asyncio.TimerHandle | None = None
        self._saved_at = time.monotonic()
        self._tasks: list[asyncio.Task[None]] = []

    def chronicle(self) -> Chronicle:
        """What writes lines into this ledger from within changes of the records."""
        return Chronicle(self._key, self._clock)

    async def start(self) -> None:
        """Closes what an earlier process left open, and begins to follow the archive."""
        left = await self._archive.records.write(lambda connection: close_left_open(connection, self._key))
        if left:
            log.info("ledger lines closed that were left open", lines=left)
        self._tasks.append(asyncio.create_task(self._write_forever()))
        await self.tell(Act(kind="recording started", actor=LOCAL))
        self._cursor = await self._mark_of_feed()
        self._tasks.append(asyncio.create_task(self._follow()))

    async def caught_up(self, deadline: Deadline) -> None:
        """Waits until all that the archive has done so far is in the ledger. Raises TimeoutError."""
        async with deadline.timeout():
            newest = await self._archive.newest_event()
            while self._cursor < newest:
                self._advanced.clear()
                await self._advanced.wait()

    async def close(self) -> None:
        """Writes everything that was told; what the archive did last is read at the next start."""
        for task in self._tasks[1:]:
            task.cancel()
        await asyncio.gather(*self._tasks[1:], return_exceptions=True)
        self._closed += self._windows.over(float("inf"))
        self._draft(Act(kind="recording stopped", actor=LOCAL))
        if self._tasks:
            await self._durable()
            self._tasks[0].cancel()
            await asyncio.gather(self._tasks[0], return_exceptions=True)

    async def tell(self, act: Act) -> None:
        """Adds a line; returns when it is durable."""
        self._draft(act)
        await self._durable()

    async def accessed(self, actor: Actor, access: Access, studies: Iterable[str]) -> None:
        """See `sagittal.runtime.witness.Witness`."""
        now, at_ns = time.monotonic(), self._clock()
        is_new = False
        for study in studies:
            same = Same(actor.door, actor.name, actor.address, access, study)
            window = self._windows.find(same, now) or self._open(same, actor, at_ns, now)
            window.add(1, at_ns)
            is_new |= not window.id
        if is_new:
            await self._durable()

    async def queried(self, actor: Actor, level: str, keys: Sequence[str]) -> None:
        """See `sagittal.runtime.witness.Witness`. The same question again is counted, as reads of one study are."""
        now, at_ns = time.monotonic(), self._clock()
        same = Same(actor.door, actor.name, actor.address, "query", "", level, ",".join(keys))
        window = self._windows.find(same, now)
        if window is None:
            window = self._open(same, actor, at_ns, now)
            if len(self._opened) > MAX_WAITING:
                await self._durable()
            else:
                self._wake_soon()
        window.add(1, at_ns)

    def refused(self, actor: Actor, action: str) -> None:
        """See `sagittal.runtime.witness.Witness`. Whoever tries again and again is one line."""
        now, at_ns = time.monotonic(), self._clock()
        kind: Kind = "refusal" if actor.grants else "node refused"
        same = Same(actor.door, actor.name, actor.address, kind, "", action)
        window = self._windows.find(same, now) or self._open(same, actor, at_ns, now)
        window.add(1, at_ns)
        self._wake_soon()

    def _wake_soon(self) -> None:
        if self._linger is None and not self._wake.is_set():
            self._linger = asyncio.get_running_loop().call_later(_LINGER_S, self._wake.set)

    def _draft(self, act: Act) -> None:
        at_ns = self._clock()
        self._drafts.append(Draft(act, at_ns, at_ns))

    def _open(self, same: Same, actor: Actor, at_ns: int, now: float) -> Window:
        window, closed = self._windows.open(same, actor, at_ns, now)
        self._opened.append(window)
        self._closed += closed
        return window

    async def _durable(self) -> None:
        """Waits until everything told so far is on the medium. Raises Exhausted if it cannot be put there."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._wake.set()
        await future

    # Writing

    async def _write_forever(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._until_next()):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            if self._linger is not None:
                self._linger.cancel()
                self._linger = None
            await self._write()

    def _until_next(self) -> float | None:
        """Seconds until a window is over or counts are to be saved; None where nothing counts."""
        end = self._windows.next_end()
        if end is None:
            return None
        return max(0.0, min(end, self._saved_at + _SAVE_S) - time.monotonic())

    async def _write(self) -> None:
        now = time.monotonic()
        waiting, self._waiting = self._waiting, []
        drafts, self._drafts = self._drafts, []
        opened, self._opened = self._opened, []
        closed, self._closed = [*self._closed, *self._windows.over(now)], []
        mark, self._mark = self._mark, None
        counting, self._fed = self._fed, set()
        if now >= self._saved_at + _SAVE_S:
            self._saved_at = now
            counting |= {window for window in self._windows if window.count != window.saved}
        try:
            await self._name(opened)
            lines = [await self._named(draft) for draft in drafts] + [self._line(window) for window in closed]
            gone = set(closed)

            def run(connection: Connection) -> None:
                write_lines(connection, self._key, lines)
                forget_windows(connection, [window.id for window in closed])
                for window in opened:
                    if window not in gone:
                        open_window(connection, window)
                save_counts(connection, [_count(window) for window in counting if window.id and window not in gone])
                if mark is not None:
                    set_mark(connection, FEED, mark.seq)
                    set_mark(connection, FEED_TIME, mark.at_ns)

            if lines or opened or counting or mark is not None:
                await self._archive.records.write(run)
                self.written()
        except SagittalError as error:
            self._not_written(drafts, opened, closed, mark)
            _tell_all(waiting, error)
            return
        _tell_all(waiting, None)

    def _not_written(self, drafts: list[Draft], opened: list[Window], closed: list[Window], mark: Event | None) -> None:
        """Keeps for the next time what could not be written now."""
        log.error("ledger cannot be written", lines=len(drafts) + len(closed))
        self._drafts[:0] = drafts
        self._opened[:0] = [window for window in opened if not window.id]
        self._closed[:0] = closed
        if self._mark is None:
            self._mark = mark

    async def _name(self, windows: Iterable[Window]) -> None:
        names = await self._naming.of({window.same.study_instance_uid for window in windows})
        for window in windows:
            window.patient, window.facility = names[window.same.study_instance_uid]

    async def _named(self, draft: Draft) -> Draft:
        study = draft.act.study_instance_uid
        if not study:
            return draft
        return draft._replace(patient=(await self._naming.of({study}))[study].patient)

    def _line(self, window: Window) -> Draft:
        return Draft(window.act(), window.at_ns, window.until_ns, window.patient)

    # The change feed

    async def _mark_of_feed(self) -> int:
        found = await self._archive.records.fetch("SELECT seq FROM ledger_marks WHERE reader = ?", (FEED,))
        return int(found[0][0]) if found else 0

    async def _follow(self) -> None:
        position = self._cursor  # read so far; `_cursor` is what of it is on the medium
        while True:
            if not await self._archive.changed(position, Deadline.after(3600)):
                continue
            await asyncio.sleep(self._gather_s)  # one write for what comes together
            while events := await self._archive.events(position, _EVENTS):
                for event in events:
                    self._count_event(event)
                self._mark = events[-1]
                position = events[-1].seq
                try:
                    await self._durable()
                except Exhausted:
                    await asyncio.sleep(_SAVE_S)  # it is written with what comes next
                    continue
                self._cursor = position
                self._advanced.set()

    def _count_event(self, event: Event) -> None:
        kind = _FED.get(event.kind)
        if kind is None:
            return
        source = Source.parse(event.actor)
        if kind == "store" and source.door == "cli":
            kind = "import"
        same = Same(source.door, source.name, source.address, kind, event.study_instance_uid)
        now = time.monotonic()
        window = self._windows.find(same, now)
        if window is None:
            who = _ACTOR_KINDS.get(source.door, "person" if source.name else "nobody")
            actor = Actor(door=source.door, name=source.name, address=source.address, kind=who)
            window = self._open(same, actor, event.at_ns, now)
        window.add(1, event.at_ns)
        self._fed.add(window)


def _count(window: Window) -> tuple[int, int, int]:
    window.saved = window.count
    return window.count, window.until_ns, window.id


def _tell_all(waiting: Iterable[asyncio.Future[None]], error: BaseException | None) -> None:
    for future in waiting:
        if future.done():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
