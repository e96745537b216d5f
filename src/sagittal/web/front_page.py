"""The pages at `/` and `/about`: who you are here, how much you may see, how to reach it. Nothing of any patient."""

from collections.abc import Callable, Mapping

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from sagittal.access.permits import may
from sagittal.archive.archive import Archive
from sagittal.find import Level, Query, count
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline
from sagittal.web.link_pages import viewer_address
from sagittal.web.pages import AnyRequest, actor_of, leave_to, page
from sagittal.web.places import ABOUT, STUDIES, places_of

_TIMEOUT_S = 10.0
_COUNTED = (
    (Level.PATIENT, "patients"),
    (Level.STUDY, "studies"),
    (Level.SERIES, "series"),
    (Level.IMAGE, "instances"),
)


def front_page(
    archive: Archive, ways: Callable[[], Mapping[str, str]], *, has_viewer: bool = False
) -> tuple[HTTPRouteHandler, ...]:
    """The route of the page.

    Args:
        archive: what is counted.
        ways: a heading and a line to copy, for each way to reach us; asked late, as ports may be chosen late.
        has_viewer: whether OHIF is served beside it.
    """

    @get("/")
    async def front(request: AnyRequest) -> Response[str]:
        """The study list, for who is at home here; else what there is."""
        return (
            leave_to(STUDIES) if STUDIES in (one.path for one in places_of(actor_of(request))) else await about(request)
        )

    @get(ABOUT)
    async def facts(request: AnyRequest) -> Response[str]:
        """What there is."""
        return await about(request)

    async def about(request: AnyRequest) -> Response[str]:
        actor = actor_of(request)
        return page(
            request,
            "front.html",
            actor=actor,
            counts=await _counts(archive, actor) if may(actor, "query") else (),
            indexing=archive.named.unready,
            viewer=_viewer(actor, has_viewer=has_viewer),
            ways={} if actor.kind == "link" else ways(),
            here=ABOUT,
        )

    return front, facts


def _viewer(actor: Actor, *, has_viewer: bool) -> str:
    """Where they look at studies; `""` for nowhere."""
    if not may(actor, "read"):
        return ""
    if actor.kind == "link":
        return viewer_address(actor)
    return "/ohif/" if has_viewer else ""


async def _counts(archive: Archive, actor: Actor) -> tuple[tuple[str, int], ...]:
    """How much is kept that they may ask for."""
    deadline = Deadline.after(_TIMEOUT_S)
    return tuple([(name, await count(archive, actor, Query(level=level), deadline) or 0) for level, name in _COUNTED])
