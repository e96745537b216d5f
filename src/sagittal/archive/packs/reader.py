"""Reading ranges of packs: a few open files, and no thread for what the page cache holds."""

import asyncio
import os
from collections import OrderedDict
from concurrent.futures import Executor
from contextlib import suppress
from pathlib import Path

from sagittal.archive.packs.names import pack_path
from sagittal.archive.packs.writer import os_reason
from sagittal.errors import Corrupt, Exhausted

_SCRATCH_BYTES = 1 << 20
_NOWAIT: int = getattr(os, "RWF_NOWAIT", 0)  # Linux; elsewhere every read goes to a thread


class PackMissing(Corrupt):
    """A pack is not where it was put."""


class _OpenPack:
    """A descriptor, closed when it was evicted and nobody reads from it."""

    __slots__ = ("descriptor", "is_evicted", "users")

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.users = 0
        self.is_evicted = False

    def evict(self) -> None:
        self.is_evicted = True
        self._close_if_idle()

    def release(self) -> None:
        self.users -= 1
        self._close_if_idle()

    def _close_if_idle(self) -> None:
        if self.is_evicted and not self.users and self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


class PackReader:
    """Reads ranges of any pack, sealed or not. Belongs to one event loop.

    Args:
        root: the folder of packs.
        threads: where reads go that would wait for the disk.
        max_open: packs held open.
    """

    def __init__(self, root: Path, threads: Executor, max_open: int) -> None:
        self._root = root
        self._threads = threads
        self._max_open = max_open
        self._open: OrderedDict[str, _OpenPack] = OrderedDict()
        self._scratch = memoryview(bytearray(_SCRATCH_BYTES))

    async def read(self, pack_id: str, offset: int, length: int, before: bytes = b"", after: bytes = b"") -> bytes:
        """The bytes `[offset, offset + length)` of a pack between `before` and `after`.

        Raises Corrupt when they are not there.
        """
        pack = self._open.get(pack_id)
        if pack is None:
            pack = await self._open_pack(pack_id)
        else:
            self._open.move_to_end(pack_id)
        cached = self._read_cached(pack.descriptor, offset, length, before, after)
        if cached is not None:
            return cached
        data = await self._read_in_thread(pack, pack_id, offset, length)
        if len(data) != length:
            raise Corrupt(f"pack {pack_id} ends at {offset + len(data)} where {offset + length} bytes are expected")
        return b"".join((before, data, after)) if before or after else data

    def forget(self, pack_id: str) -> None:
        """Closes a pack, once nobody reads from it."""
        pack = self._open.pop(pack_id, None)
        if pack is not None:
            pack.evict()

    def close(self) -> None:
        """Closes all packs."""
        for pack_id in tuple(self._open):
            self.forget(pack_id)

    def _read_cached(self, descriptor: int, offset: int, length: int, before: bytes, after: bytes) -> bytes | None:
        """The bytes between `before` and `after` if the page cache holds them all, else None."""
        start = len(before)
        stop = start + length + len(after)
        if not _NOWAIT or stop > _SCRATCH_BYTES:
            return None
        target = self._scratch[start : start + length]
        try:
            count = os.preadv(descriptor, (target,), offset, _NOWAIT)
        except BlockingIOError:
            return None
        except OSError:  # a file system that cannot tell
            return None
        if count != length:
            return None
        self._scratch[:start] = before
        self._scratch[start + length : stop] = after
        return self._scratch[:stop].tobytes()

    async def _read_in_thread(self, pack: _OpenPack, pack_id: str, offset: int, length: int) -> bytes:
        loop = asyncio.get_running_loop()
        reading = self._threads.submit(_read_fully, pack.descriptor, offset, length)
        pack.users += 1

        def finished(_: object) -> None:
            with suppress(RuntimeError):  # the loop is gone, and with it the reader
                loop.call_soon_threadsafe(pack.release)

        # The thread holds the descriptor until it is done, even if nobody waits for it any more.
        reading.add_done_callback(finished)
        try:
            return await asyncio.wrap_future(reading)
        except OSError as error:
            raise Corrupt(f"cannot read pack {pack_id}: {os_reason(error)}") from error

    async def _open_pack(self, pack_id: str) -> _OpenPack:
        path = pack_path(self._root, pack_id)
        try:
            descriptor = await asyncio.get_running_loop().run_in_executor(
                self._threads, os.open, path, os.O_RDONLY | os.O_CLOEXEC
            )
        except FileNotFoundError as error:
            raise PackMissing(f"pack {pack_id} is not where it was put") from error
        except OSError as error:
            raise Exhausted(f"cannot open pack {pack_id}: {os_reason(error)}") from error
        other = self._open.get(pack_id)
        if other is not None:  # opened twice at once
            os.close(descriptor)
            return other
        pack = self._open[pack_id] = _OpenPack(descriptor)
        while len(self._open) > self._max_open:
            _, oldest = self._open.popitem(last=False)
            oldest.evict()
        return pack


def _read_fully(descriptor: int, offset: int, length: int) -> bytes:
    data = os.pread(descriptor, length, offset)
    if len(data) == length or not data:
        return data
    pieces = [data]
    got = len(data)
    while got < length:
        data = os.pread(descriptor, length - got, offset + got)
        if not data:
            break
        pieces.append(data)
        got += len(data)
    return b"".join(pieces)
