"""What this origin server does, for clients that ask it (PS3.18 Section 8.9, Retrieve Capabilities).

`OPTIONS` of any resource, or `GET` of the document root. As WADL (W3C submission of 2009), which PS3.18 Section 8.9.3
names, or the same as JSON.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

import msgspec

from sagittal.dicom.web.accept import Offer, negotiate
from sagittal.dicomweb.exchange import Answer, Request
from sagittal.dicomweb.frame_types import DEFAULT_SYNTAXES
from sagittal.dicomweb.problems import NotAcceptable
from sagittal.imaging.render.recipe import MEDIA_TYPES

WADL = "application/vnd.sun.wadl+xml"
JSON = "application/json"
_OFFERS = (Offer(JSON), Offer("application/dicom+json"), Offer(WADL), Offer("application/xml"))

DICOM_PARTS = 'multipart/related; type="application/dicom"'
JSON_TYPE = "application/dicom+json"
XML_PARTS = 'multipart/related; type="application/dicom+xml"'
_SEARCH_PARAMETERS = (
    "{attribute}",
    "includefield",
    "fuzzymatching",
    "emptyvaluematching",
    "multiplevaluematching",
    "limit",
    "offset",
    "orderby",
    "accept",
)
_WADO_PARAMETERS = (
    "requestType",
    "studyUID",
    "seriesUID",
    "objectUID",
    "contentType",
    "transferSyntax",
    "frameNumber",
    "rows",
    "columns",
    "windowCenter",
    "windowWidth",
    "imageQuality",
    "annotation",
)
_BULK_TYPES = ('multipart/related; type="application/octet-stream"', "application/octet-stream")


class _Kind(NamedTuple):
    """What a resource answers with, by the last word of its path."""

    media_types: tuple[str, ...]
    parameters: tuple[str, ...] = ("accept",)


_LOSSY_PARAMETERS = ("accept", "quality")
_FRAME_TYPES = tuple(dict.fromkeys(f'multipart/related; type="{kind.essence}"' for kind in DEFAULT_SYNTAXES[1:]))
_PICTURES = (*MEDIA_TYPES, *(f'multipart/related; type="{essence}"' for essence in MEDIA_TYPES))
_SEARCH = _Kind((JSON_TYPE, XML_PARTS), _SEARCH_PARAMETERS)
_OBJECTS = _Kind((DICOM_PARTS, "application/zip"), _LOSSY_PARAMETERS)
_KINDS: Mapping[str, _Kind] = {
    "patients": _SEARCH,
    "studies": _SEARCH,
    "series": _SEARCH,
    "instances": _SEARCH,
    "metadata": _Kind((JSON_TYPE, XML_PARTS)),
    "frames": _Kind((*_BULK_TYPES, *_FRAME_TYPES), _LOSSY_PARAMETERS),
    "bulkdata": _Kind(_BULK_TYPES),
    "pixeldata": _Kind((*_BULK_TYPES[:1], *_FRAME_TYPES), _LOSSY_PARAMETERS),
    "rendered": _Kind(
        (*_PICTURES, "video/mp4", "video/mpeg"), ("accept", "annotation", "quality", "viewport", "window", "iccprofile")
    ),
    "thumbnail": _Kind(_PICTURES, ("accept", "viewport")),
    "wado": _Kind(("application/dicom", *_PICTURES), _WADO_PARAMETERS),
}
_STORE_TYPES = (DICOM_PARTS, "application/dicom", 'multipart/related; type="application/dicom+json"', XML_PARTS)
_NAMES = {
    "studies": "study",
    "series": "series",
    "instances": "instance",
    "frames": "frames",
    "bulkdata": "path",
}


class Resource(msgspec.Struct, frozen=True):
    """A resource in the capabilities document.

    Attributes:
        path: below the document root, variable segments in braces.
        methods: what may be done, GET standing for HEAD too.
        parameters: of the query string.
        answers: media types that GET gives.
        takes: media types that POST takes.
    """

    path: str
    methods: tuple[str, ...]
    parameters: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()


class Capabilities(msgspec.Struct, frozen=True):
    """The document."""

    base: str
    resources: tuple[Resource, ...]


def answer_capabilities(
    request: Request, routes: Mapping[str, Mapping[str, object]], methods: tuple[str, ...] = ()
) -> Answer:
    """The document; with `methods`, those of the resource asked about, in Allow."""
    choice = negotiate(request.accept(), _OFFERS)
    if choice is None:
        raise NotAcceptable(f"capabilities are given as {JSON} or {WADL}")
    found = Capabilities(request.base_url, tuple(_resources(routes)))
    essence = choice.offer.essence
    body = msgspec.json.encode(found) if "json" in essence else _wadl(found).encode()
    allow = (("allow", ", ".join(methods)),) if methods else ()
    return Answer(200, (("content-type", essence), ("vary", "accept"), *allow), body)


def _resources(routes: Mapping[str, Mapping[str, object]]) -> Iterator[Resource]:
    for route, methods in routes.items():
        words = route.strip("/").split("/")
        kind = _OBJECTS if words[-1] == "*" and words[-2] in ("studies", "series", "instances") else None
        kind = kind or _KINDS.get(words[-1] if words[-1] != "*" else words[-2], _Kind(()))
        takes = _STORE_TYPES if "POST" in methods else ()
        has_get = "GET" in methods
        answers, parameters = (kind.media_types, kind.parameters) if has_get else ((), ())
        yield Resource(_named(words), tuple(methods), parameters, answers, takes)


def _named(words: list[str]) -> str:
    named = [f"{{{_NAMES.get(words[index - 1], 'name')}}}" if word == "*" else word for index, word in enumerate(words)]
    return "/" + "/".join(named)


def _wadl(found: Capabilities) -> str:
    resources = "".join(_wadl_resource(resource) for resource in found.resources)
    return (
        '<?xml version="1.0" encoding="UTF-8"?><application xmlns="http://wadl.dev.java.net/2009/02">'
        f"<resources base={quoteattr(found.base)}>{resources}</resources></application>"
    )


def _wadl_resource(resource: Resource) -> str:
    names = re.findall(r"\{(\w+)\}", resource.path)
    variables = "".join(f'<param name="{name}" style="template" required="true"/>' for name in names)
    methods = "".join(_wadl_method(resource, method) for method in resource.methods)
    return f"<resource path={quoteattr(resource.path.strip('/'))}>{variables}{methods}</resource>"


def _wadl_method(resource: Resource, method: str) -> str:
    if method == "GET":
        wanted = "".join(f'<param name="{escape(name)}" style="query"/>' for name in resource.parameters)
        given = "".join(f"<representation mediaType={quoteattr(name)}/>" for name in resource.answers)
    else:
        wanted = "".join(f"<representation mediaType={quoteattr(name)}/>" for name in resource.takes)
        given = "".join(
            f"<representation mediaType={quoteattr(name)}/>" for name in (JSON_TYPE, "application/dicom+xml")
        )
    return f'<method name="{method}"><request>{wanted}</request><response>{given}</response></method>'
