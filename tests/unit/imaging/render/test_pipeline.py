"""Whole frames: overlays, shutters, colour, functional groups, aspect."""

from typing import Any

import numpy as np
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.filereader import dcmread
from pydicom.overlays import get_overlay_array

from sagittal.dicom.json_model import JsonDataset
from sagittal.errors import Invalid
from sagittal.imaging.render.attributes import attributes_of_frame, binary, numbers
from sagittal.imaging.render.icc import profile_of
from sagittal.imaging.render.overlays import needs_words, overlay_mask
from sagittal.imaging.render.pipeline import Choice, pixel_aspect, render_frame
from sagittal.imaging.render.shutter import shutter_mask


def grey(**more: Any) -> Dataset:  # Any: pydicom's attributes are of any type
    dataset = Dataset()
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsStored = dataset.BitsAllocated = 8
    dataset.PixelRepresentation = 0
    for keyword, value in more.items():
        setattr(dataset, keyword, value)
    return dataset


def overlay(rows: int, columns: int, bits: list[int], origin: tuple[int, int] = (1, 1), frames: int = 0) -> Dataset:
    dataset = Dataset()
    dataset.add_new(0x60000010, "US", rows)
    dataset.add_new(0x60000011, "US", columns)
    dataset.add_new(0x60000040, "CS", "G")
    dataset.add_new(0x60000050, "SS", list(origin))
    if frames:
        dataset.add_new(0x60000015, "IS", frames)
        dataset.add_new(0x60000051, "US", 2)
    dataset.add_new(0x60003000, "OB", np.packbits(bits, bitorder="little").tobytes())
    return dataset


def test_an_overlay_is_drawn_white_where_pydicom_sees_it() -> None:
    dataset = dcmread(str(get_testdata_file("MR-SIEMENS-DICOM-WithOverlays.dcm")))
    expected = get_overlay_array(dataset, 0x6000).astype(bool)
    frame = dataset.pixel_array
    json = dataset.to_json_dict()
    assert expected.any()
    shown = render_frame(frame, json)
    bare = render_frame(frame, json, choice=Choice(shows_overlays=False))
    mask = overlay_mask(json, frame.shape[0], frame.shape[1], 0)
    assert mask is not None
    assert (mask & expected == expected).all()
    assert (shown[mask] == 255).all()
    assert (shown[~mask] == bare[~mask]).all()
    assert (bare[mask] != 255).any()


def test_an_overlay_beyond_the_edges_is_cut_off() -> None:
    json = overlay(2, 2, [1, 1, 1, 0], origin=(0, 0)).to_json_dict()
    assert overlay_mask(json, 2, 2, 0) is None
    json = overlay(2, 2, [1, 1, 1, 1], origin=(2, 2)).to_json_dict()
    mask = overlay_mask(json, 2, 2, 0)
    assert mask is not None
    assert mask.tolist() == [[False, False], [False, True]]


def test_frames_of_an_overlay_belong_to_frames_of_the_image() -> None:
    json = overlay(1, 3, [1, 0, 0, 0, 0, 1], frames=2).to_json_dict()  # its first frame is for image frame 2
    masks = [overlay_mask(json, 1, 3, index) for index in range(4)]
    assert [None if mask is None else mask.tolist() for mask in masks] == [
        None,
        [[True, False, False]],
        [[False, False, True]],
        None,
    ]


def test_an_overlay_in_unused_bits_is_drawn_from_the_words() -> None:
    dataset = Dataset()
    dataset.add_new(0x60000010, "US", 1)
    dataset.add_new(0x60000011, "US", 3)
    dataset.add_new(0x60000040, "CS", "G")
    dataset.add_new(0x60000102, "US", 12)
    json = dataset.to_json_dict()
    assert needs_words(json)
    mask = overlay_mask(json, 1, 3, 0, np.array([[0x1FFF, 0x0FFF, 0x1000]], np.uint16))
    assert mask is not None
    assert mask.tolist() == [[True, False, True]]
    assert overlay_mask(json, 1, 3, 0) is None


def test_an_overlay_with_less_data_than_announced_draws_nothing() -> None:
    assert overlay_mask(overlay(99, 99, [1] * 8).to_json_dict(), 4, 4, 0) is None


