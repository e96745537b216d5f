"""One request and its answer, close to ASGI: what the handlers read and give."""

import asyncio
import re
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import NamedTuple

from litestar.types import HTTPScope, Receive

from sagittal.dicom.web.accept import MediaRange, parse_accept
from sagittal.dicom.web.query_string import Parameter, parse_parameters
from sagittal.errors import Exhausted, Invalid
from sagittal.runtime.actor import SCOPE_KEY, Actor
from sagittal.runtime.deadline import Deadline

_REQUEST_ID = re.compile(r"[\w.:\-+/=]{1,64}", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9.\-_:\[\]]{1,255}")

Headers = tuple[tuple[str, str], ...]
Accepting = tuple[tuple[str, ...], tuple[str, ...]]
"""What a client accepts, as it was said: fields `Accept`, and `accept` of the query string."""


class Answer(NamedTuple):
    """What a handler answers.

    Attributes:
        status: the HTTP status code.
        headers: names in lower case.
        body: all of it, or its pieces as they are made; a stream that fails is cut off, so that the client can tell.
        length: of a streamed body if it is known beforehand, bytes.
    """

    status: int
    headers: Headers = ()
    body: bytes | AsyncGenerator[bytes, None] = b""
    length: int | None = None


class Patience(NamedTuple):
    """What a client must do to be waited for.

    Attributes:
        idle_timeout_s: it may send nothing for so long, s.
        min_rate_bytes_s: from then on it must have sent so much on average, bytes/s; else a few clients that send a
            byte now and then would keep all others out.
    """

    idle_timeout_s: float
    min_rate_bytes_s: float

    def check(self, received: int, elapsed_s: float) -> None:
        """Raises Exhausted when `received` bytes in `elapsed_s` are too few."""
        if elapsed_s > self.idle_timeout_s and received < self.min_rate_bytes_s * elapsed_s:
            raise Exhausted(
                f"the body arrives slower than {self.min_rate_bytes_s} bytes/s: {received} in {elapsed_s:.0f} s"
            )


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


class Request:
    """A request as the handlers see it.

    Args:
        base_path: what stands before `/studies` in the URLs that clients see.
        deadline: after which nobody works for this request, except to move the bytes of a large body.
        patience: how long the client may send nothing, or too little, while its body is awaited.
    """

    __slots__ = (
        "_base_path",
        "_headers",
        "_parameters",
        "_patience",
        "_receive",
        "_scope",
        "deadline",
        "id",
        "method",
        "path",
    )

    def __init__(
        self, scope: HTTPScope, receive: Receive, *, base_path: str, deadline: Deadline, patience: Patience
    ) -> None:
        self._scope = scope
        self._headers = scope["headers"]
        self._receive = receive
        self._parameters: tuple[Parameter, ...] | None = None
        self._base_path = base_path
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.deadline = deadline
        self._patience = patience
        said = self.header("x-request-id")
        self.id = said if _REQUEST_ID.fullmatch(said) else secrets.token_hex(16)

    def header(self, name: str) -> str:
        """The first field of that name (in lower case), "" if there is none."""
        return next(self.header_fields(name), "")

    def header_fields(self, name: str) -> Iterator[str]:
        """Every field of that name (in lower case)."""
        wanted = name.encode("ascii")
        return (value.decode("latin-1") for field, value in self._headers if field == wanted)

    @property
    def query_string(self) -> bytes:
        """The query string as it came."""
        return self._scope["query_string"]

    def parameters(self) -> tuple[Parameter, ...]:
        """The query string's parameters."""
        if self._parameters is None:
            self._parameters = parse_parameters(self._scope["query_string"])
        return self._parameters

    def asking(self, query: str) -> "Request":
        """The same request with another query string, percent-encoded."""
        scope: HTTPScope = {**self._scope, "query_string": query.encode("ascii")}
        other = Request(
            scope, self._receive, base_path=self._base_path, deadline=self.deadline, patience=self._patience
        )
        other.id = self.id
        return other

    def accept(self) -> tuple[MediaRange, ...]:
        """What the client accepts (PS3.18 Section 8.3.3.1): `accept` of the query string goes before the field."""
        return parse_accept(*self.accepting())

    def accepting(self) -> Accepting:
        """The same as it was said: for those who keep what they have chosen by it."""
        return tuple(self.header_fields("accept")), self._accept_in_query()

    @property
    def varies(self) -> Headers:
        """What an answer chosen by `accept` says for caches: nothing where the address alone has chosen it.

        A picture that a page has brought is so the one that its script asks for, whatever field goes with either.
        """
        return () if self._accept_in_query() else (("vary", "accept"),)

    def _accept_in_query(self) -> tuple[str, ...]:
        if b"accept=" not in self._scope["query_string"]:
            return ()
        return tuple(value for name, value in self.parameters() if name.lower() == "accept")

    @property
    def takes_gzip(self) -> bool:
        """Whether the client lists gzip among the codings it takes, without a quality of zero."""
        for field in self.header_fields("accept-encoding"):
            for member in field.split(","):
                coding, _, parameter = member.partition(";")
                if coding.strip().lower() in ("gzip", "*"):
                    return parameter.replace(" ", "").lower() not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
        return False

    @property
    def base_url(self) -> str:
        """What our own URLs begin with, as this client sees us: `https://pacs.example/dicom-web`.

        What a named proxy in between told of how it was called, the gate has put into the scope; nobody else is asked.
        """
        scheme, host = self._scope["scheme"], self.header("host")
        address, port = self._scope["server"] or ("localhost", None)
        client = self._scope["client"]
        # dicomweb-client 0.61 leaves the port out of Host: on a direct way to a bare address it can be told.
        is_bare = host == address and (client is None or client[1] != 0)  # 0: the gate knows that a proxy brought it
        if port and (is_bare or not _HOST.fullmatch(host)):
            host = f"{address}:{port}"
        return f"{scheme}://{host}{self._base_path}"

    def actor(self) -> Actor:
        """Who asks, as the gate before the doors has found out; nobody, who may do nothing, where there is none."""
        admitted: Actor | None = self._scope.get(SCOPE_KEY)  # type: ignore[assignment]  # the gate's own key
        return admitted or Actor(door="dicomweb")

    def content_length(self) -> int | None:
        """The announced length of the body, bytes; None if it is not announced."""
        text = self.header("content-length")
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            raise Invalid("Content-Length is to be a number of bytes; got another form")
        return int(text)

    async def body(self) -> AsyncIterator[bytes]:
        """The body as it arrives; nothing more is taken from the network while a piece is worked on.

        Raises:
            ClientGone: the connection closed before the end.
            Exhausted: nothing, or too little, came for too long.
        """
        started = time.monotonic()
        received = 0
        while True:
            try:
                async with asyncio.timeout(self._patience.idle_timeout_s):
                    message = await self._receive()
            except TimeoutError as error:
                raise Exhausted(f"the body stopped arriving for {self._patience.idle_timeout_s} s") from error
            if message["type"] != "http.request":
                raise ClientGone
            if message["body"]:
                received += len(message["body"])
                yield message["body"]
            if not message["more_body"]:
                return
            self._patience.check(received, time.monotonic() - started)

    async def until_gone(self) -> None:
        """Returns when the client has closed the connection; not to be called before the body was read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
