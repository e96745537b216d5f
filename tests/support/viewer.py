"""OHIF in headless Chromium: a page that is driven, looked at, and watched for whatever goes wrong on it."""

import os
from base64 import b64decode
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TypeVar

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import BrowserContext, ConsoleMessage, Request, Response
from pydicom.dataset import Dataset

from support.server import Server

_T = TypeVar("_T")

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
SHOWN = """count => {
    const engines = window.cornerstone?.getRenderingEngines() ?? [];
    const shown = engines.flatMap(engine => engine.getViewports()).filter(v => v.element.isConnected);
    return shown.length === count && shown.every(v => v.viewportStatus === 'rendered');
}"""
# The tour hides the pictures until it is sent away, once for each browser.
SETTLED = """window.localStorage?.setItem('shownTours', '["basicViewerTour"]');"""


def require_viewer() -> None:
    if find_spec("sagittal_ohif") is not None and (import_module("sagittal_ohif").DIST / "index.html").is_file():
        return
    if os.environ.get("CI"):
        pytest.fail("needs the OHIF viewer: `make ohif` builds it")
    pytest.skip("needs the OHIF viewer: `make ohif` builds it")


def stow(server: Server, *datasets: Dataset) -> None:
    """Stores each; all have to be taken."""
    with httpx.Client(headers={"content-type": "application/dicom"}, timeout=30) as client:
        for one in datasets:
            file = BytesIO()
            one.save_as(file, enforce_file_format=True)
            answer = client.post(f"{server.web}/studies", content=file.getvalue())
            assert answer.status_code == 200, answer.text


