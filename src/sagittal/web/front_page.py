"""The page at `/`: that it runs, how much it keeps, and how to reach it. Nothing of any patient."""

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from sagittal.access.permits import may
from sagittal.archive.archive import Archive
from sagittal.find import Level, Query, count
from sagittal.runtime.actor import SCOPE_KEY, Actor
from sagittal.runtime.deadline import Deadline

_TIMEOUT_S = 10.0
_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
_COUNTED = (
    (Level.PATIENT, "patients"),
    (Level.STUDY, "studies"),
    (Level.SERIES, "series"),
    (Level.IMAGE, "instances"),
)

_STYLE = """
:root { color-scheme: light dark; --ink: light-dark(#1a2230, #e4e9f0); --soft: light-dark(#566174, #9aa6b8);
  --line: light-dark(#dde3ec, #2b3442); --ground: light-dark(#f7f9fc, #10151d); }
body { margin: 0; font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--ground); }
main { max-width: 44rem; margin: 0 auto; padding: 3rem 1.25rem; }
h1 { font-size: 1.9rem; margin: 0 0 .25rem; letter-spacing: -.01em; }
p { color: var(--soft); margin: 0 0 1.5rem; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(7rem, 1fr)); gap: 1px; margin: 0 0 2rem;
  background: var(--line); border: 1px solid var(--line); border-radius: .6rem; overflow: hidden; }
dl div { background: var(--ground); padding: .9rem 1rem; display: flex; flex-direction: column-reverse; }
dt { color: var(--soft); font-size: .85rem; } dd { margin: 0; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
h2 { font-size: 1rem; margin: 1.6rem 0 .4rem; }
code { display: block; overflow-x: auto; padding: .7rem .9rem; border: 1px solid var(--line); border-radius: .4rem;
  font: .87rem/1.5 ui-monospace, monospace; white-space: pre; }
a { color: inherit; }
"""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sagittal</title><link rel="stylesheet" href="/front.css"></head>
<body><main><h1>Sagittal</h1><p>The archive is running.</p>
<dl>{counts}</dl>
{indexing}{viewer}{ways}
</main></body></html>
"""

_VIEWER = '<p><a href="/ohif/">Open the studies in the OHIF viewer</a></p>\n'


def front_page(
    archive: Archive, ways: Callable[[], Mapping[str, str]], *, has_viewer: bool = False
) -> tuple[HTTPRouteHandler, ...]:
    """The routes of the page.

    Args:
        archive: what is counted.
        ways: a heading and a line to copy, for each way to reach us; asked late, as ports may be chosen late.
        has_viewer: whether OHIF is served beside it.
    """

    @get("/", media_type="text/html")
    async def page(
        request: Request[Any, Any, Any],
    ) -> Response[str]:  # Any: user, auth and state of Litestar, which are not used
        """The front page."""
        actor: Actor = request.scope.get(SCOPE_KEY) or Actor(door="web")  # type: ignore[assignment]  # the gate's key
        counts = await _counts(archive, actor) if may(actor, "query") else ""
        shown = "".join(f"<h2>{escape(title)}</h2><code>{escape(line)}</code>" for title, line in ways().items())
        viewer = _VIEWER if has_viewer else ""
        text = _PAGE.format(counts=counts, indexing=_indexing(archive), viewer=viewer, ways=shown)
        return Response(text, headers=_HEADERS)

    @get("/front.css", media_type="text/css", sync_to_thread=False)
    def style() -> Response[str]:
        """The style of the front page."""
        return Response(_STYLE, headers={"cache-control": "max-age=3600", "x-content-type-options": "nosniff"})

    return page, style


async def _counts(archive: Archive, actor: Actor) -> str:
    """How much is kept that they may ask for."""
    deadline = Deadline.after(_TIMEOUT_S)
    numbers = [(name, await count(archive, actor, Query(level=level), deadline)) for level, name in _COUNTED]
    return "".join(f"<div><dt>{name}</dt><dd>{number:,}</dd></div>" for name, number in numbers)


def _indexing(archive: Archive) -> str:
    """How far the attributes are that cannot be searched by yet."""
    return "".join(
        f"<p>{one.done:,} of {one.of:,} instances are indexed by {escape(one.path.name)} so far.</p>\n"
        for one in archive.named.unready
    )
