"""`sagittal verify`, `reindex` and `attributes`: is everything as stored; a new index; what can be searched by."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from sagittal.archive.index.named import NamedAttribute
from sagittal.archive.reindex import Progress as ReindexProgress
from sagittal.archive.reindex import reindex as rebuild
from sagittal.archive.verify import VerifyReport
from sagittal.archive.verify import verify as read_again
from sagittal.cli.options import PIPED_WIDTH, DataOption, SettingsOption, settled
from sagittal.runtime.settings import Settings, named_attributes
from sagittal.serve import opened_archive, readable_archive


def verify(
    data: DataOption = None,
    file: SettingsOption = None,
    rate: Annotated[
        float, typer.Option(help="MB/s to read at most, so that others can work; 0: as fast as it goes.")
    ] = 0,
) -> None:
    """Reads every instance again and compares its digest; exit status 1 if one is not what was stored."""
    report = asyncio.run(_verify(settled(file, data=data), rate * 1e6))
    console = Console()
    console.print(f"{report.instances} instances in {report.packs} packs read, {report.done_bytes / 1e6:,.1f} MB")
    for uid in report.corrupt:
        console.print(f"  damaged: {uid}", style="red")
    for uid in report.intact_again:
        console.print(f"  read well again: {uid}")
    raise typer.Exit(1 if report.corrupt else 0)


async def _verify(settings: Settings, max_bytes_per_s: float) -> VerifyReport:
    async with opened_archive(settings) as archive:
        with Progress(TextColumn("{task.description}"), DownloadColumn(), console=Console(stderr=True)) as progress:
            bar = progress.add_task("reading", total=None)
            return await read_again(
                archive,
                max_bytes_per_s=max_bytes_per_s,
                progress=lambda so_far: progress.update(bar, completed=so_far.done_bytes),
            )


def attributes(data: DataOption = None, file: SettingsOption = None) -> None:
    """Shows by which attributes of `query_attributes` can be searched, and how far the index of the others is."""
    settings = settled(file, data=data)
    known = {str(one.path): one for one in asyncio.run(_named(settings))}
    named = dict.fromkeys(map(str, named_attributes(settings)))
    table = Table("attribute", "VR", "state", "instances")
    for said in dict.fromkeys((*known, *named)):
        name, _, vr = said.rpartition(":")
        one = known.get(said)
        state = (
            "is indexed by the next `sagittal serve`" if one is None else "ready" if one.is_ready else "being indexed"
        )
        table.add_row(name, vr, state, f"{one.done} of {one.of}" if one is not None else "")
    console = Console()
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    console.print(table if table.row_count else "query_attributes names none", markup=False)


async def _named(settings: Settings) -> tuple[NamedAttribute, ...]:
    async with readable_archive(settings) as archive:
        return archive.named.attributes


def reindex(
    data: DataOption = None,
    file: SettingsOption = None,
    quick: Annotated[bool, typer.Option("--quick", help="Trust sealed packs; do not check their digests.")] = False,
) -> None:
    """Builds a new index from the packs alone and puts it in the place of the old one."""
    settings = settled(file, data=data)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("reading packs", total=None)

        def shown(so_far: ReindexProgress) -> None:
            progress.update(bar, completed=so_far.done_bytes, total=so_far.all_bytes)

        report = rebuild(
            Path(settings.data), check_digests=not quick, progress=shown, attributes=named_attributes(settings)
        )
    console = Console()
    console.print(f"{report.stored} instances indexed from {report.packs} packs, {report.conflicts} kept aside")
    if report.corrupt:
        console.print(f"  {report.corrupt} are damaged: indexed, marked, and refused to readers", style="red")
    for pack, count in report.unreadable.items():
        console.print(f"  pack {pack}: {count} places that cannot be read", style="red")
    raise typer.Exit(1 if report.corrupt or report.unreadable else 0)
