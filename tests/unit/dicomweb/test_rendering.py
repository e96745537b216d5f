"""Query parameters of rendered resources."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagittal.dicom.web.query_string import Parameter
from sagittal.dicomweb.rendering import THUMBNAIL_SIDE, parse_rendering, parse_thumbnail
from sagittal.errors import Invalid
from sagittal.imaging.render.recipe import Recipe, Viewport, Window

NAMES = ("viewport", "window", "quality", "annotation", "iccprofile")


def parsed(**said: str) -> Recipe:
    return parse_rendering(Parameter(name, value) for name, value in said.items()).recipe


def test_nothing_said_is_the_default_and_other_names_are_passed_over() -> None:
    assert parsed() == parsed(limit="5", accept="image/png") == Recipe()


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("40,400,linear", Window(40, 400, "LINEAR")),
        ("-10.5,1e3,sigmoid", Window(-10.5, 1000, "SIGMOID")),
        ("40,0.5,linear-exact", Window(40, 0.5, "LINEAR_EXACT")),
        ("40,400,LINEAR_EXACT", Window(40, 400, "LINEAR_EXACT")),
        ("40, 400", Window(40, 400, "LINEAR")),
    ],
)
def test_a_window_has_center_width_and_function(text: str, window: Window) -> None:
    assert parsed(window=text).window == window


@pytest.mark.parametrize(
    ("text", "viewport"),
    [
        ("100,50", Viewport(width=100, height=50)),
        ("100,50,1,2,3,4", Viewport(width=100, height=50, left=1, top=2, region_width=3, region_height=4)),
        ("100,50,,,-3,", Viewport(width=100, height=50, region_width=-3)),
        ("100,50,7", Viewport(width=100, height=50, left=7)),
    ],
)
def test_a_viewport_has_a_size_and_perhaps_a_region(text: str, viewport: Viewport) -> None:
    assert parsed(viewport=text).viewport == viewport


def test_annotations_we_draw_are_taken_and_others_warned_of() -> None:
    rendering = parse_rendering([Parameter("annotation", "technique, Patient,scale")])
    assert rendering.recipe.annotations == ("patient", "technique")
    assert rendering.ignored == ("annotation",)


def test_a_thumbnail_takes_a_size_and_no_region() -> None:
    small = Viewport(width=THUMBNAIL_SIDE, height=THUMBNAIL_SIDE, only_shrinks=True)
    assert parse_thumbnail([]).viewport == small
    assert parse_thumbnail([Parameter("viewport", "64,32,5,5,5,5")]).viewport == Viewport(width=64, height=32)


@given(st.sampled_from(NAMES), st.text(max_size=30) | st.from_regex(r"[-0-9.,e]{0,30}", fullmatch=True))
def test_any_value_is_understood_or_the_parameter_is_named(name: str, value: str) -> None:
    try:
        parsed(**{name: value})
    except Invalid as error:
        message = str(error)
    else:
        message = name
    assert name in message


def test_a_region_is_a_part_in_fractions() -> None:
    assert parsed(region="0,0.25,0.5,1").region == (0.0, 0.25, 0.5, 1.0)


@pytest.mark.parametrize("text", ["0,0,1", "0,0,1,1,1", "0.5,0,0.5,1", "0,0,1.1,1", "-0.1,0,1,1", "0,1,1,0", "a,b,c,d"])
def test_a_region_beyond_the_picture_or_of_nothing_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="region"):
        parsed(region=text)
