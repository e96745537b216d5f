"""The room's verb: a question in, answers out, in batches, without holding them all."""

import time
from collections.abc import AsyncGenerator, Hashable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Integer, Row, Select, and_, bindparam, exists, func, or_, select
from sqlalchemy.sql import ColumnElement

from sagittal.access.asking import ask
from sagittal.access.clauses import Condition as Restricting
from sagittal.access.clauses import condition as condition_of
from sagittal.access.permits import is_lasting
from sagittal.archive.index import schema
from sagittal.archive.index.named import Named
from sagittal.archive.index.readers import AnyRow
from sagittal.archive.reader import ArchiveReader
from sagittal.dicom.json_model import JsonDataset
from sagittal.dicom.matching import DATE_TIME_PAIRS, Key, Match, Universal, matcher, parse
from sagittal.errors import Exhausted, Unsupported
from sagittal.find.answers import AnswerMaker, above_columns, own_columns
from sagittal.find.conditions import ALL, Condition, compile_match
from sagittal.find.levels import MODALITIES_IN_STUDY, SHAPES, column_of, has, is_single, joined, levels_down, levels_up
from sagittal.find.named import Asked, Path, Resolved, resolve
from sagittal.find.named_values import conditions, members, wanted
from sagittal.find.ordering import Part, beyond, ordering
from sagittal.find.partly import Partly, in_part, partly, whole_column
from sagittal.find.query import Found, Level, Order, Query
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline

BATCH = 200
_SHARES_END_WITHIN_S = 10.0  # as long a kept answer may hold beyond the end of a share
_UID_PATHS = frozenset({(0x0020000D,), (0x0020000E,), (0x00080018,)})
MAX_COUNT = 10_000
"""Where counting stops: beyond it a count would cost more than the search it belongs to."""


class _Plan(NamedTuple):
    """`clauses` go to the index; what matches `checks` too is an answer, which gets what is `asked` as well.

    `is_gathered`: they ask about what is gathered from below, of which the actor may see a part.
    """

    clauses: tuple[ColumnElement[bool], ...]
    checks: tuple[Key, ...]
    asked: tuple[Asked, ...] = ()
    parameters: Mapping[str, object] = {}  # never changed
    part: Partly | None = None
    is_gathered: bool = False


def unmatchable(archive: ArchiveReader, level: Level, keys: Sequence[Key]) -> tuple[Key, ...]:
    """Those of `keys` that ask for something the index does not hold; asking for their value in return is harmless.

    Raises:
        Invalid: a key is malformed.
    """
    keys = resolve(archive.named, keys).others
    return tuple(key for key in keys if _is_unmatchable(level, key))


def _is_unmatchable(level: Level, key: Key) -> bool:
    if key.unread:  # private, and nobody here knows its VR
        return True
    return not isinstance(parse(key), Universal) and not _is_held(level, key)


async def find(archive: ArchiveReader, actor: Actor, query: Query, deadline: Deadline) -> AsyncGenerator[Found, None]:
    """Every entity at the level of `query` that matches all its keys, in the order of the level.

    Raises:
        Invalid: a key is malformed; names the attribute.
        Unsupported: a key asks for something the index does not hold; names the attribute.
        Exhausted: the deadline passed, or an attribute that the site has named is not indexed over all instances yet.
    """
    async for batch in find_batches(archive, actor, query, deadline):
        for found in batch:
            yield found


