"""Sending what is kept to a destination of the settings, and asking whether one is there, for doors that people use."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import NamedTuple

from sagittal.archive.model import StoredInstance
from sagittal.archive.reader import ArchiveReader
from sagittal.dicom.messages.statuses import describe
from sagittal.dicom.transfer_syntax import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from sagittal.dicom.upper_layer.framing import Buffer
from sagittal.dimse import scu
from sagittal.dimse.negotiation import VERIFICATION
from sagittal.dimse.requestor import Proposal, Requestor
from sagittal.dimse.scu import Outgoing
from sagittal.dimse.sending import send
from sagittal.errors import NotFound, PeerFailed
from sagittal.retrieve.transcoded import Source, is_transcodable, stream_transcoded
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.pools import WorkerPool
from sagittal.runtime.settings import Destination, Settings


class Dispatched(NamedTuple):
    """How far a sending is: `why` of the last failure, `""` where there was none."""

    sent: int
    failed: int
    of: int
    why: str


class Dispatcher:
    """Sends to the destinations of the settings. Belongs to one event loop."""

    def __init__(self, archive: ArchiveReader, settings: Settings, pool: WorkerPool) -> None:
        """From `archive`; `pool` decompresses for those who do not take what is kept."""
        self._archive = archive
        self._settings = settings
        self._pool = pool

    def destinations(self) -> tuple[str, ...]:
        """Their AE titles."""
        return tuple(sorted(self._settings.destinations))

    async def echo(self, aet: str) -> str:
        """Asks a destination whether it is there (C-ECHO); `""` if so, else why not. Raises NotFound."""
        destination = self._of(aet)
        syntaxes = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)
        requestor = Requestor.of(self._settings)
        try:
            async with requestor.associate(aet, destination, [Proposal(VERIFICATION, syntaxes)]) as peer:
                status = await scu.echo(peer, self._settings.dimse_timeout_s)
        except PeerFailed as error:
            return str(error)
        return "" if status == 0 else f"{status:04X}H, {describe(status)}"

    async def send(
        self, actor: Actor, aet: str, instances: Sequence[StoredInstance]
    ) -> AsyncGenerator[Dispatched, None]:
        """Sends what `retrieve.scope.locate` gave for sending, and says how far it is after each. Raises NotFound."""
        sending = send(Requestor.of(self._settings), aet, self._of(aet), self._outgoing(actor, instances))
        sent = failed = 0
        why = ""
        async with aclosing(sending) as results:
            async for result in results:
                sent += result.is_stored
                failed += not result.is_stored
                why = why if result.is_stored else result.why
                yield Dispatched(sent, failed, len(instances), why)

    def _of(self, aet: str) -> Destination:
        if aet not in self._settings.destinations:
            raise NotFound("the settings have no such destination")
        return self._settings.destinations[aet]

    async def _outgoing(self, actor: Actor, instances: Sequence[StoredInstance]) -> AsyncIterator[Outgoing]:
        for instance in instances:
            yield Outgoing(
                sop_class_uid=instance.sop_class_uid,
                sop_instance_uid=instance.sop_instance_uid,
                transfer_syntax_uid=instance.transfer_syntax_uid,
                open=_as_kept(self._archive, instance),
                open_native=self._decompressing(actor, instance),
            )

    def _decompressing(self, actor: Actor, instance: StoredInstance) -> Callable[[], AsyncIterator[Buffer]] | None:
        syntax = EXPLICIT_VR_LITTLE_ENDIAN
        if not is_transcodable(instance, syntax):
            return None

        def decompressed() -> AsyncIterator[Buffer]:
            deadline = Deadline.after(self._settings.operation_timeout_s)
            return stream_transcoded(Source(self._archive, actor, instance, deadline, self._pool), syntax)

        return decompressed


def _as_kept(archive: ArchiveReader, instance: StoredInstance) -> Callable[[], AsyncIterator[Buffer]]:
    return lambda: archive.stream(instance, instance.data_set_offset)
