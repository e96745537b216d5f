"""The HTTP application: Litestar for what is typed and small, the DICOMweb door mounted beside it.

A Litestar route costs 17-19 us, its mount of an ASGI application 5 us, the bare application 1 us (measured without a
server): so DICOMweb, whose answers are made by hand anyway, is mounted.
"""

from collections.abc import Callable, Sequence

import msgspec
from litestar import Litestar, Response, asgi, get
from litestar.types import ControllerRouterHandler, ExceptionHandlersMap, Receive, Scope, Send

from sagittal.archive.archive import Archive
from sagittal.dicomweb.cache import AnswerCache, BytesCache
from sagittal.dicomweb.context import BASE_PATH, Context, WebLimits
from sagittal.dicomweb.door import Door
from sagittal.dicomweb.kept_metadata import KeptMetadata
from sagittal.dicomweb.settling import Settler
from sagittal.runtime.pools import WorkerPool


class Health(msgspec.Struct, frozen=True):
    """Whether this process can do its work."""

    status: str


class WebApp(msgspec.Struct, frozen=True):
    """The application to serve; the door in it, to count and cut off what runs; its workers, to be closed after it.

    Attributes:
        settler: what is to run beside it.
    """

    asgi: Litestar
    door: Door
    pool: WorkerPool
    settler: Settler


def create_app(
    archive: Archive,
    limits: WebLimits | None = None,
    *,
    is_ready: Callable[[], bool] = lambda: True,
    route_handlers: Sequence[ControllerRouterHandler] = (),
    pool: WorkerPool | None = None,
    exception_handlers: "ExceptionHandlersMap | None" = None,
) -> WebApp:
    """The application for one archive: `/dicom-web/...`, `/wado`, `/health`, and `route_handlers` of others.

    Args:
        limits: how much one request may ask; the defaults if None.
        is_ready: whether `/health` says 200 or 503.
        route_handlers: further Litestar routes, for example a page for `/`.
        pool: where pictures are made; one of its own if None. Whoever runs the application closes it.
        exception_handlers: how failures of those routes are told, and paths where nothing is.
    """
    limits = limits or WebLimits()
    pool = pool or WorkerPool()
    kept_metadata = KeptMetadata(archive.root)
    settler = Settler(archive, pool, kept_metadata)
    context = Context(
        archive=archive,
        limits=limits,
        metadata_cache=BytesCache(limits.cache_bytes),
        picture_cache=BytesCache(limits.picture_cache_bytes),
        answer_cache=AnswerCache(limits.answer_cache_bytes),
        kept_metadata=kept_metadata,
        settler=settler,
        pool=pool,
    )
    door = Door(context)

    @get("/health", sync_to_thread=False)
    def health() -> Response[Health]:
        """Says whether this process can do its work."""
        if is_ready():
            return Response(Health("ready"))
        return Response(Health("not ready"), status_code=503)

    async def wado(scope: Scope, receive: Receive, send: Send) -> None:
        """WADO-URI at the place where clients of the field look for it."""
        scope["path"] = "/wado"
        await door(scope, receive, send)

    at_root = asgi("/wado", is_mount=True, copy_scope=True)(wado)
    mounted = asgi(BASE_PATH, is_mount=True, copy_scope=False)(door.__call__)
    return WebApp(
        Litestar(
            [health, mounted, at_root, *route_handlers],
            openapi_config=None,
            logging_config=None,
            exception_handlers=exception_handlers,
        ),
        door,
        pool,
        settler,
    )
