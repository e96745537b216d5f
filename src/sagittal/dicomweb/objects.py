"""WADO-RS of whole instances: a study's, a series' or one, as the files they are (PS3.18 Section 10.4.1.1.1).

An instance goes out as it is stored if the client takes that and wants nothing else more. If it takes only another
encoding of the same native pixels, it is converted on the way; else its frames are decoded and encoded anew.
"""

from collections.abc import AsyncGenerator, Sequence
from functools import partial
from typing import NamedTuple

from sagittal.archive.model import StoredInstance
from sagittal.dicom.dataset.reencode import is_reencodable
from sagittal.dicom.transfer_syntax import EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN
from sagittal.dicom.web.accept import ANY, MediaRange, Offer, quality_of
from sagittal.dicomweb.context import Context
from sagittal.dicomweb.exchange import Answer, Headers, Request
from sagittal.dicomweb.pieces import Multipart, Part, body_of, joined
from sagittal.dicomweb.problems import NotAcceptable
from sagittal.dicomweb.quality import wanted_quality
from sagittal.dicomweb.ranges import ranged
from sagittal.dicomweb.transcoded import chained, file_in, held
from sagittal.dicomweb.urls import scope_of
from sagittal.dicomweb.validators import REVALIDATED, UNCHANGING, etag_of, is_fresh
from sagittal.dicomweb.zip_body import ZipFile, name_of, zip_body
from sagittal.retrieve.reencoded import stream_file
from sagittal.retrieve.scope import intact, locate
from sagittal.retrieve.transcoded import is_transcodable
from sagittal.runtime.witness import Access

DICOM = "application/dicom"
RELATED = "multipart/related"
ZIP = "application/zip"


class _Going(NamedTuple):
    """An instance on its way out."""

    instance: StoredInstance
    transfer_syntax: str

    @property
    def content_type(self) -> str:
        return f"{DICOM}; transfer-syntax={self.transfer_syntax}"

    @property
    def is_transcoded(self) -> bool:
        """Whether its frames are encoded anew."""
        return is_transcodable(self.instance, self.transfer_syntax)

    @property
    def length(self) -> int | None:
        """Bytes of the file; None if that is known only once it is converted."""
        is_as_stored = self.transfer_syntax == self.instance.transfer_syntax_uid
        return self.instance.file_length if is_as_stored else None


async def retrieve(context: Context, request: Request, names: tuple[str, ...]) -> Answer:
    """`GET` of a study, a series or an instance: every instance in it.

    206 if the client takes the Transfer Syntaxes of some instances only, or some are damaged (PS3.18 Table 10.4.3-1).
    """
    return await _retrieve(context, request, names, request.accept())


async def retrieve_one(
    context: Context, request: Request, names: tuple[str, ...], ranges: Sequence[MediaRange]
) -> Answer:
    """One instance, named by its three UIDs, in one of the forms of `ranges`."""
    return await _retrieve(context, request, names, ranges)


async def _retrieve(context: Context, request: Request, names: tuple[str, ...], ranges: Sequence[MediaRange]) -> Answer:
    actor = request.actor()
    # Who opened a share link to look at it gets what viewers need one by one, and no files of a whole series or study.
    access: Access = "export" if actor.kind == "link" and len(names) < _NAMES_OF_INSTANCE else "read"
    located = await locate(context.archive, actor, scope_of(names), request.deadline, access)
    found = intact(located)
    status = 200 if len(found) == len(located) else 206
    in_parts = _acceptable(ranges, found, RELATED)
    alone = _acceptable(ranges, found, DICOM) if len(found) == 1 else ()
    zipped = quality_of(ranges, Offer(ZIP))
    if zipped > max(
        (_quality(ranges, one[0], essence) for one, essence in ((in_parts, RELATED), (alone, DICOM)) if one), default=0
    ):
        if access != "export":
            found = intact(await locate(context.archive, actor, scope_of(names), request.deadline, "export"))
        return await _zipped(context, request, found, status)
    if not in_parts and not alone:
        raise NotAcceptable(_explanation(ranges, found))
    is_alone = bool(alone) and (
        not in_parts or _quality(ranges, alone[0], DICOM) > _quality(ranges, in_parts[0], RELATED)
    )
    going = alone if is_alone else in_parts
    syntaxes = "".join(sorted({one.transfer_syntax for one in going}))
    quality = str(wanted_quality(request))
    etag = etag_of((one.instance for one in going), "objects", "alone" if is_alone else "parts", syntaxes, quality)
    caching = UNCHANGING if len(names) == 3 else REVALIDATED
    headers: Headers = (("etag", etag), ("cache-control", caching), ("vary", "accept"))
    if is_fresh(request, etag):
        return Answer(304, headers)
    if is_alone:
        return await _alone(context, request, going[0], headers, etag)
    return await _in_parts(context, request, going, headers, 200 if len(going) == len(located) else 206)


