"""C-GET and C-MOVE of a study: an SCU and an SCP that take what comes and throw it away.

DIMSE as Sagittal's own upper layer has it, over a blocking socket: some 0.2 ms of CPU for a CT, a fraction of what the
servers spend, which DCMTK's tools do not reach.
"""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import NamedTuple

from bench.peers import MOVE_AET, Peer
from sagittal.dicom.messages.assembly import CommandReceived, DataReceived, MessageReader
from sagittal.dicom.messages.command_set import encode_command
from sagittal.dicom.messages.commands import (
    CGetRequest,
    CGetResponse,
    CMoveRequest,
    CMoveResponse,
    Command,
    CStoreRequest,
    CStoreResponse,
)
from sagittal.dicom.upper_layer.association import Association, Event
from sagittal.dicom.upper_layer.framing import Fragment
from sagittal.dicom.upper_layer.items import ContextAnswer, ProposedContext, RoleSelection, UserInformation
from sagittal.dicom.upper_layer.pdu import AssociateAccept, AssociateRequest, ReleaseReply, ReleaseRequest

_IMPLICIT, _EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
_GET, _MOVE = "1.2.840.10008.5.1.4.1.2.2.3", "1.2.840.10008.5.1.4.1.2.2.2"
_CT = "1.2.840.10008.5.1.4.1.1.2"
_MAX_PDU_BYTES = 131_072
_RECEIVE_BYTES = 1024 * 1024


class Retrieved(NamedTuple):
    """What came of one retrieve."""

    seconds: float
    instances: int
    data_bytes: int

    @property
    def bytes_per_s(self) -> float:
        """Of data sets."""
        return self.data_bytes / self.seconds


class _Talk:
    """One association over a blocking socket; takes every instance and answers it."""

    def __init__(self, connection: socket.socket, *, is_requestor: bool) -> None:
        self.association = Association(is_requestor=is_requestor)
        self.instances = self.data_bytes = 0
        self._socket = connection
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._messages = MessageReader()
        self._under_way: tuple[int, CStoreRequest] | None = None

    def flush(self) -> None:
        """Writes what is to be written."""
        data = b"".join(self.association.outgoing())
        if data:
            self._socket.sendall(data)

    def send(self, context_id: int, command: Command, data: bytes = b"") -> None:
        """A message."""
        self.association.send_data(context_id, encode_command(command), is_command=True, is_last=True)
        if data:
            self.association.send_data(context_id, data, is_command=False, is_last=True)
        self.flush()

    def run(self, until: Callable[[Event | Command], bool]) -> None:
        """Takes part until an event or a command says so, or the other side is gone."""
        while data := self._socket.recv(_RECEIVE_BYTES):
            said: list[Event | Command] = []
            for event in self.association.receive(data, 0):
                command = self._take(event) if isinstance(event, Fragment) else None
                said += [event] if not isinstance(event, Fragment) else [command] if command else []
            self.flush()
            if any(until(one) for one in said):
                return

    def close(self) -> None:
        """Hangs up."""
        self._socket.close()

    def _take(self, fragment: Fragment) -> Command | None:
        item = self._messages.receive(fragment)
        if isinstance(item, DataReceived):
            self.data_bytes += len(item.data)
            if item.is_last and self._under_way is not None:
                self._answer(*self._under_way)
            return None
        if not isinstance(item, CommandReceived):
            return None
        if isinstance(item.command, CStoreRequest):
            self._under_way = (item.context_id, item.command)
            return None
        return item.command

    def _answer(self, context_id: int, request: CStoreRequest) -> None:
        self._under_way = None
        self.instances += 1
        answer = CStoreResponse(
            message_id_being_responded_to=request.message_id,
            status=0,
            affected_sop_class_uid=request.affected_sop_class_uid,
            affected_sop_instance_uid=request.affected_sop_instance_uid,
        )
        self.association.send_data(context_id, encode_command(answer), is_command=True, is_last=True)


