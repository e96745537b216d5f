"""What people do with their own account: its second factor, passkeys, tokens, share links and sessions."""

import time
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, select

from sagittal.access import accounts, links, passkeys, sessions, throttle, tokens, totp
from sagittal.access.accounts import Account
from sagittal.access.links import Link, NewLink
from sagittal.access.passkeys import Asked, Passkey, RelyingParty
from sagittal.access.passwords import Passwords
from sagittal.access.permits import may_at, require, restriction
from sagittal.access.sealing import Seal
from sagittal.access.secrets import untold
from sagittal.access.sessions import SECOND_NS, Session
from sagittal.access.signin import WRONG_CODE
from sagittal.access.tokens import NewToken, Token
from sagittal.access.visitor import Happening, Noted, Visitor, What, not_noted
from sagittal.archive.archive import Archive
from sagittal.archive.index.schema import series, studies
from sagittal.errors import Invalid, NotFound, Refused
from sagittal.runtime.actor import ACTIONS, Action, Actor

DAY_NS = 24 * 3600 * SECOND_NS
MOST_DAYS = 3650
MOST_TOKENS = MOST_LINKS = 200
"""Of one account that are good at one time."""


class Overview(NamedTuple):
    """What there is of an account.

    Attributes:
        recovery_codes: how many of them have not been used.
        tokens, links: those that can still be used.
    """

    account: Account
    has_totp: bool
    recovery_codes: int
    passkeys: tuple[Passkey, ...]
    sessions: tuple[Session, ...]
    tokens: tuple[Token, ...]
    links: tuple[Link, ...]


@untold("secret")
class Begun(NamedTuple):
    """A second factor that waits for its first code: as people type it, and as the QR code holds it."""

    secret: str
    address: str


class WantedToken(NamedTuple):
    """A token as somebody asks for it."""

    label: str
    actions: tuple[Action, ...]
    facility: str
    days: int


@untold("pin")
class WantedLink(NamedTuple):
    """A share link as somebody asks for it: `days` and `openings` 0 for as long and as often as they like."""

    study_instance_uid: str
    series_instance_uid: str = ""
    days: int = 30
    openings: int = 0
    pin: str = ""
    allows_download: bool = False


