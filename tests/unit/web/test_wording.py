"""What pages say, in each language."""

import re
from importlib.resources import files

import pytest
from babel.messages.pofile import read_po

from sagittal.web import wording
from sagittal.web.showing import day, number
from sagittal.web.wording import LANGUAGES, _, many, preferred, speak

PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w+\}")
OTHERS = sorted(set(LANGUAGES) - {"en"})


def sources() -> str:
    web = files("sagittal.web")
    folders = (web, web / "templates")
    return "\n".join(
        one.read_text() for folder in folders for one in folder.iterdir() if one.name.endswith((".py", ".html"))
    )


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_is_of_what_pages_say_and_fills_in_the_same(language: str) -> None:
    said = sources()
    with (files("sagittal.web") / "languages" / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    assert len(catalogue) > 80
    for message in catalogue:
        if not message.id:
            continue
        ids = (message.id,) if isinstance(message.id, str) else message.id
        strings = (message.string,) if isinstance(message.string, str) else message.string or ()
        assert ids[0] in said or ids[0].replace('"', '\\"') in said, f"nobody says {ids[0]!r}"
        for text in strings:
            assert set(PLACEHOLDER.findall(text)) <= set(PLACEHOLDER.findall(ids[-1])), text
        if isinstance(message.id, str):
            assert set(PLACEHOLDER.findall(strings[0])) == set(PLACEHOLDER.findall(ids[0])), strings[0]
        else:
            assert len(strings) == catalogue.num_plurals


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
