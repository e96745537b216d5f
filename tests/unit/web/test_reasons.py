"""What rooms say, in the language of whoever reads it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import sagittal
from sagittal.errors import KINDS
from sagittal.web import reasons
from sagittal.web.reasons import REASONS, reason
from sagittal.web.wording import LANGUAGES, speak

SOURCES = Path(sagittal.__file__).parent
KNOWN = {kind.__name__ for kind in KINDS}
NOT_READ = {"viewer_findings.py", "viewer_paths.py", "viewer_drawn.py", "visiting.py", "light_viewer.py"}
"""What these raise is for scripts and operators."""
BEHIND = {
    *("accounts", "administering", "devices", "facilities", "links", "own", "passkeys", "passwords", "tokens", "totp"),
    *("tickets", "porter", "signin", "signin_oidc", "permits", "asking"),
}
"""Modules of `access` that forms lead to."""


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    yield
    speak("en")


def raised(folder: str) -> Iterator[tuple[str, str]]:
    """Where something is raised, and what it says: values of f-strings are `VALUE`."""
    for path in sorted((SOURCES / folder).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in KNOWN and node.args:
                yield path.name, said(node.args[0])


def said(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "VALUE" for part in node.values)
    return ""


def is_known(text: str) -> bool:
    """Whether a reason says it: its own numbers may stand where the text has values."""
    loose = re.sub(r"VALUE", "7", text)
    speak("fr")
    try:
        return reason(text) != text or reason(loose) != loose
    finally:
        speak("en")


def test_what_pages_refuse_is_said_in_every_language() -> None:
    some = [(name, text) for name, text in raised("web") if name not in NOT_READ]
    some += [(name, text) for name, text in raised("access") if name.removesuffix(".py") in BEHIND]
    assert len(some) > 50
    assert [one for one in some if one[1] and not is_known(one[1])] == []


def test_values_are_filled_in_where_the_language_has_them() -> None:
    speak("fr")
    assert reason("there is no device 7") == "il n’y a pas d’appareil 7"
    speak("ar")
    assert reason("person <b>ada</b> may not break glass") == "لا يُسمح لـ شخص <b>ada</b> بهذا: وصول طارئ"


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_not_known_is_shown_as_it_was_said(language: str) -> None:
    speak(language)
    for text in ("nothing that is known", "", "%(name)s", "there is no device " + "7" * 5000, "100 % of it"):
        assert reason(text) == text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_is_known_by_itself(language: str) -> None:
    speak(language)
    wrong = []
    for one in REASONS:
        text = re.sub(r"%\(\w+\)s", "7", one)
        if "%(" in reason(text) or (language != "en" and reason(text) == text):
            wrong.append(one)
    assert wrong == []


def test_what_is_said_of_files_goes_with_the_page_of_uploads() -> None:
    assert reasons.said_of_files() == []
    speak("sw")
    assert ("the file is empty", "faili ni tupu") in reasons.said_of_files()
    assert len(reasons.said_of_files()) == len(reasons.OF_FILES)
