"""`/api/studies/{study}/...`: what of a study goes out of the house: files, pictures, and to other systems."""

from typing import Annotated, Final

import msgspec
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody, Parameter
from litestar.response import Stream

from sagittal.api.asking import AnyRequest, PartUid, UidInPath, actor_of
from sagittal.api.studies import Shelf
from sagittal.archive.model import StoredInstance
from sagittal.retrieve.media import zipped
from sagittal.retrieve.pictures import Kind, pictured, zipped_pictures
from sagittal.retrieve.scope import intact, locate
from sagittal.retrieve.sending import part_of, sending_to, whole
from sagittal.runtime.pools import WorkerPool

_ZIP: Final = "application/zip"
_LINES: Final = "application/x-ndjson"
_Series = Annotated[str, Parameter(max_length=64, description='Series Instance UID; `""` for all of the study')]


class SendTo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where to, and what of the study.

    Attributes:
        destination: an AE title of the settings.
        series: Series Instance UID; `""` for all of the study.
    """

    destination: Annotated[str, msgspec.Meta(min_length=1, max_length=16)]
    series: PartUid = ""


def study_file_routes(shelf: Shelf, pool: WorkerPool) -> list[HTTPRouteHandler]:
    """The routes, to be mounted under `/api`; `pool` makes pictures."""
    archive = shelf.archive

    async def found(request: AnyRequest, study: str, series: str) -> tuple[StoredInstance, ...]:
        return intact(await locate(archive, actor_of(request), part_of(study, series), shelf.deadline(), "export"))

    @get("/studies/{study:str}/files.zip", takes="export", gives=_ZIP)
    async def files(request: AnyRequest, study: FromPath[UidInPath], series: FromQuery[_Series] = "") -> Stream:
        """Gives the files as they are kept, in a ZIP with a DICOMDIR.

        An answer that breaks off is not whole: what could not be read ends it.
        """
        instances = await found(request, study, series)
        return Stream(whole(zipped(archive, actor_of(request), instances)), headers=_attached("dicom"))

    @get("/studies/{study:str}/pictures.zip", takes="export", gives=_ZIP)
    async def pictures(
        request: AnyRequest,
        study: FromPath[UidInPath],
        series: FromQuery[_Series] = "",
        kind: FromQuery[Kind] = "jpeg",
    ) -> Stream:
        """Gives a picture of each instance, in a ZIP.

        Of each its middle frame. At most 2,000 pictures at once; take one series after the other.
        """
        instances = pictured(await found(request, study, series))
        made = zipped_pictures(archive, actor_of(request), pool, instances, kind)
        return Stream(whole(made), headers=_attached(kind))

    @post("/studies/{study:str}/send", status_code=200, takes="send", gives=_LINES)
    async def sent(request: AnyRequest, study: FromPath[UidInPath], data: JSONBody[SendTo]) -> Stream:
        """Sends to a destination (C-STORE), telling how far it is.

        The answer has a line of JSON at the beginning and after each instance: `sent`, `failed`, `of`, `why`. Whoever
        closes the connection ends it.
        """
        actor, part = actor_of(request), part_of(study, data.series)
        lines = await sending_to(archive, actor, shelf.sending, data.destination, part, shelf.deadline())
        headers = {"cache-control": "no-store", "x-content-type-options": "nosniff", "x-accel-buffering": "no"}
        return Stream(lines, media_type=_LINES, headers=headers)

    return [files, pictures, sent]


def _attached(what: str) -> dict[str, str]:
    return {
        "content-type": _ZIP,
        "content-disposition": f'attachment; filename="study-{what}.zip"',
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
