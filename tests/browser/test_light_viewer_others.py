"""What is no picture, in the light viewer: electrocardiograms, video, reports of several instances."""

import json
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from playwright.sync_api import Browser, expect
from pydicom import dcmread

from sagittal.dicom.web.multipart import MultipartWriter
from support import drawn, phantom, waveforms
from support.screen import Screen
from support.server import Server, running
from support.shared import SHARED, shared
from support.video import video
from support.viewer import stow

pytestmark = [pytest.mark.xdist_group("light-viewer-drawn"), pytest.mark.timeout(180)]

ECG = SHARED / "dicom/pydicom/pydicom/72f1cb0e65_waveform_ecg.dcm"
SLICES = phantom.ct_series(phantom.study("SR2", "Read^Rita", "Two reports"), coarse=8)
TRACE = """([row, from, to]) => { // where the ink is, in mm from the left edge of the sheet and up from the middle of a row
    const canvas = document.querySelector(".paper canvas"), context = canvas.getContext("2d"), mm = canvas.width / parseFloat(canvas.style.width) * window.perMm;
    const ink = getComputedStyle(canvas).color.match(/\\d+/g).map(Number), middle = (4 + 20 * (row + 0.5)) * mm, found = [];
    for (let x = Math.round(from * mm); x < to * mm; x++) {
        const column = context.getImageData(x, middle - 10.4 * mm, 1, 19.8 * mm).data;
        const rows = [];
        for (let y = 0; y < column.length / 4; y++) if (column[4 * y + 3] > 200 && Math.abs(column[4 * y] - ink[0]) < 40 && Math.abs(column[4 * y + 1] - ink[1]) < 40) rows.push(10.4 - y / mm);
        if (rows.length) found.push([x / mm, Math.min(...rows), Math.max(...rows)]);
    }
    return found;
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("others") / "data") as started:
        stow(started, waveforms.electrocardiogram(phantom.study("ECG", "Heart^Hal", "Resting ECG")))
        reports = [drawn.report(phantom.ct_series(phantom.study_of(SLICES[0]))) for _ in range(2)]
        reports[1].SeriesInstanceUID = reports[0].SeriesInstanceUID
        for one in reports:
            one.StudyInstanceUID, one.PatientID = SLICES[0].StudyInstanceUID, "SR2"
        stow(started, *reports)
        _stow_video(started)
        if SHARED.is_dir():
            real = dcmread(ECG)
            real.PatientID = "REAL-ECG"
            stow(started, real)
        yield started


def _stow_video(server: Server) -> None:
    uids = {"00080016": "1.2.840.10008.5.1.4.1.1.77.1.1.1", "00080018": "1.2.1", "0020000D": "1", "0020000E": "1.2"}
    dataset: dict[str, object] = {tag: {"vr": "UI", "Value": [uid]} for tag, uid in uids.items()}
    dataset |= {"00100020": {"vr": "LO", "Value": ["VIDEO"]}, "00080060": {"vr": "CS", "Value": ["ES"]}}
    dataset["7FE00010"] = {"vr": "OB", "BulkDataURI": "video"}
    writer = MultipartWriter("b")
    body = writer.begin_part({"Content-Type": "application/dicom+json"}) + json.dumps([dataset]).encode()
    body += writer.begin_part({"Content-Type": "video/mp4", "Content-Location": "video"})
    body += video("h264_high.mp4") + writer.end()
    headers = {"content-type": 'multipart/related; type="application/dicom+json"; boundary=b'}
    assert httpx.post(f"{server.web}/studies", content=body, headers=headers).status_code == 200


@pytest.fixture
def screen(browser: Browser, server: Server) -> Iterator[Screen]:
    made = Screen(browser, server, 1100, 760)
    yield made
    made.close()


def trace(
    screen: Screen, row: int, start_mm: float, stop_mm: float
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """For each column of pixels of a row: where on the sheet, and lowest and highest ink, mm from the middle."""
    width = screen.page.locator(".paper canvas[aria-label]").evaluate("canvas => parseFloat(canvas.style.width)")
    seconds = screen.page.locator(".sheet output").inner_text()
    first, last = (float(one) for one in seconds.partition(" / ")[0].split("–"))
    speed = float(screen.page.get_by_label("mm/s").input_value())
    screen.page.evaluate("mm => { window.perMm = mm; }", width / (18 + (last - first) * speed))
    return np.array(screen.page.evaluate(TRACE, [row, start_mm, stop_mm]))


def test_an_electrocardiogram_is_drawn_to_scale_by_its_sensitivity_correction_and_baseline(screen: Screen) -> None:
    screen.open_patient("ECG", tier="")
    expect(screen.page.locator(".sheet output")).to_have_text("0.00–10.0 / 30.0 s")
    screen.shot("ecg")
    found = trace(screen, 0, 18.5, 18 + 25)  # lead I, of its first second
    up, down = found[found[:, 0] < 29], found[(found[:, 0] > 32) & (found[:, 0] < 41)]
    assert np.median(up[:, 2]) == pytest.approx(10, abs=0.4), "a millivolt is 10 mm"
    assert np.median(down[:, 2]) == pytest.approx(0, abs=0.4), "and nothing is on the line, though 400 is stored"
    edge = found[found[:, 2] - found[:, 1] > 5][:, 0]
    assert np.median(edge) == pytest.approx(18 + 12.5, abs=0.5), "half a second is 12.5 mm"
    flat = trace(screen, 11, 18.5, 18 + 25)
    assert abs(flat[:, 1:]).max() < 0.5
    screen.page.get_by_label("mm/mV").select_option("5")
    expect(screen.page.locator(".notes")).to_contain_text("Normal sinus rhythm")
    assert np.median(trace(screen, 0, 19, 29)[:, 2]) == pytest.approx(5, abs=0.4)


def test_an_electrocardiogram_is_paged_and_its_recordings_and_leads_are_chosen(screen: Screen) -> None:
    screen.open_patient("ECG", tier="")
    shown = screen.page.locator(".sheet output")
    expect(shown).to_have_text("0.00–10.0 / 30.0 s")
    for expected in ("10.0–20.0 / 30.0 s", "20.0–30.0 / 30.0 s", "20.0–30.0 / 30.0 s"):
        screen.page.get_by_role("button", name="Later").click()
        expect(shown).to_have_text(expected)
    screen.page.get_by_label("mm/s").select_option("50")
    expect(shown).to_have_text("20.0–25.0 / 30.0 s")
    screen.page.get_by_label("Recording").select_option("MEDIAN BEAT")
    expect(shown).to_have_text("0.00–1.00 / 1.00 s")
    screen.page.get_by_label("Recording").select_option("RHYTHM")
    before = screen.page.locator(".paper canvas").bounding_box()
    screen.page.get_by_label("Leads").select_option("sheet")
    screen.page.wait_for_function(
        "high => document.querySelector('.paper canvas').clientHeight < high / 2", arg=before["height"] if before else 0
    )
    screen.page.keyboard.press("Escape")
    screen.shot("ecg-sheet")


@shared
def test_a_real_electrocardiogram_is_drawn_with_what_the_machine_said_of_it(screen: Screen) -> None:
    screen.open_patient("REAL-ECG", tier="")
    expect(screen.page.locator(".notes")).to_contain_text("RITMO SINUSALE")
    expect(screen.page.locator(".notes")).to_contain_text("982 ms")
    expect(screen.page.get_by_role("img", name="RHYTHM: I, II, III, aVR")).to_be_visible()
    microvolts = dcmread(ECG).waveform_array(0)[: int((200 - 19) / 25 * 1000), 0]
    found = trace(screen, 0, 19, 200)
    assert found[:, 2].max() == pytest.approx(microvolts.max() / 100, abs=0.5)
    screen.shot("ecg-real")
    assert screen.hurdles() == []


def test_a_video_is_played(browser: Browser, server: Server) -> None:
    screen = Screen(browser, server, 900, 640)  # too narrow for the list of series, and its thumbnail of a video
    screen.open_patient("VIDEO", tier="")
    size = "video => new Promise(done => { const look = () => video.readyState >= 2 ? done([video.videoWidth, video.videoHeight]) : setTimeout(look, 50); look(); })"
    clip = screen.page.locator("video.other")
    assert clip.evaluate(size) == [64, 48]
    assert clip.evaluate("async video => { await video.play(); return !video.paused; }")
    screen.shot("video")
    screen.close()


def test_each_object_of_a_series_of_reports_is_reached(screen: Screen) -> None:
    screen.open_patient("SR2", tier="")
    turn = screen.page.get_by_role("navigation", name="Objects of the series")
    expect(turn).to_contain_text("1 / 2")
    turn.get_by_role("button", name="Next").click()
    expect(turn).to_contain_text("2 / 2")
    expect(turn.get_by_role("button", name="Next")).to_be_disabled()
    expect(screen.page.locator("article.other")).to_contain_text("Area: 471 mm2")
    screen.shot("report")
    assert screen.hurdles() == []