def _requested(peer: Peer, contexts: tuple[ProposedContext, ...], roles: tuple[RoleSelection, ...] = ()) -> _Talk:
    talk = _Talk(socket.create_connection(("127.0.0.1", peer.dicom_port), 30), is_requestor=True)
    user = UserInformation(max_length=_MAX_PDU_BYTES, roles=roles)
    request = AssociateRequest(called_aet=peer.aet, calling_aet=MOVE_AET, contexts=contexts, user=user)
    talk.association.send(request, 0)
    talk.association.connected(0)
    talk.flush()
    talk.run(lambda event: isinstance(event, AssociateAccept))
    return talk


def _identifier(study: str) -> bytes:
    """Implicit VR Little Endian: Query/Retrieve Level and Study Instance UID."""
    uid = study.encode() + b"\0" * (len(study) % 2)
    return b"\x08\0\x52\0\x06\0\0\0STUDY \x20\0\x0d\0" + len(uid).to_bytes(4, "little") + uid


def _release(talk: _Talk) -> None:
    talk.association.send(ReleaseRequest(), 0)
    talk.flush()
    talk.run(lambda event: isinstance(event, ReleaseReply))
    talk.close()


def c_get(peer: Peer, study: str) -> Retrieved:
    """A study of CT by C-GET; its seconds are from the request to the last answer, without the association."""
    contexts = (ProposedContext(1, _GET, (_IMPLICIT,)), ProposedContext(3, _CT, (_EXPLICIT,)))
    talk = _requested(peer, contexts, (RoleSelection(_CT, False, True),))
    begun = time.perf_counter()
    talk.send(1, CGetRequest(message_id=1, affected_sop_class_uid=_GET), _identifier(study))
    talk.run(lambda said: isinstance(said, CGetResponse) and not said.status & 0xFF00)
    took = time.perf_counter() - begun
    _release(talk)
    return Retrieved(took, talk.instances, talk.data_bytes)


class Destination:
    """An SCP of CT that throws everything away: where C-MOVE sends to."""

    def __init__(self) -> None:
        self.instances = self.data_bytes = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Listens no more."""
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with closing(connection):
                self._take(_Talk(connection, is_requestor=False))

    def _take(self, talk: _Talk) -> None:
        def until(event: Event | Command) -> bool:
            if isinstance(event, AssociateRequest):
                talk.association.send(_acceptance(event), 0)
            elif isinstance(event, ReleaseRequest):
                talk.association.send(ReleaseReply(), 0)
            talk.flush()
            self.instances, self.data_bytes = base[0] + talk.instances, base[1] + talk.data_bytes
            return isinstance(event, ReleaseRequest)

        base = (self.instances, self.data_bytes)
        talk.association.connected(0)
        talk.run(until)


def _acceptance(request: AssociateRequest) -> AssociateAccept:
    answers = tuple(
        ContextAnswer(one.context_id, 0, _EXPLICIT)
        if one.abstract_syntax == _CT and _EXPLICIT in one.transfer_syntaxes
        else ContextAnswer(one.context_id, 4, _IMPLICIT)
        for one in request.contexts
    )
    user = UserInformation(max_length=_MAX_PDU_BYTES)
    return AssociateAccept(called_aet=request.called_aet, calling_aet=request.calling_aet, contexts=answers, user=user)


def c_move(peer: Peer, study: str, destination: Destination) -> Retrieved:
    """A study of CT by C-MOVE to `destination`; its seconds include the association that the server opens."""
    before = (destination.instances, destination.data_bytes)
    talk = _requested(peer, (ProposedContext(1, _MOVE, (_IMPLICIT,)),))
    begun = time.perf_counter()
    request = CMoveRequest(message_id=1, affected_sop_class_uid=_MOVE, move_destination=MOVE_AET)
    talk.send(1, request, _identifier(study))
    talk.run(lambda said: isinstance(said, CMoveResponse) and not said.status & 0xFF00)
    took = time.perf_counter() - begun
    _release(talk)
    end = time.perf_counter() + 5  # a server may say that it is done before it has released
    while destination.instances == before[0] and time.perf_counter() < end:
        time.sleep(0.01)
    return Retrieved(took, destination.instances - before[0], destination.data_bytes - before[1])