async def find_batches(
    archive: ArchiveReader, actor: Actor, query: Query, deadline: Deadline
) -> AsyncGenerator[list[Found], None]:
    """What `find` gives, several at a time: as many as one look into the index brought."""
    plan = _allowed_plan(archive, actor, query)
    await told(archive, actor, query)
    order = ordering(query.level, query.order)
    skeleton = _skeleton(query.level, query.order, plan.part.is_whole if plan.part is not None else None)
    matches = matcher(plan.checks, fuzzy=query.fuzzy, combined=query.combined) if plan.checks else None
    make = AnswerMaker(query.level)
    skip, left = query.offset, query.limit
    after: Row[Any] | None = None  # Any: the columns of the order, as they come
    while left is None or left > 0:
        statement = _batch(plan, skeleton, order, after)
        values = {**plan.parameters, "most": BATCH, "skipped": 0}
        if matches is None:
            values |= {"most": BATCH if left is None else min(BATCH, left), "skipped": skip}
            skip = 0
        deadline.check("searching the index")
        async with deadline.timeout():
            rows = await archive.select(statement, values)
            shown = rows if plan.part is None else await in_part(archive, query.level, plan.part, rows, make.width)
        batch = [make.found(row) for row in shown]
        if plan.asked:
            batch = await _with_named(archive, query.level, plan, rows, batch, make.width)
        if matches is not None:
            batch = [found for found in batch if matches(_dataset(found))]
            passed = min(skip, len(batch))
            batch, skip = batch[passed:], skip - passed
        if left is not None:
            batch = batch[:left]
            left -= len(batch)
        if batch:
            yield batch
        if len(rows) < BATCH:
            return
        after = rows[-1]


async def count(archive: ArchiveReader, actor: Actor, query: Query, deadline: Deadline) -> int | None:
    """How many entities match, without regard to limit and offset, but at most MAX_COUNT + 1.

    None where only looking at each would tell.
    """
    plan = _allowed_plan(archive, actor, query)
    if plan.checks:
        return None
    some = select(SHAPES[query.level].table.c.id).select_from(joined(query.level)).where(*plan.clauses)
    deadline.check("counting")
    async with deadline.timeout():
        statement = select(func.count()).select_from(some.limit(MAX_COUNT + 1).subquery())
        rows = await archive.select(statement, plan.parameters)
    return int(rows[0][0])


async def told(archive: ArchiveReader, actor: Actor, query: Query) -> None:
    """Tells the ledger what is asked for, by the names of the keys that are matched; never by their values."""
    asked = [key.name for key in query.keys if any(key.values)]
    await archive.witness.queried(actor, query.level.value, asked)


def _allowed_plan(archive: ArchiveReader, actor: Actor, query: Query) -> _Plan:
    """The plan of a query with what the policy leaves of it: within the query, so that counts and pages are right."""
    has_series = query.level in {Level.SERIES, Level.IMAGE}
    allowed = ask(archive.witness, actor, "query", has_series=has_series)
    if allowed is None:
        return _plan(archive.named, query)
    part = partly(actor, query.level, allowed if has_series else ask(archive.witness, actor, "query") or allowed)
    plan = _plan(archive.named, query, part)
    parameters = allowed.parameters()
    if part is not None:
        parameters |= part.parameters if plan.is_gathered else part.of_whole
    return plan._replace(clauses=(*plan.clauses, _clause(query.level, allowed.sql)), parameters=parameters, part=part)


@lru_cache(1024)
def _clause(level: Level, sql: str) -> ColumnElement[bool]:
    """The condition of a restriction on rows of a level."""
    clause: ColumnElement[bool] = condition_of(sql, "allowed")
    if level is not Level.PATIENT:
        return clause
    theirs = schema.studies.c.patient == schema.patients.c.id
    return exists(select(schema.studies.c.id).where(theirs, clause).correlate(schema.patients))


def standing(archive: ArchiveReader, actor: Actor) -> Hashable:
    """What the answers to an actor stand on: where this is equal to what it was, a question has the answer it had.

    To be asked before each question whose answer may be kept, and again before a kept one is given.
    """
    who, does_last = _whose(actor)
    soon = 0 if does_last else int(time.monotonic() / _SHARES_END_WITHIN_S)  # shares end by themselves
    return who, archive.version(), archive.named, soon


