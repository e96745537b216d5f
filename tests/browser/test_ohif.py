"""OHIF, served by us, reads from us: in headless Chromium, with screenshots kept in `test-artifacts`."""

import os
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from pydicom.dataset import Dataset

from support.archives import file_bytes, instance
from support.peers import require
from support.server import Server, running

ARTIFACTS = Path(__file__).resolve().parents[2] / "test-artifacts"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.timeout(180)]


def require_viewer() -> None:
    if find_spec("sagittal_ohif") is not None and (import_module("sagittal_ohif").DIST / "index.html").is_file():
        return
    if os.environ.get("CI"):
        pytest.fail("needs the OHIF viewer: `make ohif` builds it")
    pytest.skip("needs the OHIF viewer: `make ohif` builds it")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    require("chromium")
    require_viewer()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        yield browser
        browser.close()


def ct_series() -> list[Dataset]:
    """Eight slices of a bright ball in the dark."""
    first = instance("CT_small.dcm", PatientName="Ball^Bright", PatientID="BALL", StudyDescription="A ball")
    y, x = np.mgrid[-64:64, -64:64]
    slices = []
    for number in range(8):
        one = instance(
            "CT_small.dcm",
            StudyInstanceUID=first.StudyInstanceUID,
            SeriesInstanceUID=first.SeriesInstanceUID,
            InstanceNumber=number + 1,
            PatientName="Ball^Bright",
            PatientID="BALL",
            StudyDescription="A ball",
            ImagePositionPatient=[-64, -64, number * 5],
            WindowCenter=500,
            WindowWidth=1000,
            RescaleIntercept=0,
            RescaleSlope=1,
        )
        radius = 50 - abs(number - 3.5) * 8
        one.PixelData = np.where(x * x + y * y < radius * radius, 1000, 0).astype("<i2").tobytes()
        slices.append(one)
    return slices


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("ohif") / "data") as started:
        nameless = instance(PatientID="NONE", PatientName="", Modality="", StudyDate="", StudyDescription="")
        for one in [*ct_series(), nameless]:
            headers = {"content-type": "application/dicom"}
            answer = httpx.post(f"{started.web}/studies", content=file_bytes(one), headers=headers)
            assert answer.status_code == 200
        yield started


class Watched:
    """A page, and what went wrong on it."""

    def __init__(self, browser: Browser) -> None:
        self.page: Page = browser.new_page(viewport={"width": 1280, "height": 800})
        self.failures: list[str] = []
        self.page.on("response", lambda r: self.failures.append(f"{r.status} {r.url}") if r.status >= 400 else None)
        self.page.on("requestfailed", lambda r: self.failures.append(f"{r.failure} {r.url}"))
        self.page.on("pageerror", lambda error: self.failures.append(str(error)))

    def shot(self, name: str) -> Image.Image:
        ARTIFACTS.mkdir(exist_ok=True)
        content = self.page.screenshot(path=ARTIFACTS / f"{name}.png")
        return Image.open(BytesIO(content)).convert("L")


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    watched = Watched(browser)
    yield watched
    watched.page.close()


def root_of(server: Server) -> str:
    return server.web.removesuffix("/dicom-web")


def test_the_front_page_leads_to_the_study_list_and_that_to_the_study(server: Server, watched: Watched) -> None:
    watched.page.goto(root_of(server))
    watched.page.get_by_role("link", name="OHIF").click()
    watched.page.get_by_text("A ball").first.wait_for(timeout=60_000)
    watched.shot("ohif-study-list")
    assert "Ball" in watched.page.content()
    assert watched.failures == []


def test_a_ct_stack_is_shown_and_scrolled(server: Server, watched: Watched) -> None:
    found = httpx.get(f"{server.web}/studies?PatientID=BALL").json()
    study = found[0]["0020000D"]["Value"][0]
    watched.page.goto(f"{root_of(server)}/ohif/viewer?StudyInstanceUIDs={study}")
    canvas = watched.page.locator("canvas.cornerstone-canvas").first
    canvas.wait_for(timeout=60_000)
    watched.page.wait_for_function(
        "() => [...document.querySelectorAll('canvas')].some(c => c.width > 300)", timeout=60_000
    )
    watched.page.wait_for_timeout(3000)
    skip = watched.page.get_by_text("Skip all")
    if skip.count():
        skip.first.click()
    first = watched.shot("ohif-ct-first")
    canvas.hover()
    for _ in range(3):
        watched.page.mouse.wheel(0, 100)
        watched.page.wait_for_timeout(300)
    later = watched.shot("ohif-ct-scrolled")
    box = canvas.bounding_box()
    assert box is not None
    crop = (int(box["x"]), int(box["y"]), int(box["x"] + box["width"]), int(box["y"] + box["height"]))
    before, after = (np.asarray(image.crop(crop)) for image in (first, later))
    assert (before > 200).mean() > 0.02, "the ball is to be seen"
    assert (after > 200).sum() > (before > 200).sum() * 1.1, "it grows towards the middle"
    assert watched.failures == []


def test_the_viewers_files_are_packed_kept_and_fenced_in(server: Server) -> None:
    require_viewer()
    page = httpx.get(f"{root_of(server)}/ohif/")
    bundle = next(part for part in page.text.split('"') if "app.bundle" in part and part.endswith(".js"))
    script = httpx.get(f"{root_of(server)}{bundle}", headers={"accept-encoding": "br"})
    assert "unsafe-eval" not in page.headers["content-security-policy"].replace("wasm-unsafe-eval", "")
    assert "<script>" not in page.text
    assert script.headers["content-encoding"] == "br"
    assert "immutable" in script.headers["cache-control"]
    assert "://" not in httpx.get(f"{root_of(server)}/ohif/app-config.js").text
