"""Accounts: the people and machines that may sign in here, and their roles at facilities."""

import json
import secrets
import unicodedata
from collections.abc import Iterable
from typing import Literal, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from sagittal.access import facilities, sessions, version
from sagittal.access.secrets import untold
from sagittal.archive.records.credentials import account_roles, accounts
from sagittal.errors import Conflict, Invalid, NotFound, Refused
from sagittal.runtime.settings import RoleAt

Source = Literal["here", "provider"]
"""Who gave a role: an administrator of this site, or the OpenID provider at the last sign-in."""

MOST_NAME_CHARACTERS = 64
_HANDLE_BYTES = 32


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account as it is kept, without its secrets.

    Attributes:
        id: its number, given once.
        name: what its owner signs in with.
        full_name: what they are called.
        person_names: DICOM person names by which studies are referred to them.
        facility: the one they belong to.
        roles: what they are to which facility.
        is_disabled: nobody signs in with it, and nothing it handed out is good.
        must_change_password: at the next sign-in, before anything else.
        has_password: whether there is one; OpenID accounts have none.
        oidc: issuer and subject of the OpenID provider; empty for a local account.
        created_ns, signed_in_ns: when; the latter 0 for never.
    """

    id: int
    name: str
    full_name: str
    person_names: tuple[str, ...]
    facility: str
    roles: tuple[RoleAt, ...]
    is_disabled: bool
    must_change_password: bool
    has_password: bool
    oidc: tuple[str, str]
    created_ns: int
    signed_in_ns: int


@untold("password")
class NewAccount(NamedTuple):
    """What an account is made of. `password` is its hash (`passwords.hash_password`), `""` for none."""

    name: str
    full_name: str = ""
    person_names: tuple[str, ...] = ()
    facility: str = "local"
    password: str = ""
    must_change_password: bool = False
    oidc: tuple[str, str] = ("", "")


def check_name(name: str) -> str:
    """The name itself, or Invalid saying what one is like."""
    is_long = not 1 <= len(name) <= MOST_NAME_CHARACTERS
    if is_long or name != name.strip() or ":" in name or not name.isprintable():
        raise Invalid(f"an account's name is to have 1 to {MOST_NAME_CHARACTERS} printable characters, no colon")
    return name


def check_facility(connection: Connection, name: str) -> str:
    """The facility itself; Invalid if there is none of the name. `*`, for every one, is one."""
    if name not in {"*", facilities.LOCAL, *(one.name for one in facilities.every(connection))}:
        raise Invalid(f"there is no facility {name!r}; `sagittal facility add` makes one")
    return name


def name_key(name: str) -> str:
    """By what names are compared: as Unicode's compatibility forms and without case.

    >>> name_key("Ｊo") == name_key("jO")
    True
    """
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name[: 2 * MOST_NAME_CHARACTERS]).casefold())


def create(connection: Connection, new: NewAccount, roles: Iterable[RoleAt], now_ns: int) -> int:
    """Makes an account and gives its number. Raises Conflict if the name is taken."""
    row = {
        "name": check_name(new.name),
        "name_key": name_key(new.name),
        "full_name": new.full_name[:256],
        "person_names": json.dumps(new.person_names, ensure_ascii=False),
        "facility": new.facility,
        "password": new.password,
        "password_ns": now_ns if new.password else 0,
        "must_change_password": int(new.must_change_password),
        "user_handle": secrets.token_bytes(_HANDLE_BYTES),
        "oidc_issuer": new.oidc[0],
        "oidc_subject": new.oidc[1],
        "created_ns": now_ns,
    }
    try:
        with connection.begin_nested():
            (number,) = connection.execute(insert(accounts).values(row)).inserted_primary_key or (0,)
    except IntegrityError as error:
        raise Conflict(f"there is an account of the name {new.name!r}") from error
    set_roles(connection, int(number), roles)
    return int(number)


def has_any(connection: Connection) -> bool:
    """Whether there is an account at all: if not, this is a first start."""
    return connection.execute(select(accounts.c.id).limit(1)).first() is not None


def get(connection: Connection, number: int) -> Account:
    """The account of a number. Raises NotFound."""
    row = connection.execute(select(accounts).where(accounts.c.id == number)).one_or_none()
    if row is None:
        raise NotFound(f"no account has the number {number}")
    return _account(row, _roles(connection, number))


def find(connection: Connection, name: str) -> Account:
    """The account of a name, for those who manage accounts. Raises NotFound."""
    row = connection.execute(select(accounts).where(accounts.c.name_key == name_key(name))).one_or_none()
    if row is None:
        raise NotFound(f"no account has the name {name!r}")
    return _account(row, _roles(connection, row.id))


def find_oidc(connection: Connection, issuer: str, subject: str) -> Account | None:
    """The account that an OpenID provider vouches for by this subject, if it was here before."""
    its = (accounts.c.oidc_issuer == issuer) & (accounts.c.oidc_subject == subject)
    row = connection.execute(select(accounts).where(its)).one_or_none() if subject else None
    return None if row is None else _account(row, _roles(connection, row.id))


def everyone(connection: Connection) -> tuple[Account, ...]:
    """All accounts, by name."""
    rows = connection.execute(select(accounts).order_by(accounts.c.name_key)).all()
    roles: dict[int, list[RoleAt]] = {}
    for said in connection.execute(select(account_roles)).all():
        roles.setdefault(said.account, []).append(RoleAt(said.role, said.facility))
    return tuple(_account(row, tuple(sorted(set(roles.get(row.id, ()))))) for row in rows)


@untold("password")
class Verifiable(NamedTuple):
    """What a password is compared with. Of nobody: all empty, and it takes as long."""

    account: int = 0
    password: str = ""
    is_disabled: bool = True
    must_change_password: bool = False
    name: str = ""


def verifiable(connection: Connection, name: str) -> Verifiable:
    """What is kept of a name's password."""
    row = connection.execute(select(accounts).where(accounts.c.name_key == name_key(name))).one_or_none()
    if row is None:
        return Verifiable()
    return Verifiable(row.id, row.password, bool(row.is_disabled), bool(row.must_change_password), row.name)


