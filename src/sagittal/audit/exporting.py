"""The ledger for others: as DICOM audit messages, and as a table."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Final

from sagittal.archive.records.records import RecordsReader
from sagittal.audit.line import Line
from sagittal.audit.message import Reporter, message_of, utc

_FIELDS: Final = Line.__struct_fields__
_TIMES: Final = {"at_ns": "at", "until_ns": "until"}
_BATCH: Final = 500
_AFTER: Final = f"SELECT {', '.join(_FIELDS)} FROM ledger WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608  # names of ours
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


async def lines_after(records: RecordsReader, seq: int, limit: int = _BATCH) -> tuple[Line, ...]:
    """At most `limit` chained lines beyond number `seq`, in order."""
    return tuple(Line(*row) for row in await records.fetch(_AFTER, (seq, limit)))


async def all_lines(records: RecordsReader, after: int = 0) -> AsyncIterator[Line]:
    """Every chained line beyond number `after`, in order."""
    while batch := await lines_after(records, after):
        for line in batch:
            yield line
        after = batch[-1].seq


async def as_messages(records: RecordsReader, reporter: Reporter, after: int = 0) -> AsyncIterator[bytes]:
    """Every line as a DICOM audit message (PS3.15 Section A.5), an XML document on a line of its own."""
    async for line in all_lines(records, after):
        yield message_of(line, reporter) + b"\n"


async def as_csv(records: RecordsReader, after: int = 0) -> AsyncIterator[bytes]:
    """Every line as a row of comma-separated values, after a row of names; times as text in UTC."""
    yield _row([_TIMES.get(field, field) for field in _FIELDS])
    async for line in all_lines(records, after):
        yield _row([utc(value) if field in _TIMES else str(value) for field, value in _values(line)])


def _values(line: Line) -> list[tuple[str, int]]:
    return [(field, getattr(line, field)) for field in _FIELDS]


def _row(cells: list[str]) -> bytes:
    """A row in which no cell is taken for a formula by a spreadsheet."""
    out = io.StringIO()
    csv.writer(out).writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells])
    return out.getvalue().encode()
