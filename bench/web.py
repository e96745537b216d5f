"""What people wait for on thin lines, in Chromium: study list, first image, ten slices; the light viewer beside OHIF.

Both viewers show the same study of the same server in the same run, to somebody who has signed in with an account.
Cold: the browser has kept nothing but the session. Warm: it has shown the same page before, on a line that is not slow.
Bytes are those over the wire with their heads, as the browser counts them. OHIF is given LIMIT_S, then it is `more`.
"""

import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser

from bench.web_browser import LINES, Line, Seen, Visit, chromium, cold, person, returning
from bench.web_site import NAME, PASSWORD, Site, site

LIMIT_S = 120.0
ROUNDS = 3
SLICES = 10
GOAL_LINE = LINES[1]
KB = 1000

_OURS = "sagittalViewer.active.shown?.key"
_THEIRS = """(() => { const engines = window.cornerstone?.getRenderingEngines() ?? [];
    const views = engines.flatMap(one => one.getViewports()).filter(one => one.element?.isConnected);
    const view = views.find(one => one.getCornerstoneImage);
    return view?.viewportStatus === 'rendered' && view.getCornerstoneImage()?.imageId || null; })()"""


class Looked(NamedTuple):
    """One visit: None for what was not seen within the limit.

    Attributes:
        preview_bytes: of the picture that came first.
    """

    first: Seen | None
    scrolled: Seen | None = None
    shift: float = 0.0
    preview_bytes: int = 0


def measure(root: Path, tell: Callable[[str], None]) -> None:
    """Starts the site, and tells line after line."""
    with site(root) as place, chromium() as browser:
        state = _signed_in(browser, place)
        visits = _Visits(browser, place, state)
        _lists(visits, tell)
        tell(f"\n{'first image, then ten slices':28} {'Light viewer':^40}   {'OHIF':^40}")
        for line in LINES:
            for is_warm in (False, True):
                _viewers(visits, line, tell, is_warm=is_warm)
        _radiographs(visits, tell)


def _signed_in(browser: Browser, place: Site) -> object:
    """What a browser keeps of signing in."""
    context = person(browser)
    page = context.new_page()
    page.goto(f"{place.root}/sign-in")
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Password").fill(PASSWORD)
    with page.expect_navigation():
        page.get_by_role("button", name="Sign in", exact=True).click()
    state = context.storage_state()
    context.close()
    return state


class _Visits:
    """Visits of people who have signed in."""

    def __init__(self, browser: Browser, place: Site, state: object) -> None:
        self.place = place
        self._browser = browser
        self._state = state

    @contextmanager
    def begin(self, path: str, line: Line, settled: str, *, is_warm: bool) -> Iterator[Visit]:
        """A visit to `path`; before a warm one the page was there until a function says that it is `settled`."""
        address = f"{self.place.root}{path}"
        with returning(self._browser, self._state) if is_warm else cold(self._browser, self._state) as context:
            if is_warm:
                before = Visit(context, None, LIMIT_S)
                before.open(address)
                before.when(settled)
                before.page.wait_for_timeout(1500)  # what is kept is written
                before.close()
            visit = Visit(context, line, LIMIT_S)
            visit.open(address)
            yield visit


def _lists(visits: _Visits, tell: Callable[[str], None]) -> None:
    tell(f"{'study list':28} {'time':>8} {'bytes':>10}   layout shift")
    for line in LINES:
        for is_warm in (False, True):
            rows: list[tuple[Seen, float]] = []
            for _ in range(ROUNDS):
                with visits.begin("/studies", line, "document.readyState === 'complete'", is_warm=is_warm) as visit:
                    visit.page.wait_for_load_state("load")
                    painted = visit.painted()
                    visit.page.wait_for_timeout(500)  # what scripts ask for
                    rows.append((Seen(painted.seconds, visit.all_bytes()), visit.shift()))
            seen, shift = _middle([one for one, _ in rows]), max(shift for _, shift in rows)
            verdict = _verdict(seen.wire_bytes, 6 if is_warm else 40) if line == GOAL_LINE else ""
            tell(f"{_named(line, is_warm=is_warm):28} {_shown(seen)}   {shift:.3f} {_none(shift)}  {verdict}")


