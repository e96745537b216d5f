"""Packs are plain tars of DICOM files, for people who have nothing of ours."""

import subprocess
from pathlib import Path

import pytest

from sagittal.archive.archive import Archive
from sagittal.archive.settings import ArchiveSettings
from support.data_sets import RLE, data_set, encapsulated
from support.peers import require
from support.puts import ACTOR, put

NAMES = [*(f"00000{n + 1}-1.2.3.1.{n}.dcm" for n in range(3)), "000004-1.2.9.dcm"]


def untar_and_dump(pack: Path, target: Path) -> None:
    target.mkdir()
    done = subprocess.run(["tar", "xvf", pack, "-C", target], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout.split() == NAMES
    for name in NAMES:
        shown = subprocess.run(["dcmdump", target / name], capture_output=True, text=True, check=True)
        assert "Doe^Jane" in shown.stdout
        assert shown.stderr == ""


@pytest.mark.parametrize("held_bytes", [1 << 20, 500], ids=["held", "streamed"])
async def test_tar_gives_files_that_dcmdump_opens(tmp_path: Path, held_bytes: int) -> None:
    require("tar", "dcmdump")
    archive = Archive.open(tmp_path / "data", settings=ArchiveSettings(held_bytes=held_bytes))
    session = archive.session(ACTOR)
    for number in range(3):
        await put(session, data_set(number, pixels=bytes(2000 * number + 128)))
    await put(
        session, encapsulated([b"\0" * 64, b"\1" * 50], more={0x00280008: b"2", 0x00080018: b"1.2.9"}), syntax=RLE
    )
    (pack,) = archive.packs.glob("*/*/*.tar")
    untar_and_dump(pack, tmp_path / "open")
    await session.close()
    untar_and_dump(pack, tmp_path / "sealed")
    await archive.close()
