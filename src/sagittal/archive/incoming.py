"""One instance while its bytes come in: held in memory if small, written to its pack as it goes if not."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Protocol

from sagittal.archive.index.attributes import SERIES_INSTANCE_UID
from sagittal.archive.index.named import Wanted
from sagittal.archive.index.placeless import placed
from sagittal.archive.index.rows import Identity, identify
from sagittal.archive.intake import Intake
from sagittal.archive.model import Arrival, Stored
from sagittal.archive.packs.buffers import Buffer, stable
from sagittal.archive.packs.facts import short
from sagittal.archive.put import Chunk, PackSlot, Put
from sagittal.archive.settings import ArchiveSettings
from sagittal.dicom.dataset import Header, HeaderMemory, HeaderReader
from sagittal.dicom.identifiers import SeriesUID
from sagittal.errors import Exhausted, Invalid
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline

_MAX_PIECES = 4096
"""Pieces held before they are joined: many small ones would cost more in objects than in bytes."""


class Writer(Protocol):
    """The session an instance comes in by, as `Incoming` needs it."""

    actor: Actor
    settings: ArchiveSettings
    threads: Executor
    wanted: Wanted
    header_memory: HeaderMemory

    def ended(self, incoming: "Incoming") -> None:
        """The instance is no longer under way."""

    def file_header(self, identity: Identity, transfer_syntax_uid: str) -> bytes:
        """Preamble and file meta information for a data set that came without."""

    def take(self, series_instance_uid: SeriesUID) -> PackSlot:
        """A pack of the series for a put that is written at once."""

    async def take_for_stream(self, series_instance_uid: SeriesUID) -> PackSlot:
        """A pack of the series that nobody else writes to, open."""

    async def commit(self, put: Put, deadline: Deadline) -> Stored:
        """Has an instance committed, and waits for it."""

    async def cut(self, slot: PackSlot) -> None:
        """Cuts what a stream wrote to a pack."""


class Incoming:
    """Takes the bytes of one data set; belongs to one task.

    >>> async def store(session, arrival, pieces, deadline):
    ...     incoming = session.begin(arrival)
    ...     for piece in pieces:
    ...         if incoming.write(piece):
    ...             await incoming.drain()
    ...     return await incoming.commit(deadline)
    """

    def __init__(self, session: Writer, arrival: Arrival, check: Callable[[Header], None] | None) -> None:
        """Made by `PackSession.begin`."""
        self._session = session
        self._arrival = arrival
        self._check = check
        wanted = session.wanted
        self._reader = HeaderReader(
            arrival.transfer_syntax_uid, wanted.tags, memory=session.header_memory, optional=wanted.optional
        )
        self._header: Header | None = None
        self._chunks: list[Chunk] = []
        self._held = 0
        self._limit = session.settings.held_bytes
        self._length = 0
        self._stream: _Stream | None = None
        self._is_ended = False

    def write(self, data: Buffer) -> bool:
        """Takes the next bytes of the data set; True if `drain` is to be awaited before more are written.

        `data` is held without a copy if nobody can change it.

        Raises:
            Invalid, Exhausted: the header is not one, or exceeds a cap; or what `check` raised.
        """
        self._check_open()
        chunk = stable(data)
        self._chunks.append(chunk)
        size = len(chunk)
        self._length += size
        self._held += size
        if self._header is None and self._reader.feed(chunk):
            self._complete(self._reader.header)
        if len(self._chunks) >= _MAX_PIECES:
            self._chunks = [b"".join(self._chunks)]
        return self._held >= self._limit

    def _check_open(self) -> None:
        if self._is_ended:
            raise Exhausted("the instance was given up or committed before")

    def _complete(self, header: Header) -> None:
        header = placed(header, self._arrival.sop_class_uid)
        if self._check is not None:
            self._check(header)
        self._header = header

    def _identify(self) -> Identity | None:
        """Which instance this is, as soon as it can be told; Invalid if the header is complete and does not say."""
        elements = self._reader.elements if self._header is None else self._header.elements
        if self._header is None and SERIES_INSTANCE_UID not in elements:
            return None
        arrival = self._arrival
        return identify(elements, short(arrival.sop_class_uid), short(arrival.sop_instance_uid))

    async def drain(self) -> None:
        """Hands what is held to a thread that writes it, once the thread is done with what it had before.

        So at most twice `held_bytes` are in memory, and receiving goes on while the disk works. Raises Exhausted.
        """
        if self._stream is None:
            identity = self._identify()
            if identity is None:
                if self._held > self._session.settings.max_unplaced_bytes:
                    raise Exhausted(f"no Series Instance UID (0020,000E) in the first {self._held} bytes")
                self._limit = min(2 * self._limit, self._session.settings.max_unplaced_bytes + 1)
                return
            slot = await self._session.take_for_stream(identity.series_instance_uid)
            self._stream = _Stream(slot, identity, self._file_header(identity), self._session)
            self._limit = self._session.settings.held_bytes
        await self._stream.settle()
        self._stream.hand_over(self._chunks, self._header)
        self._chunks = []
        self._held = 0

    def _file_header(self, identity: Identity) -> bytes:
        if self._arrival.file_header is not None:
            return self._arrival.file_header
        return self._session.file_header(identity, self._arrival.transfer_syntax_uid)

    def complete(self) -> None:
        """Says that the data set has ended, so that its header is looked at; nothing if it was. Raises Invalid."""
        self._check_open()
        if self._header is None:
            self._complete(self._reader.close())

    async def commit(self, deadline: Deadline) -> Stored:
        """What became of the instance, once it is durable. Nothing may be called after it.

        Raises:
            Invalid: the data set ends within an element, or does not say which instance it is; or what `check` raised.
            Exhausted: the disk is full or fails, or the deadline passed; then it may have been stored all the same.
        """
        self._check_open()
        try:
            self.complete()
            identity = self._identify()
            if identity is None or self._header is None:
                raise Invalid("the data set has no Series Instance UID (0020,000E)")
            put = await self._make_put(self._header, identity, deadline)
            self._check_open()  # the session may have been closed meanwhile, and the bytes cut
        except BaseException:
            await self.abort()
            raise
        self._is_ended = True
        self._chunks = []  # whoever still holds this, as a cycle of objects may, does not hold the pixels
        self._session.ended(self)
        return await self._session.commit(put, deadline)

    async def _make_put(self, header: Header, identity: Identity, deadline: Deadline) -> Put:
        stream = self._stream
        if stream is not None:
            try:
                async with deadline.timeout():
                    await stream.finish(self._chunks, header)
            except TimeoutError as error:
                raise Exhausted("out of time while an instance was written") from error
            if stream.identity != identity:
                raise Invalid("the data set names another instance at its end than at its beginning")
            slot, file_header = stream.slot, stream.file_header
            slot.is_streaming = False
        else:
            slot, file_header = self._session.take(identity.series_instance_uid), self._file_header(identity)
        return Put(
            actor=self._session.actor,
            arrival=self._arrival,
            header=header,
            identity=identity,
            file_header=file_header,
            chunks=self._chunks if stream is None else [],
            length=len(file_header) + self._length,
            slot=slot,
            streamed=stream.intake if stream is not None else None,
            future=asyncio.get_running_loop().create_future(),
        )

    async def abort(self) -> None:
        """Forgets the instance; nothing of it stays. May be called at any time, more than once."""
        if self._is_ended:
            return
        self._is_ended = True
        self._chunks = []
        self._session.ended(self)
        if self._stream is not None:
            await self._stream.abandon()


class _Stream:
    """An instance that is being written to its pack."""

    def __init__(self, slot: PackSlot, identity: Identity, file_header: bytes, session: Writer) -> None:
        self.slot = slot
        self.identity = identity
        self.file_header = file_header
        self.intake = Intake(file_header)
        self._session = session
        self._threads: Executor = session.threads
        self._sync_every = session.settings.sync_every_bytes
        self._writing: asyncio.Future[None] | None = None
        self._offset = slot.pack.stream_offset
        self._unsynced = 0
        self._is_begun = False
        self._is_expecting = False

    async def settle(self) -> None:
        """Waits until what was handed over is written. Raises Exhausted."""
        if self._writing is not None:
            # Whoever gives up waiting leaves the thread at work, and `abandon` to wait for it.
            await asyncio.shield(self._writing)
            self._writing = None

    def hand_over(self, chunks: list[Chunk], header: Header | None, *, is_last: bool = False) -> None:
        """Has `chunks` written by a thread."""
        loop = asyncio.get_running_loop()
        self._writing = loop.run_in_executor(self._threads, self._write, chunks, header, is_last)

    def _write(self, chunks: list[Chunk], header: Header | None, is_last: bool) -> None:
        if header is not None and not self._is_expecting:
            self._is_expecting = True
            self.intake.expect(header)
        self.intake.absorb(chunks)
        pieces: list[Chunk] = chunks if self._is_begun else [self.file_header, *chunks]
        self._is_begun = True
        pack = self.slot.pack
        end = pack.append_streamed(self._offset, pieces)
        self._unsynced += end - self._offset
        self._offset = end
        if is_last or self._unsynced >= self._sync_every:
            pack.sync()
            self._unsynced = 0

    async def finish(self, chunks: list[Chunk], header: Header) -> None:
        """Writes the rest and syncs it, so that the committing thread has little left to do. Raises Exhausted."""
        await self.settle()
        self.hand_over(chunks, header, is_last=True)
        await self.settle()

    async def abandon(self) -> None:
        """Waits for the thread, then cuts the pack back."""
        if self._writing is not None:
            await asyncio.wait((self._writing,))
            if not self._writing.cancelled():
                self._writing.exception()  # it was told already, or nobody wants to know
        await self._session.cut(self.slot)
