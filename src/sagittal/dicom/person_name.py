"""Person names: their groups and components (PS3.5 Section 6.2.1), and the form in which they are searched.

`fold` is what PS3.4 Section C.2.2.2.1 leaves to the archive: matching that does not mind case, accents, and which
delimiter stands between the parts of a name. The folded form is for comparing only: it is never shown and never sent.
"""

import functools
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

_MARK_RANGES = (
    (0x0300, 0x036F),  # Latin, Greek, Cyrillic accents
    (0x0483, 0x0487),  # Church Slavonic titlo and breathings
    (0x0591, 0x05BD),  # Hebrew cantillation and points
    (0x05BF, 0x05BF),
    (0x05C1, 0x05C2),
    (0x05C4, 0x05C5),
    (0x05C7, 0x05C7),
    (0x0610, 0x061A),  # Arabic honorifics and vowel signs
    (0x064B, 0x065F),
    (0x0670, 0x0670),
    (0x06D6, 0x06DC),
    (0x06DF, 0x06E4),
    (0x06E7, 0x06E8),
    (0x06EA, 0x06ED),
    (0x08D3, 0x08FF),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x20D0, 0x20FF),
    (0xFE00, 0xFE0F),  # variation selectors
    (0xFE20, 0xFE2F),
    (0xE0100, 0xE01EF),  # ideographic variation selectors
)
"""Marks that a search does not mind. Vowel signs of Indic scripts and Thai and kana voicing are letters and stay."""

_LETTERS = {
    "æ": "ae",
    "œ": "oe",
    "ø": "o",
    "đ": "d",
    "ð": "d",
    "þ": "th",
    "ł": "l",
    "ħ": "h",
    "ı": "i",
    "ŋ": "n",
    "ŧ": "t",
    "ĸ": "k",
    "ə": "e",
    "ƒ": "f",
    "ɓ": "b",
    "ɗ": "d",
    "ƙ": "k",
    # Arabic: forms of alef, ya, ha and kaf that writers and keyboards exchange; tatweel only stretches a line.
    "ٱ": "ا",
    "ى": "ي",
    "ی": "ي",
    "ې": "ي",
    "ے": "ي",
    "ة": "ه",
    "ہ": "ه",
    "ھ": "ه",
    "ە": "ه",
    "ک": "ك",
    "ـ": "",
    # Ideographs of Japanese family names that have two codes and one meaning, and no compatibility mapping.
    "髙": "高",
    "﨑": "崎",
    # Quotation marks that stand for an apostrophe, hyphens and dashes.
    "’": "'",
    "‘": "'",
    "ʼ": "'",
    "ʻ": "'",
    "`": "'",
    "′": "'",
    "‐": "-",
    "‑": "-",
    "‒": "-",
    "–": "-",
    "—": "-",
    "−": "-",
}
_BLANKS = "^=,،、"


class NameGroup(NamedTuple):
    """One component group; what comes after the fourth delimiter is all suffix."""

    family: str = ""
    given: str = ""
    middle: str = ""
    prefix: str = ""
    suffix: str = ""


class PersonName(NamedTuple):
    """The three component groups of a PN value."""

    alphabetic: NameGroup = NameGroup()
    ideographic: NameGroup = NameGroup()
    phonetic: NameGroup = NameGroup()


def parse(text: str) -> PersonName:
    """The groups and components of one PN value; trailing delimiters mean nothing (PS3.5 Section 6.2.1.1).

    >>> name = parse("Yamada^Tarou=山田^太郎")
    >>> name.alphabetic.family, name.ideographic.given
    ('Yamada', '太郎')
    """
    return PersonName(*(NameGroup(*group.split("^", 4)) for group in text.split("=", 2)))


def format_name(name: PersonName) -> str:
    """The PN value of a name, without delimiters at the end of groups and name.

    >>> format_name(PersonName(NameGroup("Yamada", "Tarou"), NameGroup("山田", "太郎")))
    'Yamada^Tarou=山田^太郎'
    """
    return "=".join("^".join(group).rstrip("^") for group in name).rstrip("^=")


def groups(text: str) -> tuple[str, ...]:
    """The component groups of one PN value as written, those at the end that are empty left out.

    >>> groups("Yamada^Tarou=山田^太郎=")
    ('Yamada^Tarou', '山田^太郎')
    """
    found = text.split("=", 2)
    while found and not found[-1].strip("^ "):
        found.pop()
    return tuple(found)


def fold(text: str) -> str:
    """The search form of a name or of a key with wild cards; `fold(fold(x)) == fold(x)`.

    Case, accents, width and ligatures go; `^`, `=`, commas and runs of blanks become one blank. Letters of their own
    that people search without their mark lose it: ø, đ, ł, ё. Й stays apart from И. Hiragana and katakana are one,
    forms of alef and ya are one, final sigma is sigma.

    >>> fold("MÜLLER-LÜDENSCHEIDT^Jörg"), fold("Ångström,  Ærø"), fold("Пётр^СЕРГЕЙ"), fold("ΓΕΩΡΓΊΟΥ^Ανδρέας")
    ('muller-ludenscheidt jorg', 'angstrom aero', 'петр сергей', 'γεωργιου ανδρεασ')
    """
    if text.isascii():
        return " ".join(text.lower().translate(_ascii_map()).split())
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()).casefold()
    # Й is no accented И: it keeps its breve by becoming one character before the marks go.
    letters = decomposed.replace("и\u0306", "й").translate(_letter_map())
    return " ".join(unicodedata.normalize("NFC", letters).split())


def words(text: str) -> tuple[str, ...]:
    """The words of the search form, for matching in any order.

    >>> words("Doe^Jane^^Dr.")
    ('doe', 'jane', 'dr.')
    """
    return tuple(fold(text).split())


def search_forms(text: str) -> tuple[str, ...]:
    """The search form of each component group that is not empty, of one PN value.

    >>> search_forms("Yamada^Tarou=山田^太郎")
    ('yamada tarou', '山田 太郎')
    """
    return tuple(form for group in groups(text) if (form := fold(group)))


@functools.cache
def _ascii_map() -> dict[int, str]:
    return str.maketrans(
        {mark: " " for mark in _BLANKS if mark.isascii()} | {"`": "'"} | _control_characters(range(0x80))
    )


@functools.cache
def _letter_map() -> dict[int, str]:
    """What `str.translate` does to decomposed, case-folded text."""
    table = dict.fromkeys((chr(code) for first, last in _MARK_RANGES for code in range(first, last + 1)), "")
    table |= _LETTERS
    table |= dict.fromkeys(_BLANKS, " ")
    table |= {chr(code): chr(code - 0x60) for code in (*range(0x30A1, 0x30F7), 0x30FD, 0x30FE)}
    table |= {chr(zero + digit): str(digit) for zero in (0x0660, 0x06F0) for digit in range(10)}
    table |= _control_characters(range(0x10000))
    return str.maketrans(table)


def _control_characters(codes: Iterable[int]) -> dict[str, str]:
    """Format characters (joiners, direction marks) go; control characters are blanks."""
    table = {}
    for code in codes:
        category = unicodedata.category(chr(code))
        if category == "Cf":
            table[chr(code)] = ""
        elif category == "Cc":
            table[chr(code)] = " "
    return table
