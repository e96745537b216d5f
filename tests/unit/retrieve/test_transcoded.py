"""Instances in other Transfer Syntaxes, read back by pydicom."""

import warnings
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.pixels import pixel_array

from sagittal.errors import SagittalError, Unsupported
from sagittal.imaging.syntaxes import WRITTEN, is_lossless
from sagittal.retrieve.scope import Scope, locate
from sagittal.retrieve.transcoded import Source, is_transcodable, stream_transcoded_file, transcoded_frame
from sagittal.runtime.actor import LOCAL
from sagittal.runtime.pools import WorkerPool
from support.archives import archive_at, file_bytes, soon, store

EXPLICIT = "1.2.840.10008.1.2.1"
IMPLICIT = "1.2.840.10008.1.2"
LOSSLESS = [uid for uid in WRITTEN if is_lossless(uid)]
SEEN_BY_PYDICOM = {"1.2.840.10008.1.2.5", *(f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 57, 70, 80, 90, 91))}
FILES = [
    "MR_small.dcm",
    "CT_small.dcm",
    "SC_rgb_small_odd.dcm",
    "SC_ybr_full_uncompressed.dcm",
    "examples_palette.dcm",
    "liver_1frame.dcm",
    "rtdose_1frame.dcm",
    "MR_small_bigendian.dcm",
    "JPEG2000.dcm",
    "MR_small_RLE.dcm",
    "SC_rgb_rle_2frame.dcm",
    "SC_rgb_rle_32bit_2frame.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "emri_small.dcm",
    "emri_small_jpeg_ls_lossless.dcm",
    "emri_small_RLE.dcm",
]


@pytest.fixture
async def pool() -> AsyncIterator[WorkerPool]:
    made = WorkerPool(1)
    yield made
    await made.close()


async def source_of(archive: object, file: bytes, pool: WorkerPool) -> Source:
    stored = (await store(archive, file))[0]  # type: ignore[arg-type]  # the archive of `archive_at`
    scope = Scope(study=stored.study_instance_uid)
    (found,) = await locate(archive, LOCAL, scope, soon())  # type: ignore[arg-type]
    return Source(archive, LOCAL, found, soon(), pool)  # type: ignore[arg-type]


def sample(name: str) -> bytes:
    path = get_testdata_file(name, download=False)
    if path is None:
        pytest.skip(f"this pydicom does not ship {name}")
    return Path(str(path)).read_bytes()


async def transcoded(source: Source, syntax: str) -> Dataset:
    content = b"".join([piece async for piece in stream_transcoded_file(source, syntax)])
    return pydicom.dcmread(BytesIO(content))


def cells_of(dataset: Dataset) -> np.ndarray:
    return np.asarray(pixel_array(dataset, raw=True))


@pytest.mark.parametrize("name", FILES)
async def test_lossless_renditions_have_the_same_pixels(name: str, tmp_path: Path, pool: WorkerPool) -> None:
    warnings.simplefilter("ignore")
    content = sample(name)
    original = pydicom.dcmread(BytesIO(content))
    done = 0
    async with archive_at(tmp_path) as archive:
        source = await source_of(archive, content, pool)
        for syntax in (EXPLICIT, IMPLICIT, *LOSSLESS):
            if not is_transcodable(source.instance, syntax):
                continue
            try:
                rendition = await transcoded(source, syntax)
            except Unsupported:
                continue
            assert rendition.file_meta.TransferSyntaxUID == syntax
            assert rendition.SOPInstanceUID == original.SOPInstanceUID
            assert rendition.get("NumberOfFrames") == original.get("NumberOfFrames")
            if syntax in SEEN_BY_PYDICOM or syntax in (EXPLICIT, IMPLICIT):
                wanted = pixel_array(original, raw=original.file_meta.TransferSyntaxUID != "1.2.840.10008.1.2.4.50")
                got = cells_of(rendition)
                assert got.shape == wanted.shape, syntax
                assert np.abs(got.astype(float) - wanted.astype(float)).max() <= ("jpeg_dcmtk" in name), syntax
            done += 1
    assert done >= 2


