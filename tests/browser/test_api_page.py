"""The page of the API in Chromium: everybody can read it, by keyboard, wide and narrow, and an address leads to a route."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from support.axe import hurdles
from support.peers import require
from support.server import Server, running
from support.viewer import ARTIFACTS

pytestmark = [pytest.mark.xdist_group("browser-api"), pytest.mark.timeout(120)]

LOOKS: dict[str, Any] = {  # Any: as Playwright has it
    "wide": {"viewport": {"width": 1280, "height": 800}},
    "narrow": {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark", "locale": "ar"},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    require("chromium")
    with running(tmp_path_factory.mktemp("api") / "data") as server:
        yield server


@pytest.fixture(params=LOOKS)
def page(request: pytest.FixtureRequest, browser: Browser, server: Server) -> Iterator[Page]:
    said: list[str] = []
    context = browser.new_context(**LOOKS[request.param])
    page = context.new_page()
    page.on("console", lambda told: said.append(told.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"{server.web.removesuffix('/dicom-web')}/api/docs#post_studies_search")
    ARTIFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"api-{request.param}.png")
    yield page
    context.close()
    assert said == []


def test_an_address_leads_to_a_route_and_opens_it(page: Page) -> None:
    expect(page.locator("#post_studies_search")).to_be_visible()
    expect(page.locator("#post_studies_search pre").first).to_contain_text('"text": "doe thorax"')
    expect(page.locator("#post_ledger_search")).to_be_hidden()


def test_a_route_is_opened_by_keyboard(page: Page) -> None:
    page.locator("summary", has_text="/api/ledger/search").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#post_ledger_search")).to_be_visible()


def test_everybody_can_read_it(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((one, at) => (one.open = at % 5 === 0))")
    width, room = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width <= room
    assert hurdles(page) == []
