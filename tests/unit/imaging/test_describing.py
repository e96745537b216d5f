"""What viewers are told of an instance: its size, where its pixels have one, and what its values are."""

from copy import deepcopy

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from sagittal.dicom import json_model
from sagittal.imaging.describing import described, spacing_of
from support import phantom


def told(dataset: Dataset, frames: int = 1) -> dict[str, object]:
    return described(json_model.loads(dataset.to_json().encode())[0], frames)


def as_json(dataset: Dataset) -> json_model.JsonDataset:
    return json_model.loads(dataset.to_json().encode())[0]


def test_a_slice_of_ct_says_where_it_lies_how_large_its_pixels_are_and_that_its_values_are_hounsfield_units() -> None:
    one = phantom.ct_series(phantom.study("P", "N", "D"))[3]
    found = told(one)
    assert found["position"] == [-63.6, -63.5, 6.0]
    assert found["orientation"] == [1, 0, 0, 0, 1, 0]
    assert (found["spacing"], found["spacing_of"]) == ([1.0, 0.8], "PixelSpacing")
    assert (found["unit"], found["intercept"], found["windows"]) == ("HU", -1024.0, [[50.0, 400.0]])
    assert "slope" not in found


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"PixelSpacing": [0.2, 0.3]}, (0.2, 0.3, "PixelSpacing")),
        ({"ImagerPixelSpacing": [0.2, 0.2]}, (0.2, 0.2, "ImagerPixelSpacing")),
        ({"ImagerPixelSpacing": [0.2, 0.2], "PixelSpacing": [0.2, 0.2]}, (0.2, 0.2, "ImagerPixelSpacing")),
        ({"ImagerPixelSpacing": [0.2, 0.2], "PixelSpacing": [0.1, 0.1]}, (0.1, 0.1, "PixelSpacing")),
        (
            {
                "ImagerPixelSpacing": [0.2, 0.2],
                "PixelSpacing": [0.2, 0.2],
                "PixelSpacingCalibrationType": "GEOMETRY",
            },
            (0.2, 0.2, "PixelSpacing"),
        ),
        (
            {"ImagerPixelSpacing": [0.2, 0.2], "EstimatedRadiographicMagnificationFactor": 2},
            (0.1, 0.1, "Magnification"),
        ),
        ({"NominalScannedPixelSpacing": [0.4, 0.4]}, (0.4, 0.4, "NominalScannedPixelSpacing")),
        ({"PixelSpacing": [0, 0.3]}, None),
        ({}, None),
    ],
)
def test_pixels_of_a_radiograph_have_the_size_that_something_says_in_the_patient(
    said: dict[str, object], expected: tuple[float, float, str] | None
) -> None:
    one = Dataset()
    one.Modality = "DX"
    for keyword, value in said.items():
        setattr(one, keyword, value)
    assert spacing_of(as_json(one)) == expected


def test_frames_of_an_enhanced_object_lie_where_their_functional_groups_say() -> None:
    one = Dataset()
    shared, frames = Dataset(), []
    measures, orientation = Dataset(), Dataset()
    measures.PixelSpacing = [0.5, 0.5]
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = Sequence([measures]), Sequence([orientation])
    for z in (1, 2):
        frame, place, rescale = Dataset(), Dataset(), Dataset()
        place.ImagePositionPatient = [0, 0, z]
        rescale.RescaleSlope, rescale.RescaleIntercept = z, 0
        frame.PlanePositionSequence = Sequence([place])
        frame.PixelValueTransformationSequence = Sequence([rescale])
        voi = Dataset()
        voi.WindowCenter, voi.WindowWidth = [z, 0], [10 * z, 0]
        frame.FrameVOILUTSequence = Sequence([voi])
        frames.append(frame)
    one.SharedFunctionalGroupsSequence = Sequence([shared])
    one.PerFrameFunctionalGroupsSequence = Sequence(frames)
    found = told(one, 2)
    assert found["positions"] == [[0, 0, 1], [0, 0, 2]]
    assert found["windows_of_frames"] == [[[1, 10]], [[2, 20]]]
    assert found["rescales"] == [[1, 0], [2, 0]]
    assert (found["orientation"], found["spacing"]) == ([1, 0, 0, 0, 1, 0], [0.5, 0.5])
    assert "orientations" not in found


def test_a_region_of_ultrasound_has_pixels_of_a_size_in_mm() -> None:
    one, region = Dataset(), Dataset()
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 10, 20
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 300, 200
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX, region.PhysicalDeltaY = 0.05, -0.04
    doppler = deepcopy(region)
    doppler.PhysicalUnitsYDirection = 7
    one.SequenceOfUltrasoundRegions = Sequence([region, doppler])
    assert told(one)["regions"] == [[10, 20, 300, 200, 0.5, 0.4]]


def test_frames_are_shown_as_long_as_the_object_says() -> None:
    one = Dataset()
    one.FrameTime = 40
    assert told(one, 3)["times"] == [40]
    del one.FrameTime
    one.FrameTimeVector = [0, 30, 50]
    assert told(one, 3)["times"] == [30, 50, 50]


def test_a_mammogram_says_side_and_view_by_code_too_and_whether_it_is_raw_or_of_a_part() -> None:
    right, _, _, left = phantom.mammograms(phantom.study("P", "Doe^Jane", "D"))
    assert (told(right)["laterality"], told(right)["view"]) == ("R", "CC")
    del left.ViewPosition
    assert told(left)["view"] == "MLO"
    assert "partial" not in told(left)
    left.ViewCodeSequence[0].ViewModifierCodeSequence = phantom.code("399163009", "SCT", "Magnification")
    left.PresentationIntentType = "FOR PROCESSING"
    assert told(left)["partial"]
    assert told(left)["raw"]
