"""What changes in the study list while somebody looks: server-sent events by the change feed, one stream a page.

A stream tells only of studies that its reader may ask for; it ends by itself after a while, and the browser opens
another, so that the gate looks at who asks again.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated, Final

import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery, Parameter
from litestar.response import Stream

from sagittal.access.asking import ask
from sagittal.archive.archive import Archive
from sagittal.errors import Exhausted, SagittalError
from sagittal.find.listing import Listed, Listing, list_studies
from sagittal.find.state import QUIET_S, State, state_of
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.log import get_logger
from sagittal.web.pages import AnyRequest, actor_of

log = get_logger(__name__)

LASTS_S: Final = 300.0
MOST_STREAMS: Final = 512
MOST_OF_ONE: Final = 12
"""Streams of one account, or of one address where there is none."""

_BEAT_S: Final = 20.0
_TOGETHER_S: Final = 0.4
_EVENTS: Final = 1000
_MOST_STUDIES: Final = 200
_TIMEOUT_S: Final = 10.0
_After = Annotated[int, Parameter(ge=0, le=2**62, description="the event behind which it begins")]
_HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no", "x-content-type-options": "nosniff"}


class Change(msgspec.Struct, frozen=True):
    """How a study is now."""

    uid: str
    state: State
    instances: int
    is_new: bool


class Changes:
    """The streams that are open. Belongs to one event loop."""

    def __init__(self, archive: Archive, *, lasts_s: float = LASTS_S, beat_s: float = _BEAT_S) -> None:
        """Of the studies of `archive`; a stream ends after `lasts_s`, and says something every `beat_s`."""
        self._archive = archive
        self._lasts_s = lasts_s
        self._beat_s = beat_s
        self._open: dict[str, int] = {}
        self._closed = asyncio.Event()

    def close(self) -> None:
        """Ends every stream, for good."""
        self._closed.set()

    async def admit(self, actor: Actor, after: int) -> AsyncIterator[bytes]:
        """The events of a stream that tells what changes after event `after`.

        Raises:
            Refused: they may ask for nothing.
            Exhausted: there are too many streams.
        """
        ask(self._archive.witness, actor, "query", has_series=False)
        who = f"{actor.account}:{actor.session or actor.address}" if actor.account else actor.address
        if self._open.get(who, 0) >= MOST_OF_ONE or sum(self._open.values()) >= MOST_STREAMS:
            raise Exhausted("too many pages are kept up to date; close some")
        newest = await self._archive.newest_event()
        return self._told(actor, who, min(after, newest) if after >= newest - _EVENTS else newest)

    async def _told(self, actor: Actor, who: str, after: int) -> AsyncIterator[bytes]:
        self._open[who] = self._open.get(who, 0) + 1
        try:
            yield b"retry: 5000\n\n"
            async for piece in self._followed(actor, after):
                yield piece
            yield b"event: over\ndata:\n\n" if self._closed.is_set() else b": until then\n\n"
        except SagittalError as error:
            log.info("stream of changes ended", kind=type(error).__name__)
        finally:
            self._open[who] -= 1
            if not self._open[who]:
                del self._open[who]

    async def _followed(self, actor: Actor, after: int) -> AsyncIterator[bytes]:
        end_s = time.monotonic() + self._lasts_s
        arriving = await self._arriving(actor, after)  # when each is looked at again, as it may be complete then
        while (left_s := end_s - time.monotonic()) > 0 and not self._closed.is_set():
            soonest = min(arriving.values(), default=time.monotonic() + self._beat_s)
            wait_s = max(0.0, min(left_s, self._beat_s, soonest - time.monotonic()))
            if not await self._changed(after, wait_s) and self._closed.is_set():
                return
            changed, after = await self._events(after)
            now = time.monotonic()
            due = [uid for uid, at in arriving.items() if at <= now]
            wanted = tuple(dict.fromkeys([*changed, *due]))[:_MOST_STUDIES]
            if not wanted:
                yield b": still here\n\n"
                continue
            found = await self._visible(actor, wanted)
            for uid in wanted:
                arriving.pop(uid, None)
            states = [self._change(one) for one in found]
            arriving |= {one.uid: now + QUIET_S / 2 for one in states if one.state == "arriving"}
            if states:
                yield b"id: %d\nevent: studies\ndata: " % after + msgspec.json.encode(states) + b"\n\n"

    async def _arriving(self, actor: Actor, after: int) -> dict[str, float]:
        """What was arriving when the page was made: nothing more of it may come, and then it is complete."""
        recent, _ = await self._events(max(0, after - _MOST_STUDIES))
        changes = [self._change(one) for one in await self._visible(actor, tuple(recent[-_MOST_STUDIES:]))]
        return {one.uid: time.monotonic() + QUIET_S / 2 for one in changes if one.state == "arriving"}

    async def _changed(self, after: int, wait_s: float) -> bool:
        """Whether there are events, once there are or the time is over; those that come together are taken together."""
        waiting = asyncio.create_task(self._archive.changed(after, Deadline.after(wait_s)))
        closing = asyncio.create_task(self._closed.wait())
        try:
            await asyncio.wait((waiting, closing), return_when=asyncio.FIRST_COMPLETED)
            if not (waiting.done() and waiting.result()):
                return False
            await asyncio.wait((closing,), timeout=_TOGETHER_S)
            return True
        finally:
            for task in (waiting, closing):
                task.cancel()
            await asyncio.gather(waiting, closing, return_exceptions=True)

    async def _events(self, after: int) -> tuple[list[str], int]:
        events = await self._archive.events(after, _EVENTS)
        studies: dict[str, None] = {one.study_instance_uid: None for one in events if one.study_instance_uid}
        return list(studies), events[-1].seq if events else after

    async def _visible(self, actor: Actor, studies: tuple[str, ...]) -> tuple[Listed, ...]:
        listing = Listing(studies=studies, limit=_MOST_STUDIES)
        return await list_studies(self._archive, actor, listing, Deadline.after(_TIMEOUT_S), is_told=False)

    def _change(self, study: Listed) -> Change:
        now_ns = self._archive.now_ns()
        is_new = now_ns - study.received_ns < LASTS_S * 1e9
        return Change(study.study_instance_uid, state_of(study, now_ns), study.instances, is_new)


def study_changes(changes: Changes) -> HTTPRouteHandler:
    """The route of the streams."""

    @get("/studies/changes", takes="query", gives="text/event-stream")
    async def stream(request: AnyRequest, after: FromQuery[_After] = 0) -> Stream:
        """Tells what changes in the list of studies, as it does (HTML Section 9.2).

        An event `studies` has what is new of some; its id is what `after` or `Last-Event-ID` begins behind. It ends by
        itself after five minutes: ask again.
        """
        last = request.headers.get("last-event-id", "")
        begin = int(last) if last.isascii() and last.isdecimal() and len(last) < 19 else max(0, after)
        return Stream(await changes.admit(actor_of(request), begin), media_type="text/event-stream", headers=_HEADERS)

    return stream
