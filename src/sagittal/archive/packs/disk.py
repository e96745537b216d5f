"""The few calls to the file system that packs are written with; tests put a failing one in its place."""

import fcntl
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from sagittal.archive.packs.buffers import Buffer

_MAX_BUFFERS = 512  # of one call; IOV_MAX is 1024 on Linux and macOS
READ_ONLY = 0o444


class Disk:
    """Local files."""

    def create(self, path: Path) -> int:
        """A descriptor of a new file, for reading and writing; FileExistsError if there is one."""
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)

    def write(self, descriptor: int, buffers: Sequence[Buffer], offset: int) -> int:
        """Writes some of `buffers` at `offset` and returns how many bytes."""
        return os.pwritev(descriptor, buffers, offset)

    def sync(self, descriptor: int) -> None:
        """Waits until what was written is on the medium."""
        if sys.platform == "darwin":  # there fsync stops at the drive's cache
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
        else:
            os.fdatasync(descriptor)

    def truncate(self, descriptor: int, length: int) -> None:
        """Cuts the file to `length` bytes."""
        os.ftruncate(descriptor, length)

    def make_folder(self, path: Path) -> None:
        """A folder, unless it is there."""
        path.mkdir(exist_ok=True)

    def sync_folder(self, path: Path) -> None:
        """Waits until the names in a folder are on the medium."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def write_all(self, descriptor: int, buffers: Sequence[Buffer], offset: int) -> int:
        """Writes all of `buffers` at `offset`; returns the offset behind them. Raises OSError."""
        if len(buffers) <= _MAX_BUFFERS:
            total = sum(map(len, buffers))
            written = self.write(descriptor, buffers, offset)
            if written == total:
                return offset + total
            return self._write_rest(descriptor, buffers, offset, written)
        for first in range(0, len(buffers), _MAX_BUFFERS):
            offset = self.write_all(descriptor, buffers[first : first + _MAX_BUFFERS], offset)
        return offset

    def _write_rest(self, descriptor: int, buffers: Sequence[Buffer], offset: int, written: int) -> int:
        """Goes on after a short write, as near a full disk or beyond 2 GiB."""
        for buffer in buffers:
            view = memoryview(buffer)
            if written >= len(view):
                written -= len(view)
                offset += len(view)
                continue
            position = written
            written = 0
            while position < len(view):
                count = self.write(descriptor, [view[position:]], offset + position)
                if count <= 0:
                    raise OSError(28, os.strerror(28))
                position += count
            offset += len(view)
        return offset
