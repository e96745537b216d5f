"""The rows above instances: series, studies, patients; kept in memory while their instances come.

What instances of one study or series say differently is settled in the order they were received: for each attribute the
first value that is not empty stays. So the same instances in the same order always give the same rows, whatever was in
memory meanwhile.
"""

import sqlite3
from collections.abc import Iterable, Mapping

from sagittal.archive.index import attributes as tags
from sagittal.archive.index import schema
from sagittal.archive.index.entries import LEVELS, PATIENTS, SERIES, STUDIES, Entry
from sagittal.archive.index.renderings import Renderer, Rendering
from sagittal.archive.index.rows import Identity
from sagittal.archive.index.statements import NAME_IN, NAME_OUT, Hot, delete_by, select_by
from sagittal.dicom.dataset import Header

_MAX_HELD = 2048  # of each level; an entry is a few KiB

_SIGNATURE_TAGS = (tags.SPECIFIC_CHARACTER_SET, *tags.PARENT_TAGS)
_PATIENT_BY_IDENTITY = select_by(schema.patients, "patient_id", "issuer", "facility", "of_study")
_STUDY_BY_UID = select_by(schema.studies, "study_instance_uid")
_SERIES_BY_UID = select_by(schema.series, "series_instance_uid", "study")
_DELETE_PATIENT = delete_by(schema.patients, "id")

PatientKey = tuple[str, str, str, str]


