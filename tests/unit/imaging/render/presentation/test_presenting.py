"""Frames as presentation states show them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from sagittal.errors import Exhausted, Invalid, Unsupported
from sagittal.imaging.render.icc import profile_of
from sagittal.imaging.render.palettes import known_palette
from sagittal.imaging.render.pipeline import Picture
from sagittal.imaging.render.presentation import drawing
from sagittal.imaging.render.presentation.presenting import Asked, present
from sagittal.imaging.render.recipe import Viewport, Window
from support.presentation_states import (
    COLOUR,
    PSEUDO_COLOUR,
    annotation,
    displayed_area,
    graphic,
    layer,
    reference,
    state,
    table,
    window,
)

ROWS, COLUMNS = 40, 60
RAMP = (np.arange(ROWS * COLUMNS, dtype=np.uint16) % 256).reshape(ROWS, COLUMNS)
WHOLE = window(128, 256, "LINEAR_EXACT")


def image(**more: object) -> Dataset:
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "9.8.1"
    made.StudyInstanceUID, made.SeriesInstanceUID = "9.8", "9.8.0"
    made.Rows, made.Columns, made.BitsStored, made.PixelRepresentation = ROWS, COLUMNS, 8, 0
    made.PhotometricInterpretation = "MONOCHROME2"
    return attributes(made, **more)


def attributes(dataset: Dataset, **more: object) -> Dataset:
    for name, value in more.items():
        setattr(dataset, name, value)
    return dataset


def shown(
    said: Dataset,
    frame: Any = RAMP,
    of: Dataset | None = None,
    *,
    index: int = 0,
    asked: Asked | None = None,
    **more: Any,
) -> Picture:
    json = [dataset.to_json_dict(bulk_data_threshold=1 << 30) for dataset in (of or image(), said)]
    return present(frame, *json, index=index, asked=asked or Asked(), **more)


def having(**more: object) -> Dataset:
    return state([image()], more=attributes(Dataset(), **more))


def overlay(said: Dataset, bits: Any, group: int = 0x6000, kind: str = "G", layer_name: str = "L") -> Dataset:
    rows, columns = bits.shape
    for element, vr, value in ((0x10, "US", rows), (0x11, "US", columns), (0x40, "CS", kind), (0x50, "SS", [1, 1])):
        said.add_new(group << 16 | element, vr, value)
    said.add_new(group << 16 | 0x3000, "OW", np.packbits(bits.ravel(), bitorder="little").tobytes())
    if layer_name:
        said.add_new(group << 16 | 0x1001, "CS", layer_name)
    return said


def test_without_stages_all_values_that_there_can_be_are_shown() -> None:
    assert np.array_equal(shown(state([image()])), RAMP)


def test_what_the_image_says_of_its_own_does_not_count() -> None:
    own = image(
        RescaleSlope="3",
        RescaleIntercept="9",
        WindowCenter="7",
        WindowWidth="3",
        PhotometricInterpretation="MONOCHROME1",
        ShutterShape="CIRCULAR",
        CenterOfCircularShutter=[1, 1],
        RadiusOfCircularShutter=2,
    )
    own = overlay(own, np.ones((ROWS, COLUMNS), np.uint8), layer_name="")
    assert np.array_equal(shown(state([image()]), of=own), RAMP)


def test_the_states_shape_decides_which_end_is_white() -> None:
    assert np.array_equal(shown(state([image()], shape="INVERSE")), 255 - RAMP)


def test_values_of_interest_are_those_of_the_image_or_frame_that_they_name() -> None:
    first, second = window(10, 4), window(100, 50)
    first.ReferencedImageSequence = [reference(image(), [2])]
    said = having(SoftcopyVOILUTSequence=[first, second])
    assert np.array_equal(shown(said, index=1), shown(having(SoftcopyVOILUTSequence=[window(10, 4)])))
    assert np.array_equal(shown(said, index=0), shown(having(SoftcopyVOILUTSequence=[second])))


def test_a_window_that_is_asked_for_goes_before_the_states() -> None:
    asked = Asked(window=Window(100, 50))
    said = having(SoftcopyVOILUTSequence=[window(10, 4)])
    assert np.array_equal(shown(said, asked=asked), shown(having(SoftcopyVOILUTSequence=[window(100, 50)])))


def test_a_presentation_lut_gives_the_shades() -> None:
    said = having(PresentationLUTSequence=[table([0] * 128 + [65535] * 128, bits=16)])
    del said.PresentationLUTShape
    assert set(np.unique(shown(said)[RAMP < 128])) == {0}
    assert set(np.unique(shown(said)[RAMP >= 128])) == {255}


@pytest.mark.parametrize("quarters", range(4))
@pytest.mark.parametrize("flip", ["N", "Y"])
def test_the_picture_is_turned_clockwise_and_then_flipped(quarters: int, flip: str) -> None:
    turned = np.rot90(RAMP, -quarters)
    expected = np.fliplr(turned) if flip == "Y" else turned
    assert np.array_equal(shown(having(ImageRotation=90 * quarters, ImageHorizontalFlip=flip)), expected)


@pytest.mark.parametrize(("quarters", "corners"), [(0, ((11, 6), (30, 25))), (1, ((11, 25), (30, 6)))])
def test_the_displayed_area_is_named_in_pixels_of_the_unturned_image(quarters: int, corners: Any) -> None:
    said = having(ImageRotation=90 * quarters, ImageHorizontalFlip="N")
    said.DisplayedAreaSelectionSequence = [displayed_area(*corners)]
    assert np.array_equal(shown(said), np.rot90(RAMP[5:25, 10:30], -quarters))


def test_around_an_image_that_is_smaller_than_its_displayed_area_it_is_black() -> None:
    said = state([image()], area=displayed_area((-1, 0), (COLUMNS + 3, ROWS)))
    picture = shown(said)
    assert picture.shape == (ROWS + 1, COLUMNS + 5)
    assert np.array_equal(picture[1:, 2:-3], RAMP)
    assert not picture[0].any()
    assert not picture[:, :2].any()


def test_a_magnified_area_is_as_large_as_it_says() -> None:
    area = displayed_area((1, 1), (10, 20), "MAGNIFY", PresentationPixelMagnificationRatio=3.0)
    assert shown(state([image()], area=area)).shape == (60, 30)


def test_a_viewport_decides_the_size() -> None:
    asked = Asked(viewport=Viewport(width=30, height=100))
    assert shown(state([image()]), asked=asked).shape == (20, 30)


def test_pixels_that_are_not_square_become_so_turned_or_not() -> None:
    area = displayed_area((1, 1), (COLUMNS, ROWS), PresentationPixelSpacing=[2, 1])
    assert shown(state([image()], area=area)).shape == (2 * ROWS, COLUMNS)
    more = attributes(Dataset(), ImageRotation=90, ImageHorizontalFlip="N")
    assert shown(state([image()], area=area, more=more)).shape == (COLUMNS, 2 * ROWS)


def test_a_bitmap_shutter_closes_where_its_overlay_has_ones() -> None:
    bits = np.zeros((ROWS, COLUMNS), np.uint8)
    bits[:, :20] = 1
    said = having(ShutterShape="BITMAP", ShutterOverlayGroup=0x6002, ShutterPresentationValue=0x8000)
    picture = shown(overlay(said, bits, 0x6002, layer_name=""))
    assert set(np.unique(picture[:, :20])) == {128}
    assert np.array_equal(picture[:, 20:], RAMP[:, 20:])


def test_a_shutter_in_colour_makes_the_picture_one() -> None:
    said = having(
        ShutterShape="RECTANGULAR",
        ShutterLeftVerticalEdge=11,
        ShutterRightVerticalEdge=60,
        ShutterUpperHorizontalEdge=1,
        ShutterLowerHorizontalEdge=40,
        ShutterPresentationColorCIELabValue=[34849, 53472, 50040],
    )
    picture = shown(said)
    assert picture[0, 0].tolist() == [250, 0, 8]
    assert picture[0, 20].tolist() == [20, 20, 20]


def test_only_overlays_that_the_state_activates_are_drawn_in_the_colour_of_their_layer() -> None:
    bits = np.zeros((ROWS, COLUMNS), np.uint8)
    bits[10:20, 10:20] = 1
    said = having(GraphicLayerSequence=[layer("L", GraphicLayerRecommendedDisplayGrayscaleValue=0x4000)])
    said.add_new(0x60001001, "CS", "L")
    picture = shown(said, np.zeros_like(RAMP), of=overlay(image(), bits, layer_name=""))
    assert set(np.unique(picture[10:20, 10:20])) == {64}
    assert not picture[:10].any()


def test_a_region_of_interest_is_drawn_as_its_outline() -> None:
    bits = np.zeros((ROWS, COLUMNS), np.uint8)
    bits[10:20, 10:20] = 1
    picture = shown(overlay(state([image()]), bits, kind="R"), np.zeros_like(RAMP))
    assert picture[10, 10:20].tolist() == [255] * 10
    assert picture[15, 11:19].tolist() == [0] * 8


def test_layers_lie_over_each_other_in_their_order() -> None:
    square = graphic("POLYLINE", [10, 10, 30, 10, 30, 30, 10, 30, 10, 10], filled=True)
    grey, white = (0x8000, 0xFFFF)
    said = having(
        GraphicLayerSequence=[
            layer("TOP", 2, GraphicLayerRecommendedDisplayGrayscaleValue=grey),
            layer("BELOW", 1, GraphicLayerRecommendedDisplayGrayscaleValue=white),
        ],
        GraphicAnnotationSequence=[annotation("TOP", [square]), annotation("BELOW", [square])],
    )
    assert shown(said, np.zeros_like(RAMP))[20, 20] == 128


@pytest.mark.parametrize(
    ("kind", "data", "inside", "outside"),
    [
        ("CIRCLE", [30, 20, 40, 20], (20, 22), (11, 21)),
        ("ELLIPSE", [10, 20, 50, 20, 30, 15, 30, 25], (20, 12), (10, 12)),
        ("POLYLINE", [10, 10, 50, 10, 50, 30, 10, 30, 10, 10], (11, 11), (5, 5)),
        ("INTERPOLATED", [20, 10, 40, 10, 40, 30, 20, 30, 20, 10], (20, 30), (2, 2)),
    ],
)
def test_a_filled_graphic_covers_its_inside(kind: str, data: list[float], inside: Any, outside: Any) -> None:
    picture = shown(
        having(GraphicAnnotationSequence=[annotation("L", [graphic(kind, data, filled=True)])]), np.zeros_like(RAMP)
    )
    assert picture[inside] == 255
    assert picture[outside] == 0


def test_graphics_of_the_image_turn_with_it_and_those_of_the_display_do_not() -> None:
    pixels = annotation("L", [graphic("POLYLINE", [5.5, 3.5, 5.5, 30.5])])
    display = annotation("L", [graphic("POLYLINE", [0.5, 0.1, 0.5, 0.9], "DISPLAY")])
    turn = {"ImageRotation": 90, "ImageHorizontalFlip": "N"}
    with_pixels = shown(having(GraphicAnnotationSequence=[pixels], **turn), np.zeros_like(RAMP))
    with_display = shown(having(GraphicAnnotationSequence=[display], **turn), np.zeros_like(RAMP))
    assert (with_pixels > 0).sum(axis=1).argmax() == 5  # along one row
    assert (with_display > 0).sum(axis=0).argmax() in (ROWS // 2 - 1, ROWS // 2)  # along one column


def test_a_text_is_written_within_its_box_and_in_its_colour() -> None:
    text = Dataset()
    text.UnformattedTextValue, text.BoundingBoxAnnotationUnits = "XXXX", "PIXEL"
    text.BoundingBoxTopLeftHandCorner, text.BoundingBoxBottomRightHandCorner = [10, 10], [50, 30]
    style = Dataset()
    style.TextColorCIELabValue = [34849, 53472, 50040]
    text.TextStyleSequence = [style]
    picture = shown(having(GraphicAnnotationSequence=[annotation("L", texts=[text])]), np.zeros_like(RAMP))
    red = picture[..., 0] > 100
    assert red.any()
    rows, columns = np.nonzero(red)
    assert rows.min() >= 10
    assert rows.max() < 30
    assert columns.min() >= 10
    assert columns.max() < 50


def test_a_dashed_line_has_gaps() -> None:
    style = Dataset()
    style.LineThickness, style.LineDashingStyle, style.LinePattern = 1.0, "DASHED", 0xF0F0F0F0
    line = graphic("POLYLINE", [0, 20.5, 60, 20.5], LineStyleSequence=[style])
    row = shown(having(GraphicAnnotationSequence=[annotation("L", [line])]), np.zeros_like(RAMP))[20]
    assert row[1:3].tolist() == [255, 255]
    assert row[5:7].tolist() == [0, 0]


def test_pseudo_colour_spreads_the_shades_over_a_known_palette() -> None:
    said = state([image()], sop_class=PSEUDO_COLOUR)
    said.PaletteColorLookupTableUID = "1.2.840.10008.1.5.1"
    assert np.array_equal(shown(said), known_palette("1.2.840.10008.1.5.1")[RAMP])


def test_pseudo_colour_takes_the_states_own_palette() -> None:
    said = state([image()], sop_class=PSEUDO_COLOUR)
    for number, entries in enumerate(([0, 255], [255, 0], [7, 7])):
        said.add_new(0x00281101 + number, "US", [2, 0, 8])
        said.add_new(0x00281201 + number, "OW", np.array(entries, "<u2").tobytes())
    picture = shown(said)
    assert picture[RAMP == 255][0].tolist() == [255, 0, 7]
    assert picture[RAMP == 0][0].tolist() == [0, 255, 7]


def test_a_palette_that_nobody_knows_is_refused() -> None:
    said = state([image()], sop_class=PSEUDO_COLOUR)
    said.PaletteColorLookupTableUID = "1.2.3"
    with pytest.raises(Unsupported, match="of PS3"):
        shown(said)


def test_a_variable_modality_lut_is_that_of_the_frame() -> None:
    doubled = attributes(Dataset(), RescaleSlope=2, RescaleIntercept=0, RescaleType="US")
    doubled.ReferencedImageSequence = [reference(image(), [2])]
    said = state([image()], sop_class=f"{COLOUR[:-1]}12", more=attributes(Dataset(), PresentationLUTShape="IDENTITY"))
    said.VariableModalityLUTSequence, said.SoftcopyVOILUTSequence = [doubled], [window(127.5, 255, "LINEAR_EXACT")]
    assert np.array_equal(shown(said, index=0), RAMP)
    assert np.array_equal(shown(said, index=1), np.minimum(2 * RAMP, 255))


def test_a_colour_image_keeps_its_colours_under_a_colour_state() -> None:
    frame = np.zeros((ROWS, COLUMNS, 3), np.uint8)
    frame[..., 1] = 200
    colour = image(PhotometricInterpretation="RGB", SamplesPerPixel=3)
    said = state([colour], sop_class=COLOUR, more=attributes(Dataset(), ImageRotation=180, ImageHorizontalFlip="N"))
    assert shown(said, frame, colour)[0, 0].tolist() == [0, 200, 0]


def test_the_profile_of_a_colour_state_goes_before_the_images() -> None:
    colour = image(PhotometricInterpretation="RGB", SamplesPerPixel=3, ICCProfile=profile_of("srgb"))
    frame = np.full((ROWS, COLUMNS, 3), (255, 0, 0), np.uint8)
    said = state([colour], sop_class=COLOUR, more=attributes(Dataset(), ICCProfile=profile_of("displayp3")))
    plain = state([colour], sop_class=COLOUR)
    assert shown(plain, frame, colour)[0, 0].tolist() == [255, 0, 0]
    wide = np.full((ROWS, COLUMNS, 3), (234, 51, 35), np.uint8)
    assert np.abs(shown(said, wide, colour)[0, 0].astype(int) - (255, 0, 0)).max() <= 1


def test_corners_of_states_from_before_the_final_text_are_read() -> None:
    area = Dataset()
    area.DisplayedAreaTopLeftHandCornerTrial, area.DisplayedAreaBottomRightHandCornerTrial = [11, 6], [30, 25]
    assert np.array_equal(shown(state([image()], area=area)), RAMP[5:25, 10:30])


def test_a_mask_is_taken_away_before_the_window() -> None:
    item = Dataset()
    item.MaskOperation, item.MaskFrameNumbers = "AVG_SUB", [1, 2]
    said = having(MaskSubtractionSequence=[item], SoftcopyVOILUTSequence=[window(0, 200, "LINEAR_EXACT")])
    masks = [np.full_like(RAMP, 20), np.full_like(RAMP, 40)]
    picture = shown(said, np.full_like(RAMP, 80), index=2, masks=masks)
    assert set(np.unique(picture)) == {191}  # 50 above a mean of 30, of a window from -100 to 100


def test_a_moved_mask_is_moved_down_and_to_the_right() -> None:
    item = Dataset()
    item.MaskOperation, item.MaskFrameNumbers, item.MaskSubPixelShift = "AVG_SUB", [1], [2.0, 3.0]
    said = having(MaskSubtractionSequence=[item], SoftcopyVOILUTSequence=[window(0, 2, "LINEAR_EXACT")])
    mask, frame = np.zeros_like(RAMP), np.zeros_like(RAMP)
    mask[10, 10] = frame[12, 13] = 100
    assert set(np.unique(shown(said, frame, index=1, masks=[mask]))) == {128}


ANYTHING = st.one_of(st.integers(-(2**31), 2**31 - 1), st.floats(), st.text(max_size=8), st.none())
TAGS = st.sampled_from(
    (
        *("0070005A", "00700052", "00700053", "00700100", "00700103", "00700042"),
        *("00700001", "00700009", "00700022", "00700023", "00700008", "00700006", "00700010", "00700011", "00700014"),
        *("00700060", "00700401", "00700232", "00700253", "00700254", "00081140"),
        *("00283110", "00281050", "00281051", "00283010", "00283002", "00283006", "20500010"),
        *("00286100", "00286101", "00286110", "00286114", "00181600", "00181623", "00181624"),
        *("60003000", "60000010", "60000011", "60001001"),
    )
)
PLAIN = st.fixed_dictionaries({"vr": st.just("UN"), "Value": st.lists(ANYTHING, max_size=4)})
INNER = st.dictionaries(TAGS, PLAIN, max_size=4)
SEQUENCES = st.fixed_dictionaries({"vr": st.just("SQ"), "Value": st.lists(INNER, max_size=2)})
DATASETS = st.dictionaries(TAGS, st.one_of(PLAIN, SEQUENCES), max_size=5)


@given(DATASETS)
@settings(deadline=None)
def test_any_state_gives_a_picture_or_one_of_our_errors(said: Any) -> None:
    try:
        picture = present(
            RAMP, image().to_json_dict(), said, index=0, asked=Asked(viewport=Viewport(width=50, height=50))
        )
    except (Invalid, Unsupported):
        return
    assert picture.dtype == np.uint8


COORDINATES = st.lists(st.one_of(st.floats(-1e30, 1e30), st.floats(-100, 100)), max_size=12)
WHOLE_NUMBERS = st.lists(st.integers(-(2**31), 2**31 - 1), min_size=2, max_size=2)


@given(
    kind=st.sampled_from(("POINT", "POLYLINE", "INTERPOLATED", "CIRCLE", "ELLIPSE", "OTHER")),
    data=COORDINATES,
    units=st.sampled_from(("PIXEL", "DISPLAY", "")),
    filled=st.booleans(),
    pattern=st.integers(0, 2**32 - 1),
    thickness=st.floats(-1e30, 1e30),
    text=st.text(max_size=12),
)
@settings(deadline=None)
def test_any_graphic_and_text_is_drawn_or_left_out(
    kind: str, data: list[float], units: str, filled: bool, pattern: int, thickness: float, text: str
) -> None:
    points = {"vr": "FL", "Value": data}
    said: Any = {"vr": "CS", "Value": [units]}
    style = {"00700254": {"vr": "CS", "Value": ["DASHED"]}, "00700255": {"vr": "UL", "Value": [pattern]}}
    style["00700253"] = {"vr": "FL", "Value": [thickness]}
    shape = {"00700023": {"vr": "CS", "Value": [kind]}, "00700022": points, "00700005": said}
    shape["00700024"] = {"vr": "CS", "Value": ["Y" if filled else "N"]}
    shape["00700232"] = {"vr": "SQ", "Value": [style]}
    label = {"00700006": {"vr": "ST", "Value": [text]}, "00700014": points, "00700004": said, "00700015": said}
    boxed = {**label, "00700010": points, "00700011": {"vr": "FL", "Value": data[2:]}, "00700003": said}
    item = {"00700009": {"vr": "SQ", "Value": [shape]}, "00700008": {"vr": "SQ", "Value": [label, boxed]}}
    state_json: Any = {"00700001": {"vr": "SQ", "Value": [item]}}
    assert present(RAMP, image().to_json_dict(), state_json, index=0, asked=Asked()).shape[:2] == RAMP.shape


@given(first=WHOLE_NUMBERS, last=WHOLE_NUMBERS, quarters=st.integers(-9, 9), magnified=st.floats(-1e30, 1e30))
@settings(deadline=None, max_examples=40)
def test_any_displayed_area_gives_a_picture(first: list[int], last: list[int], quarters: int, magnified: float) -> None:
    area = {"00700052": {"vr": "SL", "Value": first}, "00700053": {"vr": "SL", "Value": last}}
    area |= {"00700100": {"vr": "CS", "Value": ["MAGNIFY"]}, "00700103": {"vr": "FL", "Value": [magnified]}}
    turned = {"vr": "US", "Value": [90 * quarters]}
    said: Any = {"0070005A": {"vr": "SQ", "Value": [area]}, "00700042": turned}
    asked = Asked(viewport=Viewport(width=64, height=64))
    assert max(present(RAMP, image().to_json_dict(), said, index=0, asked=asked).shape) <= 64


def test_a_displayed_area_too_large_for_a_picture_is_refused() -> None:
    with pytest.raises(Exhausted, match="larger than"):
        shown(state([image()], area=displayed_area((1, 1), (100_000, 100_000))))


def test_what_is_drawn_leaves_the_frame_as_it_is() -> None:
    frame = np.zeros((ROWS, COLUMNS, 3), np.uint8)
    colour = image(PhotometricInterpretation="RGB", SamplesPerPixel=3)
    line = annotation("L", [graphic("POLYLINE", [0, 20.5, 60, 20.5])])
    said = state([colour], sop_class=COLOUR, more=attributes(Dataset(), GraphicAnnotationSequence=[line]))
    assert shown(said, frame, colour).any()
    assert not frame.any()


def test_the_box_of_a_text_stays_upright_where_the_image_is_turned() -> None:
    text = Dataset()
    text.UnformattedTextValue, text.BoundingBoxAnnotationUnits = "XXXXXX", "PIXEL"
    text.BoundingBoxTopLeftHandCorner, text.BoundingBoxBottomRightHandCorner = [10, 14], [50, 26]
    said = having(GraphicAnnotationSequence=[annotation("L", texts=[text])], ImageRotation=90, ImageHorizontalFlip="N")
    rows, columns = np.nonzero(shown(said, np.zeros_like(RAMP)) > 100)
    assert 24 <= rows.min() <= rows.max() <= 36  # 12 high around the middle of 60 rows
    assert columns.max() - columns.min() > 15


def test_more_graphics_than_a_picture_takes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "_MOST_PAINTED_PIXELS", 3 * RAMP.size)
    line = graphic("POLYLINE", [0, 0, COLUMNS, ROWS])
    few, many = ([annotation(f"L{n}", [line]) for n in range(count)] for count in (3, 4))
    assert shown(having(GraphicAnnotationSequence=few)).any()
    with pytest.raises(Exhausted, match="graphics"):
        shown(having(GraphicAnnotationSequence=many))
