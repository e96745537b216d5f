"""The driver: an asyncio transport on one side, an Association on the other, messages for whoever serves or asks.

The same for SCP and SCU. Reading stops while what was received is not taken, writing waits while the peer does not take
what is sent; nothing waits longer than Pace allows.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from typing import Final, Protocol, cast

from sagittal.dicom.messages.assembly import CommandReceived, DataReceived, MessageReader
from sagittal.dicom.messages.command_set import encode_command
from sagittal.dicom.messages.commands import CCancelRequest, Command
from sagittal.dicom.upper_layer.association import Aborted, Association, Event
from sagittal.dicom.upper_layer.framing import Buffer, Fragment
from sagittal.dicom.upper_layer.pdu import Abort, AssociateRequest, Pdu, ReleaseReply, ReleaseRequest
from sagittal.dicom.upper_layer.protocol_error import RemoteProtocolError
from sagittal.dicom.upper_layer.state import State
from sagittal.dimse.alarm import Alarm
from sagittal.dimse.ending import AssociationEnded, why_of
from sagittal.dimse.inbox import Inbox, Item
from sagittal.dimse.sockets import TunedSocket
from sagittal.dimse.standing import Standing
from sagittal.dimse.watch import Pace, Watch
from sagittal.errors import Invalid
from sagittal.runtime.actor import Actor
from sagittal.runtime.log import get_logger

log = get_logger(__name__)

_MAX_CANCELS: Final = 1024
_RELEASE_GRACE_S: Final = 0.5
_LAST_WORDS_S: Final = 1.0
_CLOCK_RESOLUTION_S: Final = 0.002  # the loop may wake us so much too early
_ABORTABLE: Final = frozenset(State) - {State.IDLE, State.AWAITING_REQUEST, State.AWAITING_CLOSE}
_TALKING: Final = frozenset({State.ESTABLISHED, State.AWAITING_LOCAL_RELEASE_REPLY})


class Owner(Protocol):
    """Who is told what happens to a link; called in the event loop, must not block."""

    def connected(self, link: "Link") -> None:
        """The transport connection is open."""

    def requested(self, link: "Link", request: AssociateRequest) -> None:
        """The peer asks for an association; to be answered with `link.tell`."""

    def ended(self, link: "Link") -> None:
        """The transport connection is closed; the last that is told."""


class Link(asyncio.Protocol):
    """One association on the wire.

    Attributes:
        association: its upper layer; read only from outside.
        cancelled: message IDs for which the peer sent C-CANCEL.
        address: of the peer, without port.
        actor: who the peer is, once it was admitted; nobody before.
        standing: how it is asked who the peer is now; None where nobody asks.
        on_drop: how to drop it while it has no transport yet.
    """

    def __init__(self, association: Association, pace: Pace, owner: Owner | None = None) -> None:
        self.association = association
        self.cancelled: set[int] = set()
        self.address = ""
        self.actor = Actor(door="dimse")
        self.standing: Standing | None = None
        self._loop = asyncio.get_running_loop()
        self._watch = Watch(pace, self._loop.time())
        self._owner = owner
        self.on_drop: Callable[[], object] | None = None
        self._transport: asyncio.Transport | None = None
        self._socket: TunedSocket | None = None
        self._alarm = Alarm(self._loop, self._look)
        self._soonest = min(pace.idle_s, pace.window_s, association.limits.artim_s)  # whatever begins now ends then
        self._messages = MessageReader()
        self._inbox = Inbox()
        self._is_paused = False
        self._received = self._written = 0
        self._drained: asyncio.Future[None] | None = None
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._end: AssociationEnded | None = None
        self._is_release_asked = False
        self._is_stopping = False

    @property
    def contexts(self) -> dict[int, str]:
        """Transfer syntax of each accepted presentation context."""
        return self.association.contexts

    def certificate(self) -> str:
        """SHA-256 of the certificate that the peer has shown under TLS, hexadecimal; `""` without one."""
        tls = self._transport.get_extra_info("ssl_object") if self._transport is not None else None
        shown: bytes | None = tls.getpeercert(binary_form=True) if tls is not None else None
        return hashlib.sha256(shown).hexdigest() if shown else ""

    # -- what asyncio calls --------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        stream = cast("asyncio.Transport", transport)  # uvloop's transports are none of asyncio's classes
        self._transport = stream
        self._socket = TunedSocket(stream)
        peer = stream.get_extra_info("peername")
        self.address = str(peer[0]) if peer else ""
        self._take_all(self.association.connected(self._loop.time()))
        self._arm()
        if self._owner is not None:
            self._owner.connected(self)

    def data_received(self, data: bytes) -> None:
        now = self._loop.time()
        if self._socket is not None:
            self._socket.acknowledge()
        self._received += len(data)
        self._take_all(self.association.receive(data, now))
        if self.association.is_mid_pdu or self._messages.is_mid_message:
            self._watch.inward.start(now, self._received)
            self._arm()
        else:
            self._watch.inward.stop()
        if self._inbox.is_full:
            self._pause()

    def eof_received(self) -> bool:
        return False  # half-closed connections are not kept

    def connection_lost(self, exc: Exception | None) -> None:
        if self._closed.done():
            return
        self._closed.set_result(None)
        self._transport = None
        if self._socket is not None:
            self._socket.detach()
        self._alarm.cancel()
        self._take_all(self.association.closed(self._loop.time()))
        self._finish("the connection was closed" if exc is None else f"the connection was lost ({type(exc).__name__})")
        if self._owner is not None:
            self._owner.ended(self)

    def pause_writing(self) -> None:
        self._drained = self._loop.create_future()
        self._watch.outward.start(self._loop.time(), self._taken)
        self._arm()

    def resume_writing(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None
        self._watch.outward.stop()

    # -- for whoever serves or asks ------------------------------------------------------------------------------------

    async def receive(self) -> Item | None:
        """The next that comes, in order; None when the peer has released the association.

        Raises:
            AssociationEnded: it is gone.
        """
        while not self._inbox:
            if self._is_release_asked:
                self._reply_to_release()
                return None
            self.check_open()
            await self._inbox.wait()
        return self._pop()

    async def receive_command(self) -> CommandReceived | None:
        """The next message's command, past what is left of the last one's data set; None after release.

        The peer may be silent for `Pace.idle_s`.
        """
        await self.skip_data()
        if self._is_stopping:
            await self._await_release()
            return None
        if not self._inbox:
            self._watch.rest(self._loop.time())
            self._arm()
        try:
            item = await self.receive()
        finally:
            self._watch.is_waiting = False
        if item is None or isinstance(item, CommandReceived):
            return item
        raise AssociationEnded(f"{type(item).__name__} came where a message was due")

    async def next_part(self) -> memoryview | None:
        """The next part of the data set of the last command, as it comes; None after its end."""
        if not self._inbox.owes_data:
            return None
        item = self._pop() if self._inbox else await self.receive()
        if isinstance(item, DataReceived):
            return item.data
        raise AssociationEnded("the association was released in the middle of a data set")

    async def skip_data(self) -> None:
        """Takes what is left of the data set of the last command, and forgets it."""
        while await self.next_part() is not None:
            pass

    async def read_data(self, max_bytes: int) -> bytes:
        """The whole data set of the last command; Invalid if it is longer than `max_bytes`."""
        whole = bytearray()
        while (part := await self.next_part()) is not None:
            if len(whole) + len(part) > max_bytes:
                raise Invalid(f"the data set has more than {max_bytes} bytes")
            whole += part
        return bytes(whole)

    async def send(self, context_id: int, command: Command, data: bytes | AsyncIterator[Buffer] | None = None) -> None:
        """Sends a message; returns when the peer may be sent more.

        `data` is to be there exactly if the command says so. AssociationEnded when the association is gone.
        """
        self.check()
        self.association.send_data(context_id, encode_command(command), is_command=True, is_last=True)
        if isinstance(data, bytes):
            self.association.send_data(context_id, data, is_command=False, is_last=True)
        elif data is not None:
            await self._send_stream(context_id, data)
        self._flush()
        await self._drain()

    def check(self) -> None:
        """Raises AssociationEnded when nothing can be sent any more."""
        self.check_open()
        if self.association.state not in _TALKING:
            raise AssociationEnded(f"the association is in {self.association.state.name}")

    def check_open(self) -> None:
        """Raises AssociationEnded when it has ended."""
        if self._end is not None:
            raise self._end

    def tell(self, pdu: Pdu) -> None:
        """Sends what is not a message: the answer to a request, a release, an abort."""
        self._take_all(self.association.send(pdu, self._loop.time()))
        self._arm()

    def stop_soon(self) -> None:
        """Ends the association when what is in flight is done: at once if nothing is."""
        self._is_stopping = True
        is_waiting = self._watch.is_waiting and not self._inbox and not self._messages.is_mid_message
        if is_waiting or self.association.state not in _TALKING:
            self.abort("shutting down")

    def abort(self, why: str) -> None:
        """Ends the association at once; does nothing if it is gone."""
        self._finish(why)
        if self._transport is None:
            return
        if self.association.state in _ABORTABLE:
            self.tell(Abort())
        elif self.association.state is State.AWAITING_REQUEST:
            self._transport.close()

    def close(self) -> None:
        """Closes the connection when what was written is out."""
        if self._transport is not None:
            self._transport.close()

    def drop(self) -> None:
        """Closes the connection now, whatever is under way."""
        self._finish("dropped")
        if self._transport is not None:
            self._transport.abort()
        elif self.on_drop is not None:
            self.on_drop()

    async def hang_up(self) -> None:
        """Closes the connection when what was written is out; returns when it is closed, soon in any case."""
        self.close()
        await asyncio.wait((self._closed,), timeout=_LAST_WORDS_S)
        self.drop()
        await self.wait_closed()

    async def wait_closed(self) -> None:
        """Returns when the connection is closed."""
        await asyncio.shield(self._closed)

    # -- inside --------------------------------------------------------------------------------------------------------

    @property
    def _taken(self) -> int:
        """Bytes of ours that are out of our hands."""
        return self._written - (self._transport.get_write_buffer_size() if self._transport is not None else 0)

    def _take_all(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Fragment):
                self._take_fragment(event)
            else:
                self._take(event)
        self._flush()
        if events:
            self._inbox.wake()

    def _take_fragment(self, fragment: Fragment) -> None:
        if self._end is not None:
            return
        try:
            item = self._messages.receive(fragment)
        except RemoteProtocolError as error:
            log.warning("peer broke the protocol", peer=self.address, error=str(error))
            self.abort(str(error))
            return
        if isinstance(item, CommandReceived) and isinstance(item.command, CCancelRequest):
            if len(self.cancelled) < _MAX_CANCELS:
                self.cancelled.add(item.command.message_id_being_responded_to)
        elif item is not None:
            self._inbox.put(item)

    def _take(self, event: Event) -> None:
        if isinstance(event, AssociateRequest):
            # what came behind it may have ended the association already
            if self._owner is not None and self.association.state is State.AWAITING_LOCAL_RESPONSE:
                self._owner.requested(self, event)
        elif isinstance(event, ReleaseRequest):
            self._is_release_asked = True
        elif isinstance(event, Aborted):
            if event.error is not None:
                log.warning("peer broke the protocol", peer=self.address, error=str(event.error))
            self._finish(why_of(event))
        elif not isinstance(event, Fragment):
            self._inbox.put(event)

    def _reply_to_release(self) -> None:
        self._is_release_asked = False
        self.check_open()
        self.tell(ReleaseReply())
        self._finish("the peer released the association")

    def _finish(self, why: str) -> None:
        if self._end is None:
            self._end = AssociationEnded(why)
        self._inbox.wake()
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    def _pop(self) -> Item:
        item = self._inbox.pop()
        if self._is_paused and self._inbox.is_low:
            self._resume()
        return item

    def _pause(self) -> None:
        if not self._is_paused and self._transport is not None and not self._transport.is_closing():
            self._is_paused = True
            self._transport.pause_reading()
            self._watch.inward.stop()  # it is we who hold it up

    def _resume(self) -> None:
        self._is_paused = False
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
            if self.association.is_mid_pdu or self._messages.is_mid_message:
                self._watch.inward.start(self._loop.time(), self._received)
                self._arm()

    async def _await_release(self) -> None:
        """Leaves a peer that has just been served the time to release the association, but no more messages."""
        try:
            async with asyncio.timeout(_RELEASE_GRACE_S):
                if await self.receive() is None:
                    return
        except TimeoutError:
            pass
        self.abort("shutting down")
        self.check()

    async def _send_stream(self, context_id: int, data: AsyncIterator[Buffer]) -> None:
        held: Buffer = b""
        async for part in data:
            even = len(held) & ~1  # of bytes in a fragment; DCMTK refuses others (PS3.8 Annex E.1)
            if even:
                self.check()
                self.association.send_data(context_id, memoryview(held)[:even], is_command=False, is_last=False)
                self._flush()
                await self._drain()
            held = bytes(held[even:]) + bytes(part) if even < len(held) else part
        self.check()
        self.association.send_data(context_id, held, is_command=False, is_last=True)

    def _flush(self) -> None:
        buffers = self.association.outgoing()
        if self._transport is None:
            return
        if buffers:
            self._written += sum(map(len, buffers))
            self._transport.writelines(buffers)
        if self.association.must_close and not self._transport.is_closing():
            self._transport.close()

    async def _drain(self) -> None:
        if self._drained is not None:
            await asyncio.shield(self._drained)
            self.check_open()

    def _arm(self) -> None:
        """Sees to it that someone looks at the time when it matters; a look too early does no harm."""
        now = self._loop.time()
        if self._alarm.is_due_by(now + self._soonest):
            return
        look = self._watch.next_look(now)
        if self.association.deadline is not None:
            look = min(look, self.association.deadline)
        self._alarm.set(look)

    def _look(self) -> None:
        if self._transport is None:
            return
        now = self._loop.time() + _CLOCK_RESOLUTION_S
        self._take_all(self.association.expire(now))
        if self.association.must_close:  # the peer had its time to close, or to take what is still unwritten
            self.drop()
            return
        verdict = self._watch.verdict(now, self._received, self._taken)
        if verdict is not None:
            log.warning("association aborted", peer=self.address, why=verdict)
            self.abort(verdict)
            self._watch.stop()
        self._arm()
