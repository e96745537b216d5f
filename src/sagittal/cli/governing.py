"""`sagittal share`, `hold`, `consent` and `glass`: decisions about single studies, beside the server that runs."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from rich.table import Table

from sagittal.access import consent as consents
from sagittal.access.consent import PURPOSES
from sagittal.access.governing import Governing
from sagittal.access.shares import NewShare
from sagittal.cli.accounts import day, show
from sagittal.cli.options import DataOption, SettingsOption, settled
from sagittal.cli.records import chronicle_of, look, opened_records
from sagittal.errors import Invalid
from sagittal.runtime.actor import LOCAL
from sagittal.runtime.settings import Settings
from sagittal.serve import readable_archive

T = TypeVar("T")

DAY_NS = 24 * 3600 * 1_000_000_000

share = typer.Typer(name="share", help="Studies given to people and facilities.", no_args_is_help=True)
hold = typer.Typer(name="hold", help="Legal holds: what is held is not purged.", no_args_is_help=True)
consent = typer.Typer(name="consent", help="What patients said to uses of their studies.", no_args_is_help=True)
glass = typer.Typer(name="glass", help="Studies that were opened in an emergency.", no_args_is_help=True)

DaysOption = Annotated[int, typer.Option(min=0, max=36_500, help="How long it holds; 0: until it is taken back.")]
StudyArgument = Annotated[str, typer.Argument(help="Study Instance UID.")]
IssuerOption = Annotated[str, typer.Option(help="Issuer of Patient ID.")]


@share.command("give")
def give(
    study: StudyArgument,
    to: Annotated[str, typer.Option(help="An account, by name.")] = "",
    to_facility: Annotated[str, typer.Option(help="A facility, by name.")] = "",
    only_series: Annotated[str, typer.Option("--series", help="Series Instance UID: only that series.")] = "",
    assigned: Annotated[bool, typer.Option("--assigned", help="To work on, not only to look at.")] = False,
    days: DaysOption = 0,
    data: DataOption = None,
    file: SettingsOption = None,
) -> None:
    """Gives a study, or one series of it, to an account or to a facility."""
    expires_ns = time.time_ns() + days * DAY_NS if days else 0
    kind = "assigned" if assigned else "shared"
    new = NewShare(kind, study, only_series, to_facility=to_facility, expires_ns=expires_ns)  # type: ignore[arg-type]  # one of the two
    number = _done(settled(file, data=data), lambda governing: governing.share(LOCAL, new, to))
    typer.echo(f"share {number}")


@share.command("list")
def list_shares(study: StudyArgument, data: DataOption = None, file: SettingsOption = None) -> None:
    """Shows all that was ever given of a study."""
    table = Table("share", "kind", "series", "to", "by", "made", "expires", "taken back")
    settings = settled(file, data=data)
    for one in _done(settings, lambda governing: governing.shares_of(LOCAL, study)):
        to = f"facility {one.to_facility}" if one.to_facility else f"account {one.to_account}"
        days = (day(one.created_ns), day(one.expires_ns), day(one.revoked_ns))
        table.add_row(str(one.id), one.kind, one.series_instance_uid, to, one.created_by, *days)
    show(table, "nothing of it was given")


@share.command("take-back")
def take_back(number: int, data: DataOption = None, file: SettingsOption = None) -> None:
    """Takes a share back, at once."""
    _done(settled(file, data=data), lambda governing: governing.take_back(LOCAL, number))


@hold.command("add")
def add_hold(
    reason: Annotated[str, typer.Argument(help="Why; it is kept.")],
    study: Annotated[str, typer.Option(help="Study Instance UID.")] = "",
    patient_id: Annotated[str, typer.Option(help="Patient ID: all of a patient.")] = "",
    issuer: IssuerOption = "",
    data: DataOption = None,
    file: SettingsOption = None,
) -> None:
    """Holds a study, or all of a patient: nothing of it is purged."""
    settings = settled(file, data=data)
    number = _done(settings, lambda governing: governing.hold(LOCAL, study, patient_id, issuer, reason))
    typer.echo(f"hold {number}")


@hold.command("list")
def list_holds(data: DataOption = None, file: SettingsOption = None) -> None:
    """Shows the holds in force."""
    table = Table("hold", "study", "patient", "issuer", "why", "by", "since")
    for one in look(settled(file, data=data), lambda connection: consents.every_hold(connection, 10_000)):
        named = (one.study_instance_uid, one.patient_id, one.issuer)
        table.add_row(str(one.id), *named, one.reason, one.created_by, day(one.created_ns))
    show(table, "nothing is held")


@hold.command("lift")
def lift_hold(number: int, data: DataOption = None, file: SettingsOption = None) -> None:
    """Ends a hold."""
    _done(settled(file, data=data), lambda governing: governing.lift(LOCAL, number))


@consent.command("record")
def record_consent(
    patient_id: Annotated[str, typer.Argument(help="Patient ID.")],
    purpose: Annotated[str, typer.Argument(help=", ".join(PURPOSES))],
    given: Annotated[bool, typer.Option("--yes/--no", help="What they said.")],
    issuer: IssuerOption = "",
    days: DaysOption = 0,
    data: DataOption = None,
    file: SettingsOption = None,
) -> None:
    """Keeps what a patient said; the last word counts."""
    said = next((one for one in PURPOSES if one == purpose), None)
    if said is None:
        raise Invalid(f"consent is to {', '.join(PURPOSES)}; got {purpose!r}")
    expires_ns = time.time_ns() + days * DAY_NS if days else 0
    _done(
        settled(file, data=data),
        lambda governing: governing.record(LOCAL, patient_id, issuer, said, is_given=given, expires_ns=expires_ns),
    )


@glass.command("list")
def list_glass(data: DataOption = None, file: SettingsOption = None) -> None:
    """Shows what waits for review."""
    table = Table("glass", "account", "study", "why", "when", "until")
    for one, name in _done(settled(file, data=data), lambda governing: governing.to_review(LOCAL)):
        table.add_row(str(one.id), name, one.study_instance_uid, one.reason, day(one.at_ns), day(one.expires_ns))
    show(table, "nothing waits for review")


@glass.command("review")
def review_glass(
    number: int,
    verdict: Annotated[str, typer.Argument(help="What was found.")],
    data: DataOption = None,
    file: SettingsOption = None,
) -> None:
    """Says what a review found; closes the study if it is still open."""
    _done(settled(file, data=data), lambda governing: governing.review(LOCAL, number, verdict))


def _done(settings: Settings, run: Callable[[Governing], Awaitable[T]]) -> T:
    async def work() -> T:
        async with readable_archive(settings) as archive, opened_records(settings) as records:
            return await run(Governing(archive, records, chronicle_of(settings)))

    return asyncio.run(work())
