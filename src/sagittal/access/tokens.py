"""API tokens: what scripts and machines show. They may do some of what their account may, until they expire."""

import json
from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, Row, insert, select, update

from sagittal.access import version
from sagittal.access.secrets import digest_of, is_secret, new_secret
from sagittal.archive.records.credentials import accounts, tokens
from sagittal.errors import Invalid, NotFound
from sagittal.runtime.actor import ACTIONS, EVERYWHERE, Action, Grant

PREFIX = "sgt_"
"""In front of every token, so that those who look for leaked secrets find them."""

MOST_LABEL_CHARACTERS = 100


class Token(NamedTuple):
    """A token as it is listed.

    Attributes:
        account: number of the account it acts for, and its name.
        actions: what of the account's grants it may use.
        facility: and where; `"*"` for wherever the account may.
        expires_ns: 0 for never.
        used_ns: when it was last used, to the minute; 0 for never.
        revoked_ns: 0 for one that was not revoked.
    """

    id: int
    account: int
    name: str
    label: str
    actions: tuple[Action, ...]
    facility: str
    created_by: str
    created_ns: int
    expires_ns: int
    used_ns: int
    used_address: str
    revoked_ns: int

    def is_good(self, now_ns: int) -> bool:
        """Whether it is neither revoked nor out of time."""
        return not self.revoked_ns and (not self.expires_ns or now_ns < self.expires_ns)


class NewToken(NamedTuple):
    """What a token is made of."""

    account: int
    label: str
    actions: tuple[Action, ...]
    facility: str = "*"
    expires_ns: int = 0
    created_by: str = ""


def create(connection: Connection, new: NewToken, now_ns: int) -> tuple[int, str]:
    """Makes a token; gives its number, and itself, which is shown this once.

    Raises:
        Invalid: it would be good for nothing, or is out of time already.
    """
    if not new.actions or set(new.actions) - set(ACTIONS):
        raise Invalid(f"a token is to be for some of {', '.join(ACTIONS)}")
    if not new.label.strip() or len(new.label) > MOST_LABEL_CHARACTERS:
        raise Invalid(f"a token is to have a label of 1 to {MOST_LABEL_CHARACTERS} characters, by which it is known")
    if new.expires_ns and new.expires_ns <= now_ns:
        raise Invalid("a token is to expire in the future")
    secret = new_secret()
    row = {
        "account": new.account,
        "label": new.label.strip(),
        "digest": digest_of("token", secret),
        "actions": json.dumps(new.actions),
        "facility": new.facility,
        "created_by": new.created_by,
        "created_ns": now_ns,
        "expires_ns": new.expires_ns,
    }
    (number,) = connection.execute(insert(tokens).values(row)).inserted_primary_key or (0,)
    return int(number), PREFIX + secret


def digest_of_token(token: str) -> bytes | None:
    """By what a token is looked up; None for what has not the form of one."""
    secret = token.removeprefix(PREFIX)
    return digest_of("token", secret) if token.startswith(PREFIX) and is_secret(secret) else None


def look(connection: Connection, digest: bytes) -> Token | None:
    """The token of a digest, whether or not it is still good."""
    row = connection.execute(_SELECT.where(tokens.c.digest == digest)).one_or_none()
    return None if row is None else _token(row)


def every(connection: Connection, account: int = 0) -> tuple[Token, ...]:
    """All tokens, or those of an account, the newest first."""
    statement = _SELECT.where(tokens.c.account == account) if account else _SELECT
    return tuple(map(_token, connection.execute(statement.order_by(tokens.c.id.desc())).all()))


def used(connection: Connection, number: int, address: str, now_ns: int) -> None:
    """Keeps when and from where a token was last used."""
    connection.execute(update(tokens).where(tokens.c.id == number).values(used_ns=now_ns, used_address=address))


def revoke(connection: Connection, number: int, now_ns: int, account: int = 0) -> None:
    """Makes a token void at once; of one account, where that is named. Raises NotFound."""
    its = (tokens.c.id == number) & (tokens.c.revoked_ns == 0)
    its &= tokens.c.account == account if account else tokens.c.account > 0
    if connection.execute(update(tokens).where(its).values(revoked_ns=now_ns)).rowcount != 1:
        raise NotFound(f"no token that is good has the number {number}")
    version.count_up(connection)


def narrowed(grants: Iterable[Grant], token: Token) -> tuple[Grant, ...]:
    """What is left of an account's grants for one of its tokens."""
    left = []
    for grant in grants:
        actions = grant.actions & frozenset(token.actions)
        facilities = _both(grant.facilities, token.facility)
        if actions and facilities:
            left.append(Grant(actions, grant.relation, facilities))
    return tuple(left)


def _both(facilities: tuple[str, ...], facility: str) -> tuple[str, ...]:
    if facility == "*":
        return facilities
    return (facility,) if facility in facilities or facilities == EVERYWHERE else ()


_SELECT = select(tokens, accounts.c.name).join(accounts)


def _token(row: Row[tuple[object, ...]]) -> Token:
    return Token(
        row.id,
        row.account,
        row.name,
        row.label,
        tuple(json.loads(row.actions)),
        row.facility,
        row.created_by,
        row.created_ns,
        row.expires_ns,
        row.used_ns,
        row.used_address,
        row.revoked_ns,
    )
