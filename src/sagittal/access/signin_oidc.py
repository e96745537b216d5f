"""Signing in and out with an OpenID provider: accounts are made the first time, roles follow the groups."""

import time
from collections.abc import Callable
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from sagittal.access import accounts, oidc, sessions, tickets
from sagittal.access.accounts import MOST_NAME_CHARACTERS, NewAccount
from sagittal.access.oidc import Identity
from sagittal.access.provider import Pending, Provider, Returned
from sagittal.access.secrets import untold
from sagittal.access.sessions import Ended, Opening
from sagittal.access.signin import SignedIn, SignIn
from sagittal.access.visitor import Happening, Noted, Visitor, not_noted
from sagittal.archive.records.records import Records
from sagittal.errors import PeerFailed, Refused
from sagittal.runtime.log import get_logger
from sagittal.runtime.settings import RoleAt, Settings

log = get_logger(__name__)

PENDING_S = 600


@untold("url", "ticket")
class SentAway(NamedTuple):
    """Where the browser goes; the ticket goes into a cookie of it, so that only this browser can come back."""

    url: str
    ticket: str


class OidcSignIn:
    """Signs people in by an OpenID provider. Belongs to one event loop.

    Args:
        records: where accounts are kept.
        settings: which groups give which roles.
        provider: whom we believe.
        sign_in: begins the sessions.
        noted: writes lines of the ledger.
        clock: nanoseconds since 1970-01-01 UTC.
    """

    def __init__(
        self,
        records: Records,
        settings: Settings,
        provider: Provider,
        sign_in: SignIn,
        *,
        noted: Noted = not_noted,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._records = records
        self._settings = settings
        self._provider = provider
        self._sign_in = sign_in
        self._noted = noted
        self._clock = clock

    async def send_away(self, redirect_uri: str, return_to: str) -> SentAway:
        """Begins: where the browser signs in.

        Args:
            redirect_uri: where it comes back to; registered with the provider.
            return_to: the path here that somebody wanted to see.

        Raises:
            PeerFailed: the provider does not answer.
        """
        sent = await self._provider.send_away(redirect_uri, local_path(return_to))
        content, now_ns = msgspec.json.encode(sent.pending).decode(), self._clock()
        ticket = await self._records.write(
            lambda c: tickets.issue(c, "oidc", content, now_ns=now_ns, lifetime_s=PENDING_S)
        )
        return SentAway(sent.url, ticket)

    async def take_back(self, ticket: str, returned: Returned, visitor: Visitor, *, replacing: str = "") -> SignedIn:
        """Ends: signs in who comes back.

        Args:
            ticket: of the browser's cookie.
            returned: the query it came with.
            visitor: who comes back.
            replacing: secret of the session the browser has; it is ended.

        Raises:
            Refused: not begun here, not in time, not let in by the provider, in no group that has a role, or disabled.
            PeerFailed: the provider does not answer as it should.
        """
        now_ns = self._clock()
        taken = await self._records.write(lambda c: tickets.take(c, "oidc", ticket, now_ns))
        pending = msgspec.json.decode(taken.content, type=Pending)
        try:
            identity = await self._provider.take_back(pending, returned)
            signed_in = await self._records.write(lambda c: self._admit(c, identity, visitor, replacing))
            if signed_in is None:
                raise Refused("you are in no group that may use this site")
        except Refused:
            refused = Happening("sign-in refused", visitor, method="oidc")
            await self._records.write(lambda connection: self._noted(connection, refused))
            raise
        return signed_in._replace(return_to=pending.return_to)

    async def sign_out_url(self, ended: Ended, return_to: str) -> str:
        """Where a browser goes after its session was ended, to sign out of the provider; `""` for nowhere.

        Args:
            ended: what `SignIn.sign_out` gave.
            return_to: URL here that the provider sends it back to.
        """
        if not ended.oidc_id_token:
            return ""
        try:
            return await self._provider.sign_out_url(ended.oidc_id_token, return_to)
        except PeerFailed as error:
            log.warning("openid provider cannot be told of a sign-out", error=str(error))
            return ""

    async def signed_out_there(self, logout_token: str) -> int:
        """Ends what the provider says is over (OpenID Connect Back-Channel Logout 1.0); how many sessions that were."""
        over = await self._provider.over(logout_token)
        issuer = self._settings.oidc_issuer
        return await self._records.write(
            lambda c: sessions.end_of_provider(c, issuer, session=over.session, subject=over.subject)
        )

    def _admit(self, connection: Connection, identity: Identity, visitor: Visitor, replacing: str) -> SignedIn | None:
        now_ns = self._clock()
        issuer = self._settings.oidc_issuer
        roles = oidc.roles_of(identity.groups or (), self._settings.oidc_roles)
        known = accounts.find_oidc(connection, issuer, identity.subject)
        if known is not None and known.is_disabled:
            raise Refused("the account is disabled")
        if not roles and not (known and accounts.roles_of(connection, known.id, "here")):
            if known:  # what they were let in by before is over, too
                accounts.set_roles(connection, known.id, (), "provider")
                sessions.end_all(connection, known.id)
            return None
        number = known.id if known else self._make(connection, identity, visitor, now_ns)
        self._follow(connection, number, roles, identity, known.full_name if known else "")
        opening = Opening(
            number,
            method="oidc",
            address=visitor.address,
            agent=visitor.agent,
            oidc_session=identity.session,
            oidc_id_token=identity.id_token,
        )
        return self._sign_in.begin_session(connection, opening, visitor, now_ns, replacing=replacing)

    def _make(self, connection: Connection, identity: Identity, visitor: Visitor, now_ns: int) -> int:
        """An account for somebody who comes for the first time; never one that is there, whatever it is called."""
        new = NewAccount(_free_name(connection, identity.name), oidc=(self._settings.oidc_issuer, identity.subject))
        number = accounts.create(connection, new, (), now_ns)
        self._noted(connection, Happening("account made", visitor, number, new.name, "oidc"))
        return number

    def _follow(
        self, connection: Connection, number: int, roles: tuple[RoleAt, ...], identity: Identity, full_name: str
    ) -> None:
        """What the provider says of somebody is true here from now on; what is as it was counts as no change."""
        if accounts.roles_of(connection, number, "provider") != roles:
            accounts.set_roles(connection, number, roles, "provider")
        if identity.full_name and identity.full_name != full_name:
            accounts.describe(connection, number, full_name=identity.full_name)


def local_path(text: str) -> str:
    r"""A path of this site, or `"/"` for whatever leads elsewhere.

    >>> local_path("/studies?a=1"), local_path("//evil.example"), local_path("/\\evil.example"), local_path("https:x")
    ('/studies?a=1', '/', '/', '/')
    """
    is_local = text.startswith("/") and not text.startswith(("//", "/\\"))
    return text[:2000] if is_local and text.isprintable() and "\\" not in text else "/"


def _free_name(connection: Connection, wanted: str) -> str:
    said = "".join(letter for letter in wanted if letter.isprintable() and letter != ":").strip()
    name = said[: MOST_NAME_CHARACTERS - 8].strip() or "somebody"
    taken = {accounts.name_key(account.name) for account in accounts.everyone(connection)}
    number = 1
    free = name
    while accounts.name_key(free) in taken:
        number += 1
        free = f"{name} ({number})"
    return free
