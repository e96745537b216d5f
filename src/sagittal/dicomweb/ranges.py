"""Parts of a representation by byte range (RFC 9110 Section 14; PS3.18 Section 8.4 allows it for every resource).

One range is served; a request for several gets all of it, as RFC 9110 Section 14.2 leaves to the server.
"""

import re
from collections.abc import AsyncGenerator, Callable
from typing import NamedTuple

from sagittal.dicomweb.exchange import Answer, Headers, Request
from sagittal.dicomweb.pieces import body_of

_FORM = re.compile(r"bytes=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.ASCII | re.IGNORECASE)

Opening = Callable[[int, int], AsyncGenerator[bytes, None]]
"""Gives bytes `[start, stop)` of the representation."""


class Span(NamedTuple):
    """Bytes `[start, stop)`."""

    start: int
    stop: int


async def ranged(request: Request, headers: Headers, etag: str, length: int, opening: Opening) -> Answer:
    """200 with all bytes of a representation, 206 with the range asked for, or 416 if it has no such bytes."""
    headers += (("accept-ranges", "bytes"),)
    span = wanted_span(request.header("range"), request.header("if-range"), etag, length)
    if span is None:
        return Answer(200, headers, await body_of(opening(0, length), length), length)
    if span.start >= span.stop:
        return Answer(416, (("content-range", f"bytes */{length}"), *headers[1:]))
    size = span.stop - span.start
    headers += (("content-range", f"bytes {span.start}-{span.stop - 1}/{length}"),)
    return Answer(206, headers, await body_of(opening(span.start, span.stop), size), size)


def wanted_span(field: str, if_range: str, etag: str, length: int) -> Span | None:
    """The range that a request asks for; None for all, one without bytes if it cannot be satisfied.

    What is malformed, or is of another version than `If-Range` names, asks for all (RFC 9110 Sections 13.1.5, 14.2).

    >>> wanted_span("bytes=2-5", "", '"e"', 10), wanted_span("bytes=-3", "", '"e"', 10)
    (Span(start=2, stop=6), Span(start=7, stop=10))
    >>> wanted_span("bytes=1-2,4-5", "", '"e"', 10), wanted_span("bytes=10-", "", '"e"', 10)
    (None, Span(start=0, stop=0))
    """
    found = _FORM.fullmatch(field.strip())
    if found is None or (if_range and if_range != etag):
        return None
    first, last = found[1], found[2]
    if not first:
        if not last:
            return None
        return Span(max(0, length - int(last)), length) if int(last) and length else Span(0, 0)
    if last and int(last) < int(first):
        return None
    if int(first) >= length:
        return Span(0, 0)
    return Span(int(first), min(length, int(last) + 1) if last else length)
