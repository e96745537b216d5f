"""`/view/{study}/drawn/{instance}`: what segmentations and structure sets draw over pictures, for the light viewer."""

import gzip
from typing import Final

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from sagittal.archive.archive import Archive
from sagittal.archive.model import StoredInstance
from sagittal.dicom.identifiers import InstanceUID, StudyUID
from sagittal.retrieve.drawn import MAX_AT_ONCE, drawn, runs
from sagittal.retrieve.scope import Scope, intact, locate
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.pools import WorkerPool
from sagittal.web.pages import AnyRequest, actor_of
from sagittal.web.viewer_paths import checked

_TIMEOUT_S: Final = 60.0
_FOR_GOOD: Final = "private, max-age=31536000, immutable"


def drawn_routes(archive: Archive, pool: WorkerPool) -> tuple[HTTPRouteHandler, ...]:
    """The routes, to be mounted under `/view`."""

    async def located(actor: Actor, study: str, instance: str, deadline: Deadline) -> StoredInstance:
        scope = Scope(study=StudyUID(checked(study)), instance=InstanceUID(checked(instance)))
        return intact(await locate(archive, actor, scope, deadline))[0]

    @get("/{study:str}/drawn/{instance:str}")
    async def description(
        request: AnyRequest, study: FromPath[str], instance: FromPath[str], v: FromQuery[str] = ""
    ) -> Response[bytes]:
        """The segments or regions, and where they lie."""
        deadline, actor = Deadline.after(_TIMEOUT_S), actor_of(request)
        found = await located(actor, study, instance, deadline)
        return _packed(request, found, v, await drawn(archive, actor, pool, found, deadline), "application/json")

    @get("/{study:str}/drawn/{instance:str}/runs")
    async def values(
        request: AnyRequest,
        study: FromPath[str],
        instance: FromPath[str],
        first: FromQuery[int] = 1,
        count: FromQuery[int] = MAX_AT_ONCE,
        v: FromQuery[str] = "",
    ) -> Response[bytes]:
        """The values of some frames of a segmentation; how many they are is in `frame-count`."""
        deadline, actor = Deadline.after(_TIMEOUT_S), actor_of(request)
        found = await located(actor, study, instance, deadline)
        body, given = await runs(archive, actor, pool, found, first, count, deadline)
        answer = _packed(request, found, v, body, "application/octet-stream")
        answer.headers["frame-count"] = str(given)
        return answer

    return description, values


def _packed(
    request: AnyRequest, instance: StoredInstance, version: str, body: bytes, media_type: str
) -> Response[bytes]:
    """A gzipped body as the client takes it; kept for good where its address names the bytes that it is made of."""
    takes_gzip = "gzip" in request.headers.get("accept-encoding", "")
    headers = {
        "cache-control": _FOR_GOOD if version == instance.digest.hex()[:12] else "no-store",
        "vary": "accept-encoding",
        "x-content-type-options": "nosniff",
        **({"content-encoding": "gzip"} if takes_gzip else {}),
    }
    return Response(body if takes_gzip else gzip.decompress(body), media_type=media_type, headers=headers)
