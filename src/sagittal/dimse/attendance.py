"""One association being served: messages in, each to the handler of its kind, whatever the handlers are."""

from collections.abc import Awaitable, Callable, Mapping

from sagittal.dicom.messages.assembly import CommandReceived
from sagittal.dicom.messages.commands import RESPONSE_TO, CEchoRequest, CEchoResponse, Request
from sagittal.dicom.messages.statuses import SUCCESS, UNRECOGNIZED_OPERATION
from sagittal.dimse.ending import AssociationEnded
from sagittal.dimse.link import Link
from sagittal.dimse.standing import Standing
from sagittal.errors import Refused
from sagittal.runtime.actor import Actor

Handler = Callable[[CommandReceived], Awaitable[None]]
"""Does what a request asks and sends the responses. What it leaves of the request's data set is skipped."""


Renewed = Callable[[Actor], None]
"""Told when the peer may do something else than before."""


async def attend(link: Link, handlers: Mapping[type[Request], Handler], renewed: Renewed = lambda _: None) -> None:
    """Serves until the peer releases the association; AssociationEnded if it ends otherwise."""
    while (received := await link.receive_command()) is not None:
        if link.standing is not None and link.standing.is_outdated:
            await _ask_again(link, link.standing, renewed)
        kind = type(received.command)
        handler = handlers.get(kind)  # type: ignore[arg-type]  # what is no request has no handler either
        if handler is not None:
            await handler(received)
        else:
            await _refuse(link, received)
        message_id = getattr(received.command, "message_id", None)
        if message_id is not None:
            link.cancelled.discard(message_id)


async def echo(link: Link, received: CommandReceived) -> None:
    """C-ECHO (PS3.7 Section 9.1.5)."""
    command = received.command
    if isinstance(command, CEchoRequest):
        await link.send(
            received.context_id,
            CEchoResponse(
                message_id_being_responded_to=command.message_id,
                status=SUCCESS,
                affected_sop_class_uid=command.affected_sop_class_uid,
            ),
        )


async def _ask_again(link: Link, standing: Standing, renewed: Renewed) -> None:
    """Has the peer go on with what it may do now; AssociationEnded if it would not be let in any more."""
    try:
        link.actor = await standing.ask()
    except Refused as error:
        link.abort("not let in any more")
        raise AssociationEnded(str(error)) from error
    renewed(link.actor)


async def _refuse(link: Link, received: CommandReceived) -> None:
    command = received.command
    for request, response in RESPONSE_TO.items():
        if isinstance(command, request):
            await link.skip_data()
            await link.send(
                received.context_id,
                response(message_id_being_responded_to=command.message_id, status=UNRECOGNIZED_OPERATION),
            )
            return
    link.abort("a response came that nobody asked for")
    raise AssociationEnded(f"the peer sent a {type(command).__name__} that nobody asked for")
