"""Lines into the ledger, within a transaction of the records."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection

from sagittal.audit.line import GENESIS, Act, Line, hash_of, line_of
from sagittal.audit.windows import Window

_FIELDS: Final = Line.__struct_fields__
_INSERT: Final = f"INSERT INTO ledger ({', '.join(_FIELDS)}, hash) VALUES ({', '.join('?' * (len(_FIELDS) + 1))})"  # noqa: S608  # names of ours
_HEAD: Final = "SELECT seq, hash FROM ledger ORDER BY seq DESC LIMIT 1"
_MARK: Final = (
    "INSERT INTO ledger_marks (reader, seq) VALUES (?, ?) ON CONFLICT (reader) DO UPDATE SET seq = excluded.seq"
)
_OPEN_FIELDS: Final = _FIELDS[1:]  # without `seq`
_OPEN: Final = f"INSERT INTO ledger_open ({', '.join(_OPEN_FIELDS)}) VALUES ({', '.join('?' * len(_OPEN_FIELDS))})"  # noqa: S608  # names of ours
_LEFT_OPEN: Final = f"SELECT {', '.join(_OPEN_FIELDS)} FROM ledger_open ORDER BY id"  # noqa: S608  # names of ours


class Draft(NamedTuple):
    """An act with what the ledger adds to it.

    Attributes:
        at_ns, until_ns: nanoseconds since 1970-01-01 UTC.
        patient: keyed hash of the patient's identity, or `""`.
    """

    act: Act
    at_ns: int
    until_ns: int
    patient: str = ""


def write_lines(connection: Connection, key: bytes, drafts: Iterable[Draft]) -> None:
    """Adds lines to the chain, in the transaction that is under way."""
    _chain(
        _driver(connection),
        key,
        (line_of(one.act, seq=0, at_ns=one.at_ns, until_ns=one.until_ns, patient=one.patient) for one in drafts),
    )


def open_window(connection: Connection, window: Window) -> None:
    """Makes durable that a window is open, and gives it its id."""
    line = line_of(window.act(), seq=0, at_ns=window.at_ns, until_ns=window.until_ns, patient=window.patient)
    cursor = _driver(connection).execute(_OPEN, tuple(getattr(line, field) for field in _OPEN_FIELDS))
    window.id = int(cursor.lastrowid or 0)
    window.saved = window.count


def save_counts(connection: Connection, counts: Sequence[tuple[int, int, int]]) -> None:
    """Saves how far open windows have counted: count, `until_ns` and id of each."""
    _driver(connection).executemany("UPDATE ledger_open SET count = ?, until_ns = ? WHERE id = ?", counts)


def forget_windows(connection: Connection, ids: Iterable[int]) -> None:
    """Takes away windows whose lines were written."""
    _driver(connection).executemany("DELETE FROM ledger_open WHERE id = ?", [(one,) for one in ids])


def close_left_open(connection: Connection, key: bytes) -> int:
    """Writes the lines of windows that an earlier process left open. Gives how many."""
    driver = _driver(connection)
    rows = [dict(zip(_OPEN_FIELDS, row, strict=True)) for row in driver.execute(_LEFT_OPEN)]
    _chain(driver, key, (Line(seq=0, **row) for row in rows))
    driver.execute("DELETE FROM ledger_open")
    return len(rows)


def set_mark(connection: Connection, reader: str, seq: int) -> None:
    """Remembers how far a reader is."""
    _driver(connection).execute(_MARK, (reader, seq))


def _chain(driver: sqlite3.Connection, key: bytes, lines: Iterable[Line]) -> None:
    last, before = driver.execute(_HEAD).fetchone() or (0, GENESIS)
    rows = []
    for seq, one in enumerate(lines, last + 1):
        line = msgspec.structs.replace(one, seq=seq)
        before = hash_of(key, before, line)
        rows.append((*msgspec.structs.astuple(line), before))
    driver.executemany(_INSERT, rows)


def _driver(connection: Connection) -> sqlite3.Connection:
    driver: Any = connection.connection.dbapi_connection  # Any: SQLAlchemy does not know which driver it has
    return driver  # type: ignore[no-any-return]  # the records are SQLite's
