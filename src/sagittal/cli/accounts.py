"""`sagittal user`: accounts, made and changed beside the server that runs."""

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection

from sagittal.access import accounts, passkeys, sessions, totp
from sagittal.access.accounts import Account, NewAccount
from sagittal.audit.acts import Kind
from sagittal.cli.options import PIPED_WIDTH, DataOption, SettingsOption, settled
from sagittal.cli.passwords import PasswordFileOption, new_password
from sagittal.cli.records import change, look
from sagittal.runtime.actor import ROLES
from sagittal.runtime.settings import RoleAt, Settings, parse_role

T = TypeVar("T")

user = typer.Typer(name="user", help="The people and machines that may sign in.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="Name of the account.")]
RolesOption = Annotated[
    list[str] | None,
    typer.Option("--role", help=f"{', '.join(ROLES)}; with @FACILITY for one facility only. Repeat it."),
]
PersonNamesOption = Annotated[
    list[str] | None,
    typer.Option("--person-name", help="As DICOM has it (DOE^JO): studies are referred to them by it. Repeat it."),
]
MustChangeOption = Annotated[bool, typer.Option("--must-change", help="They choose another at the next sign-in.")]


@user.command("add")
def add(
    name: NameArgument,
    role: RolesOption = None,
    full_name: Annotated[str, typer.Option(help="What they are called.")] = "",
    person_name: PersonNamesOption = None,
    facility: Annotated[str, typer.Option(help="The facility they belong to.")] = "local",
    password_file: PasswordFileOption = None,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="For a machine that shows API tokens, or until one is set.")
    ] = False,
    must_change: MustChangeOption = False,
    data: DataOption = None,
    file: SettingsOption = None,
) -> None:
    """Makes an account; asks for its password."""
    settings = settled(file, data=data)
    roles = _roles(role)
    password = "" if no_password else new_password(accounts.check_name(name), password_file)
    new = NewAccount(name, full_name, tuple(person_name or ()), facility, password, must_change)

    def make(connection: Connection) -> int:
        _check_facilities(connection, (*roles, RoleAt("service", facility)))
        return accounts.create(connection, new, roles, time.time_ns())

    number = change(settings, "account changed", f"account {name}", make, f"made: {_said(roles) or 'no role'}")
    typer.echo(f"account {number}")


@user.command("list")
def list_(data: DataOption = None, file: SettingsOption = None) -> None:
    """Shows the accounts."""
    table = Table("name", "full name", "roles", "facility", "sign-in by", "last signed in", "state")
    for one in look(settled(file, data=data), accounts.everyone):
        way = "OpenID" if one.oidc[1] else "password" if one.has_password else "token"
        table.add_row(one.name, one.full_name, _said(one.roles), one.facility, way, day(one.signed_in_ns), _state(one))
    show(table, "there is no account; `sagittal user add NAME --role administrator` makes the first")


@user.command("show")
def show_one(name: NameArgument, data: DataOption = None, file: SettingsOption = None) -> None:
    """Shows an account, what proves it, and where it is signed in."""

    def read(connection: Connection) -> list[tuple[str, str]]:
        one = accounts.find(connection, name)
        keys = (f"{key.label} ({day(key.used_ns)})" for key in passkeys.of_account(connection, one.id))
        is_on = totp.is_on(connection, one.id)
        codes = totp.recovery_codes_left(connection, one.id)
        return [
            ("name", one.name),
            ("full name", one.full_name),
            ("person names", ", ".join(one.person_names)),
            ("facility", one.facility),
            ("roles", _said(one.roles)),
            ("state", _state(one)),
            ("OpenID", " ".join(one.oidc).strip()),
            ("second factor", f"codes, {codes} recovery codes left" if is_on else "none"),
            ("passkeys", ", ".join(keys)),
            ("last signed in", day(one.signed_in_ns)),
            *(
                (f"session {on.public}", f"{on.method}, {on.address}, {on.agent}, last used {day(on.seen_ns)}")
                for on in sessions.of_account(connection, one.id, time.time_ns())
            ),
        ]

    table = Table("what", "is", show_header=False)
    for row in look(settled(file, data=data), read):
        table.add_row(*row)
    show(table, "")


@user.command("disable")
def disable(name: NameArgument, data: DataOption = None, file: SettingsOption = None) -> None:
    """Takes an account out of use, with its sessions and tokens."""
    _change(settled(file, data=data), name, "disabled", lambda c, one: accounts.set_disabled(c, one.id, True))


@user.command("enable")
def enable(name: NameArgument, data: DataOption = None, file: SettingsOption = None) -> None:
    """Takes an account back into use."""
    _change(settled(file, data=data), name, "enabled", lambda c, one: accounts.set_disabled(c, one.id, False))


