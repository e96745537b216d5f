"""What of a study goes out of the house: files with a DICOMDIR, pictures, and to other systems."""

from collections.abc import AsyncIterator
from typing import Final, get_args

import msgspec
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from sagittal.archive.archive import Archive
from sagittal.archive.model import StoredInstance
from sagittal.errors import Invalid
from sagittal.retrieve.media import zipped
from sagittal.retrieve.pictures import Kind, pictured, zipped_pictures
from sagittal.retrieve.scope import intact, locate
from sagittal.retrieve.sending import Sending, Told, part_of, sending_to, whole
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.pools import WorkerPool
from sagittal.web.forms import form_of
from sagittal.web.pages import AnyRequest, actor_of
from sagittal.web.reasons import reason

_TIMEOUT_S: Final = 60.0
_KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


def study_files(archive: Archive, pool: WorkerPool, sending: Sending) -> list[HTTPRouteHandler]:
    """The routes."""

    async def found(request: AnyRequest, study: str, series: str) -> tuple[StoredInstance, ...]:
        part, deadline = part_of(study, series), Deadline.after(_TIMEOUT_S)
        return intact(await locate(archive, actor_of(request), part, deadline, "export"))

    @get("/studies/{uid:str}/files.zip")
    async def files(request: AnyRequest, uid: FromPath[str], series: FromQuery[str] = "") -> Stream:
        """The files as they are kept, with a DICOMDIR."""
        instances = await found(request, uid, series)
        return Stream(whole(zipped(archive, actor_of(request), instances)), headers=_attached("dicom"))

    @get("/studies/{uid:str}/pictures.zip")
    async def pictures(
        request: AnyRequest, uid: FromPath[str], series: FromQuery[str] = "", kind: FromQuery[str] = "jpeg"
    ) -> Stream:
        """A picture of each instance, as JPEG or PNG."""
        if kind not in _KINDS:
            raise Invalid("pictures are jpeg or png")
        instances = pictured(await found(request, uid, series))
        return Stream(
            whole(zipped_pictures(archive, actor_of(request), pool, instances, kind)), headers=_attached(kind)
        )

    @post("/studies/{uid:str}/send", status_code=200)
    async def sent(request: AnyRequest, uid: FromPath[str]) -> Stream:
        """Sends to a destination, telling how far it is, a line of JSON each; whoever leaves ends it."""
        form, deadline = await form_of(request), Deadline.after(_TIMEOUT_S)
        aet, part = form.one("destination"), part_of(uid, form.one("series"))
        lines = await sending_to(archive, actor_of(request), sending, aet, part, deadline)
        headers = {"cache-control": "no-store", "x-content-type-options": "nosniff", "x-accel-buffering": "no"}
        return Stream(_said(lines), media_type="application/x-ndjson", headers=headers)

    return [files, pictures, sent]


async def _said(lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same, each line with why something did not arrive in the reader's language."""
    async for line in lines:
        told = msgspec.json.decode(line, type=Told)
        yield msgspec.json.encode(msgspec.structs.replace(told, why=reason(told.why))) + b"\n"


def _attached(what: str) -> dict[str, str]:
    return {
        "content-type": "application/zip",
        "content-disposition": f'attachment; filename="study-{what}.zip"',
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
