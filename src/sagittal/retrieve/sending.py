"""What of a study goes out of the house: located for it, and sent to other systems with word of how far that is."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec

from sagittal.access.asking import ask
from sagittal.archive.model import StoredInstance
from sagittal.archive.reader import ArchiveReader
from sagittal.dicom.identifiers import SeriesUID, StudyUID, is_uid
from sagittal.errors import NotFound, SagittalError
from sagittal.retrieve.scope import Scope, intact, locate
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.log import get_logger

log = get_logger(__name__)


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
        """Asks whether one is there: `""`, or why not. Raises NotFound."""

    def send(self, actor: Actor, aet: str, instances: Sequence[StoredInstance]) -> AsyncIterator[Progress]:
        """Sends, and says how far it is."""


class Told(msgspec.Struct, frozen=True):
    """How far a sending is, a line each time.

    Attributes:
        sent: how many instances have arrived.
        failed: how many have not.
        of: how many there are.
        why: why the last one that failed did.
    """

    sent: int
    failed: int
    of: int
    why: str = ""


def part_of(study: str, series: str = "") -> Scope:
    """A study, or one series of it. Raises NotFound for UIDs that are none."""
    if not is_uid(study) or (series and not is_uid(series)):
        raise NotFound("nothing has a UID of that form")
    return Scope(study=StudyUID(study), series=SeriesUID(series) if series else None)


async def sending_to(
    archive: ArchiveReader, actor: Actor, sending: Sending, aet: str, part: Scope, deadline: Deadline
) -> AsyncIterator[bytes]:
    """Sends a part to a destination once it is iterated: lines of JSON, each a `Told`; whoever leaves ends it.

    Raises:
        Refused: they may send nothing.
        NotFound: there is no such destination, or nothing that they may send.
    """
    ask(archive.witness, actor, "send")
    if aet not in sending.destinations():
        raise NotFound("the settings have no such destination")
    instances = intact(await locate(archive, actor, part, deadline, "send"))
    return _lines(sending.send(actor, aet, instances), len(instances))


async def _lines(progress: AsyncIterator[Progress], of: int) -> AsyncIterator[bytes]:
    told = Told(0, 0, of)
    yield msgspec.json.encode(told) + b"\n"
    try:
        async for one in progress:
            told = Told(one.sent, one.failed, one.of, one.why)
            yield msgspec.json.encode(told) + b"\n"
    except SagittalError as error:
        yield msgspec.json.encode(Told(told.sent, of - told.sent, of, str(error))) + b"\n"


async def whole(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same; what cannot be read any more breaks the answer off, so that it is not taken for whole."""
    try:
        async for piece in pieces:
            if piece:
                yield piece
    except SagittalError as error:
        log.warning("download broken off", kind=type(error).__name__, detail=str(error))
        raise
