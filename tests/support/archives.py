"""An archive in a folder of the test, and instances to put into it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path

import pydicom
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from sagittal.archive.archive import Archive
from sagittal.archive.model import Stored
from sagittal.dicom.identifiers import new_uid
from sagittal.ingest import Part10Receiver
from sagittal.runtime.actor import LOCAL
from sagittal.runtime.deadline import Deadline


def soon() -> Deadline:
    return Deadline.after(30)


@asynccontextmanager
async def archive_at(folder: Path) -> AsyncIterator[Archive]:
    archive = Archive.open(folder)
    try:
        yield archive
    finally:
        await archive.close()


def instance(template: str = "MR_small.dcm", **attributes: object) -> Dataset:
    """A data set of pydicom's own, renamed: new UIDs at each level unless given."""
    dataset = pydicom.dcmread(str(get_testdata_file(template)))
    fresh = {keyword: new_uid() for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")}
    for keyword, value in (fresh | attributes).items():
        setattr(dataset, keyword, value)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def file_bytes(dataset: Dataset) -> bytes:
    buffer = BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


async def store(archive: Archive, *files: bytes | Dataset) -> list[Stored]:
    """Puts files in, one after the other, as one sender."""
    session = archive.session(LOCAL)
    stored = []
    for file in files:
        receiver = Part10Receiver(session)
        receiver.write(file if isinstance(file, bytes) else file_bytes(file))
        stored.append(await receiver.commit(soon()))
    await session.close()
    return stored
