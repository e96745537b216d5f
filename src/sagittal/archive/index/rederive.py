"""The rows above instances, worked out anew from the instances that are left.

A series, study or patient reads as its instances say in the order they came, first value first (see `parents`). When
one is taken away, or comes back, what it said goes or comes with it: so that a rejected instance of another patient
leaves nothing in the study it was sent into, and an index rebuilt without it has the same rows.

Headers are read again only until they say all that can be said: mostly one for each row.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import NamedTuple

from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from sagittal.archive.index import attributes as tags
from sagittal.archive.index import schema
from sagittal.archive.index.entries import LEVELS, PATIENTS, SERIES, STUDIES, Entry, Level
from sagittal.archive.index.parents import Parents
from sagittal.archive.index.renderings import Renderings
from sagittal.archive.index.standing import ReadHeader, Standing, lying, of_patient, of_series, of_study
from sagittal.archive.index.statements import NAME_IN, NAME_OUT

PatientKey = tuple[str, str, str, str]
Said = Mapping[int, bool]
"""By tag, whether there is a value: what a row may come to say."""

_KEY = ("patient_id", "issuer", "facility", "of_study")


class Touched(NamedTuple):
    """The rows above what was taken away or came back, by id."""

    series: frozenset[int]
    studies: frozenset[int]
    patients: frozenset[int]


def rederive(
    connection: sqlite3.Connection, read: ReadHeader, touched: Touched, came_back: Iterable[Said] = ()
) -> None:
    """Brings the touched rows to what the instances that are left say; those of which none is left go.

    Args:
        connection: within a transaction; nothing of these rows is held in memory elsewhere.
        read: reads headers.
        touched: the rows.
        came_back: what the headers of instances say that were not there before.
    """
    more = _joined(came_back)
    with closing(_Folds(read)) as folds:
        for series in sorted(touched.series):
            _of_series(connection, folds, series, more)
        patients = set(touched.patients)
        for study in sorted(touched.studies):
            patients |= _of_study(connection, folds, study, more)
        for patient in sorted(patients):
            _of_patient(connection, folds, patient)


def said_by(members: Mapping[int, str]) -> Said:
    """What a row says."""
    return {tag: "," in member for tag, member in members.items()}


def _joined(several: Iterable[Said]) -> dict[int, bool]:
    joined: dict[int, bool] = {}
    for said in several:
        for tag, has_value in said.items():
            joined[tag] = joined.get(tag, False) or has_value
    return joined


def _covers(entry: Entry, said: Said) -> bool:
    """Whether nothing that is still to come can change the row."""
    members = entry.members
    return all(tag in members and ("," in members[tag] or not has_value) for tag, has_value in said.items())


# Counts and what is computed

_COUNT_SERIES = (
    "UPDATE series SET (instances, received_ns, updated_ns) ="
    " (SELECT count(*), coalesce(min(received_ns), 0), coalesce(max(received_ns), 0) FROM instances"
    " WHERE instances.series = series.id) WHERE id = ?"
)
_COUNT_STUDY = (
    "UPDATE studies SET (series, instances, received_ns, updated_ns) ="
    " (SELECT count(*), coalesce(sum(instances), 0), coalesce(min(received_ns), 0), coalesce(max(updated_ns), 0)"
    " FROM series WHERE study = studies.id) WHERE id = ?"
)
_COUNT_PATIENT = (
    "UPDATE patients SET (studies, series, instances) ="
    " (SELECT count(*), coalesce(sum(series), 0), coalesce(sum(instances), 0) FROM studies"
    " WHERE patient = patients.id) WHERE id = ?"
)
_MODALITIES = "SELECT DISTINCT modality FROM series WHERE study = ? AND modality != ''"
_CLASSES = (
    "SELECT DISTINCT sop_class_uid FROM instances JOIN series ON series.id = instances.series"
    " WHERE series.study = ? AND sop_class_uid != ''"
)


def _listed(connection: sqlite3.Connection, sql: str, row_id: int) -> str:
    return "\\".join(sorted(value for (value,) in connection.execute(sql, (row_id,))))


# One level each


def _of_series(connection: sqlite3.Connection, folds: "_Folds", row_id: int, more: Said) -> None:
    connection.execute(_COUNT_SERIES, (row_id,))
    entry = _entry(connection, SERIES, row_id)
    if entry is None:
        return
    if not entry.counts["instances"]:
        connection.execute("DELETE FROM series WHERE id = ?", (row_id,))
        return
    wanted = {**said_by(entry.members), **_within(more, tags.SERIES, entry)}
    with folds.begin() as fold:
        now: Entry | None = None
        for one in of_series(connection, row_id):
            now = fold.place(one) or now
            if now is not None and _covers(now, wanted):
                break
        if now is not None:
            _write(connection, SERIES, entry, now)


def _within(more: Said, level: tags.Attributes, entry: Entry) -> dict[int, bool]:
    """What may be said at a level, on top of what the row says."""
    said = said_by(entry.members)
    return {tag: has_value or said.get(tag, False) for tag, has_value in more.items() if tag in level}


def _of_study(connection: sqlite3.Connection, folds: "_Folds", row_id: int, more: Said) -> set[int]:
    """Returns the patients that lost or got the study."""
    connection.execute(_COUNT_STUDY, (row_id,))
    entry = _entry(connection, STUDIES, row_id)
    if entry is None:
        return set()
    (patient,) = connection.execute("SELECT patient FROM studies WHERE id = ?", (row_id,)).fetchone()
    if not entry.counts["instances"]:
        _name(connection, "studies", row_id, entry.values["name_folded"], "")
        connection.execute("DELETE FROM studies WHERE id = ?", (row_id,))
        return {patient}
    entry.values["modalities"] = _listed(connection, _MODALITIES, row_id)
    entry.values["sop_classes"] = _listed(connection, _CLASSES, row_id)
    wanted = {**said_by(entry.members), **_within(more, tags.STUDY, entry)}
    of_whom = entry.values["patient_id"]
    with folds.begin() as fold:
        now: Entry | None = None
        for one in of_study(connection, row_id):
            series = fold.place(one)
            now = series.parent if series is not None else now
            # Of another patient than before: then more may be said of them than the row had.
            if now is not None and now.values["patient_id"] == of_whom and _covers(now, wanted):
                break
        if now is None:
            _write(connection, STUDIES, entry, entry)
            return {patient}
        now.values |= {name: entry.values[name] for name in ("modalities", "sop_classes")}
        entry.parent = PATIENTS.new(_patient_of(connection, now), None)
        _write(connection, STUDIES, entry, now)
        return {patient, entry.parent.id}


def _patient_of(connection: sqlite3.Connection, study: Entry) -> int:
    """The row of the patient whose a study is; a new one if there is none."""
    if study.parent is None:
        raise RuntimeError("a study without a patient")
    key = _key_of(study.parent)
    condition = " AND ".join(f"{name} = ?" for name in _KEY)
    row = connection.execute(f"SELECT id FROM patients WHERE {condition}", key).fetchone()  # noqa: S608  # names of columns
    if row is None:
        cursor = connection.execute(f"INSERT INTO patients ({', '.join(_KEY)}) VALUES (?, ?, ?, ?)", key)  # noqa: S608  # likewise
        return int(cursor.lastrowid or 0)
    return int(row[0])


def _of_patient(connection: sqlite3.Connection, folds: "_Folds", row_id: int) -> None:
    connection.execute(_COUNT_PATIENT, (row_id,))
    entry = _entry(connection, PATIENTS, row_id)
    if entry is None:
        return
    if not entry.counts["studies"]:
        _name(connection, "patients", row_id, entry.values["name_folded"], "")
        connection.execute("DELETE FROM patients WHERE id = ?", (row_id,))
        return
    wanted = {study.id: study for study in _studies_of(connection, row_id)}
    said = _joined(
        {tag: v for tag, v in said_by(one.members).items() if tag in tags.PATIENT} for one in wanted.values()
    )
    with folds.begin() as fold:
        now = _fold_patient(fold, of_patient(connection, row_id), _key_of(entry), wanted, said)
    if now is not None:
        _write(connection, PATIENTS, entry, now)


def _fold_patient(
    fold: "_Fold", standing: Iterable[Standing], key: PatientKey, studies: Mapping[int, Entry], said: Said
) -> Entry | None:
    """The patient of that key as its instances say."""
    now: Entry | None = None
    placed: dict[int, Entry] = {}
    for one in standing:
        study = placed.get(one.study)
        if study is not None and now is not None and _adds_nothing(study, studies[one.study], now):
            continue
        series = fold.place(one)
        if series is None or series.parent is None or series.parent.parent is None:
            continue
        placed[one.study] = series.parent
        if _key_of(series.parent.parent) == key:
            now = series.parent.parent
            if _covers(now, said):
                break
    return now


def _adds_nothing(so_far: Entry, study: Entry, patient: Entry) -> bool:
    """Whether no further instance of a study says anything new of its patient."""
    said = said_by(study.members)
    return _covers(so_far, said) and _covers(patient, _of_patient_only(said))


def _of_patient_only(said: Said) -> Said:
    return {tag: has_value for tag, has_value in said.items() if tag in tags.PATIENT}


def _studies_of(connection: sqlite3.Connection, patient: int) -> Iterator[Entry]:
    names = ", ".join(f"{STUDIES.table.name}.{name}" for name in STUDIES.columns)
    for row in connection.execute(f"SELECT {names} FROM studies WHERE patient = ?", (patient,)):  # noqa: S608  # names of ours
        yield STUDIES.from_row(row, None)


def _key_of(patient: Entry) -> PatientKey:
    values = patient.values
    return (values["patient_id"], values["issuer"], values["facility"], values["of_study"])


def _entry(connection: sqlite3.Connection, level: Level, row_id: int) -> Entry | None:
    row = connection.execute(level.by_id.sql, (row_id,)).fetchone()
    if row is None:
        return None
    parent = None
    if level.linked:
        parent = PATIENTS.new(int(row[level.columns.index(level.linked)]), None)  # of which only the id is asked for
    return level.from_row(row, parent)


def _write(connection: sqlite3.Connection, level: Level, entry: Entry, now: Entry) -> None:
    """Gives a row the values of `now`; its id and counts stay."""
    old_name = entry.values.get("name_folded", "")
    entry.values, entry.members = dict(now.values), dict(now.members)
    connection.execute(level.update.sql, level.values_of(entry, level.update.names))
    if level is not SERIES:
        _name(connection, level.table.name, entry.id, old_name, entry.values["name_folded"])


def _name(connection: sqlite3.Connection, table: str, row_id: int, old: str, new: str) -> None:
    if old != new:
        if old:
            connection.execute(NAME_OUT[table], (row_id, old))
        if new:
            connection.execute(NAME_IN[table], (row_id, new))


class _Fold:
    """Rows above instances as they come to be one after the other, by the code that they came to be by."""

    def __init__(self, connection: sqlite3.Connection, read: ReadHeader, renderings: Renderings) -> None:
        self._read = read
        self._parents = Parents(connection)
        self._renderings = renderings

    def place(self, one: Standing) -> Entry | None:
        """The series of the next instance, with it; None if it cannot be read."""
        header = self._read(lying(one))
        if header is None:
            return None
        renderer = self._renderings.of(header)
        return self._parents.place(one.identity, header, renderer, one.facility, one.received_ns)


class _Folds:
    """A database in memory, empty for each fold."""

    def __init__(self, read: ReadHeader) -> None:
        self._read = read
        self._renderings = Renderings()
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        engine = create_engine("sqlite://", creator=lambda: self._connection, poolclass=StaticPool)
        schema.metadata.create_all(engine, tables=[level.table for level in LEVELS])
        for names, table in schema.NAME_TABLES:
            self._connection.execute(
                f"CREATE VIRTUAL TABLE {names} USING fts5(name_folded, content='{table}', content_rowid='id')"
            )

    @contextmanager
    def begin(self) -> Iterator[_Fold]:
        """A fold; what it wrote is gone when it ends."""
        self._connection.execute("BEGIN")
        try:
            yield _Fold(self._connection, self._read, self._renderings)
        finally:
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        self._connection.close()
