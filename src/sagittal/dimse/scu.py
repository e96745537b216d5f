"""What we ask of a peer over an association: C-ECHO, C-STORE, C-FIND, C-MOVE, C-GET (PS3.7 Section 9.1)."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import TypeVar

import msgspec

from sagittal.dicom.messages.assembly import CommandReceived
from sagittal.dicom.messages.commands import (
    CCancelRequest,
    CEchoRequest,
    CEchoResponse,
    CFindRequest,
    CFindResponse,
    CGetRequest,
    CGetResponse,
    CMoveRequest,
    CMoveResponse,
    CStoreRequest,
    CStoreResponse,
    Response,
)
from sagittal.dicom.messages.statuses import category, describe
from sagittal.dicom.upper_layer.framing import Buffer
from sagittal.dimse.ending import AssociationEnded
from sagittal.dimse.link import Link
from sagittal.dimse.negotiation import VERIFICATION
from sagittal.dimse.requestor import Peer
from sagittal.errors import PeerFailed
from sagittal.runtime.deadline import Deadline

_MAX_IDENTIFIER_BYTES = 4 * 1_048_576
R = TypeVar("R", bound=Response)


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """An instance to be sent.

    Attributes:
        open: gives the data set as it is kept, part by part; parts are not changed once given.
        open_native: gives it decompressed, in Explicit VR Little Endian; None where that is not to be had.
    """

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    open: Callable[[], AsyncIterator[Buffer]]
    open_native: Callable[[], AsyncIterator[Buffer]] | None = None


Receive = Callable[[Link, CommandReceived, CStoreRequest], Awaitable[int]]
"""Takes the data set of an instance that a C-GET brings (`link.next_part`); returns the status to answer with."""


async def echo(peer: Peer, timeout_s: float) -> int:
    """The status of a C-ECHO."""
    context_id, _ = peer.context_for(VERIFICATION)
    message_id = peer.next_message_id()
    await peer.link.send(context_id, CEchoRequest(message_id=message_id))
    return (await _await_response(peer, CEchoResponse, message_id, timeout_s)).status


async def store(
    peer: Peer,
    context_id: int,
    instance: Outgoing,
    data: AsyncIterator[Buffer],
    timeout_s: float,
    *,
    originator: tuple[str, int] | None = None,
) -> CStoreResponse:
    """The peer's answer to a C-STORE.

    Args:
        peer: who gets it.
        context_id: presentation context whose transfer syntax `data` is in.
        instance: what it is.
        data: the data set.
        timeout_s: how long the peer may take to answer once all is sent.
        originator: AE title and Message ID of the C-MOVE it is a sub-operation of.
    """
    message_id = peer.next_message_id()
    request = CStoreRequest(
        message_id=message_id,
        affected_sop_class_uid=instance.sop_class_uid,
        affected_sop_instance_uid=instance.sop_instance_uid,
        move_originator_aet=originator[0] if originator else None,
        move_originator_message_id=originator[1] if originator else None,
    )
    await peer.link.send(context_id, request, data)
    return await _await_response(peer, CStoreResponse, message_id, timeout_s)


async def find(peer: Peer, sop_class_uid: str, identifier: bytes, timeout_s: float) -> AsyncGenerator[bytes, None]:
    """The identifiers that match, encoded in the transfer syntax of `peer.context_for(sop_class_uid)`, as asked.

    Leaving the iterator early cancels the query. PeerFailed when the peer says that it failed.
    """
    context_id, _ = peer.context_for(sop_class_uid)
    message_id = peer.next_message_id()
    request = CFindRequest(message_id=message_id, affected_sop_class_uid=sop_class_uid)
    await peer.link.send(context_id, request, identifier)
    is_over = False
    try:
        while True:
            response = await _await_response(peer, CFindResponse, message_id, timeout_s)
            if category(response.status) != "pending":
                is_over = True
                _check("C-FIND", response)
                return
            yield await peer.link.read_data(_MAX_IDENTIFIER_BYTES)
    finally:
        if not is_over:
            await _cancel(peer, context_id, message_id)


async def move(
    peer: Peer, sop_class_uid: str, identifier: bytes, destination_aet: str, timeout_s: float
) -> AsyncGenerator[CMoveResponse, None]:
    """Every response to a C-MOVE, the last one included. The peer may take `timeout_s` between two."""
    context_id, _ = peer.context_for(sop_class_uid)
    message_id = peer.next_message_id()
    request = CMoveRequest(
        message_id=message_id, affected_sop_class_uid=sop_class_uid, move_destination=destination_aet
    )
    await peer.link.send(context_id, request, identifier)
    while True:
        response = await _await_response(peer, CMoveResponse, message_id, timeout_s)
        await peer.link.skip_data()
        yield response
        if category(response.status) != "pending":
            return


async def get(
    peer: Peer, sop_class_uid: str, identifier: bytes, receive: Receive, timeout_s: float
) -> AsyncGenerator[CGetResponse, None]:
    """Every response to a C-GET, the last one included; the instances that come between them go to `receive`.

    The association is to have the peer as SCP of nothing and us as SCP of the storage classes (role selection).
    """
    context_id, _ = peer.context_for(sop_class_uid)
    message_id = peer.next_message_id()
    request = CGetRequest(message_id=message_id, affected_sop_class_uid=sop_class_uid)
    await peer.link.send(context_id, request, identifier)
    while True:
        received = await _receive_command(peer, timeout_s)
        command = received.command
        if isinstance(command, CStoreRequest):
            await _take_instance(peer.link, received, command, receive)
        elif isinstance(command, CGetResponse) and command.message_id_being_responded_to == message_id:
            await peer.link.skip_data()
            yield command
            if category(command.status) != "pending":
                return
        else:
            raise _unexpected(peer, received)


async def _take_instance(link: Link, received: CommandReceived, request: CStoreRequest, receive: Receive) -> None:
    status = await receive(link, received, request)
    await link.skip_data()
    await link.send(
        received.context_id,
        CStoreResponse(
            message_id_being_responded_to=request.message_id,
            status=status,
            affected_sop_class_uid=request.affected_sop_class_uid,
            affected_sop_instance_uid=request.affected_sop_instance_uid,
        ),
    )


async def _cancel(peer: Peer, context_id: int, message_id: int) -> None:
    """Asks the peer to stop; what it still sends is left to the release, which passes over it."""
    try:
        await peer.link.send(context_id, CCancelRequest(message_id_being_responded_to=message_id))
    except AssociationEnded:
        pass


async def _receive_command(peer: Peer, timeout_s: float) -> CommandReceived:
    try:
        async with Deadline.after(timeout_s).timeout():
            received = await peer.link.receive_command()
    except TimeoutError:
        peer.link.abort("no answer")
        raise PeerFailed(f"the peer did not answer within {timeout_s:g} s") from None
    if received is None:
        raise AssociationEnded("the peer released the association before it answered")
    return received


async def _await_response(peer: Peer, kind: type[R], message_id: int, timeout_s: float) -> R:
    received = await _receive_command(peer, timeout_s)
    command = received.command
    if isinstance(command, kind) and command.message_id_being_responded_to == message_id:
        return command
    raise _unexpected(peer, received)


def _unexpected(peer: Peer, received: CommandReceived) -> PeerFailed:
    name = type(received.command).__name__
    peer.link.abort(f"unexpected {name}")
    return PeerFailed(f"the peer sent a {name} where another message was due")


def _check(verb: str, response: CFindResponse) -> None:
    if category(response.status) == "failure":
        raise PeerFailed(f"the peer failed at {verb}: {response.status:04X}H, {describe(response.status)}")
