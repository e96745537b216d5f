"""What is asked and told of studies: bodies of `/api/studies` and `/api/patients`."""

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec

from sagittal.api.asking import FacilityName, time_of
from sagittal.archive.archive import Archive
from sagittal.find.listing import MOST_LISTED, Listed, SortedBy
from sagittal.find.preferences import Asked
from sagittal.find.state import State, state_of

_Since = Annotated[str, msgspec.Meta(pattern=r"^([0-9]{8})?$", description="first Study Date, as DA: 20240517")]
_Until = Annotated[str, msgspec.Meta(pattern=r"^([0-9]{8})?$", description="last Study Date, as DA: 20240517")]
_MOST_ID: Final = 2**53
_WORDS: Final = (
    "words, each of which the name (in any order, case and accents folded), Patient ID, Accession Number, date, "
    "modality, facility or Study Description holds"
)


class Filters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is looked for; what is empty is not asked."""

    text: Annotated[str, msgspec.Meta(max_length=200, description=_WORDS)] = ""
    modality: Annotated[str, msgspec.Meta(max_length=16, description="one that the study has")] = ""
    since: _Since = ""
    until: _Until = ""
    facility: FacilityName = ""
    sorted_by: Annotated[SortedBy, msgspec.Meta(description="by what; equal ones by when they came")] = "date"
    is_falling: Annotated[bool, msgspec.Meta(description="whether the greatest comes first")] = True

    def asked(self) -> Asked:
        """The same for the room."""
        return Asked(**{name: getattr(self, name) for name in Asked.__struct_fields__})


class StudySearch(Filters, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is looked for, and which page of it.

    Attributes:
        cursor: `next` of the page before; 0 for the first page.
        limit: how many studies at most.
        with_total: whether all that match are counted.
    """

    cursor: Annotated[int, msgspec.Meta(ge=0, le=_MOST_ID)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST_LISTED - 1)] = 50
    with_total: bool = False


class StudyShown(msgspec.Struct, frozen=True, kw_only=True):
    """A study; what is not known is `""`.

    Attributes:
        id: number of it here.
        patient: number of the patient, for `/api/patients`; it names nobody.
        study: Study Instance UID.
        study_date: as DA (PS3.5).
        study_time: as TM (PS3.5).
        patient_name: as PN (PS3.5).
        modalities: Modalities in Study.
        facility: whose study it is.
        series: how many there are.
        instances: how many there are.
        received: when its first instance came, ISO 8601 in UTC.
        updated: when its last instance came.
        state: `arriving` until half a minute after its last instance; `reported` where there is a report.
    """

    id: int
    patient: int
    study: str
    study_date: str
    study_time: str
    patient_name: str
    patient_id: str
    patient_birth_date: str
    patient_sex: str
    accession_number: str
    study_description: str
    referring_physician_name: str
    modalities: list[str]
    facility: str
    series: int
    instances: int
    received: str
    updated: str
    state: State


class StudiesPage(msgspec.Struct, frozen=True):
    """Studies in the order that was asked for.

    Attributes:
        next: to be given as `cursor` for the next page; null if this is the last.
        total: how many match, where that was asked; at most 10,000.
        is_more: whether there are more than `total` says.
    """

    studies: list[StudyShown]
    next: int | None = None
    total: int | None = None
    is_more: bool = False


class SeriesShown(msgspec.Struct, frozen=True, kw_only=True):
    """A series of a study; what is not known is `""`.

    Attributes:
        series: Series Instance UID.
        instances: how many there are.
    """

    series: str
    series_number: str
    modality: str
    series_description: str
    body_part_examined: str
    instances: int


class Allowed(msgspec.Struct, frozen=True):
    """What who asks may do to studies like it; each act asks the policy again."""

    read: bool
    export: bool
    send: bool
    change: bool
    share: bool


class StudyInFull(msgspec.Struct, frozen=True, kw_only=True):
    """A study with its series.

    Attributes:
        may: what can be done with it.
        destinations: where it can be sent to.
    """

    study: StudyShown
    series: list[SeriesShown]
    may: Allowed
    destinations: list[str]


class Facilities(msgspec.Struct, frozen=True):
    """Names of facilities."""

    facilities: list[str]


class OfModality(msgspec.Struct, frozen=True):
    """How many studies of a patient have a modality."""

    modality: str
    studies: int


class PatientShown(msgspec.Struct, frozen=True, kw_only=True):
    """A patient with their studies.

    Attributes:
        modalities: of all studies, whichever were asked for.
        studies: the newest first, at most 500.
    """

    patient: int
    patient_name: str
    patient_id: str
    patient_birth_date: str
    patient_sex: str
    modalities: list[OfModality]
    studies: list[StudyShown]


class TagShown(msgspec.Struct, frozen=True):
    """An attribute.

    Attributes:
        depth: how many sequences down it is.
        tag: as (gggg,eeee).
        keyword: of PS3.6; `""` for a private one.
        vr: Value Representation (PS3.5).
        value: as text, values between backslashes; of a sequence how many items it has, of what is large an ellipsis.
    """

    depth: int
    tag: str
    keyword: str
    vr: str
    value: str


class TagsShown(msgspec.Struct, frozen=True, kw_only=True):
    """The attributes of an instance.

    Attributes:
        at: which one it is, from 1.
        of: of how many.
        before: SOP Instance UID of the one before it; `""` for none.
        after: SOP Instance UID of the one after it.
    """

    study: str
    series: str
    instance: str
    at: int
    of: int
    before: str
    after: str
    tags: list[TagShown]


def shown(archive: Archive, studies: Sequence[Listed]) -> list[StudyShown]:
    """Studies as the API tells of them."""
    now_ns = archive.now_ns()
    return [
        StudyShown(
            id=one.id,
            patient=one.patient,
            study=one.study_instance_uid,
            study_date=one.study_date,
            study_time=one.study_time,
            patient_name=one.patient_name,
            patient_id=one.patient_id,
            patient_birth_date=one.patient_birth_date,
            patient_sex=one.patient_sex,
            accession_number=one.accession_number,
            study_description=one.study_description,
            referring_physician_name=one.referring_physician_name,
            modalities=modalities_of(one),
            facility=one.facility,
            series=one.series,
            instances=one.instances,
            received=time_of(one.received_ns),
            updated=time_of(one.updated_ns),
            state=state_of(one, now_ns),
        )
        for one in studies
    ]


def modalities_of(study: Listed) -> list[str]:
    """Modalities in Study."""
    return [kind for kind in study.modalities.split("\\") if kind]
