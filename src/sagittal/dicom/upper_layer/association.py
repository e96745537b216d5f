"""One association of PS3.8 without sockets or clocks: bytes and moments in, events and bytes out.

    association = Association(is_requestor=False)
    association.connected(now)
    for event in association.receive(data, now): ...
    association.send(AssociateAccept(...), now)
    transport.writelines(association.outgoing())

Data fragments are handed out as they arrive, as views of what was received: the one who takes them copies or finishes
with them. What the peer does wrong ends the association and is told as the last event, with the RemoteProtocolError in
it; what we do wrong raises LocalProtocolError.
"""

from collections.abc import Callable
from typing import ClassVar, Final, NamedTuple, cast

import msgspec

from sagittal.dicom.upper_layer import pdu as pdus
from sagittal.dicom.upper_layer.framing import (
    DATA_HEADERS,
    DATA_TF,
    IS_COMMAND,
    IS_LAST,
    PDV_HEADER,
    Buffer,
    Fragment,
    PduReader,
)
from sagittal.dicom.upper_layer.items import ContextAnswer
from sagittal.dicom.upper_layer.pdu import (
    Abort,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    Pdu,
    ReleaseReply,
    ReleaseRequest,
)
from sagittal.dicom.upper_layer.protocol_error import (
    UNEXPECTED_PDU,
    UNRECOGNIZED_PDU,
    LocalProtocolError,
    RemoteProtocolError,
)
from sagittal.dicom.upper_layer.state import NEXT_STATE, TABLE, Happening, State


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What this side takes and how long it waits.

    Attributes:
        max_pdu_bytes: longest P-DATA-TF variable field; to be announced to the peer as its maximum length.
        max_associate_bytes: longest A-ASSOCIATE-RQ or -AC.
        max_sent_pdu_bytes: longest P-DATA-TF variable field sent, whatever more the peer would take.
        artim_s: the association request / reject / release timer (PS3.8 Section 9.1.5), seconds.
    """

    max_pdu_bytes: int = 131_072
    max_associate_bytes: int = 1_048_576
    max_sent_pdu_bytes: int = 262_144
    artim_s: float = 10.0


class Aborted(msgspec.Struct, frozen=True, kw_only=True):
    """The association is gone without release.

    Attributes:
        source: who ended it: 0 the peer's user, 2 a service-provider (the peer's or ours) (PS3.8 Table 9-26).
        reason: likewise.
        error: what the peer did wrong, if we ended it.
        is_lost: the transport connection closed under it.
    """

    source: int
    reason: int
    error: RemoteProtocolError | None = None
    is_lost: bool = False


Event = Fragment | AssociateRequest | AssociateAccept | AssociateReject | ReleaseRequest | ReleaseReply | Aborted

_RECEIVED: Final = {
    pdus.ASSOCIATE_RQ: Happening.ASSOCIATE_RQ_PDU,
    pdus.ASSOCIATE_AC: Happening.ASSOCIATE_AC_PDU,
    pdus.ASSOCIATE_RJ: Happening.ASSOCIATE_RJ_PDU,
    DATA_TF: Happening.DATA_TF_PDU,
    pdus.RELEASE_RQ: Happening.RELEASE_RQ_PDU,
    pdus.RELEASE_RP: Happening.RELEASE_RP_PDU,
    pdus.ABORT: Happening.ABORT_PDU,
}
_NAMES: Final = {
    pdus.ASSOCIATE_RQ: "A-ASSOCIATE-RQ",
    pdus.ASSOCIATE_AC: "A-ASSOCIATE-AC",
    pdus.ASSOCIATE_RJ: "A-ASSOCIATE-RJ",
    DATA_TF: "P-DATA-TF",
    pdus.RELEASE_RQ: "A-RELEASE-RQ",
    pdus.RELEASE_RP: "A-RELEASE-RP",
    pdus.ABORT: "A-ABORT",
}
_SENT: Final[dict[type, Happening]] = {
    AssociateRequest: Happening.ASSOCIATE_REQUEST_LOCAL,
    AssociateAccept: Happening.ASSOCIATE_ACCEPT_LOCAL,
    AssociateReject: Happening.ASSOCIATE_REJECT_LOCAL,
    ReleaseRequest: Happening.RELEASE_REQUEST_LOCAL,
    ReleaseReply: Happening.RELEASE_RESPONSE_LOCAL,
    Abort: Happening.ABORT_REQUEST_LOCAL,
}
_CAN_SEND_DATA: Final = frozenset(TABLE[Happening.DATA_REQUEST_LOCAL])
_TAKES_DATA: Final = frozenset(
    state for state, cell in TABLE[Happening.DATA_TF_PDU].items() if cell in {"DT-2", "AR-6"}
)


class Association:
    """The upper layer of one association, as the requestor or the acceptor sees it.

    Attributes:
        state: where in PS3.8 Table 9-10 it is.
        deadline: the moment `expire` is to be called; None while ARTIM is stopped.
        must_close: the transport connection is to be closed once the outgoing bytes are written.
        contexts: transfer syntax of each accepted presentation context.
        peer_max_length: what the peer takes in a P-DATA-TF, bytes; 0 for no limit.
        request, accept: what was asked and agreed, once it is known.
    """

    def __init__(self, *, is_requestor: bool, limits: Limits | None = None) -> None:
        self.is_requestor = is_requestor
        self.limits = limits or Limits()
        self.state = State.IDLE
        self.deadline: float | None = None
        self.must_close = False
        self.contexts: dict[int, str] = {}
        self.peer_max_length = 0
        self.request: AssociateRequest | None = None
        self.accept: AssociateAccept | None = None
        self._outgoing: list[Buffer] = []
        self._events: list[Event] = []
        self._is_deaf = False  # the peer broke the framing: nothing it sends can be read any more
        self._reader = PduReader(self._admit)
        self._room = 0  # data bytes that fit a P-DATA-TF to the peer

    @property
    def is_mid_pdu(self) -> bool:
        """Whether a PDU has begun to arrive and is not whole."""
        return self._reader.is_mid_pdu

    # -- what happens to it --------------------------------------------------------------------------------------------

    def connected(self, now: float) -> list[Event]:
        """The transport connection is open: as requestor after `send(AssociateRequest)`, as acceptor first of all."""
        self._happen(Happening.TRANSPORT_CONFIRMED if self.is_requestor else Happening.TRANSPORT_INDICATED, _Cause(now))
        return self._take_events()

    def closed(self, now: float) -> list[Event]:
        """The transport connection is gone."""
        if self.state is not State.IDLE:
            self._happen(Happening.TRANSPORT_CLOSED, _Cause(now))
        return self._take_events()

    def expire(self, now: float) -> list[Event]:
        """Time has come to `deadline`; does nothing before it."""
        if self.deadline is not None and now >= self.deadline:
            self._happen(Happening.ARTIM_EXPIRED, _Cause(now))
        return self._take_events()

    def receive(self, data: bytes | memoryview, now: float) -> list[Event]:
        """What the bytes that just arrived mean, in order. The views in it are of `data`."""
        try:
            self._read(memoryview(data), now)
        except RemoteProtocolError as error:
            self._is_deaf = True
            self._happen(Happening.INVALID_PDU, _Cause(now, error=error))
        return self._take_events()

    def send(self, command: Pdu, now: float) -> list[Event]:
        """Does what the user of the service asks; LocalProtocolError when the state does not allow it."""
        self._happen(_SENT[type(command)], _Cause(now, command))
        return self._take_events()

    def send_data(self, context_id: int, data: Buffer, *, is_command: bool, is_last: bool) -> None:
        """A command set or data set, or the next part of it, cut into P-DATA-TFs that the peer takes.

        `data` is not copied: it stays as it is until it is written. Empty data with `is_last` ends what was begun.
        """
        if self.state not in _CAN_SEND_DATA:
            raise LocalProtocolError(f"no data can be sent in {self.state.name}")
        if context_id not in self.contexts:
            raise LocalProtocolError(f"presentation context {context_id} was not accepted")
        room = self._room
        out = self._outgoing
        control = IS_COMMAND if is_command else 0
        total = len(data)
        if total <= room:
            out.append(DATA_HEADERS.pack(4, total + 6, total + 2, context_id, control | (IS_LAST if is_last else 0)))
            out.append(data)
            return
        view = memoryview(data)
        for start in range(0, total, room):
            part = view[start : start + room]
            size = len(part)
            last = IS_LAST if is_last and start + size == total else 0
            out.append(DATA_HEADERS.pack(4, size + 6, size + 2, context_id, control | last))
            out.append(part)

    def outgoing(self) -> list[Buffer]:
        """What is to be written to the transport now, in order; asking takes it."""
        taken, self._outgoing = self._outgoing, []
        return taken

    def _take_events(self) -> list[Event]:
        taken, self._events = self._events, []
        return taken

    # -- reading -------------------------------------------------------------------------------------------------------

    def _read(self, data: memoryview, now: float) -> None:
        reader, position, end = self._reader, 0, len(data)
        if self.state not in _TAKES_DATA:
            reader.pass_over_data()
        while position < end and not self._is_deaf and self.state is not State.IDLE:
            body, position = reader.read(data, position, self._events.append)
            if body is not None:
                self._happen(_RECEIVED[body.kind], _Cause(now, pdus.decode(body.kind, body.data)))

    def _admit(self, kind: int, length: int) -> bool:
        """Whether a PDU of this type and length is to be read; RemoteProtocolError if it must not come here and now."""
        happening = _RECEIVED.get(kind)
        if happening is None:
            raise RemoteProtocolError(f"PDU type {kind:02X}H is not one of PS3.8", UNRECOGNIZED_PDU)
        self._check_length(kind, length)
        cell = TABLE[happening].get(self.state, "AA-8")
        if cell in {"AA-1", "AA-7", "AA-8"}:
            raise RemoteProtocolError(f"PDU type {kind:02X}H cannot come in {self.state.name}", UNEXPECTED_PDU)
        return cell != "AA-6"

    def _check_length(self, kind: int, length: int) -> None:
        least, most, name = 4, 4, "the length in PS3.8"
        if kind == DATA_TF:
            least, most, name = PDV_HEADER.size, self.limits.max_pdu_bytes, "max_pdu_bytes"
        elif kind in {pdus.ASSOCIATE_RQ, pdus.ASSOCIATE_AC}:
            most, name = self.limits.max_associate_bytes, "max_associate_bytes"
        if not least <= length <= most:
            limit = f"more than {name}={most}" if length > most else f"fewer than {least}"
            raise RemoteProtocolError(f"{_NAMES[kind]} announces {length} bytes, {limit}")

    # -- the table -----------------------------------------------------------------------------------------------------

    def _happen(self, happening: Happening, cause: "_Cause") -> None:
        cell = TABLE[happening].get(self.state)
        if cell is None:
            raise LocalProtocolError(f"{happening.name} cannot be in {self.state.name}")
        way = self._actions[cell](self, cause) or 0
        self.state = NEXT_STATE[cell][way]
        if self.state is State.IDLE:
            self.deadline = None
            self.must_close = True

    def _agree(self, accept: AssociateAccept, peer_max_length: int) -> None:
        """Takes over what was agreed; only what was proposed can have been accepted."""
        request = self.request
        proposed = {context.context_id: context.transfer_syntaxes for context in (request.contexts if request else ())}
        for answer in accept.contexts:
            if answer.is_accepted:
                self._check_answer(answer, proposed)
        self.accept = accept
        self.contexts = {answer.context_id: answer.transfer_syntax for answer in accept.contexts if answer.is_accepted}
        self._reader.contexts = frozenset(self.contexts)
        self.peer_max_length = peer_max_length
        most = min(peer_max_length or self.limits.max_sent_pdu_bytes, self.limits.max_sent_pdu_bytes)
        self._room = (most - PDV_HEADER.size) & ~1  # fragments have even lengths (PS3.8 Annex E.1)

    def _check_answer(self, answer: ContextAnswer, proposed: dict[int, tuple[str, ...]]) -> None:
        if answer.transfer_syntax not in proposed.get(answer.context_id, ()):
            line = f"presentation context {answer.context_id} is accepted as what was not proposed"
            raise RemoteProtocolError(line) if self.is_requestor else LocalProtocolError(line)

    def _request_transport(self, cause: "_Cause") -> None:
        self.request = cast("AssociateRequest", cause.pdu)  # the event's PDU
        self._send_pdu(cause)  # to be written by whoever connects, once connected

    def _send_pdu(self, cause: "_Cause") -> None:
        self._outgoing.append(pdus.encode(cast("Pdu", cause.pdu)))  # the event's PDU

    def _send_accept(self, cause: "_Cause") -> None:
        accept = cast("AssociateAccept", cause.pdu)  # the event's PDU
        self._agree(accept, self.request.user.max_length if self.request else 0)
        self._send_pdu(cause)

    def _send_and_wait(self, cause: "_Cause") -> None:
        self._send_pdu(cause)
        self._start_artim(cause)

    def _start_artim(self, cause: "_Cause") -> None:
        self.deadline = cause.now + self.limits.artim_s

    def _indicate(self, cause: "_Cause") -> None:
        pdu = cast("Pdu", cause.pdu)  # the event's PDU
        self._events.append(Aborted(source=pdu.source, reason=pdu.reason) if isinstance(pdu, Abort) else pdu)

    def _indicate_request(self, cause: "_Cause") -> int:
        self.deadline = None
        request = cast("AssociateRequest", cause.pdu)  # the event's PDU
        if not request.protocol_version & 1:
            self._send_and_wait(_Cause(cause.now, pdus.PROTOCOL_VERSION_NOT_SUPPORTED))
            return 1
        self.request = request
        self._events.append(request)
        return 0

    def _confirm_accept(self, cause: "_Cause") -> None:
        accept = cast("AssociateAccept", cause.pdu)  # the event's PDU
        self._agree(accept, accept.user.max_length)
        self._events.append(accept)

    def _indicate_collision(self, cause: "_Cause") -> int:
        self._indicate(cause)
        return 0 if self.is_requestor else 1

    def _abort_as_user(self, cause: "_Cause") -> None:
        self._send_and_wait(_Cause(cause.now, cause.pdu or Abort()))
        if cause.error is not None:
            self._events.append(Aborted(source=0, reason=0, error=cause.error))

    def _abort_as_provider(self, cause: "_Cause") -> None:
        reason = cause.error.reason if cause.error is not None else UNEXPECTED_PDU
        self._send_and_wait(_Cause(cause.now, Abort(source=2, reason=reason)))
        self._events.append(Aborted(source=2, reason=reason, error=cause.error))

    def _abort_again(self, _cause: "_Cause") -> None:
        self._outgoing.append(pdus.encode(Abort(source=2, reason=UNEXPECTED_PDU)))

    def _indicate_loss(self, _cause: "_Cause") -> None:
        self._events.append(Aborted(source=2, reason=0, is_lost=True))

    def _nothing(self, _cause: "_Cause") -> None:
        """The new state is all (timers stop with it)."""

    # PS3.8 Tables 9-6 to 9-9. DT-1 and AR-7 are `send_data`, DT-2 and AR-6 the reader's.
    _actions: ClassVar[dict[str, Callable[["Association", "_Cause"], int | None]]] = {
        "AE-1": _request_transport,
        "AE-2": _nothing,  # the A-ASSOCIATE-RQ was put out by AE-1
        "AE-3": _confirm_accept,
        "AE-4": _indicate,
        "AE-5": _start_artim,
        "AE-6": _indicate_request,
        "AE-7": _send_accept,
        "AE-8": _send_and_wait,
        "AR-1": _send_pdu,
        "AR-2": _indicate,
        "AR-3": _indicate,
        "AR-4": _send_and_wait,
        "AR-5": _nothing,
        "AR-8": _indicate_collision,
        "AR-9": _send_pdu,
        "AR-10": _indicate,
        "AA-1": _abort_as_user,
        "AA-2": _nothing,
        "AA-3": _indicate,
        "AA-4": _indicate_loss,
        "AA-5": _nothing,
        "AA-6": _nothing,
        "AA-7": _abort_again,
        "AA-8": _abort_as_provider,
    }


class _Cause(NamedTuple):
    """Why an action is taken: when, with which PDU (received or to be sent), for which mistake of the peer."""

    now: float
    pdu: Pdu | None = None
    error: RemoteProtocolError | None = None
