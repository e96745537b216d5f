"""The light viewer over lines of every kind: clips adapt to them, and what is shown says how well it is shown."""

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, CDPSession, expect
from pydicom.dataset import Dataset

from support import phantom
from support.screen import Screen
from support.server import Server, running
from support.viewer import stow

pytestmark = [pytest.mark.xdist_group("light-viewer-drawn"), pytest.mark.timeout(180)]

FRAMES, FRAME_MS = 40, 40
SLICES = phantom.ct_series(phantom.study("CT", "Phantom^Known", "CT of a phantom"), coarse=4)


def clip() -> Dataset:
    """Forty frames of coarse speckle, 25 a second: some 15 kB each as they are shown in full."""
    one = phantom.of(phantom.study("US", "Sound^Ula", "Echo"), "1.2.840.10008.5.1.4.1.1.3.1", "US", 1, "Speckle")
    rng = np.random.default_rng(1)
    speckle = rng.integers(20, 235, (FRAMES, 60, 80), dtype=np.uint8).repeat(8, axis=1).repeat(8, axis=2)
    one.SamplesPerPixel, one.PhotometricInterpretation, one.NumberOfFrames = 1, "MONOCHROME2", FRAMES
    _, one.Rows, one.Columns = speckle.shape
    one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 8, 8, 7, 0
    one.FrameTime = FRAME_MS
    one.add_new(0x7FE00010, "OB", speckle.tobytes())
    return one


def radiograph() -> Dataset:
    """Large, and smooth but for noise that near-lossless values leave out."""
    one = phantom.of(phantom.study("CR", "Chest^Carl", "Chest"), "1.2.840.10008.5.1.4.1.1.1", "CR", 1, "PA")
    y, x = np.mgrid[:1600, :1600]
    phantom.grey(one, (x + y + np.random.default_rng(2).integers(0, 3, x.shape)).astype("<u2"))
    return one


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("lines") / "data") as started:
        stow(started, *SLICES, clip(), radiograph())
        yield started


@pytest.fixture
def screen(browser: Browser, server: Server) -> Iterator[Screen]:
    made = Screen(browser, server, 900, 700)
    yield made
    made.close()


def line_of(screen: Screen) -> CDPSession:
    line = screen.context.new_cdp_session(screen.page)
    line.send("Network.enable")
    return line


def throttle(line: CDPSession, kilobits: int, latency_ms: int) -> None:
    rate = kilobits * 1000 / 8
    line.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": latency_ms, "downloadThroughput": rate, "uploadThroughput": rate},
    )


def cine(screen: Screen, what: str) -> float:
    return float(screen.page.evaluate(f"window.sagittalViewer.active.cine.{what}"))


def test_a_clip_on_a_thin_line_is_made_smaller_and_shown_less_often_but_not_slower(screen: Screen) -> None:
    screen.open_patient("US", tier="")
    screen.page.wait_for_selector(".pane[data-tier]")
    line = line_of(screen)
    throttle(line, 400, 100)
    screen.page.keyboard.press(" ")
    screen.page.wait_for_function(
        "() => { const { cine } = window.sagittalViewer.active; return cine && cine.side < cine.full && cine.stride > 1; }",
        timeout=30_000,
    )
    before = (cine(screen, "turns"), screen.page.evaluate("performance.now()"))
    screen.page.wait_for_function(
        "turns => window.sagittalViewer.active.cine.turns >= turns + 1", arg=before[0], timeout=30_000
    )
    waited_ms = screen.page.evaluate("performance.now()") - before[1]
    assert waited_ms < 3 * FRAMES * FRAME_MS, "a turn takes as long as the object says, whatever the line brings"
    assert cine(screen, "shown") < (cine(screen, "turns") + 1) * FRAMES, "frames were left out"
    screen.shot("clip-thin")
    throttle(line, 100_000, 0)  # the line is mended
    screen.page.wait_for_function(
        "count => window.sagittalViewer.active.cine.known.size === count", arg=FRAMES, timeout=30_000
    )
    screen.page.keyboard.press(" ")
    expect(screen.page.locator(".badge")).not_to_have_text("preview")


def test_the_badge_goes_from_preview_to_lossless_when_nothing_else_is_asked_for(screen: Screen) -> None:
    tiers: list[str] = []

    def note(tier: str) -> None:
        tiers.append(tier)

    screen.page.expose_function("sagittalTier", note)
    screen.page.add_init_script(
        "new MutationObserver((all) => all.forEach(({ target }) => target.dataset.tier && window.sagittalTier(target.dataset.tier)))"
        ".observe(document, { subtree: true, attributes: true, attributeFilter: ['data-tier'] })"
    )
    screen.open(SLICES[0].StudyInstanceUID, tier="lossless")
    steps = list(dict.fromkeys(one for one in tiers if one in ("preview", "near", "lossless")))
    assert steps == ["preview", "near", "lossless"]
    expect(screen.page.locator(".badge")).to_have_text("lossless")


def test_on_a_thin_line_the_lossless_frame_comes_when_it_is_asked_for(screen: Screen) -> None:
    screen.page.goto(f"{screen.root}/about")
    line = line_of(screen)
    throttle(line, 1000, 20)
    lossless: list[str] = []
    screen.page.on("request", lambda one: lossless.append(one.url) if "4.80" in one.headers.get("accept", "") else None)
    screen.open_patient("CR", tier="near")
    expect(screen.page.locator(".badge")).to_contain_text("near-lossless ±")
    screen.page.wait_for_timeout(1500)  # longer than an idle pane waits where the line is quick
    assert lossless == []
    throttle(line, 100_000, 0)
    screen.page.locator(".badge").click()
    screen.page.wait_for_selector(".pane[data-tier=lossless]", timeout=30_000)
    assert len(lossless) == 1
