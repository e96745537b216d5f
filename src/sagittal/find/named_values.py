"""Conditions on the values of named attributes, and these values in answers.

At the level of instances a key is compared with the instance's own values. Above it a key matches if some instance
below does. Keys inside one sequence have to be matched by one and the same item (PS3.4 Section C.2.2.2.6).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias, assert_never

import msgspec
from sqlalchemy import Column, Select, and_, case, exists, func, literal, or_, select, true
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.sql.selectable import NamedFromClause

from sagittal.archive.index import schema
from sagittal.archive.reader import ArchiveReader
from sagittal.dicom.json_model import JsonDataset, JsonElement, JsonValue
from sagittal.dicom.matching import (
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
    number_text,
)
from sagittal.dicom.matching.moments import FIRST_TIME, LAST_TIME
from sagittal.find.conditions import compile_match
from sagittal.find.levels import SHAPES
from sagittal.find.named import Asked, Path
from sagittal.find.partly import Partly
from sagittal.find.query import Level

_VALUES = schema.attribute_values
_DIGIT = "0"  # what every moment begins with, at least
_ITEM_DIGITS = 4

Rows: TypeAlias = NamedFromClause[ReadOnlyColumnCollection[str, Column[Any]]]  # Any: columns of several types
"""Rows of `attribute_values` under a name of their own."""

Compare = Callable[[Rows], list[ColumnElement[bool]]]


class Wanted(NamedTuple):
    """A condition on one named attribute.

    Attributes:
        compare: conditions on a row of its values, of which one is to hold.
        is_met_by_none: no value at all meets it too.
    """

    asked: Asked
    compare: Compare
    is_met_by_none: bool


def wanted(keys: Sequence[tuple[Key, Match, Asked]], *, combined: bool) -> list[Wanted]:
    """The conditions that keys of named attributes put; `combined`: a date and its time are one range."""
    left = {key.path: (key, match, asked) for key, match, asked in keys if not isinstance(match, Universal)}
    found = []
    for path, (key, match, asked) in tuple(left.items()):
        time = left.get((*path[:-1], DATE_TIME_PAIRS.get(path[-1], 0))) if combined else None
        moment = combine(key, match, *time[:2]) if time is not None else None
        if time is not None and moment is not None:
            found.append(Wanted(asked, _at(moment, time[2].attribute.id), False))
            del left[path], left[time[0].path]
    return found + [Wanted(asked, _comparing(match), _is_met_by_none(match)) for _, match, asked in left.values()]


def conditions(
    level: Level, all_wanted: Iterable[Wanted], *, is_narrow: bool, within: ColumnElement[bool] | None = None
) -> list[ColumnElement[bool]]:
    """Conditions on rows of the level.

    Args:
        level: of the answers.
        all_wanted: all are to hold.
        is_narrow: other conditions leave few rows, of which it is better to look at each than to gather all that match.
        within: what of the series below counts.
    """
    groups: dict[Path, list[Wanted]] = {}
    for one in all_wanted:
        path = one.asked.path
        groups.setdefault(path[:1] if len(path) > 1 else (*path, 0), []).append(one)
    narrow = is_narrow or within is not None
    return [_condition(level, group, is_narrow=narrow, within=within) for group in groups.values()]


def _condition(
    level: Level, group: Sequence[Wanted], *, is_narrow: bool, within: ColumnElement[bool] | None
) -> ColumnElement[bool]:
    met = _joined_values(group, by_instance=is_narrow)
    link, statement = _up(level, met)
    if within is not None:
        statement = statement.where(within)
    row = SHAPES[level].table.c.id
    holds: ColumnElement[bool]
    if is_narrow:
        holds = exists(statement.where(link == row).correlate(SHAPES[level].table))
    else:
        holds = row.in_(statement.with_only_columns(link).correlate(None))
    return or_(holds, _without(level, group, within)) if all(one.is_met_by_none for one in group) else holds


def _joined_values(group: Sequence[Wanted], *, by_instance: bool) -> Select[Any]:  # Any: chosen later
    """Rows of values that meet the conditions, side by side, each in the item that is that of the others.

    `by_instance`: they are looked up for instances that are found otherwise.
    """
    rows = [_VALUES.alias(f"value_{index}") for index in range(len(group))]
    statement: Select[Any] = select(rows[0].c.instance).select_from(rows[0])
    for index, (row, one) in enumerate(zip(rows, group, strict=True)):
        clauses = [_compared_as(row, one, by_instance=by_instance)]
        for other, earlier in zip(rows[:index], group, strict=False):
            shared = _shared(one.asked.path, earlier.asked.path) * _ITEM_DIGITS
            same = func.substr(row.c["items"], 1, shared) == func.substr(other.c["items"], 1, shared)
            clauses += [row.c.instance == other.c.instance, same]
        statement = statement.join(row, and_(*clauses)) if index else statement.where(*clauses)
    return statement


def _compared_as(row: Rows, one: Wanted, *, by_instance: bool) -> ColumnElement[bool]:
    attribute = one.asked.attribute.id
    if by_instance:
        return and_(_no_way_in(row.c.attribute) == attribute, or_(*one.compare(row)))
    # Several conditions may have an index each: SQLite takes them if each says by itself which attribute it is about.
    return or_(*(and_(row.c.attribute == attribute, condition) for condition in one.compare(row)))


def _no_way_in(column: Column[int]) -> ColumnElement[int]:
    """The column, such that SQLite does not choose to begin with the index of all that have this value."""
    return column + 0


def _shared(one: Path, other: Path) -> int:
    """How many sequences two paths go into together."""
    count = 0
    for tag, same in zip(one[:-1], other[:-1], strict=False):
        if tag != same:
            break
        count += 1
    return count


def _up(level: Level, values: Select[Any]) -> tuple[ColumnElement[Any], Select[Any]]:  # Any: as above
    """The statement joined up to below the level, and the column of it that names the level's row."""
    instance = values.selected_columns[0]
    if level is Level.IMAGE:
        return instance, values
    instances, series, studies = schema.instances, schema.series, schema.studies
    values = values.join(instances, instances.c.id == instance)
    if level is Level.SERIES:
        return instances.c.series, values
    values = values.join(series, series.c.id == instances.c.series)
    if level is Level.STUDY:
        return series.c.study, values
    return studies.c.patient, values.join(studies, studies.c.id == series.c.study)


