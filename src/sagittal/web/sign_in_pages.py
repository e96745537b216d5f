"""Signing in and out, and the first start: password and code, passkey, OpenID provider."""

from typing import Final

import msgspec
from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from sagittal.access.accounts import NewAccount, check_name
from sagittal.access.provider import Returned
from sagittal.access.signin import SecondFactorAsked, SignedIn, SignIn
from sagittal.access.signin_oidc import OidcSignIn, local_path
from sagittal.access.throttle import TooManyAttempts
from sagittal.errors import Invalid, NotFound, PeerFailed, Refused
from sagittal.find.preferences import KeptPreferences
from sagittal.web import returning
from sagittal.web.forms import Visit, cookie_of, form_of, json_of, visit_of
from sagittal.web.gate import MUST_CHANGE
from sagittal.web.language_page import language_cookies
from sagittal.web.pages import NO_REFERRER, AnyRequest, leave_to, page
from sagittal.web.problems import status_of
from sagittal.web.reasons import reason
from sagittal.web.wording import _

OIDC_COOKIE: Final = "sagittal-oidc"
_OIDC_S: Final = 600
_MOST_QUERY_CHARACTERS: Final = 8192


class Answered(msgspec.Struct, frozen=True):
    """What a browser's authenticator said, and where its person wants to go."""

    ticket: str
    response: str
    next: str = "/"


def sign_in_pages(
    sign_in: SignIn, kept: KeptPreferences, *, provider: str = "", passkey_origin: str = ""
) -> list[HTTPRouteHandler]:
    """The routes of signing in with what is kept here.

    Args:
        sign_in: signs people in.
        kept: the preferences of accounts, which say what language they read.
        provider: what the OpenID provider is called; `""` where there is none.
        passkey_origin: the only origin under which authenticators answer.
    """
    ways = {"provider": provider, "origin": passkey_origin}

    def form(
        request: AnyRequest, to: str, *, status: int = 200, name: str = "", error: str = "", wait_s: int = 0
    ) -> Response[str]:
        values = {"name": name, "next": to, "path": to.partition("?")[0], "error": error, **ways}
        return page(request, "sign_in.html", status=status, headers=_later(wait_s), values=values)

    @get("/sign-in")
    async def ask(request: AnyRequest) -> Response[str]:
        """Asks for name and password; who is signed in is sent on."""
        to = _wanted(request)
        is_in = visit_of(request).actor.kind == "person"
        return leave_to(to) if is_in else form(request, to)

    @post("/sign-in")
    async def check(request: AnyRequest) -> Response[str]:
        """Takes name and password."""
        said, visit = await form_of(request), visit_of(request)
        name, to = said.one("name"), local_path(said.one("next"))
        try:
            found = await sign_in.password(name, said.one("password"), visit.visitor, replacing=visit.secret)
        except TooManyAttempts as error:
            return form(request, to, status=429, name=name, error=_too_many(error), wait_s=error.retry_after_s)
        except Refused:
            return form(request, to, status=403, name=name, error=_("The name or the password is wrong."))
        if isinstance(found, SecondFactorAsked):
            return page(request, "code.html", ticket=found.ticket, next=to, error="")
        return await welcome(visit, found, to, kept, *_forgotten(request))

    @post("/sign-in/code")
    async def check_code(request: AnyRequest) -> Response[str]:
        """Takes the code of an authenticator app, or a recovery code."""
        said, visit = await form_of(request), visit_of(request)
        ticket, to = said.one("ticket"), local_path(said.one("next"))
        try:
            found = await sign_in.second_factor(ticket, said.one("code"), visit.visitor, replacing=visit.secret)
        except TooManyAttempts as error:
            later = _later(error.retry_after_s)
            return page(request, "code.html", status=429, headers=later, ticket=ticket, next=to, error=_too_many(error))
        except Refused as error:
            return page(request, "code.html", status=403, ticket=ticket, next=to, error=reason(str(error)))
        return await welcome(visit, found, to, kept, *_forgotten(request))

    return [ask, check, check_code, *_passkey_pages(sign_in, kept)]


def _passkey_pages(sign_in: SignIn, kept: KeptPreferences) -> list[HTTPRouteHandler]:
    """The routes that the script of the sign-in page talks to."""

    @post("/sign-in/passkey/begin")
    async def ask_passkey(request: AnyRequest) -> Response[bytes]:
        """What the browser asks its authenticator."""
        del request
        asked = await sign_in.begin_passkey()
        body = {"ticket": asked.ticket, "options": msgspec.Raw(asked.options.encode())}
        return Response(msgspec.json.encode(body), status_code=200, media_type="application/json")

    @post("/sign-in/passkey")
    async def check_passkey(request: AnyRequest) -> Response[bytes]:
        """Takes what the authenticator answered."""
        said, visit = await json_of(request, Answered), visit_of(request)
        found = await sign_in.passkey(said.ticket, said.response, visit.visitor, replacing=visit.secret)
        body = msgspec.json.encode({"to": _destination(found, local_path(said.next))})
        cookies = (
            visit.cookie(found.session.secret),
            *_forgotten(request),
            *await language_cookies(visit, found.account, kept),
        )
        return Response(body, status_code=200, media_type="application/json", cookies=cookies)

    return [ask_passkey, check_passkey]


