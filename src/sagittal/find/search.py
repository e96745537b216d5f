"""The room's verb: a question in, answers out, in batches, without holding them all."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Row, Select, and_, exists, func, select, tuple_
from sqlalchemy.sql import ColumnElement

from sagittal.archive.reader import ArchiveReader
from sagittal.dicom.json_model import JsonDataset
from sagittal.dicom.matching import Key, Match, Universal, matcher, parse
from sagittal.errors import Unsupported
from sagittal.find.answers import above_columns, found_of, own_columns
from sagittal.find.conditions import ALL, Condition, compile_match
from sagittal.find.levels import SHAPES, column_of, has, is_single, joined, levels_down, levels_up
from sagittal.find.query import Found, Level, Query
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline

BATCH = 200


class _Plan(NamedTuple):
    """`clauses` go to the index; what matches `checks` too is an answer."""

    clauses: tuple[ColumnElement[bool], ...]
    checks: tuple[Key, ...]


def unmatchable(level: Level, keys: Sequence[Key]) -> tuple[Key, ...]:
    """Those of `keys` that ask for something the index does not hold; asking for their value in return is harmless.

    Raises:
        Invalid: a key is malformed.
    """
    return tuple(key for key in keys if not isinstance(parse(key), Universal) and not _is_held(level, key))


async def find(archive: ArchiveReader, actor: Actor, query: Query, deadline: Deadline) -> AsyncGenerator[Found, None]:
    """Every entity at the level of `query` that matches all its keys, in the order of the level.

    Raises:
        Invalid: a key is malformed; names the attribute.
        Unsupported: a key asks for something the index does not hold; names the attribute.
        Exhausted: the deadline passed.
    """
    del actor  # becomes a condition of the query and a line in the ledger
    plan = _plan(query)
    matches = matcher(plan.checks, fuzzy=query.fuzzy, combined=query.combined) if plan.checks else None
    skip, left = query.offset, query.limit
    after: Row[Any] | None = None  # Any: the columns of the order, as they come
    while left is None or left > 0:
        statement = _batch(query.level, plan.clauses, after)
        if matches is None:
            statement = statement.limit(BATCH if left is None else min(BATCH, left)).offset(skip)
            skip = 0
        deadline.check("searching the index")
        async with deadline.timeout():
            rows = await archive.select(statement)
        for row in rows:
            found = found_of(query.level, row)
            if matches is not None and not matches(_dataset(found)):
                continue
            if skip:
                skip -= 1
                continue
            yield found
            left = None if left is None else left - 1
            if left == 0:
                return
        if len(rows) < BATCH:
            return
        after = rows[-1]


async def count(archive: ArchiveReader, actor: Actor, query: Query, deadline: Deadline) -> int | None:
    """How many entities match, without regard to limit and offset; None where only looking at each would tell."""
    del actor
    plan = _plan(query)
    if plan.checks:
        return None
    source = joined(query.level)
    deadline.check("counting")
    async with deadline.timeout():
        rows = await archive.select(select(func.count()).select_from(source).where(*plan.clauses))
    return int(rows[0][0])


def _dataset(found: Found) -> JsonDataset:
    dataset: JsonDataset = msgspec.json.decode(found.text())
    return dataset


def _plan(query: Query) -> _Plan:
    clauses: list[ColumnElement[bool]] = []
    checks: list[Key] = []
    for key in query.keys:
        match = parse(key, fuzzy=query.fuzzy)
        if isinstance(match, Universal):
            continue
        condition = _condition(query.level, key, match)
        is_part = query.combined and key.vr == "TM"  # of an instant: the time of day alone decides nothing
        clauses += [] if is_part else [condition.clause]
        checks += [] if condition.is_exact and not query.combined else [key]
    return _Plan(tuple(clauses), tuple(checks))


def _is_held(level: Level, key: Key) -> bool:
    tag = key.path[0]
    return any(has(one, tag) for one in levels_up(level)) or _below(level, key, parse(key)) is not None


def _condition(level: Level, key: Key, match: Match) -> Condition:
    """The condition for one key, wherever its attribute is kept.

    Raises:
        Unsupported: nowhere.
    """
    tag = key.path[0]
    for one in levels_up(level):
        if has(one, tag):
            column = column_of(one, tag)
            if column is None or len(key.path) > 1:
                return Condition(ALL.clause, False)
            return compile_match(column, match, is_single=is_single(tag))
    below = _below(level, key, match)
    if below is None:
        raise Unsupported(f"{key.name} is not an attribute that can be matched at level {level}")
    return Condition(below, True)


def _below(level: Level, key: Key, match: Match) -> ColumnElement[bool] | None:
    """That some entity below matches; None if the index cannot tell exactly."""
    for one in levels_down(level):
        column = column_of(one, key.path[0]) if len(key.path) == 1 else None
        if column is None:
            continue
        condition = compile_match(column, match, is_single=is_single(key.path[0]))
        if not condition.is_exact:
            return None
        return exists(_children(level, one).where(condition.clause))
    return None


def _children(level: Level, below: Level) -> Select[Any]:  # Any: an EXISTS has no columns to speak of
    shape = SHAPES[below]
    statement: Select[Any] = select(shape.table.c.id)
    while shape.parent is not None and shape.parent != level:
        above = SHAPES[shape.parent]
        statement = statement.join(above.table, shape.table.c[shape.link] == above.table.c.id)
        shape = above
    return statement.where(shape.table.c[shape.link] == SHAPES[level].table.c.id).correlate(SHAPES[level].table)


def _batch(
    level: Level, clauses: Sequence[ColumnElement[bool]], after: Row[Any] | None
) -> Select[Any]:  # Any: as above
    shape = SHAPES[level]
    order = [part.label(f"order_{index}") for index, part in enumerate(shape.order)]
    statement = select(*own_columns(level), *above_columns(level), *order).select_from(joined(level)).where(*clauses)
    if after is not None:
        last = tuple_(*after[-len(order) :])
        here = tuple_(*shape.order)
        statement = statement.where(and_(here < last if shape.is_falling else here > last))
    return statement.order_by(*(part.desc() if shape.is_falling else part for part in shape.order)).limit(BATCH)
