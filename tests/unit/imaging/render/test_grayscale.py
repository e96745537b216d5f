"""Stored values to grey, against pydicom's own modality and VOI functions and the formulas of PS3.3."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut, apply_windowing

from sagittal.dicom.json_model import JsonDataset
from sagittal.errors import Invalid
from sagittal.imaging.render.grayscale import VoiChoice, stages_of, to_grey
from sagittal.imaging.render.recipe import Window
from sagittal.imaging.render.voi import default_window, stored_windows, windowed


def attributes(**more: Any) -> JsonDataset:  # Any: pydicom's attributes are of any type
    dataset = Dataset()
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsStored = dataset.BitsAllocated = 16
    dataset.PixelRepresentation = 0
    for keyword, value in more.items():
        setattr(dataset, keyword, value)
    json: JsonDataset = dataset.to_json_dict()
    return json


def grey(frame: np.ndarray[Any, Any], **more: Any) -> list[int]:
    json = attributes(**more)
    return [int(value) for value in to_grey(frame, stages_of(json, frame)).ravel()]


def table(first: int, entries: list[int], bits: int, vr: str = "US") -> Dataset:
    item = Dataset()
    item.add_new(0x00283002, vr, [len(entries) % 65536, first, bits])
    item.LUTData = np.array(entries, "<u2").tobytes()
    item["LUTData"].VR = "OW"
    return item


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@given(
    center=st.floats(-2000, 2000),
    width=st.floats(1.5, 4000),
    slope=st.sampled_from([1.0, 2.5, 0.1]),
    intercept=st.sampled_from([0.0, -1024.0, 7.5]),
)
def test_every_window_function_is_that_of_pydicom(
    function: str, center: float, width: float, slope: float, intercept: float
) -> None:
    frame = np.linspace(-3000, 3000, 512).astype(np.int16).reshape(16, 32)
    dataset = Dataset()
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsStored, dataset.PixelRepresentation = 16, 1
    dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept
    dataset.VOILUTFunction = function
    dataset.WindowCenter, dataset.WindowWidth = f"{center:.6f}", f"{width:.6f}"
    with np.errstate(over="ignore"):  # in pydicom's sigmoid
        expected = apply_windowing(apply_modality_lut(frame, dataset), dataset)
    # pydicom spreads over the range of the output units; ours is over 0 to 255
    low, span = slope * -32768 + intercept, slope * 65535
    json = dataset.to_json_dict()
    ours = to_grey(frame, stages_of(json, frame))
    assert np.abs((expected - low) / span * 255 - ours).max() <= 0.51


def test_a_negative_slope_turns_black_and_white_around() -> None:
    frame = np.array([[0, 50, 100]], np.uint8)
    window = {"WindowCenter": 50, "WindowWidth": 100, "VOILUTFunction": "LINEAR_EXACT"}
    assert grey(frame, **window, RescaleSlope=-1, RescaleIntercept=100) == grey(frame, **window)[::-1] == [255, 128, 0]


def test_a_window_of_width_one_is_a_step() -> None:
    shades = windowed(np.array([9.0, 9.5, 9.6, 10.0]), Window(10, 1))
    assert shades.tolist() == [0.0, 0.0, 1.0, 1.0]


def test_monochrome1_and_inverse_shape_both_invert_once() -> None:
    frame = np.array([[0, 255]], np.uint8)
    window = {"WindowCenter": 127.5, "WindowWidth": 255, "VOILUTFunction": "LINEAR_EXACT", "BitsStored": 8}
    assert grey(frame, **window) == [0, 255]
    assert grey(frame, **window, PhotometricInterpretation="MONOCHROME1") == [255, 0]
    assert grey(frame, **window, PresentationLUTShape="INVERSE") == [255, 0]
    both = {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"}
    assert grey(frame, **window, **both) == [255, 0]


def test_the_chosen_window_is_shown_and_a_missing_one_is_the_first() -> None:
    json = attributes(WindowCenter=[10, 100], WindowWidth=[20, 200])
    frame = np.array([[15]], np.uint16)
    shown = [int(to_grey(frame, stages_of(json, frame, VoiChoice(number=n)))[0, 0]) for n in (1, 2, 3)]
    assert shown == [201, 19, 201]
    asked = VoiChoice(window=Window(15, 10, "LINEAR_EXACT"))
    assert int(to_grey(frame, stages_of(json, frame, asked))[0, 0]) in (127, 128)


@pytest.mark.parametrize(("is_signed", "first"), [(False, 4), (True, -4)])
def test_tables_for_modality_and_voi_are_those_of_pydicom(is_signed: bool, first: int) -> None:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsStored, dataset.PixelRepresentation = 16, int(is_signed)
    dataset.ModalityLUTSequence = [table(first, [3, 1, 4, 1, 5, 9, 2, 6], 16, "SS" if is_signed else "US")]
    dataset.VOILUTSequence = [table(1, [0, 100, 200, 4095], 12)]
    frame = np.arange(-8 if is_signed else 0, 20, dtype=np.int16 if is_signed else np.uint16).reshape(2, -1)
    expected = apply_voi_lut(apply_modality_lut(frame, dataset), dataset) / 4095 * 255
    ours = to_grey(frame, stages_of(dataset.to_json_dict(), frame))
    assert np.abs(expected - ours).max() <= 0.51


def test_a_table_of_bytes_packed_in_words_is_read() -> None:
    item = Dataset()
    item.add_new(0x00283002, "US", [4, 0, 8])
    item.LUTData = bytes([0, 64, 128, 255])
    item["LUTData"].VR = "OW"
    assert grey(np.array([[0, 1, 2, 3, 9]], np.uint16), VOILUTSequence=[item]) == [0, 64, 128, 255, 255]


def test_a_window_goes_before_a_table_unless_the_table_is_asked_for() -> None:
    json = attributes(VOILUTSequence=[table(0, [0, 4095], 12)], WindowCenter=1.5, WindowWidth=3)
    frame = np.array([[1]], np.uint16)
    assert int(to_grey(frame, stages_of(json, frame))[0, 0]) == 128
    assert int(to_grey(frame, stages_of(json, frame, VoiChoice(prefers_lookup=True)))[0, 0]) == 255


def test_a_table_without_data_is_invalid() -> None:
    item = Dataset()
    item.add_new(0x00283002, "US", [4, 0, 8])
    with pytest.raises(Invalid, match="LUT Data"):
        grey(np.zeros((1, 1), np.uint16), VOILUTSequence=[item])


def test_windows_that_cannot_be_are_left_out() -> None:
    json = attributes(WindowCenter=[1, 2, 3], WindowWidth=[0, 0.5, 100])
    assert stored_windows(json) == (Window(2, 0.5, "LINEAR_EXACT"), Window(3, 100))


def test_the_window_for_ct_without_one_is_that_of_soft_tissue() -> None:
    json = attributes(Modality="CT", RescaleSlope=1, RescaleIntercept=-1024)
    assert default_window(json, np.array([0.0])) == Window(40, 400)


def test_a_map_made_from_ct_is_shown_by_its_own_range() -> None:
    json = attributes(Modality="CT", RescaleSlope=1, RescaleIntercept=-1024)
    window = default_window(json, np.linspace(700, 1200, 1000))
    assert 700 <= window.center - window.width / 2 < 710


def test_captured_bytes_without_a_window_are_shown_as_they_are() -> None:
    frame = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert grey(frame, BitsStored=8, Modality="OT") == list(range(256))


@pytest.mark.parametrize("bits", [-1, 0])
def test_bits_that_cannot_be_say_nothing_of_the_window(bits: int) -> None:
    json: JsonDataset = {"00280101": {"vr": "US", "Value": [bits]}}
    assert default_window(json, np.array([5.0, 7.0])).width > 0


def test_padding_has_no_say_in_the_window() -> None:
    values = np.linspace(100, 300, 1000).astype(np.int16)
    frame = np.concatenate([values, np.full(1000, -2000, np.int16)]).reshape(20, 100)
    dataset = {"Modality": "MR", "PixelRepresentation": 1}
    padding = Dataset()
    padding.add_new(0x00280120, "SS", -2000)
    json = attributes(**dataset) | padding.to_json_dict()
    voi = stages_of(json, frame).voi
    assert isinstance(voi, Window)
    assert 100 <= voi.center - voi.width / 2 <= 110
    assert 290 <= voi.center + voi.width / 2 <= 300


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", ">u2", ">i2", "u4", "i4", "f4", "f8"])
def test_every_type_of_sample_gives_the_same_grey(dtype: str) -> None:
    frame = np.arange(100, dtype=dtype).reshape(10, 10)
    window = {"WindowCenter": 50, "WindowWidth": 101}
    assert grey(frame, **window) == grey(frame.astype(np.int64), **window)


def test_wide_ranges_and_values_that_are_no_numbers_are_shown() -> None:
    wide = np.array([[0, 2**31, 2**32 - 1]], np.uint32)
    assert grey(wide, WindowCenter=2**31, WindowWidth=2**32) == [0, 128, 255]
    broken = np.array([[np.nan, np.inf, -np.inf, 1.0]], np.float32)
    assert grey(broken, WindowCenter=1, WindowWidth=2, VOILUTFunction="LINEAR_EXACT") == [0, 255, 0, 128]