@lru_cache(1024)
def _whose(actor: Actor) -> tuple[Actor, bool]:
    """What of an actor answers depend on, and whether they do on nothing that ends by itself."""
    return msgspec.structs.replace(actor, called="", address="", session=""), is_lasting(actor, "query")


def is_held_at(level: Level, tag: int) -> bool:
    """Whether the index holds an attribute at the level itself or at one above, so that every answer has it."""
    return any(has(one, tag) for one in levels_up(level))


def _dataset(found: Found) -> JsonDataset:
    dataset: JsonDataset = msgspec.json.decode(found.text())
    return dataset


def given(archive: ArchiveReader, keys: Sequence[Key], included: Iterable[tuple[int, ...]] = ()) -> frozenset[Path]:
    """Those of the paths of `keys` and `included` that answers have from the index because the site has named them."""
    return resolve(archive.named, keys, included).given


async def _with_named(
    archive: ArchiveReader, level: Level, plan: _Plan, rows: Sequence[AnyRow], batch: list[Found], at: int
) -> list[Found]:
    """The answers of `rows` with what is asked of named attributes, but those that the level has anyway."""
    further = [one for one in plan.asked if not is_held_at(level, one.path[0])]
    in_full = [row[-1] for row in rows if plan.part is None or row[at]]
    named = await members(archive, level, in_full, further)
    if plan.part is not None and len(in_full) < len(rows):
        others = [row[-1] for row in rows if not row[at]]
        named |= await members(archive, level, others, further, plan.part)
    return [
        found._replace(own=f"{found.own},{more}" if found.own else more) if (more := named.get(row[-1])) else found
        for row, found in zip(rows, batch, strict=True)
    ]


def _plan(named: Named, query: Query, part: Partly | None = None) -> _Plan:
    resolved = resolve(named, query.keys, query.included)
    mine, others = _sorted_out(query, resolved)
    clauses: list[ColumnElement[bool]] = []
    checks: list[Key] = []
    for key in others:
        match = parse(key, fuzzy=query.fuzzy)
        if isinstance(match, Universal):
            continue
        condition = _condition(query.level, key, match, part)
        is_part = query.combined and key.vr == "TM"  # of an instant: the time of day alone decides nothing
        clauses += [] if is_part else [condition.clause]
        checks += [] if condition.is_exact and not query.combined else [key]
    is_narrow = any(key.path in _UID_PATHS and any(key.values) for key in query.keys)
    within = part.within if part is not None else None
    clauses += conditions(query.level, wanted(mine, combined=query.combined), is_narrow=is_narrow, within=within)
    gathered = bool(mine) or any(not _is_own(query.level, key) for key in others)
    return _Plan(tuple(clauses), tuple(checks), tuple(resolved.asked.values()), is_gathered=gathered)


def _is_own(level: Level, key: Key) -> bool:
    """Whether a key is about the level's own rows or those above, and nothing that is computed from below."""
    tag = key.path[0]
    return any(has(one, tag) and tag not in SHAPES[one].computed for one in levels_up(level))


def _sorted_out(query: Query, resolved: Resolved) -> tuple[list[tuple[Key, Match, Asked]], tuple[Key, ...]]:
    """The keys that are matched by the values of named attributes, and those that the levels' own rows decide.

    Raises:
        Exhausted: a named attribute is not indexed over all instances yet, and nothing else decides.
    """
    mine: list[tuple[Key, Match, Asked]] = []
    others = list(resolved.others)
    partners = {key.path for key in others} if query.combined else set()
    for key in resolved.keys:
        match, asked = parse(key, fuzzy=query.fuzzy), resolved.asked[key.path]
        if isinstance(match, Universal):
            continue
        time = (
            DATE_TIME_PAIRS.get(key.path[-1], 0),
            *(date for date, at in DATE_TIME_PAIRS.items() if at == key.path[-1]),
        )
        is_half = any((*key.path[:-1], tag) in partners for tag in time)
        attribute = asked.attribute
        if _has_column(query.level, key) or ((is_half or not attribute.is_ready) and _is_held(query.level, key)):
            others.append(key)
        elif attribute.is_ready:
            mine.append((key, match, asked))
        else:
            raise Exhausted(f"{attribute.done} of {attribute.of} instances are indexed by {attribute.path.name} so far")
    return mine, tuple(others)


