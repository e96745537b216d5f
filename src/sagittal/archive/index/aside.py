"""What is kept aside, for a person who decides: beside another of its UID, or found to be damaged."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import msgspec

from sagittal.archive.index.renderings import Renderings
from sagittal.archive.index.rows import pixels_of, sop_class_of
from sagittal.archive.index.wording import Wording
from sagittal.archive.model import StoredInstance
from sagittal.dicom.dataset import Header
from sagittal.dicom.identifiers import InstanceUID, SeriesUID, SOPClassUID, StudyUID, TransferSyntaxUID

Why: TypeAlias = Literal["conflict", "damaged"]
Condition: TypeAlias = tuple[str, tuple[object, ...]]
"""SQL over `studies`, `series` and, of a conflict, `packs` of the newcomer, with its values."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """Something that lies in a pack, and how it came.

    Attributes:
        received_ns: when, nanoseconds since 1970-01-01 UTC; no two have one time, so this says which.
        door, source, called, address: by which door, from whom, whom they called, from where.
        facility: of its pack.
        digest: BLAKE3 of the file, 32 bytes.
        is_corrupt: its bytes are no longer those that were stored.
    """

    received_ns: int
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    pack: str
    file_offset: int
    file_length: int
    data_set_offset: int
    frame_table: bytes | None
    digest: bytes
    digest_data_set: bytes
    is_corrupt: bool
    door: str
    source: str
    called: str
    address: str
    facility: str


class Aside(msgspec.Struct, frozen=True, kw_only=True):
    """Something that waits for a person.

    Attributes:
        why: `conflict`: it came under a UID that another has; `damaged`: its bytes are not those that were stored.
        patient_name, patient_id, study_date, study_description, modality: of the study in the archive.
        damaged_ns: when the damage was found; 0 if there is none, or the journal does not say.
        newcomer: what lies beside; None for what is damaged only.
        kept: what has the UID.
    """

    why: Why
    patient_name: str
    patient_id: str
    study_date: str
    study_description: str
    modality: str
    damaged_ns: int
    newcomer: Kept | None
    kept: Kept

    @property
    def number(self) -> int:
        """By which it is named: when what it is about came."""
        return (self.newcomer or self.kept).received_ns


_FIELDS: Final = Kept.__struct_fields__
_ABOVE: Final = (
    "studies.patient_name, studies.patient_id, studies.study_date, studies.study_description, series.modality"
)
_OTHERWISE: Final = {
    "i": {"study_instance_uid": "studies.study_instance_uid", "series_instance_uid": "series.series_instance_uid"},
    "c": {},
}
_JOINED: Final = (
    " JOIN series ON series.id = i.series JOIN studies ON studies.id = series.study"
    " LEFT JOIN packs AS p ON p.id = i.pack"
)
_FOUND_DAMAGED: Final = (
    "coalesce((SELECT max(journal.at_ns) FROM journal_instances JOIN journal ON journal.id = journal_instances.entry"
    " WHERE journal_instances.sop_instance_uid = i.sop_instance_uid"
    " AND journal_instances.received_ns IN (i.received_ns, {other}) AND journal.kind = 'damaged'), 0)"
)


def _columns(table: str, packs: str) -> str:
    names = _OTHERWISE[table] | {"facility": f"coalesce({packs}.facility, '')"}
    return ", ".join(names.get(name, f"{table}.{name}") for name in _FIELDS)


_CONFLICTS: Final = (
    f" FROM conflicts AS c JOIN instances AS i ON i.sop_instance_uid = c.sop_instance_uid{_JOINED}"
    " LEFT JOIN packs ON packs.id = c.pack WHERE "
)
_DAMAGED: Final = f" FROM instances AS i{_JOINED} WHERE i.is_corrupt = 1 AND "


class _Asked(NamedTuple):
    """How one kind is asked for: what is selected, from where, and when it came."""

    select: str
    source: str
    at: str


_ASKED: Final[Mapping[Why, _Asked]] = {
    "conflict": _Asked(
        f"SELECT {_ABOVE}, {_FOUND_DAMAGED.format(other='c.received_ns')}, {_columns('i', 'p')},"  # names of ours
        f" {_columns('c', 'packs')}",
        _CONFLICTS,
        "c.received_ns",
    ),
    "damaged": _Asked(
        f"SELECT {_ABOVE}, {_FOUND_DAMAGED.format(other='0')}, {_columns('i', 'p')}",
        _DAMAGED,
        "i.received_ns",
    ),
}


def listing_sql(why: Why, condition: str) -> str:
    """The newest before a time, at most so many, that fulfil a condition: for its values, the time and the number."""
    select, source, at = _ASKED[why]
    return f"{select}{source}({condition}) AND {at} < ? ORDER BY {at} DESC LIMIT ?"


def one_sql(why: Why, condition: str) -> str:
    """What came at a time, if it fulfils a condition: for its values and the time."""
    select, source, at = _ASKED[why]
    return f"{select}{source}({condition}) AND {at} = ?"


def count_sql(why: Why, condition: str) -> str:
    """How many fulfil a condition: for its values."""
    return f"SELECT count(*){_ASKED[why].source}({condition})"


def aside_from(why: Why, row: Sequence[Any]) -> Aside:  # Any: columns of several types
    """What a row of `listing_sql` tells of."""
    size = len(_FIELDS)
    return Aside(
        why=why,
        patient_name=row[0],
        patient_id=row[1],
        study_date=row[2],
        study_description=row[3],
        modality=row[4],
        damaged_ns=row[5],
        kept=_kept(row[6 : 6 + size]),
        newcomer=_kept(row[6 + size :]) if why == "conflict" else None,
    )


def _kept(row: Sequence[Any]) -> Kept:  # Any: columns of several types
    values: dict[str, Any] = dict(zip(_FIELDS, row, strict=True))  # Any: as above
    return Kept(**values | {"is_corrupt": bool(values["is_corrupt"])})


def stored_from(kept: Kept, header: Header) -> StoredInstance:
    """What reads bytes needs to know of it, as `Archive.locate` gives it of what has its UID."""
    wording = Wording(Renderings().of(header))
    wording.follow(header)
    pixels = pixels_of(header, wording, kept.file_length - kept.data_set_offset)
    return StoredInstance(
        study_instance_uid=StudyUID(kept.study_instance_uid),
        series_instance_uid=SeriesUID(kept.series_instance_uid),
        sop_instance_uid=InstanceUID(kept.sop_instance_uid),
        sop_class_uid=SOPClassUID(kept.sop_class_uid or sop_class_of(header)),
        transfer_syntax_uid=TransferSyntaxUID(kept.transfer_syntax_uid),
        pack_id=kept.pack,
        file_offset=kept.file_offset,
        file_length=kept.file_length,
        data_set_offset=kept.data_set_offset,
        **pixels._asdict(),
        frame_table=kept.frame_table,
        digest=kept.digest,
        is_corrupt=kept.is_corrupt,
    )
