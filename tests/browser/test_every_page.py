"""Every page in Chromium as its administrator sees it: light and dark, wide and narrow, in two directions, by keyboard."""

import base64
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, expect
from pydicom.dataset import Dataset

from sagittal.access import accounts, totp
from sagittal.access.accounts import NewAccount
from sagittal.access.passwords import hash_password
from sagittal.archive.records.records import Records
from sagittal.runtime.settings import parse_role
from support import phantom
from support.archives import file_bytes, instance
from support.axe import hurdles, require_axe
from support.server import Server, running
from support.viewer import ARTIFACTS

pytestmark = [
    pytest.mark.xdist_group("browser-every-page"),
    pytest.mark.timeout(240),
    pytest.mark.filterwarnings("ignore:The number of PN components"),
]

PASSWORD: Final = "four words in a row"
HASHED: Final = hash_password(PASSWORD)
LOOKS: Final[Mapping[str, dict[str, Any]]] = {  # Any: options of Playwright
    "light": {"locale": "en-US", "color_scheme": "light", "viewport": {"width": 1280, "height": 800}},
    "dark": {
        "locale": "ar",
        "color_scheme": "dark",
        "viewport": {"width": 360, "height": 740},
        "reduced_motion": "reduce",
        "has_touch": True,
    },
}
"""Each with what it is to look like: what is narrow and dark is read from the right, too, and does not move."""

STILL: Final = """() => document.getAnimations().filter(one => one.playState === "running").length"""
MARKUP: Final = "<img src=x id=evil onerror=alert(1)><script id=evil>alert(2)</script>"


class Site(NamedTuple):
    """A running archive; `aside` is where an instance of other bytes is shown, `state` signs a browser in."""

    server: Server
    root: str
    study: str
    link: str
    aside: str
    state: Any  # Any: cookies, as Playwright keeps them


def enter(page: Page, root: str, name: str) -> None:
    page.goto(f"{root}/sign-in")
    page.locator("#name").fill(name)
    page.locator("#password").fill(PASSWORD)
    with page.expect_navigation():
        page.locator("form.card button.main").click()


def person(server: Server, name: str, role: str) -> None:
    records = Records(server.data / "records.db")
    try:
        new = NewAccount(name, password=HASHED, full_name=f"{name.title()} Example")
        records.write_now(lambda c: accounts.create(c, new, [parse_role(role, "role")], time.time_ns()))
    finally:
        records.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Site]:
    with running(tmp_path_factory.mktemp("every") / "data", is_open=False) as server:
        root = server.web.removesuffix("/dicom-web").replace("127.0.0.1", "localhost")
        context = browser.new_context(**LOOKS["light"])
        page = context.new_page()
        page.goto(server.first_start)
        look_at(page, "first-start-light")
        page.get_by_label("Name to sign in with").fill("ada")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_label("The password again").fill(PASSWORD)
        with page.expect_navigation():
            page.get_by_role("button", name="Make the administrator").click()
        person(server, "hedy", "radiologist")
        study = fill(server)
        page.goto(f"{root}/account?study={study}#links")
        page.get_by_label("PIN").fill("4711")
        page.get_by_role("button", name="Make the link").click()
        link = page.locator("#secret").inner_text()
        page.goto(f"{root}/quarantine")
        aside = str(page.locator("table.aside a").get_attribute("href"))
        site = Site(server, root, study, link, aside, context.storage_state())
        context.close()
        yield site


def fill(server: Server) -> str:
    """Studies of a patient over years, a rejected one, names of all kinds; gives the UID of one with pictures."""
    some = phantom.ct_series(phantom.study("PHANTOM", "Phantom^Known", "CT of a phantom"))[:3]
    named = [
        "Müller^Jörg^A.^Dr.=山田^太郎=やまだ^たろう",
        "عبد الله^سارة",
        "O'Hara^Áine",
        MARKUP,
        "Nguyễn^Thị Minh Khai",
    ]
    for number, name in enumerate(named):
        made = instance(
            "CT_small.dcm" if number % 2 else "MR_small.dcm", PatientID=f"P{number}", StudyDescription="Skull"
        )
        made.SpecificCharacterSet = "ISO_IR 192"
        made.PatientName, made.StudyDate = name, f"20{18 + number}0517"
        some.append(made)
    gone = instance(PatientName="Gone^By", StudyDescription="Wrong patient")
    with httpx.Client(headers={"content-type": "application/dicom"}, auth=("ada", PASSWORD), timeout=30) as client:
        beside = instance("MR_small.dcm", StudyDescription="Other bytes")
        for uid in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
            setattr(beside, uid, getattr(some[-1], uid))
        beside.file_meta.MediaStorageSOPInstanceUID = beside.SOPInstanceUID
        for one in (*some, gone, beside):
            assert client.post(f"{server.web}/studies", content=file_bytes(one)).status_code in (200, 202)
        body = {"study": str(gone.StudyInstanceUID), "reason": "quality"}
        api = server.web.removesuffix("/dicom-web") + "/api/rejections"
        assert client.post(api, json=body, headers={"content-type": "application/json"}).status_code == 201
    return str(some[0].StudyInstanceUID)


