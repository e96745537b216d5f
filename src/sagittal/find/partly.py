"""Studies and patients of which somebody may see a part: what is counted and gathered of them is of that part."""

from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Select, func, literal_column, select
from sqlalchemy.sql import ColumnElement

from sagittal.access.clauses import Condition, Flag
from sagittal.access.permits import Restriction, whole
from sagittal.archive.index import schema
from sagittal.archive.index.readers import AnyRow
from sagittal.archive.reader import ArchiveReader
from sagittal.find.levels import SHAPES
from sagittal.find.query import Level
from sagittal.runtime.actor import Actor


class Partly(NamedTuple):
    """How to tell what somebody sees of an entity.

    Attributes:
        is_whole: a condition on a row of the level: they see all of it.
        within: a condition on `studies` and `series`: what they see of the others.
        of_whole: values of the first.
        parameters: values of both.
    """

    is_whole: Condition
    within: Condition
    of_whole: dict[str, object]
    parameters: dict[str, object]


def partly(actor: Actor, level: Level, allowed: Restriction) -> Partly | None:
    """None at levels where what one sees is seen whole; `allowed` restricts `studies` and `series`."""
    if level not in {Level.PATIENT, Level.STUDY}:
        return None
    is_whole = whole(actor, "query", SHAPES[level].table.name)
    values = is_whole.parameters("whole")
    return Partly(is_whole.unbound("whole"), allowed.unbound("within"), values, values | allowed.parameters("within"))


@lru_cache(256)
def whole_column(is_whole: Condition) -> ColumnElement[int]:
    """The column that says so; made once for each clause, of which there are as many as kinds of actors."""
    return Flag(is_whole).label("is_whole")


async def in_part(archive: ArchiveReader, level: Level, part: Partly, rows: list[AnyRow], at: int) -> list[Any]:
    """The rows, with what is computed of those that are not seen whole; whether they are stands in column `at`.

    Any: rows of several columns.
    """
    ids = [row[-1] for row in rows if not row[at]]
    if not ids:
        return list(rows)
    found = {row[0]: tuple(row)[1:] for row in await archive.select(_counted(level, part, ids), part.parameters)}
    return [row if row[at] else _with(row, level, found.get(row[-1])) for row in rows]


def _counted(level: Level, part: Partly, ids: list[int]) -> Select[Any]:  # Any: as above
    studies, series, instances = schema.studies, schema.series, schema.instances
    source = studies.join(series, series.c.study == studies.c.id).join(instances, instances.c.series == series.c.id)
    numbers = (func.count(series.c.id.distinct()), func.count(instances.c.id))
    if level is Level.PATIENT:
        columns = (studies.c.patient, func.count(studies.c.id.distinct()), *numbers)
        return select(*columns).select_from(source).where(studies.c.patient.in_(ids), part.within).group_by(columns[0])
    gathered = (
        func.group_concat(literal_column("DISTINCT series.modality")),
        func.group_concat(literal_column("DISTINCT instances.sop_class_uid")),
    )
    columns_of_study = (studies.c.id, *gathered, *numbers)
    return (
        select(*columns_of_study).select_from(source).where(studies.c.id.in_(ids), part.within).group_by(studies.c.id)
    )


def _with(row: AnyRow, level: Level, computed: tuple[Any, ...] | None) -> tuple[Any, ...]:  # Any: as above
    count = len(SHAPES[level].computed)
    values = computed or (0,) * count
    said = ["\\".join(sorted(filter(None, one.split(",")))) if isinstance(one, str) else one for one in values]
    return (row[0], *said, *tuple(row)[1 + count :])
