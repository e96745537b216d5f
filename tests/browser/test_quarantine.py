"""The quarantine in Chromium: looked at side by side, decided about, undone; hostile, narrow, dark, in Arabic; for all."""

import asyncio
import copy
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, expect
from pydicom.dataset import Dataset

from sagittal.archive.verify import verify
from support.archives import archive_at, instance, store
from support.axe import hurdles
from support.peers import require
from support.server import Server, running
from support.viewer import ARTIFACTS

pytestmark = [pytest.mark.xdist_group("browser-quarantine"), pytest.mark.timeout(120)]

HOSTILE = "<script>alert(1)</script>^\u202eevil"


def pair(name: str, **otherwise: Any) -> tuple[Dataset, Dataset]:  # Any: values of attributes
    """An instance, and another of its UID."""
    one = instance("CT_small.dcm", PatientName=name, PatientID=name[:6], SpecificCharacterSet="ISO_IR 192")
    other = copy.deepcopy(one)
    for keyword, value in otherwise.items():
        setattr(other, keyword, value)
    other.PixelData = bytes(255 - byte for byte in one.PixelData)
    del other.Manufacturer
    return one, other


async def fill(folder: Path) -> None:
    """Two that wait, one of them hostile, and one that is damaged."""
    damaged = instance("MR_small.dcm", PatientName="Damaged^Dora", PatientID="D1")
    files = [*pair("Doe^Jane", PatientName="Doe^Janet", StudyDescription="Head again", OperatorsName="Roe^Rita")]
    files += pair(HOSTILE, StudyDescription="<img src=x onerror=alert(2)>", PatientID="'\"><b>x</b>")
    async with archive_at(folder) as archive:
        await store(archive, *files, damaged)
        (kept,) = await archive.locate(instance=damaged.SOPInstanceUID)
    (path,) = (folder / "packs").rglob(f"{kept.pack_id}.tar")
    path.chmod(0o640)
    raw = bytearray(path.read_bytes())
    raw[kept.file_offset + kept.file_length - 200] ^= 1
    path.write_bytes(raw)
    async with archive_at(folder) as archive:
        assert (await verify(archive)).corrupt == (damaged.SOPInstanceUID,)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    require("chromium")
    data = tmp_path_factory.mktemp("quarantine") / "data"
    with ThreadPoolExecutor(1) as pool:  # the driver of the browser has this thread's event loop
        pool.submit(asyncio.run, fill(data)).result()
    with running(data) as server:
        yield server


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """A page on which nothing may go wrong."""
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    yield from watched(context, server)


def watched(context: BrowserContext, server: Server) -> Iterator[Page]:
    failures: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        failures.append(dialog.message)
        dialog.dismiss()

    page = context.new_page()
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("console", lambda told: failures.append(told.text) if told.type == "error" else None)
    page.on("response", lambda answer: failures.append(answer.url) if answer.status >= 400 else None)
    page.on("dialog", dismiss)
    page.goto(f"{root(server)}/quarantine")
    yield page
    context.close()
    assert failures == []


def root(server: Server) -> str:
    return server.web.removesuffix("/dicom-web")


def shot(page: Page, name: str) -> None:
    ARTIFACTS.mkdir(exist_ok=True)
    page.evaluate("() => Promise.all([...document.images].map(one => one.decode()))")
    page.screenshot(path=ARTIFACTS / f"quarantine-{name}.png", full_page=True)


def test_a_person_compares_takes_the_newcomer_and_undoes_it(page: Page, server: Server) -> None:
    expect(page.get_by_role("row")).to_have_count(4)
    shot(page, "list")
    page.get_by_role("link", name="Doe, Jane").click()
    for title in ("In the archive", "Newcomer"):
        expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible(timeout=30_000)
    expect(page.get_by_text("The pixels differ.")).to_be_visible()
    rows = page.locator(".differ tbody tr")
    assert rows.locator(".mark [aria-hidden]").all_inner_texts() == ["−", "≠", "+", "≠"]
    names = ["Manufacturer", "StudyDescription", "OperatorsName", "PatientName"]
    assert rows.locator("th span").all_inner_texts() == names
    shot(page, "side-by-side")
    page.get_by_role("group").filter(has_text="Take the newcomer").locator("summary").click()
    page.get_by_label("In your words").locator("visible=true").fill("corrected at the scanner")
    shot(page, "deciding")
    page.get_by_role("button", name="Yes, take the newcomer").click()
    expect(page.get_by_text("It is decided.")).to_be_visible()
    expect(page.get_by_role("row")).to_have_count(3)
    expect(page.get_by_text("Took the newcomer: corrected at the scanner")).to_be_visible()
    shot(page, "decided")
    page.goto(f"{root(server)}/studies")
    expect(page.get_by_role("link", name="Doe, Janet")).to_be_visible()
    page.goto(f"{root(server)}/quarantine")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("row")).to_have_count(4)
    expect(page.get_by_text("undone")).to_be_visible()


def test_what_is_hostile_is_only_text(page: Page) -> None:
    page.get_by_role("link", name="alert(1)").click()
    expect(page.get_by_role("heading", name="<script>alert(1)</script>")).to_be_visible()
    expect(page.get_by_text("<img src=x onerror=alert(2)>").first).to_be_visible()
    assert page.locator("b, img[src=x], main script").count() == 0
    shot(page, "hostile")


def test_what_is_damaged_is_shown_and_read_again(page: Page) -> None:
    page.get_by_role("link", name="Damaged, Dora").click()
    expect(page.get_by_text("Damage found")).to_be_visible()
    expect(page.get_by_role("heading", name="Send it again")).to_be_visible()
    page.get_by_role("button", name="Read it again").click()
    expect(page.get_by_role("alert")).to_have_text("It was read again, and is still damaged.")
    shot(page, "damaged")


@pytest.mark.parametrize(
    ("locale", "scheme", "width"), [("en-US", "dark", 360), ("ar", "light", 360), ("ar", "dark", 1280)]
)
def test_everybody_can_read_and_use_it(browser: Browser, server: Server, locale: str, scheme: Any, width: int) -> None:
    viewport: Any = {"width": width, "height": 800}  # Any: as Playwright has it
    for page in watched(browser.new_context(locale=locale, color_scheme=scheme, viewport=viewport), server):
        first = root(server) + str(page.locator("tbody th a").last.get_attribute("href"))
        for name, path in (("list", f"{root(server)}/quarantine"), ("one", first)):
            page.goto(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            for summary in page.locator(".deciding summary").all():
                summary.press("Enter")
            shot(page, f"{name}-{locale}-{scheme}-{width}")
            assert hurdles(page) == []
