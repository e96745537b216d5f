"""The gate in front of every door of the web: who asks is found out first, and nobody gets in without.

It leaves the Actor in the ASGI scope. Without one only the paths of `PUBLIC` are reached: signing in, health, the
opening of share links, and what their pages are made of.
"""

from typing import Final, NamedTuple, TypeAlias

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from sagittal.access.porter import Porter, Visit
from sagittal.access.throttle import TooManyAttempts
from sagittal.access.visitor import Visitor
from sagittal.errors import Exhausted, Invalid, Refused
from sagittal.runtime.actor import EVERYTHING, SCOPE_KEY, Actor
from sagittal.runtime.witness import Witness
from sagittal.web import returning
from sagittal.web.pages import HEADERS, HTML
from sagittal.web.problems import problem_page
from sagittal.web.visiting import (
    SAFE_METHODS,
    Networks,
    Shown,
    cookies_in,
    is_loopback,
    is_loopback_name,
    shown_by,
    telling,
)
from sagittal.web.wording import COOKIE as LANGUAGE
from sagittal.web.wording import preferred, speak

PUBLIC: Final = ("/health", "/sign-in", "/sign-out", "/first-start", "/link", "/assets")
"""What is open without credentials, each with all below it."""

MUST_CHANGE: Final = "/account/password"
"""Where somebody goes whose password is to be changed before anything else."""

BACK_CHANNEL: Final = "/sign-in/oidc/over"
"""Where the OpenID provider itself, and no browser, says with a signed token that somebody signed out there."""

_MOST_KEPT: Final = 512
_DOORS: Final = (("/dicom-web", "dicomweb"), ("/wado", "dicomweb"), ("/api", "api"))


def door_of(path: str) -> str:
    """The door that a path leads to.

    >>> door_of("/dicom-web/studies"), door_of("/")
    ('dicomweb', 'web')
    """
    for start, door in _DOORS:
        if path.startswith(start) and _is_below(path, start):
            return door
    return "web"


def is_public(path: str) -> bool:
    """Whether a path is open to everybody.

    >>> is_public("/sign-in/passkey"), is_public("/sign-inside"), is_public("/dicom-web/studies")
    (True, False, False)
    """
    return any(_is_below(path, start) for start in PUBLIC)


_Key: TypeAlias = tuple[str, tuple[object, ...]]
"""The door, and what a request shows that decides who asks."""


class _Kept(NamedTuple):
    """Somebody who was let in a moment ago, with what their request said."""

    shown: Shown
    language: str
    visit: Visit


