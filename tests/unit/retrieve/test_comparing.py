"""Two instances side by side: what differs, and whether the pixels do, however they are encoded."""

import copy
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, RLELossless

from sagittal.errors import Corrupt
from sagittal.retrieve import comparing
from sagittal.retrieve.comparing import Comparison, Pixels, compare, preview
from sagittal.runtime.actor import LOCAL
from sagittal.runtime.pools import WorkerPool
from support.archives import archive_at, instance, soon, store


@pytest.fixture
async def pool() -> AsyncIterator[WorkerPool]:
    made = WorkerPool(1)
    yield made
    await made.close()


async def compared(folder: Path, pool: WorkerPool, one: Dataset, other: Dataset) -> Comparison:
    """The two under UIDs of their own."""
    async with archive_at(folder) as archive:
        await store(archive, one, other)
        first, second = [(await archive.locate(instance=str(each.SOPInstanceUID)))[0] for each in (one, other)]
        return await compare(archive, LOCAL, pool, first, second, soon())


def twin(one: Dataset, uid: str = "1.2.3.4") -> Dataset:
    other = copy.deepcopy(one)
    other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = uid
    return other


def changed(one: Dataset) -> Dataset:
    other = twin(one)
    other.PixelData = other.PixelData[:-2] + b"\7\7"
    return other


def shorter(one: Dataset) -> Dataset:
    other = twin(one)
    other.PixelData, other.Rows = other.PixelData[: 32 * 64 * 2], 32
    return other


def without(one: Dataset) -> Dataset:
    other = twin(one)
    del other.PixelData
    return other


def compressed(one: Dataset) -> Dataset:
    other = twin(one)
    other.compress(RLELossless, generate_instance_uid=False)
    return other


def compressed_and_changed(one: Dataset) -> Dataset:
    return compressed(changed(one))


def undecodable(one: Dataset) -> Dataset:
    other = twin(one)
    other.PixelData = encapsulate([b"no codestream"])
    other["PixelData"].is_undefined_length = True
    other.file_meta.TransferSyntaxUID = JPEG2000Lossless
    return other


@pytest.mark.parametrize(
    ("make", "pixels"),
    [
        (twin, "same"),
        (changed, "different"),
        (shorter, "different"),
        (without, "one"),
        (compressed, "same when decoded"),
        (compressed_and_changed, "different"),
        (undecodable, "encoded otherwise"),
    ],
)
async def test_whether_the_pixels_are_the_same(tmp_path: Path, pool: WorkerPool, make: object, pixels: Pixels) -> None:
    one = instance()
    assert callable(make)
    found = await compared(tmp_path, pool, one, make(one))
    assert found.pixels == pixels
    assert "SOPInstanceUID" in {one.keyword for one in found.attributes}


async def test_of_more_frames_than_are_decoded_it_is_not_told(
    tmp_path: Path, pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "MAX_DECODED_FRAMES", 0)
    one = instance()
    assert (await compared(tmp_path, pool, one, compressed(one))).pixels == "encoded otherwise"


async def test_neither_has_pixels(tmp_path: Path, pool: WorkerPool) -> None:
    one = without(instance())
    found = await compared(tmp_path, pool, one, twin(one, "1.2.3.5"))
    assert (found.pixels, [each.keyword for each in found.attributes]) == ("none", ["SOPInstanceUID"])


async def test_what_is_damaged_cannot_be_compared(tmp_path: Path, pool: WorkerPool) -> None:
    async with archive_at(tmp_path) as archive:
        one = instance()
        await store(archive, one)
        (found,) = await archive.locate(instance=str(one.SOPInstanceUID))
        with pytest.raises(Corrupt):
            await compare(archive, LOCAL, pool, found, msgspec.structs.replace(found, is_corrupt=True), soon())


async def test_a_picture_is_a_webp(tmp_path: Path, pool: WorkerPool) -> None:
    async with archive_at(tmp_path) as archive:
        one = instance()
        await store(archive, one)
        (found,) = await archive.locate(instance=str(one.SOPInstanceUID))
        made = await preview(archive, LOCAL, pool, found, soon())
    assert (made[:4], made[8:12]) == (b"RIFF", b"WEBP")
