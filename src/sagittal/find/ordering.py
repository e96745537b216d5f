"""The order of answers, and where the next batch begins."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Float, Integer, Row, and_, cast, func, or_, tuple_
from sqlalchemy.sql import ColumnElement

from sagittal.dicom.registry import keyword_of, vr_of
from sagittal.errors import Unsupported
from sagittal.find.levels import SHAPES, column_of, has, levels_up
from sagittal.find.query import Level, Order

_FOLDED = {"patient_name": "name_folded", "referring_physician_name": "referring_folded"}
_NUMBER_VRS = frozenset({"DS", "IS"})


class Part(NamedTuple):
    """One expression of an order."""

    expression: ColumnElement[Any]  # Any: text or number
    is_falling: bool


def ordering(level: Level, wanted: Sequence[Order]) -> tuple[Part, ...]:
    """The whole order: what is wanted, then that of the level, which ends with the id, so that no two are equal.

    Raises:
        Unsupported: the index does not hold an attribute at the level or above it; names the attribute.
    """
    shape = SHAPES[level]
    own = tuple(Part(expression, shape.is_falling) for expression in shape.order)
    return (*(Part(_expression(level, order.tag), order.is_falling) for order in wanted), *own)


def _expression(level: Level, tag: int) -> ColumnElement[Any]:  # Any: text or number
    for one in levels_up(level):
        if not has(one, tag):
            continue
        column = column_of(one, tag)
        if column is None:
            member = func.json_extract(SHAPES[one].table.c.attributes, f'$."{tag:08X}".Value[0]')
            return func.coalesce(member, "")
        if vr_of(tag) in _NUMBER_VRS and not isinstance(column.type, Integer):
            return cast(column, Integer if vr_of(tag) == "IS" else Float)
        return column.table.c.get(_FOLDED.get(column.name, ""), column)
    name = keyword_of(tag) or f"{tag:08X}"
    raise Unsupported(f"{name} is not an attribute that answers at level {level} can be sorted by")


def beyond(parts: Sequence[Part], last: Row[Any]) -> ColumnElement[bool]:  # Any: columns of any type
    """That a row comes after `last`, whose final columns are the values of `parts`."""
    values = last[-len(parts) :]
    if len({part.is_falling for part in parts}) == 1:
        here, there = tuple_(*(part.expression for part in parts)), tuple_(*values)
        return here < there if parts[0].is_falling else here > there
    clauses = []
    for index, part in enumerate(parts):
        equal = [one.expression == value for one, value in zip(parts[:index], values, strict=False)]
        further = part.expression < values[index] if part.is_falling else part.expression > values[index]
        clauses.append(and_(*equal, further))
    return or_(*clauses)