class Gate:
    """Lets in whom the porter knows. An ASGI application around another."""

    def __init__(self, app: ASGIApp, porter: Porter, witness: Witness, proxies: Networks = ()) -> None:
        """Stands before `app`; `proxies` are those whose forwarded headers are believed."""
        self._app = app
        self._porter = porter
        self._witness = witness
        self._proxies = proxies
        self._kept: dict[_Key, _Kept] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on with its Actor, or answers it."""
        if scope["type"] != ScopeType.HTTP:
            return
        key = (door_of(scope["path"]), telling(scope))
        kept = self._again(scope, key)
        if kept is None:
            await self._meet(scope, key, receive, send)
            return
        speak(kept.language)
        _leave_admission(scope, kept.visit)
        await self._app(_with(scope, kept.shown, kept.visit.actor), receive, send)

    def _again(self, scope: HTTPScope, key: _Key) -> _Kept | None:
        """What is known of who shows the same as before: viewers ask for a hundred frames in a second."""
        kept = self._kept.get(key)
        if kept is None or scope["method"] not in SAFE_METHODS:
            return None
        try:
            return kept if self._porter.would_again(kept.visit) else None
        except Exhausted:
            return None  # they are answered that in the way that everybody is

    def _keep(self, key: _Key, kept: _Kept) -> None:
        self._kept.pop(key, None)
        self._kept[key] = kept
        if len(self._kept) > _MOST_KEPT:
            del self._kept[next(iter(self._kept))]

    async def _meet(self, scope: HTTPScope, key: _Key, receive: Receive, send: Send) -> None:
        """Finds out who asks, and passes the request on or answers it."""
        shown = shown_by(scope, self._proxies)
        speak(language := _language(shown))
        visitor = Visitor(key[0], shown.host[:64], shown.address, shown.agent)
        try:
            visit = await self._admitted(scope, shown, visitor)
        except TooManyAttempts as error:
            await _answer(send, 429, str(error), ((b"retry-after", str(error.retry_after_s).encode()),), shown)
        except Exhausted as error:
            await _answer(send, 503, str(error), shown=shown)
        except Invalid as error:
            await _answer(send, 400, str(error), shown=shown)
        except _PasswordToChange as error:
            await _send_to_change(scope, shown, send, str(error))
        except Refused as error:
            self._witness.refused(_nobody(visitor), "enter")
            await _turn_away(scope, shown, send, str(error))
        else:
            if visit.resolved is not None:
                self._keep(key, _Kept(shown, language, visit))
            await self._enter(scope, shown, visit.actor, receive, send)

    async def _admitted(self, scope: HTTPScope, shown: Shown, visitor: Visitor) -> Visit:
        """Who asks; nobody where that is enough."""
        if token := shown.bearer():
            return await self._porter.visit_by_token(token, visitor)
        if (basic := shown.basic()) is not None:
            return Visit(await self._porter.admit_basic(*basic, visitor))
        if secret := shown.session():
            try:
                visit = await self._porter.visit_by_session(secret, visitor)
            except Refused:
                if not is_public(scope["path"]):
                    raise
                return Visit(_nobody(visitor))
            must_change = visit.admission is not None and visit.admission.must_change_password
            if must_change and not (is_public(scope["path"]) or scope["path"] == MUST_CHANGE):
                raise _PasswordToChange("your password is to be changed before anything else")
            _leave_admission(scope, visit)
            return visit
        if not is_public(scope["path"]):
            raise Refused("sign in first")
        return Visit(_nobody(visitor))

    async def _enter(self, scope: HTTPScope, shown: Shown, actor: Actor, receive: Receive, send: Send) -> None:
        # A script shows its token or password itself; a browser shows its cookie whichever page has it send something.
        is_by_browser = "authorization" not in shown.headers
        is_held_to_pages = scope["method"] not in SAFE_METHODS and is_by_browser and scope["path"] != BACK_CHANNEL
        if is_held_to_pages and not shown.is_of_own_page():
            self._witness.refused(actor, "send from another page")
            await _answer(send, 403, "a page of another site, or none, sent this; only our own pages may", shown=shown)
            return
        await self._app(_with(scope, shown, actor), receive, send)


def opened(app: ASGIApp) -> ASGIApp:
    """`app` for everybody on this machine: what `--open` says. Nobody else gets in, nor do pages of other sites."""

    async def enter(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            return
        shown = shown_by(scope, ())
        speak(_language(shown))
        if not is_loopback(shown.address) or not is_loopback_name(shown.host):
            why = "this archive is open to its own machine only (--open), by the name localhost"
            await _answer(send, 403, why, shown=shown)
        elif scope["method"] not in SAFE_METHODS and shown.is_of_other_page():
            await _answer(send, 403, "a page of another site sent this; only our own pages may")
        else:
            visitor = Visitor(door_of(scope["path"]), shown.host[:64], shown.address)
            actor = msgspec.structs.replace(_nobody(visitor), kind="local", grants=EVERYTHING)
            await app(_with(scope, shown, actor), receive, send)

    return enter


def _language(shown: Shown) -> str:
    """What they want to read: what they have chosen, or what their browser says."""
    cookies = cookies_in(shown.headers.get("cookie", ""))
    chosen = cookies.get(f"__Host-{LANGUAGE}", cookies.get(LANGUAGE, ""))
    return preferred(shown.headers.get("accept-language", ""), chosen)


def _nobody(visitor: Visitor) -> Actor:
    return Actor(door=visitor.door, called=visitor.called, address=visitor.address)


def _with(scope: HTTPScope, shown: Shown, actor: Actor) -> HTTPScope:
    """The scope with the Actor, as the client sees our address."""
    scope[SCOPE_KEY] = actor  # type: ignore[literal-required]  # a key of ours
    if shown.is_from_proxy:
        scope["scheme"] = shown.scheme
        scope["client"] = (shown.address, 0)
        others = [(name, value) for name, value in scope["headers"] if name.lower() != b"host"]
        scope["headers"] = [(b"host", shown.host.encode("latin-1")), *others]
    return scope


def _leave_admission(scope: HTTPScope, visit: Visit) -> None:
    if visit.admission is not None:
        scope["sagittal.admission"] = visit.admission  # type: ignore[typeddict-unknown-key]  # a key of ours, for pages


class _PasswordToChange(Refused):
    """They are who they say, but may do nothing yet."""


async def _send_to_change(scope: HTTPScope, shown: Shown, send: Send, why: str) -> None:
    if scope["method"] in {"GET", "HEAD"} and shown.is_for_person():
        await _answer(send, 303, why, ((b"location", MUST_CHANGE.encode()),))
    else:
        await _answer(send, 403, why, shown=shown)


async def _turn_away(scope: HTTPScope, shown: Shown, send: Send, why: str) -> None:
    """Sends a person to the page where they sign in, a script a challenge (RFC 9110 Section 11.6.1)."""
    if scope["method"] in {"GET", "HEAD"} and shown.is_for_person() and "authorization" not in shown.headers:
        headers = [(b"location", returning.address(scope["path"]).encode())]
        kept = returning.cookie_value(scope["path"], scope["query_string"].decode("latin-1"))
        if kept or returning.COOKIE in shown.headers.get("cookie", ""):  # what somebody else asked for is not for these
            headers.append((b"set-cookie", _next_cookie(kept, is_secure=shown.scheme == "https")))
        await _answer(send, 303, why, tuple(headers))
        return
    challenges = [(b"www-authenticate", b'Bearer realm="Sagittal"')]
    if "sec-fetch-mode" not in shown.headers:  # a browser would ask for a password in a window of its own
        challenges.append((b"www-authenticate", b'Basic realm="Sagittal", charset="UTF-8"'))
    await _answer(send, 401, why, tuple(challenges), shown)


def _next_cookie(kept: str, *, is_secure: bool) -> bytes:
    name, secure = (f"__Host-{returning.COOKIE}", "; Secure") if is_secure else (returning.COOKIE, "")
    seconds = returning.KEPT_S if kept else 0
    return f"{name}={kept}; HttpOnly; Max-Age={seconds}; Path=/; SameSite=lax{secure}".encode()


async def _answer(
    send: Send, status: int, why: str, headers: tuple[tuple[bytes, bytes], ...] = (), shown: Shown | None = None
) -> None:
    """Answers in the gate's own name: with a page where a person waits for one."""
    fixed: tuple[tuple[bytes, bytes], ...]
    if shown is not None and shown.is_for_person():
        body = problem_page(status, why).encode()
        fixed = ((b"content-type", HTML.encode()), *((name.encode(), said.encode()) for name, said in HEADERS.items()))
    else:
        body = msgspec.json.encode({"title": _TITLES[status], "status": status, "detail": why})
        fixed = ((b"content-type", b"application/problem+json"), (b"cache-control", b"no-store"))
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*fixed, length, *headers]})
    await send({"type": "http.response.body", "body": body, "more_body": False})


_TITLES: Final = {
    303: "See Other",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    429: "Too Many Requests",
    503: "Service Unavailable",
}


def _is_below(path: str, start: str) -> bool:
    return path == start or path.startswith(f"{start}/")
