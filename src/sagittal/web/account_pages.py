"""`/account`: one's own password, second factor, passkeys, sessions, tokens and share links."""

from typing import Final, NamedTuple

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from sagittal.access.links import PATH as LINK_PATH
from sagittal.access.own import Own, WantedLink, WantedToken, offered
from sagittal.access.permits import may
from sagittal.access.signin import SignIn
from sagittal.access.throttle import TooManyAttempts
from sagittal.errors import Invalid, NotFound, Refused, SagittalError
from sagittal.runtime.actor import ACTIONS
from sagittal.web.agents import browser
from sagittal.web.forms import Form, form_of, json_of, person_of
from sagittal.web.gate import MUST_CHANGE
from sagittal.web.pages import AnyRequest, leave_to, page
from sagittal.web.problems import status_of
from sagittal.web.reasons import reason
from sagittal.web.second_factor_pages import second_factor_pages
from sagittal.web.wording import _

_HOME: Final = "/account"
_MOST_NUMBER: Final = 2**53
_DONE: Final = {
    "password": _("Your password is changed. You are signed out everywhere else."),
    "totp-off": _("The second factor is off."),
    "passkey": _("The passkey is added."),
    "renamed": _("The passkey is renamed."),
    "removed": _("The passkey is removed."),
    "session": _("The session is ended."),
    "sessions": _("All other sessions are ended."),
    "token": _("The token is revoked."),
    "link": _("The link is revoked, and what it opened is closed."),
}
_FILLED_IN: Final = {"days": "30", "openings": "", "study": "", "series": "", "label": "", "facility": "*"}


class NewPasskey(msgspec.Struct, frozen=True):
    """What a browser's authenticator made, and what its person calls it."""

    ticket: str
    response: str
    label: str = ""


class _Wrong(NamedTuple):
    """A form that was not taken: why, and what it said."""

    form: str
    error: SagittalError
    said: Form


def account_pages(own: Own, sign_in: SignIn, *, passkey_origin: str = "") -> list[HTTPRouteHandler]:
    """The routes of `/account`; authenticators answer under `passkey_origin` only."""
    home = _Home(own, passkey_origin)

    @get(_HOME)
    async def show(request: AnyRequest) -> Response[str]:
        """Shows all there is of an account."""
        return await home.answer(request, done=request.query_params.get("done", ""))

    return [
        show,
        *_token_pages(own, home),
        *_link_pages(own, home),
        *_password_pages(sign_in),
        *_session_pages(own),
        *_passkey_pages(own),
        *second_factor_pages(own),
    ]


class _Home(NamedTuple):
    """The page with all there is of an account, as it comes back from each of its forms."""

    own: Own
    passkey_origin: str

    async def answer(self, request: AnyRequest, *, done: str = "", wrong: _Wrong | None = None) -> Response[str]:
        visit = person_of(request)
        there = await self.own.overview(visit.actor.account)
        said = wrong.said if wrong else None
        asked = {name: request.query_params.get(name, "")[:64] for name in ("study", "series")}
        return page(
            request,
            "account.html",
            status=status_of(wrong.error) if wrong else 200,
            there=there,
            this=visit.actor.session,
            actions=offered(visit.actor),
            facilities=sorted({"*", *(role.facility for role in there.account.roles)}),
            may_share=may(visit.actor, "share"),
            may_export=may(visit.actor, "export"),
            origin=self.passkey_origin,
            browser=browser,
            done=_(_DONE[done]) if done in _DONE else "",
            errors={wrong.form: str(wrong.error)} if wrong else {},
            said={name: said.one(name) if said else usual for name, usual in (_FILLED_IN | asked).items()},
            is_sharing=bool(asked["study"]),
            ticked=said.many("may") if said else ("query", "read"),
        )


def _token_pages(own: Own, home: _Home) -> list[HTTPRouteHandler]:
    @post(f"{_HOME}/tokens")
    async def make(request: AnyRequest) -> Response[str]:
        """Makes a token and shows it, this once."""
        visit, said = person_of(request), await form_of(request)
        try:
            actions = tuple(action for action in ACTIONS if action in said.many("may"))
            wanted = WantedToken(said.one("label"), actions, said.one("facility") or "*", said.number("days", 365))
            secret = await own.make_token(visit.actor, wanted, visit.visitor)
        except (Invalid, Refused) as error:
            return await home.answer(request, wrong=_Wrong("token", error, said))
        return page(request, "token_made.html", secret=secret, label=wanted.label)

    @post(f"{_HOME}/tokens/{{number:int}}/revoke")
    async def revoke(request: AnyRequest, number: FromPath[int]) -> Response[str]:
        """Makes a token void."""
        visit = person_of(request)
        await own.revoke_token(visit.actor.account, _checked(number), visit.visitor)
        return _done("token")

    return [make, revoke]


