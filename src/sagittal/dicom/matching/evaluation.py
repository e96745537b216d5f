"""Whether a data set answers to keys (PS3.4 Section C.2.2.2).

The reference of what matching means: for what no index holds, and for the tests of what an index does.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal, InvalidOperation
from typing import TypeAlias, assert_never

from sagittal.dicom import person_name
from sagittal.dicom.json_model.model import JsonDataset, JsonElement, JsonValue
from sagittal.dicom.matching.keys import (
    DATE_TIME_PAIRS,
    AnyOf,
    Empty,
    Key,
    Match,
    Moment,
    Name,
    Number,
    Range,
    Single,
    UidList,
    Universal,
    Wildcard,
    combine,
    parse,
)
from sagittal.dicom.matching.moments import FIRST_TIME, LAST_TIME, offset_minutes, span_of, to_utc

Predicate: TypeAlias = Callable[[JsonDataset], bool]

_TIMEZONE = "00080201"


def matches(dataset: JsonDataset, keys: Iterable[Key], *, fuzzy: bool = False, combined: bool = False) -> bool:
    """Whether `dataset` matches all `keys`; see `matcher`.

    >>> matches({"00100020": {"vr": "LO", "Value": ["A1"]}}, [Key((0x00100020,), "LO", ("A*",))])
    True
    """
    return matcher(keys, fuzzy=fuzzy, combined=combined)(dataset)


def matcher(keys: Iterable[Key], *, fuzzy: bool = False, combined: bool = False) -> Predicate:
    """A function that says of one data set after another whether it matches all `keys`.

    Keys inside one sequence have to be matched by one and the same item (PS3.4 Section C.2.2.2.6).

    Args:
        keys: order does not matter.
        fuzzy: person names by the beginnings of words in any order.
        combined: a date and the time that belongs to it are one instant.
    """
    parsed = [(key, parse(key, fuzzy=fuzzy)) for key in keys]
    moments: list[Moment] = []
    if combined:
        parsed, moments = _combined(parsed)
    return _predicate([(key.path, key.vr, match) for key, match in parsed], [(m.date_path, m) for m in moments])


_Condition: TypeAlias = tuple[tuple[int, ...], str, Match]
_MomentCondition: TypeAlias = tuple[tuple[int, ...], Moment]


def _combined(parsed: list[tuple[Key, Match]]) -> tuple[list[tuple[Key, Match]], list[Moment]]:
    by_path = {key.path: (key, match) for key, match in parsed}
    moments = []
    for key, match in parsed:
        time_tag = DATE_TIME_PAIRS.get(key.path[-1])
        if time_tag is None or (*key.path[:-1], time_tag) not in by_path:
            continue
        moment = combine(key, match, *by_path[*key.path[:-1], time_tag])
        if moment is not None:
            moments.append(moment)
            del by_path[moment.date_path], by_path[moment.time_path]
    return list(by_path.values()), moments


def _predicate(conditions: Sequence[_Condition], moments: Sequence[_MomentCondition]) -> Predicate:
    """Of one data set or item: its own attributes, and one predicate for each sequence."""
    own = [(f"{path[0]:08X}", vr, match) for path, vr, match in conditions if len(path) == 1]
    own_moments = [moment for path, moment in moments if len(path) == 1]
    sequences: list[tuple[str, Predicate]] = []
    paths = [path for path, *_ in conditions] + [path for path, _ in moments]
    for tag in dict.fromkeys(path[0] for path in paths if len(path) > 1):
        inner = [(path[1:], vr, match) for path, vr, match in conditions if len(path) > 1 and path[0] == tag]
        inner_moments = [(path[1:], moment) for path, moment in moments if len(path) > 1 and path[0] == tag]
        if inner_moments or any(not isinstance(match, Universal) for *_, match in inner):
            sequences.append((f"{tag:08X}", _predicate(inner, inner_moments)))

    def holds(dataset: JsonDataset) -> bool:
        timezone = _texts(dataset.get(_TIMEZONE))
        minutes = offset_minutes(timezone[0]) if timezone else None
        return (
            all(_matches_element(dataset.get(tag), vr, match, minutes) for tag, vr, match in own)
            and all(_matches_moment(dataset, moment) for moment in own_moments)
            and all(any(inside(item) for item in _items(dataset.get(tag))) for tag, inside in sequences)
        )

    return holds


def _items(element: JsonElement | None) -> list[JsonDataset]:
    # An item without attributes stands for a sequence that is absent or empty: Universal and Empty keys match it.
    found = [value for value in element.get("Value", []) if isinstance(value, dict)] if element is not None else []
    return found or [{}]  # type: ignore[return-value]  # the dictionaries of an SQ are data sets


def _matches_element(element: JsonElement | None, vr: str, match: Match, minutes: int | None) -> bool:
    if isinstance(match, Universal):
        return True
    values = [value for value in element.get("Value", []) if value is not None] if element is not None else []
    has_bulk = element is not None and ("InlineBinary" in element or "BulkDataURI" in element)
    if isinstance(match, Empty):
        return not values and not has_bulk
    if isinstance(match, AnyOf):
        return any(_matches_element(element, vr, one, minutes) for one in match.matches)
    return any(_matches_value(value, match, minutes) for value in values)


_OfOneValue: TypeAlias = Single | Number | Wildcard | Name | Range | UidList


def _matches_value(value: JsonValue, wanted: _OfOneValue, minutes: int | None) -> bool:
    match wanted:
        case Single():
            return str(value).strip(" ") == wanted.value.strip(" ")
        case Number():
            return _is_number(value, wanted.value)
        case Wildcard():
            return matches_pattern(str(value), wanted.pattern)
        case Name():
            return matches_name(_name_text(value), wanted)
        case Range():
            return isinstance(value, str) and _is_within(value, wanted, minutes)
        case UidList():
            return value in wanted.uids
        case _:
            assert_never(wanted)


def _is_number(value: JsonValue, number: Decimal) -> bool:
    try:
        return Decimal(str(value)) == number
    except InvalidOperation:
        return False


def _name_text(value: JsonValue) -> str:
    if not isinstance(value, dict):
        return str(value)
    groups = (value.get(group) or "" for group in ("Alphabetic", "Ideographic", "Phonetic"))
    return "=".join(str(group) for group in groups)


def matches_name(text: str, name: Name) -> bool:
    """Whether one PN value, its component groups joined by `=`, answers to a name key.

    >>> matches_name("Müller^Jörg", Name(("muller j*",)))
    True
    """
    if not name.groups:
        return _has_words(person_name.words(text), name.words)
    forms = [person_name.fold(group) for group in person_name.groups(text)]
    if len(name.groups) == 1:
        return any(matches_pattern(form, name.groups[0]) for form in forms)
    forms += [""] * (3 - len(forms))
    return all(matches_pattern(form, pattern) for form, pattern in zip(forms, name.groups, strict=False) if pattern)


def _has_words(stored: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    """Whether each wanted word begins another stored word; the longest take their pick first."""
    left = sorted(stored, key=len)
    for word in sorted(wanted, key=len, reverse=True):
        found = next((candidate for candidate in left if candidate.startswith(word)), None)
        if found is None:
            return False
        left.remove(found)
    return True


def matches_pattern(text: str, pattern: str) -> bool:
    """Whether all of `text` is what `pattern` says: `*` any run of characters, none included, `?` any one.

    Takes at most len(text) * len(pattern) steps.

    >>> matches_pattern("CHEST CT", "CH*C?"), matches_pattern("CHEST", "chest")
    (True, False)
    """
    at = index = 0
    star, resume = -1, 0
    while at < len(text):
        if index < len(pattern) and pattern[index] == "*":
            star, resume = index, at
            index += 1
        elif index < len(pattern) and pattern[index] in ("?", text[at]):
            at += 1
            index += 1
        elif star >= 0:
            resume += 1
            at, index = resume, star + 1
        else:
            return False
    return pattern[index:].strip("*") == ""


def _is_within(value: str, wanted: Range, minutes: int | None) -> bool:
    span = span_of(wanted.vr, value)
    if span is None:
        return False
    moment, low, high = span.first, wanted.low, wanted.high
    offset = span.offset_minutes if span.offset_minutes is not None else minutes
    if wanted.vr == "DT" and offset is not None and (wanted.low_utc or wanted.high_utc):
        in_utc = to_utc(moment, offset)
        return (in_utc if wanted.low_utc else moment) >= (wanted.low_utc or low) and (
            not high or (in_utc if wanted.high_utc else moment) <= (wanted.high_utc or high)
        )
    return low <= moment and (not high or moment <= high)


def _matches_moment(dataset: JsonDataset, wanted: Moment) -> bool:
    """By date and time; where the time is missing the event may have been at any time of its date."""
    dates = _texts(dataset.get(f"{wanted.date_path[-1]:08X}"))
    times = _texts(dataset.get(f"{wanted.time_path[-1]:08X}"))
    date = span_of("DA", dates[0]) if dates else None
    if date is None:
        return False
    time = span_of("TM", times[0]) if times else None
    earliest = date.first + (time.first if time is not None else FIRST_TIME)
    latest = date.first + (time.first if time is not None else LAST_TIME)
    return latest >= wanted.low and (not wanted.high or earliest <= wanted.high)


def _texts(element: JsonElement | None) -> list[str]:
    return [value for value in element.get("Value", []) if isinstance(value, str)] if element is not None else []
