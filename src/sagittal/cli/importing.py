"""`sagittal import`: files, folders, ZIPs and media into the archive of this machine."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from sagittal.access.senders import known_senders
from sagittal.archive.lock import FolderInUse
from sagittal.cli.options import DataOption, SettingsOption, settled
from sagittal.ingest.importing import ImportReport, import_items
from sagittal.ingest.resume import ImportJournal
from sagittal.ingest.sources import items_of
from sagittal.lifecycle.heeding import heed
from sagittal.runtime.actor import LOCAL
from sagittal.runtime.settings import Settings
from sagittal.serve import opened_archive

MOST_REFUSALS_SHOWN = 50


def import_(
    paths: Annotated[list[Path], typer.Argument(help="Files, folders, ZIPs, or a DICOMDIR.")],
    data: DataOption = None,
    file: SettingsOption = None,
) -> None:
    """Reads DICOM files into the archive; goes on where an earlier import of the same path was broken off."""
    settings = settled(file, data=data)
    console = Console(stderr=True)
    refused = 0
    for path in paths:
        try:
            report = asyncio.run(_import(settings, path, console))
        except FolderInUse as error:
            peer = f"{settings.aet}@{settings.dicom}"
            raise FolderInUse(f"{error}; to add to what it keeps: sagittal send {peer} {path}") from error
        refused += len(report.refused)
        _tell(report, path, console)
    raise typer.Exit(1 if refused else 0)


async def _import(settings: Settings, path: Path, console: Console) -> ImportReport:
    total = await asyncio.to_thread(lambda: sum(1 for _ in items_of(path)))
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} files"),
    )
    async with opened_archive(settings) as archive:
        journal = ImportJournal(Path(settings.data) / "imports", path)
        with journal, Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console) as progress:
            bar = progress.add_task(path.name or str(path), total=total)
            report = await import_items(
                archive,
                LOCAL,
                items_of(path),
                journal,
                lambda report: progress.update(bar, completed=report.files + len(report.missing)),
                settings.operation_timeout_s,
            )
        await heed(archive, known_senders(archive.records))
        return report


def _tell(report: ImportReport, path: Path, console: Console) -> None:
    parts = [f"{report.stored} stored"]
    parts += [f"{report.duplicates} here already"] if report.duplicates else []
    parts += [f"{report.resumed} done by an earlier run"] if report.resumed else []
    parts += [f"{report.conflicts} kept aside: other bytes under the same UID are here"] if report.conflicts else []
    parts += [f"{len(report.refused)} refused"] if report.refused else []
    parts += [f"{len(report.missing)} listed by the DICOMDIR but not there"] if report.missing else []
    console.print(f"{path}: {', '.join(parts)} ({report.bytes_read / 1e6:,.1f} MB read)", markup=False, soft_wrap=True)
    for refusal in report.refused[:MOST_REFUSALS_SHOWN]:
        console.print(f"  refused {refusal.name}: {refusal.reason}", markup=False, soft_wrap=True)
    if len(report.refused) > MOST_REFUSALS_SHOWN:
        console.print(f"  and {len(report.refused) - MOST_REFUSALS_SHOWN} more")
    for name in report.missing:
        console.print(f"  missing {name}", markup=False, soft_wrap=True)
