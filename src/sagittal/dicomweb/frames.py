"""WADO-RS frames (PS3.18 Section 10.4.1.1.6): as stored wherever the client takes that."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from functools import lru_cache

from sagittal.archive.model import StoredInstance
from sagittal.dicom.transfer_syntax import EXPLICIT_VR_BIG_ENDIAN
from sagittal.dicom.web.accept import Offer, negotiate, parse_accept
from sagittal.dicomweb.context import Context
from sagittal.dicomweb.exchange import Accepting, Answer, Headers, Request
from sagittal.dicomweb.frame_types import OCTETS, FrameType, frame_type
from sagittal.dicomweb.pieces import WHOLE_BYTES, Multipart, Part, body_of
from sagittal.dicomweb.ranges import ranged
from sagittal.dicomweb.transcoded import answer_other_frames
from sagittal.dicomweb.urls import scope_of
from sagittal.dicomweb.validators import UNCHANGING, etag_of, is_fresh
from sagittal.errors import Invalid, NotFound
from sagittal.retrieve.frames import Frame, locate_frames, read_frame, stream_frame, stream_part
from sagittal.retrieve.scope import locate
from sagittal.retrieve.video import is_video

_RELATED = "multipart/related"


async def retrieve(context: Context, request: Request, names: tuple[str, ...]) -> Answer:
    """`GET .../frames/{list}`: the frames in the order of the list, numbered from 1."""
    numbers = parse_numbers(names[3], context.limits.max_frames)
    found = await locate(context.archive, request.actor(), scope_of(names[:3]), request.deadline)
    return await answer_frames(context, request, found[0], _of_stream(found[0], numbers))


def _of_stream(instance: StoredInstance, numbers: Sequence[int]) -> Sequence[int]:
    """Of a video one frame for all: its stream is given once, whole (PS3.18 Section 8.7.3.3)."""
    if not is_video(instance):
        return numbers
    if max(numbers) > instance.frames:
        raise NotFound(f"instance {instance.sop_instance_uid} has {instance.frames} frames")
    return numbers[:1]


def parse_numbers(text: str, most: int) -> tuple[int, ...]:
    """The frames of a list, from 1, at most `most`."""
    texts = text.split(",")
    if len(texts) > most:
        raise Invalid(f"at most {most} frames are given in one answer; got {len(texts)}")
    if not all(number.isascii() and number.isdigit() and len(number) < 10 for number in texts) or 0 in map(int, texts):
        raise Invalid("frames are named by numbers from 1 with commas between them; got another form")
    return tuple(map(int, texts))


async def answer_frames(context: Context, request: Request, instance: StoredInstance, numbers: Sequence[int]) -> Answer:
    """Frames of one instance, in one part each, or bare if there is one and the client wants it so."""
    kind = frame_type(instance)
    offer = offer_as_stored(request.accepting(), kind, is_single=len(numbers) == 1)
    if offer is None:
        return await answer_other_frames(context, request, instance, numbers)
    etag = etag_of([instance], "frames", ",".join(map(str, numbers)), offer.essence, offer.related_type)
    headers: Headers = (("etag", etag), ("cache-control", UNCHANGING), ("vary", "accept"))
    if is_fresh(request, etag):
        return Answer(304, headers)
    actor = request.actor()
    frames = await locate_frames(context.archive, actor, instance, numbers, request.deadline)
    as_type = kind._replace(essence=offer.related_type or offer.essence)
    if offer.essence != _RELATED:
        whole = (("content-type", as_type.content_type), *headers)

        def opening(start: int, stop: int) -> AsyncGenerator[bytes, None]:
            return stream_part(context.archive, instance, frames[0], start, stop)

        return await ranged(request, whole, etag, frames[0].length, opening)
    multipart = Multipart(as_type.essence)
    length = multipart.length((as_type.content_type, frame.length) for frame in frames)
    if len(frames) == 1 and length <= WHOLE_BYTES:
        before, after = multipart.around(as_type.content_type, frames[0].length)
        body = await read_frame(context.archive, instance, frames[0], before, after)
        return Answer(200, (("content-type", multipart.content_type), *headers), body)
    pieces = await body_of(multipart.write(_parts(context, instance, frames, as_type)), length)
    return Answer(200, (("content-type", multipart.content_type), *headers), pieces, length)


@lru_cache(maxsize=64)  # clients say the same again and again
def offer_as_stored(accepting: Accepting, kind: FrameType, *, is_single: bool) -> Offer | None:
    """Which of the forms of a frame as stored the client wants; None if it takes none of them.

    Compressed frames go as application/octet-stream only to a client that names Transfer Syntaxes, `*` included:
    without, that media type means uncompressed (PS3.18 Section 8.7.3.3.2). Octets in big endian order go to a client
    that asks for them only, since PS3.18 Section 8.7.3.3.1 knows little endian alone.
    """
    ranges = parse_accept(*accepting)
    named = {media_range.transfer_syntax for media_range in ranges}
    if kind.transfer_syntax == EXPLICIT_VR_BIG_ENDIAN and kind.transfer_syntax not in named:
        return None
    essences = [kind.essence]
    if kind.essence != OCTETS and any("transfer-syntax" in media_range.parameters for media_range in ranges):
        essences.append(OCTETS)
    offers = [Offer(_RELATED, essence, kind.transfer_syntax) for essence in essences]
    if is_single:
        offers += [Offer(essence, "", kind.transfer_syntax) for essence in essences]
    choice = negotiate(ranges, offers)
    return choice.offer if choice is not None else None


async def _parts(
    context: Context, instance: StoredInstance, frames: Sequence[Frame], kind: FrameType
) -> AsyncIterator[Part]:
    for frame in frames:
        yield Part(kind.content_type, frame.length, stream_frame(context.archive, instance, frame))
