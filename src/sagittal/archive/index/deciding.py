"""Decisions about what is kept beside another of its UID, as entries of the journal say (see `applying`).

An entry names the newcomer, which was kept beside, and who has its UID (`renamed`: the copy under a UID of its own).
Where one takes the place of the other they change places, ids included, and the former is rejected from there:
nothing is lost of where each was, and undoing changes them back.

A rebuilt index may lack what was purged since: each step does what is left to be done of it.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Table

from sagittal.archive.acts import Entry, Named
from sagittal.archive.index import schema
from sagittal.archive.index.rederive import Said, rederive
from sagittal.archive.index.rejections import (
    MOVE_INSTANCES,
    TAKE_OUT,
    integer,
    placed_from,
    rows_above,
    take_out,
    touched_by,
    wanted_of,
)
from sagittal.archive.index.standing import Lying, ReadHeader
from sagittal.archive.index.statements import columns_of
from sagittal.archive.index.writer import IndexWriter
from sagittal.dicom.dataset import Header
from sagittal.runtime.log import get_logger

log = get_logger(__name__)

_Row = dict[str, Any]  # Any: columns of several types

_CONFLICT: Final = (
    f"SELECT {', '.join(columns_of(schema.conflicts))} FROM conflicts WHERE sop_instance_uid = ? AND received_ns = ?"  # noqa: S608  # names of ours
)
_SET_ASIDE: Final = (
    f"SELECT {', '.join(columns_of(schema.rejected))} FROM rejected WHERE rejection = ? AND received_ns = ?"  # noqa: S608  # names of ours
    " AND purge IS NULL"
)
_STANDING: Final = "SELECT id, received_ns FROM instances WHERE sop_instance_uid = ?"
_NO_CONFLICTS: Final = "SELECT id FROM rejected WHERE rejection = ? AND is_conflict = 0 ORDER BY received_ns"
_BESIDE: Final = "another data set has this SOP Instance UID"
_MOVE_BACK: Final = (
    "INSERT INTO conflicts (id, study_instance_uid, series_instance_uid, sop_instance_uid, transfer_syntax_uid, pack,"  # noqa: S608  # words of ours
    " file_offset, file_length, data_set_offset, digest, digest_data_set, received_ns, is_corrupt, door, source,"
    " called, address, reason, sop_class_uid, frame_table)"
    " SELECT row_id, study_instance_uid, series_instance_uid, sop_instance_uid, transfer_syntax_uid, pack,"
    " file_offset, file_length, data_set_offset, digest, digest_data_set, received_ns, is_corrupt, door, source,"
    f" called, address, '{_BESIDE}', sop_class_uid, frame_table FROM rejected WHERE id = ?"
)
_MOVE_BESIDE: Final = (
    "INSERT INTO conflicts (id, study_instance_uid, series_instance_uid, sop_instance_uid, transfer_syntax_uid, pack,"  # noqa: S608  # likewise
    " file_offset, file_length, data_set_offset, digest, digest_data_set, received_ns, is_corrupt, door, source,"
    " called, address, reason, sop_class_uid, frame_table)"
    " SELECT ?, studies.study_instance_uid, series.series_instance_uid, i.sop_instance_uid, i.transfer_syntax_uid,"
    " i.pack, i.file_offset, i.file_length, i.data_set_offset, i.digest, i.digest_data_set, i.received_ns,"
    f" i.is_corrupt, i.door, i.source, i.called, i.address, '{_BESIDE}',"
    " i.sop_class_uid, i.frame_table FROM instances AS i"
    " JOIN series ON series.id = i.series JOIN studies ON studies.id = series.study WHERE i.id = ?"
)


def set_aside(
    index: IndexWriter, connection: sqlite3.Connection, read: ReadHeader, entry: Entry, named: Sequence[Named]
) -> Sequence[Named]:
    """The newcomer is rejected; who has the UID keeps it."""
    newcomers = [one for one in named if one.is_conflict]
    take_out(index, connection, read, entry, newcomers)
    for (row_id,) in connection.execute(_NO_CONFLICTS, (entry.id,)).fetchall():  # who had the UID was purged
        changed = "UPDATE rejected SET row_id = ?, is_conflict = 1 WHERE id = ?"
        connection.execute(changed, (index.next_conflict(), row_id))
    return named


def take_up(
    index: IndexWriter, connection: sqlite3.Connection, read: ReadHeader, entry: Entry, named: Sequence[Named]
) -> Sequence[Named]:
    """The newcomer lies beside again."""
    (newcomer,) = [one for one in named if one.is_conflict]
    row = _row(connection, schema.rejected, _SET_ASIDE, (entry.about, newcomer.received_ns))
    place, _ = _standing(connection, newcomer.sop_instance_uid)
    if row is None:
        return named
    if place is not None:
        connection.execute(_MOVE_BACK, (row["id"],))
        connection.execute("DELETE FROM rejected WHERE id = ?", (row["id"],))
        return named
    header = _header(read, row)
    if header is not None:  # who had the UID was purged
        connection.execute("DELETE FROM rejected WHERE id = ?", (row["id"],))
        _put(index, connection, row, header, None)
        index.forget_parents()
        rederive(connection, read, touched_by(rows_above(connection, named)), [_said(header)])
    return named


def let_go(
    index: IndexWriter, connection: sqlite3.Connection, read: ReadHeader, entry: Entry, named: Sequence[Named]
) -> Sequence[Named]:
    """The newcomer's bytes are set aside: there is a copy under a UID of its own, which has its row already."""
    return set_aside(index, connection, read, entry, named)


