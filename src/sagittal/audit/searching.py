"""Who saw this patient? Lines by patient, study, actor, act, time and facility, newest first."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Table, literal, select

from sagittal.archive.records.ledger_tables import ledger, ledger_open
from sagittal.archive.records.records import RecordsReader
from sagittal.audit.line import Line

MAX_PAGE: Final = 10_000
_FIELDS: Final = Line.__struct_fields__


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for; what is `""` or None is not asked.

    Attributes:
        patient: keyed hash of the identity (`line.hash_of_patient`).
        since_ns, until_ns: the act still went on at the first or later, and had begun before the second.
        before_seq: lines before this one, for the next page.
    """

    patient: str = ""
    study_instance_uid: str = ""
    actor: str = ""
    kind: str = ""
    facility: str = ""
    since_ns: int | None = None
    until_ns: int | None = None
    before_seq: int | None = None


async def search(records: RecordsReader, wanted: Search, limit: int = 100) -> tuple[Line, ...]:
    """At most `limit` lines, newest first. Those that still count come first, with `seq` 0, on the first page."""
    most = max(0, min(limit, MAX_PAGE))
    found: list[Line] = []
    if wanted.before_seq is None:
        counting = select(*(_still_open(field) for field in _FIELDS)).where(*_conditions(wanted, ledger_open))
        rows = await records.select(counting.order_by(ledger_open.c.id.desc()).limit(most))
        found = [Line(*tuple(row)) for row in rows]
    closed = select(*(ledger.c[field] for field in _FIELDS)).where(*_conditions(wanted, ledger))
    if wanted.before_seq is not None:
        closed = closed.where(ledger.c.seq < wanted.before_seq)
    rows = await records.select(closed.order_by(ledger.c.seq.desc()).limit(most - len(found)))
    return (*found, *(Line(*tuple(row)) for row in rows))


def _still_open(field: str) -> ColumnElement[Any]:  # Any: columns of several types
    return literal(0).label(field) if field == "seq" else ledger_open.c[field]


def _conditions(wanted: Search, table: Table) -> Iterator[ColumnElement[bool]]:
    for field in ("patient", "study_instance_uid", "actor", "kind", "facility"):
        if value := getattr(wanted, field):
            yield table.c[field] == value
    if wanted.since_ns is not None:
        yield table.c.until_ns >= wanted.since_ns
    if wanted.until_ns is not None:
        yield table.c.at_ns < wanted.until_ns
