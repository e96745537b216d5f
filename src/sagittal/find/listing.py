"""The list of studies that people look at: words over several attributes, sorted, in pages that begin after a row."""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple, get_args

import msgspec
from sqlalchemy import Column, Select, and_, func, literal, or_, select, tuple_
from sqlalchemy.sql import ColumnElement

from sagittal.access.asking import ask
from sagittal.archive.index import schema
from sagittal.archive.reader import ArchiveReader
from sagittal.dicom.person_name import fold
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline

SortedBy = Literal["date", "name", "patient_id", "accession", "modality", "description", "facility", "received"]
SORTS: Final[tuple[SortedBy, ...]] = get_args(SortedBy)

MOST_LISTED: Final = 500
MOST_COUNTED: Final = 10_000
"""Where counting stops."""

_MOST_WORDS, _MOST_WORD = 8, 64
_STUDIES = schema.studies.c
_COLUMNS: Final[Mapping[SortedBy, Column[Any]]] = {  # Any: text or number
    "date": _STUDIES.study_date,
    "name": _STUDIES.name_folded,
    "patient_id": _STUDIES.patient_id,
    "accession": _STUDIES.accession_number,
    "modality": _STUDIES.modalities,
    "description": _STUDIES.study_description,
    "facility": _STUDIES.facility,
    "received": _STUDIES.received_ns,
}


