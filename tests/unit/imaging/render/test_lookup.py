"""Palettes and their segments, against pydicom's expansion."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.filereader import dcmread
from pydicom.pixels.processing import _expand_segmented_lut, apply_color_lut

from sagittal.errors import Invalid
from sagittal.imaging.render.colour import palette_colour
from sagittal.imaging.render.lookup import Lookup, expand_segments

discrete = st.lists(st.integers(0, 65535), min_size=1, max_size=9).map(lambda values: [0, len(values), *values])
linear = st.tuples(st.integers(1, 30), st.integers(0, 65535)).map(lambda pair: [1, *pair])


@given(first=discrete, rest=st.lists(st.one_of(discrete, linear), max_size=6), copied=st.integers(1, 3))
def test_segments_give_the_table_that_pydicom_makes(first: list[int], rest: list[list[int]], copied: int) -> None:
    segments = [first, *rest]
    units = [unit for segment in segments for unit in segment]
    count = min(copied, len(segments))
    units += [2, count, 0, 0]
    expected = _expand_segmented_lut(tuple(units), "<H")
    assert np.abs(expand_segments(np.array(units, np.uint16), 65536).astype(int) - expected).max() <= 1


def test_an_offset_takes_four_bytes_in_a_palette_of_bytes() -> None:
    units = [0, 2, 5, 6, 1, 2, 10, 2, 1, *struct.pack("<I", 0), 0, 1, 99]
    assert expand_segments(np.array(units, np.uint16), 256, has_bytes=True).tolist() == [5, 6, 8, 10, 5, 6, 99]


@given(st.lists(st.integers(0, 65535), max_size=40))
def test_any_segments_give_a_table_no_longer_than_announced_or_are_invalid(units: list[int]) -> None:
    try:
        made = expand_segments(np.array(units, np.uint16), 1000)
    except Invalid:
        return
    assert 0 < len(made) <= 1000


@pytest.mark.parametrize(
    "units", [[1, 2, 3], [0, 9, 1], [7, 1, 1], [2, 1, 0, 0], [0, 1, 5, 2, 1, 2, 0], [0, 1, 5, 2, 1, 0], []]
)
def test_segments_that_make_no_sense_are_invalid(units: list[int]) -> None:
    with pytest.raises(Invalid, match="segment"):
        expand_segments(np.array(units, np.uint16), 100)


@pytest.mark.parametrize(
    "name",
    ["examples_palette.dcm", "gdcm-US-ALOKA-16.dcm", "OBXXXX1A.dcm", "gdcm-US-ALOKA-16_big.dcm"],
)
def test_real_palettes_give_the_colours_of_pydicom(name: str) -> None:
    path = get_testdata_file(name)
    dataset = dcmread(str(path))
    frame = dataset.pixel_array
    expected = apply_color_lut(frame, dataset)
    if expected.dtype == np.uint16:
        expected = expected >> 8
    if dataset.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.2":
        for tag in (0x00281221, 0x00281222, 0x00281223):  # DICOM JSON has little endian words
            dataset[tag].value = np.frombuffer(dataset[tag].value, ">u2").astype("<u2").tobytes()
    ours = palette_colour(frame, dataset.to_json_dict())
    assert (ours == expected[..., :3]).all()


def test_what_is_no_number_is_looked_up_as_zero() -> None:
    lookup = Lookup(0, np.array([5, 6, 7], np.uint16), 8)
    assert lookup.apply(np.array([np.nan, 1.0, np.inf, -np.inf])).tolist() == [5, 6, 7, 5]
