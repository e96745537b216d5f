"""Signing in and out: a password with its second factor, or a passkey, becomes a session.

    password ──► wrong: Refused, always the same            passkey ──► SignedIn
        └─ right ──► no second factor ──► SignedIn
                 └─► second factor ──► ticket ──► code ──► SignedIn

Each step is counted against the name and the address before it is looked at (`access.throttle`).
"""

import time
from collections.abc import Callable
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from sagittal.access import accounts, first_start, passkeys, sessions, throttle, tickets, totp
from sagittal.access.accounts import NewAccount, Verifiable
from sagittal.access.passkeys import Asked, RelyingParty
from sagittal.access.passwords import Passwords, check_new, is_outdated, normalised
from sagittal.access.porter import WRONG
from sagittal.access.sealing import Seal
from sagittal.access.secrets import new_secret, untold
from sagittal.access.sessions import Ended, Issued, Opening
from sagittal.access.throttle import Attempt
from sagittal.access.visitor import Happening, Noted, Visitor, not_noted
from sagittal.archive.records.records import Records
from sagittal.errors import Invalid, Refused
from sagittal.runtime.settings import Settings

SECOND_FACTOR_S = 300
WRONG_CODE = "the code is wrong, or was used"


class SignedIn(NamedTuple):
    """Somebody who is signed in from now on.

    Attributes:
        session: its secret goes into the cookie.
        method: password, totp, recovery code, passkey or oidc.
        must_change_password: before anything else; until then they may do nothing.
        return_to: the path they wanted to see, where they were sent away for it; `""` otherwise.
    """

    account: int
    name: str
    session: Issued
    method: str
    must_change_password: bool = False
    return_to: str = ""


@untold("ticket")
class SecondFactorAsked(NamedTuple):
    """The password was right; `ticket` comes back with a code."""

    ticket: str


class _Waiting(msgspec.Struct, frozen=True):
    """Of somebody whose password was right: by what their attempts go on being counted."""

    name: str