class Listed(NamedTuple):
    """A study in the list.

    Attributes:
        id: of its row: where the next page begins.
        patient: number of the patient's row, which names nobody.
        modalities, sop_classes: sorted, joined by a backslash.
        updated_ns: when its last instance came.
    """

    id: int
    patient: int
    study_instance_uid: str
    patient_name: str
    patient_id: str
    patient_birth_date: str
    patient_sex: str
    study_date: str
    study_time: str
    accession_number: str
    study_description: str
    referring_physician_name: str
    facility: str
    modalities: str
    sop_classes: str
    series: int
    instances: int
    received_ns: int
    updated_ns: int


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be listed; what is empty is not asked.

    Attributes:
        text: words, each of which the name (in any order, case and accents folded), Patient ID, Accession Number, date,
            modality, facility or Study Description holds.
        modality: one that the study has.
        since, until: Study Date, as DA.
        facility: where it was performed.
        patient: number of the patient's row.
        studies: only these; None for all.
        sorted_by, is_falling: the order; equal ones by when they came.
        after: `Listed.id` of the last row of the page before; 0 for the first page.
        limit: at most MOST_LISTED.
    """

    text: str = ""
    modality: str = ""
    since: str = ""
    until: str = ""
    facility: str = ""
    patient: int = 0
    studies: tuple[str, ...] | None = None
    sorted_by: SortedBy = "date"
    is_falling: bool = True
    after: int = 0
    limit: int = 50

    def asked(self) -> list[str]:
        """The names of what is asked, for the ledger; never the values."""
        given = (
            ("words", self.text),
            ("ModalitiesInStudy", self.modality),
            ("StudyDate", self.since or self.until),
            ("facility", self.facility),
            ("patient", self.patient),
        )
        return [name for name, value in given if value]


async def list_studies(
    archive: ArchiveReader, actor: Actor, listing: Listing, deadline: Deadline, *, is_told: bool = True
) -> tuple[Listed, ...]:
    """One page of the studies that the actor may ask for.

    Args:
        archive: where they are.
        actor: who asks.
        listing: for what.
        deadline: for the answer.
        is_told: the ledger is told; not of a list that is only kept up to date.

    Raises:
        Refused: they may ask for nothing.
        Exhausted: the deadline passed.
    """
    clauses = _clauses(archive, actor, listing)
    if is_told:
        await archive.witness.queried(actor, "STUDY", listing.asked())
    column = _COLUMNS[listing.sorted_by]
    if listing.after:
        before = select(column, _STUDIES.id).where(_STUDIES.id == listing.after, *_allowed(archive, actor))
        last = before.scalar_subquery()  # of a row that they may not see nothing comes after
        here = tuple_(column, _STUDIES.id)
        clauses.append(here < last if listing.is_falling else here > last)
    by = (column.desc(), _STUDIES.id.desc()) if listing.is_falling else (column, _STUDIES.id)
    statement: Select[Any] = select(*(_STUDIES[name] for name in Listed._fields)).where(*clauses).order_by(*by)
    deadline.check("listing studies")
    async with deadline.timeout():
        rows = await archive.select(statement.limit(min(listing.limit, MOST_LISTED)))
    return tuple(Listed(*tuple(row)) for row in rows)


async def count_studies(archive: ArchiveReader, actor: Actor, listing: Listing, deadline: Deadline) -> int:
    """How many there are on all pages, but at most MOST_COUNTED + 1. Raises as `list_studies` does."""
    some = select(_STUDIES.id).where(*_clauses(archive, actor, listing)).limit(MOST_COUNTED + 1)
    deadline.check("counting studies")
    async with deadline.timeout():
        rows = await archive.select(select(func.count()).select_from(some.subquery()))
    return int(rows[0][0])


async def facilities_listed(archive: ArchiveReader, actor: Actor, deadline: Deadline) -> tuple[str, ...]:
    """The facilities of the studies that they may ask for, by name, at most fifty."""
    statement = select(_STUDIES.facility).distinct().where(*_clauses(archive, actor, Listing()))
    async with deadline.timeout():
        rows = await archive.select(statement.order_by(_STUDIES.facility).limit(50))
    return tuple(str(row[0]) for row in rows)


def _clauses(archive: ArchiveReader, actor: Actor, listing: Listing) -> list[ColumnElement[bool]]:
    """What holds of every row, with what the policy leaves: a part of the query, so that counts and pages are right."""
    clauses = [_holds(word) for word in listing.text.split()[:_MOST_WORDS]]
    clauses += [_has_modality(listing.modality)] if listing.modality else []
    clauses += [_STUDIES.study_date >= listing.since, _STUDIES.study_date != ""] if listing.since else []
    clauses += [_STUDIES.study_date <= listing.until, _STUDIES.study_date != ""] if listing.until else []
    clauses += [_STUDIES.facility == listing.facility] if listing.facility else []
    clauses += [_STUDIES.patient == listing.patient] if listing.patient else []
    clauses += [_STUDIES.study_instance_uid.in_(listing.studies)] if listing.studies is not None else []
    return [*clauses, *_allowed(archive, actor)]


def _allowed(archive: ArchiveReader, actor: Actor) -> list[ColumnElement[bool]]:
    """What the policy leaves, as a condition of rows; none for all."""
    allowed = ask(archive.witness, actor, "query", has_series=False)
    return [] if allowed is None else [allowed.clause()]  # type: ignore[list-item]  # text stands where a condition does


def _holds(word: str) -> ColumnElement[bool]:
    """That one of the attributes holds a word."""
    word = word[:_MOST_WORD]
    names = fold(word).split()
    either: list[ColumnElement[bool]] = [
        _contains(_STUDIES.patient_id, word),
        _contains(_STUDIES.accession_number, word),
        _contains(_STUDIES.study_description, word),
        _contains(_STUDIES.facility, word),
        _has_modality(word.upper()),
    ]
    if names:
        either.append(and_(*(_contains(_STUDIES.name_folded, name) for name in names)))
    if begins := _date(word):
        either.append(and_(_STUDIES.study_date >= begins, _STUDIES.study_date < begins + "~"))
    return or_(*either)


def _contains(column: Column[str], word: str) -> ColumnElement[bool]:
    return column.contains(word, autoescape=True)  # SQLite's LIKE minds no case of ASCII letters


def _has_modality(modality: str) -> ColumnElement[bool]:
    among = literal("\\").concat(_STUDIES.modalities).concat("\\")
    return func.instr(among, f"\\{modality}\\") > 0


def _date(word: str) -> str:
    """The beginning of a DA that a word may mean: a year, a month of it, a day; `""` for none.

    >>> _date("2024"), _date("2024-05"), _date("17.05.2024"), _date("1234567")
    ('2024', '202405', '20240517', '')
    """
    parts = word.replace("/", "-").replace(".", "-").split("-")
    if not all(part.isascii() and part.isdecimal() for part in parts):
        return ""
    if len(parts) == 3 and len(parts[2]) == 4:
        parts.reverse()
    widths = [len(part) for part in parts]
    is_split = widths[0] == 4 and all(1 <= width <= 2 for width in widths[1:]) and len(parts) <= 3
    if is_split:
        return "".join([parts[0], *(part.zfill(2) for part in parts[1:])])
    return parts[0] if widths in ([6], [8]) else ""
