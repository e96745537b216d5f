"""Styles, scripts and pictures of our pages: named by their content, so that browsers keep them for good."""

import gzip
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

from blake3 import blake3
from litestar import asgi
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive, Scope, Send

BASE: Final = "/assets"

_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_HEADERS: Final = (
    (b"cache-control", b"public, max-age=31536000, immutable"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"),  # of a picture opened by itself
    (b"vary", b"accept-encoding"),
)


class Asset(NamedTuple):
    """A file: as it is, and compressed."""

    media_type: str
    plain: bytes
    packed: bytes


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
    """The route of all of them; they are read and compressed once."""
    served = {}
    for name, content in _contents().items():
        media_type = _TYPES[name.rpartition(".")[2]]
        served[_names()[name]] = Asset(media_type, content, gzip.compress(content, 9, mtime=0))

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
            is_packed = any(n == b"accept-encoding" and b"gzip" in v for n, v in scope["headers"])
            coding = ((b"content-encoding", b"gzip"),) if is_packed else ()
            kind = (b"content-type", asset.media_type.encode())
            await _send(send, 200, asset.packed if is_packed else asset.plain, (kind, *coding, *_HEADERS))

    return send_asset


async def _send(send: Send, status: int, body: bytes, headers: tuple[tuple[bytes, bytes], ...]) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": body, "more_body": False})
