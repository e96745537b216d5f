"""Values of DICOM as people read them: names by their component groups, dates by locale, nothing that could do harm."""

import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from typing import Final

from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_decimal
from babel.units import format_unit
from markupsafe import Markup

from sagittal.dicom.person_name import NameGroup, groups, parse
from sagittal.web.wording import locale

MOST_CHARACTERS: Final = 160
"""Of one value in a list; the rest of longer ones is not shown there."""

_JOINERS: Final = "\u200c\u200d"  # Persian, Hindi and others spell with them


def clean(text: str, most: int = MOST_CHARACTERS) -> str:
    r"""A text without what could reorder or hide others: no control characters, no direction marks; cut if too long.

    >>> clean("Doe\u202e^x\0y"), clean("a" * 500, 4)
    ('Doe^xy', 'aaa…')
    """
    text = text[: 4 * most]
    kept = "".join(one for one in text if one in _JOINERS or unicodedata.category(one) not in _UNSHOWN)
    return kept if len(kept) <= most else kept[: most - 1] + "…"


_UNSHOWN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


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
    """The second way a name is written: ideographic beside alphabetic.

    >>> other_name("Yamada^Tarou=山田^太郎=やまだ^たろう")
    '山田 太郎'
    """
    return clean(" ".join(groups(text)[1].split("^")), 80) if len(groups(text)) > 1 and groups(text)[0] else ""


def _western(group: NameGroup) -> str:
    rest = " ".join(part.strip() for part in (group.prefix, group.given, group.middle) if part.strip())
    whole = ", ".join(part for part in (group.family.strip(), rest) if part)
    return f"{whole}, {group.suffix.strip()}" if group.suffix.strip() else whole


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
    return clean(text.replace("\\", ", "), 60)


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
