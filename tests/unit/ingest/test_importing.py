import os
import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from sagittal.archive.archive import Archive
from sagittal.ingest.importing import ImportReport, import_items
from sagittal.ingest.resume import ImportJournal
from sagittal.ingest.sources import Found, items_of
from sagittal.runtime.actor import LOCAL
from support.archives import archive_at, file_bytes, instance

DIRECTORY = Path(str(get_testdata_file("DICOMDIR")))


async def run(archive: Archive, path: Path, items: Iterable[Found] | None = None) -> ImportReport:
    with ImportJournal(archive.root / "imports", path) as journal:
        return await import_items(archive, LOCAL, items_of(path) if items is None else items, journal, lambda _: None)


def folder_of(path: Path, count: int) -> Path:
    path.mkdir()
    for number in range(count):
        (path / f"{number}.dcm").write_bytes(file_bytes(instance(InstanceNumber=number)))
    return path


async def test_every_instance_of_a_folder_goes_in(tmp_path: Path) -> None:
    async with archive_at(tmp_path / "data") as archive:
        report = await run(archive, folder_of(tmp_path / "in", 5))
    assert (report.stored, report.refused) == (5, [])


async def test_an_import_done_again_stores_nothing_twice(tmp_path: Path) -> None:
    source = folder_of(tmp_path / "in", 3)
    async with archive_at(tmp_path / "data") as archive:
        await run(archive, source)
        again = await run(archive, source)
    assert (again.stored, again.duplicates, again.resumed) == (0, 3, 0)


async def test_an_import_that_was_broken_off_goes_on_where_it_stood(tmp_path: Path) -> None:
    source = folder_of(tmp_path / "in", 6)

    def three_then_a_power_cut() -> Iterable[Found]:
        for number, item in enumerate(items_of(source)):
            if number == 3:
                raise KeyboardInterrupt
            yield item

    async with archive_at(tmp_path / "data") as archive:
        with pytest.raises(KeyboardInterrupt):
            await run(archive, source, three_then_a_power_cut())
        report = await run(archive, source)
    assert report.resumed + report.duplicates == 3
    assert report.resumed >= 1
    assert report.stored == 3


async def test_what_cannot_go_in_is_named_with_a_reason_and_the_rest_goes_on(tmp_path: Path) -> None:
    source = folder_of(tmp_path / "in", 2)
    (source / "0-notes.txt").write_text("no DICOM, but text that is long enough to be looked at" * 5)
    (source / "1-empty").write_bytes(b"")
    shutil.copy(DIRECTORY, source / "1-directory")
    async with archive_at(tmp_path / "data") as archive:
        report = await run(archive, source)
    assert report.stored == 2
    assert {refusal.name for refusal in report.refused} == {"0-notes.txt", "1-empty", "1-directory"}
    assert all(refusal.reason for refusal in report.refused)


async def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "cut.dcm").write_bytes(file_bytes(instance())[:-1000])
    async with archive_at(tmp_path / "data") as archive:
        report = await run(archive, tmp_path / "in")
        assert report.stored == 0
        assert "cut.dcm" in report.refused[0].name


async def test_file_names_of_any_bytes_go_in_and_are_remembered(tmp_path: Path) -> None:
    source = folder_of(tmp_path / "in", 1)
    (source / "0.dcm").rename(os.fsdecode(os.fsencode(source) + b"/M\xfcller.dcm"))  # Latin-1, as on old media
    async with archive_at(tmp_path / "data") as archive:
        report = await run(archive, source)
    assert (report.stored, report.refused) == (1, [])


async def test_a_damaged_member_of_a_zip_is_refused_and_the_rest_goes_on(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive_file:
        for number in range(2):
            archive_file.writestr(f"{number}.dcm", file_bytes(instance(InstanceNumber=number)))
    content = bytearray((tmp_path / "in.zip").read_bytes())
    content[1000] ^= 1  # of the first member, whose checksum then tells
    (tmp_path / "in.zip").write_bytes(content)
    async with archive_at(tmp_path / "data") as archive:
        report = await run(archive, tmp_path / "in.zip")
    assert report.stored == 1
    assert [refusal.name for refusal in report.refused] == ["0.dcm"]
