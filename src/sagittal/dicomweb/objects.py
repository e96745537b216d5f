"""WADO-RS of whole instances: a study's, a series' or one, as the files they are (PS3.18 Section 10.4.1.1.1)."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence

from sagittal.archive.model import StoredInstance
from sagittal.dicom.web.accept import MediaRange, Offer, quality_of
from sagittal.dicomweb.context import Context
from sagittal.dicomweb.exchange import Answer, Headers, Request
from sagittal.dicomweb.pieces import Multipart, Part, body_of
from sagittal.dicomweb.problems import NotAcceptable
from sagittal.dicomweb.urls import scope_of
from sagittal.dicomweb.validators import REVALIDATED, UNCHANGING, etag_of, is_fresh
from sagittal.retrieve.scope import locate

DICOM = "application/dicom"
RELATED = "multipart/related"


async def retrieve(context: Context, request: Request, names: tuple[str, ...]) -> Answer:
    """`GET` of a study, a series or an instance: every instance in it, byte for byte as stored.

    206 if the client accepts the Transfer Syntaxes of some instances only (PS3.18 Table 10.4.3-1).
    """
    found = await locate(context.archive, request.actor(), scope_of(names), request.deadline)
    ranges = request.accept()
    in_parts = _acceptable(ranges, found, RELATED)
    alone = _acceptable(ranges, found, DICOM) if len(found) == 1 else ()
    if not in_parts and not alone:
        raise NotAcceptable(_explanation(ranges, found))
    is_alone = bool(alone) and _quality(ranges, found[0], DICOM) > _quality(ranges, found[0], RELATED)
    etag = etag_of(in_parts or alone, "objects", "alone" if is_alone else "parts")
    is_one = len(names) == 3
    headers: Headers = (("etag", etag), ("cache-control", UNCHANGING if is_one else REVALIDATED), ("vary", "accept"))
    if is_fresh(request, etag):
        return Answer(304, headers)
    if is_alone:
        return await _alone(context, found[0], headers)
    return await _in_parts(context, in_parts, headers, 200 if len(in_parts) == len(found) else 206)


def _acceptable(
    ranges: Iterable[MediaRange], instances: Iterable[StoredInstance], essence: str
) -> tuple[StoredInstance, ...]:
    wanted = {uid: _offer_quality(ranges, uid, essence) > 0 for uid in {i.transfer_syntax_uid for i in instances}}
    return tuple(instance for instance in instances if wanted[instance.transfer_syntax_uid])


def _quality(ranges: Iterable[MediaRange], instance: StoredInstance, essence: str) -> float:
    return _offer_quality(ranges, instance.transfer_syntax_uid, essence)


def _offer_quality(ranges: Iterable[MediaRange], transfer_syntax_uid: str, essence: str) -> float:
    return quality_of(ranges, Offer(essence, DICOM if essence == RELATED else "", transfer_syntax_uid))


def _explanation(ranges: Iterable[MediaRange], instances: Iterable[StoredInstance]) -> str:
    syntaxes = sorted({instance.transfer_syntax_uid for instance in instances})
    if any(_offer_quality(ranges, "", essence) > 0 for essence in (RELATED, DICOM)):
        return (
            f"stored in Transfer Syntax {', '.join(syntaxes)}, and given as stored: accept that, or transfer-syntax=*"
        )
    return f'instances are given as {RELATED}; type="{DICOM}", a single one as {DICOM} too'


def _content_type(instance: StoredInstance) -> str:
    return f"{DICOM}; transfer-syntax={instance.transfer_syntax_uid}"


async def _alone(context: Context, instance: StoredInstance, headers: Headers) -> Answer:
    body = await body_of(_bytes_of(context, instance), instance.file_length)
    return Answer(200, (("content-type", _content_type(instance)), *headers), body, instance.file_length)


async def _in_parts(context: Context, instances: Sequence[StoredInstance], headers: Headers, status: int) -> Answer:
    multipart = Multipart(DICOM)
    length = multipart.length((_content_type(instance), instance.file_length) for instance in instances)
    body = await body_of(multipart.write(_parts(context, instances)), length)
    return Answer(status, (("content-type", multipart.content_type), *headers), body, length)


async def _parts(context: Context, instances: Sequence[StoredInstance]) -> AsyncIterator[Part]:
    for instance in instances:
        yield Part(_content_type(instance), instance.file_length, context.archive.stream(instance))


async def _bytes_of(context: Context, instance: StoredInstance) -> AsyncGenerator[bytes, None]:
    async for piece in context.archive.stream(instance):
        yield piece