def test_shutters_close_what_is_outside_of_each_shape() -> None:
    dataset = grey()
    dataset.ShutterShape = ["RECTANGULAR", "CIRCULAR", "POLYGONAL"]
    dataset.ShutterLeftVerticalEdge, dataset.ShutterRightVerticalEdge = 2, 9
    dataset.ShutterUpperHorizontalEdge, dataset.ShutterLowerHorizontalEdge = 3, 9
    dataset.CenterOfCircularShutter, dataset.RadiusOfCircularShutter = [5, 5], 4
    dataset.VerticesOfThePolygonalShutter = [1, 1, 1, 10, 10, 10]  # the upper right triangle
    closed = shutter_mask(dataset.to_json_dict(), 10, 10)
    assert closed is not None
    assert not closed[4, 4]  # in all three
    assert closed[1, 4]  # above the rectangle
    assert closed[8, 8]  # outside of the circle
    assert closed[6, 3]  # below the diagonal
    only = {"RECTANGULAR": 56, "CIRCULAR": 49, "POLYGONAL": 55}
    for shape, count in only.items():
        dataset.ShutterShape = shape
        closed = shutter_mask(dataset.to_json_dict(), 10, 10)
        assert closed is not None
        assert (~closed).sum() == count, shape


@pytest.mark.parametrize("far", [1e300, 1e9, -1e300])
def test_shutters_beyond_all_measure_are_open_or_closed(far: float) -> None:
    json: JsonDataset = {
        "00181600": {"vr": "CS", "Value": ["CIRCULAR", "POLYGONAL"]},
        "00181610": {"vr": "IS", "Value": [far, far]},
        "00181612": {"vr": "IS", "Value": [abs(far)]},
        "00181620": {"vr": "IS", "Value": [far, far, -far, 5, far, 2]},
    }
    closed = shutter_mask(json, 4, 4)
    assert closed is not None
    assert closed.shape == (4, 4)


def test_a_closed_shutter_has_the_grey_that_is_said() -> None:
    dataset = grey(ShutterShape="RECTANGULAR", ShutterPresentationValue=0x8000)
    dataset.ShutterLeftVerticalEdge = dataset.ShutterUpperHorizontalEdge = 1
    dataset.ShutterRightVerticalEdge = dataset.ShutterLowerHorizontalEdge = 1
    shown = render_frame(np.full((2, 2), 200, np.uint8), dataset.to_json_dict())
    assert shown.tolist() == [[200, 128], [128, 128]]


def test_functional_groups_of_the_frame_go_before_shared_ones_and_the_top() -> None:
    dataset = grey(WindowCenter=1, WindowWidth=2)
    shared, one, voi, rescale = Dataset(), Dataset(), Dataset(), Dataset()
    voi.WindowCenter, voi.WindowWidth = 100, 200
    rescale.RescaleSlope, rescale.RescaleIntercept = 3, 4
    shared.FrameVOILUTSequence = [voi]
    one.PixelValueTransformationSequence = [rescale]
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = [Dataset(), one]
    json = dataset.to_json_dict()
    first, second = attributes_of_frame(json, 0), attributes_of_frame(json, 1)
    assert (numbers(first, "00281050"), numbers(first, "00281053")) == ((100.0,), ())
    assert (numbers(second, "00281050"), numbers(second, "00281053")) == ((100.0,), (3.0,))


def test_deep_colour_is_brought_to_eight_bits() -> None:
    frame = np.array([[[0, 2048, 4095]]], np.uint16)
    json = grey(PhotometricInterpretation="RGB", BitsStored=12, BitsAllocated=16, SamplesPerPixel=3).to_json_dict()
    assert render_frame(frame, json).tolist() == [[[0, 128, 255]]]


def test_an_icc_profile_is_applied_and_a_broken_one_is_not() -> None:
    frame = np.array([[[10, 100, 200]]], np.uint8)
    dataset = grey(PhotometricInterpretation="RGB", SamplesPerPixel=3)
    dataset.ICCProfile = profile_of("srgb")
    assert np.abs(render_frame(frame, dataset.to_json_dict()).astype(int) - frame).max() <= 1
    dataset.ICCProfile = b"not a profile at all"
    assert (render_frame(frame, dataset.to_json_dict()) == frame).all()


def test_another_colour_space_is_turned_into_srgb() -> None:
    dataset = grey(PhotometricInterpretation="RGB", SamplesPerPixel=3)
    dataset.ICCProfile = _with_gamma_of_one(profile_of("srgb"))
    shown = render_frame(np.full((1, 1, 3), 64, np.uint8), dataset.to_json_dict())
    assert 134 <= int(shown[0, 0, 0]) <= 140  # linear 0.25 is 0.537 in sRGB


def _with_gamma_of_one(profile: bytes) -> bytes:
    """The profile with its transfer curves, parametric, made linear."""
    made = bytearray(profile)
    at = made.find(b"para")
    while at >= 0:
        made[at + 8 : at + 10] = b"\0\0"  # type 0: Y = X ** g
        made[at + 12 : at + 16] = b"\0\1\0\0"  # g = 1.0
        at = made.find(b"para", at + 4)
    return bytes(made)


