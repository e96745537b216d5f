"""One process at a time writes a data folder."""

import errno
import fcntl
import os
from pathlib import Path

from sagittal.errors import Conflict, Refused

LOCK_NAME = "lock"
_NOT_WRITABLE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


class FolderInUse(Conflict):
    """Another process writes the data folder."""


class ReadOnlyFolder(Refused):
    """Nothing can be written in the data folder."""


class FolderLock:
    """Holds a data folder until it is released or the process ends, however it ends."""

    def __init__(self, folder: Path) -> None:
        """Takes the lock; FolderInUse naming the folder if another process has it, ReadOnlyFolder if nobody can."""
        try:
            self._descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            if error.errno not in _NOT_WRITABLE:
                raise
            raise ReadOnlyFolder(f"the data folder {folder} cannot be written: {error.strerror}") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise FolderInUse(f"the data folder {folder} is in use by process {holder or 'unknown'}") from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, b"%d\n" % os.getpid(), 0)

    def release(self) -> None:
        """Lets others in."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
