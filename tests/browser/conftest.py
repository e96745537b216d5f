"""A Chromium for each module, whose driver holds the thread's event loop; pages on which nothing may go wrong."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from support.peers import require
from support.server import Server
from support.viewer import ARGUMENTS, SETTLED, Viewer, require_viewer

expect.set_options(timeout=30_000)  # a machine with other work to do is not what is tested


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    require("chromium")
    require_viewer()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A reader's browser: what a page of the module has loaded, the next need not load again."""
    context = browser.new_context(viewport={"width": 1024, "height": 700})
    context.add_init_script(SETTLED)
    yield context
    context.close()


@pytest.fixture
def viewer(context: BrowserContext, server: Server) -> Iterator[Viewer]:
    viewer = Viewer(context, server)
    yield viewer
    viewer.page.close()
    assert viewer.failures == []


@pytest.fixture
def another(context: BrowserContext, server: Server) -> Iterator[Viewer]:
    """A second page, of someone who comes later."""
    viewer = Viewer(context, server)
    yield viewer
    viewer.page.close()
    assert viewer.failures == []