def set_password(
    connection: Connection, account: int, password: str, now_ns: int, *, must_change: bool = False, but: str = ""
) -> None:
    """Gives an account another password (its hash), and ends its sessions, all but the one of the secret `but`."""
    changed = {"password": password, "password_ns": now_ns, "must_change_password": int(must_change)}
    _change(connection, account, changed)
    sessions.end_all(connection, account, but=but)


def renew_hash(connection: Connection, account: int, before: str, after: str) -> None:
    """Keeps the same password under today's parameters, unless it was changed meanwhile."""
    same = (accounts.c.id == account) & (accounts.c.password == before)
    connection.execute(update(accounts).where(same).values(password=after))


def set_disabled(connection: Connection, account: int, is_disabled: bool) -> None:
    """Takes an account out of use, or back into it. Refused for the last administrator."""
    before = _administrators(connection)
    _change(connection, account, {"is_disabled": int(is_disabled)})
    if is_disabled:
        sessions.end_all(connection, account)
        _check_administrators(connection, before)


def describe(
    connection: Connection,
    account: int,
    *,
    full_name: str | None = None,
    person_names: Iterable[str] | None = None,
    facility: str | None = None,
) -> None:
    """Changes what is known of somebody; None leaves it."""
    changed: dict[str, object] = {}
    changed |= {} if full_name is None else {"full_name": full_name[:256]}
    changed |= {} if facility is None else {"facility": facility}
    if person_names is not None:
        changed["person_names"] = json.dumps(tuple(person_names), ensure_ascii=False)
    if changed:
        _change(connection, account, changed)


def set_roles(connection: Connection, account: int, roles: Iterable[RoleAt], source: Source = "here") -> None:
    """Gives an account these roles of a source in the place of those it had of it.

    Raises:
        Refused: an administrator would take away the last administrator.
    """
    before = _administrators(connection)
    of_source = (account_roles.c.account == account) & (account_roles.c.source == source)
    connection.execute(delete(account_roles).where(of_source))
    rows = [{"account": account, "role": r.role, "facility": r.facility, "source": source} for r in sorted(set(roles))]
    if rows:
        connection.execute(insert(account_roles), rows)
    version.count_up(connection)
    if source == "here":
        _check_administrators(connection, before)


def roles_of(connection: Connection, account: int, source: Source) -> tuple[RoleAt, ...]:
    """The roles an account has of one source."""
    of_source = (account_roles.c.account == account) & (account_roles.c.source == source)
    rows = connection.execute(select(account_roles).where(of_source)).all()
    return tuple(sorted(RoleAt(row.role, row.facility) for row in rows))


def signed_in(connection: Connection, account: int, now_ns: int) -> None:
    """Notes when somebody last signed in."""
    connection.execute(update(accounts).where(accounts.c.id == account).values(signed_in_ns=now_ns))


def _change(connection: Connection, account: int, changed: dict[str, object]) -> None:
    if connection.execute(update(accounts).where(accounts.c.id == account).values(changed)).rowcount != 1:
        raise NotFound(f"no account has the number {account}")
    version.count_up(connection)


def _check_administrators(connection: Connection, before: int) -> None:
    """Somebody has to be left who can let others in."""
    if before and not _administrators(connection):
        raise Refused("that would leave no administrator; make another one first")


def _administrators(connection: Connection) -> int:
    is_one = (account_roles.c.role == "administrator") & (account_roles.c.facility == "*")
    of_use = select(func.count()).select_from(accounts.join(account_roles)).where(is_one, accounts.c.is_disabled == 0)
    return connection.execute(of_use).scalar_one()


def _roles(connection: Connection, account: int) -> tuple[RoleAt, ...]:
    rows = connection.execute(select(account_roles).where(account_roles.c.account == account)).all()
    return tuple(sorted({RoleAt(row.role, row.facility) for row in rows}))


def _account(row: Row[tuple[object, ...]], roles: tuple[RoleAt, ...]) -> Account:
    return Account(
        id=row.id,
        name=row.name,
        full_name=row.full_name,
        person_names=tuple(json.loads(row.person_names or "[]")),
        facility=row.facility,
        roles=roles,
        is_disabled=bool(row.is_disabled),
        must_change_password=bool(row.must_change_password),
        has_password=bool(row.password),
        oidc=(row.oidc_issuer, row.oidc_subject),
        created_ns=row.created_ns,
        signed_in_ns=row.signed_in_ns,
    )