def _has_column(level: Level, key: Key) -> bool:
    return len(key.path) == 1 and any(column_of(one, key.path[0]) is not None for one in levels_up(level))


def _is_held(level: Level, key: Key) -> bool:
    tag = key.path[0]
    return any(has(one, tag) for one in levels_up(level)) or _below(level, key, parse(key)) is not None


def _condition(level: Level, key: Key, match: Match, part: Partly | None = None) -> Condition:
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
            condition = compile_match(column, match, is_single=is_single(tag))
            is_gathered = part is not None and tag in SHAPES[level].computed
            return _of_part(level, tag, match, condition, part) if part is not None and is_gathered else condition
    below = _below(level, key, match, part)
    if below is None:
        raise Unsupported(f"{key.name} is not an attribute that can be matched at level {level}")
    return Condition(below, True)


def _of_part(level: Level, tag: int, match: Match, condition: Condition, part: Partly) -> Condition:
    """A condition on what is gathered from below, for entities of which not all is seen: Modalities in Study alone."""
    clause = and_(condition.clause, part.is_whole)
    if level is Level.STUDY and tag == MODALITIES_IN_STUDY:
        one = compile_match(schema.series.c.modality, match, is_single=True)
        clause = or_(clause, exists(_children(level, Level.SERIES).where(one.clause, part.within)))
    return Condition(clause, condition.is_exact)


def _below(level: Level, key: Key, match: Match, part: Partly | None = None) -> ColumnElement[bool] | None:
    """That some entity below matches; None if the index cannot tell exactly."""
    for one in levels_down(level):
        column = column_of(one, key.path[0]) if len(key.path) == 1 else None
        if column is None:
            continue
        condition = compile_match(column, match, is_single=is_single(key.path[0]))
        if not condition.is_exact:
            return None
        within = [part.within] if part is not None else []
        return exists(_children(level, one).where(condition.clause, *within))
    return None


def _children(level: Level, below: Level) -> Select[Any]:  # Any: an EXISTS has no columns to speak of
    shape = SHAPES[below]
    statement: Select[Any] = select(shape.table.c.id)
    while shape.parent is not None and shape.parent != level:
        above = SHAPES[shape.parent]
        statement = statement.join(above.table, shape.table.c[shape.link] == above.table.c.id)
        shape = above
    return statement.where(shape.table.c[shape.link] == SHAPES[level].table.c.id).correlate(SHAPES[level].table)


def _batch(plan: _Plan, skeleton: Select[Any], order: Sequence[Part], after: Row[Any] | None) -> Select[Any]:
    """The statement of a batch that begins after a row. Any: the columns of a level, as they come."""
    further = (beyond(order, after),) if after is not None else ()
    return skeleton.where(*plan.clauses, *further)


@lru_cache(512)
def _skeleton(level: Level, wanted: tuple[Order, ...], is_whole: Restricting | None) -> Select[Any]:  # Any: as above
    """What all batches of an order have in common; `most` and `skipped` are given when it is executed.

    To put it together costs as much as to execute it.
    """
    order = ordering(level, wanted)
    labelled = [part.expression.label(f"order_{index}") for index, part in enumerate(order)]
    told_whole = [whole_column(is_whole)] if is_whole is not None else []
    statement = select(*own_columns(level), *above_columns(level), *told_whole, *labelled).select_from(joined(level))
    by = (part.expression.desc() if part.is_falling else part.expression for part in order)
    most, skipped = bindparam("most", type_=Integer), bindparam("skipped", type_=Integer)
    return statement.order_by(*by).limit(most).offset(skipped)