def _viewers(visits: _Visits, line: Line, tell: Callable[[str], None], *, is_warm: bool) -> None:
    ours = [_light(visits, line, is_warm=is_warm) for _ in range(ROUNDS)]
    theirs = _ohif(visits, line, is_warm=is_warm)
    shown = "   ".join(
        f"{_shown(_middle_seen([one.first for one in some]))} {_shown(_middle_seen([one.scrolled for one in some]))}"
        for some in (ours, [theirs])
    )
    tell(f"{_named(line, is_warm=is_warm):28} {shown}")
    shift = max(one.shift for one in ours)
    if shift:
        tell(f"{'':28} layout shift {shift:.3f} {_none(shift)}")
    first = _middle_seen([one.first for one in ours])
    if line == GOAL_LINE and not is_warm and first is not None:
        verdict = "met" if first.seconds <= 2.5 else "MISSED"
        tell(
            f"{'':28} first CT slice {_verdict(first.wire_bytes, 15)}; <= 2.5 s {verdict}; layout shift {_none(shift)}"
        )


def _light(visits: _Visits, line: Line, *, is_warm: bool, study: str = "", slices: int = SLICES) -> Looked:
    path = f"/view/{study or visits.place.ct}"
    ready = "document.documentElement.dataset.ready === 'yes'"
    with visits.begin(path, line, ready, is_warm=is_warm) as visit:
        first = visit.first_picture()
        visit.when(ready)
        scrolled: Seen | None = None
        for _ in range(slices):
            before = visit.page.evaluate(_OURS)
            visit.page.keyboard.press("ArrowDown")
            scrolled = visit.when(f"before => {_OURS} && {_OURS} !== before", before)
        return Looked(first, scrolled, visit.shift(), max(visit.bytes_of("/rendered")[:2], default=0))


def _ohif(visits: _Visits, line: Line, *, is_warm: bool) -> Looked:
    path = f"/ohif/viewer?StudyInstanceUIDs={visits.place.ct}"
    with visits.begin(path, line, _THEIRS, is_warm=is_warm) as visit:
        first: Seen | None = None
        try:
            first = visit.when(_THEIRS)
            visit.page.locator("canvas.cornerstone-canvas").first.hover()
            scrolled = first
            for _ in range(SLICES):
                before = visit.page.evaluate(_THEIRS)
                visit.page.mouse.wheel(0, 100)
                scrolled = visit.when(f"before => {_THEIRS} && {_THEIRS} !== before", before)
        except TimeoutError:
            return Looked(first)
        return Looked(first, scrolled, visit.shift())


def _radiographs(visits: _Visits, tell: Callable[[str], None]) -> None:
    study = visits.place.radiograph
    looked = [_light(visits, GOAL_LINE, is_warm=False, study=study, slices=0) for _ in range(ROUNDS)]
    size = max(one.preview_bytes for one in looked)
    first = _middle_seen([one.first for one in looked])
    tell(f"\n{'radiograph, ' + GOAL_LINE.name:28} {_shown(first)}   largest preview {_verdict(size, 40)}")


def _middle(some: list[Seen]) -> Seen:
    return Seen(statistics.median(one.seconds for one in some), int(statistics.median(one.wire_bytes for one in some)))


def _middle_seen(some: list[Seen | None]) -> Seen | None:
    there = [one for one in some if one is not None]
    return _middle(there) if len(there) == len(some) else None


def _named(line: Line, *, is_warm: bool) -> str:
    return f"{line.name}, {'warm' if is_warm else 'cold'}"


def _shown(seen: Seen | None) -> str:
    return (
        f"{seen.seconds:6.2f} s {seen.wire_bytes / KB:8.1f} kB"
        if seen is not None
        else f" more than {LIMIT_S:.0f} s   "
    )


def _verdict(size: int, most_kb: int) -> str:
    return f"{size / KB:.1f} kB <= {most_kb} kB {'met' if size <= most_kb * KB else 'MISSED'}"


def _none(shift: float) -> str:
    return "met" if shift == 0 else "MISSED"
