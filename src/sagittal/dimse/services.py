"""What a peer can ask of us, put together: the table of services over an archive."""

from functools import partial

from sagittal.archive.archive import Archive
from sagittal.dicom.messages.commands import (
    CEchoRequest,
    CFindRequest,
    CGetRequest,
    CMoveRequest,
    CStoreRequest,
    Request,
)
from sagittal.dicom.upper_layer.pdu import AssociateAccept, AssociateRequest
from sagittal.dimse.attendance import Handler, attend, echo
from sagittal.dimse.link import Link
from sagittal.dimse.listener import Serve
from sagittal.dimse.negotiation import kinds_of
from sagittal.dimse.querying import find
from sagittal.dimse.requestor import Requestor
from sagittal.dimse.retrieving import get, move
from sagittal.dimse.storing import store
from sagittal.dimse.visit import Visit
from sagittal.runtime.actor import Actor
from sagittal.runtime.pools import WorkerPool
from sagittal.runtime.settings import Settings


def services(
    archive: Archive, settings: Settings, pool: WorkerPool | None = None, requestor: Requestor | None = None
) -> Serve:
    """What a Listener is to have done with each association.

    Args:
        archive: what is asked and stored into.
        settings: limits and destinations.
        pool: where pictures are decompressed; without one none are.
        requestor: opens associations to destinations; one of its own if None.
    """
    requestor = requestor or Requestor.of(settings)

    async def serve(link: Link, request: AssociateRequest, answer: AssociateAccept) -> None:
        visit = Visit(
            link=link,
            request=request,
            answer=answer,
            archive=archive,
            requestor=requestor,
            settings=settings,
            sop_classes={context.context_id: context.abstract_syntax for context in request.contexts},
            kinds=kinds_of(request),
            pool=pool,
        )
        packs = archive.session(visit.actor)
        handlers: dict[type[Request], Handler] = {
            CEchoRequest: partial(echo, link),
            CStoreRequest: partial(store, visit, packs),
            CFindRequest: partial(find, visit),
            CMoveRequest: partial(move, visit),
            CGetRequest: partial(get, visit),
        }

        def renewed(actor: Actor) -> None:
            packs.actor = actor
            packs.welcome.clear()

        try:
            await attend(link, handlers, renewed)
        finally:
            await packs.close()

    return serve