class Viewer:
    """A page. Its `failures` are failed requests, errors in the console, requests to any host but ours."""

    def __init__(self, context: BrowserContext, server: Server) -> None:
        self.server = server
        self.root = server.web.removesuffix("/dicom-web")
        self.failures: list[str] = []
        self.requests: list[Request] = []
        self.page = context.new_page()
        self.page.set_default_timeout(60_000)
        self.page.on("request", self._on_request)
        self.page.on("response", self._on_response)
        self.page.on("requestfailed", lambda request: self.failures.append(f"{request.failure} {request.url}"))
        self.page.on("pageerror", lambda error: self.failures.append(str(error)))
        self.page.on("console", self._on_console)

    def _on_request(self, request: Request) -> None:
        self.requests.append(request)
        # Chromium shows PDF by an extension and resources of its own.
        if not request.url.startswith(
            (f"{self.root}/", f"blob:{self.root}", "data:", "chrome://", "chrome-extension://")
        ):
            self.failures.append(f"asks another host: {request.url}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 400:
            self.failures.append(f"{response.status} {response.url}")

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error" or "Content Security Policy" in message.text:
            self.failures.append(f"console: {message.text}")

    def study_uid(self, patient_id: str) -> str:
        """Of the only study of the patient."""
        (found,) = httpx.get(f"{self.server.web}/studies", params={"PatientID": patient_id}).json()
        return str(found["0020000D"]["Value"][0])

    def open_study(self, patient_id: str, *, mode: str = "viewer", hanging: str = "", viewports: int = 1) -> None:
        """Opens the patient's study, by a hanging protocol if that is named, and waits until it is drawn."""
        protocol = f"&hangingprotocolid={hanging}" if hanging else ""
        self.page.goto(f"{self.root}/ohif/{mode}?StudyInstanceUIDs={self.study_uid(patient_id)}{protocol}")
        if viewports:
            self.wait_until_shown(viewports)

    def wait_until_shown(self, viewports: int = 1) -> None:
        """Until there are so many viewports, each of them drawn."""
        self.page.wait_for_function(SHOWN, arg=viewports)

    def control(self, name: str) -> None:
        """Clicks what the viewer's makers named so for their own tests."""
        self.page.locator(f'[data-cy="{name}"]').first.click()

    def shot(self, name: str) -> None:
        """Keeps a picture of the page."""
        ARTIFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=ARTIFACTS / f"{name}.png")

    def pixels(self, viewport: int = 0) -> NDArray[np.uint8]:
        """What a viewport shows, all overlays with it; shape (height, width, 3)."""
        content = self.page.locator('[data-cy="viewport-pane"]').nth(viewport).screenshot()
        return np.asarray(Image.open(BytesIO(content)).convert("RGB"))

    def when(self, seen: Callable[[NDArray[np.uint8]], object], viewport: int = 0) -> NDArray[np.uint8]:
        """What a viewport shows, as `pixels`, once that holds of it."""
        return self.once(lambda: self.pixels(viewport), seen)

    def once(self, look: Callable[[], _T], seen: Callable[[_T], object]) -> _T:
        """What is seen by looking again and again, once that holds of it."""
        for _ in range(100):
            found = look()
            if seen(found):
                return found
            self.page.wait_for_timeout(100)
        self.shot("never-seen")
        raise AssertionError("it was never to be seen; test-artifacts/never-seen.png is what was")

    def scroll(self, to: str, steps: int) -> None:
        """Turns the wheel over the first viewport, until the overlay says `to`."""
        self.page.locator("canvas.cornerstone-canvas").first.hover()
        for _ in range(steps):
            self.page.mouse.wheel(0, 100)
        self.page.get_by_text(to).wait_for()
        self.wait_until_shown()

    def picture(self, viewport: int = 0) -> NDArray[np.uint8]:
        """What a viewport shows, without what lies over it; shape (height, width, 3)."""
        canvas = self.page.locator("canvas.cornerstone-canvas").nth(viewport)
        url = str(canvas.evaluate("canvas => canvas.toDataURL('image/png')"))
        return np.asarray(Image.open(BytesIO(b64decode(url.partition(",")[2]))).convert("RGB"))

    def difference(self, instance_url: str) -> float:
        """How far what is shown is from what we render of the instance or its first frame, on average, of 255."""
        shown = self.picture()
        answer = httpx.get(f"{instance_url}/frames/1/rendered", headers={"accept": "image/png"}, timeout=30)
        rendered = Image.open(BytesIO(answer.content)).convert("RGB")
        height, width = shown.shape[:2]
        scale = min(height / rendered.height, width / rendered.width)
        fitted = rendered.resize(
            (round(rendered.width * scale), round(rendered.height * scale)), Image.Resampling.BILINEAR
        )
        expected = Image.new("RGB", (width, height))
        expected.paste(fitted, ((width - fitted.width) // 2, (height - fitted.height) // 2))
        return float(np.abs(np.asarray(expected, dtype=int) - shown).mean())

    def overlay(self, corner: str, viewport: int = 0) -> str:
        """The text in a corner of a viewport: `top-left`, `bottom-right`, ..."""
        text = self.page.locator(f'[data-cy="viewport-overlay-{corner}"]').nth(viewport).inner_text()
        return " ".join(text.split())

    def markers(self, viewport: int = 0) -> set[str]:
        """The letters at the edges of a viewport that say which way the patient lies."""
        pane = self.page.locator('[data-cy="viewport-pane"]').nth(viewport)
        return set(pane.locator(".orientation-marker").all_inner_texts()) - {""}

    def drag(self, start: tuple[float, float], stop: tuple[float, float], viewport: int = 0) -> None:
        """Draws with the left button, between points of a viewport, (x, y) in pixels of `pixels`."""
        box = self.page.locator('[data-cy="viewport-pane"]').nth(viewport).bounding_box()
        assert box is not None
        mouse = self.page.mouse
        mouse.move(box["x"] + start[0], box["y"] + start[1])
        mouse.down()
        mouse.move(box["x"] + stop[0], box["y"] + stop[1], steps=2)
        mouse.up()


def extent(mask: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    """Left, top, right and bottom edge of what is True, in pixels."""
    y, x = np.nonzero(mask)
    assert x.size, "nothing of it is to be seen"
    return float(x.min()), float(y.min()), float(x.max()) + 1, float(y.max()) + 1
