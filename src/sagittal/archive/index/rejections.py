"""Rows go to `rejected`, come back, or are marked to go or as damaged, as entries of the journal say (see `applying`).

What is rejected has no row in `instances` and `conflicts`, so nothing that finds, counts or gives instances need know
of it. Each function works in a transaction that is open.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from sagittal.archive.acts import Entry, Named
from sagittal.archive.index import schema
from sagittal.archive.index.rederive import Said, Touched, rederive
from sagittal.archive.index.rows import Identity, Placed, conflict_row, sop_class_of
from sagittal.archive.index.standing import Lying, ReadHeader
from sagittal.archive.index.statements import INSERT_CONFLICT, columns_of
from sagittal.archive.index.writer import IndexWriter
from sagittal.archive.packs.facts import Facts
from sagittal.dicom.dataset import Header
from sagittal.dicom.identifiers import InstanceUID, SeriesUID, SOPClassUID, StudyUID
from sagittal.errors import Corrupt
from sagittal.runtime.log import get_logger

log = get_logger(__name__)

_WANTED = (
    "WITH wanted(uid, at_ns) AS (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?)) "
)
_ORIGIN = "door, source, called, address"
_PLACE = "pack, file_offset, file_length, data_set_offset"
_BODY = f"frame_table, digest, digest_data_set, received_ns, is_corrupt, {_ORIGIN}"
_TARGET = (
    "INSERT INTO rejected (rejection, row_id, is_conflict, study_instance_uid, series_instance_uid, sop_instance_uid,"
    f" sop_class_uid, transfer_syntax_uid, {_PLACE}, {_BODY})"
)
MOVE_INSTANCES = (
    f"{_WANTED}{_TARGET} SELECT ?, i.id, 0, studies.study_instance_uid, series.series_instance_uid,"  # noqa: S608  # names
    f" i.sop_instance_uid, i.sop_class_uid, i.transfer_syntax_uid, {_PLACE}, frame_table, i.digest, i.digest_data_set,"
    f" i.received_ns, i.is_corrupt, {_ORIGIN} FROM wanted CROSS JOIN instances AS i"
    " ON i.sop_instance_uid = wanted.uid AND i.received_ns = wanted.at_ns"
    " JOIN series ON series.id = i.series JOIN studies ON studies.id = series.study ORDER BY i.received_ns"
)
MOVE_CONFLICTS = (
    f"{_WANTED}{_TARGET} SELECT ?, c.id, 1, c.study_instance_uid, c.series_instance_uid, c.sop_instance_uid,"  # noqa: S608
    f" c.sop_class_uid, c.transfer_syntax_uid, {_PLACE}, c.frame_table, c.digest, c.digest_data_set, c.received_ns,"
    f" c.is_corrupt, {_ORIGIN}"
    " FROM wanted CROSS JOIN conflicts AS c ON c.sop_instance_uid = wanted.uid AND c.received_ns = wanted.at_ns"
    " ORDER BY c.received_ns"
)
TAKE_OUT = {
    table: f"{_WANTED}DELETE FROM {table} WHERE id IN (SELECT k.id FROM wanted CROSS JOIN {table} AS k"  # noqa: S608
    " ON k.sop_instance_uid = wanted.uid AND k.received_ns = wanted.at_ns)"
    for table in ("instances", "conflicts")
}
ABOVE = (
    f"{_WANTED}SELECT DISTINCT series.id, series.study, studies.patient FROM wanted CROSS JOIN instances AS i"  # noqa: S608
    " ON i.sop_instance_uid = wanted.uid AND i.received_ns = wanted.at_ns"
    " JOIN series ON series.id = i.series JOIN studies ON studies.id = series.study"
)
_NAMED_ABOVE = (
    "SELECT series.id, studies.id, studies.patient FROM studies LEFT JOIN series ON series.study = studies.id"
    " AND series.series_instance_uid = ? WHERE studies.study_instance_uid = ?"
)
_REJECTED = f"SELECT {', '.join(columns_of(schema.rejected))} FROM rejected WHERE rejection = ?"  # noqa: S608  # names of ours
_KEPT = "SELECT digest_data_set FROM instances WHERE sop_instance_uid = ?"
_BESIDE = "SELECT 1 FROM conflicts WHERE sop_instance_uid = ? AND digest_data_set = ?"
_MARK_TO_GO = (
    f"{_WANTED}UPDATE rejected SET purge = ? WHERE rejection = ? AND (sop_instance_uid, received_ns) IN wanted"  # noqa: S608
)

_MARKS = tuple(
    f"UPDATE {table} SET is_corrupt = ? WHERE sop_instance_uid = ? AND received_ns = ? AND is_corrupt <> ?"  # noqa: S608  # names of tables
    for table in ("instances", "conflicts", "rejected")
)


def standing_in(index: IndexWriter, study: str | None, series: str | None, instance: str | None) -> tuple[Named, ...]:
    """The instances of a study, a series, or one, and what is kept beside them; all that is given has to agree."""
    given = (
        ("studies.study_instance_uid = ?", study),
        ("series.series_instance_uid = ?", series),
        ("i.sop_instance_uid = ?", instance),
    )
    conditions = " AND ".join(condition for condition, uid in given if uid is not None) or "0"
    found = index.fetch(
        "SELECT i.received_ns, studies.study_instance_uid, series.series_instance_uid, i.sop_instance_uid, i.digest, 0"  # noqa: S608  # conditions of ours
        " FROM instances AS i JOIN series ON series.id = i.series JOIN studies ON studies.id = series.study"
        f" WHERE {conditions} ORDER BY i.received_ns",
        tuple(uid for _, uid in given if uid is not None),
    )
    return _with_beside(index, found)


def standing_among(index: IndexWriter, uids: Iterable[tuple[str, str, str]]) -> tuple[Named, ...]:
    """Those of some instances that are kept, each by study, series and its own UID, and what is kept beside them."""
    found = index.fetch(
        "WITH wanted(study, series, uid) AS (SELECT DISTINCT json_extract(value, '$[0]'),"
        " json_extract(value, '$[1]'), json_extract(value, '$[2]') FROM json_each(?))"
        " SELECT i.received_ns, studies.study_instance_uid, series.series_instance_uid, i.sop_instance_uid, i.digest, 0"
        " FROM wanted CROSS JOIN instances AS i ON i.sop_instance_uid = wanted.uid"
        " JOIN series ON series.id = i.series AND series.series_instance_uid = wanted.series"
        " JOIN studies ON studies.id = series.study AND studies.study_instance_uid = wanted.study"
        " ORDER BY i.received_ns",
        (msgspec.json.encode(list(uids)).decode(),),
    )
    return _with_beside(index, found)


def _with_beside(index: IndexWriter, found: list[tuple[Any, ...]]) -> tuple[Named, ...]:
    uids = msgspec.json.encode([row[3] for row in found]).decode()
    beside = index.fetch(
        "SELECT received_ns, study_instance_uid, series_instance_uid, sop_instance_uid, digest, 1 FROM conflicts"
        " WHERE sop_instance_uid IN (SELECT value FROM json_each(?)) ORDER BY received_ns",
        (uids,),
    )
    return _named(sorted(found + beside))


def rejected_by(index: IndexWriter, rejection: int) -> tuple[Named, ...]:
    """What a rejection took away that is neither back nor to go."""
    return _named(
        index.fetch(
            "SELECT received_ns, study_instance_uid, series_instance_uid, sop_instance_uid, digest, is_conflict"
            " FROM rejected WHERE rejection = ? AND purge IS NULL ORDER BY received_ns",
            (rejection,),
        )
    )


def restorable(index: IndexWriter, rejection: int) -> tuple[Named, ...]:
    """Those of them that restoring brings back: not those of which the same data set has come again."""
    there = index.fetch(
        "SELECT r.received_ns FROM rejected AS r JOIN instances AS i ON i.sop_instance_uid = r.sop_instance_uid"
        " WHERE r.rejection = ?1 AND i.digest_data_set = r.digest_data_set"
        " UNION SELECT r.received_ns FROM rejected AS r JOIN conflicts AS c ON c.sop_instance_uid = r.sop_instance_uid"
        " WHERE r.rejection = ?1 AND c.digest_data_set = r.digest_data_set",
        (rejection,),
    )
    times = {received_ns for (received_ns,) in there}
    return tuple(one for one in rejected_by(index, rejection) if one.received_ns not in times)


def _named(rows: Iterable[Sequence[Any]]) -> tuple[Named, ...]:
    return tuple(Named(*row)._replace(is_conflict=bool(row[5])) for row in rows)


def mark(
    index: IndexWriter, connection: sqlite3.Connection, read: ReadHeader, entry: Entry, named: Sequence[Named]
) -> Sequence[Named]:
    """Returns those that were not marked so before, wherever they are by now."""
    del index, read
    is_corrupt = int(entry.kind == "damaged")
    changed = []
    for one in named:
        values = (is_corrupt, one.sop_instance_uid, one.received_ns, is_corrupt)
        if sum(connection.execute(statement, values).rowcount for statement in _MARKS):
            changed.append(one)
    return changed


def take_out(
    index: IndexWriter, connection: sqlite3.Connection, read: ReadHeader, entry: Entry, named: Sequence[Named]
) -> Sequence[Named]:
    """They are rejected, by the entry's number."""
    del index
    wanted = wanted_of(named)
    above = set(connection.execute(ABOVE, (wanted,)).fetchall()) | rows_above(connection, named)
    connection.execute(MOVE_INSTANCES, (wanted, entry.id))
    connection.execute(MOVE_CONFLICTS, (wanted, entry.id))
    for statement in TAKE_OUT.values():
        connection.execute(statement, (wanted,))
    rederive(connection, read, touched_by(above))
    return named


