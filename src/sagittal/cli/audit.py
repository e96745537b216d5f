"""`sagittal audit`: who did what; is the ledger whole; its lines for others."""

import asyncio
import datetime as dt
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from sagittal.audit.acts import EVENTS
from sagittal.audit.exporting import as_csv, as_messages
from sagittal.audit.keeping import ledger_key
from sagittal.audit.key import load_key
from sagittal.audit.line import Line, hash_of_patient
from sagittal.audit.message import Reporter, utc
from sagittal.audit.searching import Search, search
from sagittal.audit.verifying import Anchor, Verdict
from sagittal.audit.verifying import verify as verify_chain
from sagittal.cli.options import PIPED_WIDTH, DataOption, SettingsOption, settled
from sagittal.cli.records import chronicle_of, opened_records
from sagittal.errors import Invalid
from sagittal.runtime.actor import LOCAL
from sagittal.runtime.settings import Settings

app = typer.Typer(name="audit", help="Who did what: the ledger.", no_args_is_help=True)

AnchorOption = Annotated[
    Path | None, typer.Option("--anchor", help="What `sagittal audit anchor` once gave.", exists=True, dir_okay=False)
]


@app.command("verify")
def verify(data: DataOption = None, file: SettingsOption = None, anchor: AnchorOption = None) -> None:
    """Looks at every line; exit status 1 if one was changed, taken out, put in or moved."""
    verdict = asyncio.run(_verify(settled(file, data=data), Anchor.load(anchor) if anchor else None))
    console = Console()
    for fault in verdict.faults:
        console.print(f"  line {fault.seq}: {fault.wrong}", style="red")
    console.print(f"{verdict.lines} lines, {len(verdict.faults)} faults; the last is {verdict.head.seq}")
    raise typer.Exit(1 if verdict.faults else 0)


@app.command("anchor")
def anchor(data: DataOption = None, file: SettingsOption = None) -> None:
    """Prints the head of the chain, to be kept elsewhere; `verify --anchor` then also sees a ledger that was cut."""
    verdict = asyncio.run(_verify(settled(file, data=data), None))
    sys.stdout.buffer.write(verdict.head.encode())
    raise typer.Exit(1 if verdict.faults else 0)


@app.command("search")
def search_lines(
    data: DataOption = None,
    file: SettingsOption = None,
    patient: Annotated[str, typer.Option(help="Patient ID, with ^ISSUER where it has one.")] = "",
    study: Annotated[str, typer.Option(help="Study Instance UID.")] = "",
    who: Annotated[str, typer.Option("--actor", help="Account or AE title.")] = "",
    act: Annotated[str, typer.Option(help=f"One of: {', '.join(EVENTS)}.")] = "",
    facility: Annotated[str, typer.Option(help="Facility.")] = "",
    since: Annotated[dt.datetime | None, typer.Option(help="Not before, UTC.")] = None,
    until: Annotated[dt.datetime | None, typer.Option(help="Before, UTC.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Lines at most.")] = 100,
) -> None:
    """Shows lines, newest first. The search itself is a line, too."""
    if act and act not in EVENTS:
        raise Invalid(f"there is no act {act!r}; there are {', '.join(EVENTS)}")
    settings = settled(file, data=data)
    wanted = Search(
        patient=_hashed(settings, patient) if patient else "",
        study_instance_uid=study,
        actor=who,
        kind=act,
        facility=facility,
        since_ns=_ns(since),
        until_ns=_ns(until),
    )
    _show(asyncio.run(_search(settings, wanted, limit)))


@app.command("export")
def export(
    data: DataOption = None,
    file: SettingsOption = None,
    form: Annotated[Literal["xml", "csv"], typer.Option("--format", help="DICOM audit messages, or a table.")] = "xml",
    after: Annotated[int, typer.Option(min=0, help="Only lines beyond this number.")] = 0,
) -> None:
    """Writes every line to standard output: one XML document a line (PS3.15 Section A.5), or comma-separated values."""
    asyncio.run(_export(settled(file, data=data), form, after))


async def _verify(settings: Settings, against: Anchor | None) -> Verdict:
    async with opened_records(settings) as records:
        return await verify_chain(records, load_key(ledger_key(settings)), against)


async def _search(settings: Settings, wanted: Search, limit: int) -> tuple[Line, ...]:
    chronicle = chronicle_of(settings)
    async with opened_records(settings) as records:
        found = await search(records, wanted, limit)
        await records.write(lambda connection: chronicle.note(connection, LOCAL, "ledger read", subject="search"))
    return found


async def _export(settings: Settings, form: str, after: int) -> None:
    chronicle = chronicle_of(settings)
    async with opened_records(settings) as records:
        await records.write(lambda connection: chronicle.note(connection, LOCAL, "ledger read", subject="export"))
        reporter = Reporter(settings.aet, settings.audit_site)
        pieces = as_csv(records, after) if form == "csv" else as_messages(records, reporter, after)
        async for piece in pieces:
            sys.stdout.buffer.write(piece)
    sys.stdout.flush()


def _hashed(settings: Settings, patient: str) -> str:
    patient_id, _, issuer = patient.partition("^")
    return hash_of_patient(load_key(ledger_key(settings)), patient_id, issuer)


def _ns(moment: dt.datetime | None) -> int | None:
    return None if moment is None else int(moment.replace(tzinfo=dt.UTC).timestamp()) * 1_000_000_000


def _show(lines: tuple[Line, ...]) -> None:
    table = Table("line", "from", "until", "act", "who", "door", "address", "facility", "study", "times", "what")
    for line in lines:
        what = " ".join(text for text in (line.subject, line.detail, "REFUSED" if line.outcome else "") if text)
        table.add_row(
            str(line.seq) if line.seq else "open",
            utc(line.at_ns)[:19],
            utc(line.until_ns)[:19],
            line.kind,
            line.actor or line.actor_kind,
            line.door,
            line.address,
            line.facility,
            line.study_instance_uid,
            str(line.count),
            what,
        )
    console = Console()
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    console.print(table if lines else "no line is like that", markup=False)
