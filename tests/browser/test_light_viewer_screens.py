"""The light viewer on screens and in languages of every kind, and what it shows on them: looked at as pictures."""

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, expect
from pydicom import dcmread
from pydicom.dataset import Dataset

from support import drawn, phantom
from support.archives import instance
from support.screen import Screen
from support.server import Server, running
from support.shared import SHARED, shared
from support.viewer import stow

pytestmark = [pytest.mark.xdist_group("light-viewer"), pytest.mark.timeout(180)]

AXIAL = phantom.ct_series(phantom.study("PLANES", "Phantom^Known", "Two planes"))
MR = SHARED / "series" / "mr-t1"


def sagittal() -> list[Dataset]:
    """Three planes through the phantom from front to back and feet to head."""
    voxels, planes = phantom.voxels(), []
    series = phantom.of(phantom.study_of(AXIAL[0]), phantom.CT, "CT", 2, "Sagittal").SeriesInstanceUID
    for number, column in enumerate((60, 80, 117)):
        one = phantom.of(phantom.study_of(AXIAL[0]), phantom.CT, "CT", 2, "Sagittal")
        one.SeriesInstanceUID, one.FrameOfReferenceUID = series, AXIAL[0].FrameOfReferenceUID
        one.InstanceNumber = number + 1
        one.ImagePositionPatient = [(column + 0.5) * phantom.COLUMN_MM - 64, phantom.ROW_MM / 2 - 64, 46]
        one.ImageOrientationPatient, one.PixelSpacing = [0, 1, 0, 0, 0, -1], [phantom.SLICE_MM, phantom.ROW_MM]
        one.SliceThickness, one.RescaleIntercept, one.RescaleSlope, one.RescaleType = 1, -1024, 1, "HU"
        one.WindowCenter, one.WindowWidth = 50, 400
        phantom.grey(one, (voxels[::-1, :, column] + 1024).astype("<u2"))
        planes.append(one)
    return planes


