"""What of a study goes out of the house: files with a DICOMDIR, pictures, and to other systems."""

import zipfile
from collections.abc import AsyncIterator, Sequence
from typing import Final, NamedTuple, Protocol

import msgspec
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from sagittal.access.asking import ask
from sagittal.archive.archive import Archive
from sagittal.archive.model import StoredInstance
from sagittal.dicom.identifiers import SeriesUID, StudyUID, is_uid
from sagittal.errors import Invalid, NotFound, SagittalError
from sagittal.imaging.render.recipe import JPEG, PNG, Recipe
from sagittal.retrieve.media import Outlet, zipped
from sagittal.retrieve.rendered import has_pixels, middle_frame, rendered
from sagittal.retrieve.scope import Scope, intact, locate
from sagittal.retrieve.video import is_video
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.log import get_logger
from sagittal.runtime.pools import WorkerPool
from sagittal.runtime.witness import Access
from sagittal.web.forms import form_of
from sagittal.web.pages import AnyRequest, actor_of

log = get_logger(__name__)

MOST_PICTURES: Final = 2000
_TIMEOUT_S: Final = 60.0
_KINDS: Final = {"jpeg": (JPEG, "jpg"), "png": (PNG, "png")}


class Progress(Protocol):
    """How far a sending is."""

    @property
    def sent(self) -> int:
        """What has arrived."""

    @property
    def failed(self) -> int:
        """What has not."""

    @property
    def of(self) -> int:
        """How much there is."""

    @property
    def why(self) -> str:
        """Why the last one that failed did; `""` where none has."""


class Sending(Protocol):
    """Sends to other systems, as `dimse.dispatching.Dispatcher` does."""

    def destinations(self) -> tuple[str, ...]:
        """Their names."""

    async def echo(self, aet: str) -> str:
        """Asks whether one is there: `""`, or why not."""

    def send(self, actor: Actor, aet: str, instances: Sequence[StoredInstance]) -> AsyncIterator[Progress]:
        """Sends, and says how far it is."""


class Told(msgspec.Struct, frozen=True):
    """A line of what a page is told while it sends."""

    sent: int
    failed: int
    of: int
    why: str = ""


class Series(NamedTuple):
    """A study, or one series of it."""

    study: str
    series: str

    def scope(self) -> Scope:
        """The same for the rooms. Raises NotFound for UIDs that are none."""
        if not is_uid(self.study) or (self.series and not is_uid(self.series)):
            raise NotFound("nothing has a UID of that form")
        return Scope(study=StudyUID(self.study), series=SeriesUID(self.series) if self.series else None)


def study_files(archive: Archive, pool: WorkerPool, sending: Sending) -> list[HTTPRouteHandler]:
    """The routes."""

    async def found(request: AnyRequest, of: Series, access: Access) -> tuple[StoredInstance, ...]:
        scope, deadline = of.scope(), Deadline.after(_TIMEOUT_S)
        return intact(await locate(archive, actor_of(request), scope, deadline, access))

    @get("/studies/{uid:str}/files.zip")
    async def files(request: AnyRequest, uid: FromPath[str], series: FromQuery[str] = "") -> Stream:
        """The files as they are kept, with a DICOMDIR."""
        instances = await found(request, Series(uid, series), "export")
        return Stream(_whole(zipped(archive, actor_of(request), instances)), headers=_attached("dicom"))

    @get("/studies/{uid:str}/pictures.zip")
    async def pictures(
        request: AnyRequest, uid: FromPath[str], series: FromQuery[str] = "", kind: FromQuery[str] = "jpeg"
    ) -> Stream:
        """A picture of each instance, as JPEG or PNG."""
        if kind not in _KINDS:
            raise Invalid("pictures are jpeg or png")
        instances = [
            one for one in await found(request, Series(uid, series), "export") if has_pixels(one) and not is_video(one)
        ]
        if not instances:
            raise NotFound("there is nothing in it that could be a picture")
        if len(instances) > MOST_PICTURES:
            raise Invalid(f"at most {MOST_PICTURES} pictures are given at once; take one series after the other")
        made = _pictures(archive, actor_of(request), pool, instances, kind)
        return Stream(_whole(made), headers=_attached(kind))

    @post("/studies/{uid:str}/send", status_code=200)
    async def sent(request: AnyRequest, uid: FromPath[str]) -> Stream:
        """Sends to a destination, telling how far it is, a line of JSON each; whoever leaves ends it."""
        form = await form_of(request)
        aet = form.one("destination")
        ask(archive.witness, actor_of(request), "send")
        if aet not in sending.destinations():
            raise NotFound("the settings have no such destination")
        instances = await found(request, Series(uid, form.one("series")), "send")
        lines = _lines(sending.send(actor_of(request), aet, instances), len(instances))
        headers = {"cache-control": "no-store", "x-content-type-options": "nosniff", "x-accel-buffering": "no"}
        return Stream(lines, media_type="application/x-ndjson", headers=headers)

    return [files, pictures, sent]


def _attached(what: str) -> dict[str, str]:
    return {
        "content-type": "application/zip",
        "content-disposition": f'attachment; filename="study-{what}.zip"',
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }


async def _whole(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same; what cannot be read any more breaks the answer off, so that it is not taken for whole."""
    try:
        async for piece in pieces:
            if piece:
                yield piece
    except SagittalError as error:
        log.warning("download broken off", kind=type(error).__name__, detail=str(error))
        raise


async def _pictures(
    archive: Archive, actor: Actor, pool: WorkerPool, instances: Sequence[StoredInstance], kind: str
) -> AsyncIterator[bytes]:
    media_type, ending = _KINDS[kind]
    outlet = Outlet()
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_STORED) as file:
        for number, instance in enumerate(instances, 1):
            deadline, frame = Deadline.after(_TIMEOUT_S), [middle_frame(instance)]
            try:
                made = await rendered(archive, actor, pool, instance, frame, Recipe(media_type=media_type), deadline)
            except SagittalError as error:
                made, name = str(error).encode(), f"{number:05d}.txt"
            else:
                name = f"{number:05d}.{ending}"
            file.writestr(name, made)
            yield outlet.taken()
    yield outlet.taken()


async def _lines(progress: AsyncIterator[Progress], of: int) -> AsyncIterator[bytes]:
    told = Told(0, 0, of)
    yield msgspec.json.encode(told) + b"\n"
    try:
        async for one in progress:
            told = Told(one.sent, one.failed, one.of, one.why)
            yield msgspec.json.encode(told) + b"\n"
    except SagittalError as error:
        yield msgspec.json.encode(Told(told.sent, of - told.sent, of, str(error))) + b"\n"
