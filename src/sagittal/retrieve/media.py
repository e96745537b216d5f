"""Export: instances as a file-set with a DICOMDIR (PS3.10 Section 8, PS3.12), in a folder or in a ZIP."""

import asyncio
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from sagittal.archive.model import StoredInstance
from sagittal.archive.reader import ArchiveReader
from sagittal.dicom import json_model
from sagittal.dicom.dataset.header import read_header as parse_header
from sagittal.dicom.identifiers import new_uid
from sagittal.dicom.media_directory import KEYS, Entry, file_ids, make_media_directory
from sagittal.errors import Conflict
from sagittal.retrieve.header import read_header
from sagittal.runtime.actor import Actor

Progress = Callable[[int], None]

FILES_IN_FOLDER = 10_000


class Sink(Protocol):
    """Where the files of an export go."""

    def open(self, name: str) -> IO[bytes]:
        """A new file of that name (`/` between folders), to write and close."""


async def export(
    archive: ArchiveReader, actor: Actor, instances: Sequence[StoredInstance], target: Path, progress: Progress
) -> None:
    """Writes `instances`, byte for byte as stored, with a DICOMDIR, to the folder or `.zip` named by `target`.

    Args:
        archive: where they are.
        actor: on whose behalf; `scope.locate` has asked the policy, and told the ledger, about what is given here.
        instances: what to write, in this order.
        target: a folder that is not there or empty, or a file that is not there.
        progress: called with the number of files written so far.

    Raises:
        Conflict: there is something at `target` already.
        Corrupt: an instance is not what was stored.
    """
    del actor
    if await asyncio.to_thread(_is_taken, target):
        raise Conflict(f"{target} is there already and is not empty; an export goes to a new place")
    names = list(file_ids(min(len(instances), FILES_IN_FOLDER)))
    folders = list(file_ids(len(instances) // FILES_IN_FOLDER + 1, level="DV"))
    entries = []
    with _sink(target) as sink:
        for number, instance in enumerate(instances):
            folder, name = divmod(number, FILES_IN_FOLDER)
            entries.append(await _entry(archive, instance, (folders[folder], names[name])))
            await _write(archive, instance, "/".join(entries[-1].file_id), sink)
            progress(number + 1)
        directory = await asyncio.to_thread(make_media_directory, entries, "SAGITTAL", new_uid())
        with sink.open("DICOMDIR") as file:
            file.write(directory)


async def zipped(archive: ArchiveReader, actor: Actor, instances: Sequence[StoredInstance]) -> AsyncIterator[bytes]:
    """A ZIP with `instances`, byte for byte as stored, and a DICOMDIR, piece by piece: nothing of it lies on the disk.

    Args:
        archive: where they are.
        actor: on whose behalf; `scope.locate` has asked the policy, and told the ledger, about what is given here.
        instances: what it holds, in this order.

    Raises:
        Corrupt: an instance is not what was stored.
    """
    del actor
    names = list(file_ids(min(len(instances), FILES_IN_FOLDER)))
    folders = list(file_ids(len(instances) // FILES_IN_FOLDER + 1, level="DV"))
    entries, outlet = [], Outlet()
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_STORED) as file:
        for number, instance in enumerate(instances):
            folder, name = divmod(number, FILES_IN_FOLDER)
            entries.append(await _entry(archive, instance, (folders[folder], names[name])))
            with file.open("/".join(entries[-1].file_id), "w", force_zip64=True) as member:
                async for chunk in archive.stream(instance):
                    member.write(chunk)
                    yield outlet.taken()
        file.writestr("DICOMDIR", await asyncio.to_thread(make_media_directory, entries, "SAGITTAL", new_uid()))
    yield outlet.taken()


class Outlet:
    """Where a ZIP goes: what was written and not taken yet. It cannot go back, so that sizes follow the data."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """Nothing is held open."""

    def taken(self) -> bytes:
        """All that was written since, once."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def _is_taken(target: Path) -> bool:
    return target.is_file() or (target.is_dir() and any(target.iterdir()))


async def _entry(archive: ArchiveReader, instance: StoredInstance, file_id: tuple[str, ...]) -> Entry:
    header = parse_header((await read_header(archive, instance)).data, instance.transfer_syntax_uid, KEYS)
    attributes = json_model.encode_elements(header.elements, header.encoding)
    attributes.pop("00080005", None)
    return Entry(instance.sop_class_uid, instance.sop_instance_uid, instance.transfer_syntax_uid, attributes, file_id)


async def _write(archive: ArchiveReader, instance: StoredInstance, name: str, sink: Sink) -> None:
    file = await asyncio.to_thread(sink.open, name)
    with file:
        async for chunk in archive.stream(instance):
            await asyncio.to_thread(file.write, chunk)


@contextmanager
def _sink(target: Path) -> Iterator[Sink]:
    if target.suffix.lower() == ".zip":
        target.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(target, "x", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            yield _ZipSink(archive)
    else:
        yield _FolderSink(target)


class _FolderSink:
    def __init__(self, root: Path) -> None:
        self._root = root

    def open(self, name: str) -> IO[bytes]:
        path = self._root.joinpath(*name.split("/"))
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("xb")


class _ZipSink:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def open(self, name: str) -> IO[bytes]:
        return self._archive.open(name, "w", force_zip64=True)
