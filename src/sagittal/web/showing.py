"""Values of DICOM as people read them: names by their component groups, dates by locale, nothing that could do harm."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from typing import Final

from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_decimal
from babel.units import format_unit
from markupsafe import Markup

from sagittal.dicom.person_name import NameGroup, groups, parse
from sagittal.web.wording import listed, locale

MOST_CHARACTERS: Final = 160
"""Of one value in a list; the rest of longer ones is not shown there."""

_JOINERS: Final = "\u200c\u200d"  # Persian, Hindi and others spell with them
_MOST_MARKS: Final = 4  # on one letter; Vietnamese and pointed Hebrew have up to three
_LINE: Final = re.compile("\r\n?|[\n\u2028\u2029\x85]")
_STRANGE: Final = "\ufffd"
_OVERRIDES: Final = frozenset("\u202a\u202b\u202d\u202e")


def clean(text: str, most: int = MOST_CHARACTERS) -> str:
    r"""A text that can neither reorder nor hide what is around it, nor run over it; cut if too long.

    Control characters are shown as such; what is to turn letters around as a replacement character; invisible ones are
    left out, and marks beyond those that a letter can have.

    >>> clean("Doe\u202e^x\0y"), clean("a" * 500, 4), clean("two\r\nlines")
    ('Doe\ufffd^x\u2400y', 'aaa…', 'two↵lines')
    """
    text = text[: 4 * most]
    if not text.isascii() or not text.isprintable():
        text = "".join(_visible(_LINE.sub("↵", text)))
    return text if len(text) <= most else text[: most - 1] + "…"


def _visible(text: str) -> Iterator[str]:
    """Each character as it may be shown; `""` for what may not."""
    marks, before = 0, ""
    for one in text:
        kind = unicodedata.category(one)
        marks = marks + 1 if kind in _MARKS else 0
        if one in _JOINERS:
            yield one if before not in _JOINERS else ""
        elif kind == "Cc":
            yield chr(0x2400 + ord(one)) if one < " " else "\u2421" if one == "\x7f" else _STRANGE
        elif kind in ("Cs", "Co", "Cn") or one in _OVERRIDES:
            yield _STRANGE
        elif kind != "Cf" and marks <= _MOST_MARKS:
            yield one
        before = one


_ARABIC: Final = re.compile("[\u0620-\u06ff]")
_MARKS: Final = frozenset({"Mn", "Me"})


def name(text: str) -> str:
    """A person name in reading order, of its first group that says something.

    >>> name("Müller^Jörg^A.^Dr."), name("=山田^太郎"), name("")
    ('Müller, Dr. Jörg A.', '山田 太郎', '')
    """
    found = parse(text)
    if any(found.alphabetic):
        return clean(_western(found.alphabetic))
    group = found.ideographic if any(found.ideographic) else found.phonetic
    return clean(" ".join(filter(None, group)))


def other_name(text: str) -> str:
    """The other ways a name is written, beside its alphabetic one: ideographic, and how that is spoken.

    >>> other_name("Yamada^Tarou=山田^太郎=やまだ^たろう"), other_name("=山田^太郎")
    ('山田 太郎 · やまだ たろう', '')
    """
    first, *others = groups(text) or ("",)
    if not first.strip("^ "):
        return ""
    shown = (" ".join(filter(None, (part.strip() for part in group.split("^")))) for group in others)
    return clean(" · ".join(filter(None, shown)), 80)


def _western(group: NameGroup) -> str:
    rest = " ".join(part.strip() for part in (group.prefix, group.given, group.middle) if part.strip())
    comma = "، " if _ARABIC.search(group.family) else ", "
    return comma.join(part for part in (group.family.strip(), rest, group.suffix.strip()) if part)


def day(text: str) -> str:
    """A DA by locale; as it is where it is none.

    >>> day("20240517"), day("")
    ('May 17, 2024', '')
    """
    found = _date(text)
    return clean(text, 20) if found is None else format_date(found, "medium", locale=locale())


def iso_day(text: str) -> str:
    """A DA as `<time datetime>` and `<input type=date>` want it; `""` where it is none."""
    found = _date(text)
    return "" if found is None else found.isoformat()


def year(text: str) -> str:
    """The year of a DA; `""` where it is none."""
    return text[:4] if _date(text) is not None else ""


def hour(text: str) -> str:
    """Hours and minutes of a TM by locale; `""` where it is none."""
    digits = text.replace(":", "")[:4]
    if len(digits) != 4 or not digits.isascii() or not digits.isdecimal() or digits[:2] > "23" or digits[2:] > "59":
        return ""
    return format_time(time(int(digits[:2]), int(digits[2:])), "short", locale=locale())


def number(value: int) -> str:
    """A number by locale."""
    return format_decimal(value, locale=locale())


def since(at_ns: int) -> Markup:
    """A moment by locale, in UTC; a dash for none."""
    if not at_ns:
        return Markup("–")
    at = datetime.fromtimestamp(at_ns / 1e9, UTC)
    shown = format_datetime(at, "medium", locale=locale())
    return Markup('<time datetime="{}">{} UTC</time>').format(at.isoformat(timespec="seconds"), shown)


def size(value: int) -> str:
    """A number of bytes as people say it.

    >>> size(1536)
    '1.5 kB'
    """
    scaled, unit = float(value), "byte"
    for unit in ("byte", "kilobyte", "megabyte", "gigabyte", "terabyte"):
        if scaled < 1024 or unit == "terabyte":
            break
        scaled /= 1024
    return str(format_unit(round(scaled, 1), f"digital-{unit}", "short", locale=locale()))


def modalities(text: str) -> str:
    r"""Modalities in Study, joined by a backslash, for people.

    >>> modalities("CT\\SR")
    'CT, SR'
    """
    return clean(listed(text.split("\\")), 60)


def _date(text: str) -> date | None:
    bare = text.strip().replace(".", "")
    if len(bare) != 8 or not bare.isascii() or not bare.isdecimal():
        return None
    try:
        return date(int(bare[:4]), int(bare[4:6]), int(bare[6:]))
    except ValueError:
        return None


FILTERS: Final[Mapping[str, Callable[..., object]]] = {
    "clean": clean,
    "pn": name,
    "pn_other": other_name,
    "day": day,
    "iso_day": iso_day,
    "year": year,
    "hour": hour,
    "number": number,
    "since": since,
    "size": size,
    "modalities": modalities,
}
"""For templates."""
