"""Segmentations and structure sets as viewers draw them."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.pixels import pixel_array

from sagittal.dicom.json_model.instance import Parts
from sagittal.errors import Exhausted, Invalid
from sagittal.imaging import segments, structures
from sagittal.imaging.drawn import outlined, runs, segmented
from sagittal.imaging.pixels import FrameShape
from support import drawn, phantom
from support.shared import SHARED, shared

SLICES = phantom.ct_series(phantom.study("P", "Doe^Jane", "D"))
LIVER = SHARED / "dicom/pydicom/pydicom-data"


def parts_of(dataset: Dataset) -> Parts:
    """The data set up to its pixels, in Explicit VR Little Endian."""
    file = DicomBytesIO()
    file.is_little_endian, file.is_implicit_VR = True, False
    bare = Dataset({one.tag: one for one in dataset if one.tag.group < 0x7FE0})
    write_dataset(file, bare)
    return Parts(file.getvalue(), "1.2.840.10008.1.2.1")


def said(packed: bytes) -> dict[str, Any]:  # Any: values of JSON
    found: dict[str, Any] = json.loads(gzip.decompress(packed))  # Any: as above
    return found


def values_of(packed: bytes, rows: int, columns: int) -> list[NDArray[np.uint16]]:
    """The frames that runs say."""
    data, found = gzip.decompress(packed), []
    while data:
        count = int.from_bytes(data[:4], "little")
        lengths = np.frombuffer(data, "<u2", count, 4)
        values = np.frombuffer(data, "<u2", count, 4 + 2 * count)
        found.append(np.repeat(values, lengths).reshape(rows, columns))
        data = data[4 + 4 * count :]
    return found


def test_segments_have_names_colours_and_frames_with_a_place_and_a_source() -> None:
    found = said(segmented(parts_of(phantom.segmentation(SLICES)), 30))
    assert (found["kind"], found["type"], found["rows"], found["columns"]) == ("SEG", "BINARY", 128, 160)
    ball, bar = found["segments"]
    assert (ball["label"], ball["colour"]) == ("Ball", pytest.approx([255, 0, 0], abs=8))
    assert (bar["label"], bar["colour"]) == ("Bar", pytest.approx([0, 255, 0], abs=8))
    first = found["frames"][0]
    assert found["sources"][first["source"]] == SLICES[13].SOPInstanceUID  # the ball begins above 24 mm
    assert first["position"] == [-63.6, -63.5, 26.0]
    assert (found["spacing"], found["gap"], found["series"]) == ([1.0, 0.8], 2.0, [SLICES[0].SeriesInstanceUID])


def test_a_label_map_has_numbers_of_segments_as_values() -> None:
    made = drawn.segments(SLICES, "LABELMAP", name="Labels")
    found = said(segmented(parts_of(made), int(made.NumberOfFrames)))
    assert (found["type"], [one["number"] for one in found["segments"]]) == ("LABELMAP", [1, 2])
    assert found["segments"][1]["colour"] == [77, 187, 213], "one that recommends no colour gets one"
    assert {one["segment"] for one in found["frames"]} == {0}


def test_runs_are_the_values_that_pydicom_reads() -> None:
    made = drawn.segments(SLICES, "FRACTIONAL", name="Likely")
    expected = pixel_array(made)
    size = made.Rows * made.Columns
    shape = FrameShape(rows=made.Rows, columns=made.Columns)
    frames = [made.PixelData[at : at + size] for at in range(0, len(expected) * size, size)]
    packed, count = runs(frames, shape)
    assert count == len(expected)
    assert all(
        np.array_equal(one, was) for one, was in zip(values_of(packed, *shape.array_shape), expected, strict=True)
    )


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 2)))
def test_runs_say_every_frame(values: NDArray[np.uint8]) -> None:
    rows, columns = values.shape
    packed, _ = runs([values.tobytes()], FrameShape(rows=rows, columns=columns))
    assert np.array_equal(values_of(packed, rows, columns)[0], values)


def test_a_run_longer_than_its_number_can_say_is_said_in_pieces() -> None:
    values = np.zeros((300, 500), np.uint8)
    values[299, 499] = 1
    packed, _ = runs([values.tobytes()], FrameShape(rows=300, columns=500))
    assert np.array_equal(values_of(packed, 300, 500)[0], values)


def test_an_answer_holds_no_more_runs_than_fit_but_always_one_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "MAX_RUNS_BYTES", 30)
    frame = bytes([0, 1, 0, 1])  # 4 runs: 20 bytes
    assert runs([frame] * 3, FrameShape(rows=2, columns=2))[1] == 1


def test_frames_in_colour_are_none_of_a_segmentation() -> None:
    with pytest.raises(Invalid, match="one whole number a pixel"):
        segments.runs_of(
            [bytes(12)], FrameShape(rows=2, columns=2, samples_per_pixel=3, photometric_interpretation="RGB")
        )


def test_more_than_is_drawn_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Exhausted, match="16384"):
        segments.segmentation(parts_of(phantom.segmentation(SLICES)), segments.MAX_FRAMES + 1)
    large = phantom.segmentation(SLICES)
    large.Rows = large.Columns = 60000
    with pytest.raises(Exhausted, match="60000 rows"):
        segments.segmentation(parts_of(large), 1)
    monkeypatch.setattr(structures, "MAX_NUMBERS", 100)
    with pytest.raises(Exhausted, match="points"):
        structures.structure_set(parts_of(phantom.structures(SLICES)))


def test_contours_are_differences_in_hundredths_of_a_millimetre() -> None:
    one = phantom.structures(SLICES)
    (region,) = said(outlined(parts_of(one)))["regions"]
    assert (region["label"], region["colour"], region["kind"]) == ("Ball outline", [255, 255, 0], "ORGAN")
    contour = region["contours"][0]
    points = np.cumsum(np.array(contour["points"]).reshape(-1, 3), axis=0) / 100
    data = np.array(one.ROIContourSequence[0].ContourSequence[0].ContourData, float).reshape(-1, 3)
    assert np.abs(points - data).max() < 0.01


@shared
@pytest.mark.parametrize("path", sorted(LIVER.glob("*liver*.dcm")), ids=lambda path: path.name)
def test_segmentations_of_others_are_read_in_every_encoding(path: Path) -> None:
    made = dcmread(path)
    found = segments.segmentation(parts_of(made), int(made.NumberOfFrames))
    assert [(one.label, one.colour) for one in found.segments] == [("Liver", (217, 130, 101))]
    assert len({one.position for one in found.frames}) == made.NumberOfFrames
