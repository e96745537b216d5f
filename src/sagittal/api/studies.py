"""`/api/studies`, `/api/patients`: the list of studies, a study, a patient, the attributes of an instance.

What is looked for is sent in the body of a request, never in an address: addresses are kept by proxies.
"""

import itertools
from collections import Counter
from typing import Annotated, Final, NamedTuple

import msgspec
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody, Parameter

from sagittal.access.permits import may, may_at
from sagittal.api.asking import AnyRequest, FacilityName, Id, UidInPath, actor_of, time_of
from sagittal.archive.archive import Archive
from sagittal.errors import NotFound
from sagittal.find.listing import (
    MOST_COUNTED,
    MOST_LISTED,
    Listed,
    Listing,
    SortedBy,
    count_studies,
    facilities_listed,
    list_studies,
)
from sagittal.find.preferences import Asked
from sagittal.find.state import State, state_of
from sagittal.find.study import series_of, study_of
from sagittal.retrieve.sending import Sending, part_of
from sagittal.retrieve.tags import tags_of
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline

_Since = Annotated[str, msgspec.Meta(pattern=r"^([0-9]{8})?$", description="first Study Date, as DA: 20240517")]
_Until = Annotated[str, msgspec.Meta(pattern=r"^([0-9]{8})?$", description="last Study Date, as DA: 20240517")]
_Series = Annotated[str, Parameter(max_length=64, description='Series Instance UID; `""` for all of the study')]
_Instance = Annotated[str, Parameter(max_length=64, description='SOP Instance UID; `""` for the first there is')]
_Modality = Annotated[str, Parameter(max_length=16, description='only studies with this modality; `""` for all')]
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


class Shelf(NamedTuple):
    """What the routes of studies work with."""

    archive: Archive
    sending: Sending
    timeout_s: float

    def deadline(self) -> Deadline:
        """Of a request that comes now."""
        return Deadline.after(self.timeout_s)


def study_routes(shelf: Shelf) -> list[HTTPRouteHandler]:
    """The routes, to be mounted under `/api`."""
    return [*_list_routes(shelf), *_one_routes(shelf)]


def _list_routes(shelf: Shelf) -> list[HTTPRouteHandler]:
    archive = shelf.archive

    @post("/studies/search", status_code=200, takes="query")
    async def searched(request: AnyRequest, data: JSONBody[StudySearch]) -> StudiesPage:
        """Searches the studies.

        The next page begins behind the last study of this one, so that nothing is given twice when others arrive.
        """
        actor, deadline, asked = actor_of(request), shelf.deadline(), data.asked()
        found = await list_studies(archive, actor, asked.listing(data.cursor, data.limit + 1), deadline)
        rows = found[: data.limit]
        total = await count_studies(archive, actor, asked.listing(0, 1), deadline) if data.with_total else None
        return StudiesPage(
            shown(archive, rows),
            rows[-1].id if len(found) > len(rows) else None,
            None if total is None else min(total, MOST_COUNTED),
            total is not None and total > MOST_COUNTED,
        )

    @get("/studies/facilities", takes="query")
    async def facilities(request: AnyRequest) -> Facilities:
        """Lists the facilities whose studies you may ask for.

        At most fifty, by name: for the choice of a filter.
        """
        return Facilities(list(await facilities_listed(archive, actor_of(request), shelf.deadline())))

    @get("/patients/{patient:int}", takes="query")
    async def patient(request: AnyRequest, patient: FromPath[Id], modality: FromQuery[_Modality] = "") -> PatientShown:
        """Shows a patient with their studies over the years.

        The number stands in the answers of `/api/studies/search`.
        """
        found = await list_studies(
            archive, actor_of(request), Listing(patient=patient, limit=MOST_LISTED), shelf.deadline()
        )
        if not found:
            raise NotFound("there is no such patient, or none of whom you may see a study")
        kinds = Counter(itertools.chain.from_iterable(map(_modalities, found)))
        rows = [one for one in found if not modality or modality in _modalities(one)]
        return PatientShown(
            patient=patient,
            patient_name=found[0].patient_name,
            patient_id=found[0].patient_id,
            patient_birth_date=found[0].patient_birth_date,
            patient_sex=found[0].patient_sex,
            modalities=[OfModality(*kind) for kind in sorted(kinds.items())],
            studies=shown(archive, rows),
        )

    return [searched, facilities, patient]


def _one_routes(shelf: Shelf) -> list[HTTPRouteHandler]:
    archive = shelf.archive

    @get("/studies/{study:str}", takes="query")
    async def one(request: AnyRequest, study: FromPath[UidInPath]) -> StudyInFull:
        """Shows a study with its series.

        At most 1,000 series; DICOMweb has all there is of each.
        """
        actor, deadline = actor_of(request), shelf.deadline()
        found = await study_of(archive, actor, study, deadline)
        series = await series_of(archive, actor, study, deadline)
        return StudyInFull(
            study=shown(archive, (found,))[0],
            series=[
                SeriesShown(
                    series=part.uid,
                    series_number=part.number,
                    modality=part.modality,
                    series_description=part.description,
                    body_part_examined=part.body_part,
                    instances=part.instances,
                )
                for part in series
            ],
            may=_allowed(actor, found.facility),
            destinations=list(shelf.sending.destinations()) if may(actor, "send") else [],
        )

    @get("/studies/{study:str}/tags", takes="read")
    async def tags(
        request: AnyRequest,
        study: FromPath[UidInPath],
        series: FromQuery[_Series] = "",
        instance: FromQuery[_Instance] = "",
    ) -> TagsShown:
        """Shows the attributes of an instance.

        Of the first of the study, or of a series, where none is named. At most 4,000 rows.
        """
        found = await tags_of(archive, actor_of(request), part_of(study, series), instance, shelf.deadline())
        if instance not in ("", found.instance.sop_instance_uid):
            raise NotFound("there is no such instance in it")
        return TagsShown(
            study=found.instance.study_instance_uid,
            series=found.instance.series_instance_uid,
            instance=found.instance.sop_instance_uid,
            at=found.at,
            of=found.of,
            before=found.before.sop_instance_uid if found.before else "",
            after=found.after.sop_instance_uid if found.after else "",
            tags=[TagShown(*row) for row in found.rows],
        )

    return [one, tags]


def shown(archive: Archive, studies: "tuple[Listed, ...] | list[Listed]") -> list[StudyShown]:
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
            modalities=_modalities(one),
            facility=one.facility,
            series=one.series,
            instances=one.instances,
            received=time_of(one.received_ns),
            updated=time_of(one.updated_ns),
            state=state_of(one, now_ns),
        )
        for one in studies
    ]


def _modalities(study: Listed) -> list[str]:
    return [kind for kind in study.modalities.split("\\") if kind]


def _allowed(actor: Actor, facility: str) -> Allowed:
    return Allowed(
        read=may(actor, "read"),
        export=may(actor, "export"),
        send=may(actor, "send"),
        change=may_at(actor, "change", facility),
        share=may(actor, "share"),
    )
