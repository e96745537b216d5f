"""How a page is made: a template, what it says, and headers under which only our own files run."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final, cast

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import Request, Response
from litestar.datastructures import Cookie

from sagittal.runtime.actor import SCOPE_KEY, Actor
from sagittal.web import showing, wording
from sagittal.web.assets import address
from sagittal.web.packing import packed
from sagittal.web.places import places_of
from sagittal.web.reasons import reason

AnyRequest = Request[Any, Any, Any]  # Any: user, auth and state of Litestar, which are not used

HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
"""Of every page. With `no-referrer`, browsers would not say which page sends a form."""

NO_REFERRER: Final = {"referrer-policy": "no-referrer"}
"""Of pages whose own address is a secret."""

HTML: Final = "text/html; charset=utf-8"


@cache
def _environment() -> Environment:
    loader = PackageLoader("sagittal.web", "templates")
    made = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    said = (wording.translated, wording.translated_many)
    made.install_gettext_callables(*said, newstyle=True)  # type: ignore[attr-defined]  # the extension adds it
    made.globals |= {
        "asset": address,
        "language": wording.language,
        "direction": wording.direction,
        "forms": wording.forms,
    }
    made.globals["languages"] = wording.LANGUAGES
    made.filters |= {"term": wording.term, "translated": wording.translated, "listed": wording.listed, "reason": reason}
    made.filters |= showing.FILTERS
    return made


def render(template: str, actor: Actor | None, /, **values: object) -> str:
    """A page's text; `actor` is who is named at its head, None for nobody."""
    person = actor if actor is not None and actor.kind in ("person", "link") else None
    places = places_of(actor) if actor is not None else ()
    return _environment().get_template(template).render(person=person, places=places, **values)


def page(
    request: AnyRequest,
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    cookies: tuple[Cookie, ...] = (),
    values: Mapping[str, object] | None = None,
    **more: object,
) -> Response[str]:
    """The answer with a page, which says `values` and `more`."""
    text = render(template, actor_of(request), **(values or {}), **more)
    said = {**HEADERS, **(headers or {})}
    taken = request.headers.get("accept-encoding", "")
    answer = packed(text.encode(), taken, HTML, said, status=status, cookies=cookies)
    return cast("Response[str]", answer)  # handlers say what they answer with, not how it is packed


def leave_to(path: str, cookies: tuple[Cookie, ...] = ()) -> Response[str]:
    """The answer after a form: what to look at now (RFC 9110 Section 15.4.4)."""
    headers = {"location": path, "cache-control": "no-store", "referrer-policy": "no-referrer"}
    return Response("", status_code=303, media_type="text/html", headers=headers, cookies=cookies)


def actor_of(request: AnyRequest) -> Actor:
    """Who asks, as the gate found out."""
    found: Actor | None = request.scope.get(SCOPE_KEY)  # type: ignore[assignment]  # the gate's key
    return found or Actor(door="web")
