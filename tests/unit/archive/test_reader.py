from pathlib import Path

import pytest

from sagittal.archive.archive import Archive
from sagittal.archive.lock import FolderInUse
from sagittal.archive.reader import open_reader
from sagittal.errors import NotFound
from support.archives import archive_at, instance, store


async def test_a_folder_can_be_read_beside_the_process_that_writes_it(tmp_path: Path) -> None:
    async with archive_at(tmp_path) as archive:
        reader = open_reader(tmp_path)
        (stored,) = await store(archive, instance())
        (found,) = await reader.locate(instance=stored.sop_instance_uid)
        assert await reader.read(found, 128, 4) == b"DICM"
        await reader.close()


async def test_a_folder_is_written_by_one_at_a_time(tmp_path: Path) -> None:
    async with archive_at(tmp_path):
        with pytest.raises(FolderInUse, match=str(tmp_path)):
            Archive.open(tmp_path)


def test_reading_makes_no_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nothing is kept"):
        open_reader(tmp_path / "new")
    assert not (tmp_path / "new").exists()
