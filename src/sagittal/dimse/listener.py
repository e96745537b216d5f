"""The listening socket: connections in, each accepted association served by a task of its own."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Final, Self

from sagittal.access.callers import Admit, Caller
from sagittal.dicom.upper_layer.association import Association, Limits
from sagittal.dicom.upper_layer.pdu import (
    CALLING_AET_NOT_RECOGNIZED,
    LOCAL_LIMIT_EXCEEDED,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
)
from sagittal.dimse.ending import AssociationEnded
from sagittal.dimse.link import Link
from sagittal.dimse.negotiation import accept
from sagittal.dimse.porter import Porter
from sagittal.dimse.standing import Standing, nobody
from sagittal.dimse.watch import Pace
from sagittal.errors import Refused, SagittalError
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.log import get_logger
from sagittal.runtime.settings import Settings
from sagittal.runtime.witness import Witness

log = get_logger(__name__)

Serve = Callable[[Link, AssociateRequest, AssociateAccept], Awaitable[None]]
"""Serves one association until the peer ends it. AssociationEnded may leave it."""

_BACKLOG: Final = 1024
_ACCEPT_AGAIN_S: Final = 0.1
_LOG_EVERY: Final = 100  # connections dropped
_LAST_WORDS_S: Final = 0.5  # for an A-ABORT to get out before the connection is dropped


class Listener:
    """Accepts associations and has `serve` called for each. Leaving the `async with` closes it.

    async with Listener(settings, serve) as listener:
        await listener.start("127.0.0.1", 11112)
        ...
    """

    def __init__(
        self, settings: Settings, serve: Serve, tls: ssl.SSLContext | None = None, *, admit: Admit, witness: Witness
    ) -> None:
        """Serves whom it is told to.

        Args:
            settings: limits.
            serve: what is done with each association.
            tls: None for plain TCP.
            admit: says who a caller is; whom it refuses gets no association.
            witness: is told of those.
        """
        self._admit = admit
        self._witness = witness
        self._settings = settings
        self._serve = serve
        self._tls = tls
        self._limits = Limits(max_pdu_bytes=settings.max_pdu_bytes, artim_s=settings.association_request_timeout_s)
        self._pace = Pace(
            idle_s=settings.association_idle_timeout_s, min_rate_bytes_s=settings.message_min_rate_bytes_s
        )
        self._porter: Porter[Link] = Porter(settings)
        self._links: set[Link] = set()
        self._sockets: list[socket.socket] = []
        self._servers: list[asyncio.Server] = []
        self._accepting: list[asyncio.Task[None]] = []
        self._group = asyncio.TaskGroup()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closing = False
        self._dropped = 0

    @property
    def port(self) -> int:
        """The port it listens on."""
        port: int = self._sockets[0].getsockname()[1]
        return port

    @property
    def associations(self) -> int:
        """How many associations are open."""
        return self._porter.associations

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.close(Deadline.after(self._settings.shutdown_timeout_s))
        await self._group.__aexit__(None, None, None)  # what happened inside is not the associations' failure

    async def start(self, host: str, port: int) -> None:
        """Listens from now on; port 0 lets the system choose."""
        loop = asyncio.get_running_loop()
        try:
            self._sockets += await _bind(host, port)
        except OSError as error:
            raise Refused(f"{host}:{port} cannot be listened on: {error.strerror or error}") from error
        for sock in self._sockets:
            if self._tls is None:
                self._servers.append(await loop.create_server(self._new_link, sock=sock, backlog=_BACKLOG))
            else:
                self._accepting.append(self._group.create_task(self._accept(sock)))
        log.info("dimse listening", host=host, port=self.port, tls=self._tls is not None)

    def renew(self, tls: ssl.SSLContext) -> None:
        """New connections are met with this; it does nothing to a listener without TLS."""
        if self._tls is not None:
            self._tls = tls

    async def close(self, deadline: Deadline) -> None:
        """Takes no more connections, lets what is in flight finish until `deadline`, then drops what is left."""
        self._is_closing = True
        for server in self._servers:
            server.close()
        for task in self._accepting:
            task.cancel()
        for sock in self._sockets:
            sock.close()
        for link in tuple(self._links):
            link.stop_soon()
        await self._wait_for_tasks(deadline.remaining_s())
        for task in self._tasks:
            task.cancel()
        for link in tuple(self._links):
            link.abort("shutting down")
            link.close()
        await self._wait_for_tasks(_LAST_WORDS_S)
        links = tuple(self._links)
        for link in links:
            link.drop()
        for link in links:
            await link.wait_closed()

    # -- what links tell -----------------------------------------------------------------------------------------------

    def connected(self, link: Link) -> None:
        if self._tls is None:  # else it was counted when it was accepted
            self._count(link)
        if self._is_closing:
            link.close()

    def requested(self, link: Link, request: AssociateRequest) -> None:
        rejection = LOCAL_LIMIT_EXCEEDED if self._is_closing else self._porter.judge(request, link.address)
        if rejection is not None:
            self._reject(link, request, rejection)
        else:
            self._spawn(self._admit_and_attend(link, request))

    def ended(self, link: Link) -> None:
        self._links.discard(link)
        self._porter.leave(link)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _reject(self, link: Link, request: AssociateRequest, rejection: AssociateReject) -> None:
        self._witness.refused(nobody(_caller(link, request)), "associate")
        self._tell_rejection(link, request, rejection)

    def _tell_rejection(self, link: Link, request: AssociateRequest, rejection: AssociateReject) -> None:
        log.warning(
            "association rejected",
            peer=link.address,
            calling_aet=request.calling_aet,
            called_aet=request.called_aet,
            source=rejection.source,
            reason=rejection.reason,
        )
        link.tell(rejection)

    async def _admit_and_attend(self, link: Link, request: AssociateRequest) -> None:
        standing = Standing(self._admit, _caller(link, request), self._witness)
        try:
            actor = await standing.ask()
        except Refused:
            if link in self._links:
                self._tell_rejection(link, request, CALLING_AET_NOT_RECOGNIZED)
            return
        if link not in self._links:  # it went while it was looked up
            return
        rejection = LOCAL_LIMIT_EXCEEDED if self._is_closing else self._porter.judge(request, link.address)
        if rejection is not None:  # others came in meanwhile
            self._reject(link, request, rejection)
            return
        link.actor, link.standing = actor, standing
        answer = accept(request, self._settings.max_pdu_bytes)
        self._porter.associate(link, request.calling_aet)
        link.tell(answer)
        await self._attend(link, request, answer)

    def _new_link(self) -> Link:
        return Link(Association(is_requestor=False, limits=self._limits), self._pace, self)

    def _count(self, link: Link) -> None:
        self._links.add(link)
        surplus = self._porter.connect(link, link.address)
        if surplus is not None:
            self._dropped += 1
            if self._dropped % _LOG_EVERY == 1:  # whoever opens many connections does not get to fill the log
                log.warning("connection dropped: too many", peer=surplus.address, dropped=self._dropped)
            surplus.drop()

    async def _accept(self, listening: socket.socket) -> None:
        """Takes connections for TLS: counted before their handshake, so that those who never finish it are bounded."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, peer = await loop.sock_accept(listening)
            except OSError as error:  # no descriptors left, or the peer is gone already
                log.warning("connection not accepted", error=str(error))
                await asyncio.sleep(_ACCEPT_AGAIN_S)
                continue
            link = self._new_link()
            link.address = str(peer[0])
            task = self._spawn(self._shake_hands(link, connection))
            link.on_drop = task.cancel
            self._count(link)

    async def _shake_hands(self, link: Link, connection: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: link,
                connection,
                ssl=self._tls,
                ssl_handshake_timeout=self._settings.association_request_timeout_s,
            )
        except (OSError, TimeoutError) as error:
            log.warning("tls handshake failed", peer=link.address, error=type(error).__name__)
            self._witness.refused(Actor(door="dimse", address=link.address, kind="machine"), "tls handshake")
            connection.close()
            link.connection_lost(error)
        except asyncio.CancelledError:
            connection.close()
            link.connection_lost(None)
            raise

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _wait_for_tasks(self, timeout_s: float) -> None:
        if self._tasks:
            await asyncio.wait(tuple(self._tasks), timeout=timeout_s)

    async def _attend(self, link: Link, request: AssociateRequest, answer: AssociateAccept) -> None:
        try:
            await self._serve(link, request, answer)
        except AssociationEnded as end:
            log.info("association ended", peer=link.address, calling_aet=request.calling_aet, why=str(end))
        except SagittalError as error:
            log.warning("association failed", peer=link.address, calling_aet=request.calling_aet, error=str(error))
        except Exception:  # the border of an association: what went wrong in one must not end the others
            log.exception("association failed", peer=link.address, calling_aet=request.calling_aet)
        finally:
            link.abort("no longer served")  # nothing, if it has ended


def _caller(link: Link, request: AssociateRequest) -> Caller:
    return Caller(request.calling_aet, request.called_aet, link.address, link.certificate())


async def _bind(host: str, port: int) -> list[socket.socket]:
    """Listening sockets on every address of `host`."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    for family, address in dict.fromkeys((family, address) for family, _, _, _, address in found):
        # one port for all addresses, if the system is to choose it
        chosen = (address[0], sockets[0].getsockname()[1]) if sockets and not port else address[:2]
        sock = socket.create_server(chosen, family=family, backlog=_BACKLOG)
        sock.setblocking(False)
        sockets.append(sock)
    return sockets