class SignIn:
    """Signs people in. Belongs to one event loop.

    Args:
        records: where accounts are kept.
        settings: how long sessions last.
        passwords: verifies them.
        party: who we are to authenticators.
        seal: opens the secrets of authenticator apps.
        noted: writes lines of the ledger.
        clock: nanoseconds since 1970-01-01 UTC.
    """

    def __init__(
        self,
        records: Records,
        settings: Settings,
        passwords: Passwords,
        party: RelyingParty,
        seal: Seal,
        *,
        noted: Noted = not_noted,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._records = records
        self._settings = settings
        self._passwords = passwords
        self._party = party
        self._seal = seal
        self._noted = noted
        self._clock = clock

    async def password(
        self, name: str, password: str, visitor: Visitor, *, replacing: str = ""
    ) -> SignedIn | SecondFactorAsked:
        """Signs in with a name and a password.

        Args:
            name: as it was typed.
            password: as it was typed.
            visitor: who asks.
            replacing: secret of the session the browser has; it is ended, so that none survives a sign-in.

        Raises:
            Refused: not so; the same, and as slow, for a name of nobody, a wrong password and a disabled account.
            TooManyAttempts: it is not looked at now.
            Exhausted: too many are being looked at.
        """
        now_ns = self._clock()
        kept, attempt = await self._verified(name, password, visitor, now_ns)
        key = accounts.name_key(name)
        newer = await self._passwords.hash(password) if is_outdated(kept.password) else ""

        def write(connection: Connection) -> SignedIn | SecondFactorAsked:
            if newer:
                accounts.renew_hash(connection, kept.account, kept.password, newer)
            if totp.is_on(connection, kept.account):
                throttle.take_back(connection, attempt)
                return self._ask_second_factor(connection, kept, key, now_ns)
            throttle.succeeded(connection, attempt, now_ns)
            opening = Opening(kept.account, method="password", address=visitor.address, agent=visitor.agent)
            return self.begin_session(connection, opening, visitor, now_ns, replacing=replacing)

        return await self._records.write(write)

    async def second_factor(self, ticket: str, code: str, visitor: Visitor, *, replacing: str = "") -> SignedIn:
        """Signs in with the code of an authenticator app, or a recovery code, after the password.

        Raises:
            Refused: the code is wrong or was used; or the ticket is no longer good: begin again.
            TooManyAttempts: it is not looked at now; the ticket stays good.
        """
        now_ns = self._clock()

        def count(connection: Connection) -> tuple[tickets.Ticket, Attempt]:
            shown = tickets.look(connection, "second factor", ticket, now_ns)
            name = msgspec.json.decode(shown.content, type=_Waiting).name
            return shown, throttle.begin(connection, name, visitor.address, now_ns)

        shown, attempt = await self._records.write(count)

        def write(connection: Connection) -> SignedIn | None:
            before = totp.recovery_codes_left(connection, shown.account)
            account = accounts.get(connection, shown.account)
            if account.is_disabled or not totp.accept(connection, shown.account, code, now_ns, self._seal):
                refused = Happening("sign-in refused", visitor, shown.account, account.name, "totp")
                self._noted(connection, refused)
                return None
            tickets.take(connection, "second factor", ticket, now_ns)
            throttle.succeeded(connection, attempt, now_ns)
            is_recovered = totp.recovery_codes_left(connection, shown.account) < before
            method = "recovery code" if is_recovered else "totp"
            opening = Opening(shown.account, method=method, address=visitor.address, agent=visitor.agent)
            return self.begin_session(connection, opening, visitor, now_ns, replacing=replacing)

        signed_in = await self._records.write(write)
        if signed_in is None:
            raise Refused(WRONG_CODE)
        return signed_in

    async def begin_passkey(self) -> Asked:
        """What the browser asks its authenticator, whoever is there."""
        now_ns = self._clock()
        return await self._records.write(lambda c: passkeys.begin_authentication(c, self._party, now_ns))

    async def passkey(self, ticket: str, response: str, visitor: Visitor, *, replacing: str = "") -> SignedIn:
        """Signs in with what the authenticator answered (JSON of `PublicKeyCredential`).

        Raises:
            Refused: no passkey of ours answered, or not in time.
            TooManyAttempts: it is not looked at now.
        """
        now_ns = self._clock()
        attempt = await self._records.write(lambda c: throttle.begin(c, "", visitor.address, now_ns))

        def write(connection: Connection) -> SignedIn:
            account = passkeys.finish_authentication(connection, self._party, ticket, response, now_ns)
            throttle.take_back(connection, attempt)
            opening = Opening(account, method="passkey", address=visitor.address, agent=visitor.agent)
            return self.begin_session(connection, opening, visitor, now_ns, replacing=replacing)

        try:
            return await self._records.write(write)
        except Refused:

            def refuse(connection: Connection) -> None:
                tickets.discard(connection, "passkey", ticket)
                self._noted(connection, Happening("sign-in refused", visitor, method="passkey"))

            await self._records.write(refuse)
            raise

    async def change_password(self, account: int, current: str, new: str, visitor: Visitor, *, keeping: str) -> None:
        """Gives somebody who is signed in another password, and ends their other sessions.

        Args:
            account: whose.
            current: the password they have; it is asked for again, so that nobody does it at a desk left alone.
            new: what it is to be.
            visitor: who asks.
            keeping: secret of the session they do it in.

        Raises:
            Invalid: the new one is too easy to guess, or is the old one.
            Refused: the current one is wrong.
            TooManyAttempts: it is not looked at now.
        """
        now_ns = self._clock()
        name = (await self._records.read(lambda connection: accounts.get(connection, account))).name
        check_new(new, name)
        if normalised(new) == normalised(current):
            raise Invalid("the new password is the old one")
        kept, attempt = await self._verified(name, current, visitor, now_ns)
        hashed = await self._passwords.hash(new)

        def write(connection: Connection) -> None:
            throttle.succeeded(connection, attempt, now_ns)
            accounts.set_password(connection, kept.account, hashed, now_ns, but=keeping)
            self._noted(connection, Happening("password changed", visitor, kept.account, name))

        await self._records.write(write)

    async def check_first_start(self, secret: str) -> None:
        """Raises Refused unless `first_administrator` would take the secret."""
        await self._records.read(lambda connection: first_start.check(connection, secret, self._clock()))

    async def first_administrator(self, secret: str, new: NewAccount, password: str, visitor: Visitor) -> SignedIn:
        """Makes the first administrator with the link of the first start, and signs them in.

        Raises:
            Invalid: the name or the password cannot be.
            Refused: the link is not good any more.
        """
        now_ns = self._clock()
        check_new(password, accounts.check_name(new.name))
        await self._records.read(lambda connection: first_start.check(connection, secret, now_ns))
        made = new._replace(password=await self._passwords.hash(password))

        def write(connection: Connection) -> SignedIn:
            number = first_start.accept(connection, secret, made, now_ns)
            self._noted(connection, Happening("account made", visitor, number, made.name, "first start"))
            opening = Opening(number, method="password", address=visitor.address, agent=visitor.agent)
            return self.begin_session(connection, opening, visitor, now_ns)

        return await self._records.write(write)

    def begin_session(
        self, connection: Connection, opening: Opening, visitor: Visitor, now_ns: int, *, replacing: str = ""
    ) -> SignedIn:
        """Signs an account in that was proved, inside a transaction."""
        account = accounts.get(connection, opening.account)
        if replacing:
            sessions.end(connection, replacing)
        lifetime_s = self._settings.session_lifetime_s
        issued = sessions.create(connection, opening, new_secret(), now_ns, lifetime_s)
        accounts.signed_in(connection, account.id, now_ns)
        self._noted(connection, Happening("signed in", visitor, account.id, account.name, opening.method))
        must_change = account.must_change_password and opening.method != "oidc"
        return SignedIn(account.id, account.name, issued, opening.method, must_change)

    async def sign_out(self, secret: str, visitor: Visitor) -> Ended:
        """Ends the session of a secret. What it gives has the ID token of the OpenID provider, where one signed in."""

        def write(connection: Connection) -> Ended:
            ended = sessions.end(connection, secret)
            if ended.account:
                name = accounts.get(connection, ended.account).name
                self._noted(connection, Happening("signed out", visitor, ended.account, name))
            return ended

        return await self._records.write(write)

    async def _verified(self, name: str, password: str, visitor: Visitor, now_ns: int) -> tuple[Verifiable, Attempt]:
        """Whose password it is, and the attempt, which is still counted. Raises Refused and TooManyAttempts."""
        key = accounts.name_key(name)
        attempt = await self._records.write(lambda c: throttle.begin(c, key, visitor.address, now_ns))
        kept = await self._records.read(lambda connection: accounts.verifiable(connection, name))
        if not await self._passwords.verify(kept.password, password) or kept.is_disabled:
            await self._refuse(Happening("sign-in refused", visitor, kept.account, kept.name, "password"))
            raise Refused(WRONG)
        return kept, attempt

    async def _refuse(self, happening: Happening) -> None:
        await self._records.write(lambda connection: self._noted(connection, happening))

    def _ask_second_factor(self, connection: Connection, kept: Verifiable, key: str, now_ns: int) -> SecondFactorAsked:
        content = msgspec.json.encode(_Waiting(key)).decode()
        ticket = tickets.issue(
            connection, "second factor", content, now_ns=now_ns, lifetime_s=SECOND_FACTOR_S, account=kept.account
        )
        return SecondFactorAsked(ticket)
