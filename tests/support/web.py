"""The DICOMweb door over an archive of its own, in a thread of the test's process."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import httpx
import uvloop
from litestar.types import ASGIApp, Receive, Scope, Send

from sagittal.archive.archive import Archive
from sagittal.dicom.web.multipart import MultipartReader, MultipartWriter, PartBegin, PartData
from sagittal.dicomweb.app import WebApp, create_app
from sagittal.dicomweb.context import WebLimits
from sagittal.dicomweb.server import TLS, HTTPServer, start_http
from sagittal.runtime.actor import EVERYTHING, SCOPE_KEY, Actor

_T = TypeVar("_T")


class WebServer(NamedTuple):
    """A running door. `run` awaits something in its event loop."""

    url: str
    archive: Archive
    app: WebApp
    listener: HTTPServer
    loop: asyncio.AbstractEventLoop

    @property
    def dicom_web(self) -> str:
        """The base of DICOMweb's URLs."""
        return f"{self.url}/dicom-web"

    def run(self, awaitable: Coroutine[Any, Any, _T]) -> _T:
        """The result, awaited in the server's event loop."""
        future: Future[_T] = asyncio.run_coroutine_threadsafe(awaitable, self.loop)
        return future.result(30)


def for_everybody(app: ASGIApp) -> ASGIApp:
    """`app` behind no gate: whoever asks may do everything."""

    async def enter(scope: Scope, receive: Receive, send: Send) -> None:
        client = scope["client"]
        scope[SCOPE_KEY] = Actor(  # type: ignore[literal-required]  # a key of ours
            door="dicomweb", address=client[0] if client else "", grants=EVERYTHING
        )
        await app(scope, receive, send)

    return enter


@contextmanager
def serving(root: Path, limits: WebLimits | None = None, tls: TLS | None = None) -> Iterator[WebServer]:
    """A door over a new archive in `root`, on a port that the system chooses."""
    loop = uvloop.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="web server")
    thread.start()

    def run(awaitable: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(awaitable, loop).result(30)

    try:
        archive = run(_open(lambda: Archive.open(root)))
        app = create_app(archive, limits)
        listener = run(start_http(for_everybody(app.asgi), "127.0.0.1", 0, tls))
        scheme = "https" if tls else "http"
        try:
            yield WebServer(f"{scheme}://127.0.0.1:{listener.port}", archive, app, listener, loop)
        finally:
            run(listener.stop(1.0, app.door.cancel_all))
            run(app.pool.close())
            run(archive.close())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _open(opening: Callable[[], Archive]) -> Archive:
    return opening()


def stow(
    server: WebServer, files: Sequence[bytes], study: str = "", client: httpx.Client | None = None
) -> httpx.Response:
    """Stores the files in one multipart request, by `client` if there is one (a new one costs 20 ms)."""
    writer = MultipartWriter("boundary-of-the-test")
    body = b"".join(writer.begin_part({"Content-Type": "application/dicom"}) + file for file in files) + writer.end()
    return (client or httpx).post(
        f"{server.dicom_web}/studies" + (f"/{study}" if study else ""),
        content=body,
        headers={"content-type": 'multipart/related; type="application/dicom"; boundary=boundary-of-the-test'},
        timeout=30,
    )


def parts_of(response: httpx.Response) -> list[tuple[dict[str, str], bytes]]:
    """Headers and data of each part of a multipart answer."""
    boundary = response.headers["content-type"].partition("boundary=")[2].strip('"')
    reader = MultipartReader(boundary)
    parts: list[tuple[dict[str, str], list[bytes]]] = []
    for event in reader.feed(response.content):
        if isinstance(event, PartBegin):
            parts.append((dict(event.headers), []))
        elif isinstance(event, PartData):
            parts[-1][1].append(bytes(event.data))
    reader.close()
    return [(headers, b"".join(data)) for headers, data in parts]