def _without(level: Level, group: Sequence[Wanted], within: ColumnElement[bool] | None) -> ColumnElement[bool]:
    """That an instance has nothing of the attributes."""
    ids = [one.asked.attribute.id for one in group]
    if level is Level.IMAGE:
        return _has_none(schema.instances.c.id, ids)
    instance = schema.instances.alias("without")
    link, statement = _up(level, select(instance.c.id))
    if within is not None:
        statement = statement.where(within)
    return exists(
        statement.where(_has_none(instance.c.id, ids), link == SHAPES[level].table.c.id).correlate(SHAPES[level].table)
    )


def _has_none(instance: ColumnElement[int], attributes: Sequence[int]) -> ColumnElement[bool]:
    any_value = _VALUES.alias("any_value")
    return ~exists(
        select(any_value.c.instance).where(any_value.c.instance == instance, any_value.c.attribute.in_(attributes))
    )


def _is_met_by_none(match: Match) -> bool:
    return any(map(_is_met_by_none, match.matches)) if isinstance(match, AnyOf) else isinstance(match, Empty)


def _comparing(match: Match) -> Compare:
    return lambda row: _alternatives(row, match)


def _alternatives(row: Rows, match: Match) -> list[ColumnElement[bool]]:
    if isinstance(match, AnyOf):
        return [condition for one in match.matches for condition in _alternatives(row, one)]
    if isinstance(match, Name) and len(match.groups) == 1:
        return [_like(group, match.groups[0]) for group in (row.c.text, row.c.ideographic, row.c.phonetic)]
    return [_compared(row, match)]


def _compared(row: Rows, match: Match) -> ColumnElement[bool]:
    """The same in one condition."""
    text = row.c.text
    match match:
        case Universal():
            return true()
        case Empty():
            return text.is_(None)
        case AnyOf():
            return or_(*_alternatives(row, match))
        case Number(value=number):
            return text == number_text(str(number))
        case Name():
            return _named(row, match)
        case Range():
            return _within(row, match)
        case Single() | Wildcard() | UidList():
            return and_(text.is_not(None), compile_match(text, match, is_single=True).clause)
        case _:
            assert_never(match)


def _named(row: Rows, wanted: Name) -> ColumnElement[bool]:
    groups = (row.c.text, row.c.ideographic, row.c.phonetic)
    if wanted.groups:
        pairs = zip(groups, wanted.groups, strict=False)
        return and_(row.c.text.is_not(None), *(_like(group, pattern) for group, pattern in pairs if pattern))
    return and_(row.c.text.is_not(None), *(_has_words(row.c.words, word, wanted.words) for word in wanted.words))


def _like(folded: Column[str], pattern: str) -> ColumnElement[bool]:
    return and_(folded != "", compile_match(folded, Wildcard(pattern), is_single=True).clause)


def _has_words(words: ColumnElement[str], word: str, all_words: Sequence[str]) -> ColumnElement[bool]:
    """That as many words of the name begin with `word` as are wanted to.

    Beginnings are nested or apart, so that, if this holds for each wanted word, each has a word of its own.
    """
    beginning = f" {word}"
    count = sum(one.startswith(word) for one in all_words)
    without = func.length(func.replace(words, beginning, ""))
    return func.length(words) - without >= count * len(beginning)


