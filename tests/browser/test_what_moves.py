"""Nothing moves under the eyes and fingers of who looks at a page that loads, on a line that brings it bit by bit."""

from collections.abc import Iterator
from hashlib import sha256

import pytest
from playwright.sync_api import Browser, expect

from support import phantom
from support.archives import instance
from support.server import Server, running
from support.viewer import stow

pytestmark = [pytest.mark.xdist_group("what-moves"), pytest.mark.timeout(120)]

CT = phantom.ct_series(phantom.study("CT", "Phantom^Known", "CT of a phantom", "20260301"))[:6]
LONG = "A description that makes its column wide, and the others narrow"
SHIFTS = """window.shifts = []; new PerformanceObserver(list => { for (const one of list.getEntries())
    if (!one.hadRecentInput) shifts.push([one.value, ...one.sources.map(({ node }) => node?.className ?? node?.nodeName)]);
}).observe({ type: 'layout-shift', buffered: true });"""
SLOW = {"offline": False, "latency": 20, "downloadThroughput": 10_000, "uploadThroughput": 10_000}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("moves") / "data") as started:
        # What repeats would come at once, as small as it is.
        words = [sha256(bytes([n])).hexdigest() for n in range(38)]
        some = [
            instance(PatientID=one[:20], PatientName=f"Of^{one[20:28]}", AccessionNumber=one[28:44]) for one in words
        ]
        some.append(instance(PatientID="LONG", StudyDescription=LONG, StudyDate="19010101"))  # the last row
        stow(started, *CT, *some)
        yield started


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/studies", "#rows tr[data-uid] >> nth=39"),
        (f"/view/{CT[0].StudyInstanceUID}", "html[data-ready=yes] .side li"),
        (f"/studies/{CT[0].StudyInstanceUID}", "h1"),
    ],
    ids=["list", "viewer", "study"],  # UIDs are new in each process
)
def test_nothing_moves_while_a_page_comes(browser: Browser, server: Server, path: str, seen: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-US")
    context.add_init_script(SHIFTS)
    address = server.web.removesuffix("/dicom-web") + path
    try:
        for _ in range(2):  # with files that are here already, what is drawn first is drawn sooner
            page = context.new_page()
            context.new_cdp_session(page).send("Network.emulateNetworkConditions", SLOW)
            page.goto(address, timeout=30_000)
            expect(page.locator(seen).first).to_be_visible(timeout=30_000)
            page.evaluate("() => new Promise(drawn => requestAnimationFrame(() => setTimeout(drawn)))")
            moved = page.evaluate("shifts")
            assert sum(one[0] for one in moved) < 0.001, moved
            page.close()
    finally:
        context.close()
