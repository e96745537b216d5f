"""Who is there: every call of a room names its Actor, and what they may do comes with them.

An Actor is resolved once, at the door, by `access.porter`; rooms ask `access.permits` with it. One without grants may
do nothing.
"""

from typing import Literal, NamedTuple, get_args

import msgspec

Relation = Literal["any", "performed_here", "referred_by_me", "assigned_to_me", "shared_with_me", "linked"]
"""How somebody stands to a study: what a grant reaches."""

Action = Literal[
    "query",
    "read",
    "store",
    "change",
    "purge",
    "export",
    "send",
    "share",
    "break_glass",
    "audit",
    "manage",
    "configure",
]
"""What can be done; each call of a room is one of them."""

Role = Literal[
    "administrator",
    "radiologist",
    "technologist",
    "referring clinician",
    "researcher",
    "teacher",
    "auditor",
    "service",
]
"""What people and machines are to a facility; the policy says what each may do."""

Kind = Literal["nobody", "person", "machine", "link", "local"]
"""What kind of actor it is: nobody signed in, an account of a person, an AE title or API token, a share link, the
command line of this machine."""

ACTIONS: tuple[Action, ...] = get_args(Action)
RELATIONS: tuple[Relation, ...] = get_args(Relation)
ROLES: tuple[Role, ...] = get_args(Role)

EVERYWHERE = ("*",)
"""As `facilities`: every facility."""


SCOPE_KEY = "sagittal.actor"
"""Where the gate of the web leaves the Actor of a request in its ASGI scope."""


class Grant(NamedTuple):
    """What an Actor may do to the studies of some facilities that they stand in a relation to."""

    actions: frozenset[Action]
    relation: Relation
    facilities: tuple[str, ...]


EVERYTHING = (Grant(frozenset(ACTIONS), "any", EVERYWHERE),)
"""The grants of the command line, and of everybody where `--open` is said."""


class Actor(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """The one on whose behalf a room works.

    Attributes:
        door: where they came in: `dimse`, `dicomweb`, `cli`.
        name: calling AE title, account, or the local user; `""` when the door knows none.
        called: what they addressed us as (called AE title, host name); `""` when there is no such thing.
        address: network address without port; `""` for the local machine.
        facility: the facility whose data they send and see.
        kind: what kind of actor; `nobody` until a porter has said otherwise.
        account: number of the account in the records; 0 for none.
        roles: their roles, each once.
        grants: what they may do; empty: nothing.
        names: their own person names, folded (`dicom.person_name.fold`), by which studies are referred to them.
        link: Study and Series Instance UID that a share link opens; the series `""` for all of the study.
        session: public name of the browser session, by which it is listed and revoked; never its secret.
        broken_glass: Study Instance UIDs that they opened by breaking the glass.

    >>> Actor(door="dimse", name="CT1", called="SAGITTAL", address="192.0.2.7").facility
    'local'
    >>> Actor(door="web").grants
    ()
    """

    door: str
    name: str = ""
    called: str = ""
    address: str = ""
    facility: str = "local"
    kind: Kind = "nobody"
    account: int = 0
    roles: tuple[Role, ...] = ()
    grants: tuple[Grant, ...] = ()
    names: tuple[str, ...] = ()
    link: tuple[str, str] = ("", "")
    session: str = ""
    broken_glass: tuple[str, ...] = ()


LOCAL = Actor(door="cli", name="local", kind="local", grants=EVERYTHING)
"""The built-in actor: the person at this machine's command line, who may do everything."""
