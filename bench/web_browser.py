"""Chromium on a thin line, by the Chrome DevTools Protocol: what came over the wire until when, and what was seen when.

The line is that of the page; workers of a page have none to wait for, which flatters viewers whose codecs are workers.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright
from playwright.sync_api import TimeoutError as NotSeen

_CHROMIUM = "/usr/bin/chromium"
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)
_WATCHED = """
    try { window.localStorage.setItem('shownTours', '["basicViewerTour"]'); } catch { /* no page yet */ }
    window.benched = { shift: 0, first: 0 };
    new PerformanceObserver(list => { for (const one of list.getEntries())
        if (!one.hadRecentInput) benched.shift += one.value; }).observe({ type: 'layout-shift', buffered: true });
    new PerformanceObserver(list => { for (const one of list.getEntries())
        if (one.id === 'first' && !benched.first) benched.first = one.renderTime || one.loadTime;
    }).observe({ type: 'largest-contentful-paint', buffered: true });
"""


class Line(NamedTuple):
    """A line to the site."""

    name: str
    kbit_s: float
    round_trip_ms: float


LINES = (
    Line("50 kbit/s, 600 ms", 50, 600),
    Line("400 kbit/s, 400 ms", 400, 400),
    Line("1.6 Mbit/s, 150 ms", 1600, 150),
)


class Seen(NamedTuple):
    """When something was seen, s after the navigation began, and how much had come by then, bytes."""

    seconds: float
    wire_bytes: int


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser of the machine's own Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=list(_ARGUMENTS))
        yield browser
        browser.close()


def person(browser: Browser, state: Any = None) -> BrowserContext:  # Any: Playwright's own, from `storage_state`
    """A browser with nothing kept but, if `state` says so, a session."""
    size: ViewportSize = {"width": 1280, "height": 800}
    # Our pages let nobody evaluate text, and the driver's waiting in a page is just that.
    context = browser.new_context(viewport=size, locale="en-US", storage_state=state, bypass_csp=True)
    context.add_init_script(_WATCHED)
    return context


@contextmanager
def cold(browser: Browser, state: Any) -> Iterator[BrowserContext]:  # Any: as above
    """A browser with nothing kept but a session."""
    context = person(browser, state)
    yield context
    context.close()


@contextmanager
def returning(browser: Browser, state: Any) -> Iterator[BrowserContext]:  # Any: as above
    """A browser with a session that keeps files on its disk: a private window has room for a few megabytes only."""
    size: ViewportSize = {"width": 1280, "height": 800}
    with tempfile.TemporaryDirectory(prefix="sagittal-bench-") as folder:
        context = browser.browser_type.launch_persistent_context(
            folder, executable_path=_CHROMIUM, args=list(_ARGUMENTS), viewport=size, locale="en-US", bypass_csp=True
        )
        context.add_cookies(state["cookies"])
        context.add_init_script(_WATCHED)
        yield context
        context.close()


class Visit:
    """A page that is looked at over a line, and what comes over it."""

    def __init__(self, context: BrowserContext, line: Line | None, limit_s: float) -> None:
        """Over `line`, or none that is slow; nothing is waited for longer than `limit_s`."""
        self.page: Page = context.new_page()
        self.page.set_default_timeout(limit_s * 1000)
        self._came: list[tuple[float, str, int]] = []  # when (s, of the protocol's clock), of which request, bytes
        self._totals: dict[str, int] = {}
        self._addresses: dict[str, str] = {}
        self._wall_less_clock = 0.0
        session = context.new_cdp_session(self.page)
        session.on("Network.requestWillBeSent", self._asked)
        session.on("Network.responseReceived", self._begun)
        session.on("Network.dataReceived", lambda said: self._add(said, int(said["encodedDataLength"])))
        session.on("Network.loadingFinished", self._ended)
        session.send("Network.enable")
        if line is not None:
            bytes_s = line.kbit_s * 1000 / 8
            how = {"offline": False, "latency": line.round_trip_ms}
            rates = {"downloadThroughput": bytes_s, "uploadThroughput": bytes_s}
            session.send("Network.emulateNetworkConditions", how | rates)

    def _asked(self, said: dict[str, Any]) -> None:  # Any: JSON of the protocol, here and below
        self._wall_less_clock = said["wallTime"] - said["timestamp"]
        self._addresses[said["requestId"]] = said["request"]["url"]
        if "redirectResponse" in said:
            self._add(said, int(said["redirectResponse"]["encodedDataLength"]))

    def _begun(self, said: dict[str, Any]) -> None:
        response = said["response"]
        is_kept = response.get("fromDiskCache") or response.get("fromPrefetchCache")
        self._add(said, 0 if is_kept else int(response["encodedDataLength"]))

    def _ended(self, said: dict[str, Any]) -> None:
        """The total is the protocol's own; what was not told in pieces counts from here."""
        rest = int(said["encodedDataLength"]) - self._totals.get(said["requestId"], 0)
        self._add(said, max(0, rest))

    def _add(self, said: dict[str, Any], count: int) -> None:
        self._came.append((said["timestamp"], said["requestId"], count))
        self._totals[said["requestId"]] = self._totals.get(said["requestId"], 0) + count

    def open(self, address: str) -> None:
        """Begins to load a page; does not wait for it."""
        self.page.goto(address, wait_until="commit")

    def seen_at(self, milliseconds: float) -> Seen:
        """What had come at a time of the page's own clock."""
        origin = self.page.evaluate("performance.timeOrigin") / 1000 - self._wall_less_clock
        until = origin + milliseconds / 1000
        return Seen(milliseconds / 1000, sum(count for when, _, count in self._came if when <= until))

    def when(self, condition: str, argument: object = None) -> Seen:
        """What has come once a function in the page says yes. Raises TimeoutError."""
        try:
            self.page.wait_for_function(condition, arg=argument, polling="raf")
        except NotSeen as error:
            raise TimeoutError(condition) from error
        return self.seen_at(self.page.evaluate("performance.now()"))

    def bytes_of(self, part: str) -> list[int]:
        """Of each answer whose address has `part` in it, in the order they were asked for."""
        return [self._totals.get(name, 0) for name, address in self._addresses.items() if part in address]

    def shift(self) -> float:
        """Cumulative layout shift so far."""
        return float(self.page.evaluate("benched.shift"))

    def painted(self) -> Seen:
        """The page, all of it read and something of it painted."""
        when = """() => { const at = performance.getEntriesByName('first-contentful-paint')[0]?.startTime;
            return at && Math.max(at, performance.getEntriesByType('navigation')[0].domInteractive); }"""
        return self.seen_at(float(self.page.wait_for_function(when, polling="raf").json_value()))

    def first_picture(self) -> Seen:
        """The first picture of the light viewer, painted: that of the page, or its own where that was sooner."""
        seen = "benched.first || document.documentElement.dataset.ready === 'yes' && performance.now()"
        found = self.page.wait_for_function(seen, polling="raf")
        return self.seen_at(float(found.json_value()))

    def all_bytes(self) -> int:
        """Everything that came."""
        return sum(self._totals.values())

    def table(self) -> str:
        """Every answer, for who looks into where bytes go."""
        said = {address: self._totals.get(name, 0) for name, address in self._addresses.items()}
        return json.dumps(said, indent=1)

    def close(self) -> None:
        """Leaves the page."""
        self.page.close()