class Parents:
    """The rows above the instances that come, and what of them is to be written. Belongs to the thread that writes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._patients: dict[PatientKey, Entry] = {}
        self._studies: dict[str, Entry] = {}
        self._series: dict[tuple[str, str], Entry] = {}
        self._touched: tuple[dict[int, Entry], dict[int, Entry], dict[int, Entry]] = ({}, {}, {})
        self._next = [0, 0, 0]
        self.forget()

    def forget(self) -> None:
        """Drops everything that is held, as after a transaction that failed."""
        self._patients.clear()
        self._studies.clear()
        self._series.clear()
        for touched in self._touched:
            touched.clear()
        self._next = [
            _last_patient(self._connection) + 1,
            *(last_id(self._connection, table) + 1 for table in ("studies", "series")),
        ]

    def place(self, identity: Identity, header: Header, renderer: Renderer, facility: str, received_ns: int) -> Entry:
        """Counts an instance in and merges what it says of its parents; returns its series."""
        key = (identity.study_instance_uid, identity.series_instance_uid)
        series = self._series.get(key)
        elements = header.elements
        signature = tuple(map(elements.get, _SIGNATURE_TAGS))
        if series is None or series.signature != signature:
            rendered = {
                tag: renderer.render(tag, element)
                for tag in tags.PARENT_TAGS
                if (element := elements.get(tag)) is not None
            }
            if series is None:
                series = self._series[key] = self._find_series(identity, rendered, facility, received_ns)
            self._merge(series, rendered)
            series.signature = signature
        self._count(series, identity, received_ns)
        return series

    def _count(self, series: Entry, identity: Identity, received_ns: int) -> None:
        study = series.parent
        patient = study.parent if study is not None else None
        if study is None or patient is None:
            raise RuntimeError("a series without a study")
        study.collect("modalities", series.values["modality"])
        study.collect("sop_classes", identity.sop_class_uid)
        for touched, entry in zip(self._touched, (patient, study, series), strict=True):
            entry.counts["instances"] += 1
            entry.is_counted = True
            touched[entry.id] = entry
        study.counts["updated_ns"] = series.counts["updated_ns"] = received_ns

    def _find_series(
        self, identity: Identity, rendered: Mapping[int, Rendering], facility: str, received_ns: int
    ) -> Entry:
        study = self._find_study(identity, rendered, facility, received_ns)
        if not study.is_new:
            row = self._row(_SERIES_BY_UID, (identity.series_instance_uid, study.id))
            if row is not None:
                return SERIES.from_row(row, study)
        series = SERIES.new(self._take_id(2), study)
        series.values["series_instance_uid"] = identity.series_instance_uid
        series.counts["received_ns"] = received_ns
        study.counts["series"] += 1
        if study.parent is not None:
            study.parent.counts["series"] += 1
        return series

    def _find_study(
        self, identity: Identity, rendered: Mapping[int, Rendering], facility: str, received_ns: int
    ) -> Entry:
        uid = identity.study_instance_uid
        study = self._studies.get(uid)
        if study is not None:
            return study
        row = self._row(_STUDY_BY_UID, (uid,))
        if row is not None:
            linked = row[STUDIES.columns.index("patient")]
            patient_row = self._row(PATIENTS.by_id, (linked,))
            if patient_row is None:
                raise RuntimeError("a study without a patient")
            study = STUDIES.from_row(row, self._hold_patient(PATIENTS.from_row(patient_row, None)))
        else:
            patient = self._find_patient(_patient_key(rendered, facility, uid))
            patient.counts["studies"] += 1
            study = STUDIES.new(self._take_id(1), patient)
            study.values["study_instance_uid"] = uid
            study.values["facility"] = facility
            study.counts["received_ns"] = received_ns
        self._studies[uid] = study
        return study

    def _find_patient(self, key: PatientKey) -> Entry:
        patient = self._patients.get(key)
        if patient is None:
            row = self._row(_PATIENT_BY_IDENTITY, key)
            if row is not None:
                return self._hold_patient(PATIENTS.from_row(row, None))
            patient = self._patients[key] = PATIENTS.new(self._take_id(0), None)
            patient.values.update(zip(("patient_id", "issuer", "facility", "of_study"), key, strict=True))
        return patient

    def _hold_patient(self, patient: Entry) -> Entry:
        """The entry that is held for this row already, or else this one."""
        values = patient.values
        key = (values["patient_id"], values["issuer"], values["facility"], values["of_study"])
        return self._patients.setdefault(key, patient)

    def _merge(self, series: Entry, rendered: Mapping[int, Rendering]) -> None:
        """First value wins; what is said of another patient than the study's is not taken for the study's."""
        series.merge(tags.SERIES, rendered)
        study = series.parent
        if study is None:
            raise RuntimeError("a series without a study")
        patient_id = _text(rendered, tags.PATIENT_ID)
        of_same = patient_id in ("", study.values["patient_id"]) or not study.values["patient_id"]
        study.merge(tags.STUDY if of_same else tags.STUDY_ONLY, rendered)
        key = _patient_key_of(study)
        patient = self._find_patient(key)
        if patient is not study.parent:
            self._move(study, patient)
        if of_same:
            patient.merge(tags.PATIENT, rendered)
            # A row's own names for what identifies it are its key, not the first value that came.
            patient.values.update(zip(("patient_id", "issuer"), key[:2], strict=True))

    def _move(self, study: Entry, patient: Entry) -> None:
        """The study turned out to be of another patient: an ID came where there was none."""
        old = study.parent
        if old is not None:
            for entry, sign in ((old, -1), (patient, 1)):
                entry.counts["studies"] += sign
                entry.counts["series"] += sign * study.counts["series"]
                entry.counts["instances"] += sign * study.counts["instances"]
                entry.is_counted = True
                self._touched[0][entry.id] = entry
            if old.counts["studies"] == 0:
                self._drop_patient(old)
        study.parent = patient
        study.is_changed = True

    def _drop_patient(self, patient: Entry) -> None:
        """Takes a patient without studies out of the table, at once: the next instance may bring one like it."""
        execute = self._connection.execute
        self._patients = {key: entry for key, entry in self._patients.items() if entry is not patient}
        self._touched[0].pop(patient.id, None)
        if patient.is_new:  # it takes its id all the same, as if it had come in a transaction of its own
            execute(PATIENTS.insert.sql, PATIENTS.values_of(patient, PATIENTS.insert.names))
        if patient.name_indexed:
            execute(NAME_OUT["patients"], (patient.id, patient.name_indexed))
        execute(_DELETE_PATIENT.sql, (patient.id,))

    def _row(self, statement: Hot, values: Iterable[object]) -> tuple[object, ...] | None:
        row: tuple[object, ...] | None = self._connection.execute(statement.sql, tuple(values)).fetchone()
        return row

    def _take_id(self, level: int) -> int:
        row_id = self._next[level]
        self._next[level] += 1
        return row_id

    def flush(self) -> None:
        """Writes what changed, within the transaction that is open."""
        execute = self._connection.execute
        for level, touched in zip(LEVELS, self._touched, strict=True):
            for entry in touched.values():
                if entry.is_new:
                    execute(level.insert.sql, level.values_of(entry, level.insert.names))
                elif entry.is_changed:
                    execute(level.update.sql, level.values_of(entry, level.update.names))
                elif entry.is_counted:
                    execute(level.count.sql, level.counts_of(entry))
                if level is not SERIES and entry.name_indexed != entry.values["name_folded"]:
                    self._index_name(level.table.name, entry)
                entry.is_new = entry.is_changed = entry.is_counted = False
            touched.clear()
        self._shrink()

    def _index_name(self, table: str, entry: Entry) -> None:
        # The table of names keeps no text of its own: to take a name out one has to say it.
        if entry.name_indexed:
            self._connection.execute(NAME_OUT[table], (entry.id, entry.name_indexed))
        entry.name_indexed = entry.values["name_folded"]
        if entry.name_indexed:
            self._connection.execute(NAME_IN[table], (entry.id, entry.name_indexed))

    def _shrink(self) -> None:
        if len(self._series) > _MAX_HELD:
            # Together, for a held series holds its study and patient: no row may be held twice.
            self._series.clear()
            self._studies.clear()
            self._patients.clear()


def last_id(connection: sqlite3.Connection, table: str) -> int:
    """The highest id in a table, 0 if it is empty."""
    row = connection.execute(f"SELECT max(rowid) FROM {table}").fetchone()  # noqa: S608  # a name of ours
    return int(row[0] or 0)


def _last_patient(connection: sqlite3.Connection) -> int:
    """The highest id that any patient ever had: a patient that is gone leaves a gap, here and in a rebuilt index."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'patients'").fetchone()
    return int(row[0]) if row else 0


def _text(rendered: Mapping[int, Rendering], tag: int) -> str:
    rendering = rendered.get(tag)
    return rendering.text if rendering is not None else ""


def _patient_key(rendered: Mapping[int, Rendering], facility: str, study_instance_uid: str) -> PatientKey:
    """(PatientID, issuer, facility, study): two objects without an ID are never the same patient's by that alone."""
    patient_id = _text(rendered, tags.PATIENT_ID)
    if not patient_id:
        return ("", "", facility, study_instance_uid)
    return (patient_id, _text(rendered, tags.ISSUER_OF_PATIENT_ID), facility, "")


def _patient_key_of(study: Entry) -> PatientKey:
    values = study.values
    if not values["patient_id"]:
        return ("", "", values["facility"], values["study_instance_uid"])
    return (values["patient_id"], values["issuer"], values["facility"], "")
