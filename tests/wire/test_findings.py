"""Measurements, key images and shown states as others read them: highdicom, pydicom, and dciodvfy that checks them."""

import asyncio
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from highdicom.ko import KeyObjectSelectionDocument
from highdicom.sr import srread
from pydicom.dataset import Dataset

from sagittal.dicom import json_model
from sagittal.dicom.findings import key_images, marks, measurements, presentation
from sagittal.dicom.findings.content import Image, Making
from sagittal.dicom.findings.marks import Word
from sagittal.dicom.findings.measurements import Measurement, Value
from sagittal.dicom.findings.presentation import ShownState
from sagittal.dicom.json_model import JsonDataset
from sagittal.ingest.composed import Stretch, compose
from support import drawn, phantom
from support.dciodvfy import errors_of
from support.shared import SHARED, shared

REPORTS = sorted(
    path
    for name in (
        "dcmjs-org/dcmjs/*report*",
        "neurolabusc/dcm_qa/*.SR",
        "pydicom/pydicom/*report*",
        "pydicom/pydicom/*SR*",
    )
    for path in (SHARED / "dicom").glob(name)
)
SLICE = phantom.ct_series(phantom.study("P", "Doe^Jane", "D"))[12]
IMAGE = Image(SLICE.SOPClassUID, SLICE.SOPInstanceUID, SLICE.SeriesInstanceUID)
SOURCE = json_model.loads(Dataset({e.tag: e for e in SLICE if e.tag.group < 0x7FE0}).to_json().encode())[0]
MAKING = Making(SOURCE, "1.2.3.4", "1.2.3.5", "20260301", "101500", "Reader^Rita")
MEASURED = (
    Measurement(
        kind="length", points=((10.5, 20.25), (40, 20)), image=IMAGE, values=(Value("length", 60.0, "mm"),), uid="1.2.1"
    ),
    Measurement(
        kind="angle", points=((1, 2), (3, 4), (5, 2)), image=IMAGE, values=(Value("angle", 90.0, "deg"),), uid="1.2.2"
    ),
    Measurement(
        kind="bidirectional",
        points=((1, 1), (9, 1), (4, 0), (4, 3)),
        image=IMAGE,
        values=(Value("long", 8.0, "mm"), Value("short", 3.0, "mm")),
        uid="1.2.3",
    ),
    Measurement(
        kind="ellipse",
        points=((10, 10), (20, 40)),
        image=IMAGE._replace(frame=0),
        values=(Value("area", 120.5, "mm2"), Value("mean", 40.0, "HU"), Value("sd", 1.5, "HU")),
        uid="1.2.4",
    ),
    Measurement(
        kind="rectangle", points=((10, 10), (20, 40)), image=IMAGE, values=(Value("area", 300.0, "px2"),), uid="1.2.5"
    ),
    Measurement(kind="point", points=((7.5, 8.5),), image=IMAGE, values=(Value("value", -1000.0, "HU"),), uid="1.2.6"),
)
STATE = ShownState(
    image=IMAGE,
    window=(50.0, 400.0),
    area=(1, 1, 160, 128),
    quarters=1,
    is_flipped=True,
    spacing=(1.0, 0.8),
    rescale=(-1024.0, 1.0, "HU"),
)


def file_of(dataset: JsonDataset) -> bytes:
    pieces = asyncio.run(compose(dataset, lambda _: None))
    return b"".join(piece for piece in pieces if not isinstance(piece, Stretch))


def read(dataset: JsonDataset) -> Dataset:
    return pydicom.dcmread(BytesIO(file_of(dataset)))


def as_read(dataset: JsonDataset) -> JsonDataset:
    """What we read of it ourselves, once it was a file."""
    return json_model.loads(read(dataset).to_json().encode())[0]


@pytest.mark.peer("dciodvfy")
@pytest.mark.parametrize(
    "dataset",
    [
        measurements.report(MAKING, MEASURED),
        key_images.selection(MAKING, [IMAGE]),
        presentation.state(MAKING, STATE),
    ],
    ids=["report", "key images", "state"],
)
def test_what_is_kept_has_no_error(dataset: JsonDataset, tmp_path: Path) -> None:
    assert errors_of(file_of(dataset), tmp_path) == set()


def test_a_report_is_read_back_as_it_was_measured() -> None:
    found = tuple(measurements.measurements_in(as_read(measurements.report(MAKING, MEASURED))))
    assert [one.kind for one in found] == [one.kind for one in MEASURED]
    for one, was in zip(found, MEASURED, strict=True):
        assert [pytest.approx(point) for point in one.points] == list(was.points)
        assert (one.values, one.uid) == (was.values, was.uid)
        assert one.image.sop_instance_uid == SLICE.SOPInstanceUID