def part(
    index: IndexWriter, connection: sqlite3.Connection, read: ReadHeader, entry: Entry, named: Sequence[Named]
) -> Sequence[Named]:
    """The copy is rejected, and the newcomer lies beside again."""
    take_out(index, connection, read, entry, [one for one in named if not one.is_conflict])
    return take_up(index, connection, read, entry, named)


def take(
    index: IndexWriter, connection: sqlite3.Connection, read: ReadHeader, entry: Entry, named: Sequence[Named]
) -> Sequence[Named]:
    """The newcomer takes the place of who has its UID, who takes the newcomer's and is rejected from there."""
    above = rows_above(connection, named)
    (newcomer,) = [one for one in named if one.is_conflict]
    former = [one for one in named if not one.is_conflict]
    row = _row(connection, schema.conflicts, _CONFLICT, (newcomer.sop_instance_uid, newcomer.received_ns))
    header = _header(read, row)
    if row is not None and header is None:
        return named
    place, came_ns = _standing(connection, newcomer.sop_instance_uid)
    is_former = came_ns in {one.received_ns for one in former}
    if is_former:
        _reject(connection, entry, former, row)
    said: list[Said] = []
    if row is not None and header is not None:
        connection.execute("DELETE FROM conflicts WHERE id = ?", (row["id"],))
        if place is not None and not is_former:
            _step_aside(connection, place, row["id"])  # the former was purged; a third one had its place since
        _put(index, connection, row, header, place)
        said.append(_said(header))
    index.forget_parents()
    rederive(connection, read, touched_by(above | rows_above(connection, named)), said)
    return named


def give_back(
    index: IndexWriter, connection: sqlite3.Connection, read: ReadHeader, entry: Entry, named: Sequence[Named]
) -> Sequence[Named]:
    """The former has its place again, and the newcomer its own beside it."""
    above = rows_above(connection, named)
    said: list[Said] = []
    (former,) = [one for one in named if not one.is_conflict]
    row = _row(connection, schema.rejected, _SET_ASIDE, (entry.about, former.received_ns))
    header = _header(read, row)
    if row is not None and header is not None:
        place, _ = _standing(connection, former.sop_instance_uid)
        if place is not None:
            _step_aside(connection, place, row["row_id"] if row["is_conflict"] else index.next_conflict())
        connection.execute("DELETE FROM rejected WHERE id = ?", (row["id"],))
        own = None if row["is_conflict"] else integer(row["row_id"])
        _put(index, connection, row, header, own if own is not None else place)
        said.append(_said(header))
    index.forget_parents()
    rederive(connection, read, touched_by(above | rows_above(connection, named)), said)
    return named


def _standing(connection: sqlite3.Connection, sop_instance_uid: str) -> tuple[int | None, int]:
    """The row of who has a UID, and when that one came."""
    found = connection.execute(_STANDING, (sop_instance_uid,)).fetchone()
    return (int(found[0]), int(found[1])) if found is not None else (None, 0)


def _reject(connection: sqlite3.Connection, entry: Entry, former: Sequence[Named], newcomer: _Row | None) -> None:
    """Who had the UID is rejected: from the newcomer's place, if the newcomer is there."""
    connection.execute(MOVE_INSTANCES, (wanted_of(former), entry.id))
    connection.execute(TAKE_OUT["instances"], (wanted_of(former),))
    if newcomer is not None:
        changed = "UPDATE rejected SET row_id = ?, is_conflict = 1 WHERE rejection = ? AND is_conflict = 0"
        connection.execute(changed, (newcomer["id"], entry.id))


def _row(connection: sqlite3.Connection, table: Table, sql: str, values: tuple[object, ...]) -> _Row | None:
    found = connection.execute(sql, values).fetchone()
    return dict(zip(columns_of(table), found, strict=True)) if found is not None else None


def _header(read: ReadHeader, row: _Row | None) -> Header | None:
    if row is None:
        return None
    header = read(Lying(*(row[name] for name in Lying._fields)))
    if header is None:
        log.error("a decision cannot be done", sop_instance_uid=row["sop_instance_uid"])
    return header


def _step_aside(connection: sqlite3.Connection, row_id: int, conflict_id: int) -> None:
    """An instance lies beside from now on; whoever takes its place does so at once."""
    connection.execute(_MOVE_BESIDE, (conflict_id, row_id))
    connection.execute("DELETE FROM instances WHERE id = ?", (row_id,))


def _put(index: IndexWriter, connection: sqlite3.Connection, row: _Row, header: Header, place: int | None) -> None:
    placed = placed_from(connection, row, header, is_conflict=False)
    index.put_back(placed, place if place is not None else index.next_instance())


def _said(header: Header) -> Said:
    return {tag: bool(element.value) for tag, element in header.elements.items()}
