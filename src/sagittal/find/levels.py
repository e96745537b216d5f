"""Which table holds which attribute at which level, and what is computed on the way out."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Column, Integer, Table, cast
from sqlalchemy.sql import ColumnElement, FromClause

from sagittal.archive.index import attributes, schema
from sagittal.dicom.registry import keyword_of, vm_of
from sagittal.find.query import Level

MODALITIES_IN_STUDY = 0x00080061
SOP_CLASSES_IN_STUDY = 0x00080062

_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Shape(NamedTuple):
    """A level of the index.

    Attributes:
        table: its rows.
        tags: what its DICOM JSON may hold.
        computed: tag to column, for what is kept apart from the JSON.
        parent: the level above; None at the top. A study carries its patient's attributes itself.
        link: column that names the row above.
        order: expressions that fix the order of answers, all rising or all falling, ending with the id.
        is_falling: the order is newest first.
    """

    table: Table
    tags: attributes.Attributes
    computed: Mapping[int, str]
    parent: Level | None
    link: str
    order: tuple[ColumnElement[object], ...]
    is_falling: bool = False


def _number(column: Column[str]) -> ColumnElement[object]:
    return cast(column, Integer)


SHAPES: Mapping[Level, Shape] = {
    Level.PATIENT: Shape(
        schema.patients,
        attributes.PATIENT,
        {0x00201200: "studies", 0x00201202: "series", 0x00201204: "instances"},
        None,
        "",
        (schema.patients.c.name_folded, schema.patients.c.id),
    ),
    Level.STUDY: Shape(
        schema.studies,
        attributes.STUDY,
        {
            MODALITIES_IN_STUDY: "modalities",
            SOP_CLASSES_IN_STUDY: "sop_classes",
            0x00201206: "series",
            0x00201208: "instances",
        },
        None,
        "",
        (schema.studies.c.study_date, schema.studies.c.id),
        is_falling=True,
    ),
    Level.SERIES: Shape(
        schema.series,
        attributes.SERIES,
        {0x00201209: "instances"},
        Level.STUDY,
        "study",
        (schema.series.c.study, _number(schema.series.c.series_number), schema.series.c.id),
    ),
    Level.IMAGE: Shape(
        schema.instances,
        attributes.INSTANCE,
        {0x00083002: "transfer_syntax_uid"},
        Level.SERIES,
        "series",
        (schema.instances.c.series, _number(schema.instances.c.instance_number), schema.instances.c.id),
    ),
}

_CHILD = {Level.STUDY: Level.SERIES, Level.SERIES: Level.IMAGE}


def levels_up(level: Level) -> tuple[Level, ...]:
    """The level and those above it, nearest first."""
    parent = SHAPES[level].parent
    return (level, *levels_up(parent)) if parent else (level,)


def levels_down(level: Level) -> tuple[Level, ...]:
    """Those below the level, nearest first."""
    child = _CHILD.get(level)
    return (child, *levels_down(child)) if child else ()


def joined(level: Level) -> FromClause:
    """The table of a level, joined with those above it."""
    shape = SHAPES[level]
    source: FromClause = shape.table
    while shape.parent is not None:
        above = SHAPES[shape.parent]
        source = source.join(above.table, shape.table.c[shape.link] == above.table.c.id)
        shape = above
    return source


def column_of(level: Level, tag: int) -> Column[str] | None:
    """The column that holds an attribute of the level as text; None if only its JSON does, or nothing."""
    shape = SHAPES[level]
    name = shape.computed.get(tag)
    if name is None and tag in shape.tags:
        name = shape.tags[tag] or _CAPITAL.sub("_", keyword_of(tag)).lower()
    return shape.table.c.get(name) if name else None


def has(level: Level, tag: int) -> bool:
    """Whether the index holds the attribute at the level, in a column or in its JSON."""
    shape = SHAPES[level]
    return tag in shape.tags or tag in shape.computed


def is_single(tag: int) -> bool:
    """Whether the attribute has at most one value (PS3.6), so that its column is that value."""
    return vm_of(tag) == "1"
