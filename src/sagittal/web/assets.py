"""Styles, scripts and pictures of our pages: named by their content, so that browsers keep them for good."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from blake3 import blake3
from litestar import asgi
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive, Scope, Send

from sagittal.web.packing import UNCHANGING, Packed, coding_for

BASE: Final = "/assets"

_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_HEADERS: Final = (
    *((name.encode(), said.encode()) for name, said in UNCHANGING.items()),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"),  # of a picture opened by itself
)


@cache
def _names() -> Mapping[str, str]:
    """The name with its version in it, by the name of the file."""
    return {name: _versioned(name, content) for name, content in _contents().items()}


@cache
def _contents() -> Mapping[str, bytes]:
    folder = files("sagittal.web") / "assets"
    return {one.name: one.read_bytes() for one in folder.iterdir() if one.name.rpartition(".")[2] in _TYPES}


def _versioned(name: str, content: bytes) -> str:
    stem, _, ending = name.rpartition(".")
    return f"{stem}.{blake3(content).hexdigest(8)}.{ending}"


def address(name: str) -> str:
    """Where a file is served: another address for each content."""
    return f"{BASE}/{_names()[name]}"


def assets() -> ASGIRouteHandler:
    """The route of all of them; they are read once, and packed when they are first asked for."""
    types = {name: _TYPES[name.rpartition(".")[2]] for name in _contents()}
    served = {_names()[name]: Packed(types[name], content) for name, content in _contents().items()}

    @asgi(BASE, is_mount=True, copy_scope=False)
    async def send_asset(scope: Scope, receive: Receive, send: Send) -> None:
        """A file by its versioned name; nothing else is there."""
        del receive
        asset = served.get(str(scope["path"]).removeprefix(BASE).strip("/"))
        if scope.get("method") not in {"GET", "HEAD"}:
            await _send(send, 405, b"", ((b"allow", b"GET, HEAD"),))
        elif asset is None:
            await _send(send, 404, b"", ((b"cache-control", b"no-store"),))
        else:
            taken = next((said.decode("latin-1") for name, said in scope["headers"] if name == b"accept-encoding"), "")
            coding = coding_for(taken)
            said = ((b"content-encoding", coding.encode()),) if coding else ()
            kind = (b"content-type", asset.media_type.encode())
            await _send(send, 200, await asset.coded(coding), (kind, *said, *_HEADERS))

    return send_asset


async def _send(send: Send, status: int, body: bytes, headers: tuple[tuple[bytes, bytes], ...]) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": body, "more_body": False})
