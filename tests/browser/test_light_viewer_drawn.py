"""What others drew, in the light viewer: segmentations, structure sets and reports lie where they were drawn."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, expect

from support import drawn, phantom
from support.screen import Screen
from support.server import Server, running
from support.viewer import extent, stow

pytestmark = [pytest.mark.xdist_group("light-viewer-drawn"), pytest.mark.timeout(180)]

SLICES = phantom.ct_series(phantom.study("DRAWN", "Phantom^Drawn", "CT with what others drew"))
ALONE = phantom.segmentation(phantom.ct_series(phantom.study("ALONE", "Phantom^Alone", "Without its pictures")))
IN_BALL = 17


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("drawn") / "data") as started:
        stow(
            started,
            *SLICES,
            phantom.segmentation(SLICES),
            phantom.structures(SLICES),
            drawn.segments(SLICES, "LABELMAP", name="Labels", encoding="1.2.840.10008.1.2.5"),
            drawn.segments(SLICES, "FRACTIONAL", name="Likely"),
            drawn.report(SLICES),
            ALONE,
        )
        yield started


@pytest.fixture
def screen(browser: Browser, server: Server) -> Iterator[Screen]:
    made = Screen(browser, server, 1000, 700)
    made.open(SLICES[0].StudyInstanceUID, tier="")
    yield made
    made.close()


def lay(screen: Screen, series: str) -> None:
    screen.page.locator(".side ul").first.get_by_role("button", name=series).click()
    expect(screen.page.locator(".layer").last).to_be_visible()


def to_slice(screen: Screen, index: int) -> None:
    screen.page.evaluate("index => window.sagittalViewer.active.show(index)", index)
    expect(screen.page.locator(".bl")).to_contain_text(f"{index + 1} / 24")


def coloured(screen: Screen, like: str) -> NDArray[np.bool_]:
    """Where it is more red, green or yellow than anything else, over the middle of the picture."""
    pixels = screen.pixels().astype(int)
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    found: NDArray[np.bool_] = {
        "red": (red - green > 60) & (red - blue > 60) & (abs(green - blue) < 30),
        "green": (green - red > 60) & (green - blue > 60),
        "yellow": (red - blue > 90) & (green - blue > 90) & (abs(red - green) < 30),
    }[like]
    found[:70] = found[-80:] = False
    return found


def when(screen: Screen, like: str, least: int = 50) -> NDArray[np.bool_]:
    for _ in range(150):
        found = coloured(screen, like)
        if found.sum() > least:
            return found
        screen.page.wait_for_timeout(100)
    screen.shot("never-seen")
    raise AssertionError(f"nothing {like} was ever to be seen")


def in_mm(screen: Screen, mask: NDArray[np.bool_]) -> list[float]:
    """Left, top, right and bottom in the patient: to the left and to the back."""
    left, top, right, bottom = extent(mask)
    box = screen.page.locator(".pane canvas").first.bounding_box()
    assert box is not None
    script = "([x, y]) => window.sagittalViewer.active.toImage([x, y])"
    x0, y0 = screen.page.evaluate(script, [left, top])
    x1, y1 = screen.page.evaluate(script, [right, bottom])
    across, down = phantom.COLUMN_MM, phantom.ROW_MM
    return [x0 * across - 64, y0 * down - 64, x1 * across - 64, y1 * down - 64]


def test_a_segmentation_lies_where_it_was_drawn_in_its_colours_and_is_hidden_by_segment(screen: Screen) -> None:
    lay(screen, "Ball and bar")
    to_slice(screen, IN_BALL)
    ball, bar = when(screen, "red"), when(screen, "green")
    assert in_mm(screen, ball) == pytest.approx([20, -20, 40, 0], abs=1.3)
    assert in_mm(screen, bar) == pytest.approx([-30, 27, 30, 33], abs=1.3)
    screen.shot("segmentation")
    screen.page.get_by_role("checkbox", name="Ball", exact=True).uncheck()
    expect(screen.page.get_by_role("checkbox", name="Bar", exact=True)).to_be_checked()
    assert not coloured(screen, "red").any()
    assert coloured(screen, "green").any()
    before = int(screen.pixels()[coloured(screen, "green")].max(axis=0)[1])
    screen.page.get_by_label("Opacity").fill("20")
    assert int(np.ptp(screen.pixels()[np.nonzero(bar)].astype(int), axis=1).max()) < before
    screen.page.keyboard.press("Escape")
    screen.page.locator("canvas").first.focus()
    screen.page.keyboard.press("o")
    assert not coloured(screen, "green").any()


def test_a_structure_set_is_drawn_by_the_place_of_its_contours_in_the_patient(screen: Screen) -> None:
    lay(screen, "Ball outlined")
    to_slice(screen, IN_BALL)
    outline = when(screen, "yellow")
    assert in_mm(screen, outline) == pytest.approx([20, -20, 40, 0], abs=1.5)
    left, top, right, bottom = (int(edge) for edge in extent(outline))
    assert not outline[(top + bottom) // 2, (left + right) // 2], "contours are lines"
    screen.shot("structures")
    assert screen.hurdles() == []
    to_slice(screen, 2)  # 30 mm below the middle of a ball of 10 mm
    assert not coloured(screen, "yellow").any()
    screen.page.get_by_role("button", name="Ball outline", exact=True).click()
    when(screen, "yellow")


def test_a_label_map_and_probabilities_of_highdicom_are_drawn(screen: Screen) -> None:
    lay(screen, "Labels")
    to_slice(screen, IN_BALL)
    assert in_mm(screen, when(screen, "red")) == pytest.approx([20, -20, 40, 0], abs=1.3)
    screen.shot("label-map")
    screen.page.get_by_role("checkbox", name="Labels").uncheck()
    lay(screen, "Likely")
    when(screen, "red")
    to_slice(screen, IN_BALL)
    likely = when(screen, "red")
    assert in_mm(screen, likely)[2] < 46, "fades away from the ball"
    screen.shot("probabilities")


def test_regions_of_a_report_are_drawn_in_their_frame_and_in_the_patient(screen: Screen) -> None:
    screen.page.wait_for_selector("html[data-kept='2']")
    findings = screen.page.locator(".findings")
    expect(findings).to_contain_text("Freehand")
    expect(findings).to_contain_text("Area 471 mm²")
    findings.get_by_role("button", name="Triangle").click()
    expect(screen.page.locator(".bl")).to_contain_text("11 / 24")
    screen.page.locator("canvas").first.focus()
    left, _, _, bottom = in_mm(screen, when(screen, "green"))  # what is said of it stands above, to the right
    assert [left, bottom] == pytest.approx([-20, 10], abs=2)
    findings.get_by_role("button", name="Freehand").click()
    expect(screen.page.locator(".bl")).to_contain_text("18 / 24")
    left, _, _, bottom = in_mm(screen, when(screen, "green"))
    assert [left, bottom] == pytest.approx([20, 4], abs=1.5)
    screen.shot("report-regions")
    to_slice(screen, IN_BALL - 1)
    assert not coloured(screen, "green").any()


def test_what_is_drawn_on_pictures_that_are_not_here_is_listed_and_says_so(screen: Screen) -> None:
    screen.open(ALONE.StudyInstanceUID, tier="")
    expect(screen.page.locator(".status")).to_contain_text("what it is drawn on is not in this study")
    expect(screen.page.locator(".layer")).to_contain_text("Ball")
