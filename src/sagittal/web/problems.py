"""What each kind of failure is to people: the door's one table, and the page that says what to do next."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec
from litestar import Response
from litestar.exceptions import HTTPException

from sagittal.access.throttle import TooManyAttempts
from sagittal.errors import (
    Conflict,
    Corrupt,
    Exhausted,
    Invalid,
    NotFound,
    PeerFailed,
    Refused,
    SagittalError,
    Unsupported,
)
from sagittal.runtime.actor import Actor
from sagittal.runtime.log import get_logger
from sagittal.web.pages import HEADERS, AnyRequest, actor_of, render
from sagittal.web.reasons import reason
from sagittal.web.wording import _

log = get_logger(__name__)

STATUSES: Final[Mapping[type[SagittalError], int]] = {
    Invalid: 400,
    NotFound: 404,
    Conflict: 409,
    TooManyAttempts: 429,
    Refused: 403,
    Unsupported: 501,
    Exhausted: 503,
    Corrupt: 500,
    PeerFailed: 502,
}


class Words(NamedTuple):
    """What a status is called, and what whoever meets it can do."""

    title: str
    next: str


# English here, and translated where they are said: which language that is, is a matter of the request.
_WORDS: Final[Mapping[int, Words]] = {
    400: Words(_("That cannot be read"), _("Go back and try again.")),
    401: Words(_("Sign in first"), _("This page is for people with an account here.")),
    403: Words(
        _("You may not do that"),
        _("If you need to, ask an administrator of this site, or sign in with another account."),
    ),
    404: Words(
        _("There is nothing here"),
        _("The address may be mistyped, or what was here is gone, or is not for your account to see."),
    ),
    405: Words(_("There is nothing here to send to"), _("Go back and try again.")),
    409: Words(_("That is taken"), _("Go back and choose something else.")),
    429: Words(_("Too many attempts"), _("Wait a little, then try again.")),
    501: Words(_("This site does not do that"), _("Go back to the front page.")),
    502: Words(_("Another system does not answer"), _("Try again in a moment; if it stays so, tell an administrator.")),
    503: Words(_("There is too much to do right now"), _("Try again in a moment.")),
}
_OURS: Final = Words(
    _("Something broke here"), _("It is our mistake, and the log has it. Try again, or tell an administrator.")
)


def status_of(error: SagittalError) -> int:
    """The status of a failure's kind."""
    return next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 500)


def problem_page(status: int, why: str, actor: Actor | None = None) -> str:
    """The page for whoever meets a status."""
    words = _WORDS.get(status, _OURS)
    return render(
        "problem.html",
        actor,
        status=status,
        title=_(words.title),
        why=reason(why),
        next=_(words.next),
        may_sign_in=status == 401 or (actor is not None and actor.kind == "nobody"),
    )


def failed(request: AnyRequest, error: SagittalError) -> Response[str]:
    """The answer to a failure that people can be told about."""
    status = status_of(error)
    if status >= 500:
        log.warning("page failed", kind=type(error).__name__, detail=str(error))
    headers = {"retry-after": str(error.retry_after_s)} if isinstance(error, TooManyAttempts) else {}
    return _answer(request, status, str(error), headers)


def unanswered(request: AnyRequest, error: HTTPException) -> Response[str]:
    """The answer where there is no page; what the request held is not said again."""
    headers = {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
    return _answer(request, error.status_code, "", headers)


def broken(request: AnyRequest, error: Exception) -> Response[str]:
    """The answer to what nobody expected, which is logged and not told."""
    log.error("page broke", exc_info=error)
    return _answer(request, 500, "", {})


def _answer(request: AnyRequest, status: int, why: str, headers: Mapping[str, str]) -> Response[str]:
    if "text/html" in request.headers.get("accept", ""):
        text = problem_page(status, why, actor_of(request))
        return Response(text, status_code=status, media_type="text/html", headers={**HEADERS, **headers})
    members = {"title": _(_WORDS.get(status, _OURS).title), "status": status, "detail": reason(why)}
    body = msgspec.json.encode({name: member for name, member in members.items() if member}).decode()
    fixed = {"cache-control": "no-store", **headers}
    return Response(body, status_code=status, media_type="application/problem+json", headers=fixed)
