"""What pages say to people, in their language.

Messages are English; `languages/*.po` says them in the others. Which language is spoken is a matter of the request:
the gate sets it, from what the browser prefers or what the person has chosen.
"""

from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from functools import cache
from importlib.resources import files
from typing import Final

from babel import Locale
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

LANGUAGES: Final[Mapping[str, str]] = {
    "en": "English",
    "fr": "Français",
    "es": "Español",
    "pt": "Português",
    "ar": "العربية",
    "sw": "Kiswahili",
}
"""What pages can be read in, each by its own name."""

COOKIE: Final = "sagittal-language"
"""Holds the language that a person has chosen."""

_FROM_RIGHT: Final = frozenset({"ar"})
_MOST_WISHES: Final = 20
_TWO: Final = ("one", "other")
_SIX: Final = ("zero", "one", "two", "few", "many", "other")
_spoken: ContextVar[str] = ContextVar("language", default="en")


def _(text: str, /, **values: object) -> str:
    """A text for people, with its `%(name)s` filled in.

    >>> _("wait %(seconds)s s", seconds=5)
    'wait 5 s'
    """
    said = translated(text)
    return said % values if values else said


def many(one: str, more: str, number: int, /, **values: object) -> str:
    """A text about so many, which is `%(num)s` in it."""
    return translated_many(one, more, number) % values


def translated(text: str) -> str:
    """A text as it stands in a template, where its names are filled in later."""
    return _catalogue(_spoken.get()).get(text, text)


def term(text: str) -> str:
    """A word of the policy, the ledger or the standard, as people say it.

    >>> term("break_glass")
    'break glass'
    """
    return translated(text.replace("_", " "))


def listed(some: Iterable[str]) -> str:
    """One after the other, as the language separates them."""
    return ("، " if _spoken.get() == "ar" else ", ").join(some)


def translated_many(one: str, more: str, number: int) -> str:
    """As `many`, for templates."""
    said = _plurals(_spoken.get()).get(one, (one, more))
    text = said[min(_plural_form(_spoken.get(), number), len(said) - 1)]
    return text.replace("%(num)s", format_decimal(number, locale=locale()))


def forms(one: str, more: str) -> Mapping[str, str]:
    """Every form of a text about so many, by its plural category of CLDR, for scripts (`Intl.PluralRules`).

    >>> forms("%(num)s file", "%(num)s files")
    {'one': '%(num)s file', 'other': '%(num)s files'}
    """
    said = _plurals(_spoken.get()).get(one, (one, more))
    return dict(zip(_SIX if len(said) == len(_SIX) else _TWO, said, strict=True))


def speak(language: str) -> None:
    """From here on this request is answered in a language of LANGUAGES."""
    _spoken.set(language if language in LANGUAGES else "en")


def language() -> str:
    """What is spoken."""
    return _spoken.get()


def direction() -> str:
    """Where lines begin: `ltr` or `rtl`."""
    return "rtl" if _spoken.get() in _FROM_RIGHT else "ltr"


def locale() -> Locale:
    """How numbers and dates are written."""
    return _locale(_spoken.get())


def preferred(accepted: str, chosen: str = "") -> str:
    """The language of an Accept-Language (RFC 9110 Section 12.5.4) that we speak, unless one was chosen.

    >>> preferred("de;q=0.9, fr-CH;q=0.8, en;q=0.1"), preferred("xx"), preferred("fr", "ar")
    ('fr', 'en', 'ar')
    """
    if chosen in LANGUAGES:
        return chosen
    wishes = []
    for part in accepted.split(",", _MOST_WISHES)[:_MOST_WISHES]:
        name, _sep, parameter = part.partition(";")
        try:
            weight = float(parameter.partition("=")[2] or 1)
        except ValueError:
            weight = 0.0
        wishes.append((-weight, name.strip().lower().partition("-")[0]))
    return next(
        (name for weight, name in sorted(wishes, key=lambda wish: wish[0]) if weight and name in LANGUAGES), "en"
    )


@cache
def _locale(name: str) -> Locale:
    return Locale.parse(name)


@cache
def _catalogue(name: str) -> Mapping[str, str]:
    return {key: said[0] for key, said in _read(name).items() if len(said) == 1}


@cache
def _plurals(name: str) -> Mapping[str, tuple[str, ...]]:
    return {key: said for key, said in _read(name).items() if len(said) > 1}


@cache
def _read(name: str) -> Mapping[str, tuple[str, ...]]:
    """Every message that is translated; of one with a plural all its forms, by its first."""
    place = files("sagittal.web") / "languages" / f"{name}.po"
    if name == "en" or not place.is_file():
        return {}
    with place.open("rb") as file:
        catalogue = read_po(file, locale=name)
    found: dict[str, tuple[str, ...]] = {}
    for message in catalogue:
        key = message.id if isinstance(message.id, str) else message.id[0]
        said = (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
        if key and all(said):
            found[key] = said
    return found


def _plural_form(name: str, number: int) -> int:
    """Which form a number takes, in the order of the .po files (as GNU gettext has it for these languages)."""
    if name == "ar":
        rest = number % 100
        return number if number in {0, 1, 2} else 3 if 3 <= rest <= 10 else 4 if rest >= 11 else 5
    return int(number > 1) if name in {"fr", "pt"} else int(number != 1)
