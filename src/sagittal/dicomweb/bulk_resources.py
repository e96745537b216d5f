"""WADO-RS bulk data and pixel data of whole studies, series and instances (PS3.18 Sections 10.4.1.1.5 and 10.4.1.1.6).

    .../bulkdata    every value that metadata gives a BulkDataURI for, pixel data among them
    .../pixeldata   the pixel data at the top of each instance, no icons

Each value is a part, and says in Content-Location by which BulkDataURI the metadata calls it; of encapsulated pixel
data each frame is one, in the order of frames, as a store of them takes it (Section 10.5.2). 206 where the client takes
the pixels of some instances in no form.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from typing import NamedTuple

from sagittal.archive.model import StoredInstance
from sagittal.dicom.web.accept import Offer, quality_of
from sagittal.dicomweb.bulk_paths import bulk_url
from sagittal.dicomweb.bulkdata import bytes_of
from sagittal.dicomweb.context import Context
from sagittal.dicomweb.exchange import Answer, Headers, Request
from sagittal.dicomweb.frame_types import OCTETS, FrameType, frame_type
from sagittal.dicomweb.frames import offer_as_stored
from sagittal.dicomweb.pieces import Multipart, Part, ending, joined
from sagittal.dicomweb.problems import NotAcceptable
from sagittal.dicomweb.quality import wanted_quality
from sagittal.dicomweb.transcoded import chained, offer_other, source_of
from sagittal.dicomweb.urls import scope_of
from sagittal.dicomweb.validators import REVALIDATED, etag_of, is_fresh
from sagittal.errors import NotFound
from sagittal.retrieve.frames import locate_frame, stream_frame
from sagittal.retrieve.metadata import Span, list_bulk, locate_bulk
from sagittal.retrieve.scope import intact, locate
from sagittal.retrieve.transcoded import transcoded_frames
from sagittal.retrieve.video import is_video
from sagittal.runtime.deadline import Deadline

_RELATED = "multipart/related"


class _Going(NamedTuple):
    """The pixels of an instance on their way out; `kind` is None if the client takes them in no form."""

    instance: StoredInstance
    kind: FrameType | None
    is_as_stored: bool = True


async def pixel_data(context: Context, request: Request, names: tuple[str, ...]) -> Answer:
    """`GET .../pixeldata` of a study, a series or an instance."""
    located = await locate(context.archive, request.actor(), scope_of(names), request.deadline)
    found = [one for one in intact(located) if one.pixel_offset is not None]
    if not found:
        raise NotFound("none of the instances has pixel data at its top")
    going = [_going(request, one) for one in found]
    if not any(one.kind for one in going):
        raise NotAcceptable("pixel data is given in parts of multipart/related, as it is kept or as frames are")
    return await _answer(context, request, going, "pixeldata", values=False)


async def bulk_data(context: Context, request: Request, names: tuple[str, ...]) -> Answer:
    """`GET .../bulkdata` of a study, a series or an instance."""
    if quality_of(request.accept(), Offer(_RELATED, OCTETS)) <= 0:
        raise NotAcceptable(f'bulk data is given in {_RELATED}; type="{OCTETS}"')
    located = await locate(context.archive, request.actor(), scope_of(names), request.deadline)
    going = [_going(request, one) for one in intact(located)]
    return await _answer(context, request, going, "bulkdata", values=True)


def _going(request: Request, instance: StoredInstance) -> _Going:
    if instance.pixel_offset is None:
        return _Going(instance, FrameType(OCTETS, ""))
    kind = frame_type(instance)
    offer = offer_as_stored(request.accepting(), kind, is_single=False)
    if offer is not None:
        return _Going(instance, kind._replace(essence=offer.related_type))
    try:
        offer = offer_other(request.accept(), instance, is_single=False)
    except NotAcceptable:
        return _Going(instance, None)
    return _Going(instance, FrameType(offer.related_type, offer.transfer_syntax), is_as_stored=False)


async def _answer(
    context: Context, request: Request, going: Sequence[_Going], resource: str, *, values: bool
) -> Answer:
    kinds = [str(one.kind) for one in going]
    etag = etag_of((one.instance for one in going), resource, *kinds, str(wanted_quality(request)), request.base_url)
    headers: Headers = (("etag", etag), ("cache-control", REVALIDATED), ("vary", "accept"))
    if is_fresh(request, etag):
        return Answer(304, headers)
    parts = _parts(context, request, going, values=values)
    try:
        first = await anext(parts)  # an error in it still gets its status
    except StopAsyncIteration:
        raise NotFound("none of the instances has bulk data") from None
    multipart = Multipart(first.content_type.partition(";")[0])
    body = joined(multipart.write(chained(first, parts)))
    status = 200 if all(one.kind for one in going) else 206
    return Answer(status, (("content-type", multipart.content_type), *headers), body)


async def _parts(
    context: Context, request: Request, going: Sequence[_Going], *, values: bool
) -> AsyncGenerator[Part, None]:
    for one in going:
        instance = one.instance
        if values:
            deadline = Deadline.after(context.limits.request_timeout_s)
            for path, span in await list_bulk(context.archive, request.actor(), instance, deadline):
                yield _value(context, instance, span, bulk_url(request.base_url, instance, path))
        if instance.pixel_tag is None or one.kind is None:
            continue
        pixels = _pixels(context, request, one, one.kind, bulk_url(request.base_url, instance, (instance.pixel_tag,)))
        async with ending(pixels):
            async for part in pixels:
                yield part


def _value(context: Context, instance: StoredInstance, span: Span, location: str) -> Part:
    return Part(OCTETS, span.length, bytes_of(context, instance, span), location)


async def _pixels(
    context: Context, request: Request, going: _Going, kind: FrameType, location: str
) -> AsyncGenerator[Part, None]:
    """The parts of one pixel data: a value, a video's stream, or frames."""
    instance, deadline = going.instance, Deadline.after(context.limits.request_timeout_s)
    archive, actor = context.archive, request.actor()
    if not going.is_as_stored:
        frames = transcoded_frames(
            source_of(context, request, instance), _numbers(instance), kind.transfer_syntax, wanted_quality(request)
        )
        async with ending(frames):
            async for frame in frames:
                yield Part(kind.content_type, len(frame), _one(frame), location)
    elif instance.pixel_length is not None:
        path = (instance.pixel_tag or 0,)
        span = await locate_bulk(archive, actor, instance, path, deadline)
        yield _value(context, instance, span, location)._replace(content_type=kind.content_type)
    else:
        for number in _numbers(instance):
            found = await locate_frame(archive, actor, instance, number, deadline)
            yield Part(kind.content_type, found.length, stream_frame(archive, instance, found), location)


def _numbers(instance: StoredInstance) -> Iterator[int]:
    return iter((1,) if is_video(instance) else range(1, instance.frames + 1))


async def _one(frame: bytes) -> AsyncIterator[bytes]:
    yield frame
