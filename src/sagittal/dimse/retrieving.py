"""C-MOVE and C-GET as SCP (PS3.4 Sections C.4.2 and C.4.3)."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import aclosing
from typing import Final, NamedTuple

from sagittal.access.asking import ask
from sagittal.archive.model import StoredInstance
from sagittal.dicom import json_model
from sagittal.dicom.identifiers import InstanceUID, SeriesUID, StudyUID
from sagittal.dicom.messages.assembly import CommandReceived
from sagittal.dicom.messages.commands import CGetRequest, CMoveRequest
from sagittal.dicom.messages.statuses import CANCEL, MOVE_DESTINATION_UNKNOWN
from sagittal.dicom.transfer_syntax import EXPLICIT_VR_LITTLE_ENDIAN
from sagittal.dicom.upper_layer.framing import Buffer
from sagittal.dimse.ending import AssociationEnded
from sagittal.dimse.failures import comment_on, statuses_of
from sagittal.dimse.identifier import MAX_IDENTIFIER_BYTES, Identifier, parse_identifier
from sagittal.dimse.negotiation import QUERY_RETRIEVE, Kind
from sagittal.dimse.requestor import Peer
from sagittal.dimse.scu import Outgoing
from sagittal.dimse.sending import Sent, deliver, send
from sagittal.dimse.tally import RetrieveRequest, Tally
from sagittal.dimse.visit import Visit
from sagittal.errors import Invalid, NotFound, SagittalError
from sagittal.find import Level, Query
from sagittal.find import find as search
from sagittal.retrieve.scope import Scope, locate
from sagittal.retrieve.transcoded import Source, is_transcodable, stream_transcoded
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.log import get_logger
from sagittal.runtime.witness import Access

log = get_logger(__name__)

_PATIENT_ID, _STUDY, _SERIES, _INSTANCE = 0x00100020, 0x0020000D, 0x0020000E, 0x00080018
_ISSUER_OF_PATIENT_ID: Final = 0x00100021
_UNIQUE_KEYS: Final = {
    Level.PATIENT: _PATIENT_ID,
    Level.STUDY: _STUDY,
    Level.SERIES: _SERIES,
    Level.IMAGE: _INSTANCE,
}


async def move(visit: Visit, received: CommandReceived) -> None:
    """Answers a C-MOVE-RQ."""
    request = received.command
    if isinstance(request, CMoveRequest):
        await _serve(visit, received.context_id, request)


async def get(visit: Visit, received: CommandReceived) -> None:
    """Answers a C-GET-RQ."""
    request = received.command
    if isinstance(request, CGetRequest):
        await _serve(visit, received.context_id, request)


async def _serve(visit: Visit, context_id: int, request: RetrieveRequest) -> None:
    tally = Tally(request, context_id, visit.link)
    comment = None
    try:
        status = await _retrieve(visit, context_id, request, tally)
    except AssociationEnded:
        raise
    except SagittalError as error:
        status, comment = statuses_of(error).retrieve, comment_on(error)
        log.warning("retrieve refused", calling_aet=visit.actor.name, error=str(error))
    except Exception as error:  # the border of a request
        status = statuses_of(error).retrieve
        log.exception("retrieve failed", calling_aet=visit.actor.name)
    await visit.link.skip_data()
    await tally.respond(status, comment)


async def _retrieve(visit: Visit, context_id: int, request: RetrieveRequest, tally: Tally) -> int:
    """Does the sub-operations; returns the last status."""
    link = visit.link
    kind: Kind = "move" if isinstance(request, CMoveRequest) else "get"
    model = QUERY_RETRIEVE[visit.sop_class(context_id, kind)]
    identifier = parse_identifier(await link.read_data(MAX_IDENTIFIER_BYTES), link.contexts[context_id], model.root)
    if isinstance(request, CMoveRequest) and request.move_destination not in visit.settings.destinations:
        log.warning("move destination unknown", calling_aet=visit.actor.name, destination=request.move_destination)
        return MOVE_DESTINATION_UNKNOWN
    is_send = isinstance(request, CMoveRequest) and request.move_destination != visit.actor.name
    found = await locate_all(visit, identifier, "send" if is_send else "read")
    tally.remaining = len(found)
    outgoing = [outgoing_of(visit, instance) for instance in found]
    sent = _by_move(visit, request, outgoing) if isinstance(request, CMoveRequest) else _by_get(visit, outgoing)
    async with aclosing(sent) as results:
        if outgoing:
            await tally.tell()
        async for result in results:
            tally.count(result)
            if request.message_id in link.cancelled and tally.remaining:
                return CANCEL
            await tally.tell()
    log.info(
        "retrieve done",
        calling_aet=visit.actor.name,
        completed=tally.completed,
        failed=tally.failed,
        warning=tally.warning,
    )
    return tally.status


async def _by_move(visit: Visit, request: CMoveRequest, outgoing: Iterable[Outgoing]) -> AsyncGenerator[Sent, None]:
    async def instances() -> AsyncIterator[Outgoing]:
        for instance in outgoing:
            visit.link.check()  # nobody is left to send for
            yield instance

    destination = visit.settings.destinations[request.move_destination]
    originator = (visit.actor.name, request.message_id)
    sent = send(visit.requestor, request.move_destination, destination, instances(), originator)
    async with aclosing(sent) as results:
        async for result in results:
            yield result


async def _by_get(visit: Visit, outgoing: Iterable[Outgoing]) -> AsyncGenerator[Sent, None]:
    peer = Peer(visit.link, visit.storage_proposals(), visit.answer)
    for instance in outgoing:
        yield await deliver(peer, instance, visit.settings.dimse_timeout_s)


async def locate_all(visit: Visit, identifier: Identifier, access: Access = "read") -> tuple[StoredInstance, ...]:
    """The instances an identifier names by its unique keys, each a UID or a list of them (PS3.4 Section C.4.2.1.4).

    `access`: whether they go to the peer itself, or are sent to another.

    Raises:
        Refused: the peer may do that to nothing.
        Invalid: the unique key of its level is missing.
    """
    ask(visit.archive.witness, visit.actor, access)
    wanted = identifier.values(_UNIQUE_KEYS[identifier.level])
    if not wanted:
        raise Invalid(f"a retrieve at level {identifier.level.value} names its entities by their unique key")
    deadline = Deadline.after(visit.settings.operation_timeout_s)
    above = await _above(visit, identifier, deadline)
    scopes = [_scope(identifier.level, uid) for uid in wanted]
    if identifier.level is Level.PATIENT:
        scopes = [Scope(study=StudyUID(uid)) for uid in sorted(above.studies or ())]
    found: dict[str, StoredInstance] = {}
    for scope in scopes:
        try:
            located = await locate(visit.archive, visit.actor, scope, deadline, access)
        except NotFound:
            continue
        found |= {instance.sop_instance_uid: instance for instance in located if above.holds(instance)}
    return tuple(found.values())


class _Above(NamedTuple):
    """What the identifier says of the levels above its own; None where it says nothing."""

    studies: frozenset[str] | None
    series: frozenset[str] | None

    def holds(self, instance: StoredInstance) -> bool:
        """Whether an instance lies within."""
        in_study = self.studies is None or instance.study_instance_uid in self.studies
        return in_study and (self.series is None or instance.series_instance_uid in self.series)


async def _above(visit: Visit, identifier: Identifier, deadline: Deadline) -> _Above:
    """Every key above the level must hold too, or a retrieve could reach beyond the patient it names."""
    level = identifier.level
    studies = frozenset(identifier.values(_STUDY)) if level in {Level.SERIES, Level.IMAGE} else frozenset[str]()
    series = frozenset(identifier.values(_SERIES)) if level is Level.IMAGE else frozenset[str]()
    within: frozenset[str] | None = studies or None
    if identifier.values(_PATIENT_ID):
        patient = frozenset([uid async for uid in _studies_of(visit, identifier, deadline)])
        within = patient if within is None else within & patient
    return _Above(within, series or None)


def _scope(level: Level, uid: str) -> Scope:
    return Scope(
        study=StudyUID(uid) if level is Level.STUDY else None,
        series=SeriesUID(uid) if level is Level.SERIES else None,
        instance=InstanceUID(uid) if level is Level.IMAGE else None,
    )


async def _studies_of(visit: Visit, identifier: Identifier, deadline: Deadline) -> AsyncIterator[str]:
    """The studies of a patient: of every patient with that ID, unless the issuer says which is meant.

    Raises:
        Invalid: the ID holds a wild card; a retrieve names what it wants (PS3.4 Section C.4.2.2.1).
    """
    if any(wild in value for value in identifier.values(_PATIENT_ID) for wild in "*?"):
        raise Invalid("PatientID (0010,0020) of a retrieve is a single value, without wild cards")
    keys = tuple(key for key in identifier.keys if key.path in {(_PATIENT_ID,), (_ISSUER_OF_PATIENT_ID,)})
    query = Query(level=Level.STUDY, keys=keys)
    async with aclosing(search(visit.archive, visit.actor, query, deadline)) as answers:
        async for found in answers:
            (dataset,) = json_model.loads(found.text())
            yield str(dataset[f"{_STUDY:08X}"].get("Value", [""])[0])


def outgoing_of(visit: Visit, instance: StoredInstance) -> Outgoing:
    """A kept instance as something to be sent."""

    def as_kept() -> AsyncIterator[Buffer]:
        return visit.archive.stream(instance, instance.data_set_offset)

    return Outgoing(
        sop_class_uid=instance.sop_class_uid,
        sop_instance_uid=instance.sop_instance_uid,
        transfer_syntax_uid=instance.transfer_syntax_uid,
        open=as_kept,
        open_native=_decompressing(visit, instance),
    )


def _decompressing(visit: Visit, instance: StoredInstance) -> Callable[[], AsyncIterator[Buffer]] | None:
    """What gives a compressed instance decompressed; None where it is native or cannot be decoded."""
    pool, syntax = visit.pool, EXPLICIT_VR_LITTLE_ENDIAN
    if pool is None or not is_transcodable(instance, syntax):
        return None

    def decompressed() -> AsyncIterator[Buffer]:
        deadline = Deadline.after(visit.settings.operation_timeout_s)
        return stream_transcoded(Source(visit.archive, visit.actor, instance, deadline, pool), syntax)

    return decompressed