def _within(row: Rows, wanted: Range) -> ColumnElement[bool]:
    text, low, high = row.c.text, wanted.low, wanted.high
    here = and_(text >= max(low, _DIGIT), text <= high) if high else text >= max(low, _DIGIT)
    if wanted.vr != "DT" or not (wanted.low_utc or wanted.high_utc):
        return here
    begins = row.c.utc >= wanted.low_utc if wanted.low_utc else text >= max(low, _DIGIT)
    ends = row.c.utc <= wanted.high_utc if wanted.high_utc else (text <= high if high else true())
    return case((row.c.utc != "", and_(begins, ends)), else_=here)


def _at(moment: Moment, time_attribute: int) -> Compare:
    """A date with the time beside it; where the time is missing it may have been at any time of the date."""

    def compare(row: Rows) -> list[ColumnElement[bool]]:
        times = _VALUES.alias("time_of_date")
        time = (
            select(times.c.text)
            .where(
                times.c.attribute == time_attribute,
                times.c.instance == row.c.instance,
                times.c["items"] == row.c["items"],
                times.c.place == 0,
                times.c.text >= _DIGIT,
            )
            .correlate(row)
            .scalar_subquery()
        )
        latest = row.c.text.concat(func.coalesce(time, literal(LAST_TIME)))
        earliest = row.c.text.concat(func.coalesce(time, literal(FIRST_TIME)))
        ends = [earliest <= moment.high] if moment.high else []
        return [and_(row.c.place == 0, row.c.text >= _DIGIT, latest >= moment.low, *ends)]

    return compare


class _Agreed(NamedTuple):
    """What instances say at one place of an attribute: the least and the greatest value, and how many say something."""

    items: str
    place: int
    least: str | None
    most: str | None
    times: int


async def members(
    archive: ArchiveReader,
    level: Level,
    rows: Sequence[int],
    all_asked: Iterable[Asked],
    part: Partly | None = None,
) -> dict[int, str]:
    """By row of the level what its answer has of named attributes, as members of a DICOM JSON object.

    Above the instances it is what all of those below that have the attribute agree on; of those within `part`.
    """
    by_id = {asked.attribute.id: asked for asked in all_asked if asked.attribute.is_ready}
    if not by_id or not rows:
        return {}
    value = _VALUES.alias("value")
    link, statement = _up(level, select(value.c.instance))
    place = (value.c.attribute, value.c["items"], value.c.place)
    said = (func.min(value.c.value), func.max(value.c.value), func.count())
    is_asked = _no_way_in(value.c.attribute).in_(by_id)
    statement = statement.with_only_columns(link, *place, *said).where(is_asked, link.in_(rows))
    found: dict[tuple[int, ...], list[_Agreed]] = {}
    if part is not None and level is Level.STUDY:
        statement = statement.join(schema.studies, schema.studies.c.id == schema.series.c.study)
    if part is not None:
        statement = statement.where(part.within)
    statement = statement.group_by(link, *place).order_by(link, *place)
    for row in await archive.select(statement, part.parameters if part is not None else None):
        columns: tuple[Any, ...] = tuple(row)  # Any: columns of several types
        found.setdefault(columns[:2], []).append(_Agreed(*columns[2:]))
    answers: dict[int, JsonDataset] = {}
    for (entity, attribute), values in found.items():
        if all(one.least == one.most for one in values) and len({one.times for one in values}) == 1:
            for one in values:
                _put(answers.setdefault(entity, {}), by_id[attribute], one)
    return {entity: msgspec.json.encode(answer).decode()[1:-1] for entity, answer in answers.items()}


def _put(answer: JsonDataset, asked: Asked, said: _Agreed) -> None:
    """Puts one value where it stands in a data set."""
    creators = dict(asked.creators)
    for depth, tag in enumerate(asked.path):
        creator = creators.get((*asked.path[:depth], tag & 0xFFFF0000 | tag >> 8 & 0xFF))
        if creator is not None:
            answer[f"{tag & 0xFFFF0000 | tag >> 8 & 0xFF:08X}"] = {"vr": "LO", "Value": [creator]}
        is_last = depth == len(asked.path) - 1
        element: JsonElement = answer.setdefault(f"{tag:08X}", {"vr": asked.attribute.path.vr if is_last else "SQ"})
        if is_last:
            if said.least is not None:
                _at_place(element, said.place, msgspec.json.decode(said.least))
            return
        item = said.items[depth * _ITEM_DIGITS : (depth + 1) * _ITEM_DIGITS]
        if not item:
            return
        answer = _item(element, int(item))


def _item(element: JsonElement, index: int) -> JsonDataset:
    items = element.setdefault("Value", [])
    while len(items) <= index:
        items.append({})
    return items[index]  # type: ignore[return-value]  # the dictionaries of an SQ are data sets: JsonValue cannot say so


def _at_place(element: JsonElement, place: int, value: JsonValue) -> None:
    values = element.setdefault("Value", [])
    while len(values) <= place:
        values.append(None)
    values[place] = value
