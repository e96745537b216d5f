"""The keys of a query and what each asks for (PS3.4 Section C.2.2.2)."""

import re
from decimal import Decimal
from typing import TypeAlias

import msgspec

from sagittal.dicom import person_name
from sagittal.dicom.identifiers import MAX_UID_LENGTH
from sagittal.dicom.matching.moments import FIRST_TIME, LAST_TIME, Span, span_of, split_range, to_utc
from sagittal.dicom.registry import keyword_of
from sagittal.errors import Invalid

WILDCARD_VRS = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
"""VRs in whose keys `*` and `?` are wild cards (PS3.4 Section C.2.2.2.4)."""

NUMBER_VRS = frozenset({"DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"})
MOMENT_VRS = frozenset({"DA", "DT", "TM"})

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")

MAX_PATTERN_LENGTH = 1024
MAX_DEPTH = 8


class Key(msgspec.Struct, frozen=True):
    """One attribute of a query.

    Attributes:
        path: tags from the top; all but the last are sequences.
        vr: of the last.
        values: decoded, as they came; none or one empty one is Universal Matching.
        unread: of a private attribute that came without its VR the value as encoded, little endian; `values` are what
            it would be as text.
    """

    path: tuple[int, ...]
    vr: str
    values: tuple[str, ...] = ()
    unread: bytes = b""

    @property
    def name(self) -> str:
        """The attribute in words for messages: "RequestAttributesSequence.AccessionNumber"."""
        return ".".join(keyword_of(tag) or f"{tag:08X}" for tag in self.path)


class Universal(msgspec.Struct, frozen=True):
    """Matches everything, attributes that are not there included (PS3.4 Section C.2.2.2.3)."""


class Empty(msgspec.Struct, frozen=True):
    """Matches what is not there or has no value: the key was two double quotes (Empty Value Matching)."""


class Single(msgspec.Struct, frozen=True):
    """Matches a value letter by letter (PS3.4 Section C.2.2.2.1)."""

    value: str


class Number(msgspec.Struct, frozen=True):
    """Matches a number of the same value, however it is written."""

    value: Decimal


class Wildcard(msgspec.Struct, frozen=True):
    """Matches by pattern: `*` any run of characters, `?` any one, case counts (PS3.4 Section C.2.2.2.4)."""

    pattern: str


class Name(msgspec.Struct, frozen=True):
    """Matches a person name, in the form of `person_name.fold`.

    Attributes:
        groups: patterns with wild cards. One: any component group may match it. More: each that is not empty has to
            match the group at its place.
        words: for fuzzy matching: each has to begin another word of the name, in any order; () without.
    """

    groups: tuple[str, ...]
    words: tuple[str, ...] = ()


class Range(msgspec.Struct, frozen=True):
    """Matches a date, time or date-time between two instants, both included (PS3.4 Section C.2.2.2.5).

    A stored value counts as the first instant it stands for. A single value is a range too: from its first instant to
    its last, so that the key 1015 finds 10:15:30.

    Attributes:
        low, high: canonical text of `moments`; "" is open.
        low_utc, high_utc: of a DT key with offsets, for stored values that have one too; "" where the key has none.
    """

    vr: str
    low: str
    high: str
    low_utc: str = ""
    high_utc: str = ""


class UidList(msgspec.Struct, frozen=True):
    """Matches any of the UIDs (PS3.4 Section C.2.2.2.2)."""

    uids: tuple[str, ...]


class AnyOf(msgspec.Struct, frozen=True):
    """Matches if one of several values of the key does (Multiple Value Matching, PS3.4 Section C.2.2.2)."""

    matches: "tuple[Match, ...]"


Match: TypeAlias = Universal | Empty | Single | Number | Wildcard | Name | Range | UidList | AnyOf


def parse(key: Key, *, fuzzy: bool = False) -> Match:
    """What a key asks for, or Invalid naming the attribute.

    A lone `*` is Universal Matching for every VR; standard or not, peers send it for dates and numbers.

    Args:
        key: with decoded values.
        fuzzy: person names match by the beginnings of words in any order.

    >>> parse(Key((0x00080020,), "DA", ("20200101-",)))
    Range(vr='DA', low='20200101', high='', low_utc='', high_utc='')
    >>> parse(Key((0x00100010,), "PN", ("MÜLLER*",)))
    Name(groups=('muller*',), words=())
    """
    if not key.path or len(key.path) > MAX_DEPTH:
        raise Invalid(f"a key is to be 1 to {MAX_DEPTH} tags deep; got {len(key.path)}")
    values = tuple(bare for value in key.values if (bare := _bare(key.vr, value)))
    if not values or any(value.strip("*") == "" for value in values):
        return Universal()
    if values == ('""',):
        return Empty()
    if key.vr == "UI":
        return _uid_list(key, values)
    found = tuple(dict.fromkeys(_parse_value(key, value, fuzzy) for value in values))
    return found[0] if len(found) == 1 else AnyOf(found)


