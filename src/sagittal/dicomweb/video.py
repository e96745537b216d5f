"""Rendered resources of video: the stream as it is kept, for a player that asks for it in ranges.

PS3.18 Section 10.4.1.1.3 and Table 8.7.4-1. Nothing is coded anew: what no browser plays (MPEG-2, streams without a
container) goes out all the same to a client that takes its media type, or any.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from typing import NamedTuple, TypeAlias

from sagittal.archive.model import StoredInstance
from sagittal.dicom.web.accept import Offer, negotiate
from sagittal.dicomweb.context import Context
from sagittal.dicomweb.exchange import Answer, Headers, Request
from sagittal.dicomweb.pieces import Multipart, Part, body_of
from sagittal.dicomweb.problems import NotAcceptable
from sagittal.dicomweb.ranges import ranged
from sagittal.dicomweb.urls import scope_of
from sagittal.dicomweb.validators import REVALIDATED, UNCHANGING, etag_of, is_fresh
from sagittal.retrieve.frames import Frame, stream_part
from sagittal.retrieve.scope import intact, locate
from sagittal.retrieve.video import is_video, locate_video

Handler: TypeAlias = Callable[[Context, Request, tuple[str, ...]], Awaitable[Answer]]

_RELATED = "multipart/related"
_UNKNOWN = "application/octet-stream"


class _Video(NamedTuple):
    """A video on its way out."""

    instance: StoredInstance
    media_type: str
    frame: Frame


def or_video(handler: Handler) -> Handler:
    """The handler of a rendered resource, and video where there are no pictures but that."""

    async def handle(context: Context, request: Request, names: tuple[str, ...]) -> Answer:
        try:
            return await handler(context, request, names)
        except NotAcceptable:
            found = intact(await locate(context.archive, request.actor(), scope_of(names), request.deadline))
            videos = [one for one in found if is_video(one)]
            if not videos:
                raise
        return await answer_video(context, request, videos, UNCHANGING if len(names) == 3 else REVALIDATED)

    return handle


async def answer_video(
    context: Context, request: Request, videos: Sequence[StoredInstance], caching: str = UNCHANGING
) -> Answer:
    """Videos as they are kept: one alone, with ranges, or several in parts, also to a client that does not say so."""
    archive, actor = context.archive, request.actor()
    located = [(one, *await locate_video(archive, actor, one, request.deadline)) for one in videos]
    found = [_Video(one, media_type or _UNKNOWN, frame) for one, media_type, frame in located]
    types = list(dict.fromkeys(video.media_type for video in found))
    related = [Offer(_RELATED, media_type) for media_type in types]
    bare = [Offer(media_type) for media_type in types]
    is_single = len(found) == 1
    choice = negotiate(request.accept(), [*bare, *related] if is_single else [*related, *bare])
    if choice is None:
        raise NotAcceptable(f"a video is given as it is kept: {', '.join(types)}; no single picture is made of it")
    media_type = choice.offer.related_type or choice.offer.essence
    is_alone = is_single and choice.offer.essence != _RELATED
    going = [video for video in found if video.media_type == media_type]
    etag = etag_of((video.instance for video in going), "video", "alone" if is_alone else "parts")
    headers: Headers = (("etag", etag), ("cache-control", caching), ("vary", "accept"))
    if is_fresh(request, etag):
        return Answer(304, headers)
    if is_alone:
        return await _alone(context, request, going[0], headers, etag)
    multipart = Multipart(media_type)
    length = multipart.length((video.media_type, video.frame.length) for video in going)
    body = await body_of(multipart.write(_parts(context, going)), length)
    return Answer(200, (("content-type", multipart.content_type), *headers), body, length)


async def _alone(context: Context, request: Request, video: _Video, headers: Headers, etag: str) -> Answer:
    def opening(start: int, stop: int) -> AsyncGenerator[bytes, None]:
        return stream_part(context.archive, video.instance, video.frame, start, stop)

    headers = (("content-type", video.media_type), *headers)
    return await ranged(request, headers, etag, video.frame.length, opening)


async def _parts(context: Context, videos: Sequence[_Video]) -> AsyncIterator[Part]:
    for instance, media_type, frame in videos:
        yield Part(media_type, frame.length, stream_part(context.archive, instance, frame, 0, frame.length))
