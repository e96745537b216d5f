"""`/api/studies`, `/api/patients`: the list of studies, a study, a patient, the attributes of an instance.

What is looked for is sent in the body of a request, never in an address: addresses are kept by proxies.
"""

import itertools
from collections import Counter
from typing import Annotated, NamedTuple

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody, Parameter

from sagittal.access.permits import may, may_at
from sagittal.api.asking import AnyRequest, Id, UidInPath, actor_of
from sagittal.api.study_bodies import (
    Allowed,
    Facilities,
    OfModality,
    PatientShown,
    SeriesShown,
    StudiesPage,
    StudyInFull,
    StudySearch,
    TagShown,
    TagsShown,
    modalities_of,
    shown,
)
from sagittal.archive.archive import Archive
from sagittal.errors import NotFound
from sagittal.find.listing import (
    MOST_COUNTED,
    MOST_LISTED,
    Listing,
    count_studies,
    facilities_listed,
    list_studies,
)
from sagittal.find.study import series_of, study_of
from sagittal.retrieve.sending import Sending, part_of
from sagittal.retrieve.tags import tags_of
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline

_Series = Annotated[str, Parameter(max_length=64, description='Series Instance UID; `""` for all of the study')]
_Instance = Annotated[str, Parameter(max_length=64, description='SOP Instance UID; `""` for the first there is')]
_Modality = Annotated[str, Parameter(max_length=16, description='only studies with this modality; `""` for all')]


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
        kinds = Counter(itertools.chain.from_iterable(map(modalities_of, found)))
        rows = [one for one in found if not modality or modality in modalities_of(one)]
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


def _allowed(actor: Actor, facility: str) -> Allowed:
    return Allowed(
        read=may(actor, "read"),
        export=may(actor, "export"),
        send=may(actor, "send"),
        change=may_at(actor, "change", facility),
        share=may(actor, "share"),
    )
