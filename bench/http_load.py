"""An HTTP/1.1 load generator in one thread: GETs over connections that stay open, each sent when the last is answered.

It reads status and framing and counts what comes, no more: some 15 us of CPU a request, far less than what any of the
servers spends, so that it does not hold them up. Some whole bodies are kept to be looked at when the clock has stopped.
"""

import selectors
import socket
import statistics
import time
from collections.abc import Iterator
from typing import NamedTuple

_SCRATCH_BYTES = 1024 * 1024
_TIMEOUT_S = 60.0
_UNTIL_CLOSE = -1


class Fetched(NamedTuple):
    """One answer: how long it took, how long it is (as it came over the wire, without chunk framing), and maybe it."""

    request: bytes
    seconds: float
    body_bytes: int
    body: bytes | None


class Load(NamedTuple):
    """What a round gave."""

    seconds: float
    fetched: list[Fetched]

    @property
    def per_s(self) -> float:
        """Answers in a second."""
        return len(self.fetched) / self.seconds

    @property
    def median_s(self) -> float:
        """Half of the answers took less."""
        return statistics.median(one.seconds for one in self.fetched)


def get(path: str, port: int, accept: str, *extra: str) -> bytes:
    """A request as it goes over the wire."""
    lines = (f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Accept: {accept}", *extra, "", "")
    return "\r\n".join(lines).encode()


def load(port: int, requests: Iterator[bytes], connections: int, seconds: float, most: int, keep: int) -> Load:
    """Asks for `seconds` or until `most` answers came, whichever is first.

    Args:
        keep: of so many answers one body is kept.
    """
    selector = selectors.DefaultSelector()
    clients = [_Connection(port) for _ in range(connections)]
    fetched: list[Fetched] = []
    begun = time.perf_counter()
    asked = 0
    for client in clients[:most]:
        selector.register(client.socket, selectors.EVENT_READ, client)
        client.ask(next(requests), is_kept=asked % keep == 0)
        asked += 1
    while selector.get_map():
        for key, _ in selector.select(_TIMEOUT_S):
            client = key.data
            answer = client.read()
            if answer is None:
                continue
            fetched.append(answer)
            if asked < most and time.perf_counter() - begun < seconds:
                if client.is_closed:
                    selector.unregister(client.socket)
                    client.connect()
                    selector.register(client.socket, selectors.EVENT_READ, client)
                client.ask(next(requests), is_kept=asked % keep == 0)
                asked += 1
            else:
                selector.unregister(client.socket)
                client.socket.close()
    took = time.perf_counter() - begun
    selector.close()
    return Load(took, fetched)


class _Connection:
    """A connection with one request under way.

    Attributes:
        is_closed: the server has ended its answer by hanging up, as Orthanc does after a multipart of files.
    """

    _scratch = memoryview(bytearray(_SCRATCH_BYTES))

    def __init__(self, port: int) -> None:
        self._port = port
        self.socket = self._connected()
        self.is_closed = False

    def connect(self) -> None:
        """Opens the connection anew."""
        self.socket.close()
        self.socket = self._connected()
        self.is_closed = False

    def _connected(self) -> socket.socket:
        opened = socket.create_connection(("127.0.0.1", self._port), _TIMEOUT_S)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened

    def ask(self, request: bytes, *, is_kept: bool) -> None:
        """Sends a request; `is_kept`: its body is wanted."""
        self._request = request
        self._head = b""
        self._left: int | None = None  # bytes of the body that are to come; None before the header is read
        self._chunks: _Chunks | None = None
        self._count = 0
        self._kept: list[bytes] | None = [] if is_kept else None
        self._begun = time.perf_counter()
        self.socket.sendall(request)

    def read(self) -> Fetched | None:
        """Takes what has come; the answer once it is whole."""
        size = self.socket.recv_into(self._scratch)
        if not size:
            if self._left is None or self._left != _UNTIL_CLOSE:
                raise ConnectionError(f"the server hung up on {self._request!r}")
            self.is_closed = True
            return self._fetched()
        data = self._scratch[:size]
        if self._left is None:
            self._head += bytes(data)
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return None
            self._open(self._head[:end].lower())
            data = memoryview(self._head)[end + 4 :]
        return self._fetched() if self._take(data) else None

    def _fetched(self) -> Fetched:
        body = b"".join(self._kept) if self._kept is not None else None
        return Fetched(self._request, time.perf_counter() - self._begun, self._count, body)

    def _open(self, head: bytes) -> None:
        if not head.startswith(b"http/1.1 200"):
            raise ConnectionError(f"{head[:40]!r} to {self._request!r}")
        at = head.find(b"\r\ncontent-length:")
        if at >= 0:
            self._left = int(head[at + 17 : at + 40].split(b"\r\n")[0])
        elif b"\r\ntransfer-encoding: chunked" in head:
            self._chunks = _Chunks()
            self._left = 1
        else:
            self._left = _UNTIL_CLOSE

    def _take(self, data: memoryview) -> bool:
        if self._left == _UNTIL_CLOSE:
            self._keep(data)
            return False
        if self._chunks is None:
            self._left = (self._left or 0) - len(data)
            self._keep(data)
            return self._left <= 0
        for piece in self._chunks.split(data):
            self._keep(piece)
        return self._chunks.is_over

    def _keep(self, data: memoryview) -> None:
        self._count += len(data)
        if self._kept is not None:
            self._kept.append(bytes(data))


class _Chunks:
    """Chunked transfer coding, read as it comes (RFC 9112 Section 7.1), without trailers."""

    def __init__(self) -> None:
        self.is_over = False
        self._left = 0  # of the chunk under way
        self._line = b"-"  # the framing under way; "-": the line break after a chunk is not awaited

    def split(self, data: memoryview) -> Iterator[memoryview]:
        """The payload in `data`."""
        at = 0
        while at < len(data) and not self.is_over:
            if self._left:
                piece = data[at : at + self._left]
                self._left -= len(piece)
                at += len(piece)
                yield piece
                continue
            self._line += bytes(data[at : at + 1])
            at += 1
            if self._line.endswith(b"\r\n") and self._line.strip(b"-\r\n"):
                self._left = int(self._line.strip(b"-\r\n").split(b";")[0], 16)
                self.is_over = self._left == 0
                self._line = b""
