"""`sagittal facility`, `device` and `role`: who shares this deployment, which machines call, what roles may do."""

import time
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from sagittal.access import devices, facilities, policy
from sagittal.cli.options import PIPED_WIDTH, DataOption, SettingsOption, settled
from sagittal.cli.records import change, look

facility = typer.Typer(
    name="facility", help="Hospitals and practices that share this deployment.", no_args_is_help=True
)
device = typer.Typer(name="device", help="Modalities and nodes that may associate.", no_args_is_help=True)
role = typer.Typer(name="role", help="The policy: what each role may do.", no_args_is_help=True)

CalledOption = Annotated[
    list[str] | None, typer.Option("--called", help="Called AE title by which an association is for it; repeat it.")
]


@facility.command("add")
def add_facility(
    name: Annotated[str, typer.Argument(help="Short, of a-z, 0-9, '.', '-' and '_'.")],
    title: Annotated[str, typer.Option(help="As people call it.")] = "",
    called: CalledOption = None,
    data: DataOption = None,
    file: SettingsOption = None,
) -> None:
    """Makes a facility."""
    change(
        settled(file, data=data),
        "network changed",
        f"facility {name}",
        lambda connection: facilities.add(connection, name, title, called or (), time.time_ns()),
        "made",
    )


@facility.command("change")
def change_facility(
    name: str,
    title: Annotated[str | None, typer.Option(help="As people call it.")] = None,
    called: CalledOption = None,
    data: DataOption = None,
    file: SettingsOption = None,
) -> None:
    """Changes what is given."""
    change(
        settled(file, data=data),
        "network changed",
        f"facility {name}",
        lambda connection: facilities.change(connection, name, title=title, called_aets=called),
        "changed",
    )


@facility.command("remove")
def remove_facility(name: str, data: DataOption = None, file: SettingsOption = None) -> None:
    """Takes a facility away; its studies stay."""
    change(
        settled(file, data=data),
        "network changed",
        f"facility {name}",
        lambda connection: facilities.remove(connection, name),
        "removed",
    )


@facility.command("list")
def list_facilities(data: DataOption = None, file: SettingsOption = None) -> None:
    """Shows the facilities."""
    table = Table("name", "title", "called AE titles")
    for one in look(settled(file, data=data), facilities.every):
        table.add_row(one.name, one.title, ", ".join(one.called_aets))
    _print(table, "there is no facility but local")


@device.command("add")
def add_device(
    aet: Annotated[str, typer.Argument(help="Its AE title.")],
    at: Annotated[str, typer.Option("--facility", help="The facility it belongs to.")] = facilities.LOCAL,
    as_role: Annotated[str, typer.Option("--role", help="What it is to that facility.")] = "service",
    address: Annotated[
        list[str] | None, typer.Option(help="Address or network it calls from; repeat it. None: any.")
    ] = None,
    certificate: Annotated[str, typer.Option(help="SHA-256 of its TLS certificate, hexadecimal.")] = "",
    data: DataOption = None,
    file: SettingsOption = None,
) -> None:
    """Makes a device known."""
    new = devices.NewDevice(aet, at, as_role, tuple(address or ()), certificate)
    number = change(
        settled(file, data=data),
        "network changed",
        f"device {aet}",
        lambda connection: devices.add(connection, new, "local", time.time_ns()),
        f"made for {at} as {as_role}",
    )
    typer.echo(f"device {number}")


@device.command("disable")
def disable_device(number: int, data: DataOption = None, file: SettingsOption = None) -> None:
    """Lets a device in no more."""
    _set_disabled(number, is_disabled=True, data=data, file=file)


@device.command("enable")
def enable_device(number: int, data: DataOption = None, file: SettingsOption = None) -> None:
    """Lets a device in again."""
    _set_disabled(number, is_disabled=False, data=data, file=file)


def _set_disabled(number: int, *, is_disabled: bool, data: DataOption, file: SettingsOption) -> None:
    change(
        settled(file, data=data),
        "network changed",
        f"device {number}",
        lambda connection: devices.set_disabled(connection, number, is_disabled=is_disabled),
        "disabled" if is_disabled else "enabled",
    )


@device.command("remove")
def remove_device(number: int, data: DataOption = None, file: SettingsOption = None) -> None:
    """Forgets a device; what it sent stays."""
    change(
        settled(file, data=data),
        "network changed",
        f"device {number}",
        lambda connection: devices.remove(connection, number),
        "removed",
    )


@device.command("list")
def list_devices(data: DataOption = None, file: SettingsOption = None) -> None:
    """Shows the devices."""
    table = Table("number", "AE title", "facility", "role", "from", "certificate", "")
    for one in look(settled(file, data=data), devices.every):
        where = ", ".join(one.addresses) or "any address"
        off = "disabled" if one.is_disabled else ""
        table.add_row(str(one.id), one.aet, one.facility, one.role, where, one.certificate[:16], off)
    _print(table, "no device may associate")


@role.command("list")
def list_roles(data: DataOption = None, file: SettingsOption = None) -> None:
    """Shows the policy: what each role may do to the studies in a relation to its bearer."""
    table = Table("role", "studies", "may")
    for rule in look(settled(file, data=data), policy.rules):
        table.add_row(rule.role, rule.relation.replace("_", " "), ", ".join(sorted(rule.actions)))
    _print(table, "no role may do anything")


@role.command("set")
def set_role(
    name: Annotated[str, typer.Argument(help="The role.")],
    relation: Annotated[str, typer.Argument(help="The relation, as performed_here.")],
    action: Annotated[list[str] | None, typer.Argument(help="What it may do; nothing, if none is given.")] = None,
    data: DataOption = None,
    file: SettingsOption = None,
) -> None:
    """Says what a role may do to the studies in a relation."""
    change(
        settled(file, data=data),
        "policy changed",
        f"role {name}",
        lambda connection: policy.change(connection, name, relation, action or ()),
        f"{relation}: {' '.join(action or ()) or 'nothing'}",
    )


@role.command("reset")
def reset_role(name: str, data: DataOption = None, file: SettingsOption = None) -> None:
    """Gives a role its first rules again."""
    change(
        settled(file, data=data),
        "policy changed",
        f"role {name}",
        lambda connection: policy.reset(connection, name),
        "reset",
    )


def _print(table: Table, otherwise: str) -> None:
    console = Console()
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    console.print(table if table.row_count else otherwise, markup=False)
