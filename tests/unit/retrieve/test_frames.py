from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.encaps import generate_frames

from sagittal.archive.archive import Archive
from sagittal.archive.model import StoredInstance
from sagittal.archive.reader import ArchiveReader
from sagittal.errors import NotFound
from sagittal.retrieve import frames
from sagittal.retrieve.frames import locate_frame, locate_frames, read_frame
from sagittal.retrieve.header import read_inflated
from sagittal.retrieve.scope import Scope, locate
from sagittal.runtime.actor import LOCAL
from support.archives import archive_at, soon, store

NATIVE = ("CT_small.dcm", "MR_small_bigendian.dcm", "rtdose.dcm", "image_dfl.dcm", "SC_ybr_full_422_uncompressed.dcm")
ENCAPSULATED = ("JPEG2000.dcm", "SC_rgb_rle_2frame.dcm", "rtdose_rle.dcm", "examples_ybr_color.dcm", "MR_small_RLE.dcm")


def content_of(name: str) -> bytes:
    return Path(str(get_testdata_file(name))).read_bytes()


async def kept(archive: Archive, content: bytes) -> StoredInstance:
    (stored,) = await store(archive, content)
    (found,) = await locate(archive, LOCAL, Scope(instance=stored.sop_instance_uid), soon())
    return found


async def frames_of(archive: Archive, instance: StoredInstance) -> list[bytes]:
    numbers = range(1, instance.frames + 1)
    located = [await locate_frame(archive, LOCAL, instance, number, soon()) for number in numbers]
    return [await read_frame(archive, instance, frame) for frame in located]


@pytest.mark.parametrize("name", NATIVE)
async def test_native_frames_are_the_pixel_data_cut_evenly(tmp_path: Path, name: str) -> None:
    content = content_of(name)
    async with archive_at(tmp_path / "data") as archive:
        frames = await frames_of(archive, await kept(archive, content))
    pixels = pydicom.dcmread(BytesIO(content)).PixelData
    assert frames
    assert b"".join(frames) == pixels[: len(b"".join(frames))]
    assert len({len(frame) for frame in frames}) == 1


@pytest.mark.parametrize("name", ENCAPSULATED)
async def test_encapsulated_frames_are_those_that_pydicom_finds(tmp_path: Path, name: str) -> None:
    content = content_of(name)
    async with archive_at(tmp_path / "data") as archive:
        frames = await frames_of(archive, await kept(archive, content))
    dataset = pydicom.dcmread(BytesIO(content))
    count = int(dataset.get("NumberOfFrames", 1) or 1)
    assert frames == list(generate_frames(dataset.PixelData, number_of_frames=count))


@pytest.mark.parametrize("number", [0, 2, 10**9])
async def test_a_frame_that_is_not_there_is_not_found(tmp_path: Path, number: int) -> None:
    async with archive_at(tmp_path / "data") as archive:
        instance = await kept(archive, content_of("CT_small.dcm"))
        with pytest.raises(NotFound, match=r"there is no frame"):
            await locate_frame(archive, LOCAL, instance, number, soon())


async def test_an_instance_without_pixels_has_no_frames(tmp_path: Path) -> None:
    async with archive_at(tmp_path / "data") as archive:
        instance = await kept(archive, content_of("test-SR.dcm"))
        with pytest.raises(NotFound, match="no pixel data"):
            await locate_frame(archive, LOCAL, instance, 1, soon())


@pytest.mark.parametrize("name", [*NATIVE, *ENCAPSULATED])
async def test_several_frames_at_once_are_those_one_by_one(tmp_path: Path, name: str) -> None:
    async with archive_at(tmp_path / "data") as archive:
        instance = await kept(archive, content_of(name))
        numbers = range(1, instance.frames + 1)
        located = await locate_frames(archive, LOCAL, instance, numbers, soon())
        together = [await read_frame(archive, instance, frame) for frame in located]
        assert together == await frames_of(archive, instance)


async def test_a_deflated_instance_is_inflated_once_for_all_its_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    async def counted(archive: ArchiveReader, instance: StoredInstance) -> bytes:
        calls.append(instance.sop_instance_uid)
        return await read_inflated(archive, instance)

    monkeypatch.setattr(frames, "read_inflated", counted)
    async with archive_at(tmp_path / "data") as archive:
        instance = await kept(archive, content_of("image_dfl.dcm"))
        await locate_frames(archive, LOCAL, instance, (1, 1, 1), soon())
    assert len(calls) == 1
