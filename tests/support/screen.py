"""The light viewer in headless Chromium: a page that is driven, looked at, and watched for whatever goes wrong on it."""

import httpx
import imagecodecs
import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page

from support.axe import hurdles
from support.server import Server
from support.viewer import ARTIFACTS


class Screen:
    """A page of the viewer, on which nothing may go wrong."""

    def __init__(
        self, browser: Browser, server: Server, width: int = 1100, height: int = 760, **context: object
    ) -> None:
        self.root = server.web.removesuffix("/dicom-web")
        self.web = server.web
        self.failures: list[str] = []
        self.context = browser.new_context(viewport={"width": width, "height": height}, **context)  # type: ignore[arg-type]  # options of Playwright
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.page.on("pageerror", lambda error: self.failures.append(str(error)))
        self.page.on("console", lambda one: self.failures.append(one.text) if one.type == "error" else None)
        self.page.on(
            "response", lambda one: self.failures.append(f"{one.status} {one.url}") if one.status >= 400 else None
        )

    def open(self, study: str, tier: str = "lossless") -> None:
        self.page.goto(f"{self.root}/view/{study}")
        self.page.wait_for_selector("html[data-ready=yes]")
        if tier:
            self.page.wait_for_selector(f".pane[data-tier={tier}]")

    def open_patient(self, patient: str, tier: str = "lossless") -> None:
        (found,) = httpx.get(f"{self.web}/studies", params={"PatientID": patient}).json()
        self.open(found["0020000D"]["Value"][0], tier)

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where on the page a point of the frame is, column and row."""
        script = """([x, y]) => { const pane = window.sagittalViewer.active, box = pane.canvas.getBoundingClientRect();
            const [left, top] = pane.toScreen([x, y]); return [left + box.left, top + box.top]; }"""
        left, top = self.page.evaluate(script, [x, y])
        return left, top

    def drag(self, start: tuple[float, float], stop: tuple[float, float]) -> None:
        mouse = self.page.mouse
        mouse.move(*self.place(*start))
        mouse.down()
        mouse.move(*self.place(*stop), steps=3)
        mouse.up()

    def texts(self, corner: str, pane: int = 0) -> str:
        return self.page.locator(f".pane >> nth={pane}").locator(f".{corner}").inner_text()

    def pixels(self, pane: int = 0) -> NDArray[np.uint8]:
        content = self.page.locator(".pane canvas").nth(pane).screenshot()
        return np.asarray(imagecodecs.png_decode(content))[..., :3]

    def shot(self, name: str) -> None:
        ARTIFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=ARTIFACTS / f"light-{name}.png")

    def hurdles(self) -> list[tuple[str, list[str]]]:
        """What axe finds wrong."""
        return hurdles(self.page)

    def close(self) -> None:
        self.context.close()
        assert self.failures == [], self.failures