def test_highdicom_finds_each_measurement_where_it_was_made() -> None:
    report = srread(BytesIO(file_of(measurements.report(MAKING, MEASURED))))
    content = report.content
    regions = content.get_planar_roi_measurement_groups()
    others = content.get_image_measurement_groups()
    assert len(regions) + len(others) >= 2
    assert {group.tracking_uid for group in regions} == {"1.2.4", "1.2.5"}
    (ellipse,) = (group for group in regions if group.tracking_uid == "1.2.4")
    assert ellipse.roi.graphic_type.value == "ELLIPSE"
    assert [float(axis) for axis in ellipse.roi.GraphicData] == [15, 10, 15, 40, 10, 25, 20, 25]
    assert [float(one.value) for one in ellipse.get_measurements()] == [120.5, 40.0, 1.5]
    tracked = {group.tracking_uid: group for group in others}
    assert float(tracked["1.2.1"].get_measurements()[0].value) == 60.0
    assert tracked["1.2.1"].get_measurements()[0].unit.value == "mm"


def test_key_images_are_named_with_their_series() -> None:
    made = read(key_images.selection(MAKING, [IMAGE._replace(frame=3)]))
    evidence = made.CurrentRequestedProcedureEvidenceSequence[0]
    assert evidence.StudyInstanceUID == SLICE.StudyInstanceUID
    assert evidence.ReferencedSeriesSequence[0].SeriesInstanceUID == SLICE.SeriesInstanceUID
    (found,) = key_images.images_in(json_model.loads(made.to_json().encode())[0])
    assert (found.sop_instance_uid, found.frame) == (SLICE.SOPInstanceUID, 3)
    assert made.PatientName == "Doe^Jane"


def test_images_that_were_rejected_are_no_key_images() -> None:
    made = key_images.selection(MAKING, [IMAGE])
    made["0040A043"] = json_model.loads(
        b'{"0040A043":{"vr":"SQ","Value":[{"00080100":{"vr":"SH","Value":["113001"]}}]}}'
    )[0]["0040A043"]
    assert list(key_images.images_in(made)) == []


def test_a_shown_state_is_read_back() -> None:
    found = presentation.state_in(as_read(presentation.state(MAKING, STATE)))
    assert found is not None
    assert (found.window, found.area, found.quarters, found.is_flipped) == ((50.0, 400.0), (1, 1, 160, 128), 1, True)
    assert (found.shape, found.image) == ("IDENTITY", IMAGE)


def test_regions_that_highdicom_wrote_are_marks() -> None:
    slices = phantom.ct_series(phantom.study("P", "Doe^Jane", "D"))
    file = BytesIO()
    drawn.report(slices).save_as(file, enforce_file_format=True)
    read_back = json_model.loads(pydicom.dcmread(BytesIO(file.getvalue())).to_json().encode())[0]
    flat, spatial = marks.marks_in(read_back)
    assert (flat.label, flat.words) == ("Freehand", (Word("Area", 471.0, "mm2"),))
    assert flat.shapes[0].type == "POLYLINE"
    assert flat.shapes[0].points[:4] == (105.0, 40.0, 130.0, 44.0)
    assert flat.shapes[0].image is not None
    assert flat.shapes[0].image.sop_instance_uid == slices[17].SOPInstanceUID
    assert (spatial.shapes[0].type, spatial.shapes[0].image) == ("POLYGON", None)
    assert spatial.shapes[0].points[2] == 20.0
    assert spatial.shapes[0].reference == slices[0].FrameOfReferenceUID
    assert list(measurements.measurements_in(read_back)) == []


def test_what_the_viewer_measures_itself_is_no_mark() -> None:
    assert list(marks.marks_in(as_read(measurements.report(MAKING, MEASURED)))) == []


def test_highdicom_reads_the_key_images() -> None:
    document = KeyObjectSelectionDocument.from_dataset(read(key_images.selection(MAKING, [IMAGE])))
    assert (
        document.content.get_references()[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == SLICE.SOPInstanceUID
    )
    assert document.resolve_reference(SLICE.SOPInstanceUID) == (
        SLICE.StudyInstanceUID,
        SLICE.SeriesInstanceUID,
        SLICE.SOPInstanceUID,
    )


@shared
@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.name)
def test_reports_of_others_are_looked_through(path: Path) -> None:
    dataset = json_model.loads(pydicom.dcmread(path, force=True).to_json(suppress_invalid_tags=True).encode())[0]
    for mark in marks.marks_in(dataset):
        assert mark.shapes
    for one in measurements.measurements_in(dataset):
        assert one.points
