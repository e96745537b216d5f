"""`/api/account`: who asks; their password, sessions, second factor and passkeys."""

from typing import Annotated

import msgspec
from litestar import delete, get, patch, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, Parameter

from sagittal.access.own import Own, offered
from sagittal.access.passkeys import MOST_LABEL_CHARACTERS
from sagittal.access.signin import SignIn
from sagittal.api.asking import AnyRequest, Id, actor_of, person_of, secret_of, time_of, visitor_of
from sagittal.runtime.actor import Action, Kind, Role

_Secret = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
_Code = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
_Label = Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_LABEL_CHARACTERS)]
_Public = Annotated[str, Parameter(max_length=64, description="`session` of the list")]


class Me(msgspec.Struct, frozen=True):
    """Who asks, as this site knows them.

    Attributes:
        kind: a person, a machine with a token, who opened a share link, or whoever is at this machine.
        name: of the account; of a share link its number.
        may: what they may do to some studies, or to the site.
    """

    kind: Kind
    name: str
    facility: str
    roles: list[Role]
    may: list[Action]


class NewPassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another password, and the one there is."""

    current: _Secret
    new: _Secret


class SessionShown(msgspec.Struct, frozen=True, kw_only=True):
    """A browser session.

    Attributes:
        session: names it, and says nothing about its secret.
        method: how they signed in.
        agent: what the browser calls itself.
        seen: when it was last used, to the minute, ISO 8601 in UTC.
        is_this: it is the one that asks.
    """

    session: str
    method: str
    address: str
    agent: str
    created: str
    seen: str
    expires: str
    is_this: bool


class Sessions(msgspec.Struct, frozen=True):
    """Browser sessions, the one last used first."""

    sessions: list[SessionShown]


class Ended(msgspec.Struct, frozen=True):
    """How many sessions were ended."""

    ended: int


class SecondFactor(msgspec.Struct, frozen=True):
    """The second factor of an account.

    Attributes:
        recovery_codes: how many of them have not been used.
    """

    is_on: bool
    recovery_codes: int


class SecondFactorBegun(msgspec.Struct, frozen=True):
    """A second factor that waits for its first code.

    Attributes:
        secret: as people type it into an authenticator app.
        address: as the QR code holds it.
    """

    secret: str
    address: str


class Code(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A code of the authenticator app, or a recovery code."""

    code: _Code


class RecoveryCodes(msgspec.Struct, frozen=True):
    """Recovery codes, shown this once; those before are void."""

    recovery_codes: list[str]


class PasskeyShown(msgspec.Struct, frozen=True):
    """A passkey.

    Attributes:
        is_backed_up: its maker keeps a copy, as on other devices.
        used: the last time, ISO 8601 in UTC; `""` for never.
    """

    id: int
    label: str
    is_backed_up: bool
    created: str
    used: str


class Passkeys(msgspec.Struct, frozen=True):
    """Passkeys, the oldest first."""

    passkeys: list[PasskeyShown]


class PasskeyBegun(msgspec.Struct, frozen=True):
    """What a browser is to ask its authenticator (Web Authentication Level 3).

    Attributes:
        ticket: comes back with the answer.
        options: PublicKeyCredentialCreationOptions as JSON.
    """

    ticket: str
    options: str


class NewPasskey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a browser's authenticator made, and what its person calls it.

    Attributes:
        response: PublicKeyCredential as JSON.
    """

    ticket: Annotated[str, msgspec.Meta(max_length=256)]
    response: Annotated[str, msgspec.Meta(max_length=48_000)]
    label: Annotated[str, msgspec.Meta(max_length=MOST_LABEL_CHARACTERS)] = ""


class PasskeyChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a passkey is called."""

    label: _Label


def own_routes(own: Own, sign_in: SignIn) -> list[HTTPRouteHandler]:
    """The routes of people's own accounts, to be mounted under `/api`."""
    return [*_session_routes(own, sign_in), *_second_factor_routes(own), *_passkey_routes(own)]


def me_routes() -> list[HTTPRouteHandler]:
    """The route that says who asks, which is there on sites without accounts, too."""

    @get("/account", sync_to_thread=False)
    def me(request: AnyRequest) -> Me:
        """Says who you are here, and what you may do."""
        actor = actor_of(request)
        return Me(actor.kind, actor.name, actor.facility, list(actor.roles), list(offered(actor)))

    return [me]


