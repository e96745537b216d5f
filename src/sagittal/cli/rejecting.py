"""`sagittal reject`, `restore`, `rejected`, `purge`: out of every answer, back again, what there is, gone for good."""

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from sagittal.archive.archive import Archive
from sagittal.archive.lock import FolderInUse
from sagittal.archive.purging import PurgeReport
from sagittal.cli.options import DataOption, SettingsOption, settled
from sagittal.errors import Conflict, Invalid
from sagittal.lifecycle.purging import NS_PER_DAY
from sagittal.lifecycle.purging import purge as purge_rejected
from sagittal.lifecycle.reasons import NAMES
from sagittal.lifecycle.rejecting import Rejection, rejections
from sagittal.lifecycle.rejecting import reject as reject_instances
from sagittal.lifecycle.rejecting import restore as restore_instances
from sagittal.runtime.actor import LOCAL
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.settings import Settings
from sagittal.serve import opened_archive, readable_archive

T = TypeVar("T")

_DERIVED = "metadata"
"""The folder of what the web door derives from instances, and makes again when it is asked for."""

NoteOption = Annotated[str, typer.Option(help="Words for those who look later; no names, for they stay.")]


def reject(
    study: Annotated[str | None, typer.Option(help="Study Instance UID.")] = None,
    series: Annotated[str | None, typer.Option(help="Series Instance UID.")] = None,
    instance: Annotated[str | None, typer.Option(help="SOP Instance UID.")] = None,
    reason: Annotated[str, typer.Option(help=f"Why: {', '.join(NAMES)}.")] = "quality",
    note: NoteOption = "",
    data: DataOption = None,
    file: SettingsOption = None,
) -> None:
    """Takes a study, a series or an instance out of every answer; it can be restored until it is purged."""
    settings = settled(file, data=data)

    async def run(archive: Archive) -> Rejection:
        deadline = Deadline.after(settings.operation_timeout_s)
        return await reject_instances(
            archive, LOCAL, study=study, series=series, instance=instance, reason=reason, note=note, deadline=deadline
        )

    done = asyncio.run(changed(settings, run))
    Console().print(f"rejection {done.id}: {done.instances} instances; `sagittal restore {done.id}` brings them back")


def restore(
    rejection: Annotated[int, typer.Argument(help="Its number, as `sagittal rejected` lists it.")],
    note: NoteOption = "",
    data: DataOption = None,
    file: SettingsOption = None,
) -> None:
    """Brings back what a rejection took away."""
    settings = settled(file, data=data)

    async def run(archive: Archive) -> Rejection:
        deadline = Deadline.after(settings.operation_timeout_s)
        return await restore_instances(archive, LOCAL, rejection, note=note, deadline=deadline)

    done = asyncio.run(changed(settings, run))
    left = f"; {done.restorable} stay rejected: the same was sent again" if done.restorable else ""
    Console().print(f"rejection {done.id} is undone{left}")


def rejected(
    limit: Annotated[int, typer.Option(help="How many to list.")] = 50,
    before: Annotated[int | None, typer.Option(help="Only those before this number.")] = None,
    data: DataOption = None,
    file: SettingsOption = None,
) -> None:
    """Lists what was rejected, the newest first."""
    settings = settled(file, data=data)

    async def run() -> tuple[Rejection, ...]:
        async with readable_archive(settings) as archive:
            deadline = Deadline.after(settings.operation_timeout_s)
            return await rejections(archive, LOCAL, before=before, limit=limit, deadline=deadline)

    table = Table("number", "when (UTC)", "by", "what", "instances", "restorable", "why")
    for one in asyncio.run(run()):
        what = one.sop_instance_uid or one.series_instance_uid or one.study_instance_uid
        why = f"{one.meaning}; {one.note}" if one.note else one.meaning
        table.add_row(str(one.id), _time(one.at_ns), one.actor, what, str(one.instances), str(one.restorable), why)
    Console().print(table)


def purge(
    days: Annotated[
        int | None, typer.Option(min=0, help="Rejected so many days ago or more; as purge_rejected_after_days says.")
    ] = None,
    data: DataOption = None,
    file: SettingsOption = None,
) -> None:
    """Takes from the disk, for good, what was rejected long enough ago; exit status 1 if something could not be."""
    settings = settled(file, data=data)
    wanted = settings.purge_rejected_after_days if days is None else days
    if days is None and not wanted:
        raise Invalid("say how long ago it was rejected: --days, or purge_rejected_after_days in the settings")
    before_ns = time.time_ns() - wanted * NS_PER_DAY + (0 if wanted else NS_PER_DAY)

    async def run(archive: Archive) -> PurgeReport:
        return await purge_rejected(archive, LOCAL, rejected_before_ns=before_ns)

    report = asyncio.run(changed(settings, run))
    if report.instances:
        shutil.rmtree(Path(settings.data) / _DERIVED, ignore_errors=True)
    Console().print(
        f"{report.instances} instances are gone, {report.packs} packs written anew or taken away, "
        f"{report.freed_bytes / 1e6:,.1f} MB freed"
    )
    if report.held:
        Console().print(f"{report.held} rejections stay: they are held (`sagittal hold list`)")
    if report.failed:
        Console().print(f"  {report.failed} packs could not be: the log says why; call it again", style="red")
    raise typer.Exit(1 if report.failed else 0)


async def changed(settings: Settings, run: Callable[[Archive], Awaitable[T]]) -> T:
    """What `run` gives of the archive; Conflict, with what to do instead, while another process serves it."""
    try:
        async with opened_archive(settings) as archive:
            return await run(archive)
    except FolderInUse as error:
        raise Conflict(
            f"{error}; while it serves: DELETE {{DICOMweb root}}/studies/..., POST /api/rejections/{{number}}/undo, "
            "/quarantine in a browser, and purge_rejected_after_days in its settings"
        ) from error


def _time(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S")
