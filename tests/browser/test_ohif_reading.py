"""A CT read in OHIF: measured, reported, cut in other planes, with what others outlined in it."""

from collections.abc import Iterator
from io import BytesIO

import httpx
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from support import phantom
from support.server import Server, running
from support.viewer import Viewer, extent, stow

pytestmark = [pytest.mark.xdist_group("browser-reading"), pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def slices() -> list[Dataset]:
    return phantom.ct_series(phantom.study("PHANTOM", "Phantom^Known", "CT of a phantom"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, slices: list[Dataset]) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("reading") / "data") as started:
        stow(started, *slices, phantom.segmentation(slices), phantom.structures(slices))
        stow(started, *phantom.ct_series(phantom.study("COARSE", "Phantom^Coarse", "A coarse CT"), coarse=2))
        yield started


def white(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = pixels.min(axis=2) > 250
    return found


def grey(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where the body is, in a plane whose edges are black: away from the texts above and below."""
    found: NDArray[np.bool_] = (pixels.max(axis=2) > 100) & (np.ptp(pixels, axis=2) < 8)
    found[:100] = found[-100:] = False
    return found


def like(pixels: NDArray[np.uint8], red: int, green: int, blue: int) -> NDArray[np.bool_]:
    """Where the hue is about that: each channel that is 0 well below each that is 255."""
    wanted = np.array([red, green, blue]) > 127
    on, off = pixels[..., wanted].astype(int), pixels[..., ~wanted].astype(int)
    found: NDArray[np.bool_] = on.min(axis=2) - off.max(axis=2) > 80
    return found


def test_a_ct_is_shown_in_its_window_and_the_right_way_round(viewer: Viewer) -> None:
    viewer.open_study("PHANTOM")
    left, top, right, bottom = extent(viewer.picture().max(axis=2) > 100)
    assert viewer.overlay("bottom-left") == "W: 400 L: 50"
    assert viewer.overlay("top-left") == "15-Jan-2026 Phantom 2.0 mm"
    assert abs((right - left) / (bottom - top) - 1) < 0.02, "a round body is round though its pixels are not square"
    viewer.scroll("I:18 (7/24)", 6)
    viewer.when(lambda pixels: white(pixels)[: int((top + bottom) / 2)].any())
    viewer.shot("ohif-ct")
    picture = viewer.picture()
    middle = (left + right) / 2
    ball = white(picture)[: int((top + bottom) / 2)]
    assert extent(ball)[0] > middle, "the patient's left is on the right of the picture"
    body = picture[int((top + bottom) / 2), int(middle) - 20]
    assert set(body) <= {121, 122}, "40 HU in a window of 400 around 50"


def test_a_length_drawn_by_mouse_is_kept_as_a_report_and_shown_again(
    viewer: Viewer, another: Viewer, slices: list[Dataset]
) -> None:
    viewer.open_study("PHANTOM")
    left, top, right, bottom = extent(white(viewer.pixels()))
    viewer.control("MeasurementTools-split-button-primary")
    viewer.drag((left, (top + bottom) / 2), (right, (top + bottom) / 2))
    viewer.page.get_by_role("button", name="Yes", exact=True).click()  # to follow measurements of this series
    line = extent(like(viewer.when(lambda pixels: like(pixels, 0, 255, 0).sum() > 200), 0, 255, 0))
    viewer.shot("ohif-ct-length")
    assert abs(line[0] - left) < 8, "from the left end of the bar"
    viewer.control("trackedMeasurements-btn")
    panel = viewer.page.locator('[data-cy="trackedMeasurements-panel"]').last
    length_mm = float(panel.get_by_text(" mm").first.inner_text().removesuffix(" mm"))
    assert abs(length_mm - phantom.BAR_MM) < 1
    viewer.page.get_by_role("button", name="Create SR").click()
    viewer.page.get_by_role("dialog").get_by_role("textbox").fill("Length of the bar")
    with viewer.page.expect_response(lambda response: response.request.method == "POST") as stored:
        viewer.page.get_by_role("button", name="Save").click()
    assert stored.value.status == 200
    report = kept_report(viewer)
    assert report.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    assert (report.PatientID, report.SeriesDescription) == ("PHANTOM", "Length of the bar")
    (length,) = measured(report, "Length")
    value = length.MeasuredValueSequence[0]
    assert value.MeasurementUnitsCodeSequence[0].CodeValue == "mm"
    assert abs(float(value.NumericValue) - length_mm) < 0.06
    seen = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence
    assert [item.ReferencedSOPInstanceUID for item in seen] == [slices[-1].SOPInstanceUID]
    shown_again(another, length_mm)


def kept_report(viewer: Viewer) -> Dataset:
    """The only report that the archive holds."""
    (found,) = httpx.get(f"{viewer.server.web}/instances", params={"Modality": "SR"}).json()
    study, series, instance = (found[tag]["Value"][0] for tag in ("0020000D", "0020000E", "00080018"))
    url = f"{viewer.server.web}/studies/{study}/series/{series}/instances/{instance}"
    return pydicom.dcmread(BytesIO(httpx.get(url, headers={"accept": "application/dicom"}).content))


def measured(item: Dataset, meaning: str) -> list[Dataset]:
    """The numeric content items with that concept name, at any depth."""
    found = []
    for content in item.get("ContentSequence", []):
        if content.ValueType == "NUM" and content.ConceptNameCodeSequence[0].CodeMeaning == meaning:
            found.append(content)
        found += measured(content, meaning)
    return found


def shown_again(viewer: Viewer, length_mm: float) -> None:
    """The report, opened by someone who comes later."""
    viewer.open_study("PHANTOM")
    assert not like(viewer.pixels(), 255, 255, 0).any()
    viewer.page.get_by_text("Length of the bar").dblclick()
    viewer.page.get_by_role("button", name="Yes", exact=True).click()  # to go on with its measurements
    viewer.control("trackedMeasurements-btn")
    viewer.page.locator('[data-cy="trackedMeasurements-panel"]').last.get_by_text(f"{length_mm} mm").wait_for()
    pixels = viewer.when(lambda pixels: like(pixels, 255, 255, 0).sum() > 300)
    viewer.shot("ohif-ct-length-again")
    bar, line = extent(white(pixels)), extent(like(pixels, 255, 255, 0))
    assert abs(line[0] - bar[0]) < 8, "from the left end of the bar"
    assert bar[1] < (line[1] + line[3]) / 2 < bar[3], "along it"


def open_overlay(viewer: Viewer, series: str) -> None:
    """Loads what is laid over the CT, and the panel that lists it."""
    viewer.open_study("PHANTOM")
    viewer.page.get_by_text(series).dblclick()
    viewer.page.get_by_role("button", name="Yes", exact=True).click()
    viewer.control("panelSegmentation-btn")


def test_a_segmentation_is_listed_and_lies_where_it_was_drawn(viewer: Viewer) -> None:
    open_overlay(viewer, "Ball and bar")
    for label in ("Ball", "Bar"):
        viewer.page.get_by_text(label, exact=True).wait_for()
    viewer.scroll("I:18 (7/24)", 6)
    pixels = viewer.when(lambda pixels: like(pixels, 255, 0, 0).any() and like(pixels, 0, 255, 0).any())
    viewer.shot("ohif-seg")
    ball, bar = extent(like(pixels, 255, 0, 0)), extent(like(pixels, 0, 255, 0))
    millimetre = (bar[2] - bar[0]) / phantom.BAR_MM
    assert abs((ball[2] - ball[0]) / millimetre - 20) < 2, "the ball is 20 mm wide"
    assert abs((ball[3] - ball[1]) / millimetre - 20) < 2
    assert abs((ball[0] + ball[2] - bar[0] - bar[2]) / 2 / millimetre - 30) < 1.5, "30 mm left of the middle"
    assert abs((bar[1] + bar[3] - ball[1] - ball[3]) / 2 / millimetre - 40) < 1.5, "40 mm in front of the bar"


def test_a_structure_set_is_listed_and_lies_where_it_was_drawn(viewer: Viewer) -> None:
    open_overlay(viewer, "Ball outlined")
    viewer.page.get_by_text("Ball outline", exact=True).wait_for()
    pixels = viewer.when(lambda pixels: like(pixels, 255, 255, 0).any() and white(pixels).any())
    viewer.shot("ohif-rtstruct")
    outline, top_half = extent(like(pixels, 255, 255, 0)), white(pixels)[: pixels.shape[0] // 2]
    assert max(abs(np.subtract(outline, extent(top_half)))) < 8, "around the ball"


def test_other_planes_and_the_volume_are_the_right_way_round(viewer: Viewer) -> None:
    viewer.open_study("PHANTOM")
    viewer.control("Layout")
    viewer.control("MPR")
    viewer.wait_until_shown(3)
    axial, sagittal, coronal = (viewer.when(lambda pixels: white(pixels).any(), number) for number in range(3))
    viewer.shot("ohif-mpr")
    assert [viewer.markers(number) for number in range(3)] == [{"A", "R"}, {"H", "A"}, {"H", "R"}]
    bodies = [extent(grey(pixels)) for pixels in (sagittal, coronal)]
    for left, top, right, bottom in bodies:
        assert abs((right - left) / (bottom - top) - 112 / 46) < 0.1, "112 mm wide, 46 mm from first slice to last"
    (bar_left, *_), (left, _, right, _) = extent(white(sagittal)), bodies[0]
    assert bar_left > (left + right) / 2, "the bar is at the back: right in a sagittal plane"
    ball, (left, top, right, bottom) = extent(white(coronal)), bodies[1]
    assert ball[0] > (left + right) / 2
    assert ball[1] < (top + bottom) / 2, "the ball is to the left and near the head"
    assert white(axial).any()


def test_the_volume_shows_bone_where_it_is(viewer: Viewer) -> None:
    viewer.page.set_viewport_size({"width": 860, "height": 320})  # without a graphics card
    viewer.open_study("COARSE")
    viewer.control("Layout")
    viewer.control("3D only")
    pixels = viewer.once(viewer.picture, lambda pixels: bright(pixels).sum() > 200)
    viewer.shot("ohif-volume")
    height, width = pixels.shape[:2]
    left, top, right, bottom = extent(bright(pixels))
    assert (left + right) / 2 > width / 2
    assert (top + bottom) / 2 < height / 2, "the ball, from the front: to the left and near the head"


def bright(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Bone in the volume, which is drawn in the colours of flesh and bone; nothing while it is not drawn."""
    value, is_flesh = pixels.max(axis=2), pixels[..., 0].astype(int) - pixels[..., 2] > 5
    found: NDArray[np.bool_] = is_flesh & (value > max(60, 0.7 * value.max()))
    return found