def _session_routes(own: Own, sign_in: SignIn) -> list[HTTPRouteHandler]:
    @put("/account/password", status_code=204, persons=True, faults=(429,))
    async def password(request: AnyRequest, data: JSONBody[NewPassword]) -> None:
        """Changes your password.

        Your other sessions end. Wrong passwords make the next attempt wait.
        """
        actor, visitor = person_of(request), visitor_of(request)
        await sign_in.change_password(actor.account, data.current, data.new, visitor, keeping=secret_of(request))

    @get("/account/sessions", persons=True)
    async def listed(request: AnyRequest) -> Sessions:
        """Lists your browser sessions."""
        actor = person_of(request)
        return Sessions(
            [
                SessionShown(
                    session=one.public,
                    method=one.method,
                    address=one.address,
                    agent=one.agent,
                    created=time_of(one.created_ns),
                    seen=time_of(one.seen_ns),
                    expires=time_of(one.expires_ns),
                    is_this=one.public == actor.session,
                )
                for one in (await own.overview(actor.account)).sessions
            ]
        )

    @delete("/account/sessions/{session:str}", status_code=204, persons=True)
    async def end(request: AnyRequest, session: FromPath[_Public]) -> None:
        """Ends one of your sessions."""
        await own.end_session(person_of(request).account, session, visitor_of(request))

    @delete("/account/sessions", status_code=200, persons=True)
    async def end_others(request: AnyRequest) -> Ended:
        """Ends all your sessions but the one that asks."""
        return Ended(await own.end_other_sessions(person_of(request).account, secret_of(request), visitor_of(request)))

    return [password, listed, end, end_others]


def _second_factor_routes(own: Own) -> list[HTTPRouteHandler]:
    @get("/account/totp", persons=True)
    async def state(request: AnyRequest) -> SecondFactor:
        """Says whether you have a second factor."""
        there = await own.overview(person_of(request).account)
        return SecondFactor(there.has_totp, there.recovery_codes)

    @post("/account/totp", status_code=200, persons=True)
    async def begin(request: AnyRequest) -> SecondFactorBegun:
        """Begins a second factor with an authenticator app (RFC 6238).

        It is in force once it has been confirmed by a code; until then the secret stays the same.
        """
        begun = await own.begin_totp(person_of(request).account)
        return SecondFactorBegun(begun.secret, begun.address)

    @put("/account/totp", persons=True, faults=(404,))
    async def confirm(request: AnyRequest, data: JSONBody[Code]) -> RecoveryCodes:
        """Puts the second factor in force with its first code."""
        codes = await own.confirm_totp(person_of(request).account, data.code, visitor_of(request))
        return RecoveryCodes(list(codes))

    @post("/account/totp/recovery-codes", status_code=200, persons=True, faults=(429,))
    async def renew(request: AnyRequest, data: JSONBody[Code]) -> RecoveryCodes:
        """Makes new recovery codes, with a code that you have."""
        codes = await own.renew_recovery_codes(person_of(request).account, data.code, visitor_of(request))
        return RecoveryCodes(list(codes))

    @post("/account/totp/remove", status_code=204, persons=True, faults=(429,))
    async def remove(request: AnyRequest, data: JSONBody[Code]) -> None:
        """Takes the second factor off, with a code of it."""
        await own.remove_totp(person_of(request).account, data.code, visitor_of(request))

    return [state, begin, confirm, renew, remove]


def _passkey_routes(own: Own) -> list[HTTPRouteHandler]:
    @get("/account/passkeys", persons=True)
    async def listed(request: AnyRequest) -> Passkeys:
        """Lists your passkeys."""
        found = (await own.overview(person_of(request).account)).passkeys
        return Passkeys(
            [
                PasskeyShown(one.id, one.label, one.is_backed_up, time_of(one.created_ns), time_of(one.used_ns))
                for one in found
            ]
        )

    @post("/account/passkeys/begin", status_code=200, persons=True)
    async def begin(request: AnyRequest) -> PasskeyBegun:
        """Begins a new passkey: says what the browser asks its authenticator.

        It answers under the address of this site only.
        """
        asked = await own.begin_passkey(person_of(request).account)
        return PasskeyBegun(asked.ticket, asked.options)

    @post("/account/passkeys", status_code=204, persons=True, faults=(409,))
    async def add(request: AnyRequest, data: JSONBody[NewPasskey]) -> None:
        """Keeps the passkey that an authenticator made."""
        account = person_of(request).account
        await own.add_passkey(account, data.ticket, data.response, data.label, visitor_of(request))

    @patch("/account/passkeys/{passkey:int}", status_code=204, persons=True)
    async def rename(request: AnyRequest, passkey: FromPath[Id], data: JSONBody[PasskeyChange]) -> None:
        """Calls a passkey something else."""
        await own.rename_passkey(person_of(request).account, passkey, data.label)

    @delete("/account/passkeys/{passkey:int}", status_code=204, persons=True)
    async def remove(request: AnyRequest, passkey: FromPath[Id]) -> None:
        """Forgets a passkey."""
        await own.remove_passkey(person_of(request).account, passkey, visitor_of(request))

    return [listed, begin, add, rename, remove]
