"""From what the records keep to an Actor: of a session, a token, an account, a share link. Runs in their threads."""

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

import msgspec
from sqlalchemy import Connection

from sagittal.access import accounts, break_glass, links, passkeys, policy, sessions, tokens, totp
from sagittal.access.accounts import Account, Verifiable
from sagittal.access.links import Link
from sagittal.dicom.person_name import fold
from sagittal.runtime.actor import Actor, Grant
from sagittal.runtime.settings import RoleAt

NEVER_NS = 1 << 62

GrantsOf: TypeAlias = Callable[[Connection, tuple[RoleAt, ...]], tuple[Grant, ...]]
"""What the policy grants to somebody with these roles."""
BrokenGlassOf: TypeAlias = Callable[[Connection, int, int], tuple[str, ...]]
"""Study Instance UIDs that an account has opened by breaking the glass, at a time in ns."""


def _nothing(_connection: Connection, _roles: tuple[RoleAt, ...]) -> tuple[Grant, ...]:
    return ()


def _nothing_broken(_connection: Connection, _account: int, _now_ns: int) -> tuple[str, ...]:
    return ()


class Rules(NamedTuple):
    """What decides what an account may do; by default nothing is granted."""

    grants_of: GrantsOf = _nothing
    broken_glass_of: BrokenGlassOf = _nothing_broken


def _granted(connection: Connection, roles: tuple[RoleAt, ...]) -> tuple[Grant, ...]:
    return policy.grants_of(policy.rules(connection), roles)


POLICY: Final = Rules(_granted, break_glass.opened)
"""The policy that the records keep."""


class Resolved(msgspec.Struct):
    """An Actor and how long it is good. Kept by the porter, which counts its uses.

    Attributes:
        actor: without door, called and address: they are of each visit.
        until_ns: from then on it is not good any more.
        at_ns: when it was resolved.
        is_idle_counted: it ends, too, when it was not used for a while.
        seen_ns: when it was last used, as far as that is kept.
        token: number of the API token; 0 for none.
        must_change_password: before anything else.
        method: how they signed in.
        version: of `access.version`, before it was resolved.
    """

    actor: Actor
    until_ns: int
    at_ns: int
    is_idle_counted: bool = False
    seen_ns: int = 0
    token: int = 0
    must_change_password: bool = False
    method: str = ""
    version: int = 0


def session_of(connection: Connection, digest: bytes, rules: Rules, now_ns: int) -> Resolved | None:
    """Who a session is of; None if it is of nobody any more."""
    session = sessions.look(connection, digest)
    if session is None or now_ns >= session.expires_ns:
        return None
    if session.link:
        link = links.get(connection, session.link)
        actor = link_actor(link, session.public)
        found = Resolved(actor, session.expires_ns, now_ns, seen_ns=session.seen_ns, method="link")
        return found if link.is_in_force(now_ns) else None
    account = accounts.get(connection, session.account)
    person = msgspec.structs.replace(person_actor(connection, account, rules, now_ns), session=session.public)
    found = Resolved(person, session.expires_ns, now_ns, is_idle_counted=True, seen_ns=session.seen_ns)
    found.must_change_password, found.method = account.must_change_password, session.method
    return None if account.is_disabled else found


def token_of(connection: Connection, digest: bytes, rules: Rules, now_ns: int) -> Resolved | None:
    """Who an API token acts for; None if it is not good any more."""
    token = tokens.look(connection, digest)
    if token is None or not token.is_good(now_ns):
        return None
    account = accounts.get(connection, token.account)
    person = person_actor(connection, account, rules, now_ns)
    actor = msgspec.structs.replace(
        person,
        kind="machine",
        grants=tokens.narrowed(person.grants, token),
        facility=account.facility if token.facility == "*" else token.facility,
    )
    found = Resolved(actor, token.expires_ns or NEVER_NS, now_ns, seen_ns=token.used_ns, token=token.id, method="token")
    return None if account.is_disabled else found


def basic_of(connection: Connection, account: int, password: str, rules: Rules, now_ns: int) -> Resolved | None:
    """Who an account is whose password, kept as this hash, was right; None where that is not enough (any more)."""
    owner = accounts.get(connection, account)
    kept, is_enough = verifiable_alone(connection, owner.name)
    if kept.password != password or not is_enough:
        return None
    person = person_actor(connection, owner, rules, now_ns)
    return Resolved(person, NEVER_NS, now_ns, seen_ns=now_ns, method="password")


def verifiable_alone(connection: Connection, name: str) -> tuple[Verifiable, bool]:
    """What a name's password is compared with, and whether that is enough: nothing else is to be asked of them."""
    kept = accounts.verifiable(connection, name)
    has_more = totp.is_on(connection, kept.account) or bool(passkeys.of_account(connection, kept.account))
    return kept, not (has_more or kept.is_disabled or kept.must_change_password)


def person_actor(connection: Connection, account: Account, rules: Rules, now_ns: int) -> Actor:
    """The Actor of an account; without grants while its password is to be changed."""
    is_waiting = account.must_change_password or account.is_disabled
    return Actor(
        door="",
        name=account.name,
        facility=account.facility,
        kind="person",
        account=account.id,
        roles=tuple(sorted({said.role for said in account.roles})),
        grants=() if is_waiting else rules.grants_of(connection, account.roles),
        names=tuple(form for name in account.person_names if (form := fold(name))),
        broken_glass=() if is_waiting else rules.broken_glass_of(connection, account.id, now_ns),
    )


def link_actor(link: Link, session: str) -> Actor:
    """The Actor of whoever opened a share link."""
    return Actor(
        door="",
        name=f"link {link.id}",
        facility=link.facility,
        kind="link",
        grants=link.grants(),
        link=(link.study_instance_uid, link.series_instance_uid),
        session=session,
    )
