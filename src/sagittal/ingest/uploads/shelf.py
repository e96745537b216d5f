"""Where uploads lie: a folder each, with what was said of it, its bytes, how far they are synced, and the report.

DATA/uploads/<id>/facts.json   written last when an upload begins: without it the folder is nothing
DATA/uploads/<id>/bytes        what came; counts only up to the mark
DATA/uploads/<id>/mark         two slots written in turn: a torn write leaves the other
DATA/uploads/<id>/journal      items that are durable in the archive already
DATA/uploads/<id>/report.json  the end: then the bytes go

Everything here blocks.
"""

import contextlib
import os
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from sagittal.errors import Exhausted
from sagittal.ingest.uploads.model import Facts, Mark, UploadReport

_SLOT_BYTES: Final = 512
_FACTS, _BYTES, _MARK, _REPORT = "facts.json", "bytes", "mark", "report.json"


class Kept(NamedTuple):
    """An upload as it was found at start-up."""

    facts: Facts
    mark: Mark
    report: UploadReport | None
    touched_ns: int


class Shelf:
    """The folders of uploads."""

    def __init__(self, root: Path) -> None:
        """Uploads below `root`, which is made if it is not there."""
        self.root = root
        root.mkdir(mode=0o700, parents=True, exist_ok=True)

    def load(self) -> list[Kept]:
        """What is here; what was left half made or half removed goes, and bytes beyond a mark."""
        found = [self._load(folder) for folder in self.root.iterdir() if folder.is_dir()]
        return [one for one in found if one is not None]

    def make(self, facts: Facts, length: int | None) -> None:
        """Begins an upload. Raises Exhausted."""
        folder = self.root / facts.id
        with _disk_errors():
            folder.mkdir(mode=0o700)
            (folder / _BYTES).touch()
            (folder / _MARK).write_bytes(_slot(Mark(0, length)))
            _write_synced(folder / _FACTS, msgspec.json.encode(facts))
            _sync_folder(folder)
            _sync_folder(self.root)

    def finish(self, report: UploadReport) -> None:
        """Keeps the report, and lets the bytes go. Raises Exhausted."""
        folder = self.root / report.id
        with _disk_errors():
            _write_synced(folder / _REPORT, msgspec.json.encode(report))
            _sync_folder(folder)
        self._clear(folder)

    def remove(self, upload_id: str) -> None:
        """Forgets an upload."""
        folder = self.root / upload_id
        (folder / _FACTS).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)

    def bytes_of(self, upload_id: str) -> Path:
        """The file with its bytes."""
        return self.root / upload_id / _BYTES

    def free_bytes(self) -> int:
        """What the medium has left."""
        return shutil.disk_usage(self.root).free

    def _load(self, folder: Path) -> Kept | None:
        try:
            facts = msgspec.json.decode((folder / _FACTS).read_bytes(), type=Facts)
        except (OSError, msgspec.DecodeError):
            shutil.rmtree(folder, ignore_errors=True)
            return None
        if (folder / _REPORT).exists():
            self._clear(folder)
            report = msgspec.json.decode((folder / _REPORT).read_bytes(), type=UploadReport)
            return Kept(facts, Mark(report.offset, report.length, is_complete=True), report, report.ended_ns)
        mark = read_mark(folder / _MARK)
        with _disk_errors():
            os.truncate(folder / _BYTES, mark.offset)
        return Kept(facts, mark, None, (folder / _MARK).stat().st_mtime_ns)

    @staticmethod
    def _clear(folder: Path) -> None:
        for name in (_BYTES, _MARK, "journal"):
            (folder / name).unlink(missing_ok=True)


class Spool:
    """The bytes of an upload, open for one request. Close it at the end."""

    def __init__(self, shelf: Shelf, upload_id: str, offset: int) -> None:
        """Writes from `offset` on. Raises Exhausted."""
        folder = shelf.root / upload_id
        with _disk_errors():
            self._bytes = os.open(folder / _BYTES, os.O_WRONLY)
            self._mark = os.open(folder / _MARK, os.O_RDWR)
        self.offset = offset

    def write(self, data: bytes | bytearray) -> None:
        """Adds bytes. Raises Exhausted."""
        view = memoryview(data)
        with _disk_errors():
            while view:
                written = os.pwrite(self._bytes, view, self.offset)
                self.offset += written
                view = view[written:]

    def cut(self, offset: int) -> None:
        """Takes back what was written beyond `offset`."""
        with _disk_errors():
            os.ftruncate(self._bytes, offset)
        self.offset = offset

    def sync(self, mark: Mark) -> None:
        """When this returns, the bytes up to the mark are on the medium, and the mark says so. Raises Exhausted."""
        with _disk_errors():
            os.fdatasync(self._bytes)
            slots = [_read_slot(self._mark, at) for at in (0, 1)]
            older = 0 if _order(slots[0]) <= _order(slots[1]) else 1
            os.pwrite(self._mark, _slot(mark), older * _SLOT_BYTES)
            os.fdatasync(self._mark)

    def close(self) -> None:
        """Lets the files go."""
        os.close(self._bytes)
        os.close(self._mark)


def read_mark(path: Path) -> Mark:
    """The mark that was written last; that of an empty upload if none can be read."""
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return Mark(0, None)
    try:
        return max((_read_slot(file, at) for at in (0, 1)), key=_order) or Mark(0, None)
    finally:
        os.close(file)


def _order(mark: Mark | None) -> tuple[int, bool, bool]:
    """Marks only grow: more bytes, then a length, then the end."""
    return (-1, False, False) if mark is None else (mark.offset, mark.length is not None, mark.is_complete)


def _slot(mark: Mark) -> bytes:
    text = msgspec.json.encode(mark)
    return (b"%08x" % zlib.crc32(text) + text).ljust(_SLOT_BYTES, b"\0")


def _read_slot(file: int, at: int) -> Mark | None:
    slot = os.pread(file, _SLOT_BYTES, at * _SLOT_BYTES).rstrip(b"\0")
    text = slot[8:]
    if not text or slot[:8] != b"%08x" % zlib.crc32(text):
        return None
    return msgspec.json.decode(text, type=Mark)


def _write_synced(path: Path, data: bytes) -> None:
    beside = path.with_suffix(".new")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


@contextlib.contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Exhausted(f"cannot write an upload: {error.strerror}") from error
