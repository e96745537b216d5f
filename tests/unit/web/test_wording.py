"""What pages say, in each language."""

import re
from gettext import c2py

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from sagittal.web import wording
from sagittal.web.showing import day, number
from sagittal.web.wording import LANGUAGES, _, forms, locale, many, preferred, speak
from support.catalogue import WEB, texts

PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w+\}")
OTHERS = sorted(set(LANGUAGES) - {"en"})


def catalogue(language: str) -> Catalog:
    with (WEB / "languages" / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def test_what_is_searched_for_texts_has_some() -> None:
    found = texts()
    assert len(found) > 600
    assert ("%(num)s study", "%(num)s studies") in found
    assert {"Studies", "Load the lossless frame", "break glass", "the PIN is wrong"} <= set(found)


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_of_a_page_is_in_the_catalogue(language: str) -> None:
    said = {message.id if isinstance(message.id, str) else tuple(message.id) for message in catalogue(language)}
    assert [f"{where}: {text}" for text, where in texts().items() if text not in said] == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_has_nothing_that_no_page_says(language: str) -> None:
    known = set(texts())
    ids = [one.id if isinstance(one.id, str) else tuple(one.id) for one in catalogue(language) if one.id]
    assert [one for one in ids if one not in known] == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_says_something_and_fills_in_the_same(language: str) -> None:
    wrong = []
    for message in catalogue(language):
        if isinstance(message.id, str):
            is_whole = bool(message.string) and placeholders(str(message.string)) == placeholders(message.id)
        else:  # "one file" and "two files" need no number
            forms = message.string if isinstance(message.string, tuple) else ()
            is_whole = len(forms) == catalogue(language).num_plurals and all(forms)
            is_whole = is_whole and all(set(placeholders(one)) <= set(placeholders(message.id[1])) for one in forms)
            is_whole = is_whole and "%(num)s" in forms[-1]
        wrong += [] if is_whole or not message.id else [message.id]
    assert wrong == []


def placeholders(text: str) -> list[str]:
    return sorted(PLACEHOLDER.findall(text))


@pytest.mark.parametrize("language", OTHERS)
def test_plural_forms_are_as_the_catalogue_says_they_are(language: str) -> None:
    plural = c2py(str(catalogue(language).plural_expr))
    some = {number: wording._plural_form(language, number) for number in (*range(130), 1000, 1001, 1002, 1003, 1011)}
    assert some == {number: plural(number) for number in some}


@pytest.mark.parametrize("language", LANGUAGES)
def test_scripts_get_the_forms_that_browsers_choose_by(language: str) -> None:
    speak(language)
    said = forms("%(num)s file", "%(num)s files")
    rule = locale().plural_form
    wrong = [n for n in range(200) if said.get(rule(n), said["other"]).replace("%(num)s", str(n)) != counted(n)]
    speak("en")
    assert wrong == []


def counted(number: int) -> str:
    return many("%(num)s file", "%(num)s files", number)


def test_plural_forms_are_those_of_the_language() -> None:
    one, more = "%(num)s study", "%(num)s studies"
    found = {}
    for language in LANGUAGES:
        speak(language)
        found[language] = [many(one, more, count) for count in (0, 1, 2, 5, 11)]
    speak("en")
    assert found["en"] == ["0 studies", "1 study", "2 studies", "5 studies", "11 studies"]
    assert found["fr"][:3] == ["0 examen", "1 examen", "2 examens"]
    assert found["ar"] == ["لا دراسات", "دراسة واحدة", "دراستان", "5 دراسات", "11 دراسة"]


def test_dates_and_numbers_are_written_by_locale() -> None:
    speak("fr")
    assert (day("20240517"), number(1234)) == ("17 mai 2024", "1\u202f234")
    assert _("Studies") == "Examens"
    speak("en")
    assert (day("20240517"), number(1234)) == ("May 17, 2024", "1,234")


@pytest.mark.parametrize(
    ("accepted", "chosen", "language"),
    [("pt-BR,pt;q=0.9", "", "pt"), ("de", "", "en"), ("fr;q=0", "", "en"), ("fr;q=x,es", "", "es"), ("fr", "sw", "sw")],
)
def test_the_language_is_what_was_chosen_or_the_browser_prefers(accepted: str, chosen: str, language: str) -> None:
    assert preferred(accepted, chosen) == language


def test_what_nobody_translated_is_said_in_english() -> None:
    wording.speak("sw")
    assert _("no such text") == "no such text"
    wording.speak("en")
