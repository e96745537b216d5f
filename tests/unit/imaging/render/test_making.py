"""From stored bytes to a finished picture in one call."""

import re
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from sagittal.errors import Invalid, NotFound, SagittalError
from sagittal.imaging.render import making
from sagittal.imaging.render.job import make
from sagittal.imaging.render.recipe import GIF, PNG, EncodedFrame, Recipe, Window

EXPLICIT = "1.2.840.10008.1.2.1"


def header(**more: Any) -> bytes:  # Any: pydicom's attributes are of any type
    """A data set up to the first byte of its pixels."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = 4, 6
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    for keyword, value in more.items():
        if isinstance(value, Dataset):
            dataset.update(value)
        else:
            setattr(dataset, keyword, value)
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, dataset)
    written: bytes = buffer.getvalue()
    return written + bytes.fromhex("e07f1000 4f570000 00000000")


def frame(index: int, value: int) -> EncodedFrame:
    return EncodedFrame(index, np.full(24, value, "<u2").tobytes())


def greys(data: bytes) -> list[int]:
    moving: Any = Image.open(BytesIO(data))  # Any: n_frames is that of one format
    found = []
    for index in range(getattr(moving, "n_frames", 1)):
        moving.seek(index)
        found.append(int(np.asarray(moving.convert("L"))[0, 0]))
    return found


def test_a_frame_is_shown_by_the_window_of_the_instance_or_of_the_recipe() -> None:
    data = header(WindowCenter=1000, WindowWidth=1001)
    assert greys(make(data, EXPLICIT, [frame(0, 1000)], Recipe(media_type=PNG))) == [128]
    asked = Recipe(media_type=PNG, window=Window(0, 10))
    assert greys(make(data, EXPLICIT, [frame(0, 1000)], asked)) == [255]


def test_frames_of_cine_without_a_window_are_shown_by_one() -> None:
    ramp = EncodedFrame(1, np.linspace(0, 1000, 24).astype("<u2").tobytes())
    shown = greys(make(header(), EXPLICIT, [frame(0, 250), ramp, frame(2, 750)], Recipe(media_type=GIF)))
    assert 50 < shown[0] < 75
    assert 180 < shown[2] < 205


def test_a_long_cine_is_thinned_and_keeps_its_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "MAX_CINE_BYTES", 48 * 3)
    data = make(
        header(FrameTime=100, WindowCenter=1000, WindowWidth=2000),
        EXPLICIT,
        [frame(n, 300 * n) for n in range(6)],
        Recipe(media_type=GIF),
    )
    moving: Any = Image.open(BytesIO(data))
    assert moving.n_frames == 3
    assert moving.info["duration"] == 200


def test_an_overlay_in_unused_bits_of_native_words_is_drawn() -> None:
    plane = Dataset()
    plane.add_new(0x60000010, "US", 4)
    plane.add_new(0x60000011, "US", 6)
    plane.add_new(0x60000040, "CS", "G")
    plane.add_new(0x60000050, "SS", [1, 1])
    plane.add_new(0x60000100, "US", 16)
    plane.add_new(0x60000102, "US", 15)
    data = header(plane=plane, WindowCenter=1000, WindowWidth=2000)
    words = np.full((4, 6), 100, "<u2")
    words[1, 2] |= 0x8000
    shown = np.asarray(
        Image.open(BytesIO(make(data, EXPLICIT, [EncodedFrame(0, words.tobytes())], Recipe(media_type=PNG))))
    )
    assert shown[1, 2] == 255
    assert (np.delete(shown.ravel(), 8) == shown[0, 0]).all()
    assert shown[0, 0] < 30


def test_no_frames_and_no_pixels_are_said() -> None:
    with pytest.raises(NotFound):
        make(header(), EXPLICIT, [], Recipe())
    with pytest.raises(Invalid):
        make(header()[:-12], EXPLICIT, [frame(0, 1)], Recipe())


@pytest.mark.parametrize("length", range(0, 48, 5))
def test_a_frame_that_is_cut_off_raises_one_of_our_errors(length: int) -> None:
    with pytest.raises(SagittalError):
        make(header(), EXPLICIT, [EncodedFrame(0, frame(0, 1).data[:length])], Recipe())


def test_a_plain_picture_knows_all_that_its_pipeline_reads() -> None:
    """What the modules of the pipeline name is read from the data set, but for what is written on pictures."""
    folder = Path(making.__file__).parent
    texts = [path.read_text("utf-8") for path in folder.glob("*.py") if path.name != "annotation.py"]
    named = {int(tag, 16) for text in texts for tag in re.findall(r'"([0-9A-Fa-f]{8})"', text)}
    known = making.shown_tags(is_plain=True)
    in_items = {0x00283002, 0x00283003, 0x00283006}  # of items, which come whole
    assert len(named) > 40
    assert {f"{tag:08X}" for tag in named - known - in_items} == set()
    assert known < making.shown_tags(is_plain=False)
