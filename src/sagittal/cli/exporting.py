"""`sagittal export`: studies out of the archive, as files anyone can read."""

import asyncio
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from sagittal.archive.model import StoredInstance
from sagittal.archive.reader import ArchiveReader
from sagittal.cli.options import DataOption, SettingsOption, settled
from sagittal.cli.witnessed import witnessed_archive
from sagittal.dicom.identifiers import InstanceUID, SeriesUID, StudyUID
from sagittal.find import Level, Query, find
from sagittal.retrieve.media import export as export_media
from sagittal.retrieve.scope import Scope, locate
from sagittal.runtime.actor import LOCAL
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.settings import Settings


def export(
    target: Annotated[Path, typer.Argument(help="A new folder, or a new file ending in .zip.")],
    study: Annotated[list[str] | None, typer.Option(help="Study Instance UID; may be given several times.")] = None,
    series: Annotated[list[str] | None, typer.Option(help="Series Instance UID; may be given several times.")] = None,
    instance: Annotated[list[str] | None, typer.Option(help="SOP Instance UID; may be given several times.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything that is kept.")] = False,
    data: DataOption = None,
    file: SettingsOption = None,
) -> None:
    """Writes studies, series or instances, byte for byte as stored, with a DICOMDIR."""
    scopes = [Scope(study=StudyUID(uid)) for uid in study or ()]
    scopes += [Scope(series=SeriesUID(uid)) for uid in series or ()]
    scopes += [Scope(instance=InstanceUID(uid)) for uid in instance or ()]
    if bool(scopes) == everything:
        raise typer.BadParameter("say what to export: --study, --series, --instance or --all")
    written = asyncio.run(_export(settled(file, data=data), scopes, target))
    Console(stderr=True).print(f"{written} instances written to {target}", markup=False, soft_wrap=True)


async def _every_study(archive: ArchiveReader) -> list[Scope]:
    query = Query(level=Level.STUDY)
    studies = [msgspec.json.decode(found.text()) async for found in find(archive, LOCAL, query, Deadline.after(600))]
    return [Scope(study=StudyUID(study["0020000D"]["Value"][0])) for study in studies]


async def _export(settings: Settings, scopes: list[Scope], target: Path) -> int:
    async with witnessed_archive(settings) as archive:
        found: dict[InstanceUID, StoredInstance] = {}
        for scope in scopes or await _every_study(archive):
            deadline = Deadline.after(settings.operation_timeout_s)
            found |= {one.sop_instance_uid: one for one in await locate(archive, LOCAL, scope, deadline, "export")}
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total} instances"))
        with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
            bar = progress.add_task(target.name, total=len(found))
            await export_media(
                archive, LOCAL, tuple(found.values()), target, lambda done: progress.update(bar, completed=done)
            )
    return len(found)