@pytest.fixture
def opened(site: Site, browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a browser of a look; in the end no page may have said anything, or asked."""
    contexts: list[BrowserContext] = []
    failures: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        failures.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def new(look: str, *, is_in: bool = True, **more: Any) -> Page:  # Any: as Playwright has it
        options = {**LOOKS[look], **({"storage_state": site.state} if is_in else {}), **more}
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.on("console", lambda told: failures.append(told.text) if "Content Security" in told.text else None)
        page.on("dialog", dismiss)
        return page

    yield new
    for context in contexts:
        context.close()
    assert failures == []


def look_at(page: Page, name: str) -> None:
    """Nothing is wrong with a page by axe-core, it is no wider than the screen, and no name is an element of it."""
    page.evaluate("document.querySelectorAll('details:not(.menu)').forEach(one => (one.open = true))")
    ARTIFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"every-{name}.png", full_page=True)
    width, room = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width <= room, f"{name} is {width} wide"
    assert page.locator("#evil").count() == 0, name
    assert hurdles(page) == [], name


def paths(site: Site) -> dict[str, str]:
    return {
        "list": "/studies",
        "study": f"/studies/{site.study}",
        "tags": f"/studies/{site.study}/tags",
        "patient": "/patients/1",
        "upload": "/upload",
        "rejections": "/rejections",
        "quarantine": "/quarantine",
        "quarantine-one": site.aside,
        "about": "/about",
        **{
            f"admin-{one}": f"/admin/{one}" for one in ("people", "roles", "network", "handed-out", "storage", "ledger")
        },
        "admin-settings": "/admin/settings",
        "account": "/account",
        "password": "/account/password",
        "totp": "/account/totp",
        "not-found": "/nowhere",
        "no-study": "/studies/1.2.3",
    }


@pytest.fixture(autouse=True)
def axe() -> None:
    require_axe()


@pytest.mark.parametrize("look", LOOKS)
def test_everybody_can_read_and_use_every_page(site: Site, opened: Callable[..., Page], look: str) -> None:
    page = opened(look)
    for name, path in paths(site).items():
        page.goto(site.root + path)
        look_at(page, f"{name}-{look}")
        if look == "dark":
            assert page.locator("html").get_attribute("dir") == "rtl"
            assert page.evaluate(STILL) == 0, f"{name} moves"


@pytest.mark.parametrize("look", LOOKS)
def test_every_menu_of_a_page_can_be_read_and_used(site: Site, opened: Callable[..., Page], look: str) -> None:
    page = opened(look)
    for name in ("list", "study"):
        page.goto(site.root + paths(site)[name])
        for number, menu in enumerate(page.locator("details.menu > summary").all()):
            menu.click()
            card = page.locator("details.menu[open] > .card")
            expect(card).to_have_count(1)
            box = card.bounding_box()
            width = page.evaluate("innerWidth")
            assert box is not None
            assert box["x"] >= 0, (name, number)
            assert box["x"] + box["width"] <= width, (name, number)
            assert hurdles(page) == [], (name, number)
            page.screenshot(path=ARTIFACTS / f"every-{name}-menu-{number}-{look}.png")
            menu.click()


@pytest.mark.parametrize("look", LOOKS)
def test_who_is_not_signed_in_can_read_and_use_it_too(site: Site, opened: Callable[..., Page], look: str) -> None:
    page = opened(look, is_in=False)
    page.goto(f"{site.root}/sign-in")
    look_at(page, f"sign-in-{look}")
    page.locator("#name").fill("nobody")
    page.locator("#password").fill("wrong words in a row")
    page.locator("form.card button.main").click()
    page.locator("[role=alert]").first.wait_for()
    look_at(page, f"sign-in-wrong-{look}")
    page.goto(site.link)
    look_at(page, f"link-{look}")
    page.goto(f"{site.root}/link/nothing")
    look_at(page, f"link-gone-{look}")
    page.goto(site.link)
    page.locator("#pin").fill("4711")
    with page.expect_navigation():
        page.locator("form.card button.main").click()
    page.goto(f"{site.root}/shared")
    look_at(page, f"shared-{look}")
    page.goto(f"{site.root}/account")
    look_at(page, f"refused-{look}")


def test_a_code_and_what_comes_with_it_can_be_read_and_used(site: Site, opened: Callable[..., Page]) -> None:
    page = opened("light", is_in=False)
    enter(page, site.root, "hedy")
    page.goto(f"{site.root}/account/totp")
    secret = base64.b32decode(page.locator("#secret").inner_text().replace(" ", ""))
    page.get_by_label("Code").fill(totp.code_at(secret, int(time.time()) // totp.STEP_S))
    page.get_by_role("button", name="Turn it on").click()
    page.locator(".codes li").first.wait_for()
    look_at(page, "recovery-codes-light")
    page.goto(f"{site.root}/account/totp")
    look_at(page, "totp-on-light")
    page.get_by_role("button", name="Sign out").click()
    enter(page, site.root, "hedy")
    look_at(page, "code-light")


def test_the_keyboard_alone_leads_from_the_list_into_the_viewer(site: Site, opened: Callable[..., Page]) -> None:
    page = opened("light")
    page.goto(f"{site.root}/studies")
    page.keyboard.press("/")
    page.keyboard.type("phantom")
    expect(page.locator("#rows tr[data-uid]")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    row = page.locator("#rows tr[data-uid] a")
    expect(row).to_be_focused()
    assert outlined(page, "#rows tr[data-uid]")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/studies/{site.study}")
    picture = page.get_by_role("link", name="Look at the pictures")
    for _ in range(40):
        page.keyboard.press("Tab")
        assert outlined(page, ":focus"), page.evaluate("document.activeElement.outerHTML")
        if picture.evaluate("one => one === document.activeElement"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/view/{site.study}")
    page.locator("canvas").first.wait_for()
    page.keyboard.press("i")
    expect(page.locator('[data-name="invert"]')).to_have_attribute("aria-pressed", "true")


def outlined(page: Page, what: str) -> bool:
    """Whether one sees where one is."""
    found = page.locator(what).first.evaluate(
        "one => [getComputedStyle(one).outlineStyle, getComputedStyle(one).outlineWidth]"
    )
    return bool(found[0] != "none" and float(found[1].removesuffix("px")) >= 2)


def report_of(name: str) -> Dataset:
    """A report (PS3.3 Section A.35.1) whose every text is that."""
    made = instance(Modality="SR", SeriesDescription=name[:64], StudyDescription="Report")
    made.SpecificCharacterSet, made.PatientName, made.PatientID = "ISO_IR 192", name, "HOSTILE"
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
    for keyword in ("PixelData", "Rows", "Columns", "PixelSpacing", "PhotometricInterpretation"):
        delattr(made, keyword)
    concept = Dataset()
    concept.CodeValue, concept.CodingSchemeDesignator, concept.CodeMeaning = "1", "99TEST", name[:64]
    text = Dataset()
    text.RelationshipType, text.ValueType, text.TextValue = "CONTAINS", "TEXT", name
    text.ConceptNameCodeSequence = [concept]
    made.ValueType, made.ContinuityOfContent, made.CompletionFlag, made.VerificationFlag = (
        *("CONTAINER", "SEPARATE", "COMPLETE", "UNVERIFIED"),
    )
    made.ConceptNameCodeSequence, made.ContentSequence = [concept], [text]
    return made


def test_a_report_of_hostile_words_is_only_words_in_the_viewer(site: Site, opened: Callable[..., Page]) -> None:
    made = report_of(MARKUP + "\u202eevil")
    answer = httpx.post(
        f"{site.server.web}/studies",
        content=file_bytes(made),
        headers={"content-type": "application/dicom"},
        auth=("ada", PASSWORD),
        timeout=30,
    )
    assert answer.status_code == 200
    page = opened("light")
    page.goto(f"{site.root}/view/{made.StudyInstanceUID}")
    expect(page.get_by_text("onerror=alert(1)").last).to_be_visible(timeout=30_000)
    expect(page.get_by_text("\ufffdevil").last).to_be_visible()
    assert page.locator("#evil").count() == 0
    page.screenshot(path=ARTIFACTS / "every-hostile-report.png")


def test_why_a_file_is_refused_is_told_in_the_language_of_who_sends_it(
    site: Site, opened: Callable[..., Page], tmp_path: Path
) -> None:
    name = "<img id=evil onerror=alert(1)>\u202egnp.dcm"
    (tmp_path / name).write_bytes(file_bytes(instance())[:3000])
    page = opened("light", locale="fr-CH")
    page.goto(f"{site.root}/upload")
    page.locator('[data-at="files"]').set_input_files(str(tmp_path / name))
    refused = page.locator('[data-at="refused"] li')
    expect(refused).to_contain_text("onerror=alert(1)", timeout=30_000)
    expect(refused.locator("bdi")).to_have_text(name.replace("\u202e", "\ufffd"))
    expect(refused.locator("span")).to_contain_text("il manque")
    expect(page.locator('[data-at="whole"]')).to_contain_text("1 fichier")
    look_at(page, "upload-refused-light")


def test_it_fills_a_reading_monitor(site: Site, opened: Callable[..., Page]) -> None:
    page = opened("light", viewport={"width": 3840, "height": 2160})
    for name in ("list", "study", "patient", "account"):
        page.goto(site.root + paths(site)[name])
        page.evaluate("() => Promise.all([...document.images].map(one => one.decode().catch(() => 0)))")
        page.screenshot(path=ARTIFACTS / f"every-{name}-4k.png")
        longest = page.locator("main p").evaluate_all("all => Math.max(0, ...all.map(one => one.clientWidth))")
        assert longest <= 3800, name
