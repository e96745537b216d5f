"""What a door knows of whoever is in front of it, and what is told of what they did."""

from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias

from sqlalchemy import Connection


class Visitor(NamedTuple):
    """Who is in front of a door, before anybody knows who it is.

    Attributes:
        door: `web`, `dicomweb`, `api`.
        called: what they addressed us as.
        address: network address without port, after trusted proxies.
        agent: what their browser calls itself.
    """

    door: str
    called: str = ""
    address: str = ""
    agent: str = ""


What = Literal[
    "signed in",
    "sign-in refused",
    "signed out",
    "password changed",
    "account made",
    "link opened",
    "link refused",
    "link made",
    "link revoked",
    "account changed",
]


class Happening(NamedTuple):
    """Something that the ledger is told, in the transaction that makes it so.

    Attributes:
        account: number of the account; 0 where there is none.
        name: of the account; `""` for a name that is nobody's: people type passwords into the wrong field.
        method: password, totp, recovery code, passkey, oidc, link.
        link: number of the share link; 0 for none.
        detail: what was changed of an account.
        study_instance_uid: that a share link is to.
    """

    what: What
    visitor: Visitor
    account: int = 0
    name: str = ""
    method: str = ""
    link: int = 0
    detail: str = ""
    study_instance_uid: str = ""


Noted: TypeAlias = Callable[[Connection, Happening], None]
"""Writes a line of the ledger inside a transaction."""


def not_noted(_connection: Connection, _happening: Happening) -> None:
    """Where there is no ledger."""
