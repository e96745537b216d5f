"""The HTTP listener: Granian, embedded, in the event loop that the DIMSE listener lives in too.

Measured with Granian 2.8.7: through its ASGI interface both directions push back (a gigabyte uploaded into, or
downloaded from, a slow peer raises the process by less than 6 MB, HTTP/1.1 and HTTP/2 alike). Its RSGI interface does
not: `send_bytes` returns before the peer has read, and a gigabyte sits in memory. So the interface is ASGI.
After a client has gone `send` does nothing and says nothing; `receive` tells.
"""

import asyncio
import contextlib
import os
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings, HTTP2Settings
from granian.net import SocketHolder
from granian.server.embed import Server
from litestar.types import ASGIApp

from sagittal.errors import Invalid, Refused
from sagittal.runtime.log import get_logger

log = get_logger(__name__)

_BACKLOG = 1024
_MAX_CONNECTIONS = 4096
_STAY_S = 60.0  # how long connections that met the certificate before may still shake hands and ask, s
_HEADER_TIMEOUT_MS = 30_000
_PING_INTERVAL_MS = 30_000
_BUFFER_BYTES = 1_048_576  # of HTTP/1.1: STOW of a CT costs 0.85 ms of CPU; with the default of 400 KB 0.98, 64 KB 1.40
_MAX_HEADERS_BYTES = 65_536
_MAX_FRAME_BYTES = 262_144  # of HTTP/2: the default of 16 KB costs sixteen times the calls for a STOW body


class TLS(msgspec.Struct, frozen=True, kw_only=True):
    """PEM files of a TLS listener (TLS 1.2 and later, as BCP 195 asks)."""

    certificate: Path
    key: Path


class HTTPServer:
    """A running listener. `port` is the one in use, also where 0 was asked for.

    Granian reads a certificate once. For another one a second Granian begins to accept on the same socket. The first
    accepts nothing more, goes on with the connections that it has for a while, and then finishes what is in flight: no
    connection is refused or reset, no answer cut off.
    """

    def __init__(self, app: ASGIApp, host: str, listener: socket.socket, tls: TLS | None) -> None:
        """Serves `app` from now on. Raises Invalid if the certificate or key cannot be used."""
        self.host = host
        self.port: int = listener.getsockname()[1]
        self._app = app
        self._listener = listener
        self._running = self._start(tls)
        self._retiring: set[_Running] = set()

    def renew(self, tls: TLS) -> None:
        """New connections meet this certificate. Raises Invalid if it cannot be used; then all stays as it was."""
        before, self._running = self._running, self._start(tls)
        before.server.accept_nothing()
        self._retiring.add(before)
        timer = asyncio.get_running_loop().call_later(_STAY_S, before.server.stop)

        def gone(_: asyncio.Task[None]) -> None:
            timer.cancel()
            self._retiring.discard(before)

        before.task.add_done_callback(gone)

    async def wait(self) -> None:
        """Returns when the listener has ended; raises what ended it."""
        while True:
            task = self._running.task
            await asyncio.shield(task)
            if task is self._running.task:
                return

    async def stop(self, timeout_s: float, cancel_requests: Callable[[], None] = lambda: None) -> None:
        """Accepts nothing new, lets what is in flight finish for `timeout_s`, then cuts it off by `cancel_requests`."""
        every = (self._running, *self._retiring)
        for one in every:
            one.server.stop()
        tasks = {one.task for one in every}
        _, left = await asyncio.wait(tasks, timeout=timeout_s)
        if left:
            log.warning("http requests cut off at shutdown", timeout_s=timeout_s)
            cancel_requests()
            _, left = await asyncio.wait(left, timeout=1.0)
        for task in left:
            task.cancel()
        self._listener.close()
        with contextlib.suppress(asyncio.CancelledError):
            await self._running.task

    def _start(self, tls: TLS | None) -> "_Running":
        try:
            if tls is not None:
                _check(tls)
            server = _EmbeddedServer(self._app, self._listener, self.host, self.port, tls)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise Invalid(f"the HTTP listener's certificate or key cannot be used: {error}") from error
        return _Running(server, asyncio.create_task(server.serve(), name="http listener"))


class _Running(NamedTuple):
    """One Granian, and the task that it runs in."""

    server: "_EmbeddedServer"
    task: asyncio.Task[None]


def _check(tls: TLS) -> None:
    """Raises OSError where certificate and key do not belong together: Granian would say so later, to nobody."""
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.certificate, tls.key)


async def start_http(app: ASGIApp, host: str, port: int, tls: TLS | None = None) -> HTTPServer:
    """Binds and serves `app` over HTTP/1.1 and HTTP/2 in the running event loop. The system chooses port 0.

    Raises:
        Refused: the address is in use or not ours.
        Invalid: the certificate or key cannot be read.
    """
    listener = _bind(host, port)
    try:
        return HTTPServer(app, host, listener, tls)
    except Invalid:
        listener.close()
        raise


@contextlib.asynccontextmanager
async def serving_http(app: ASGIApp, host: str, port: int, tls: TLS | None = None) -> AsyncIterator[HTTPServer]:
    """A listener that stops when the block ends, without waiting long for what is in flight."""
    server = await start_http(app, host, port, tls)
    try:
        yield server
    finally:
        await server.stop(timeout_s=1.0)


def _bind(host: str, port: int) -> socket.socket:
    """A listening socket that nobody shares.

    Granian's own would be bound with SO_REUSEPORT: a second process on the same port would then start without an error
    and take half of the connections.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise Refused(f"HTTP cannot listen on {host}:{port}: {error.strerror}") from error
    return listener


class _EmbeddedServer(Server):  # type: ignore[misc]  # Granian's classes are untyped here
    def __init__(self, app: ASGIApp, listener: socket.socket, host: str, port: int, tls: TLS | None) -> None:
        super().__init__(
            app,
            address=host,
            port=port,
            interface=Interfaces.ASGINL,
            http=HTTPModes.auto,
            websockets=False,
            backlog=_BACKLOG,
            backpressure=_MAX_CONNECTIONS,
            http1_settings=HTTP1Settings(header_read_timeout=_HEADER_TIMEOUT_MS, max_buffer_size=_BUFFER_BYTES),
            http2_settings=_http2_settings(),
            log_enabled=False,
            log_access=False,
            ssl_cert=tls.certificate if tls else None,
            ssl_key=tls.key if tls else None,
            ssl_protocol_min=SSLProtocols.tls12,
        )
        self._listener = listener

    def _init_shared_socket(self) -> None:
        file_descriptor = self._listener.dup().detach()  # Granian closes it
        self._shd: Any = SocketHolder(file_descriptor, False, _BACKLOG)  # Any: untyped, see above
        self._sfd = file_descriptor
        self._ssp = None

    def accept_nothing(self) -> None:
        """Connections to come are for others that accept on the same socket; those that are there go on."""
        with _nobodys_socket() as nobodys:
            os.dup2(nobodys.fileno(), self._sfd, inheritable=False)


@contextlib.contextmanager
def _nobodys_socket() -> Iterator[socket.socket]:
    """A listening socket that nobody can find."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as nobodys:
        nobodys.bind(str(Path(folder, "nobody")))
        nobodys.listen(1)
        nobodys.setblocking(False)
        yield nobodys


def _http2_settings() -> Any:  # Any: untyped, see above
    return HTTP2Settings(
        keep_alive_interval=_PING_INTERVAL_MS,
        max_headers_size=_MAX_HEADERS_BYTES,
        max_frame_size=_MAX_FRAME_BYTES,
    )
