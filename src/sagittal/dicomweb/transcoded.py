"""What a client takes only in another Transfer Syntax than it is stored in: made for it, where that can be."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import TypeVar

from sagittal.archive.model import StoredInstance
from sagittal.dicom.dataset.reencode import NATIVE
from sagittal.dicom.transfer_syntax import EXPLICIT_VR_LITTLE_ENDIAN
from sagittal.dicom.web.accept import ANY, MediaRange, Offer, negotiate
from sagittal.dicomweb.context import Context
from sagittal.dicomweb.exchange import Answer, Headers, Request
from sagittal.dicomweb.frame_types import DEFAULT_SYNTAXES, OCTETS, FrameType, type_of_syntax
from sagittal.dicomweb.pieces import Multipart, Part, body_of
from sagittal.dicomweb.problems import NotAcceptable
from sagittal.dicomweb.quality import wanted_quality
from sagittal.dicomweb.ranges import Opening, ranged
from sagittal.dicomweb.validators import UNCHANGING, etag_of, is_fresh
from sagittal.errors import NotFound, Unsupported
from sagittal.imaging.syntaxes import WRITTEN, is_decodable
from sagittal.retrieve.reencoded import stream_file
from sagittal.retrieve.transcoded import Source, stream_transcoded_file, transcoded_frames
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.log import get_logger

log = get_logger(__name__)
Item = TypeVar("Item")
_RELATED = "multipart/related"


def source_of(context: Context, request: Request, instance: StoredInstance) -> Source:
    """An instance on its way through the workers; the time for it begins now."""
    deadline = Deadline.after(context.limits.request_timeout_s)
    return Source(context.archive, request.actor(), instance, deadline, context.pool)


async def file_in(
    context: Context, request: Request, instance: StoredInstance, transfer_syntax_uid: str
) -> tuple[str, AsyncGenerator[bytes, None]]:
    """The instance as a file, and its Transfer Syntax.

    That is Explicit VR Little Endian, which every recipient takes (PS3.5 Section 10.1), where the one wanted has no
    place for such pixels.

    Raises:
        NotAcceptable: its frames cannot be decoded.
    """
    stream = stream_transcoded_file(source_of(context, request, instance), transfer_syntax_uid, wanted_quality(request))
    try:
        return transfer_syntax_uid, chained(await anext(stream), stream)
    except Unsupported as error:
        if transfer_syntax_uid == EXPLICIT_VR_LITTLE_ENDIAN:
            raise NotAcceptable(f"{error}; it is stored in Transfer Syntax {instance.transfer_syntax_uid}") from error
        log.info("instance given uncompressed", transfer_syntax=transfer_syntax_uid, why=str(error))
    if instance.transfer_syntax_uid in NATIVE:
        return EXPLICIT_VR_LITTLE_ENDIAN, stream_file(context.archive, instance, EXPLICIT_VR_LITTLE_ENDIAN)
    return await file_in(context, request, instance, EXPLICIT_VR_LITTLE_ENDIAN)


async def chained(first: Item, others: AsyncGenerator[Item, None]) -> AsyncGenerator[Item, None]:
    """What was taken off an iterator, and the rest of it."""
    try:
        yield first
        async for item in others:
            yield item
    finally:
        await others.aclose()


async def answer_other_frames(
    context: Context, request: Request, instance: StoredInstance, numbers: Sequence[int]
) -> Answer:
    """Frames of one instance in a form that they are not stored in (PS3.18 Section 8.7.3.3).

    Raises:
        NotAcceptable: none that the client takes can be made.
    """
    offer = offer_other(request.accept(), instance, is_single=len(numbers) == 1)
    kind = FrameType(offer.related_type or offer.essence, offer.transfer_syntax)
    listed = ",".join(map(str, numbers))
    quality = wanted_quality(request)
    etag = etag_of([instance], "frames", listed, offer.essence, kind.essence, kind.transfer_syntax, str(quality))
    headers: Headers = (("etag", etag), ("cache-control", UNCHANGING), ("vary", "accept"))
    if is_fresh(request, etag):
        return Answer(304, headers)
    if max(numbers) > instance.frames:
        raise NotFound(f"instance {instance.sop_instance_uid} has {instance.frames} frames")
    frames = transcoded_frames(source_of(context, request, instance), numbers, kind.transfer_syntax, quality)
    try:
        first = await anext(frames)
    except Unsupported as error:
        raise NotAcceptable(f"{error}; it is stored in Transfer Syntax {instance.transfer_syntax_uid}") from error
    if offer.essence != _RELATED:
        await frames.aclose()
        return await ranged(request, (("content-type", kind.content_type), *headers), etag, len(first), held(first))
    multipart = Multipart(kind.essence)
    body = await body_of(multipart.write(_parts(kind, chained(first, frames))), None)
    return Answer(200, (("content-type", multipart.content_type), *headers), body)


def offer_other(ranges: Sequence[MediaRange], instance: StoredInstance, *, is_single: bool) -> Offer:
    """The form of a frame that the client wants most and that can be made; NotAcceptable if there is none."""
    named = [r.transfer_syntax for r in ranges if r.transfer_syntax != ANY]
    kinds = dict.fromkeys((*DEFAULT_SYNTAXES, *(type_of_syntax(uid) for uid in named if uid in WRITTEN)))
    offers = [Offer(_RELATED, kind.essence, kind.transfer_syntax) for kind in kinds]
    offers += [Offer(kind.essence, "", kind.transfer_syntax) for kind in kinds] if is_single else []
    choice = negotiate(ranges, offers) if is_decodable(instance.transfer_syntax_uid) else None
    if choice is None:
        raise NotAcceptable(
            f"the frames are stored in Transfer Syntax {instance.transfer_syntax_uid}; accept them as they are:"
            f' multipart/related; type="{OCTETS}"; transfer-syntax=*'
        )
    return choice.offer


async def _parts(kind: FrameType, frames: AsyncIterator[bytes]) -> AsyncIterator[Part]:
    async for frame in frames:
        yield Part(kind.content_type, len(frame), _alone(frame))


def held(data: bytes) -> Opening:
    """What gives parts of a representation that is in memory."""

    async def opening(start: int, stop: int) -> AsyncGenerator[bytes, None]:
        yield data[start:stop]

    return opening


async def _alone(frame: bytes) -> AsyncIterator[bytes]:
    yield frame