def bring_back(
    index: IndexWriter, connection: sqlite3.Connection, read: ReadHeader, entry: Entry, named: Sequence[Named]
) -> Sequence[Named]:
    """Instances first, then what was kept beside them, each in the order they came."""
    times = {one.received_ns for one in named}
    columns = columns_of(schema.rejected)
    rows = [dict(zip(columns, row, strict=True)) for row in connection.execute(_REJECTED, (entry.about,))]
    rows = [row for row in rows if row["received_ns"] in times and row["purge"] is None]
    rows.sort(key=lambda row: (row["is_conflict"], row["received_ns"]))
    above = rows_above(connection, named)
    said: list[Said] = []
    for row in rows:
        header = read(Lying(*(row[name] for name in Lying._fields)))
        if header is None:
            log.error("a rejected instance cannot be restored", sop_instance_uid=row["sop_instance_uid"])
            continue
        if _put_back(index, connection, row, header):
            said.append({tag: bool(element.value) for tag, element in header.elements.items()})
            connection.execute("DELETE FROM rejected WHERE id = ?", (row["id"],))
    index.forget_parents()
    rederive(connection, read, touched_by(above | rows_above(connection, named)), said)
    return named


def _put_back(index: IndexWriter, connection: sqlite3.Connection, row: dict[str, object], header: Header) -> bool:
    """Gives it its place again, or one beside what has its UID by now; False if the same data set is there."""
    uid, digest = row["sop_instance_uid"], row["digest_data_set"]
    kept = connection.execute(_KEPT, (uid,)).fetchone()
    if kept is None and not row["is_conflict"]:
        index.put_back(placed_from(connection, row, header, is_conflict=False), integer(row["row_id"]))
        return True
    if kept is None or kept[0] == digest or connection.execute(_BESIDE, (uid, digest)).fetchone():
        return False
    row_id = integer(row["row_id"]) if row["is_conflict"] else index.next_conflict()
    placed = placed_from(connection, row, header, is_conflict=True)
    connection.execute(INSERT_CONFLICT.sql, conflict_row(placed, row_id))
    return True


