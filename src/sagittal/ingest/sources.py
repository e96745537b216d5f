"""What a person hands us: a file, a folder, a ZIP, or a medium with a DICOMDIR; as a row of items to read."""

import lzma
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import msgspec

from sagittal.errors import Invalid, NotFound

DICOMDIR = "DICOMDIR"
MAX_ZIP_MEMBERS = 5_000_000

READ_ERRORS = (OSError, RuntimeError, EOFError, ValueError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)
"""What file systems and ZIPs raise when an item cannot be opened or read."""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One file that may be a DICOM file.

    Attributes:
        name: how a person would call it: path within the folder or the ZIP.
        size_bytes, changed_ns: as the file system or the ZIP says; together with the name they tell a file read before.
        open: gives its bytes from the start; the caller closes.
    """

    name: str
    size_bytes: int
    changed_ns: int
    open: Callable[[], IO[bytes]]


class Missing(msgspec.Struct, frozen=True):
    """A file that a DICOMDIR lists and that is not on the medium."""

    name: str


class Unreadable(msgspec.Struct, frozen=True):
    """A folder, file, ZIP or DICOMDIR that cannot be looked into, and why."""

    name: str
    reason: str


Found = Item | Missing | Unreadable


def items_of(path: Path) -> Iterator[Found]:
    """Every file under `path`, in the order of their names.

    A ZIP gives its members, a DICOMDIR the folder it stands in; where there is a DICOMDIR, what it lists and is not
    there comes last, as Missing. Links to folders are not followed. What cannot be looked into below `path` comes as
    Unreadable, and the rest goes on. A ZIP is closed
    when the last of its items is forgotten.

    Raises:
        NotFound: there is nothing at `path`.
        Invalid: a ZIP that cannot be read.
    """
    if path.is_dir():
        yield from _folder(path)
    elif not path.is_file():
        raise NotFound(f"there is no file or folder at {path}")
    elif path.name.upper() == DICOMDIR:
        yield from _folder(path.parent)
    elif zipfile.is_zipfile(path) and not _is_dicom(path):
        yield from _zip(path)
    else:
        yield _file(path, path.name)


def _folder(root: Path) -> Iterator[Found]:
    directory: Path | None = None
    closed: list[OSError] = []
    for folder, folders, files in os.walk(root, onerror=closed.append):
        folders.sort()
        for name in sorted(files):
            file = Path(folder, name)
            if name.upper() == DICOMDIR:
                directory = directory or file
            else:
                yield from _in_folder(file, str(file.relative_to(root)))
    yield from (Unreadable(os.path.relpath(error.filename, root), error.strerror or str(error)) for error in closed)
    if directory is not None:
        yield from _missing(directory)


def _in_folder(file: Path, name: str) -> Iterator[Item | Unreadable]:
    try:
        if file.suffix.lower() == ".zip" and zipfile.is_zipfile(file):
            yield from _zip(file, f"{name}/")
        elif file.is_file():
            yield _file(file, name)
    except (Invalid, OSError) as error:
        yield Unreadable(name, str(error))


def _file(file: Path, name: str) -> Item:
    status = file.stat()
    return Item(name=name, size_bytes=status.st_size, changed_ns=status.st_mtime_ns, open=lambda: file.open("rb"))


def _zip(path: Path, prefix: str = "") -> Iterator[Item]:
    try:
        archive = zipfile.ZipFile(path)
    except READ_ERRORS as error:
        raise Invalid(f"{path} is no readable ZIP: {error}") from error
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) > MAX_ZIP_MEMBERS:
        raise Invalid(f"{path} has {len(members)} members, more than {MAX_ZIP_MEMBERS}")
    for member in members:
        if Path(member.filename).name.upper() != DICOMDIR:
            yield _member(archive, member, prefix)


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, prefix: str) -> Item:
    return Item(
        name=prefix + member.filename,
        size_bytes=member.file_size,
        changed_ns=member.CRC,  # a ZIP knows time by two seconds only; its checksum tells a member better
        open=lambda: archive.open(member),
    )


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _missing(directory: Path) -> Iterator[Missing | Unreadable]:
    from pydicom import dcmread

    try:
        records = dcmread(directory).DirectoryRecordSequence
    except Exception as error:  # noqa: BLE001  # whatever a damaged directory makes the reader raise
        yield Unreadable(directory.name, f"no readable DICOMDIR, so what it lists cannot be told: {error}")
        return
    for record in records:
        parts = record.get("ReferencedFileID") or ()
        parts = (parts,) if isinstance(parts, str) else tuple(parts)
        if parts and not _on_medium(directory.parent, parts):
            yield Missing("/".join(parts))


def _on_medium(root: Path, parts: tuple[str, ...]) -> bool:
    """Whether the file is there; media mounted by ISO 9660 drivers may show names in lower case."""
    return root.joinpath(*parts).is_file() or root.joinpath(*(part.lower() for part in parts)).is_file()
