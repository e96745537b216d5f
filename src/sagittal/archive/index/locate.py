"""Where instances lie."""

import functools
from collections.abc import Sequence
from typing import Any

from sagittal.archive.model import Event, StoredInstance

_FIELDS = StoredInstance.__struct_fields__
_EVENT_FIELDS = Event.__struct_fields__
_COLUMNS: dict[str, str] = {
    "study_instance_uid": "studies.study_instance_uid",
    "series_instance_uid": "series.series_instance_uid",
    "pack_id": "instances.pack",
}


@functools.lru_cache(512)
def locate_sql(by_study: bool, by_series: bool, by_instance: bool, allowed: str = "") -> str:
    """The query for instances of a study, a series and an instance, as many of these as are given, in that order.

    Args:
        by_study, by_series, by_instance: which are given.
        allowed: a further condition over `studies` and `series`, whose values come last.
    """
    columns = ", ".join(_COLUMNS.get(field, f"instances.{field}") for field in _FIELDS)
    given = (
        (by_study, "studies.study_instance_uid = ?"),
        (by_series, "series.series_instance_uid = ?"),
        (by_instance, "instances.sop_instance_uid = ?"),
    )
    conditions = " AND ".join([*(one for is_given, one in given if is_given), *([allowed] if allowed else [])])
    order = "series.series_instance_uid, CAST(instances.instance_number AS INTEGER), instances.id"
    return (
        f"SELECT {columns} FROM instances JOIN series ON series.id = instances.series"  # noqa: S608  # names of ours
        f" JOIN studies ON studies.id = series.study WHERE {conditions} ORDER BY {order}"
    )


def instance_from(row: Sequence[Any]) -> StoredInstance:
    """The instance in a row of `locate_sql`."""
    values: dict[str, Any] = dict(zip(_FIELDS, row, strict=True))  # Any: columns of several types
    values["is_corrupt"] = bool(values["is_corrupt"])
    return StoredInstance(**values)


EVENTS_SQL = f"SELECT {', '.join(_EVENT_FIELDS)} FROM events WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608  # names of ours
NEWEST_EVENT_SQL = "SELECT coalesce(max(seq), 0) FROM events"


def event_from(row: Sequence[Any]) -> Event:
    """The event in a row of `EVENTS_SQL`."""
    return Event(**dict(zip(_EVENT_FIELDS, row, strict=True)))
