"""`sagittal token` and `sagittal link`: what is handed out to scripts, and to people without an account."""

import asyncio
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy import Connection, select

from sagittal.access import accounts, links, tokens
from sagittal.access.links import Link, NewLink
from sagittal.access.passkeys import relying_party
from sagittal.access.passwords import hash_password
from sagittal.access.tokens import NewToken, Token
from sagittal.archive.index.schema import series, studies
from sagittal.cli.accounts import day, show
from sagittal.cli.options import DataOption, SettingsOption, settled
from sagittal.cli.passwords import said_secret
from sagittal.cli.records import change, look
from sagittal.errors import Invalid, NotFound
from sagittal.runtime.actor import ACTIONS, Action
from sagittal.runtime.settings import Settings
from sagittal.serve import readable_archive

DAY_NS = 24 * 3600 * 1_000_000_000

token = typer.Typer(name="token", help="API tokens: what scripts show.", no_args_is_help=True)
link = typer.Typer(name="link", help="Share links: a study for whoever has one.", no_args_is_help=True)


@token.command("create")
def create_token(
    name: Annotated[str, typer.Argument(help="The account it acts for.")],
    label: Annotated[str, typer.Argument(help="By which it is known.")],
    may: Annotated[list[str], typer.Option("--may", help=f"Of {', '.join(ACTIONS)}; repeat it.")],
    facility: Annotated[str, typer.Option(help="Only there; '*': wherever the account may.")] = "*",
    days: Annotated[int, typer.Option(min=0, max=36_500, help="How long it is good; 0: until it is revoked.")] = 365,
    data: DataOption = None,
    file: SettingsOption = None,
) -> None:
    """Makes an API token and prints it, this once."""
    actions = _actions(may)

    def make(connection: Connection) -> tuple[int, str]:
        now_ns = time.time_ns()
        account = accounts.find(connection, name)
        where = accounts.check_facility(connection, facility)
        expires_ns = now_ns + days * DAY_NS if days else 0
        return tokens.create(
            connection, NewToken(account.id, label, actions, where, expires_ns, created_by="local"), now_ns
        )

    detail = f"token made: {' '.join(actions)} at {facility}"
    number, shown = change(settled(file, data=data), "account changed", f"account {name}", make, detail)
    typer.echo(f"token {number}", err=True)
    typer.echo(shown)


@token.command("list")
def list_tokens(
    name: Annotated[str, typer.Option("--user", help="Of this account only.")] = "",
    data: DataOption = None,
    file: SettingsOption = None,
) -> None:
    """Shows the tokens, not themselves."""

    def read(connection: Connection) -> tuple[Token, ...]:
        return tokens.every(connection, accounts.find(connection, name).id if name else 0)

    table = Table("token", "account", "label", "may", "facility", "made", "expires", "last used", "from", "state")
    for one in look(settled(file, data=data), read):
        state = "revoked" if one.revoked_ns else "good" if one.is_good(time.time_ns()) else "expired"
        days = (day(one.created_ns), day(one.expires_ns), day(one.used_ns))
        table.add_row(
            str(one.id), one.name, one.label, " ".join(one.actions), one.facility, *days, one.used_address, state
        )
    show(table, "there is no token")


@token.command("revoke")
def revoke_token(
    number: Annotated[int, typer.Argument(help="As `sagittal token list` shows it.")],
    data: DataOption = None,
    file: SettingsOption = None,
) -> None:
    """Makes a token void, at once."""
    settings = settled(file, data=data)
    change(
        settings, "account changed", f"token {number}", lambda c: tokens.revoke(c, number, time.time_ns()), "revoked"
    )


