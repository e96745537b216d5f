"""What one association, request or import writes with: its own packs, one for each series."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from typing import Any, TypeAlias

from sagittal.archive.commit import Committer
from sagittal.archive.incoming import Incoming
from sagittal.archive.index.named import EVERY_INDEX, Wanted
from sagittal.archive.index.rows import Identity
from sagittal.archive.model import Arrival, Stored
from sagittal.archive.packs.disk import Disk
from sagittal.archive.packs.facts import short
from sagittal.archive.packs.names import new_pack_id
from sagittal.archive.packs.writer import MAX_MEMBERS, PackWriter
from sagittal.archive.put import PackSlot, Put
from sagittal.archive.settings import ArchiveSettings
from sagittal.dicom.dataset import Header, HeaderMemory, make_file_header
from sagittal.dicom.identifiers import SeriesUID
from sagittal.errors import Exhausted, SagittalError
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.witness import NoWitness, Witness

Fetch: TypeAlias = Callable[[str, Sequence[object]], Awaitable[list[tuple[Any, ...]]]]
"""Rows of SQL with its values. Any: columns of several types."""


class PackSession:
    """Takes instances on behalf of one actor. Belongs to one event loop; `close` it when the peer is gone.

    Attributes:
        actor: on whose behalf.
        witness: who is told what they may not.
        fetch: looks into the index, as `ArchiveReader.fetch`; None where there is none.
        welcome: studies that the actor may store into, as far as was looked up.
        wanted: what is kept of their headers.
        header_memory: what the headers of its instances have in common.
    """

    def __init__(
        self,
        actor: Actor,
        committer: Committer,
        threads: Executor,
        disk: Disk,
        settings: ArchiveSettings,
        clock: Callable[[], int],
        closed: Callable[["PackSession"], None],
        wanted: Wanted = EVERY_INDEX,
    ) -> None:
        """Made by `Archive.session`."""
        self.wanted = wanted
        self.actor = actor
        self.witness: Witness = NoWitness()
        self.fetch: Fetch | None = None
        self.welcome: set[str] = set()
        self.settings = settings
        self.threads = threads
        self.header_memory = HeaderMemory()
        self._committer = committer
        self._disk = disk
        self._clock = clock
        self._closed = closed
        self._slots: dict[SeriesUID, list[PackSlot]] = {}  # the series used last is the last
        self._incoming: set[Incoming] = set()
        self._is_closed = False

    def begin(self, arrival: Arrival, check: Callable[[Header], None] | None = None) -> Incoming:
        """Starts an instance. `check` is called with its header as soon as that is complete, and may raise."""
        if self._is_closed:
            raise Exhausted("the session is closed")
        incoming = Incoming(self, arrival, check)
        self._incoming.add(incoming)
        return incoming

    async def close(self) -> None:
        """Aborts what is under way and seals the packs."""
        if self._is_closed:
            return
        self._is_closed = True
        for incoming in tuple(self._incoming):
            await incoming.abort()
        packs = [slot.pack for slots in self._slots.values() for slot in slots]
        self._slots.clear()
        try:
            # Behind everything of its own in the queue.
            await self._committer.seal_packs(packs)
        finally:
            self._closed(self)

    # For Incoming

    def ended(self, incoming: Incoming) -> None:
        """An instance is no longer under way."""
        self._incoming.discard(incoming)

    def file_header(self, identity: Identity, transfer_syntax_uid: str) -> bytes:
        """Preamble and file meta information for a data set that came without."""
        return make_file_header(
            sop_class_uid=identity.sop_class_uid,
            sop_instance_uid=identity.sop_instance_uid,
            transfer_syntax_uid=transfer_syntax_uid,
            source_aet=self.actor.name if self.actor.door == "dimse" else "",
        )

    def take(self, series_instance_uid: SeriesUID) -> PackSlot:
        """A pack of the series for a put that is written at once."""
        return self._find(series_instance_uid, for_stream=False)

    async def take_for_stream(self, series_instance_uid: SeriesUID) -> PackSlot:
        """A pack of the series that nobody else writes to, open. Raises Exhausted."""
        slot = self._find(series_instance_uid, for_stream=True)
        slot.is_streaming = True
        try:
            if not slot.pack.is_open:
                await self._committer.open_pack(slot.pack)
        except BaseException:
            slot.is_streaming = False
            raise
        return slot

    def _find(self, series_instance_uid: SeriesUID, *, for_stream: bool) -> PackSlot:
        """A pack of the series that is free for this, a new one if there is none."""
        slots = self._slots.pop(series_instance_uid, None)
        if slots is None:
            self._make_room()
            slots = []
        self._slots[series_instance_uid] = slots
        for slot in tuple(slots):
            if not self._is_usable(slot):
                if slot.is_idle:
                    slots.remove(slot)
                    self._committer.seal_soon(slot.pack)
            elif slot.is_idle or not (for_stream or slot.is_streaming):
                return slot
        pack = PackWriter(new_pack_id(self._clock()), short(self.actor.facility), series_instance_uid, self._disk)
        slots.append(PackSlot(pack))
        return slots[-1]

    def _make_room(self) -> None:
        """Seals the packs of the series that was not used for longest, if there are too many."""
        if len(self._slots) < self.settings.max_session_packs:
            return
        for series_instance_uid, slots in self._slots.items():
            if all(slot.is_idle for slot in slots):
                for slot in slots:
                    self._committer.seal_soon(slot.pack)
                del self._slots[series_instance_uid]
                return

    def _is_usable(self, slot: PackSlot) -> bool:
        pack = slot.pack
        return not pack.is_broken and pack.end < self.settings.max_pack_bytes and pack.members < MAX_MEMBERS

    async def commit(self, put: Put, deadline: Deadline) -> Stored:
        """Has an instance committed, and waits for it. Raises Exhausted."""
        if self._is_closed:
            raise Exhausted("the session is closed")
        future = put.future
        put.slot.pending += 1
        try:
            self._committer.put(put)
        except SagittalError:
            put.slot.pending -= 1
            raise
        timer = future.get_loop().call_later(deadline.remaining_s(), _give_up, future)
        try:
            return await future
        except asyncio.CancelledError:
            put.is_abandoned = True
            raise
        finally:
            timer.cancel()
            if future.done() and not future.cancelled() and isinstance(future.exception(), Exhausted):
                put.is_abandoned = True

    async def cut(self, slot: PackSlot) -> None:
        """Cuts what a stream wrote to a pack, in the committing thread."""
        await self._committer.cut_pack(slot.pack)
        slot.is_streaming = False


def _give_up(future: asyncio.Future[Stored]) -> None:
    if not future.done():
        future.set_exception(Exhausted("out of time while an instance was committed"))
