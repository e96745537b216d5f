"""The bytes of one request on their way to the medium."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, TypeVar

from sagittal.ingest.uploads.model import DigestMismatch, LengthMismatch, Mark, Piece, TooLarge, mark_after
from sagittal.ingest.uploads.shelf import Spool

_BUFFER_BYTES: Final = 1024**2
_SYNC_BYTES: Final = 8 * 1024**2  # of a long piece, so much may be sent again after a crash

T = TypeVar("T")


class Pour:
    """Writes a piece as it comes; `marked` hears how far it is on the medium."""

    def __init__(
        self, spool: Spool, piece: Piece, length: int | None, max_bytes: int, marked: Callable[[Mark], None]
    ) -> None:
        self._spool = spool
        self._piece = piece
        self._length = length
        self._most = max_bytes if length is None else length
        self._marked = marked
        self._kept = piece.offset
        self._is_ended = False
        self._unsynced = 0
        name, self._expected = piece.digest or ("", b"")
        self._hash = hashlib.new(name, usedforsecurity=False) if name else None

    async def all(self, body: AsyncIterator[bytes]) -> None:
        """Takes the whole body."""
        pending, end = bytearray(), self._piece.offset
        try:
            async for chunk in body:
                end += len(chunk)
                if end > self._most:
                    pending.clear()
                    await self._take_back()
                    if self._length is None:
                        raise TooLarge(f"an upload may have {self._most} bytes at most")
                    raise LengthMismatch(f"more bytes came than the announced {self._length}")
                pending += chunk
                if len(pending) >= _BUFFER_BYTES:
                    full, pending = pending, bytearray()
                    await self._write(full)
        except BaseException:
            await self._write(pending)
            raise
        await self._write(pending)

    async def end(self, *, is_whole: bool) -> None:
        """Makes what came durable, and says so, once."""
        if self._is_ended:
            return
        self._is_ended = True
        if self._hash is not None and not (is_whole and self._hash.digest() == self._expected):
            await self._take_back()
            if is_whole:
                raise DigestMismatch("the bytes are not those that the digest was made of; send them again")
            return
        try:
            mark = mark_after(self._spool.offset, self._length, is_whole=is_whole, completes=self._piece.completes)
        except LengthMismatch:
            await self._take_back()
            raise
        await self._sync(mark)

    async def _write(self, data: bytearray) -> None:
        if not data:
            return
        if self._hash is not None:
            await finished(asyncio.to_thread(self._hash.update, data))
        await finished(asyncio.to_thread(self._spool.write, data))
        self._unsynced += len(data)
        if self._unsynced >= _SYNC_BYTES and self._hash is None and self._spool.offset != self._length:
            await self._sync(Mark(self._spool.offset, self._length))

    async def _take_back(self) -> None:
        await finished(asyncio.to_thread(self._spool.cut, self._kept))

    async def _sync(self, mark: Mark) -> None:
        await finished(asyncio.to_thread(self._spool.sync, mark))
        self._kept, self._unsynced = mark.offset, 0
        self._marked(mark)


async def finished(work: Awaitable[T]) -> T:
    """What a thread gives; whoever is cancelled meanwhile waits for the thread first, so that writes stay in order."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
