import gc
import zipfile
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.fileset import FileSet

from sagittal.archive.archive import Archive
from sagittal.archive.model import StoredInstance
from sagittal.errors import Conflict
from sagittal.retrieve.media import export
from sagittal.retrieve.scope import Scope, locate
from sagittal.runtime.actor import LOCAL
from support.archives import archive_at, file_bytes, instance, soon, store

TEMPLATES = ("CT_small.dcm", "MR_small.dcm", "rtplan.dcm", "test-SR.dcm", "waveform_ecg.dcm", "image_dfl.dcm")


async def located(archive: Archive, uids: list[str]) -> tuple[StoredInstance, ...]:
    found = [await locate(archive, LOCAL, Scope(instance=uid), soon()) for uid in uids]  # type: ignore[arg-type]  # a test's own UIDs
    return tuple(one for few in found for one in few)


def content_of(path: Path) -> bytes:
    return path.read_bytes()


async def fill(archive: Archive) -> dict[str, bytes]:
    """Stores one of each kind; gives the files by SOP Instance UID."""
    files = {}
    for template in TEMPLATES:
        content = content_of(Path(str(get_testdata_file(template))))
        (stored,) = await store(archive, content)
        files[str(stored.sop_instance_uid)] = content
    return files


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_file_set_reads_back_with_its_directory(tmp_path: Path) -> None:
    async with archive_at(tmp_path / "data") as archive:
        files = await fill(archive)
        await export(archive, LOCAL, await located(archive, list(files)), tmp_path / "out", lambda _: None)
    listed = FileSet(tmp_path / "out" / "DICOMDIR")
    found = {}
    for one in listed:
        found[str(one.SOPInstanceUID)] = Path(one.path)
    del listed, one
    gc.collect()  # its temporary folder warns when it goes
    assert {uid: content_of(path) for uid, path in found.items()} == files


async def test_a_record_says_what_kind_of_instance_it_is(tmp_path: Path) -> None:
    async with archive_at(tmp_path / "data") as archive:
        files = await fill(archive)
        await export(archive, LOCAL, await located(archive, list(files)), tmp_path / "out", lambda _: None)
    directory = pydicom.dcmread(tmp_path / "out" / "DICOMDIR")
    kinds = {record.DirectoryRecordType for record in directory.DirectoryRecordSequence}
    assert kinds == {"PATIENT", "STUDY", "SERIES", "IMAGE", "RT PLAN", "SR DOCUMENT", "WAVEFORM"}


async def test_a_name_that_is_not_latin_stays_readable_in_the_directory(tmp_path: Path) -> None:
    one = instance(PatientName="Люкceмбypг", PatientID="7")
    one.SpecificCharacterSet = "ISO_IR 144"
    async with archive_at(tmp_path / "data") as archive:
        await store(archive, one)
        await export(archive, LOCAL, await located(archive, [one.SOPInstanceUID]), tmp_path / "out", lambda _: None)
    directory = pydicom.dcmread(tmp_path / "out" / "DICOMDIR")
    assert str(directory.DirectoryRecordSequence[0].PatientName) == "Люкceмбypг"


async def test_a_zip_holds_the_same_files(tmp_path: Path) -> None:
    one = instance()
    async with archive_at(tmp_path / "data") as archive:
        await store(archive, one)
        await export(archive, LOCAL, await located(archive, [one.SOPInstanceUID]), tmp_path / "o.zip", lambda _: None)
    with zipfile.ZipFile(tmp_path / "o.zip") as out:
        assert set(out.namelist()) == {"DICOMDIR", "DV000000/IM000000"}
        assert out.read("DV000000/IM000000") == file_bytes(one)


async def test_an_export_never_writes_over_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("keep me")
    async with archive_at(tmp_path / "data") as archive:
        with pytest.raises(Conflict, match="not empty"):
            await export(archive, LOCAL, (), tmp_path / "out", lambda _: None)
