"""Metadata of whole series on the disk, gzipped: made when a series has come to rest, not when it is first asked for.

One file for each series, in the data folder beside the packs. It says which instances it is of; when they are others
by now it is as if it were not there. The files can be deleted at any time: what they hold is made again.
"""

import hashlib
import os
import tempfile
import zlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from sagittal.archive.model import StoredInstance
from sagittal.dicomweb.metadata_text import GZIP_WINDOW
from sagittal.runtime.log import get_logger

log = get_logger(__name__)

FOLDER = "metadata"
MAX_TEXT_BYTES = 32 * 1024**2
"""Of the JSON of one series; what is larger is made piece by piece each time."""
_FORM = b"2"  # to be raised when the same instances give other text
_BULK = b'"BulkDataURI":"'
_STATE_BYTES = 32


class SeriesKey(NamedTuple):
    """A series of a study, by UID."""

    study: str
    series: str


def state_of(instances: Iterable[StoredInstance]) -> bytes:
    """Which instances, in which order, of which bytes."""
    state = hashlib.blake2b(_FORM, digest_size=_STATE_BYTES)
    for instance in instances:
        state.update(instance.digest)
    return state.digest()


class KeptMetadata:
    """The folder of files. Its methods block."""

    def __init__(self, root: Path) -> None:
        """`root`: the data folder."""
        self._root = root / FOLDER

    def read(self, key: SeriesKey, state: bytes, base_url: str) -> bytes | None:
        """The series' instances as an array of JSON objects; None if they are not here."""
        with suppress(OSError, ValueError, zlib.error):
            data = self._path(key).read_bytes()
            head, _, packed = data[_STATE_BYTES:].partition(b"\n")
            if data[:_STATE_BYTES] != state:
                return None
            size = int.from_bytes(packed[-4:], "little")  # ISIZE (RFC 1952 Section 2.3.1): no larger buffer, no copy
            if size > MAX_TEXT_BYTES:
                return None
            text = zlib.decompress(packed, GZIP_WINDOW, size)
            return text.replace(_BULK + head, _BULK + base_url.encode()) if head != base_url.encode() else text
        return None

    def write(self, key: SeriesKey, state: bytes, base_url: str, packed: bytes) -> None:
        """Keeps what `packed_text` gave, with URLs that begin with `base_url`."""
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=path.parent)
            with os.fdopen(descriptor, "wb") as file:
                file.write(b"".join((state, base_url.encode(), b"\n", packed)))
            Path(name).replace(path)
        except OSError as error:
            log.warning("metadata cannot be kept", reason=error.strerror)

    def forget(self, key: SeriesKey) -> None:
        """Removes what is kept of a series."""
        with suppress(FileNotFoundError):
            self._path(key).unlink()

    def read_cursor(self) -> int | None:
        """The number of the last event that was looked at; None if there is none."""
        try:
            return int((self._root / "cursor").read_text("ascii"))
        except (OSError, ValueError):
            return None

    def write_cursor(self, seq: int) -> None:
        """Keeps the number of the last event that was looked at."""
        with suppress(OSError):
            self._root.mkdir(parents=True, exist_ok=True)
            (self._root / "cursor.new").write_text(str(seq), "ascii")
            (self._root / "cursor.new").replace(self._root / "cursor")

    def _path(self, key: SeriesKey) -> Path:
        name = hashlib.blake2b(f"{key.study}\0{key.series}".encode(), digest_size=16).hexdigest()
        return self._root / name[:2] / f"{name[2:]}.gz"
