"""The OHIF viewer at `/ohif/`, where its optional distribution is installed and built."""

import asyncio
import mimetypes
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import msgspec
from litestar import asgi
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive, Scope, Send

BASE = "/ohif"

_CODINGS = (("br", ".br"), ("gzip", ".gz"))  # best first
_SECURITY = {"x-content-type-options": "nosniff", "referrer-policy": "same-origin"}
# Documents are shown by an `object` that has no data at first, which counts as one of ours.
_PAGE_POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' blob:; worker-src 'self' blob:; style-src 'self' "
    "'unsafe-inline'; img-src 'self' blob: data:; font-src 'self' data:; media-src 'self' blob:; connect-src 'self' "
    "blob: data:; object-src 'self' blob:; frame-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
# A worker is held to the policy of its own script: the codecs, compiled from C++, make functions from text there. They
# have no page, no storage and no network but ours.
_WORKER_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-eval' 'wasm-unsafe-eval'; connect-src 'self' blob: data:"
)
_TYPES = {".wasm": "application/wasm", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}


class _File(NamedTuple):
    """A file of the viewer, by coding: `""`, `br`, `gzip`."""

    paths: Mapping[str, Path]
    media_type: str
    cache_control: str
    version: str


# Whose session is over signs in, and comes back to what they looked at; names they searched for do not come along.
_ON_ERROR = """(error) => {
  if (error.status !== 401) return;
  const studies = new URLSearchParams(window.location.search).get("StudyInstanceUIDs");
  const back = window.location.pathname + (studies ? `?StudyInstanceUIDs=${studies}` : "");
  window.location.assign(`/sign-in?next=${encodeURIComponent(back)}`);
}"""


def configuration(root: str) -> str:
    """`app-config.js`: one data source, our DICOMweb root; nothing that a link could point elsewhere."""
    source = {
        "friendlyName": "Sagittal",
        "name": "sagittal",
        "qidoRoot": root,
        "wadoRoot": root,
        "wadoUriRoot": root,
        "qidoSupportsIncludeField": True,
        "supportsFuzzyMatching": True,
        "supportsWildcard": True,
        "supportsReject": False,
        "imageRendering": "wadors",
        "thumbnailRendering": "thumbnail",
        "enableStudyLazyLoad": True,
        "dicomUploadEnabled": True,
        "omitQuotationForMultipartRequest": True,
        "singlepart": "bulkdata,video",
        "bulkDataURI": {"enabled": True},
    }
    config = {
        "name": "sagittal",
        "routerBasename": BASE,
        "extensions": [],
        "modes": [],
        "showStudyList": True,
        "maxNumberOfWebWorkers": 3,
        "showWarningMessageForCrossOrigin": False,
        "showCPUFallbackMessage": True,
        "showLoadingIndicator": True,
        "strictZSpacingForVolumeViewport": True,
        "investigationalUseDialog": {"option": "never"},
        "defaultDataSourceName": "sagittal",
        "dataSources": [
            {
                "namespace": "@ohif/extension-default.dataSourcesModule.dicomweb",
                "sourceName": "sagittal",
                "configuration": source,
            }
        ],
    }
    said = msgspec.json.encode(config).decode()
    return f"window.config = {said};\nwindow.config.httpErrorHandler = {_ON_ERROR};\n"


def ohif_viewer(dicomweb_root: str) -> ASGIRouteHandler | None:
    """The route of the viewer; None where it is not installed or not built."""
    if find_spec("sagittal_ohif") is None:
        return None
    dist: Path = import_module("sagittal_ohif").DIST
    if not (dist / "index.html").is_file():
        return None
    files = _files(dist)
    config = configuration(dicomweb_root).encode()

    @asgi(BASE, is_mount=True, copy_scope=False)
    async def viewer(scope: Scope, receive: Receive, send: Send) -> None:
        """The viewer's files; any other path below that names no file is a page of the viewer."""
        del receive
        method = scope.get("method")
        if method is None:  # not HTTP
            return
        name = str(scope["path"]).removeprefix(BASE).strip("/")
        if method not in {"GET", "HEAD"}:
            await _answer(send, b"", {"allow": "GET, HEAD"}, 405)
        elif name == "app-config.js":
            await _answer(send, config, {"content-type": _TYPES[".js"], "cache-control": "no-cache"})
        elif name not in files and "." in name:  # perhaps of another version: a page in its place would be kept
            await _answer(send, b"", {"cache-control": "no-store"}, 404)
        else:
            wanted = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
            await _send_file(send, files.get(name) or files["index.html"], wanted)

    return viewer


def _files(dist: Path) -> dict[str, _File]:
    """What there is, by its path: nothing is looked for by a name from outside."""
    version = (dist / "built-from").read_text("utf-8")
    found = {}
    for path in sorted(dist.rglob("*")):
        if not path.is_file() or path.suffix in {".br", ".gz"}:
            continue
        name = path.relative_to(dist).as_posix()
        packed = {coding: path.with_name(path.name + ending) for coding, ending in _CODINGS}
        found[name] = _File(
            {"": path, **{coding: file for coding, file in packed.items() if file.is_file()}},
            _TYPES.get(path.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream",
            "public, max-age=31536000, immutable" if name.startswith(f"{version}/") else "no-cache",
            version,
        )
    return found


async def _send_file(send: Send, file: _File, wanted: Mapping[str, str]) -> None:
    accepted = {item.split(";")[0].strip() for item in wanted.get("accept-encoding", "").split(",")}
    coding = next((name for name, _ in _CODINGS if name in accepted and name in file.paths), "")
    etag = f'"{file.version}{coding}"'
    headers = {
        "content-type": file.media_type,
        "cache-control": file.cache_control,
        "content-security-policy": _WORKER_POLICY if file.media_type == _TYPES[".js"] else _PAGE_POLICY,
        "vary": "accept-encoding",
        "etag": etag,
        **({"content-encoding": coding} if coding else {}),
    }
    if wanted.get("if-none-match") == etag:
        await _answer(send, b"", headers, 304)
    else:
        await _answer(send, await asyncio.to_thread(file.paths[coding].read_bytes), headers)


async def _answer(send: Send, body: bytes, headers: Mapping[str, str], status: int = 200) -> None:
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in (_SECURITY | dict(headers)).items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body, "more_body": False})
