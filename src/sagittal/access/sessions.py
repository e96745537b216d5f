"""Browser sessions: random names of 256 bits, kept as digests; made anew at each sign-in; listed and ended."""

import secrets
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from sagittal.access import version
from sagittal.access.secrets import digest_of, untold
from sagittal.archive.records.credentials import accounts, sessions

SECOND_NS = 1_000_000_000
TOUCH_NS = 60 * SECOND_NS
"""How coarsely it is kept when a session or token was last used."""
MOST_OF_ACCOUNT = 50
"""Sessions of one account; the one longest unused makes room."""


class Session(NamedTuple):
    """A session as people see it.

    Attributes:
        public: names it, and says nothing about its secret.
        account: whose it is; 0 for one that a share link opened.
        link: number of the share link; 0 for none.
        method: how they signed in: password, totp, recovery code, passkey, oidc, link.
        agent: what the browser calls itself.
        seen_ns: when it was last used, to the minute.
    """

    public: str
    account: int
    link: int
    method: str
    address: str
    agent: str
    created_ns: int
    seen_ns: int
    expires_ns: int


@untold("secret")
class Issued(NamedTuple):
    """A session that was just made. `secret` goes into the cookie and nowhere else."""

    secret: str
    public: str
    expires_ns: int


@untold("oidc_id_token")
class Opening(NamedTuple):
    """What a new session is made of."""

    account: int = 0
    link: int = 0
    method: str = ""
    address: str = ""
    agent: str = ""
    oidc_session: str = ""
    oidc_id_token: str = ""


@untold("oidc_id_token")
class Ended(NamedTuple):
    """What an ended session knew of its OpenID provider; empty where there was none."""

    account: int = 0
    public: str = ""
    oidc_id_token: str = ""


def create(connection: Connection, opening: Opening, secret: str, now_ns: int, lifetime_s: int) -> Issued:
    """Begins a session under a new secret (`secrets.new_secret`)."""
    sweep(connection, now_ns)
    if opening.account:
        _make_room(connection, opening.account)
    issued = Issued(secret, secrets.token_hex(8), now_ns + lifetime_s * SECOND_NS)
    connection.execute(
        insert(sessions).values(
            digest=digest_of("session", secret),
            public=issued.public,
            account=opening.account or None,
            link=opening.link or None,
            method=opening.method,
            address=opening.address,
            agent=opening.agent[:200],
            created_ns=now_ns,
            seen_ns=now_ns,
            expires_ns=issued.expires_ns,
            oidc_session=opening.oidc_session,
            oidc_id_token=opening.oidc_id_token,
        )
    )
    return issued


def look(connection: Connection, digest: bytes) -> Session | None:
    """The session of a digest, whether or not it is still good."""
    row = connection.execute(select(sessions).where(sessions.c.digest == digest)).one_or_none()
    return None if row is None else _session(row)


def touch(connection: Connection, digest: bytes, now_ns: int) -> None:
    """Keeps that a session was used."""
    connection.execute(update(sessions).where(sessions.c.digest == digest).values(seen_ns=now_ns))


def of_account(connection: Connection, account: int, now_ns: int) -> tuple[Session, ...]:
    """The sessions of an account that are not out of time, the newest first."""
    its = (sessions.c.account == account) & (sessions.c.expires_ns > now_ns)
    rows = connection.execute(select(sessions).where(its).order_by(sessions.c.seen_ns.desc())).all()
    return tuple(map(_session, rows))


def end(connection: Connection, secret: str) -> Ended:
    """Ends the session of a secret; nothing happens if there is none."""
    statement = delete(sessions).where(sessions.c.digest == digest_of("session", secret))
    columns = (sessions.c.account, sessions.c.public, sessions.c.oidc_id_token)
    row = connection.execute(statement.returning(*columns)).one_or_none()
    if row is None:
        return Ended()
    version.count_up(connection)
    return Ended(row.account or 0, row.public, row.oidc_id_token)


def end_public(connection: Connection, account: int, public: str) -> bool:
    """Ends a session of an account by its public name; whether there was one."""
    its = (sessions.c.account == account) & (sessions.c.public == public)
    return _end(connection, its) > 0


def end_all(connection: Connection, account: int, *, but: str = "") -> int:
    """Ends all sessions of an account, but the one of a secret; how many there were."""
    its = (sessions.c.account == account) & (sessions.c.digest != digest_of("session", but))
    return _end(connection, its)


def end_of_link(connection: Connection, link: int) -> int:
    """Ends all sessions that a share link opened."""
    return _end(connection, sessions.c.link == link)


def end_of_provider(connection: Connection, issuer: str, *, session: str = "", subject: str = "") -> int:
    """Ends what an OpenID provider says is over: one of its sessions, or all of a subject if it names no session."""
    whose = accounts.c.oidc_subject == subject if subject else accounts.c.id.is_not(None)
    ids = select(accounts.c.id).where(accounts.c.oidc_issuer == issuer, whose)
    its = sessions.c.account.in_(ids) & (sessions.c.method == "oidc")
    if session:
        its &= sessions.c.oidc_session == session
    elif not subject:
        return 0
    return _end(connection, its)


def sweep(connection: Connection, now_ns: int) -> None:
    """Lets those go that are out of time."""
    connection.execute(delete(sessions).where(sessions.c.expires_ns <= now_ns))


def _make_room(connection: Connection, account: int) -> None:
    kept = select(sessions.c.digest).where(sessions.c.account == account).order_by(sessions.c.seen_ns.desc())
    over = kept.offset(MOST_OF_ACCOUNT - 1).limit(-1).subquery()
    gone = delete(sessions).where(sessions.c.digest.in_(select(over.c.digest)))
    if connection.execute(gone).rowcount:
        version.count_up(connection)


def _end(connection: Connection, which: ColumnElement[bool]) -> int:
    ended = connection.execute(delete(sessions).where(which)).rowcount
    if ended:
        version.count_up(connection)
    return ended


def _session(row: Row[tuple[object, ...]]) -> Session:
    return Session(
        row.public,
        row.account or 0,
        row.link or 0,
        row.method,
        row.address,
        row.agent,
        row.created_ns,
        row.seen_ns,
        row.expires_ns,
    )