def _link_pages(own: Own, home: _Home) -> list[HTTPRouteHandler]:
    @post(f"{_HOME}/links")
    async def make(request: AnyRequest) -> Response[str]:
        """Makes a share link and shows its address, this once."""
        visit, said = person_of(request), await form_of(request)
        try:
            name = await own.make_link(visit.actor, _wanted_link(said), visit.visitor)
        except (Invalid, Refused, NotFound) as error:
            return await home.answer(request, wrong=_Wrong("link", error, said))
        address = f"{visit.origin}{LINK_PATH}{name}"
        return page(request, "link_made.html", address=address, has_pin=bool(said.one("pin")))

    @post(f"{_HOME}/links/{{number:int}}/revoke")
    async def revoke(request: AnyRequest, number: FromPath[int]) -> Response[str]:
        """Makes a share link void."""
        visit = person_of(request)
        await own.revoke_link(visit.actor, _checked(number), visit.visitor)
        return _done("link")

    return [make, revoke]


def _password_pages(sign_in: SignIn) -> list[HTTPRouteHandler]:
    @get(MUST_CHANGE)
    async def ask(request: AnyRequest) -> Response[str]:
        """Asks for another password."""
        return _password_form(request, {})

    @post(MUST_CHANGE)
    async def change(request: AnyRequest) -> Response[str]:
        """Changes the password."""
        visit, said = person_of(request), await form_of(request)
        if said.one("password") != said.one("again"):
            return _password_form(request, {"again": _("The two passwords are not the same.")}, 400)
        current, new = said.one("current"), said.one("password")
        try:
            await sign_in.change_password(visit.actor.account, current, new, visit.visitor, keeping=visit.secret)
        except TooManyAttempts as error:
            return _password_form(
                request, {"current": reason(str(error))}, 429, {"retry-after": str(error.retry_after_s)}
            )
        except Refused:
            return _password_form(request, {"current": _("That is not your password.")}, 403)
        except Invalid as error:
            return _password_form(request, {"password": reason(str(error))}, 400)
        return _done("password")

    return [ask, change]


def _password_form(
    request: AnyRequest, errors: dict[str, str], status: int = 200, headers: dict[str, str] | None = None
) -> Response[str]:
    visit = person_of(request)
    is_forced = visit.admission is not None and visit.admission.must_change_password
    values = {"errors": errors, "is_forced": is_forced, "name": visit.actor.name}
    return page(request, "password.html", status=status, headers=headers, values=values)


def _session_pages(own: Own) -> list[HTTPRouteHandler]:
    @post(f"{_HOME}/sessions/{{public:str}}/end")
    async def end(request: AnyRequest, public: FromPath[str]) -> Response[str]:
        """Ends one session."""
        visit = person_of(request)
        await own.end_session(visit.actor.account, public, visit.visitor)
        return _done("session")

    @post(f"{_HOME}/sessions/end-others")
    async def end_others(request: AnyRequest) -> Response[str]:
        """Ends all other sessions."""
        visit = person_of(request)
        await own.end_other_sessions(visit.actor.account, visit.secret, visit.visitor)
        return _done("sessions")

    return [end, end_others]


def _passkey_pages(own: Own) -> list[HTTPRouteHandler]:
    @post(f"{_HOME}/passkeys/begin")
    async def begin(request: AnyRequest) -> Response[bytes]:
        """What the browser asks its authenticator to make."""
        asked = await own.begin_passkey(person_of(request).actor.account)
        return _json({"ticket": asked.ticket, "options": msgspec.Raw(asked.options.encode())})

    @post(f"{_HOME}/passkeys")
    async def add(request: AnyRequest) -> Response[bytes]:
        """Keeps the passkey that it made."""
        visit, said = person_of(request), await json_of(request, NewPasskey)
        await own.add_passkey(visit.actor.account, said.ticket, said.response, said.label, visit.visitor)
        return _json({"to": f"{_HOME}?done=passkey"})

    @post(f"{_HOME}/passkeys/{{number:int}}/rename")
    async def rename(request: AnyRequest, number: FromPath[int]) -> Response[str]:
        """Calls a passkey something else."""
        visit, said = person_of(request), await form_of(request)
        await own.rename_passkey(visit.actor.account, _checked(number), said.one("label"))
        return _done("renamed")

    @post(f"{_HOME}/passkeys/{{number:int}}/remove")
    async def remove(request: AnyRequest, number: FromPath[int]) -> Response[str]:
        """Forgets a passkey."""
        visit = person_of(request)
        await own.remove_passkey(visit.actor.account, _checked(number), visit.visitor)
        return _done("removed")

    return [begin, add, rename, remove]


def _wanted_link(said: Form) -> WantedLink:
    return WantedLink(
        said.one("study").strip(),
        said.one("series").strip(),
        said.number("days"),
        said.number("openings"),
        said.one("pin"),
        bool(said.one("download")),
    )


def _checked(number: int) -> int:
    """The number itself, or NotFound for one that nothing can have."""
    if not 0 < number <= _MOST_NUMBER:
        raise NotFound("nothing of yours has that number")
    return number


def _done(what: str) -> Response[str]:
    return leave_to(f"{_HOME}?done={what}")


def _json(said: dict[str, object]) -> Response[bytes]:
    headers = {"cache-control": "no-store"}
    return Response(msgspec.json.encode(said), status_code=200, media_type="application/json", headers=headers)
