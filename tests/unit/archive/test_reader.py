import asyncio
from pathlib import Path

import pytest

from sagittal.archive import packs
from sagittal.archive.archive import Archive
from sagittal.archive.lock import FolderInUse
from sagittal.archive.reader import open_reader
from sagittal.errors import Exhausted, NotFound
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


@pytest.mark.parametrize("nowait", [packs.reader._NOWAIT, 0])
async def test_what_is_read_stands_between_other_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nowait: int
) -> None:
    monkeypatch.setattr(packs.reader, "_NOWAIT", nowait)  # 0: all reads go to a thread
    async with archive_at(tmp_path) as archive:
        (stored,) = await store(archive, instance())
        (found,) = await archive.locate(instance=stored.sop_instance_uid)
        assert await archive.read(found, 128, 4, b"<", b"/>") == b"<DICM/>"
        assert await archive.read(found, 128, 4) == b"DICM"


async def test_who_gives_up_waiting_for_an_answer_leaves_the_others_theirs(tmp_path: Path) -> None:
    async with archive_at(tmp_path) as archive:
        (stored,) = await store(archive, instance())
        asking = [asyncio.ensure_future(archive.locate(instance=stored.sop_instance_uid)) for _ in range(40)]
        await asyncio.sleep(0)
        for one in asking[::2]:
            one.cancel()
        found = await asyncio.gather(*asking, return_exceptions=True)
        assert all(isinstance(one, asyncio.CancelledError) for one in found[::2])
        assert [len(one) for one in found[1::2] if isinstance(one, tuple)] == [1] * 20
        with pytest.raises(Exhausted, match="no such table"):
            await archive.fetch("SELECT 1 FROM nowhere", ())
