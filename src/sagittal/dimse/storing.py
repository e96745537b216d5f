"""C-STORE as SCP (PS3.4 Annex B): the data set streams into the archive; success is said when it is durable."""

from typing import Final

from sagittal import ingest
from sagittal.archive.model import Arrival, Stored
from sagittal.archive.session import PackSession
from sagittal.dicom.identifiers import TransferSyntaxUID
from sagittal.dicom.messages.assembly import CommandReceived
from sagittal.dicom.messages.commands import CStoreRequest, CStoreResponse
from sagittal.dicom.messages.statuses import COERCED, SUCCESS
from sagittal.dimse.ending import AssociationEnded
from sagittal.dimse.failures import comment_on, statuses_of
from sagittal.dimse.visit import Visit
from sagittal.errors import SagittalError
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.log import get_logger

log = get_logger(__name__)

_KEPT_BESIDE: Final = "another instance with this SOP Instance UID is kept too"


async def store(visit: Visit, packs: PackSession, received: CommandReceived) -> None:
    """Answers a C-STORE-RQ."""
    request = received.command
    if not isinstance(request, CStoreRequest):
        return
    status, comment = SUCCESS, None
    try:
        stored = await _take(visit, packs, received.context_id, request)
        if stored.outcome == "conflict":  # kept, but the peer should know that a person has to look
            status, comment = COERCED, _KEPT_BESIDE
    except AssociationEnded:
        raise
    except SagittalError as error:
        status, comment = statuses_of(error).store, comment_on(error)
        log.warning("instance refused", calling_aet=visit.actor.name, **_names(request), error=str(error))
    except Exception as error:  # the border of a request
        status = statuses_of(error).store
        log.exception("instance not stored", calling_aet=visit.actor.name, **_names(request))
    await visit.link.skip_data()
    await visit.link.send(
        received.context_id,
        CStoreResponse(
            message_id_being_responded_to=request.message_id,
            status=status,
            affected_sop_class_uid=request.affected_sop_class_uid,
            affected_sop_instance_uid=request.affected_sop_instance_uid,
            error_comment=comment,
        ),
    )


async def _take(visit: Visit, packs: PackSession, context_id: int, request: CStoreRequest) -> Stored:
    link = visit.link
    visit.sop_class(context_id, "storage")
    arrival = Arrival(
        transfer_syntax_uid=TransferSyntaxUID(link.contexts[context_id]),
        sop_class_uid=request.affected_sop_class_uid,
        sop_instance_uid=request.affected_sop_instance_uid,
    )
    incoming = ingest.begin(packs, arrival, visit.settings.max_object_bytes)
    try:
        while (part := await link.next_part()) is not None:
            if incoming.write(part):
                await incoming.drain()
        return await incoming.commit(Deadline.after(visit.settings.operation_timeout_s))
    except BaseException:
        await incoming.abort()
        raise


def _names(request: CStoreRequest) -> dict[str, str]:
    return {"sop_class_uid": request.affected_sop_class_uid, "sop_instance_uid": request.affected_sop_instance_uid}