def sign_out_page(sign_in: SignIn, oidc: OidcSignIn | None) -> HTTPRouteHandler:
    """The route of signing out."""

    @post("/sign-out")
    async def leave(request: AnyRequest) -> Response[str]:
        """Ends the session, here and with the OpenID provider."""
        visit = visit_of(request)
        ended = await sign_in.sign_out(visit.secret, visit.visitor) if visit.secret else None
        gone = (visit.no_cookie(),)
        url = await oidc.sign_out_url(ended, f"{visit.origin}/sign-in") if oidc is not None and ended else ""
        if not url:
            return leave_to("/sign-in", gone)
        # A form may not lead to another site (form-action); a page may send the browser there.
        refresh = {"refresh": f"0; url={url}"}
        return page(request, "signed_out.html", headers=refresh, cookies=gone, url=url)

    return leave


def first_start_pages(sign_in: SignIn, kept: KeptPreferences) -> list[HTTPRouteHandler]:
    """The routes of the link that is printed at the first start."""

    @get("/first-start/{secret:str}")
    async def ask_first(request: AnyRequest, secret: FromPath[str]) -> Response[str]:
        """Asks what the administrator is to be called."""
        await sign_in.check_first_start(secret)
        return page(
            request, "first_start.html", headers=NO_REFERRER, name="", full_name="", errors={}, back=request.url.path
        )

    @post("/first-start/{secret:str}")
    async def make_first(request: AnyRequest, secret: FromPath[str]) -> Response[str]:
        """Makes the first administrator."""
        said, visit = await form_of(request), visit_of(request)
        name, full_name, password = said.one("name"), said.one("full_name"), said.one("password")
        wrong, why = "again", _("The two passwords are not the same.")
        if password == said.one("again"):
            try:
                wrong = "name"
                check_name(name)
                wrong = "password"
                found = await sign_in.first_administrator(secret, NewAccount(name, full_name), password, visit.visitor)
                return await welcome(visit, found, "/", kept)
            except Invalid as error:
                why = reason(str(error))
        values = {"name": name, "full_name": full_name, "errors": {wrong: why}, "back": request.url.path}
        return page(request, "first_start.html", status=400, headers=NO_REFERRER, values=values)

    return [ask_first, make_first]


def oidc_pages(oidc: OidcSignIn | None, kept: KeptPreferences) -> list[HTTPRouteHandler]:
    """The routes of signing in with an OpenID provider; they lead nowhere where none is named."""

    def provided() -> OidcSignIn:
        if oidc is None:
            raise NotFound("this site has no OpenID provider")
        return oidc

    @get("/sign-in/oidc")
    async def go_there(request: AnyRequest) -> Response[str]:
        """Sends the browser to the provider."""
        visit, to = visit_of(request), _wanted(request)
        sent = await provided().send_away(f"{visit.origin}/sign-in/oidc/back", to)
        return leave_to(sent.url, (visit.cookie(sent.ticket, OIDC_COOKIE, _OIDC_S),))

    @get("/sign-in/oidc/back")
    async def come_back(request: AnyRequest) -> Response[str]:
        """Signs in who comes back from the provider."""
        visit, ticket = visit_of(request), cookie_of(request, OIDC_COOKIE)
        names = ("code", "state", "iss", "error")
        said = {name: request.query_params.get(name, "")[:_MOST_QUERY_CHARACTERS] for name in names}
        try:
            found = await provided().take_back(ticket, Returned(**said), visit.visitor, replacing=visit.secret)
        except (Refused, PeerFailed) as error:
            why, gone = reason(str(error)), (visit.no_cookie(OIDC_COOKIE),)
            return page(request, "not_signed_in.html", status=status_of(error), cookies=gone, why=why)
        over = (visit.no_cookie(OIDC_COOKIE), *_forgotten(request))
        return await welcome(visit, found, found.return_to or "/", kept, *over)

    @post("/sign-in/oidc/over")
    async def end_there(request: AnyRequest) -> Response[str]:
        """The provider says that somebody signed out there (OpenID Connect Back-Channel Logout 1.0)."""
        token = (await form_of(request)).one("logout_token")
        status = 200
        try:
            await provided().signed_out_there(token)
        except (Invalid, Refused):
            status = 400
        return Response("", status_code=status, media_type="text/plain", headers={"cache-control": "no-store"})

    return [go_there, come_back, end_there]


async def welcome(visit: Visit, found: SignedIn, to: str, kept: KeptPreferences, *more: Cookie) -> Response[str]:
    """Sends on somebody who has just signed in, in their language."""
    language = await language_cookies(visit, found.account, kept)
    return leave_to(_destination(found, to), (visit.cookie(found.session.secret), *more, *language))


def _wanted(request: AnyRequest) -> str:
    """Where they want to go: the path of the address, with what they had asked of it."""
    to = local_path(request.query_params.get("next", "/"))
    return returning.whole(cookie_of(request, returning.COOKIE), to)


def _forgotten(request: AnyRequest) -> tuple[Cookie, ...]:
    """Has the browser forget what was asked for before signing in."""
    kept = cookie_of(request, returning.COOKIE)
    return (visit_of(request).no_cookie(returning.COOKIE),) if kept else ()


def _destination(found: SignedIn, to: str) -> str:
    return MUST_CHANGE if found.must_change_password else to


def _too_many(error: TooManyAttempts) -> str:
    return _("Too many attempts. The next one is looked at in %(seconds)s s.", seconds=error.retry_after_s)


def _later(wait_s: int) -> dict[str, str]:
    return {"retry-after": str(wait_s)} if wait_s else {}