def placed_from(connection: sqlite3.Connection, row: dict[str, object], header: Header, *, is_conflict: bool) -> Placed:
    """What a row of `rejected` or `conflicts` tells of, to be put among instances, or beside one."""
    facility = connection.execute("SELECT facility FROM packs WHERE id = ?", (row["pack"],)).fetchone()
    identity = Identity(
        StudyUID(str(row["study_instance_uid"])),
        SeriesUID(str(row["series_instance_uid"])),
        InstanceUID(str(row["sop_instance_uid"])),
        SOPClassUID(str(row["sop_class_uid"]) or sop_class_of(header)),
    )
    facts = Facts(
        digest=_bytes(row["digest"]).hex(),
        digest_data_set=_bytes(row["digest_data_set"]).hex(),
        received_ns=integer(row["received_ns"]),
        transfer_syntax_uid=str(row["transfer_syntax_uid"]),
        data_set_offset=integer(row["data_set_offset"]),
        door=str(row["door"]),
        source=str(row["source"]),
        called=str(row["called"]),
        address=str(row["address"]),
        facility=str(facility[0]) if facility else "",
    )
    frames = row["frame_table"]
    return Placed(
        identity,
        header,
        facts,
        str(row["pack"]),
        integer(row["file_offset"]),
        integer(row["file_length"]),
        _bytes(frames) if frames is not None else None,
        is_conflict=is_conflict,
        is_corrupt=bool(row["is_corrupt"]),
    )


def mark_to_go(
    index: IndexWriter, connection: sqlite3.Connection, read: ReadHeader, entry: Entry, named: Sequence[Named]
) -> Sequence[Named]:
    """Their bytes go later (see `purging`); from now on nothing brings them back."""
    del index, read
    connection.execute(_MARK_TO_GO, (wanted_of(named), entry.id, entry.about))
    return named


def wanted_of(named: Iterable[Named]) -> str:
    """What `MOVE_INSTANCES`, `MOVE_CONFLICTS` and `TAKE_OUT` are about."""
    return msgspec.json.encode([(one.sop_instance_uid, one.received_ns) for one in named]).decode()


Above = tuple[int | None, int, int]
"""A series, or none, a study and a patient."""


def rows_above(connection: sqlite3.Connection, named: Iterable[Named]) -> set[Above]:
    """The rows of the series, studies and patients that are named, though none of their instances may be there.

    A rebuilt index that lacks what was purged goes through the same steps as the index that had it.
    """
    above: set[Above] = set()
    for series, study in sorted({(one.series_instance_uid, one.study_instance_uid) for one in named}):
        above.update(connection.execute(_NAMED_ABOVE, (series, study)).fetchall())
    return above


def touched_by(above: Iterable[Above]) -> Touched:
    """The same for `rederive`."""
    rows = tuple(above)
    return Touched(
        frozenset(series for series, _, _ in rows if series is not None),
        frozenset(study for _, study, _ in rows),
        frozenset(patient for _, _, patient in rows),
    )


def integer(value: object) -> int:
    """A number of a row. Raises Corrupt if it is none."""
    if not isinstance(value, int):
        raise Corrupt("the index has something else where a number is to be")
    return value


def _bytes(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise Corrupt("the index has something else where bytes are to be")
    return value
