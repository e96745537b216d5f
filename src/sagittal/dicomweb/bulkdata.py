"""WADO-RS bulk data: every value that metadata gives a BulkDataURI for (PS3.18 Section 10.4.1.1.5)."""

from collections.abc import AsyncGenerator, AsyncIterator

from sagittal.archive.model import StoredInstance
from sagittal.dicom.transfer_syntax import encoding_of
from sagittal.dicom.web.accept import Offer, negotiate
from sagittal.dicomweb.bulk_paths import bulk_url, parse_path
from sagittal.dicomweb.context import Context
from sagittal.dicomweb.exchange import Answer, Headers, Request
from sagittal.dicomweb.frame_types import OCTETS
from sagittal.dicomweb.frames import answer_frames
from sagittal.dicomweb.pieces import Multipart, Part, body_of
from sagittal.dicomweb.problems import NotAcceptable
from sagittal.dicomweb.ranges import ranged, wanted_span
from sagittal.dicomweb.urls import scope_of
from sagittal.dicomweb.validators import UNCHANGING, etag_of, is_fresh
from sagittal.retrieve.metadata import Span, locate_bulk
from sagittal.retrieve.scope import locate
from sagittal.retrieve.video import is_video

_RELATED = "multipart/related"
_OFFERS = (Offer(_RELATED, OCTETS), Offer(OCTETS))
_PIECE_BYTES = 256 * 1024


async def retrieve(context: Context, request: Request, names: tuple[str, ...]) -> Answer:
    """`GET .../bulkdata/{path}`: the value's bytes as stored; encapsulated or big endian pixel data as its frames."""
    path = parse_path(names[3])
    actor = request.actor()
    instance = (await locate(context.archive, actor, scope_of(names[:3]), request.deadline))[0]
    is_swapped = not encoding_of(instance.transfer_syntax_uid).is_little_endian
    if path == (instance.pixel_tag,) and (instance.pixel_length is None or is_swapped):
        numbers = range(1, 2 if is_video(instance) else instance.frames + 1)
        return await answer_frames(context, request, instance, numbers)
    choice = negotiate(request.accept(), _OFFERS)
    if choice is None:
        raise NotAcceptable("bulk data is application/octet-stream, alone or in multipart/related")
    etag = etag_of([instance], "bulk", names[3], choice.offer.essence)
    headers: Headers = (("etag", etag), ("cache-control", UNCHANGING), ("vary", "accept"))
    if is_fresh(request, etag):
        return Answer(304, headers)
    span = await locate_bulk(context.archive, actor, instance, path, request.deadline)
    if choice.offer.essence == OCTETS:
        whole = (("content-type", OCTETS), *headers)

        def opening(start: int, stop: int) -> AsyncGenerator[bytes, None]:
            return bytes_of(context, instance, Span(span.data, span.offset + start, stop - start))

        return await ranged(request, whole, etag, span.length, opening)
    return await _in_part(context, request, instance, span, headers, etag, bulk_url(request.base_url, instance, path))


async def _in_part(
    context: Context, request: Request, instance: StoredInstance, span: Span, headers: Headers, etag: str, location: str
) -> Answer:
    """The value in a multipart body; a range asked for is one of the value, as clients of the field mean it.

    Departs from RFC 9110 Section 14, where it would be one of the multipart body: dicomweb-client (JavaScript) sends
    both fields, and takes the part for the bytes it named.
    """
    wanted = wanted_span(request.header("range"), request.header("if-range"), etag, span.length)
    status = 200
    if wanted is not None:
        if wanted.start >= wanted.stop:
            return Answer(416, (("content-range", f"bytes */{span.length}"), *headers))
        headers += (("content-range", f"bytes {wanted.start}-{wanted.stop - 1}/{span.length}"),)
        span, status = Span(span.data, span.offset + wanted.start, wanted.stop - wanted.start), 206
    multipart = Multipart(OCTETS)
    length = multipart.length([(OCTETS, span.length)], location)
    body = await body_of(multipart.write(_part(context, instance, span, location)), length)
    return Answer(status, (("content-type", multipart.content_type), *headers), body, length)


async def _part(context: Context, instance: StoredInstance, span: Span, location: str) -> AsyncIterator[Part]:
    yield Part(OCTETS, span.length, bytes_of(context, instance, span), location)


async def bytes_of(context: Context, instance: StoredInstance, span: Span) -> AsyncGenerator[bytes, None]:
    """The bytes of a value in pieces."""
    for at in range(span.offset, span.offset + span.length, _PIECE_BYTES):
        size = min(_PIECE_BYTES, span.offset + span.length - at)
        if span.data is not None:
            yield span.data[at : at + size]
        else:
            yield await context.archive.read(instance, instance.data_set_offset + at, size)
