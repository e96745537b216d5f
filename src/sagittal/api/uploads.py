"""`/api/uploads`: resumable uploads by tus 1.0.0 and by draft-ietf-httpbis-resumable-upload, on the same resources.

Raw ASGI, as bodies stream. Granian 2.8 has no way to send interim responses through ASGI, so the draft's 104 is not
sent, as it allows a server that cannot: a client that wants to be safe begins with an empty body and
`Upload-Complete: ?0`, and learns the address of its upload from the 201.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec
from litestar import asgi
from litestar.enums import ScopeType
from litestar.handlers import ASGIRouteHandler
from litestar.types import HTTPScope, Receive, Scope, Send

from sagittal.api import upload_fields as fields_of
from sagittal.api.problems import STATUSES, Status
from sagittal.api.upload_fields import PARTIAL, TUS, TUS_PIECE, Fields, Said
from sagittal.errors import Exhausted, Invalid, NotFound, SagittalError, Unsupported
from sagittal.ingest.uploads.model import (
    AlreadyComplete,
    DigestMismatch,
    LengthMismatch,
    OffsetMismatch,
    Shown,
    TooLarge,
    UploadReport,
    owner_key,
)
from sagittal.ingest.uploads.uploads import Uploads
from sagittal.runtime.actor import SCOPE_KEY, Actor
from sagittal.runtime.log import get_logger

log = get_logger(__name__)

PATH: Final = "/api/uploads"
_IDLE_S: Final = 60.0
_PROBLEMS: Final = "https://iana.org/assignments/http-problem-types#"
_METHODS: Final = {"": ("GET", "POST"), "upload": ("HEAD", "GET", "PATCH", "DELETE"), "report": ("GET",)}

_STATUSES: Mapping[type[SagittalError], Status] = {
    **STATUSES,
    TooLarge: Status(413, "too large"),
    DigestMismatch: Status(460, "checksum mismatch"),
    Unsupported: Status(415, "this is not how a piece is sent"),
}
_UNEXPECTED: Final = Status(500, "an error of ours; the log has it")


class _Gone(Exception):
    """The client closed the connection before its body was complete."""


class _Answer(NamedTuple):
    status: int
    fields: list[tuple[str, str]]
    body: bytes = b""
    media_type: str = "application/json"


class _Request(NamedTuple):
    actor: Actor
    method: str
    upload: str
    is_report: bool
    fields: Fields
    said: Said
    receive: Receive

    async def body(self) -> AsyncIterator[bytes]:
        """As it arrives. Raises _Gone, and Exhausted when nothing comes for long."""
        while True:
            try:
                async with asyncio.timeout(_IDLE_S):
                    message: Any = await self.receive()  # Any: one of several typed dicts
            except TimeoutError as error:
                raise Exhausted(f"the body stopped arriving for {_IDLE_S:.0f} s; what came is kept") from error
            if message["type"] != "http.request":
                raise _Gone
            if message["body"]:
                yield message["body"]
            if not message["more_body"]:
                return


class UploadDoor:
    """The ASGI application under `/api/uploads`."""

    def __init__(self, uploads: Uploads) -> None:
        self._uploads = uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != ScopeType.HTTP:
            return
        fields = fields_of.by_name(scope["headers"])
        said = Said("plain", None, is_deferred=False, completes=None, interop=fields_of.INTEROP[-1])
        try:
            said = fields_of.said_by(fields)
            answer = await self._answer(_request(scope, fields, said, receive))
        except _Gone:
            return
        except SagittalError as error:
            answer = _problem(error, said)
        except Exception as error:  # the border of a request: what nobody expected is logged, not told
            log.error("upload request broke", exc_info=error)
            answer = _problem(error, said)
        await _send(send, answer, is_head=scope["method"] == "HEAD")

    async def _answer(self, request: _Request) -> _Answer:
        kind = "report" if request.is_report else "upload" if request.upload else ""
        if request.method == "OPTIONS":
            allow = ", ".join((*_METHODS[kind], "OPTIONS"))
            said = [("allow", allow), *fields_of.common(request.said), *fields_of.options(self._uploads.limits)]
            return _Answer(204, said)
        if request.method not in _METHODS[kind]:
            allow = ", ".join((*_METHODS[kind], "OPTIONS"))
            return _Answer(405, [("allow", allow), *fields_of.common(request.said)])
        if request.fields.get("tus-resumable", TUS) != TUS:
            return _Answer(412, [("tus-version", TUS), *fields_of.common(request.said)])
        match request.method:
            case "POST":
                return await self._begin(request)
            case "PATCH":
                return await self._append(request)
            case "DELETE":
                await self._uploads.cancel(request.actor, request.upload)
                return _Answer(204, fields_of.common(request.said))
            case "HEAD":
                return _Answer(204, self._described(await self._uploads.look(request.actor, request.upload), request))
            case _:
                return self._told(request)

    async def _begin(self, request: _Request) -> _Answer:
        said = request.said
        if said.protocol == "tus" and (said.length is None) is not said.is_deferred:
            raise Invalid("either Upload-Length or Upload-Defer-Length: 1 is to be there")
        piece = fields_of.piece_of(request.fields, said, 0)
        length = piece.size if piece.completes and said.length is None else said.length
        metadata = request.fields.get("upload-metadata", "")
        shown = await self._uploads.begin(request.actor, fields_of.name_in(request.fields), length, metadata)
        try:
            if said.protocol != "tus" or piece.size or length == 0 or "transfer-encoding" in request.fields:
                shown = await self._uploads.append(request.actor, shown.id, piece, request.body())
        except (LengthMismatch, TooLarge, DigestMismatch):
            await self._uploads.cancel(request.actor, shown.id)
            raise
        except _Gone:
            if said.protocol == "plain" or not shown.length:  # nobody knows its name
                await self._uploads.cancel(request.actor, shown.id)
            raise
        where = [("location", f"{PATH}/{shown.id}"), *self._described(shown, request)]
        return _Answer(201, where, b"" if said.protocol == "tus" else _done(shown))

    async def _append(self, request: _Request) -> _Answer:
        media_type = request.fields.get("content-type", "").partition(";")[0].strip().lower()
        is_tus = request.said.protocol == "tus"
        is_early = request.fields.get("upload-draft-interop-version", "").strip() == "5"
        if media_type != (TUS_PIECE if is_tus else PARTIAL) and not (is_early and not is_tus):
            raise Unsupported(f"the Content-Type of a piece is to be {TUS_PIECE if is_tus else PARTIAL}")
        if request.said.protocol == "plain":
            raise Invalid("Upload-Complete is missing: ?1 with the last piece, else ?0")
        piece = fields_of.piece_of(request.fields, request.said, fields_of.offset_in(request.fields))
        try:
            shown = await self._uploads.append(request.actor, request.upload, piece, request.body())
        except LengthMismatch:
            if not is_tus and piece.size is None:  # it ran over: the draft has such an upload end
                await self._uploads.cancel(request.actor, request.upload)
            raise
        described = self._described(shown, request)
        if shown.is_complete and not is_tus:
            return _Answer(200, described, _done(shown))
        return _Answer(204, described)

    def _told(self, request: _Request) -> _Answer:
        fields = [("cache-control", "no-store")]
        if request.upload:
            return _Answer(200, fields, msgspec.json.encode(_told(self._uploads.report(request.actor, request.upload))))
        listed = [_listed(shown) for shown in self._uploads.listed(request.actor)]
        return _Answer(200, fields, msgspec.json.encode({"owner": owner_key(request.actor), "uploads": listed}))

    def _described(self, shown: Shown, request: _Request) -> list[tuple[str, str]]:
        return fields_of.described(shown, request.said, self._uploads.limits, time.time_ns())


def upload_route(uploads: Uploads) -> ASGIRouteHandler:
    """The route."""
    return asgi(PATH, is_mount=True, copy_scope=False)(UploadDoor(uploads).__call__)


def _request(scope: HTTPScope, fields: Fields, said: Said, receive: Receive) -> _Request:
    path = scope["path"].rstrip("/").removeprefix(PATH).strip("/")
    upload, _, rest = path.partition("/")
    if rest not in ("", "report"):
        raise NotFound("there is nothing here")
    method: str = scope["method"]
    if method == "POST" and upload:
        method = fields.get("x-http-method-override", "POST").upper()
    actor: Actor = scope.get(SCOPE_KEY) or Actor(door="api")  # type: ignore[assignment]  # the gate's own key
    return _Request(actor, method, upload, rest == "report", fields, said, receive)


def _listed(shown: Shown) -> dict[str, object]:
    return {
        "id": shown.id,
        "name": shown.name,
        "state": shown.state,
        "offset": shown.offset,
        "length": shown.length,
        "report": f"{PATH}/{shown.id}/report",
    }


def _told(report: UploadReport) -> dict[str, object]:
    told = msgspec.structs.asdict(report)
    del told["ended_ns"]
    return {**told, "refused": [msgspec.structs.asdict(one) for one in report.refused]}


def _done(shown: Shown) -> bytes:
    return msgspec.json.encode(_listed(shown))


def _problem(error: Exception, said: Said) -> _Answer:
    status = next((_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES), _UNEXPECTED)
    detail = str(error) if isinstance(error, SagittalError) else ""
    members: dict[str, object] = {"title": status.title, "status": status.code, "detail": detail}
    fields = [("cache-control", "no-store"), *fields_of.common(said)]
    if isinstance(error, OffsetMismatch):
        members |= {"type": f"{_PROBLEMS}mismatching-upload-offset"}
        members |= {"expected-offset": error.expected, "provided-offset": error.provided}
        fields.append(("upload-offset", str(error.expected)))
    elif isinstance(error, LengthMismatch):
        members["type"] = f"{_PROBLEMS}inconsistent-upload-length"
    elif isinstance(error, AlreadyComplete):
        members["type"] = f"{_PROBLEMS}completed-upload"
    if status.code == 503:
        fields.append(("retry-after", "5"))
    if status.code >= 500:
        log.warning("upload request failed", kind=type(error).__name__, detail=detail)
    body = msgspec.json.encode({name: member for name, member in members.items() if member or member == 0})
    return _Answer(status.code, fields, body, "application/problem+json")


async def _send(send: Send, answer: _Answer, *, is_head: bool) -> None:
    headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in answer.fields]
    if answer.status != 204:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    if answer.body:
        headers.append((b"content-type", answer.media_type.encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if is_head else answer.body, "more_body": False})