@pytest.mark.parametrize(
    ("tags", "aspect"),
    [
        ({"PixelAspectRatio": [2, 1]}, 2.0),
        ({"PixelSpacing": [0.5, 1.0]}, 0.5),
        ({"PixelAspectRatio": [1, 1], "ImagerPixelSpacing": [3, 1]}, 1.0),
        ({"PixelSpacing": [0, 1]}, 1.0),
        ({"PixelSpacing": [1000, 1]}, 1.0),
        ({}, 1.0),
    ],
)
def test_the_aspect_of_pixels_comes_from_ratio_or_spacing(tags: dict[str, Any], aspect: float) -> None:
    assert pixel_aspect(grey(**tags).to_json_dict()) == aspect


def test_what_is_no_frame_is_invalid() -> None:
    with pytest.raises(Invalid, match="dimensions"):
        render_frame(np.zeros(4, np.uint8), grey().to_json_dict())
    with pytest.raises(Invalid, match="3 samples"):
        render_frame(np.zeros((1, 1, 2), np.uint8), grey().to_json_dict())


def test_a_binary_value_that_is_no_base64_is_invalid() -> None:
    json: JsonDataset = {"00282000": {"vr": "OB", "InlineBinary": "§"}}
    with pytest.raises(Invalid, match="base64"):
        binary(json, "00282000")


def with_palette(first: int = 200, **more: Any) -> Dataset:  # Any: pydicom's attributes are of any type
    """Three colours from a stored value on: red, green, blue."""
    dataset = grey(WindowCenter="128", WindowWidth="256", **more)
    for number in range(3):
        dataset.add_new(0x00281101 + number, "US", [3, first, 8])
        dataset.add_new(0x00281201 + number, "OW", bytes([255 * (at == number) for at in range(3)]) + b"\0")
    return dataset


@pytest.mark.parametrize("presentation", ["COLOR", "MIXED"])
def test_a_supplemental_palette_colours_values_from_its_first_on(presentation: str) -> None:
    frame = np.array([[0, 100, 199, 200, 201, 202, 255]], np.uint8)
    shown = render_frame(frame, with_palette(PixelPresentation=presentation).to_json_dict())[0].tolist()
    assert shown[:3] == [[0] * 3, [100] * 3, [199] * 3]
    assert shown[3:] == [[255, 0, 0], [0, 255, 0], [0, 0, 255], [0, 0, 255]]


def test_a_palette_beside_a_grey_frame_that_is_to_stay_grey_is_passed_over() -> None:
    assert (
        render_frame(np.zeros((2, 2), np.uint8), with_palette(PixelPresentation="MONOCHROME").to_json_dict()).ndim == 2
    )


def test_a_range_of_stored_values_is_spread_over_the_palette() -> None:
    mapped = Dataset()
    mapped.MinimumStoredValueMapped, mapped.MaximumStoredValueMapped = 50.0, 150.0
    dataset = with_palette(0, PixelPresentation="COLOR_RANGE", StoredValueColorRangeSequence=[mapped])
    shown = render_frame(np.array([[49, 50, 100, 150, 151]], np.uint8), dataset.to_json_dict())[0].tolist()
    assert shown == [[49] * 3, [255, 0, 0], [0, 255, 0], [0, 0, 255], [151] * 3]


def test_a_region_of_interest_is_drawn_as_its_outline() -> None:
    bits = [0, 0, 0, 0, 0, *([0, 1, 1, 1, 0] * 3), 0, 0, 0, 0, 0]
    dataset = grey(WindowCenter="50", WindowWidth="100")
    dataset.update(overlay(5, 5, bits))
    dataset[0x60000040].value = "R"
    shown = render_frame(np.zeros((5, 5), np.uint8), dataset.to_json_dict())
    assert shown[2].tolist() == [0, 255, 0, 255, 0]
    assert shown[1].tolist() == [0, 255, 255, 255, 0]


def test_a_real_perfusion_map_has_the_colours_of_its_palette() -> None:
    dataset = dcmread(str(get_testdata_file("eCT_Supplemental.dcm")))
    frame = dataset.pixel_array[0]
    shown = render_frame(frame, dataset.to_json_dict(bulk_data_threshold=1 << 30))
    entries, first, _ = dataset.RedPaletteColorLookupTableDescriptor
    coloured = frame >= first
    assert coloured.sum() > 1000
    for at, colour in enumerate(("Red", "Green", "Blue")):
        table = np.frombuffer(dataset[f"{colour}PaletteColorLookupTableData"].value, "<u2")
        expected = table[np.minimum(frame[coloured] - first, entries - 1)] >> 8
        assert np.array_equal(shown[..., at][coloured], expected)
