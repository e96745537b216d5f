"""`sagittal quarantine`: what is kept aside, how it differs from what the archive has, and deciding about it."""

import asyncio
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sagittal.archive.archive import Archive
from sagittal.archive.index.aside import Aside, Kept
from sagittal.cli.options import PIPED_WIDTH, DataOption, SettingsOption, settled
from sagittal.cli.rejecting import NoteOption, changed
from sagittal.cli.witnessed import witnessed_archive
from sagittal.errors import SagittalError
from sagittal.lifecycle.deciding import Choice, Decision, decide, decisions
from sagittal.lifecycle.deciding import undo as undo_decision
from sagittal.lifecycle.quarantine import Pair, kept_aside, pair_of, verify_again
from sagittal.lifecycle.reasons import NAMES
from sagittal.retrieve.comparing import Comparison, compare
from sagittal.runtime.actor import LOCAL
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.pools import worker_pool

app = typer.Typer(
    name="quarantine",
    help="Other bytes under a UID that is taken, and what is damaged: looked at, and decided about.",
    no_args_is_help=True,
)
NumberArgument = Annotated[int, typer.Argument(help="Its number, as `sagittal quarantine list` tells it.")]


class Chosen(StrEnum):
    """What is to be done."""

    keep = "keep"
    take = "take"
    both = "both"


_CHOICES: dict[Chosen, Choice] = {Chosen.keep: "keep", Chosen.take: "take", Chosen.both: "both"}
_DONE: dict[Choice, str] = {
    "keep": "the archive's is kept, the newcomer rejected",
    "take": "the newcomer is taken, the former rejected",
    "both": "both are kept",
}


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(help="How many to list.")] = 50,
    before: Annotated[int | None, typer.Option(help="Only those before this number.")] = None,
    data: DataOption = None,
    file: SettingsOption = None,
) -> None:
    """Lists what waits, what came last first."""
    settings = settled(file, data=data)

    async def run() -> tuple[Aside, ...]:
        async with witnessed_archive(settings) as archive:
            deadline = Deadline.after(settings.operation_timeout_s)
            return await kept_aside(archive, LOCAL, before=before, limit=limit, deadline=deadline)

    table = Table("number", "why", "patient", "instance", "came (UTC)", "from", "bytes", "in the archive since (UTC)")
    for one in asyncio.run(run()):
        came = one.newcomer or one.kept
        size, since = str(came.file_length), _time(one.kept.received_ns)
        who = f"{one.patient_id} {one.patient_name}".strip()
        uid = one.kept.sop_instance_uid
        _row(table, str(one.number), one.why, who, uid, _time(came.received_ns), _from(came), size, since)
    _print(table)


@app.command()
def show(number: NumberArgument, data: DataOption = None, file: SettingsOption = None) -> None:
    """Shows what waits under a number, side by side with what the archive has."""
    settings = settled(file, data=data)

    async def run() -> tuple[Pair, Comparison | str]:
        async with witnessed_archive(settings) as archive:
            deadline = Deadline.after(settings.operation_timeout_s)
            pair = await pair_of(archive, LOCAL, number, deadline)
            if pair.kept is None or pair.newcomer is None:
                return pair, "there is nothing that it could be compared with"
            try:
                async with worker_pool() as pool:
                    return pair, await compare(archive, LOCAL, pool, pair.kept, pair.newcomer, deadline)
            except SagittalError as error:
                return pair, str(error)

    pair, compared = asyncio.run(run())
    aside, newcomer = pair.aside, pair.aside.newcomer
    table = Table("", "in the archive", "newcomer")
    for name, one, other in zip(_FACTS, _facts(aside.kept), _facts(newcomer), strict=True):
        _row(table, name, one, other)
    _print(table)
    if isinstance(compared, str):
        Console().print(compared, markup=False, soft_wrap=True)
        return
    differing = Table("attribute", "name", "VR", "in the archive", "newcomer")
    for found in compared.attributes:
        _row(differing, found.path, found.keyword, found.vr, _shown(found.one), _shown(found.other))
    _print(differing)
    more = "" if compared.is_all else "; more attributes differ than are shown"
    Console().print(f"pixels: {compared.pixels}{more}", markup=False)


