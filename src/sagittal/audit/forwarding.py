"""Sends lines on by syslog over TLS (RFC 5425). The ledger itself is the spool: a mark says how far it was sent.

Syslog has no acknowledgement. So a line counts as sent only when the peer's machine has taken its bytes and the
connection has stood for some seconds after; when it breaks earlier those lines are sent again. A collector may get a
line twice, never not at all as long as its own machine lives.
"""

import asyncio
import contextlib
import fcntl
import os
import socket
import ssl
import struct
import sys
import termios
import time
from collections import deque
from typing import Any, Final, NamedTuple

from sagittal.archive.records.records import Records
from sagittal.audit.exporting import lines_after
from sagittal.audit.line import Line
from sagittal.audit.lines import set_mark
from sagittal.audit.message import Reporter, message_of, utc
from sagittal.audit.syslog import framed, syslog_line
from sagittal.errors import SagittalError
from sagittal.runtime.log import get_logger

log = get_logger(__name__)

_BATCH: Final = 200
_CONNECT_S: Final = 20.0
_LONGEST_PAUSE_S: Final = 60.0
_LOOK_AGAIN_S: Final = 60.0  # lines that another process wrote


class Collector(NamedTuple):
    """Where audit messages go.

    Attributes:
        context: of TLS; its authorities say which collector is believed.
        name: that its certificate is to have; the host if `""`.
    """

    host: str
    port: int
    context: ssl.SSLContext
    name: str = ""

    @property
    def reader(self) -> str:
        """Its name among those that read the ledger."""
        return f"syslog {self.host}:{self.port}"


class Forwarder:
    """Sends what is written until it is cancelled, over any number of outages. `wake` it when there is more."""

    def __init__(
        self,
        records: Records,
        collector: Collector,
        reporter: Reporter,
        *,
        settled_s: float = 5.0,
        first_pause_s: float = 1.0,
    ) -> None:
        """Sends the lines of `records`.

        Args:
            settled_s: how long a connection stands before what was sent counts as sent.
            first_pause_s: before connecting again; each time twice as long, at most a minute.
        """
        self._settled_s = settled_s
        self._first_pause_s = first_pause_s
        self._records = records
        self._collector = collector
        self._reporter = reporter
        self._wake = asyncio.Event()
        self._recent: deque[tuple[float, int]] = deque()  # when, and up to which line, was sent
        self._saved = 0

    def wake(self) -> None:
        """There are new lines."""
        self._wake.set()

    async def run(self) -> None:
        """Connects, sends, and connects again."""
        pause_s = self._first_pause_s
        while True:
            began = time.monotonic()
            try:
                await self._serve()
            except (OSError, TimeoutError, SagittalError) as error:
                log.warning(
                    "audit collector out of reach", collector=self._collector.reader, reason=type(error).__name__
                )
            stood_long = time.monotonic() - began > _LONGEST_PAUSE_S
            pause_s = self._first_pause_s if stood_long else min(pause_s * 2, _LONGEST_PAUSE_S)
            await asyncio.sleep(pause_s)

    async def _serve(self) -> None:
        collector = self._collector
        async with asyncio.timeout(_CONNECT_S):
            reader, writer = await asyncio.open_connection(
                collector.host,
                collector.port,
                ssl=collector.context,
                server_hostname=collector.name or collector.host,
            )
        gone = asyncio.ensure_future(reader.read(1))  # a collector says nothing: what comes is its end
        try:
            await self._send_on(writer, gone)
        finally:
            gone.cancel()
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _send_on(self, writer: asyncio.StreamWriter, gone: "asyncio.Future[bytes]") -> None:
        sent = self._saved = await self._mark()
        self._recent.clear()
        while not gone.done():
            self._wake.clear()
            lines = await lines_after(self._records, sent, _BATCH)
            if lines:
                for line in lines:
                    writer.write(framed(self._message(line)))
                async with asyncio.timeout(_CONNECT_S):
                    await writer.drain()
                sent = lines[-1].seq
                self._recent.append((time.monotonic(), sent))
            await self._settle(writer)
            if not lines:
                await self._rest(gone)
        raise ConnectionResetError("the collector closed the connection")

    def _message(self, line: Line) -> bytes:
        return syslog_line(
            message_of(line, self._reporter),
            at=utc(line.at_ns),
            host=socket.gethostname(),
            app="sagittal",
            process=os.getpid(),
        )

    async def _rest(self, gone: "asyncio.Future[bytes]") -> None:
        """Until there are new lines, the collector is gone, or what was sent has settled."""
        wake = asyncio.ensure_future(self._wake.wait())
        timeout_s = self._settled_s if self._recent else _LOOK_AGAIN_S
        try:
            either: set[asyncio.Future[Any]] = {wake, gone}  # Any: what they give is nobody's business
            await asyncio.wait(either, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            wake.cancel()

    async def _settle(self, writer: asyncio.StreamWriter) -> None:
        """Moves the mark to what was sent some seconds ago, if the peer has taken it all."""
        settled = 0
        while self._recent and self._recent[0][0] <= time.monotonic() - self._settled_s:
            settled = self._recent[0][1]
            if _unacknowledged(writer):
                return
            self._recent.popleft()
        if settled > self._saved:
            self._saved = settled
            await self._records.write(lambda connection: set_mark(connection, self._collector.reader, settled))

    async def _mark(self) -> int:
        found = await self._records.fetch("SELECT seq FROM ledger_marks WHERE reader = ?", (self._collector.reader,))
        return int(found[0][0]) if found else 0


def _unacknowledged(writer: asyncio.StreamWriter) -> int:
    """Bytes that the peer's machine has not taken yet; 0 where the system does not tell."""
    transport: asyncio.Transport = writer.transport  # type: ignore[assignment]  # a stream writes to a transport
    waiting = transport.get_write_buffer_size()
    connection = writer.get_extra_info("socket")
    if not sys.platform.startswith("linux") or connection is None:
        return waiting
    said = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, struct.pack("i", 0))
    return waiting + int(struct.unpack("i", said)[0])
