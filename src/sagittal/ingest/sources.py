"""What a person hands us: a file, a folder, a ZIP, or a medium with a DICOMDIR; as a row of items to read."""

import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import msgspec

from sagittal.errors import Invalid, NotFound

DICOMDIR = "DICOMDIR"
MAX_ZIP_MEMBERS = 5_000_000


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


def items_of(path: Path) -> Iterator[Item | Missing]:
    """Every file under `path`, in the order of their names.

    A ZIP gives its members, a DICOMDIR the folder it stands in; where there is a DICOMDIR, what it lists and is not
    there comes last, as Missing. Links to folders are not followed.

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


def _folder(root: Path) -> Iterator[Item | Missing]:
    directory: Path | None = None
    for folder, folders, files in os.walk(root):
        folders.sort()
        for name in sorted(files):
            file = Path(folder, name)
            if name.upper() == DICOMDIR:
                directory = directory or file
            elif file.suffix.lower() == ".zip" and zipfile.is_zipfile(file):
                yield from _zip(file, f"{file.relative_to(root)}/")
            elif file.is_file():
                yield _file(file, str(file.relative_to(root)))
    if directory is not None:
        yield from _missing(directory)


def _file(file: Path, name: str) -> Item:
    status = file.stat()
    return Item(name=name, size_bytes=status.st_size, changed_ns=status.st_mtime_ns, open=lambda: file.open("rb"))


def _zip(path: Path, prefix: str = "") -> Iterator[Item]:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise Invalid(f"{path} is no readable ZIP: {error}") from error
    with archive:
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


def _missing(directory: Path) -> Iterator[Missing]:
    from pydicom import dcmread

    try:
        records = dcmread(directory).DirectoryRecordSequence
    except (
        Exception
    ) as error:  # whatever a damaged directory makes the reader raise; the files themselves are read anyway
        raise Invalid(f"{directory} is no readable DICOMDIR: {error}") from error
    for record in records:
        parts = record.get("ReferencedFileID") or ()
        parts = (parts,) if isinstance(parts, str) else tuple(parts)
        if parts and not _on_medium(directory.parent, parts):
            yield Missing("/".join(parts))


def _on_medium(root: Path, parts: tuple[str, ...]) -> bool:
    """Whether the file is there; media mounted by ISO 9660 drivers may show names in lower case."""
    return root.joinpath(*parts).is_file() or root.joinpath(*(part.lower() for part in parts)).is_file()
