"""Every resource of the door, laid out like PS3.18 Tables 10.3-1, 10.5.1-1, 10.6.1-1 and 10.4.1-1."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeAlias

from sagittal.dicomweb import bulk_resources, bulkdata, frames, metadata, objects, rendered, search, store, wado_uri
from sagittal.dicomweb.capabilities import answer_capabilities
from sagittal.dicomweb.context import Context
from sagittal.dicomweb.exchange import Answer, Request
from sagittal.dicomweb.problems import MethodNotAllowed
from sagittal.dicomweb.rejecting import reject
from sagittal.dicomweb.short_paths import by_instance, by_series
from sagittal.dicomweb.video import or_video
from sagittal.errors import NotFound

Handler: TypeAlias = Callable[[Context, Request, tuple[str, ...]], Awaitable[Answer]]
"""Given the variable segments of the path, in order."""


async def capabilities(context: Context, request: Request, names: tuple[str, ...]) -> Answer:
    """`GET /`: what this server does; with the parameters of WADO-URI, which clients send there too, what they name."""
    if any(parameter.name == "requestType" for parameter in request.parameters()):
        return await wado_uri.retrieve(context, request, names)
    return answer_capabilities(request, ROUTES)


shown = or_video(rendered.retrieve)
"""`GET .../rendered`."""

_STUDY = "/studies/*"
_SERIES = "/studies/*/series/*"
_INSTANCE = "/studies/*/series/*/instances/*"

ROUTES: Mapping[str, Mapping[str, Handler]] = {
    "/": {"GET": capabilities},
    "/studies": {"GET": search.studies, "POST": store.store},
    _STUDY: {"GET": objects.retrieve, "POST": store.store, "DELETE": reject},
    f"{_STUDY}/metadata": {"GET": metadata.retrieve},
    f"{_STUDY}/rendered": {"GET": shown},
    f"{_STUDY}/thumbnail": {"GET": rendered.thumbnail},
    f"{_STUDY}/bulkdata": {"GET": bulk_resources.bulk_data},
    f"{_STUDY}/pixeldata": {"GET": bulk_resources.pixel_data},
    f"{_STUDY}/series": {"GET": search.series},
    f"{_STUDY}/instances": {"GET": search.instances},
    _SERIES: {"GET": objects.retrieve, "POST": store.store, "DELETE": reject},
    f"{_SERIES}/metadata": {"GET": metadata.retrieve},
    f"{_SERIES}/rendered": {"GET": shown},
    f"{_SERIES}/thumbnail": {"GET": rendered.thumbnail},
    f"{_SERIES}/bulkdata": {"GET": bulk_resources.bulk_data},
    f"{_SERIES}/pixeldata": {"GET": bulk_resources.pixel_data},
    f"{_SERIES}/instances": {"GET": search.instances},
    _INSTANCE: {"GET": objects.retrieve, "DELETE": reject},
    f"{_INSTANCE}/metadata": {"GET": metadata.retrieve},
    f"{_INSTANCE}/rendered": {"GET": shown},
    f"{_INSTANCE}/thumbnail": {"GET": rendered.thumbnail},
    f"{_INSTANCE}/bulkdata": {"GET": bulk_resources.bulk_data},
    f"{_INSTANCE}/pixeldata": {"GET": bulk_resources.pixel_data},
    f"{_INSTANCE}/frames/*": {"GET": frames.retrieve},
    f"{_INSTANCE}/frames/*/rendered": {"GET": rendered.retrieve_frames},
    f"{_INSTANCE}/frames/*/thumbnail": {"GET": rendered.thumbnail},
    f"{_INSTANCE}/bulkdata/*": {"GET": bulkdata.retrieve},
    "/patients": {"GET": search.patients},
    "/series": {"GET": search.series},
    "/instances": {"GET": search.instances},
    "/series/*": {"GET": by_series(objects.retrieve)},
    "/series/*/metadata": {"GET": by_series(metadata.retrieve)},
    "/series/*/rendered": {"GET": by_series(shown)},
    "/series/*/thumbnail": {"GET": by_series(rendered.thumbnail)},
    "/series/*/bulkdata": {"GET": by_series(bulk_resources.bulk_data)},
    "/series/*/pixeldata": {"GET": by_series(bulk_resources.pixel_data)},
    "/series/*/instances": {"GET": by_series(search.instances)},
    "/instances/*": {"GET": by_instance(objects.retrieve)},
    "/instances/*/metadata": {"GET": by_instance(metadata.retrieve)},
    "/instances/*/rendered": {"GET": by_instance(shown)},
    "/instances/*/thumbnail": {"GET": by_instance(rendered.thumbnail)},
    "/instances/*/bulkdata": {"GET": by_instance(bulk_resources.bulk_data)},
    "/instances/*/pixeldata": {"GET": by_instance(bulk_resources.pixel_data)},
    "/instances/*/frames/*": {"GET": by_instance(frames.retrieve)},
    "/instances/*/frames/*/rendered": {"GET": by_instance(rendered.retrieve_frames)},
    "/instances/*/frames/*/thumbnail": {"GET": by_instance(rendered.thumbnail)},
    "/instances/*/bulkdata/*": {"GET": by_instance(bulkdata.retrieve)},
    "/wado": {"GET": wado_uri.retrieve},
}


def find_route(method: str, path: str) -> tuple[Handler, tuple[str, ...]]:
    """The handler for a method and a path below the document root, and the path's variable segments.

    Raises:
        NotFound: no resource has that form.
        MethodNotAllowed: the resource has other methods.
    """
    segments = path.strip("/").split("/", _MAX_SEGMENTS)
    methods = ROUTES.get("".join(f"/{'*' if index % 2 else segment}" for index, segment in enumerate(segments)))
    if methods is None:
        raise NotFound("no DICOMweb resource has a path of that form")
    if method == "OPTIONS":
        return _options(tuple(methods)), ()
    handler = methods.get("GET" if method == "HEAD" else method)
    if handler is None:
        raise MethodNotAllowed(f"the resource takes {', '.join(methods)}", *_allowed(methods))
    return handler, tuple(segments[1::2])


def _allowed(methods: Iterable[str]) -> tuple[str, ...]:
    """What `Allow` says: HEAD goes where GET does, OPTIONS everywhere."""
    own = tuple(methods)
    return (*own, *(("HEAD",) if "GET" in own else ()), "OPTIONS")


def _options(methods: tuple[str, ...]) -> Handler:
    """Tells what the server does and which methods a resource has (PS3.18 Section 8.9)."""

    async def handle(_context: Context, request: Request, _names: tuple[str, ...]) -> Answer:
        return answer_capabilities(request, ROUTES, _allowed(methods))

    return handle


_MAX_SEGMENTS = 12
