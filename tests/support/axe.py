"""What axe-core finds wrong on a page, by WCAG 2.2 AA."""

import os
from typing import Final

import pytest
from playwright.sync_api import Page

from support.node import install

_FILE: Final = install.FOLDER / "node_modules" / "axe-core" / "axe.min.js"
_LEVELS: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def require_axe() -> None:
    """Skips the test where axe-core is not installed; fails it under CI, where it is to be there."""
    if _FILE.is_file():
        return
    line = "needs axe-core: `make node-peers` installs it"
    if os.environ.get("CI"):
        pytest.fail(line)
    pytest.skip(line)


def hurdles(page: Page) -> list[tuple[str, list[str]]]:
    """The rules that are broken, each with the beginning of some elements that break it."""
    require_axe()
    if not page.evaluate("'axe' in window"):
        page.evaluate(_FILE.read_text("utf-8"))
    found = page.evaluate("tags => axe.run({runOnly: tags})", _LEVELS)
    return [(one["id"], [node["html"][:200] for node in one["nodes"]][:3]) for one in found["violations"]]
