"""Opening a share link: a page that asks first, as programs that preview addresses open them, too; then the study."""

from typing import Any, Final
from urllib.parse import quote

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from sagittal.access.porter import Porter
from sagittal.access.throttle import TooManyAttempts
from sagittal.archive.archive import Archive
from sagittal.errors import NotFound, Refused
from sagittal.find import Level, Query, find
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline
from sagittal.web.forms import form_of, visit_of
from sagittal.web.pages import NO_REFERRER, AnyRequest, leave_to, page
from sagittal.web.wording import _

SHARED: Final = "/shared"
_PER_PAGE: Final = 60
_TIMEOUT_S: Final = 30.0


def link_pages(porter: Porter, archive: Archive, dicomweb_root: str) -> list[HTTPRouteHandler]:
    """The routes of share links: they lead into the light viewer; without scripts there is a page with the pictures."""

    def form(
        request: AnyRequest, *, has_pin: bool, status: int = 200, error: str = "", wait_s: int = 0
    ) -> Response[str]:
        headers = NO_REFERRER | ({"retry-after": str(wait_s)} if wait_s else {})
        return page(
            request, "link.html", status=status, headers=headers, has_pin=has_pin, error=error, back=request.url.path
        )

    @get("/link/{name:str}")
    async def ask(request: AnyRequest, name: FromPath[str]) -> Response[str]:
        """Says what this is, and asks for the PIN."""
        return form(request, has_pin=(await porter.look_at_link(name)).has_pin)

    @post("/link/{name:str}")
    async def open_it(request: AnyRequest, name: FromPath[str]) -> Response[str]:
        """Opens it: from now on this browser sees the study, and nothing else."""
        visit, said = visit_of(request), await form_of(request)
        try:
            opened = await porter.admit_link(name, said.one("pin"), visit.visitor, replacing=visit.secret)
        except TooManyAttempts as error:
            why = _("Too many attempts. The next one is looked at in %(seconds)s s.", seconds=error.retry_after_s)
            return form(request, has_pin=True, status=429, error=why, wait_s=error.retry_after_s)
        except Refused:
            return form(request, has_pin=True, status=403, error=_("The PIN is wrong."))
        return leave_to(viewer_address(opened.actor), (visit.cookie(opened.session.secret),))

    @get(SHARED)
    async def show(request: AnyRequest) -> Response[str]:
        """What was shared, as pictures."""
        actor = visit_of(request).actor
        if actor.kind != "link":
            raise NotFound("nothing was shared here")
        said = request.query_params.get("page", "1")
        number = min(max(int(said), 1), 100_000) if said.isascii() and said.isdecimal() and len(said) < 7 else 1
        pictures, more = await _pictures(archive, actor, dicomweb_root, number)
        values = {
            "viewer": viewer_address(actor),
            "pictures": pictures,
            "number": number,
            "more": more,
            "title": pictures[0]["study"] if pictures else "",
        }
        return page(request, "shared.html", values=values)

    return [ask, open_it, show]


def viewer_address(actor: Actor) -> str:
    """Where whoever opened a link looks at what was shared: in the light viewer, which is there on a thin line, too."""
    study, series = actor.link
    return f"/view/{quote(study, safe='')}" + (f"?series={quote(series, safe='')}" if series else "")


async def _pictures(archive: Archive, actor: Actor, root: str, number: int) -> tuple[list[dict[str, str]], bool]:
    """One page of instances, each with where it is rendered; whether there are more."""
    query = Query(level=Level.IMAGE, limit=_PER_PAGE + 1, offset=(number - 1) * _PER_PAGE)
    found = [_picture(one.text(), root) async for one in find(archive, actor, query, Deadline.after(_TIMEOUT_S))]
    return found[:_PER_PAGE], len(found) > _PER_PAGE


def _picture(text: str, root: str) -> dict[str, str]:
    attributes: dict[str, dict[str, Any]] = msgspec.json.decode(text)  # Any: DICOM JSON

    def value(tag: str) -> str:
        return str((attributes.get(tag, {}).get("Value") or [""])[0])

    study, series, instance = value("0020000D"), value("0020000E"), value("00080018")
    return {
        "study": value("00081030"),
        "series": value("0008103E") or value("00080060"),
        "number": value("00200013"),
        "address": f"{root}/studies/{study}/series/{series}/instances/{instance}/rendered",
    }
