"""WADO-RS of whole instances: a study's, a series' or one, as the files they are (PS3.18 Section 10.4.1.1.1).

An instance goes out as it is stored if the client takes that. If it takes only another encoding of the same native
pixels, it is converted on the way; other conversions are not made here.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import NamedTuple

from sagittal.archive.model import StoredInstance
from sagittal.dicom.dataset.reencode import is_reencodable
from sagittal.dicom.web.accept import ANY, MediaRange, Offer, quality_of
from sagittal.dicomweb.context import Context
from sagittal.dicomweb.exchange import Answer, Headers, Request
from sagittal.dicomweb.pieces import Multipart, Part, body_of
from sagittal.dicomweb.problems import NotAcceptable
from sagittal.dicomweb.urls import scope_of
from sagittal.dicomweb.validators import REVALIDATED, UNCHANGING, etag_of, is_fresh
from sagittal.retrieve.reencoded import stream_file
from sagittal.retrieve.scope import intact, locate

DICOM = "application/dicom"
RELATED = "multipart/related"


class _Going(NamedTuple):
    """An instance on its way out."""

    instance: StoredInstance
    transfer_syntax: str

    @property
    def content_type(self) -> str:
        return f"{DICOM}; transfer-syntax={self.transfer_syntax}"

    @property
    def length(self) -> int | None:
        """Bytes of the file; None if that is known only once it is converted."""
        is_as_stored = self.transfer_syntax == self.instance.transfer_syntax_uid
        return self.instance.file_length if is_as_stored else None


async def retrieve(context: Context, request: Request, names: tuple[str, ...]) -> Answer:
    """`GET` of a study, a series or an instance: every instance in it.

    206 if the client takes the Transfer Syntaxes of some instances only, or some are damaged (PS3.18 Table 10.4.3-1).
    """
    located = await locate(context.archive, request.actor(), scope_of(names), request.deadline)
    found = intact(located)
    ranges = request.accept()
    in_parts = _acceptable(ranges, found, RELATED)
    alone = _acceptable(ranges, found, DICOM) if len(found) == 1 else ()
    if not in_parts and not alone:
        raise NotAcceptable(_explanation(ranges, found))
    is_alone = bool(alone) and (
        not in_parts or _quality(ranges, alone[0], DICOM) > _quality(ranges, in_parts[0], RELATED)
    )
    going = alone if is_alone else in_parts
    syntaxes = "".join(sorted({one.transfer_syntax for one in going}))
    etag = etag_of((one.instance for one in going), "objects", "alone" if is_alone else "parts", syntaxes)
    caching = UNCHANGING if len(names) == 3 else REVALIDATED
    headers: Headers = (("etag", etag), ("cache-control", caching), ("vary", "accept"))
    if is_fresh(request, etag):
        return Answer(304, headers)
    if is_alone:
        return await _alone(context, going[0], headers)
    return await _in_parts(context, going, headers, 200 if len(going) == len(located) else 206)


def _acceptable(ranges: Sequence[MediaRange], instances: Sequence[StoredInstance], essence: str) -> tuple[_Going, ...]:
    """The instances that can go out in that form, each in the Transfer Syntax wanted most; of equals, as stored."""
    named = [r.transfer_syntax for r in ranges if r.transfer_syntax != ANY]
    targets: dict[str, str] = {}
    for stored in {instance.transfer_syntax_uid for instance in instances}:
        possible = [stored, *(uid for uid in named if is_reencodable(stored, uid))]
        best = max(possible, key=lambda uid: _offer_quality(ranges, uid, essence))
        if _offer_quality(ranges, best, essence) > 0:
            targets[stored] = best
    return tuple(
        _Going(instance, targets[instance.transfer_syntax_uid])
        for instance in instances
        if instance.transfer_syntax_uid in targets
    )


def _quality(ranges: Sequence[MediaRange], going: _Going, essence: str) -> float:
    return _offer_quality(ranges, going.transfer_syntax, essence)


def _offer_quality(ranges: Sequence[MediaRange], transfer_syntax_uid: str, essence: str) -> float:
    return quality_of(ranges, Offer(essence, DICOM if essence == RELATED else "", transfer_syntax_uid))


def _explanation(ranges: Sequence[MediaRange], instances: Sequence[StoredInstance]) -> str:
    syntaxes = sorted({instance.transfer_syntax_uid for instance in instances})
    if any(_offer_quality(ranges, "", essence) > 0 for essence in (RELATED, DICOM)):
        return (
            f"stored in Transfer Syntax {', '.join(syntaxes)}, and given as stored: accept that, or transfer-syntax=*"
        )
    return f'instances are given as {RELATED}; type="{DICOM}", a single one as {DICOM} too'


async def _alone(context: Context, going: _Going, headers: Headers) -> Answer:
    body = await body_of(_bytes_of(context, going), going.length)
    return Answer(200, (("content-type", going.content_type), *headers), body, going.length)


async def _in_parts(context: Context, going: Sequence[_Going], headers: Headers, status: int) -> Answer:
    multipart = Multipart(DICOM)
    known = [(one.content_type, one.length) for one in going if one.length is not None]
    length = multipart.length(known) if len(known) == len(going) else None
    body = await body_of(multipart.write(_parts(context, going)), length)
    return Answer(status, (("content-type", multipart.content_type), *headers), body, length)


async def _parts(context: Context, going: Sequence[_Going]) -> AsyncIterator[Part]:
    for one in going:
        yield Part(one.content_type, one.length, stream_file(context.archive, one.instance, one.transfer_syntax))


async def _bytes_of(context: Context, going: _Going) -> AsyncGenerator[bytes, None]:
    async for piece in stream_file(context.archive, going.instance, going.transfer_syntax):
        yield piece
