"""STOW-RS: instances in, as they arrive (PS3.18 Section 10.5).

A part goes through its receiver straight to the disk; when it is complete its commit runs while the next part arrives,
a few at a time, so that they share syncs. What was complete before a connection broke, or before a part that is none,
stays: each instance stands for itself.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import NamedTuple

from sagittal.archive.session import PackSession
from sagittal.dicom.web.accept import Offer, negotiate
from sagittal.dicom.web.content_type import MediaType, parse_content_type
from sagittal.dicom.web.multipart import MultipartLimits, MultipartReader, PartBegin, PartData
from sagittal.dicomweb.context import Context
from sagittal.dicomweb.exchange import Answer, ClientGone, Request
from sagittal.dicomweb.problems import NotAcceptable, TooLarge, UnsupportedMediaType
from sagittal.dicomweb.store_answer import Outcome, answer_stored, failed, kept
from sagittal.dicomweb.store_composed import METADATA, Spool, composed, names_of, receive
from sagittal.dicomweb.urls import scope_of
from sagittal.errors import Exhausted, Invalid, SagittalError
from sagittal.ingest import Part10Receiver, check_sender
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.log import get_logger

log = get_logger(__name__)

DICOM = "application/dicom"
RELATED = "multipart/related"
_ANSWERS = (Offer("application/dicom+json"), Offer("application/json"), Offer("application/dicom+xml"))


async def store(context: Context, request: Request, names: tuple[str, ...]) -> Answer:
    """`POST /studies` and `POST /studies/{study}`; not in PS3.18: `POST /studies/{study}/series/{series}`."""
    scope = scope_of(names)
    study = scope.study or ""
    media_type = _media_type(request)
    choice = negotiate(request.accept(), _ANSWERS)
    if choice is None:
        raise NotAcceptable("the answer to a store is application/dicom+json or application/dicom+xml")
    length = request.content_length()
    if length is not None and media_type.essence == DICOM and length > context.limits.max_object_bytes:
        raise TooLarge(f"the instance has {length} bytes, more than max_object_bytes={context.limits.max_object_bytes}")
    session = context.archive.session(request.actor())
    intake = _Intake(context, session, study, scope.series or "")
    try:
        check_sender(session)  # before the body is read
        if _is_composed(media_type):
            await _take_composed(context, request, media_type, intake)
        else:
            await _take(request, media_type, intake)
    finally:
        await intake.close()
        await session.close()
    essence = choice.offer.essence
    return answer_stored(intake.outcomes, request.base_url, study, essence, intake.broken, request.id)


def _media_type(request: Request) -> MediaType:
    text = request.header("content-type")
    if not text:
        raise UnsupportedMediaType("the body of a store names its media type in Content-Type; it is missing")
    media_type = parse_content_type(text)
    if request.header("content-encoding").strip().lower() not in ("", "identity"):
        raise UnsupportedMediaType("the body of a store has no content coding")
    if media_type.essence == DICOM or media_type.essence in METADATA:
        return media_type
    if media_type.essence != RELATED or media_type.related_type not in ("", DICOM, *METADATA):
        types = " or ".join(f'"{name}"' for name in (DICOM, *sorted(METADATA)))
        raise UnsupportedMediaType(f"a store takes {RELATED} with type={types}, or one {DICOM}")
    if not media_type.boundary:
        raise Invalid(f"{RELATED} names its boundary in Content-Type; it is missing")
    return media_type


def _is_composed(media_type: MediaType) -> bool:
    return media_type.essence in METADATA or media_type.related_type in METADATA


async def _take_composed(context: Context, request: Request, media_type: MediaType, intake: "_Intake") -> None:
    """Feeds instances made of metadata and bulk data to the intake, when all of the body is here, or no more comes."""
    spool = Spool(context)
    try:
        received = await receive(context, request.body(), media_type, spool)
        for dataset in received.datasets:
            try:
                intake.begin({})
                received.check_all_came(dataset)
                async for piece in composed(context, dataset, received):
                    await intake.write(piece)
                await intake.end()
            except SagittalError as error:
                await intake.refuse(error, *names_of(dataset))
    finally:
        spool.close()
    if received.broken is None:
        return
    log.warning("store broken off", request_id=request.id, kept=intake.complete, detail=str(received.broken))
    if isinstance(received.broken, ClientGone):
        raise received.broken
    intake.broken = received.broken


async def _take(request: Request, media_type: MediaType, intake: "_Intake") -> None:
    """Feeds the body to the intake; what breaks it off after an instance is noted, not raised."""
    try:
        if media_type.essence == DICOM:
            intake.begin({})
            async for data in request.body():
                await intake.write(data)
            await intake.end()
        else:
            await _take_parts(request.body(), media_type.boundary, intake)
    except ClientGone:
        log.warning("store broken off by the client", request_id=request.id, kept=intake.complete)
        raise
    except (Invalid, Exhausted) as error:
        if not intake.complete:
            raise
        log.warning("store broken off", request_id=request.id, kept=intake.complete, detail=str(error))
        intake.broken = error


async def _take_parts(body: AsyncIterator[bytes], boundary: str, intake: "_Intake") -> None:
    reader = MultipartReader(boundary, MultipartLimits(max_parts=intake.max_parts))
    async for data in body:
        for event in reader.feed(data):
            if isinstance(event, PartData):
                await intake.write(event.data)
            elif isinstance(event, PartBegin):
                intake.begin(event.headers)
            else:
                await intake.end()
    reader.close()


class _Arriving(NamedTuple):
    """A part on its way in; `outcome` is set as soon as it has failed, and the rest of its bytes are passed over."""

    receiver: Part10Receiver
    failure: SagittalError | None = None


class _Intake:
    """The parts of one request on their way through one session of the archive.

    Attributes:
        outcomes: of each part, in the order the parts came; filled when its commit has ended.
        complete: how many parts came whole.
        broken: why the body ended before its end, if it did.
    """

    def __init__(self, context: Context, session: PackSession, study: str, series: str) -> None:
        self.outcomes: list[Outcome] = []
        self.complete = 0
        self.broken: SagittalError | None = None
        self.max_parts = context.limits.max_parts
        self._limits = context.limits
        self._session = session
        self._study = study
        self._series = series
        self._arriving: _Arriving | None = None
        self._commits: deque[asyncio.Task[Outcome]] = deque()

    def begin(self, headers: Mapping[str, str]) -> None:
        """A part begins."""
        self._arriving = _Arriving(
            Part10Receiver(self._session, self._limits.max_object_bytes, self._study, self._series), _refusal(headers)
        )

    async def write(self, data: bytes | memoryview) -> None:
        """More bytes of the part; returns when the archive can take more."""
        part = self._arriving
        if part is None or part.failure is not None:
            return
        try:
            if part.receiver.write(data):
                async with asyncio.timeout(self._limits.request_timeout_s):
                    await part.receiver.drain()
        except SagittalError as error:
            await part.receiver.abort()
            self._arriving = part._replace(failure=error)

    async def end(self) -> None:
        """The part is complete: its commit begins. Waits only when too many are under way."""
        part, self._arriving = self._arriving, None
        if part is None:
            return
        self.complete += 1
        self._commits.append(asyncio.ensure_future(_commit(part, self._limits.request_timeout_s)))
        if len(self._commits) > self._limits.max_commits:
            self.outcomes.append(await self._commits.popleft())

    async def refuse(self, error: SagittalError, sop_class_uid: str, sop_instance_uid: str) -> None:
        """The part that has begun cannot be made: what there is of it is forgotten."""
        part, self._arriving = self._arriving, None
        if part is not None and part.failure is None:
            await part.receiver.abort()
        self.complete += 1
        log.info("instance not made", kind=type(error).__name__, detail=str(error))
        self.outcomes.append(failed(error, sop_class_uid, sop_instance_uid))

    async def close(self) -> None:
        """Waits for the commits under way; a part that is not complete is forgotten."""
        if self._arriving is not None and self._arriving.failure is None:
            await self._arriving.receiver.abort()
        self._arriving = None
        while self._commits:
            self.outcomes.append(await self._commits.popleft())


async def _commit(part: _Arriving, timeout_s: float) -> Outcome:
    names = part.receiver.sop_class_uid, part.receiver.sop_instance_uid
    if part.failure is not None:
        return failed(part.failure, *names)
    try:
        return kept(await part.receiver.commit(Deadline.after(timeout_s)))
    except SagittalError as error:
        return failed(error, *names)
    except Exception as error:  # the border of a task: the other parts of the request go on
        log.error("store broke", exc_info=error)
        return failed(error, *names)


def _refusal(headers: Mapping[str, str]) -> SagittalError | None:
    """Why a part is not taken by what its header says; None if it is."""
    text = headers.get("content-type", DICOM)
    try:
        essence = parse_content_type(text).essence
    except Invalid as error:
        return error
    if essence not in (DICOM, "application/octet-stream"):
        return UnsupportedMediaType(f"a part of a store is {DICOM}")
    return None