@link.command("create")
def create_link(
    study: Annotated[str, typer.Argument(help="Study Instance UID.")],
    only_series: Annotated[str, typer.Option("--series", help="Series Instance UID: only that series.")] = "",
    days: Annotated[int, typer.Option(min=0, max=36_500, help="How long it is good; 0: until it is revoked.")] = 30,
    openings: Annotated[int, typer.Option(min=0, help="How often it is opened; 0: as often as they like.")] = 0,
    download: Annotated[bool, typer.Option("--download", help="They may take the files, too.")] = False,
    pin: Annotated[bool, typer.Option("--pin", help="Ask for a PIN, which they will be asked for.")] = False,
    pin_file: Annotated[Path | None, typer.Option(help="Read the PIN from a file; '-': standard input.")] = None,
    data: DataOption = None,
    file: SettingsOption = None,
) -> None:
    """Makes a share link and prints its address, this once."""
    settings = settled(file, data=data)
    facility = asyncio.run(_facility_of(settings, study, only_series))
    said = links.check_pin(said_secret("PIN", pin_file)) if pin or pin_file else ""
    hashed = hash_password(said) if said else ""

    def make(connection: Connection) -> tuple[int, str]:
        now_ns = time.time_ns()
        new = NewLink(
            study,
            only_series,
            facility=facility,
            allows_download=download,
            pin=hashed,
            expires_ns=now_ns + days * DAY_NS if days else 0,
            openings=openings or None,
        )
        return links.create(connection, new, now_ns)

    number, name = change(settings, "share", "link", make, "download" if download else "view", study)
    typer.echo(f"link {number}", err=True)
    typer.echo(f"{relying_party(settings).origins[0]}{links.PATH}{name}")


@link.command("list")
def list_links(
    study: Annotated[str, typer.Option(help="Study Instance UID: only links to it.")] = "",
    data: DataOption = None,
    file: SettingsOption = None,
) -> None:
    """Shows the links, not their addresses."""
    table = Table("link", "study", "series", "may", "PIN", "made", "expires", "opened", "left", "last opened", "state")
    for one in look(settled(file, data=data), lambda connection: links.every(connection, study=study)):
        left = "any" if one.openings_left is None else str(one.openings_left)
        table.add_row(
            str(one.id),
            one.study_instance_uid,
            one.series_instance_uid,
            "download" if one.allows_download else "view",
            "yes" if one.has_pin else "no",
            day(one.created_ns),
            day(one.expires_ns),
            str(one.openings),
            left,
            day(one.opened_ns),
            _state(one),
        )
    show(table, "there is no link")


@link.command("revoke")
def revoke_link(
    number: Annotated[int, typer.Argument(help="As `sagittal link list` shows it.")],
    data: DataOption = None,
    file: SettingsOption = None,
) -> None:
    """Makes a link void, at once, and what it opened."""
    settings = settled(file, data=data)
    study = look(settings, lambda connection: links.get(connection, number)).study_instance_uid

    def revoke(connection: Connection) -> None:
        links.revoke(connection, number, time.time_ns())

    change(settings, "share", f"link {number}", revoke, "revoked", study)


def _actions(said: list[str]) -> tuple[Action, ...]:
    unknown = sorted(set(said) - set(ACTIONS))
    if unknown:
        raise Invalid(f"--may is to be of {', '.join(ACTIONS)}; got {', '.join(unknown)}")
    return tuple(action for action in ACTIONS if action in said)


async def _facility_of(settings: Settings, study: str, only_series: str) -> str:
    """Whose study it is. Raises NotFound if there is none, or no such series in it."""
    statement = select(studies.c.facility).where(studies.c.study_instance_uid == study)
    if only_series:
        statement = statement.join(series).where(series.c.series_instance_uid == only_series)
    async with readable_archive(settings) as archive:
        rows = await archive.select(statement)
    if not rows:
        raise NotFound(
            "no such study is kept here" if not only_series else "no such series of such a study is kept here"
        )
    return str(rows[0].facility)


def _state(one: Link) -> str:
    return "revoked" if one.revoked_ns else "good" if one.is_good(time.time_ns()) else "over"
