"""Export: instances as a file-set with a DICOMDIR (PS3.10 Section 8, PS3.12), in a folder or in a ZIP."""

import asyncio
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO, Any, Protocol

from sagittal.archive.archive import Archive
from sagittal.archive.model import StoredInstance
from sagittal.dicom.identifiers import new_uid
from sagittal.errors import Conflict
from sagittal.retrieve.header import read_header
from sagittal.runtime.actor import Actor

Progress = Callable[[int], None]

# What the directory records cannot do without (PS3.3 Annex F.5), said neutrally where an instance lacks it.
_PLACEHOLDERS = {
    "PatientID": "UNKNOWN",
    "StudyDate": "19000101",
    "StudyTime": "000000",
    "StudyID": "0",
    "Modality": "OT",
    "SeriesNumber": 0,
    "InstanceNumber": 0,
}


class Sink(Protocol):
    """Where the files of an export go."""

    def open(self, name: str) -> IO[bytes]:
        """A new file of that name (`/` between folders), to write and close."""


async def export(
    archive: Archive, actor: Actor, instances: Sequence[StoredInstance], target: Path, progress: Progress
) -> None:
    """Writes `instances`, byte for byte as stored, with a DICOMDIR, to the folder or `.zip` named by `target`.

    Args:
        actor: on whose behalf; an export is a read of everything in it.
        progress: called with the number of files written so far.

    Raises:
        Conflict: there is something at `target` already.
        Corrupt: an instance is not what was stored.
    """
    del actor  # becomes a question to the policy and a line in the ledger
    if await asyncio.to_thread(_is_taken, target):
        raise Conflict(f"{target} is there already and is not empty; an export goes to a new place")
    with tempfile.TemporaryDirectory() as scratch:
        names = await _make_directory(archive, instances, Path(scratch))
        with _sink(target) as sink:
            await asyncio.to_thread(_copy, Path(scratch, "DICOMDIR"), sink)
            for done, instance in enumerate(instances, 1):
                await _write(archive, instance, names[instance.sop_instance_uid], sink)
                progress(done)


def _is_taken(target: Path) -> bool:
    return target.is_file() or (target.is_dir() and any(target.iterdir()))


async def _make_directory(archive: Archive, instances: Sequence[StoredInstance], scratch: Path) -> dict[str, str]:
    """Lets pydicom lay out the file-set from headers alone; gives the file name of each SOP Instance UID."""
    from pydicom.fileset import FileSet

    files = FileSet()
    files.UID = new_uid()
    for instance in instances:
        header = await read_header(archive, instance)
        await asyncio.to_thread(_add, files, instance, header.data)
    await asyncio.to_thread(files.write, scratch)
    return {str(file.SOPInstanceUID): Path(file.path).relative_to(scratch).as_posix() for file in files}


def _add(files: Any, instance: StoredInstance, header: bytes) -> None:  # Any: pydicom's FileSet is untyped here
    from pydicom.dataset import FileMetaDataset

    dataset = _parse(instance, header)
    for keyword, value in _PLACEHOLDERS.items():
        if dataset.get(keyword) in (None, ""):
            setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = instance.transfer_syntax_uid
    dataset.file_meta.MediaStorageSOPClassUID = instance.sop_class_uid
    dataset.file_meta.MediaStorageSOPInstanceUID = instance.sop_instance_uid
    try:
        files.add(dataset)
    except ValueError:  # a class without a directory record of its own, or one that lacks what its record needs
        files.add_custom(dataset, _private_record(instance))


def _parse(instance: StoredInstance, header: bytes) -> Any:  # Any: as above
    from pydicom import dcmread

    from sagittal.dicom.dataset.part10 import make_file_header

    meta = make_file_header(
        sop_class_uid=instance.sop_class_uid,
        sop_instance_uid=instance.sop_instance_uid,
        transfer_syntax_uid=instance.transfer_syntax_uid,
    )
    dataset = dcmread(BytesIO(meta + header), stop_before_pixels=True)
    wanted = [e.tag for e in dataset if e.VR in {"OB", "OW", "UN", "SQ"} and e.tag.group != 0x0040]
    for tag in wanted:  # the directory needs none of the bulk
        del dataset[tag]
    return dataset


def _private_record(instance: StoredInstance) -> Any:  # Any: as above
    from pydicom.dataset import Dataset
    from pydicom.fileset import RecordNode

    record = Dataset()
    record.DirectoryRecordType = "PRIVATE"
    record.PrivateRecordUID = instance.sop_class_uid
    return RecordNode(record)


async def _write(archive: Archive, instance: StoredInstance, name: str, sink: Sink) -> None:
    file = await asyncio.to_thread(sink.open, name)
    with file:
        async for chunk in archive.stream(instance):
            await asyncio.to_thread(file.write, chunk)


def _copy(source: Path, sink: Sink) -> None:
    with sink.open(source.name) as file:
        file.write(source.read_bytes())


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
