"""What is in an upload: one DICOM file, or a ZIP of them, held to caps before anything is unpacked."""

import struct
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Final

import msgspec

from sagittal.errors import Invalid, Refused
from sagittal.ingest.sources import DICOMDIR, Found, Item, Missing, Unreadable, items_of
from sagittal.ingest.uploads.model import Limits

MAX_MEMBERS: Final = 200_000
MAX_DIRECTORY_BYTES: Final = 64 * 1024**2
MAX_DICOMDIR_BYTES: Final = 16 * 1024**2
_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")
_MAX_COMMENT_BYTES: Final = 65_535


def items_in(path: Path, name: str, limits: Limits) -> list[Found]:
    """Every file of the upload at `path`, which its sender calls `name`; blocks.

    Raises:
        Invalid: a ZIP that cannot be read.
        Refused: a ZIP of more files or bytes than this site unpacks.
    """
    if path.stat().st_size == 0:
        return [Unreadable(name, "the file is empty")]
    check_directory(path)
    try:
        found = list(items_of(path))
    except Invalid as error:
        raise Invalid(str(error).replace(str(path), "the file")) from error
    total = sum(item.size_bytes for item in found if isinstance(item, Item))
    if len(found) > MAX_MEMBERS or total > max(limits.max_bytes, path.stat().st_size):
        raise Refused(
            f"the ZIP would unpack to {len(found)} files of {total} bytes; "
            f"at most {MAX_MEMBERS} files of {limits.max_bytes} bytes are taken at a time"
        )
    return [*_named(found, path, name, limits), *_not_there(path)]


def _named(found: list[Found], path: Path, name: str, limits: Limits) -> Iterator[Found]:
    for item in found:
        called = name if item.name == path.name and len(found) == 1 else item.name
        if isinstance(item, Missing):
            yield item
        elif isinstance(item, Item) and item.size_bytes > limits.max_object_bytes:
            yield Unreadable(called, f"the instance is larger than max_object_bytes={limits.max_object_bytes}")
        else:
            yield msgspec.structs.replace(item, name=called)


def _not_there(path: Path) -> Iterator[Missing | Unreadable]:
    """What the DICOMDIRs in a ZIP list and the ZIP has not (PS3.10 Section 8.6); nothing for other files."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        there = {member.filename.lower() for member in archive.infolist()}
        for member in archive.infolist():
            folder, _, called = member.filename.rpartition("/")
            if called.upper() != DICOMDIR:
                continue
            if member.file_size > MAX_DICOMDIR_BYTES:
                yield Unreadable(member.filename, f"a DICOMDIR has {MAX_DICOMDIR_BYTES} bytes at most")
                continue
            for parts in _listed(archive, member):
                name = "/".join(part for part in (folder, *parts) if part)
                if name.lower() not in there:
                    yield Missing(name)


def _listed(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[tuple[str, ...]]:
    from pydicom import dcmread

    try:
        records = dcmread(BytesIO(archive.read(member))).DirectoryRecordSequence
    except Exception:  # noqa: BLE001  # whatever a damaged directory makes the reader raise: it lists nothing then
        return
    for record in records:
        parts = record.get("ReferencedFileID") or ()
        parts = (parts,) if isinstance(parts, str) else tuple(parts)
        if parts:
            yield parts


def check_directory(path: Path) -> None:
    """Raises Refused if reading the table of contents of a ZIP would cost more memory than it is worth; blocks."""
    with path.open("rb") as file:
        size = path.stat().st_size
        start = max(0, size - _END.size - _MAX_COMMENT_BYTES)
        file.seek(start)
        tail = file.read()
        at = tail.rfind(b"PK\5\6")
        if at < 0 or at + _END.size > len(tail):
            return
        _, _, _, _, members, directory, _, _ = _END.unpack_from(tail, at)
        if at >= _LOCATOR_64.size and tail[at - _LOCATOR_64.size :][:4] == b"PK\6\7":
            _, _, offset, _ = _LOCATOR_64.unpack_from(tail, at - _LOCATOR_64.size)
            file.seek(min(offset, size))
            end = file.read(_END_64.size)
            if len(end) == _END_64.size and end[:4] == b"PK\6\6":
                *_, members, directory, _ = _END_64.unpack(end)
    if members > MAX_MEMBERS or directory > MAX_DIRECTORY_BYTES:
        raise Refused(f"the ZIP lists {members} files; at most {MAX_MEMBERS} are taken at a time")
