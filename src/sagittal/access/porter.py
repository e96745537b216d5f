"""The porter: what a visitor shows becomes an Actor, or is refused.

What was resolved once is remembered under the digest of what was shown, together with the number that counts changes of
who may do what (`access.version`). Each request reads that number from the records, in some microseconds; if anybody
changed anything, in this process or another, everything is looked up again. So a hot request costs no query, and a
revocation is in force at once.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from os import urandom
from typing import NamedTuple

import msgspec
from blake3 import blake3
from sqlalchemy import Connection

from sagittal.access import accounts, links, resolving, sessions, throttle, tokens
from sagittal.access.passwords import Passwords
from sagittal.access.remembering import MOST, Memory
from sagittal.access.resolving import Resolved, Rules
from sagittal.access.secrets import digest_of, is_secret, new_secret, untold
from sagittal.access.sessions import SECOND_NS, TOUCH_NS, Issued, Opening
from sagittal.access.visitor import Happening, Noted, Visitor, What, not_noted
from sagittal.archive.records.records import Records
from sagittal.errors import Refused
from sagittal.runtime.actor import Actor
from sagittal.runtime.settings import Settings

SIGN_IN_AGAIN = "sign in again"
NOT_GOOD = "the token is not good, or not any more"
WRONG = "the name or the password is wrong"
WRONG_PIN = "the PIN is wrong"


class Admission(NamedTuple):
    """Who a browser session is of.

    Attributes:
        actor: who may do what; without grants while the password is to be changed.
        must_change_password: before anything else.
        method: how they signed in.
        expires_ns: when they will have to sign in again at the latest.
    """

    actor: Actor
    must_change_password: bool
    method: str
    expires_ns: int


class Visit(NamedTuple):
    """Somebody who was let in; `Porter.would_again` says whether they would be let in again.

    Attributes:
        actor: who they are.
        admission: by a browser session; None by other means.
        resolved: what the porter knows them by; None of those who are to be asked each time.
    """

    actor: Actor
    admission: Admission | None = None
    resolved: Resolved | None = None


class Opened(NamedTuple):
    """A share link that was opened: its visitor from now on shows the session."""

    actor: Actor
    session: Issued


@untold("password")
class _Verified(NamedTuple):
    """A name and a password that were right, while the account keeps this hash."""

    account: int
    password: str


class Porter:
    """Resolves what visitors show. Belongs to one event loop; `close` it at the end.

    Args:
        records: where accounts and policy are kept.
        settings: how long sessions last.
        passwords: verifies them.
        rules: the policy, and what somebody opened beyond it.
        noted: writes lines of the ledger: passwords that were right or wrong, share links opened or refused.
        clock: nanoseconds since 1970-01-01 UTC.
    """

    def __init__(
        self,
        records: Records,
        settings: Settings,
        passwords: Passwords,
        *,
        rules: Rules = Rules(),  # noqa: B008  # a value
        noted: Noted = not_noted,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._records = records
        self._settings = settings
        self._passwords = passwords
        self._rules = rules
        self._noted = noted
        self._clock = clock
        self._memory = Memory(records)
        self._verified: OrderedDict[bytes, _Verified] = OrderedDict()
        self._basic_key = urandom(32)

    async def admit_session(self, secret: str, visitor: Visitor) -> Admission:
        """As `visit_by_session`, for one request."""
        found = await self._session(secret)
        return _admission(found, visitor)

    async def visit_by_session(self, secret: str, visitor: Visitor) -> Visit:
        """Who a browser session is of: a person, or whoever opened a share link.

        Args:
            secret: what the cookie holds.
            visitor: who shows it.

        Raises:
            Refused: there is no such session, it was ended, is out of time or was idle for too long.
        """
        found = await self._session(secret)
        admission = _admission(found, visitor)
        return Visit(admission.actor, admission, found)

    async def _session(self, secret: str) -> Resolved:
        if not is_secret(secret):
            raise Refused(SIGN_IN_AGAIN)
        digest = digest_of("session", secret)
        now_ns = self._clock()

        def resolve(connection: Connection) -> Resolved | None:
            return resolving.session_of(connection, digest, self._rules, now_ns)

        found = self._memory.recall(digest, now_ns) or await self._memory.look_up(digest, resolve)
        if found is None or now_ns >= found.until_ns or self._was_idle(found, now_ns):
            raise Refused(SIGN_IN_AGAIN)
        if now_ns - found.seen_ns >= TOUCH_NS:
            found.seen_ns = now_ns
            await self._records.write(lambda connection: sessions.touch(connection, digest, now_ns))
        return found

    async def admit_token(self, token: str, visitor: Visitor) -> Actor:
        """As `visit_by_token`, for one request."""
        return (await self.visit_by_token(token, visitor)).actor

    async def visit_by_token(self, token: str, visitor: Visitor) -> Visit:
        """Who an API token acts for (`Authorization: Bearer`). Raises Refused, in the same words whatever is wrong."""
        digest = tokens.digest_of_token(token)
        if digest is None:
            raise Refused(NOT_GOOD)
        now_ns = self._clock()

        def resolve(connection: Connection) -> Resolved | None:
            return resolving.token_of(connection, digest, self._rules, now_ns)

        found = self._memory.recall(digest, now_ns) or await self._memory.look_up(digest, resolve)
        if found is None or now_ns >= found.until_ns:
            raise Refused(NOT_GOOD)
        if now_ns - found.seen_ns >= TOUCH_NS:
            found.seen_ns = now_ns
            number, address = found.token, visitor.address
            await self._records.write(lambda connection: tokens.used(connection, number, address, now_ns))
        return Visit(_at(found.actor, visitor), None, found)

    def would_again(self, visit: Visit) -> bool:
        """Whether the same visitor who shows the same is the same Actor still, with nothing to be looked up or kept.

        For those who come a hundred times a second. Raises Exhausted if the records cannot be read.
        """
        found, now_ns = visit.resolved, self._clock()
        if found is None or found.must_change_password:
            return False
        is_fresh = now_ns < found.until_ns and now_ns - found.seen_ns < TOUCH_NS and not self._was_idle(found, now_ns)
        return is_fresh and self._memory.is_good(found, now_ns)

    def _was_idle(self, found: Resolved, now_ns: int) -> bool:
        return found.is_idle_counted and now_ns - found.seen_ns >= self._settings.session_idle_timeout_s * SECOND_NS

    async def admit_basic(self, name: str, password: str, visitor: Visitor) -> Actor:
        """Who a name and a password are (`Authorization: Basic`), for scripts and viewers that know nothing better.

        In the place of a password an API token of the account is taken. A password alone is not, where the account
        has a second factor or is to change its password.

        Raises:
            Refused: they are nobody's; the same, and as slow, whatever is wrong about them.
            TooManyAttempts: they are not looked at now.
        """
        if password.startswith(tokens.PREFIX):
            actor = await self.admit_token(password, visitor)
            if accounts.name_key(actor.name) != accounts.name_key(name):
                raise Refused(NOT_GOOD)
            return actor
        said = f"{accounts.name_key(name)}\0{password}".encode("utf-8", "replace")
        digest = blake3(said, key=self._basic_key).digest()
        found = self._memory.recall(digest, self._clock())
        if found is None and digest in self._verified:
            found = await self._basic(digest)
        if found is None:
            self._remember(digest, await self._verify(name, password, visitor))
            found = await self._basic(digest)
        if found is None:
            raise Refused(WRONG)
        return _at(found.actor, visitor)

    async def look_at_link(self, name: str) -> links.Link:
        """The share link of a name, without opening it. Raises NotFound if it cannot be opened."""
        return await self._records.read(lambda connection: links.find(connection, name, self._clock()))

    async def admit_link(self, name: str, pin: str, visitor: Visitor, *, replacing: str = "") -> Opened:
        """Opens a share link: counts an opening, and gives a session for what is asked next.

        Args:
            name: the random name in the link's address.
            pin: `""` where none was asked for.
            visitor: who opens it.
            replacing: secret of a session that the browser has; it is ended.

        Raises:
            NotFound: it cannot be opened, for whatever reason.
            Refused: the PIN is wrong.
            TooManyAttempts: PINs are not looked at now.
        """
        now_ns = self._clock()
        link = await self._records.read(lambda connection: links.find(connection, name, now_ns))
        attempt = await self._check_pin(link, pin, visitor) if link.has_pin else None
        secret = new_secret()

        def write(connection: Connection) -> Issued:
            if attempt is not None:
                throttle.succeeded(connection, attempt, now_ns)
            links.count_opening(connection, link.id, now_ns)
            if replacing:
                sessions.end(connection, replacing)
            self._noted(connection, _link_happening("link opened", visitor, link))
            opening = Opening(link=link.id, method="link", address=visitor.address, agent=visitor.agent)
            return sessions.create(connection, opening, secret, now_ns, self._lifetime_s(link, now_ns))

        issued = await self._records.write(write)
        return Opened(_at(resolving.link_actor(link, issued.public), visitor), issued)

    def close(self) -> None:
        """Lets the records go."""
        self._memory.close()

    def _lifetime_s(self, link: links.Link, now_ns: int) -> int:
        longest_s = self._settings.session_lifetime_s
        return min(longest_s, -(-(link.expires_ns - now_ns) // SECOND_NS)) if link.expires_ns else longest_s

    # Passwords and PINs

    def _remember(self, digest: bytes, verified: _Verified) -> None:
        self._verified[digest] = verified
        if len(self._verified) > MOST:
            self._verified.popitem(last=False)

    async def _basic(self, digest: bytes) -> Resolved | None:
        """Who was verified before; None if that is not to be believed any more."""
        verified, now_ns = self._verified[digest], self._clock()

        def resolve(connection: Connection) -> Resolved | None:
            return resolving.basic_of(connection, verified.account, verified.password, self._rules, now_ns)

        found = await self._memory.look_up(digest, resolve)
        if found is None:
            self._verified.pop(digest, None)
        return found

    async def _verify(self, name: str, password: str, visitor: Visitor) -> _Verified:
        """The account of a name and its password; raises as `admit_basic` does."""
        now_ns = self._clock()
        key = accounts.name_key(name)
        attempt = await self._records.write(lambda c: throttle.begin(c, key, visitor.address, now_ns))
        kept, is_enough = await self._records.read(lambda connection: resolving.verifiable_alone(connection, name))
        is_right = await self._passwords.verify(kept.password, password) and is_enough

        def write(connection: Connection) -> None:
            if is_right:
                throttle.succeeded(connection, attempt, now_ns)
            what: What = "signed in" if is_right else "sign-in refused"
            self._noted(connection, Happening(what, visitor, kept.account, kept.name, "password"))

        await self._records.write(write)
        if not is_right:
            raise Refused(WRONG)
        return _Verified(kept.account, kept.password)

    async def _check_pin(self, link: links.Link, pin: str, visitor: Visitor) -> throttle.Attempt:
        now_ns = self._clock()
        name = f"link {link.id}"
        attempt = await self._records.write(lambda c: throttle.begin(c, name, visitor.address, now_ns))
        kept = await self._records.read(lambda connection: links.pin_of(connection, link.id))
        if not await self._passwords.verify(kept, pin):
            refused = _link_happening("link refused", visitor, link)
            await self._records.write(lambda connection: self._noted(connection, refused))
            raise Refused(WRONG_PIN)
        return attempt


def _link_happening(what: What, visitor: Visitor, link: links.Link) -> Happening:
    return Happening(what, visitor, method="link", link=link.id, study_instance_uid=link.study_instance_uid)


def _admission(found: Resolved, visitor: Visitor) -> Admission:
    return Admission(_at(found.actor, visitor), found.must_change_password, found.method, found.until_ns)


def _at(actor: Actor, visitor: Visitor) -> Actor:
    return msgspec.structs.replace(actor, door=visitor.door, called=visitor.called, address=visitor.address)
