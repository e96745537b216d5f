"""The page of uploads in Chromium: a bad line, a closed tab, and everything arrives all the same."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, expect

from support.archives import file_bytes, instance
from support.server import Server, running
from support.viewer import ARTIFACTS
from support.web import parts_of

pytestmark = [pytest.mark.xdist_group("browser-upload"), pytest.mark.timeout(180)]

SLICES = 40
STUDY = "1.2.826.0.1.3680043.10.1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("upload") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CD as people get them: slices, a table of contents, a viewer, a letter, a file that was cut short."""
    folder = tmp_path_factory.mktemp("cd") / "CD <b>of Ångström"
    (folder / "IMAGES").mkdir(parents=True)
    for number in range(SLICES):
        uids = {
            "StudyInstanceUID": STUDY,
            "SeriesInstanceUID": f"{STUDY}.1",
            "SOPInstanceUID": f"{STUDY}.1.{number + 1}",
        }
        one = instance("CT_small.dcm", **uids)
        one.PixelData = noise(number)
        (folder / "IMAGES" / f"I{number:04}").write_bytes(file_bytes(one))
    (folder / "DICOMDIR").write_bytes(b"table of contents")
    (folder / "letter.pdf").write_bytes(b"%PDF-1.7")
    (folder / "IMAGES" / "broken.dcm").write_bytes((folder / "IMAGES" / "I0000").read_bytes()[:3000])
    return folder


def noise(number: int) -> bytes:
    """Pixels that no compression makes smaller."""
    return hashlib.shake_128(bytes([number])).digest(128 * 128 * 2)


def digests(server: Server) -> set[str]:
    """Of every instance of the study."""
    accept = 'multipart/related; type="application/dicom"; transfer-syntax=*'
    answer = httpx.get(f"{server.web}/studies/{STUDY}", headers={"accept": accept}, timeout=30)
    assert answer.status_code == 200, answer.text
    return {hashlib.sha256(part).hexdigest() for _, part in parts_of(answer)}


def receiving(server: Server) -> list[str]:
    """Uploads that wait for bytes."""
    root = server.web.removesuffix("/dicom-web")
    uploads = httpx.get(f"{root}/api/uploads").json()["uploads"]
    return [one["id"] for one in uploads if one["state"] == "receiving"]