def mr_slices() -> list[Dataset]:
    """Some slices of a real head."""
    files = sorted(file for file in MR.rglob("*") if file.is_file())
    found = [dcmread(file) for file in files[len(files) // 2 : len(files) // 2 + 40 : 8]]
    for one in found:
        one.PatientID = "MR"
    return found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("screens") / "data") as started:
        stow(started, *AXIAL, *sagittal(), drawn.segments(AXIAL, "BINARY", name="Ball and bar"))
        stow(started, instance("examples_palette.dcm", PatientID="PALETTE"))
        if SHARED.is_dir():
            stow(started, *mr_slices())
        yield started


@pytest.fixture
def screen(browser: Browser, server: Server) -> Iterator[Screen]:
    made = Screen(browser, server)
    yield made
    made.close()


@shared
def test_a_head_by_magnetic_resonance_is_shown(screen: Screen) -> None:
    screen.open_patient("MR")
    assert np.ptp(screen.pixels().astype(int)) > 150
    screen.shot("mr")
    window = screen.page.get_by_role("combobox", name="Window")
    expect(window.locator("option")).to_have_text(["Window", "1  More contrast", "2  Less contrast", "3  All values"])
    before = float(screen.pixels().mean())
    window.select_option(index=3)
    assert float(screen.pixels().mean()) < before, "the brightest vessel takes the contrast of the brain"


def test_a_picture_by_palette_is_shown_in_its_colours(screen: Screen) -> None:
    screen.open_patient("PALETTE")
    assert np.ptp(screen.pixels().astype(int), axis=-1).max() > 30
    screen.shot("palette")


def test_reference_lines_and_the_magnifier_are_where_they_should_be(screen: Screen) -> None:
    screen.open(AXIAL[0].StudyInstanceUID)
    screen.page.keyboard.press("g")
    expect(screen.page.locator(".pane >> nth=1").locator(".tr")).to_contain_text("Sagittal")
    screen.page.locator(".pane canvas").first.click(position={"x": 20, "y": 120})
    cut = (
        "() => { const { panes } = window.sagittalViewer, [line] = window.sagittalViewer.cuts(panes[0]); return line; }"
    )
    screen.page.wait_for_function(cut)
    (x0, _), (x1, _) = screen.page.evaluate(cut)
    assert [x0, x1] == [pytest.approx(80.5, abs=0.1)] * 2, "the sagittal plane is that of column 80"
    pixels = screen.pixels().astype(int)
    blue = (pixels[..., 2] - pixels[..., 0] > 80)[150:-150, 8:-8]
    assert blue.any()
    screen.shot("reference-lines")
    screen.page.keyboard.press("x")
    pixels = screen.pixels().astype(int)
    assert not (pixels[..., 2] - pixels[..., 0] > 80)[150:-150, 8:-8].any()
    screen.page.keyboard.press("m")
    screen.page.mouse.move(*screen.place(80, 94))
    pixels = screen.pixels()
    x, y = screen.page.evaluate("() => window.sagittalViewer.active.toScreen([80, 94])")
    column = pixels[int(y) - 60 : int(y) + 60, int(x) + 10, 0] > 250
    assert column.sum() > 1.8 * 6 * screen.page.evaluate("() => window.sagittalViewer.active.matrix[3]"), "2.5 times"
    screen.shot("magnifier")


def test_on_a_reading_monitor_everything_is_as_large_as_it_should_be(browser: Browser, server: Server) -> None:
    screen = Screen(browser, server, 3840, 2160)
    screen.open(AXIAL[0].StudyInstanceUID)
    screen.page.keyboard.press("g")
    expect(screen.page.locator(".pane")).to_have_count(2)
    sizes = screen.page.locator(".corner.tl").first.evaluate("corner => parseFloat(getComputedStyle(corner).fontSize)")
    assert sizes >= 16
    expect(screen.page.locator(".pane >> nth=1").locator(".badge")).to_be_visible()
    screen.shot("reading-monitor")
    screen.close()


def test_in_arabic_everything_is_said_and_lies_from_right_to_left(browser: Browser, server: Server) -> None:
    screen = Screen(browser, server, locale="ar", color_scheme="dark")
    screen.open(AXIAL[0].StudyInstanceUID)
    screen.page.locator(".side ul").first.get_by_role("button", name="Ball and bar").click()
    expect(screen.page.locator(".layer")).to_contain_text("Bar")
    assert screen.page.evaluate("() => document.documentElement.dir") == "rtl"
    side, stage = (screen.page.locator(part).bounding_box() for part in (".side", "#stage"))
    assert side is not None
    assert stage is not None
    assert side["x"] >= stage["x"] + stage["width"] - 1, "the list is to the right"
    left = screen.page.locator(".pane .corner.tl").bounding_box()
    assert left is not None
    assert left["x"] < stage["x"] + 20, "pictures and what is written around them are not mirrored"
    assert screen.page.locator(".pane .edge.left").inner_text() == "R"
    said = screen.page.locator("body").inner_text()
    for english in ("Series", "Findings", "Opacity", "lossless", "Nothing measured"):
        assert english not in said, english
    screen.shot("arabic")
    screen.page.keyboard.press("t")
    screen.shot("arabic-light")
    screen.close()


def test_on_a_phone_a_thumb_measures_and_zooms(browser: Browser, server: Server) -> None:
    screen = Screen(browser, server, 360, 740, has_touch=True, is_mobile=True, device_scale_factor=3)
    screen.open(AXIAL[0].StudyInstanceUID)
    screen.page.get_by_role("button", name="Length", exact=True).tap()
    touch = screen.context.new_cdp_session(screen.page)
    start, stop = screen.place(42.5, 94), screen.place(117.5, 94)
    for kind, points in (
        ("touchStart", [start]),
        ("touchMove", [((start[0] + stop[0]) / 2, start[1])]),
        ("touchMove", [stop]),
        ("touchEnd", []),
    ):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})
    expect(screen.page.locator(".status")).to_contain_text("60.0 mm")
    before = screen.page.evaluate("() => window.sagittalViewer.active.view.zoom")
    for kind, apart in (("touchStart", 40), ("touchMove", 80), ("touchMove", 120)):
        fingers = [{"x": 180 - apart, "y": 350, "id": 1}, {"x": 180 + apart, "y": 350, "id": 2}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert screen.page.evaluate("() => window.sagittalViewer.active.view.zoom") > 1.5 * before
    screen.shot("phone-measured")
    screen.page.get_by_role("button", name="Series and findings").tap()
    assert screen.page.evaluate("() => document.documentElement.scrollWidth") <= 360
    screen.page.locator(".side ul").first.get_by_role("button", name="Ball and bar").tap()
    expect(screen.page.locator(".side")).to_be_hidden()
    screen.page.wait_for_function("() => window.sagittalViewer.layers?.layers.size === 1")
    screen.shot("phone-list")
    screen.close()