@pytest.mark.parametrize("syntax", LOSSLESS)
async def test_there_and_back_gives_the_bytes_of_the_pixels(syntax: str, tmp_path: Path, pool: WorkerPool) -> None:
    original = pydicom.dcmread(BytesIO(sample("emri_small.dcm")))
    async with archive_at(tmp_path / "one") as archive, archive_at(tmp_path / "two") as second:
        source = await source_of(archive, file_bytes(original), pool)
        rendition = b"".join([piece async for piece in stream_transcoded_file(source, syntax)])
        back = await transcoded(await source_of(second, rendition, pool), EXPLICIT)
    assert back.PixelData == original.PixelData


async def test_a_lossy_rendition_is_another_instance_that_says_so(tmp_path: Path, pool: WorkerPool) -> None:
    original = pydicom.dcmread(BytesIO(sample("SC_rgb_small_odd.dcm")))
    async with archive_at(tmp_path) as archive:
        source = await source_of(archive, file_bytes(original), pool)
        rendition = await transcoded(source, "1.2.840.10008.1.2.4.50")
        again = await transcoded(source, "1.2.840.10008.1.2.4.50")
    assert rendition.SOPInstanceUID != original.SOPInstanceUID
    assert rendition.SOPInstanceUID == again.SOPInstanceUID == rendition.file_meta.MediaStorageSOPInstanceUID
    assert rendition.LossyImageCompression == "01"
    assert rendition.LossyImageCompressionMethod == "ISO_10918_1"
    assert float(rendition.LossyImageCompressionRatio) > 0
    assert rendition.ImageType[0] == "DERIVED"
    assert rendition.SourceImageSequence[0].ReferencedSOPInstanceUID == original.SOPInstanceUID
    assert rendition.PhotometricInterpretation == "YBR_FULL_422"
    assert rendition.PlanarConfiguration == 0


async def test_one_bit_frames_are_packed_without_gaps(tmp_path: Path, pool: WorkerPool) -> None:
    original = pydicom.dcmread(BytesIO(sample("liver.dcm")))
    original.Rows, original.Columns = 15, 13
    bits = np.random.default_rng(0).integers(0, 2, (original.NumberOfFrames, 15, 13), dtype=np.uint8)
    packed = np.packbits(bits.reshape(-1), bitorder="little").tobytes()
    original.PixelData = packed + b"\0" * (len(packed) % 2)
    async with archive_at(tmp_path / "one") as archive, archive_at(tmp_path / "two") as second:
        source = await source_of(archive, file_bytes(original), pool)
        deflated = b"".join([piece async for piece in stream_transcoded_file(source, "1.2.840.10008.1.2.8.1")])
        back = await transcoded(await source_of(second, deflated, pool), EXPLICIT)
    assert back.PixelData == original.PixelData


async def test_one_frame_can_be_had_alone(tmp_path: Path, pool: WorkerPool) -> None:
    content = sample("emri_small_jpeg_ls_lossless.dcm")
    original = pydicom.dcmread(BytesIO(sample("emri_small.dcm")))
    async with archive_at(tmp_path) as archive:
        source = await source_of(archive, content, pool)
        frame = await transcoded_frame(source, 2, EXPLICIT)
    assert frame == original.PixelData[len(frame) : 2 * len(frame)]


async def test_a_damaged_frame_is_no_fault_of_the_client(tmp_path: Path, pool: WorkerPool) -> None:
    dataset = pydicom.dcmread(BytesIO(sample("JPEG2000.dcm")))
    dataset.PixelData = dataset.PixelData[:60] + b"\0" * (len(dataset.PixelData) - 68) + dataset.PixelData[-8:]
    async with archive_at(tmp_path) as archive:
        source = await source_of(archive, file_bytes(dataset), pool)
        with pytest.raises(SagittalError) as caught:
            await transcoded(source, EXPLICIT)
    assert isinstance(caught.value, Unsupported)
