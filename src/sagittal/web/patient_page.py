"""A patient at `/patients/{number}`: their studies over the years. The number is of a row and names nobody."""

from collections import Counter
from itertools import groupby
from typing import Final

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from sagittal.archive.archive import Archive
from sagittal.errors import NotFound
from sagittal.find.listing import MOST_LISTED, Listing, list_studies
from sagittal.runtime.deadline import Deadline
from sagittal.web import showing
from sagittal.web.pages import AnyRequest, actor_of, page
from sagittal.web.places import STUDIES
from sagittal.web.study_page import NO_PICTURES

_TIMEOUT_S: Final = 20.0
_MOST_NUMBER: Final = 2**62


def patient_page(archive: Archive, dicomweb_root: str) -> HTTPRouteHandler:
    """The route; thumbnails come from DICOMweb."""

    @get("/patients/{number:int}")
    async def patient(request: AnyRequest, number: FromPath[int], modality: FromQuery[str] = "") -> Response[str]:
        """The timeline, of one modality if one is named."""
        if not 0 < number < _MOST_NUMBER:
            raise NotFound("there is no such patient")
        listing = Listing(patient=number, limit=MOST_LISTED)
        found = await list_studies(archive, actor_of(request), listing, Deadline.after(_TIMEOUT_S))
        if not found:
            raise NotFound("there is no such patient, or none of whom you may see a study")
        kinds = Counter(kind for one in found for kind in one.modalities.split("\\") if kind)
        shown = [one for one in found if not modality or modality in one.modalities.split("\\")]
        years = [(year, list(some)) for year, some in groupby(shown, lambda one: showing.year(one.study_date))]
        values = {
            "p": found[0],
            "years": years,
            "kinds": sorted(kinds.items()),
            "modality": modality if modality in kinds else "",
            "total": len(found),
            "root": dicomweb_root,
            "number_of": number,
            "no_pictures": NO_PICTURES,
            "here": STUDIES,
        }
        return page(request, "patient.html", values=values)

    return patient
