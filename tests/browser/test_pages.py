"""Pages of studies in Chromium: found as one types, by keyboard, page after page, live."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, expect
from pydicom.dataset import Dataset

from support.archives import instance
from support.peers import require
from support.server import Server, running
from support.viewer import ARTIFACTS, stow

pytestmark = [pytest.mark.xdist_group("browser-pages"), pytest.mark.timeout(120)]

OpenPage = Callable[..., Page]
HOSTILE = "<script>alert(1)</script>^\u202eevil"


def study(number: int, **attributes: Any) -> Dataset:  # Any: values of attributes
    said = {
        "PatientName": f"Family{number:03d}^Given",
        "PatientID": f"P{number:03d}",
        "StudyDate": f"20{10 + number % 15}0101",
        "AccessionNumber": f"ACC{number:03d}",
    }
    made = instance("MR_small.dcm" if number % 2 else "CT_small.dcm")
    made.SpecificCharacterSet = "ISO_IR 192"
    for keyword, value in (said | attributes).items():
        setattr(made, keyword, value)
    return made


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    require("chromium")
    with running(tmp_path_factory.mktemp("pages") / "data") as server:
        some = [study(number) for number in range(50)]
        same = {"PatientName": "Müller^Jörg=山田^太郎", "PatientID": "MUL"}
        some += [study(80 + n, **same, StudyDate=f"20{10 + 4 * n}0517") for n in range(3)]
        some.append(study(90, PatientName=HOSTILE, StudyDescription="<b>x</b>\u202ey", StudyDate="20260101"))
        stow(server, *some)
        yield server


@pytest.fixture
def opened(browser: Browser, server: Server) -> Iterator[OpenPage]:
    """Opens a page of the site; in the end nothing may have gone wrong on any."""
    contexts: list[BrowserContext] = []
    failures: list[str] = []
    root = server.web.removesuffix("/dicom-web")

    def dismiss(dialog: Dialog) -> None:
        failures.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def new(path: str, **options: Any) -> Page:  # Any: of Playwright
        context = browser.new_context(**{"locale": "en-US", "viewport": {"width": 1280, "height": 800}} | options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.on("console", lambda told: failures.append(told.text) if told.type == "error" else None)
        page.on("response", lambda answer: failures.append(answer.url) if answer.status >= 400 else None)
        page.on("dialog", dismiss)
        page.goto(f"{root}{path}")
        return page

    yield new
    for context in contexts:
        context.close()
    assert failures == []


def names(page: Page) -> list[str]:
    return page.locator("#rows tr[data-uid] th a").all_inner_texts()


def shot(page: Page, name: str) -> None:
    ARTIFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"pages-{name}.png")


def test_studies_are_found_as_one_types_and_opened_by_keyboard(opened: OpenPage) -> None:
    page = opened("/")
    expect(page.get_by_role("status")).to_have_text("54 studies")
    page.keyboard.press("/")
    page.keyboard.type("jorg muller")
    expect(page.get_by_role("status")).to_have_text("3 studies")
    assert names(page) == ["Müller, Jörg"] * 3
    assert "muller" not in page.url
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Müller, Jörg")).to_be_visible()
    page.evaluate("() => Promise.all([...document.images].map(one => one.decode()))")
    shot(page, "study")
    page.go_back()
    expect(page.get_by_role("status")).to_have_text("3 studies")


def test_the_list_is_sorted_and_goes_on(opened: OpenPage) -> None:
    page = opened("/studies")
    shot(page, "list")
    page.get_by_role("button", name="Accession").click()
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("Accession")
    assert names(page)[:2] == ["Family000, Given", "Family001, Given"]
    assert len(names(page)) == 40
    page.get_by_role("button", name="Show more").click()
    expect(page.locator("#rows tr[data-uid]")).to_have_count(54)
    assert len(set(page.locator("#rows tr[data-uid]").evaluate_all("rows => rows.map(row => row.dataset.uid)"))) == 54
    page.locator("select[name=modality]").select_option("CT")
    expect(page.get_by_role("status")).to_have_text("28 studies")


def test_what_arrives_is_told_and_shown_when_asked(opened: OpenPage, server: Server) -> None:
    page = opened("/studies")
    page.get_by_label("Search studies").fill("brandnew")
    expect(page.get_by_role("heading", name="No study is like that")).to_be_visible()
    made = study(95, PatientName="Brandnew^Ada")
    stow(server, made)
    page.get_by_role("button", name="1 new study: show it").click()
    row = page.locator("#rows tr[data-uid]")
    expect(row).to_have_count(1)
    expect(row.locator("[data-state]")).to_have_text("Arriving")
    second = study(96, PatientName="Brandnew^Ada", StudyInstanceUID=made.StudyInstanceUID)
    stow(server, second)
    expect(row.locator("[data-images]")).to_have_text("2")


def test_a_timeline_shows_the_years_and_one_modality(opened: OpenPage) -> None:
    page = opened("/studies")
    page.get_by_label("Search studies").fill("muller")
    expect(page.get_by_role("status")).to_have_text("3 studies")
    page.get_by_role("link", name="Müller").first.click()
    page.get_by_role("link", name="All studies of this patient").click()
    assert page.locator(".line h2").all_inner_texts() == ["2018", "2014", "2010"]
    page.evaluate("() => Promise.all([...document.images].map(one => one.decode()))")
    shot(page, "timeline")
    page.get_by_role("link", name="MR 1").click()
    assert page.locator(".line h2").all_inner_texts() == ["2014"]
    assert "Müller" not in page.url


def test_a_hostile_name_is_only_a_name(opened: OpenPage) -> None:
    page = opened("/studies")
    assert names(page)[0] == "<script>alert(1)</script>, \ufffdevil"
    page.get_by_role("link", name="alert").click()
    expect(page.get_by_role("heading", name="alert")).to_be_visible()
    page.get_by_role("link", name="Attributes", exact=True).click()
    page.get_by_label("Find in the attributes").fill("patientname alert")
    expect(page.get_by_role("status")).to_have_text("1 attribute")
    shot(page, "attributes")