def _bare(vr: str, value: str) -> str:
    return value.rstrip(" \0") if vr in ("LT", "ST", "UC", "UR", "UT") else value.strip(" \0")


def _uid_list(key: Key, values: tuple[str, ...]) -> Match:
    """Departs from PS3.5 Section 9.1: UIDs with letters are in archives of the field; they are found as they are."""
    for value in values:
        if not _is_findable_uid(value):
            raise Invalid(f"{key.name} is to be UIDs, at most 64 printable characters each and no wild cards")
    return UidList(tuple(dict.fromkeys(values)))


def _is_findable_uid(text: str) -> bool:
    return len(text) <= MAX_UID_LENGTH and text.isascii() and text.isprintable() and not set("*?") & set(text)


def _parse_value(key: Key, value: str, fuzzy: bool) -> Match:
    if value == '""':
        return Empty()
    if key.vr in MOMENT_VRS:
        return _range(key, value)
    if len(value) > MAX_PATTERN_LENGTH:
        raise Invalid(f"{key.name} is to be matched by at most {MAX_PATTERN_LENGTH} characters; got {len(value)}")
    if key.vr == "PN":
        return _name(value, fuzzy)
    if key.vr in NUMBER_VRS:
        return Number(_number(key, value))
    if key.vr == "AT":
        return Single(value.upper())
    if key.vr in WILDCARD_VRS:
        return Wildcard(value) if "*" in value or "?" in value else Single(value)
    if key.vr == "AS":
        return Single(value)
    raise Invalid(f"{key.name} of VR {key.vr} cannot be matched by value; it can only be asked for")


def _name(value: str, fuzzy: bool) -> Name | Universal:
    if fuzzy:
        wanted = tuple(bare for word in person_name.words(value) if (bare := word.strip("*?")))
        return Name((), wanted) if wanted else Universal()
    groups = tuple(person_name.fold(group) for group in person_name.groups(value))
    return Name(groups) if any(groups) else Universal()


def _number(key: Key, value: str) -> Decimal:
    if _NUMBER.fullmatch(value) is None:
        raise Invalid(f"{key.name} is to be matched by a number")
    return Decimal(value)


def _range(key: Key, value: str) -> Range:
    ends = split_range(key.vr, value)
    low_text, high_text = ends if ends is not None else (value, value)
    low = _span(key, low_text) if low_text else None
    high = _span(key, high_text) if high_text else None
    found = Range(
        key.vr,
        low.first if low is not None else "",
        high.last if high is not None else "",
        _utc(low.first, low.offset_minutes) if low is not None else "",
        _utc(high.last, high.offset_minutes) if high is not None else "",
    )
    # Times may run backwards: with the dates that belong to them they are one range (13:00 today to 11:00 tomorrow).
    is_backwards = found.low and found.high and found.low > found.high and not (found.low_utc and found.high_utc)
    if is_backwards and key.vr != "TM":
        raise Invalid(f"{key.name} is to be a range from the earlier to the later")
    return found


def _span(key: Key, text: str) -> Span:
    span = span_of(key.vr, text)
    if span is None:
        raise Invalid(f"{key.name} is to be a {key.vr} value or a range of two (PS3.5 Section 6.2)")
    return span


def _utc(moment: str, minutes: int | None) -> str:
    return to_utc(moment, minutes) if minutes is not None else ""


DATE_TIME_PAIRS: dict[int, int] = {
    0x00080012: 0x00080013,  # InstanceCreation
    0x00080020: 0x00080030,  # Study
    0x00080021: 0x00080031,  # Series
    0x00080022: 0x00080032,  # Acquisition
    0x00080023: 0x00080033,  # Content
    0x00100030: 0x00100032,  # PatientBirth
    0x00400002: 0x00400003,  # ScheduledProcedureStepStart
    0x00400004: 0x00400005,  # ScheduledProcedureStepEnd
    0x00400244: 0x00400245,  # PerformedProcedureStepStart
    0x00400250: 0x00400251,  # PerformedProcedureStepEnd
    0x00402004: 0x00402005,  # IssueOfImagingServiceRequest
}
"""The date attributes and the time of the same event."""


class Moment(msgspec.Struct, frozen=True):
    """Matches an event by its date and its time together (combined datetime matching, PS3.4 Section C.2.2.2.5).

    Attributes:
        date_path, time_path: where the two attributes are.
        low, high: YYYYMMDDHHMMSS.FFFFFF; "" is open.
    """

    date_path: tuple[int, ...]
    time_path: tuple[int, ...]
    low: str
    high: str


def combine(date_key: Key, date: Match, time_key: Key, time: Match) -> Moment | None:
    """The two keys as one range of instants, None if they are not one range each.

    Without it 20200101-20200103 and 1000-1200 mean from ten to twelve on each of the three days; with it from ten on
    the first to twelve on the third.
    """
    if not isinstance(date, Range) or not isinstance(time, Range):
        return None
    low = date.low + (time.low or FIRST_TIME) if date.low else ""
    high = date.high + (time.high or LAST_TIME) if date.high else ""
    return Moment(date_key.path, time_key.path, low, high)
