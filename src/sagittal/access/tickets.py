"""Tickets: single-use secrets that carry something from one request to the next, for a while.

They are in the records rather than in memory, so that another process of the site can take them.
"""

from typing import Literal, NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from sagittal.access.secrets import digest_of, is_secret, new_secret, untold
from sagittal.archive.records.credentials import tickets
from sagittal.errors import Refused

Kind = Literal["first administrator", "second factor", "passkey", "new passkey", "oidc"]

MOST_TICKETS = 20_000
"""Open at one time of a kind: they are given to people who have not signed in yet. The oldest make room."""
MOST_OF_ACCOUNT = 5
"""Open at one time of a kind for one account."""


@untold("content")
class Ticket(NamedTuple):
    """What was taken back. `account` is 0 for none."""

    account: int
    content: str


def issue(connection: Connection, kind: Kind, content: str, *, now_ns: int, lifetime_s: int, account: int = 0) -> str:
    """A new ticket. Those of its kind that are too many go, the oldest first: who asks without end keeps nobody out."""
    connection.execute(delete(tickets).where(tickets.c.expires_ns <= now_ns))
    _make_room(connection, MOST_TICKETS, tickets.c.kind == kind)
    if account:
        _make_room(connection, MOST_OF_ACCOUNT, tickets.c.kind == kind, tickets.c.account == account)
    secret = new_secret()
    connection.execute(
        insert(tickets).values(
            digest=digest_of("ticket", secret),
            kind=kind,
            account=account or None,
            content=content,
            expires_ns=now_ns + lifetime_s * 1_000_000_000,
        )
    )
    return secret


def take(connection: Connection, kind: Kind, secret: str, now_ns: int) -> Ticket:
    """Takes a ticket back: it is good once. Raises Refused if it is none, was taken, or is out of time."""
    statement = delete(tickets).where(*_is(kind, secret, now_ns)).returning(tickets.c.account, tickets.c.content)
    row = connection.execute(statement).one_or_none() if is_secret(secret) else None
    if row is None:
        raise Refused("this is not open any more; begin again")
    return Ticket(row.account or 0, row.content)


def look(connection: Connection, kind: Kind, secret: str, now_ns: int) -> Ticket:
    """What a ticket carries, without taking it. Raises Refused as `take` does."""
    statement = select(tickets.c.account, tickets.c.content).where(*_is(kind, secret, now_ns))
    row = connection.execute(statement).one_or_none() if is_secret(secret) else None
    if row is None:
        raise Refused("this is not open any more; begin again")
    return Ticket(row.account or 0, row.content)


def discard(connection: Connection, kind: Kind, secret: str) -> None:
    """Makes a ticket void, if there is one: what came with it was wrong, and is not tried again."""
    if is_secret(secret):
        connection.execute(
            delete(tickets).where(tickets.c.digest == digest_of("ticket", secret), tickets.c.kind == kind)
        )


def withdraw(connection: Connection, kind: Kind, account: int = 0) -> None:
    """Makes void all tickets of a kind of an account; of nobody if 0."""
    whose = tickets.c.account == account if account else tickets.c.account.is_(None)
    connection.execute(delete(tickets).where(tickets.c.kind == kind, whose))


def _make_room(connection: Connection, most: int, *which: ColumnElement[bool]) -> None:
    kept = select(tickets.c.digest).where(*which).order_by(tickets.c.expires_ns.desc()).offset(most - 1).limit(-1)
    over = kept.subquery()
    connection.execute(delete(tickets).where(tickets.c.digest.in_(select(over.c.digest))))


def _is(kind: Kind, secret: str, now_ns: int) -> tuple[ColumnElement[bool], ...]:
    digest = digest_of("ticket", secret)
    return tickets.c.digest == digest, tickets.c.kind == kind, tickets.c.expires_ns > now_ns
