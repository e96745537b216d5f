"""Every resource of the door, laid out like PS3.18 Tables 10.3-1, 10.5.1-1, 10.6.1-1 and 10.4.1-1."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from sagittal.dicomweb import bulkdata, frames, metadata, objects, search, store
from sagittal.dicomweb.context import Context
from sagittal.dicomweb.exchange import Answer, Request
from sagittal.dicomweb.problems import MethodNotAllowed
from sagittal.errors import NotFound

Handler: TypeAlias = Callable[[Context, Request, tuple[str, ...]], Awaitable[Answer]]
"""Given the variable segments of the path, in order."""

_STUDY = "/studies/*"
_SERIES = "/studies/*/series/*"
_INSTANCE = "/studies/*/series/*/instances/*"

ROUTES: Mapping[str, Mapping[str, Handler]] = {
    "/studies": {"GET": search.studies, "POST": store.store},
    _STUDY: {"GET": objects.retrieve, "POST": store.store},
    f"{_STUDY}/metadata": {"GET": metadata.retrieve},
    f"{_STUDY}/series": {"GET": search.series},
    f"{_STUDY}/instances": {"GET": search.instances},
    _SERIES: {"GET": objects.retrieve},
    f"{_SERIES}/metadata": {"GET": metadata.retrieve},
    f"{_SERIES}/instances": {"GET": search.instances},
    _INSTANCE: {"GET": objects.retrieve},
    f"{_INSTANCE}/metadata": {"GET": metadata.retrieve},
    f"{_INSTANCE}/frames/*": {"GET": frames.retrieve},
    f"{_INSTANCE}/bulkdata/*": {"GET": bulkdata.retrieve},
    "/patients": {"GET": search.patients},
    "/series": {"GET": search.series},
    "/instances": {"GET": search.instances},
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
    handler = methods.get("GET" if method == "HEAD" else method)
    if handler is None:
        raise MethodNotAllowed(f"the resource takes {', '.join(methods)}", *methods)
    return handler, tuple(segments[1::2])


_MAX_SEGMENTS = 12
