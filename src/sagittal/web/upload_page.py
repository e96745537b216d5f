"""The page at `/upload`: takes files, folders, ZIPs and CDs, and sends them when there is a line.

Its modules lie at addresses with their version. The service worker's own address is fixed, as browsers want it; it
imports the modules of its version, keeps them for offline, and is looked for anew at each visit.
"""

import json
from pathlib import Path
from typing import Final

from litestar import Response, Router, get
from litestar.params import FromPath

from sagittal.access.permits import may_at
from sagittal.ingest.uploads.model import owner_key
from sagittal.runtime.actor import Actor
from sagittal.web import assets
from sagittal.web.packing import kept as kept_file
from sagittal.web.pages import HEADERS, AnyRequest, actor_of, page, render
from sagittal.web.reasons import said_of_files
from sagittal.web.viewer_files import viewer_files
from sagittal.web.wording import _, forms

PATH: Final = "/upload"
FOLDER: Final = Path(__file__).parent / "assets" / "upload"
_WORKER: Final = "worker.js"
_WORKER_POLICY: Final = "default-src 'none'; script-src 'self'; connect-src 'self'"


def upload_pages() -> Router:
    """The routes."""
    files = viewer_files(FOLDER)
    base = f"{PATH}/files/{files.version}"
    kept = [f"{base}/{name}" for name in files.files if name != _WORKER]
    kept += [assets.address("sagittal.css"), assets.address("icon.svg")]
    worker = files.files[_WORKER].plain.decode().replace("./files/VERSION", base).replace("VERSION", files.version)
    worker = worker.replace("KEPT", json.dumps(kept))

    @get("/", media_type="text/html", sync_to_thread=False)
    def upload(request: AnyRequest) -> Response[str]:
        """The page."""
        actor = actor_of(request)
        values = {"here": PATH, "owner": owner_key(actor), "may_store": _may_store(actor), **_said(base)}
        return page(request, "upload.html", values=values)

    @get("/shell", media_type="text/html", sync_to_thread=False)
    def shell() -> Response[str]:
        """The page as the browser keeps it for when there is no line: of nobody."""
        text = render("upload.html", None, here=PATH, owner="", may_store=True, **_said(base))
        return Response(text, headers=HEADERS)

    @get(f"/{_WORKER}", media_type="text/javascript; charset=utf-8", sync_to_thread=False)
    def service_worker() -> Response[str]:
        """The service worker."""
        fixed = {"cache-control": "no-cache", "x-content-type-options": "nosniff"}
        return Response(
            worker, headers={**fixed, "service-worker-allowed": PATH, "content-security-policy": _WORKER_POLICY}
        )

    @get("/files/{version:str}/{name:str}")
    async def file(request: AnyRequest, version: FromPath[str], name: FromPath[str]) -> Response[bytes]:
        """A module or style."""
        packed = files.files.get(name) if version == files.version else None
        if packed is None:
            return Response(b"", status_code=404, headers={"cache-control": "no-store"})
        return await kept_file(packed, request.headers.get("accept-encoding", ""))

    return Router(path=PATH, route_handlers=[upload, shell, service_worker, file])


def _may_store(actor: Actor) -> bool:
    return may_at(actor, "store", actor.facility)


def _said(base: str) -> dict[str, object]:
    return {
        "files": base,
        "forms_of_files": forms("%(num)s file", "%(num)s files"),
        "reasons": said_of_files(),
        "texts": {
            "reading": _("Reading {files}: {sent} of {total} sent so far"),
            "sending": _("{sent} of {total} sent, {files}"),
            "ended": _("All is sent: {files}, {total}"),
            "nothing": _("Nothing was sent."),
            "stored": _("stored"),
            "here": _("here already"),
            "aside": _("kept aside: others have the same UID"),
            "refused": _("refused"),
            "missing": _("listed by the DICOMDIR, but not there"),
            "lost": _("the server has forgotten it; send it again"),
            "offline": _("No line: sending goes on by itself when it is back."),
            "signedOut": _("Sign in again; then sending goes on."),
            "full": _("This browser has no room for more; try again when some have been sent."),
            "unread": _("Not all files could be read."),
            "sure": _("Give up what has not been sent yet?"),
            "state_waiting": _("{files}, {size}: waiting"),
            "state_going": _("{files}, {sent} of {size}"),
            "state_sent": _("{files}, {size}: being checked"),
            "state_done": _("{files}, {size}: arrived"),
            "state_failed": _("{files}: refused"),
            "left_empty": _("the file is empty"),
            "left_directory": _("a table of contents (DICOMDIR), which the archive makes itself"),
            "left_other": _("does not look like DICOM"),
            "left_unreadable": _("could not be read"),
        },
    }