@app.command("decide")
def decide_(
    number: NumberArgument,
    choice: Annotated[
        Chosen, typer.Argument(help="keep: what the archive has; take: the newcomer for it; both: under two UIDs.")
    ],
    reason: Annotated[str, typer.Option(help=f"Why the one that goes goes: {', '.join(NAMES)}.")] = "quality",
    note: NoteOption = "",
    data: DataOption = None,
    file: SettingsOption = None,
) -> None:
    """Decides about what waits under a number; it can be undone until what goes is purged."""
    settings = settled(file, data=data)

    async def run(archive: Archive) -> Decision:
        deadline = Deadline.after(settings.operation_timeout_s)
        return await decide(archive, LOCAL, number, _CHOICES[choice], reason=reason, note=note, deadline=deadline)

    made = asyncio.run(changed(settings, run))
    more = f", the newcomer as {made.new_uid}" if made.new_uid else ""
    told = f"decision {made.id}: {_DONE[made.choice]}{more}; `sagittal quarantine undo {made.id}` undoes it"
    Console().print(told, soft_wrap=True)


@app.command()
def undo(
    decision: Annotated[int, typer.Argument(help="Its number, as `sagittal quarantine history` tells it.")],
    note: NoteOption = "",
    data: DataOption = None,
    file: SettingsOption = None,
) -> None:
    """Brings back what was before a decision."""
    settings = settled(file, data=data)

    async def run(archive: Archive) -> Decision:
        deadline = Deadline.after(settings.operation_timeout_s)
        return await undo_decision(archive, LOCAL, decision, note=note, deadline=deadline)

    Console().print(f"decision {asyncio.run(changed(settings, run)).id} is undone")


@app.command()
def history(
    limit: Annotated[int, typer.Option(help="How many to list.")] = 50,
    before: Annotated[int | None, typer.Option(help="Only those before this number.")] = None,
    data: DataOption = None,
    file: SettingsOption = None,
) -> None:
    """Lists what was decided, the newest first."""
    settings = settled(file, data=data)

    async def run() -> tuple[Decision, ...]:
        async with witnessed_archive(settings) as archive:
            deadline = Deadline.after(settings.operation_timeout_s)
            return await decisions(archive, LOCAL, before=before, limit=limit, deadline=deadline)

    table = Table("number", "when (UTC)", "by", "what", "instance", "why", "undone (UTC)")
    for one in asyncio.run(run()):
        why = "; ".join(filter(None, (one.meaning, one.note)))
        undone = f"{_time(one.undone_ns)} {one.undone_by}" if one.undone_ns else ""
        what = _DONE[one.choice]
        _row(table, str(one.id), _time(one.at_ns), one.actor, what, one.sop_instance_uid, why, undone)
    _print(table)


@app.command()
def verify(number: NumberArgument, data: DataOption = None, file: SettingsOption = None) -> None:
    """Reads what is damaged once more, as after its pack was put back; exit status 1 if it still is."""
    settings = settled(file, data=data)

    async def run(archive: Archive) -> bool:
        return await verify_again(archive, LOCAL, number, Deadline.after(settings.operation_timeout_s))

    is_whole = asyncio.run(changed(settings, run))
    Console().print("it is whole" if is_whole else "it is still damaged")
    raise typer.Exit(0 if is_whole else 1)


_FACTS = ("came (UTC)", "from", "facility", "study", "series", "Transfer Syntax", "bytes", "BLAKE3", "damaged")


def _facts(kept: Kept | None) -> tuple[str, ...]:
    if kept is None:
        return ("",) * len(_FACTS)
    return (
        _time(kept.received_ns),
        _from(kept),
        kept.facility,
        kept.study_instance_uid,
        kept.series_instance_uid,
        kept.transfer_syntax_uid,
        str(kept.file_length),
        kept.digest.hex(),
        "yes" if kept.is_corrupt else "no",
    )


def _from(kept: Kept) -> str:
    return " ".join(filter(None, (f"{kept.door}:{kept.source}", kept.address)))


def _shown(value: str | None) -> str:
    return "(not there)" if value is None else value


def _row(table: Table, *cells: str) -> None:
    """Cells as they are: what came from outside neither colours a terminal nor moves its cursor."""
    table.add_row(
        *(Text("".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in cell)) for cell in cells)
    )


def _print(table: Table) -> None:
    console = Console()
    console.print(table, width=None if console.is_terminal else PIPED_WIDTH)


def _time(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S") if at_ns else ""