class Own:
    """Changes of people's own accounts, each with its line in the ledger. Belongs to one event loop.

    Args:
        archive: whose records hold the accounts, and whose studies are shared.
        passwords: hashes PINs.
        party: who we are to authenticators.
        seal: opens the secrets of authenticator apps.
        noted: writes lines of the ledger.
        clock: nanoseconds since 1970-01-01 UTC.
    """

    def __init__(
        self,
        archive: Archive,
        passwords: Passwords,
        party: RelyingParty,
        seal: Seal,
        *,
        noted: Noted = not_noted,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._archive = archive
        self._records = archive.records
        self._passwords = passwords
        self._party = party
        self._seal = seal
        self._noted = noted
        self._clock = clock

    async def overview(self, account: int) -> Overview:
        """All there is of an account."""
        now_ns = self._clock()

        def read(connection: Connection) -> Overview:
            return Overview(
                accounts.get(connection, account),
                totp.is_on(connection, account),
                totp.recovery_codes_left(connection, account),
                passkeys.of_account(connection, account),
                sessions.of_account(connection, account, now_ns),
                tuple(one for one in tokens.every(connection, account) if one.is_good(now_ns)),
                tuple(one for one in links.every(connection, account=account) if one.is_in_force(now_ns)),
            )

        return await self._records.read(read)

    # Sessions

    async def end_session(self, account: int, public: str, visitor: Visitor) -> None:
        """Ends one of their sessions. Raises NotFound."""

        def write(connection: Connection) -> None:
            if not sessions.end_public(connection, account, public):
                raise NotFound("there is no such session, or not any more")
            self._note(connection, account, visitor, "session ended")

        await self._records.write(write)

    async def end_other_sessions(self, account: int, keeping: str, visitor: Visitor) -> int:
        """Ends all their sessions but the one of a secret; how many there were."""

        def write(connection: Connection) -> int:
            ended = sessions.end_all(connection, account, but=keeping)
            self._note(connection, account, visitor, f"{ended} other sessions ended")
            return ended

        return await self._records.write(write)

    # Second factor

    async def begin_totp(self, account: int) -> Begun:
        """A secret for an authenticator app; the same until it is confirmed. Refused if one is in force."""

        def write(connection: Connection) -> Begun:
            name, secret = accounts.get(connection, account).name, totp.begun(connection, account, self._seal)
            return Begun(totp.shown(secret), totp.address_of(secret, self._party.name, name))

        return await self._records.write(write)

    async def confirm_totp(self, account: int, code: str, visitor: Visitor) -> tuple[str, ...]:
        """Puts the second factor in force; gives the recovery codes. Raises Refused for a code that is not its."""

        def write(connection: Connection) -> tuple[str, ...]:
            codes = totp.confirm(connection, account, code, self._clock(), self._seal)
            self._note(connection, account, visitor, "second factor on")
            return codes

        return await self._records.write(write)

    async def remove_totp(self, account: int, code: str, visitor: Visitor) -> None:
        """Takes the second factor off, with a code of it, or a recovery code. Raises Refused and TooManyAttempts."""

        def write(connection: Connection) -> None:
            totp.remove(connection, account)
            self._note(connection, account, visitor, "second factor off")

        await self._proved(account, code, visitor)
        await self._records.write(write)

    async def renew_recovery_codes(self, account: int, code: str, visitor: Visitor) -> tuple[str, ...]:
        """New recovery codes, those before are void; asks for a code. Raises Refused and TooManyAttempts."""

        def write(connection: Connection) -> tuple[str, ...]:
            self._note(connection, account, visitor, "recovery codes made")
            return totp.renew_recovery_codes(connection, account)

        await self._proved(account, code, visitor)
        return await self._records.write(write)

    async def _proved(self, account: int, code: str, visitor: Visitor) -> None:
        """Asks for a code once more, so that nobody takes the second factor off at a desk left alone."""
        now_ns = self._clock()

        def count(connection: Connection) -> throttle.Attempt:
            name = accounts.name_key(accounts.get(connection, account).name)
            return throttle.begin(connection, name, visitor.address, now_ns)

        attempt = await self._records.write(count)

        def write(connection: Connection) -> bool:
            if totp.accept(connection, account, code, now_ns, self._seal):
                throttle.take_back(connection, attempt)
                return True
            name = accounts.get(connection, account).name
            self._noted(connection, Happening("sign-in refused", visitor, account, name, "totp"))
            return False

        if not await self._records.write(write):
            raise Refused(WRONG_CODE)

    # Passkeys

    async def begin_passkey(self, account: int) -> Asked:
        """What the browser asks its authenticator. Refused if there are as many as there may be."""
        now_ns = self._clock()
        return await self._records.write(lambda c: passkeys.begin_registration(c, self._party, account, now_ns))

    async def add_passkey(self, account: int, ticket: str, response: str, label: str, visitor: Visitor) -> None:
        """Keeps the passkey that the authenticator made. Raises Refused and Conflict."""
        now_ns = self._clock()

        def write(connection: Connection) -> None:
            passkeys.finish_registration(
                connection, self._party, ticket, response, account=account, label=label, now_ns=now_ns
            )
            self._note(connection, account, visitor, "passkey added")

        await self._records.write(write)

    async def rename_passkey(self, account: int, number: int, label: str) -> None:
        """Calls a passkey something else. Raises NotFound and Invalid."""
        await self._records.write(lambda connection: passkeys.rename(connection, account, number, label))

    async def remove_passkey(self, account: int, number: int, visitor: Visitor) -> None:
        """Forgets a passkey. Raises NotFound."""

        def write(connection: Connection) -> None:
            passkeys.remove(connection, account, number)
            self._note(connection, account, visitor, "passkey removed")

        await self._records.write(write)

    # Tokens

    async def make_token(self, actor: Actor, wanted: WantedToken, visitor: Visitor) -> str:
        """A token for some of what they may do; it is shown this once. Raises Invalid and Refused."""
        now_ns = self._clock()
        for action in wanted.actions:
            if action not in offered(actor):
                raise Invalid(f"a token cannot be for what you may not do yourself: {action[:20]}")
        expires_ns = now_ns + _days(wanted.days, least=1) * DAY_NS
        detail = f"token made: {' '.join(wanted.actions)} at {wanted.facility}"

        def write(connection: Connection) -> str:
            if sum(one.is_good(now_ns) for one in tokens.every(connection, actor.account)) >= MOST_TOKENS:
                raise Refused(f"an account has at most {MOST_TOKENS} tokens; revoke one first")
            where = accounts.check_facility(connection, wanted.facility)
            new = NewToken(actor.account, wanted.label, wanted.actions, where, expires_ns, actor.name)
            _, secret = tokens.create(connection, new, now_ns)
            self._note(connection, actor.account, visitor, detail)
            return secret

        return await self._records.write(write)

    async def revoke_token(self, account: int, number: int, visitor: Visitor) -> None:
        """Makes one of their tokens void, at once. Raises NotFound."""

        def write(connection: Connection) -> None:
            tokens.revoke(connection, number, self._clock(), account)
            self._note(connection, account, visitor, f"token {number} revoked")

        await self._records.write(write)

    # Share links

    async def make_link(self, actor: Actor, wanted: WantedLink, visitor: Visitor) -> str:
        """The name of a new share link, which is shown this once.

        Raises:
            NotFound: there is no such study or series that they may share.
            Refused: they may share nothing, or not what is to be downloaded.
            Invalid: it cannot be as it is wanted.
        """
        facility = await self._shareable(actor, wanted)
        if wanted.allows_download and not may_at(actor, "export", facility):
            raise Refused("you may not export the study, so nobody may download it by a link of yours")
        pin = await self._passwords.hash(links.check_pin(wanted.pin)) if wanted.pin else ""
        now_ns = self._clock()
        new = NewLink(
            wanted.study_instance_uid,
            wanted.series_instance_uid,
            actor.account,
            facility,
            wanted.allows_download,
            pin,
            now_ns + wanted.days * DAY_NS if _days(wanted.days) else 0,
            wanted.openings or None,
        )

        def write(connection: Connection) -> str:
            good = sum(one.is_in_force(now_ns) for one in links.every(connection, account=actor.account))
            if good >= MOST_LINKS:
                raise Refused(f"an account has at most {MOST_LINKS} links; revoke one first")
            number, name = links.create(connection, new, now_ns)
            self._note_link(connection, actor, visitor, "link made", links.get(connection, number))
            return name

        return await self._records.write(write)

    async def revoke_link(self, actor: Actor, number: int, visitor: Visitor) -> None:
        """Makes one of their links void, at once, and what it opened. Raises NotFound."""

        def write(connection: Connection) -> None:
            links.revoke(connection, number, self._clock(), actor.account)
            self._note_link(connection, actor, visitor, "link revoked", links.get(connection, number))

        await self._records.write(write)

    async def _shareable(self, actor: Actor, wanted: WantedLink) -> str:
        """Whose study it is that they may share; NotFound if there is none, or none for them."""
        require(actor, "share")
        statement = select(studies.c.facility).join(series)
        statement = statement.where(studies.c.study_instance_uid == wanted.study_instance_uid)
        if wanted.series_instance_uid:
            statement = statement.where(series.c.series_instance_uid == wanted.series_instance_uid)
        if (allowed := restriction(actor, "share", self._clock())) is not None:
            clause: ColumnElement[bool] = allowed.clause()  # type: ignore[assignment]  # text stands for a condition
            statement = statement.where(clause)
        rows = await self._archive.select(statement.limit(1))
        if not rows:
            raise NotFound("there is no such study, or no such series of it, that you may share")
        return str(rows[0].facility)

    # Ledger

    def _note(self, connection: Connection, account: int, visitor: Visitor, detail: str) -> None:
        name = accounts.get(connection, account).name
        self._noted(connection, Happening("account changed", visitor, account, name, detail=detail))

    def _note_link(self, connection: Connection, actor: Actor, visitor: Visitor, what: What, link: Link) -> None:
        detail = f"link {link.id} {'revoked' if link.revoked_ns else 'made'}"
        study = link.study_instance_uid
        told = Happening(what, visitor, actor.account, actor.name, detail=detail, study_instance_uid=study)
        self._noted(connection, told)


def offered(actor: Actor) -> tuple[Action, ...]:
    """What a token of theirs can be for."""
    allowed = frozenset(action for grant in actor.grants for action in grant.actions)
    return tuple(action for action in ACTIONS if action in allowed)


def _days(days: int, least: int = 0) -> int:
    if not least <= days <= MOST_DAYS:
        raise Invalid(f"it can be good for {least} to {MOST_DAYS} days")
    return days