def _acceptable(ranges: Sequence[MediaRange], instances: Sequence[StoredInstance], essence: str) -> tuple[_Going, ...]:
    """The instances that can go out in that form, each in the Transfer Syntax wanted most; of equals, as stored."""
    named = [r.transfer_syntax for r in ranges if r.transfer_syntax != ANY]
    targets: dict[str, str] = {}
    for stored in {instance.transfer_syntax_uid for instance in instances}:
        as_it_is = _as_it_is(ranges, stored)
        possible = [as_it_is, *(uid for uid in named if is_reencodable(stored, uid))]
        possible += [uid for uid in named if _can_all(instances, stored, uid)]
        best = max(possible, key=lambda uid: _offer_quality(ranges, uid, essence))
        if _offer_quality(ranges, best, essence) > 0:
            targets[stored] = best
    return tuple(
        _Going(instance, targets[instance.transfer_syntax_uid])
        for instance in instances
        if instance.transfer_syntax_uid in targets
    )


def _as_it_is(ranges: Sequence[MediaRange], stored: str) -> str:
    """In which Transfer Syntax those stored in one go out to who names none.

    Big endian, which PS3.18 Section 8.7.3 lets nobody use, goes only to who takes everything as it is stored.
    """
    is_any = stored != EXPLICIT_VR_BIG_ENDIAN or any("transfer-syntax" in one.parameters for one in ranges)
    return stored if is_any else EXPLICIT_VR_LITTLE_ENDIAN


def _can_all(instances: Sequence[StoredInstance], stored: str, transfer_syntax_uid: str) -> bool:
    """Whether all those stored in one Transfer Syntax can be asked for in another."""
    return all(is_transcodable(one, transfer_syntax_uid) for one in instances if one.transfer_syntax_uid == stored)


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


async def _alone(context: Context, request: Request, going: _Going, headers: Headers, etag: str) -> Answer:
    if going.length is None:
        return await _converted(context, request, going, headers, etag)
    headers = (("content-type", going.content_type), *headers)

    def opening(start: int, stop: int) -> AsyncGenerator[bytes, None]:
        return _stored(context, going.instance, start, stop)

    return await ranged(request, headers, etag, going.length, opening)


async def _converted(context: Context, request: Request, going: _Going, headers: Headers, etag: str) -> Answer:
    """An instance that is converted on the way: its length, and so its ranges, are known if it is short."""
    if going.is_transcoded:
        syntax, data = await file_in(context, request, going.instance, going.transfer_syntax)
    else:
        syntax, data = going.transfer_syntax, stream_file(context.archive, going.instance, going.transfer_syntax)
    headers = (("content-type", going._replace(transfer_syntax=syntax).content_type), *headers)
    begun, size = [], 0
    try:
        async for piece in data:
            begun.append(piece)
            size += len(piece)
            if size > _HELD_BYTES:
                return Answer(200, headers, joined(chained(b"".join(begun), data)))
    except BaseException:
        await data.aclose()
        raise
    return await ranged(request, headers, etag, size, held(b"".join(begun)))


async def _stored(context: Context, instance: StoredInstance, start: int, stop: int) -> AsyncGenerator[bytes, None]:
    async for piece in context.archive.stream(instance, start, stop):
        yield piece


async def _zipped(context: Context, request: Request, found: Sequence[StoredInstance], status: int) -> Answer:
    """All of them as stored, in one ZIP (PS3.18 Section 8.7.3.6)."""
    etag = etag_of(found, "zip")
    headers: Headers = (("etag", etag), ("cache-control", REVALIDATED), ("vary", "accept"))
    if is_fresh(request, etag):
        return Answer(304, headers)
    headers = (("content-type", ZIP), ("content-disposition", 'attachment; filename="dicom.zip"'), *headers)
    files = (ZipFile(name_of(one), context.archive.stream(one)) for one in found)
    return Answer(status, headers, joined(zip_body(files)))


async def _in_parts(
    context: Context, request: Request, going: Sequence[_Going], headers: Headers, status: int
) -> Answer:
    multipart = Multipart(DICOM)
    known = [(one.content_type, one.length) for one in going if one.length is not None]
    length = multipart.length(known) if len(known) == len(going) else None
    parts = _parts(context, request, going)
    first = await anext(parts)  # what cannot be made is known before the answer begins, as far as that goes
    body = await body_of(multipart.write(chained(first, parts)), length)
    return Answer(status, (("content-type", multipart.content_type), *headers), body, length)


async def _parts(context: Context, request: Request, going: Sequence[_Going]) -> AsyncGenerator[Part, None]:
    for one in going:
        if one.is_transcoded:
            syntax, data = await file_in(context, request, one.instance, one.transfer_syntax)
            yield Part(one._replace(transfer_syntax=syntax).content_type, None, data)
            continue
        after = None if one.length is None else partial(context.archive.stream, one.instance, 0, None)
        data = stream_file(context.archive, one.instance, one.transfer_syntax)
        yield Part(one.content_type, one.length, data, after=after)


_NAMES_OF_INSTANCE = 3
_HELD_BYTES = 4 * 1024**2
