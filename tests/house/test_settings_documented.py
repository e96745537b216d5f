"""Every setting is in the docs, with the words of the code."""

from pathlib import Path

import pytest

from sagittal.runtime.settings import Described, describe

DOC = Path(__file__).resolve().parents[2] / "docs" / "settings.md"


@pytest.mark.parametrize("setting", list(describe()), ids=lambda s: s.name)
def test_a_setting_stands_in_the_docs_as_the_code_says_it(setting: Described) -> None:
    default = f"`{setting.default}`" if setting.default else ""
    line = f"| `{setting.name}` | `{setting.environment}` | {setting.kind.replace('|', 'or')} | {default} | {setting.description} |"
    assert line in DOC.read_text("utf-8").splitlines()


def test_the_docs_name_no_setting_that_is_gone() -> None:
    known = {setting.name for setting in describe()}
    rows = [line.split("`")[1] for line in DOC.read_text("utf-8").splitlines() if line.startswith("| `")]
    assert set(rows) == known