@user.command("password")
def password(
    name: NameArgument,
    password_file: PasswordFileOption = None,
    must_change: MustChangeOption = False,
    data: DataOption = None,
    file: SettingsOption = None,
) -> None:
    """Gives an account another password and ends its sessions."""
    settings = settled(file, data=data)
    look(settings, lambda connection: accounts.find(connection, name))
    hashed = new_password(name, password_file)
    _change(
        settings,
        name,
        "password changed",
        lambda c, one: accounts.set_password(c, one.id, hashed, time.time_ns(), must_change=must_change),
    )


@user.command("role")
def role(
    name: NameArgument,
    give: Annotated[list[str] | None, typer.Option(help="A role, or role@facility. Repeat it.")] = None,
    take: Annotated[list[str] | None, typer.Option(help="A role, or role@facility. Repeat it.")] = None,
    data: DataOption = None,
    file: SettingsOption = None,
) -> None:
    """Gives roles to an account, or takes them; shows those it has then."""
    settings = settled(file, data=data)
    given, taken = _roles(give), _roles(take)

    def run(connection: Connection, one: Account) -> tuple[RoleAt, ...]:
        _check_facilities(connection, given)
        held = set(accounts.roles_of(connection, one.id, "here"))
        if given or taken:
            accounts.set_roles(connection, one.id, (held | set(given)) - set(taken))
        return accounts.get(connection, one.id).roles

    if given or taken:
        said = " ".join((*(f"+{_said([one])}" for one in given), *(f"-{_said([one])}" for one in taken)))
        typer.echo(_said(_change(settings, name, said, run, "roles changed")) or "no role")
    else:
        typer.echo(_said(look(settings, lambda connection: accounts.find(connection, name)).roles) or "no role")


@user.command("describe")
def describe(
    name: NameArgument,
    full_name: Annotated[str | None, typer.Option(help="What they are called.")] = None,
    person_name: PersonNamesOption = None,
    facility: Annotated[str | None, typer.Option(help="The facility they belong to.")] = None,
    data: DataOption = None,
    file: SettingsOption = None,
) -> None:
    """Changes what is known of somebody."""

    def run(connection: Connection, one: Account) -> None:
        _check_facilities(connection, [RoleAt("service", facility)] if facility else [])
        accounts.describe(connection, one.id, full_name=full_name, person_names=person_name, facility=facility)

    _change(settled(file, data=data), name, "described", run)


@user.command("totp-reset")
def totp_reset(name: NameArgument, data: DataOption = None, file: SettingsOption = None) -> None:
    """Takes an account's second factor off, where the telephone is lost; they can set up another."""
    _change(settled(file, data=data), name, "second factor removed", lambda c, one: totp.remove(c, one.id))


@user.command("passkey-reset")
def passkey_reset(name: NameArgument, data: DataOption = None, file: SettingsOption = None) -> None:
    """Forgets all passkeys of an account."""
    _change(settled(file, data=data), name, "passkeys removed", lambda c, one: passkeys.remove(c, one.id))


@user.command("sign-out")
def sign_out(name: NameArgument, data: DataOption = None, file: SettingsOption = None) -> None:
    """Ends all sessions of an account."""
    ended = _change(settled(file, data=data), name, "signed out", lambda c, one: sessions.end_all(c, one.id))
    typer.echo(f"{ended} sessions ended")


def day(at_ns: int) -> str:
    """A time as it is shown, UTC; `""` for never."""
    return f"{datetime.fromtimestamp(at_ns // 1_000_000_000, UTC):%Y-%m-%d %H:%M}" if at_ns else ""


def show(table: Table, otherwise: str) -> None:
    """Prints a table, or a line where it is empty."""
    console = Console()
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    console.print(table if table.row_count else otherwise, markup=False)


def _change(
    settings: Settings,
    name: str,
    detail: str,
    run: Callable[[Connection, Account], T],
    kind: Kind = "account changed",
) -> T:
    def both(connection: Connection) -> T:
        return run(connection, accounts.find(connection, name))

    return change(settings, kind, f"account {name}", both, detail)


def _roles(said: Iterable[str] | None) -> tuple[RoleAt, ...]:
    return tuple(parse_role(text, "--role") for text in said or ())


def _check_facilities(connection: Connection, roles: Iterable[RoleAt]) -> None:
    for one in roles:
        accounts.check_facility(connection, one.facility)


def _said(roles: Iterable[RoleAt]) -> str:
    return ", ".join(one.role if one.facility == "*" else f"{one.role}@{one.facility}" for one in roles)


def _state(one: Account) -> str:
    return "disabled" if one.is_disabled else "to change the password" if one.must_change_password else "in use"
