"""What the light viewer keeps, in OHIF: the report that was measured, and the key images."""

import re
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser

from support import phantom
from support.screen import Screen
from support.server import Server, running
from support.viewer import Viewer, extent, stow

pytestmark = [pytest.mark.xdist_group("browser-reading"), pytest.mark.timeout(180)]

SLICES = phantom.ct_series(phantom.study("KEPT", "Phantom^Kept", "CT of a phantom"))[9:12]
for one in SLICES:  # of square pixels: OHIF takes the spacing of rows for that of columns where a report is in an image
    one.PixelSpacing = [phantom.COLUMN_MM, phantom.COLUMN_MM]
BAR_ROW = 94


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("kept") / "data") as started:
        stow(started, *SLICES)
        yield started


def test_a_length_and_a_key_image_of_the_light_viewer_are_shown_in_ohif(
    browser: Browser, server: Server, viewer: Viewer
) -> None:
    screen = Screen(browser, server)
    screen.open(SLICES[0].StudyInstanceUID)
    screen.page.keyboard.press("d")
    screen.drag((42.5, BAR_ROW), (117.5, BAR_ROW))
    screen.page.keyboard.press("u")
    with screen.page.expect_response(re.compile(r"/kept$")):
        screen.page.keyboard.press("Control+s")
    screen.close()
    viewer.open_study("KEPT")
    listed = viewer.page.locator('[data-cy^="study-browser-thumbnail"]')
    for series in ("Key images", "As shown"):
        listed.filter(has_text=series).wait_for()
    listed.filter(has_text="Measurements").dblclick()
    viewer.page.get_by_text("60.00 mm").or_(viewer.page.locator("svg text", has_text="60.00")).first.wait_for()
    pixels = viewer.when(lambda pixels: green(pixels).sum() > 100)
    viewer.shot("ohif-kept")
    bar = extent(pixels.min(axis=2) > 250)
    line = extent(green(pixels)[:, : int(bar[2])])
    assert abs(line[0] - bar[0]) < 8, "from the left end of the bar"
    assert bar[1] < line[1] < bar[3], "along it"


def green(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    red, strong, blue = (pixels[..., channel].astype(int) for channel in range(3))
    found: NDArray[np.bool_] = (strong - red > 80) & (strong - blue > 80)
    return found


def test_a_length_that_ohif_kept_is_drawn_where_it_was(browser: Browser, server: Server, another: Viewer) -> None:
    another.open_study("KEPT")
    bar = extent(another.pixels().min(axis=2) > 250)
    another.control("MeasurementTools-split-button-primary")
    another.drag((bar[0], (bar[1] + bar[3]) / 2), (bar[2], (bar[1] + bar[3]) / 2))
    another.page.get_by_role("button", name="Yes", exact=True).click()  # to follow measurements of this series
    another.control("trackedMeasurements-btn")
    another.page.get_by_role("button", name="Create SR").click()
    another.page.get_by_role("dialog").get_by_role("textbox").fill("By OHIF")
    with another.page.expect_response(lambda response: response.request.method == "POST") as stored:
        another.page.get_by_role("button", name="Save").click()
    assert stored.value.status == 200
    screen = Screen(browser, server)
    screen.open(SLICES[0].StudyInstanceUID)
    found = "() => window.sagittalViewer.all().map(({ kind, points, words }) => ({ kind, points, words }))"
    screen.page.wait_for_function(f"() => ({found})().length > 0")
    (length,) = (one for one in screen.page.evaluate(found) if one["points"][0][1] != BAR_ROW)
    assert length["kind"] == "length"
    (x0, y0), (x1, y1) = sorted(length["points"])
    assert [x0, y0, x1, y1] == pytest.approx([42.5, 94, 117.5, 94], abs=1.5)
    assert length["words"][0].startswith(("length 60.", "length 59."))
    screen.shot("by-ohif")
    screen.close()