def line(page: Page, *, kilobytes_s: int = 0, is_cut: bool = False) -> CDPSession:
    """Makes the page's line slow, or cuts it."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    rate = kilobytes_s * 1000 or -1
    conditions = {
        "offline": is_cut,
        "latency": 100 if rate > 0 else 0,
        "downloadThroughput": rate,
        "uploadThroughput": rate,
    }
    session.send("Network.emulateNetworkConditions", conditions)
    return session


def opened(context: BrowserContext, server: Server) -> Page:
    page = context.new_page()
    for other in context.pages[:-1]:
        other.close()
    page.set_default_timeout(20_000)
    page.goto(f"{server.web.removesuffix('/dicom-web')}/upload")
    page.locator('[data-at="choices"]').wait_for()
    return page


def sent_bytes(page: Page) -> int:
    return int(float(page.locator('[data-at="bar"]').get_attribute("value") or 0))


def wait_until_sent(page: Page, count: int) -> None:
    for _ in range(400):
        if sent_bytes(page) >= count:
            return
        page.wait_for_timeout(25)
    raise AssertionError(f"{sent_bytes(page)} of {count} bytes sent")


def test_a_study_arrives_whole_though_the_line_is_cut_twice_and_the_tab_closed_once(
    context: BrowserContext, server: Server, folder: Path
) -> None:
    page = opened(context, server)
    line(page, kilobytes_s=500)
    page.locator('[data-at="folder"]').set_input_files(str(folder))
    for cut in (1, 2):
        wait_until_sent(page, 250_000 * cut)
        line(page, is_cut=True)
        expect(page.locator('[data-at="line"]')).to_contain_text("No line")
        assert len(receiving(server)) == 1
        page.screenshot(path=ARTIFACTS / "upload-no-line.png", full_page=True)
        line(page, kilobytes_s=500)
        expect(page.locator('[data-at="line"]')).to_be_hidden()
    wait_until_sent(page, 700_000)
    assert len(receiving(server)) == 1
    page.close()  # the tab is gone in the middle of it

    page = opened(context, server)
    page.locator('body[data-upload="idle"]').wait_for(timeout=60_000)
    expect(page.locator('[data-at="whole"]')).to_contain_text("All is sent")
    page.screenshot(path=ARTIFACTS / "upload-arrived.png", full_page=True)
    assert digests(server) == {hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("IMAGES/I*")}
    expect(page.locator('[data-at="refused"] li')).to_have_count(1)
    expect(page.locator('[data-at="refused"] li')).to_contain_text("broken.dcm")
    expect(page.locator('[data-at="left"] li')).to_have_count(2)
    root = server.web.removesuffix("/dicom-web")
    (upload,) = httpx.get(f"{root}/api/uploads").json()["uploads"]
    assert (upload["state"], upload["offset"]) == ("done", upload["length"])
    page.close()


def test_the_worker_sends_on_when_no_page_is_open(context: BrowserContext, server: Server, tmp_path: Path) -> None:
    uid = f"{STUDY}.9"
    one = instance("CT_small.dcm", StudyInstanceUID=uid, SeriesInstanceUID=f"{uid}.1", SOPInstanceUID=f"{uid}.1.1")
    one.PixelData = noise(99)
    (tmp_path / "one.dcm").write_bytes(file_bytes(one))
    page = opened(context, server)
    page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    line(page, kilobytes_s=5)
    page.locator('[data-at="files"]').set_input_files(str(tmp_path / "one.dcm"))
    page.locator("progress[aria-label]").nth(1).wait_for()
    other = context.new_page()
    page.close()
    for _ in range(600):
        if httpx.get(f"{server.web}/studies/{uid}/instances").json():
            break
        other.wait_for_timeout(50)
    assert len(httpx.get(f"{server.web}/studies/{uid}/instances").json()) == 1
    other.close()


def test_what_was_sent_before_is_told_as_being_here(context: BrowserContext, server: Server, folder: Path) -> None:
    body = b"--x\r\nContent-Type: application/dicom\r\n\r\n%s\r\n--x--\r\n" % (folder / "IMAGES" / "I0001").read_bytes()
    related = {"content-type": 'multipart/related; type="application/dicom"; boundary=x'}
    assert httpx.post(f"{server.web}/studies", content=body, headers=related, timeout=30).status_code == 200
    page = opened(context, server)
    page.locator('[data-at="clear"]').click()
    expect(page.locator('[data-at="list"]')).to_be_hidden()
    page.locator('[data-at="files"]').set_input_files([str(folder / "IMAGES" / "I0001"), str(folder / "letter.pdf")])
    page.locator('body[data-upload="busy"]').wait_for()
    page.locator('body[data-upload="idle"]').wait_for(timeout=60_000)
    expect(page.locator('[data-at="outcome"]')).to_contain_text("here already")
    page.close()


SLOW = """() => {
  const getAll = IDBObjectStore.prototype.getAll;
  IDBObjectStore.prototype.getAll = function (...how) {
    if (this.name === "left") {
      document.documentElement.classList.add("is-read");
      const until = performance.now() + 700;
      const linger = () => { if (performance.now() < until) this.get(0).onsuccess = linger; };
      linger();
    }
    return getAll.apply(this, how);
  };
  window.told = [];
  const look = () => {
    const arrived = document.querySelectorAll('[data-at="rows"] [data-state="done"]').length;
    told.push([document.body.dataset.upload, arrived]);
  };
  new MutationObserver(look).observe(document.body, { attributeFilter: ["data-upload"] });
}"""
"""A queue whose second half is read slowly, and what the page has said of itself since then."""


def test_the_page_is_not_done_while_what_was_chosen_last_is_not_in_the_queue_yet(
    browser: Browser, server: Server, folder: Path
) -> None:
    context = browser.new_context()
    page = opened(context, server)
    page.locator('[data-at="files"]').set_input_files(str(folder / "IMAGES" / "I0001"))
    page.locator('[data-at="rows"] [data-state="done"]').wait_for(timeout=60_000)
    page.locator('body[data-upload="idle"]').wait_for()
    page.evaluate(SLOW)
    page.evaluate("dispatchEvent(new Event('offline'))")  # has the page drawn, from what is in the queue now
    page.locator("html.is-read").wait_for()
    page.locator('[data-at="files"]').set_input_files(str(folder / "IMAGES" / "I0002"))
    assert page.evaluate("document.body.dataset.upload") == "busy"
    expect(page.locator('[data-at="rows"] [data-state="done"]')).to_have_count(2, timeout=60_000)
    page.locator('body[data-upload="idle"]').wait_for(timeout=60_000)
    assert [arrived for state, arrived in page.evaluate("told") if state == "idle"] == [2]
    context.close()


def test_the_page_opens_without_a_line_and_takes_files(context: BrowserContext, server: Server, folder: Path) -> None:
    page = opened(context, server)
    page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    context.set_offline(True)
    try:
        page.reload()
        page.locator('[data-at="choices"]').wait_for()
        page.locator('[data-at="everything"]').check()
        page.locator('[data-at="files"]').set_input_files(str(folder / "letter.pdf"))
        expect(page.locator('[data-at="line"]')).to_contain_text("No line")
    finally:
        context.set_offline(False)
    expect(page.locator('[data-at="refused"]')).to_contain_text("letter.pdf")
    page.close()


def test_what_is_given_up_is_gone_from_the_server(context: BrowserContext, server: Server, folder: Path) -> None:
    page = opened(context, server)
    page.locator('[data-at="clear"]').click()
    expect(page.locator('[data-at="list"]')).to_be_hidden()
    line(page, kilobytes_s=20)
    others = set(receiving(server))
    page.locator('[data-at="folder"]').set_input_files(str(folder))
    wait_until_sent(page, 1)
    assert len(set(receiving(server)) - others) == 1
    page.locator('[data-at="pause"]').click()
    expect(page.locator('[data-at="resume"]')).to_be_visible()
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator('[data-at="cancel"]').click()
    page.locator('body[data-upload="idle"]').wait_for(timeout=60_000)
    line(page)
    for _ in range(100):
        if not set(receiving(server)) - others:
            break
        page.wait_for_timeout(50)
    assert set(receiving(server)) <= others
    page.close()


def test_it_fits_a_telephone_in_the_dark(context: BrowserContext, server: Server) -> None:
    page = opened(context, server)
    page.set_viewport_size({"width": 360, "height": 740})
    page.emulate_media(color_scheme="dark")
    page.screenshot(path=ARTIFACTS / "upload-telephone.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.close()


def test_without_a_line_the_page_is_in_the_language_that_was_chosen_last(browser: Browser, server: Server) -> None:
    context = browser.new_context(locale="en-US")
    page = opened(context, server)
    page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    page.get_by_role("button", name="Français").click()
    page.get_by_role("heading", name="Envoyer des fichiers").wait_for()
    for _ in range(300):
        if page.evaluate(KEPT_IN_FRENCH):
            break
        page.wait_for_timeout(50)
    context.set_offline(True)
    page.reload()
    expect(page.get_by_role("heading", name="Envoyer des fichiers")).to_be_visible()
    context.close()


KEPT_IN_FRENCH = """async () => (await (await caches.match("/upload/shell"))?.text())?.includes('<html lang="fr"')"""
