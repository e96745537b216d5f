"""Instances as the index has them, and what is needed to read their headers again."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from sagittal.archive.index.rows import Identity
from sagittal.dicom.dataset import Header
from sagittal.dicom.identifiers import InstanceUID, SeriesUID, SOPClassUID, StudyUID


class Standing(NamedTuple):
    """Something that lies in a pack and has a row.

    Attributes:
        series, study: rows it belongs to.
        facility: of its pack.
    """

    series: int
    study: int
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    pack: str
    file_offset: int
    file_length: int
    data_set_offset: int
    received_ns: int
    facility: str

    @property
    def identity(self) -> Identity:
        """Which instance it is."""
        return Identity(
            StudyUID(self.study_instance_uid),
            SeriesUID(self.series_instance_uid),
            InstanceUID(self.sop_instance_uid),
            SOPClassUID(self.sop_class_uid),
        )


class Lying(NamedTuple):
    """Where a Part 10 file lies in a pack, bytes, and how its data set is to be read."""

    pack: str
    file_offset: int
    file_length: int
    data_set_offset: int
    transfer_syntax_uid: str
    sop_class_uid: str


ReadHeader: TypeAlias = Callable[[Lying], Header | None]
"""Reads the header of what lies there; None if it cannot be read any more."""

_SELECT = (
    "SELECT series.id, studies.id, studies.study_instance_uid, series.series_instance_uid, i.sop_instance_uid,"
    " i.sop_class_uid, i.transfer_syntax_uid, i.pack, i.file_offset, i.file_length, i.data_set_offset, i.received_ns,"
    " coalesce(packs.facility, '') FROM instances AS i JOIN series ON series.id = i.series"
    " JOIN studies ON studies.id = series.study LEFT JOIN packs ON packs.id = i.pack WHERE "
)
_OF_SERIES = _SELECT + "series.id = ? ORDER BY i.received_ns"
_OF_STUDY = _SELECT + "studies.id = ? ORDER BY i.received_ns"
_OF_PATIENT = _SELECT + "studies.patient = ? ORDER BY i.received_ns"


def of_series(connection: sqlite3.Connection, row_id: int) -> Iterator[Standing]:
    """The instances of a series in the order they came."""
    return _found(connection, _OF_SERIES, (row_id,))


def of_study(connection: sqlite3.Connection, row_id: int) -> Iterator[Standing]:
    """The instances of a study in the order they came."""
    return _found(connection, _OF_STUDY, (row_id,))


def of_patient(connection: sqlite3.Connection, row_id: int) -> Iterator[Standing]:
    """The instances of a patient in the order they came."""
    return _found(connection, _OF_PATIENT, (row_id,))


def lying(one: Standing) -> Lying:
    """Where it lies."""
    return Lying(
        one.pack, one.file_offset, one.file_length, one.data_set_offset, one.transfer_syntax_uid, one.sop_class_uid
    )


def _found(connection: sqlite3.Connection, sql: str, values: Sequence[object]) -> Iterator[Standing]:
    return (Standing(*row) for row in connection.execute(sql, values))
