"""`sagittal echo` and `sagittal find`: we as the one who asks."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import msgspec
import typer
import uvloop
from rich.console import Console
from rich.table import Column, Table

from sagittal.cli.options import PIPED_WIDTH, DataOption, DestinationArgument, SettingsOption, settled
from sagittal.cli.witnessed import witnessed_archive
from sagittal.dicom import json_model
from sagittal.dicom.json_model import JsonDataset
from sagittal.dicom.matching import Key
from sagittal.dicom.registry import keyword_of, vr_of
from sagittal.dicom.transfer_syntax import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from sagittal.dicom.web.query_string import parse_path
from sagittal.dimse import scu
from sagittal.dimse.negotiation import VERIFICATION
from sagittal.dimse.requestor import Proposal, Requestor
from sagittal.errors import Invalid, NotFound, PeerFailed
from sagittal.find import Level, Query
from sagittal.find import find as find_here
from sagittal.runtime.actor import LOCAL
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.settings import Destination, Settings, parse_address

STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
PATIENT_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.1.1"
NATIVE = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)

# What a table shows of each level.
_COLUMNS: dict[Level, tuple[int, ...]] = {
    Level.PATIENT: (0x00100020, 0x00100010, 0x00100030, 0x00100040, 0x00201200),
    Level.STUDY: (0x00100020, 0x00100010, 0x00080020, 0x00080061, 0x00081030, 0x00201208, 0x0020000D),
    Level.SERIES: (0x00080060, 0x00200011, 0x0008103E, 0x00201209, 0x0020000E),
    Level.IMAGE: (0x00080016, 0x00200013, 0x00080018),
}


def echo(where: DestinationArgument, file: SettingsOption = None) -> None:
    """Asks a peer whether it is there and talks to us (C-ECHO)."""
    settings = settled(file)
    status = uvloop.run(_echo(settings, *destination_of(where, settings)))
    if status != 0:
        raise PeerFailed(f"{where} answers with status {status:04X}H")
    Console().print(f"{where} is there", markup=False)


def find(
    keys: Annotated[
        list[str] | None, typer.Argument(help="ATTRIBUTE=VALUE, by keyword or tag: PatientName='MUS*'")
    ] = None,
    level: Annotated[Level, typer.Option(help="What to list.")] = Level.STUDY,
    at: Annotated[
        str | None, typer.Option(help="Ask a peer, AET@HOST:PORT or a destination, instead of this machine.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most answers.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="DICOM JSON, one answer a line.")] = False,
    data: DataOption = None,
    file: SettingsOption = None,
) -> None:
    """Lists patients, studies, series or instances that match."""
    settings = settled(file, data=data)
    query = Query(level=level, keys=tuple(map(_key, keys or ())), limit=limit)
    answers = uvloop.run(_collect(settings, query, at))
    if as_json:
        for answer in answers:
            typer.echo(msgspec.json.encode(answer).decode())
    else:
        console = Console()
        if not console.is_terminal:
            console.width = PIPED_WIDTH
        console.print(_table(level, answers))


def destination_of(where: str, settings: Settings) -> tuple[str, Destination]:
    """AE title and address of `AET@HOST:PORT`, or of a destination of the settings.

    Raises:
        Invalid: neither form.
        NotFound: no destination has that AE title.
    """
    aet, at, address = where.rpartition("@")
    if at:
        host, port = parse_address(address, "a peer's address")
        return aet, Destination(host, port)
    if where not in settings.destinations:
        raise NotFound(f"no destination is called {where!r}; name one of the settings, or say AET@HOST:PORT")
    return where, settings.destinations[where]


async def _echo(settings: Settings, aet: str, destination: Destination) -> int:
    requestor = Requestor.of(settings)
    async with requestor.associate(aet, destination, [Proposal(VERIFICATION, NATIVE)]) as peer:
        return await scu.echo(peer, settings.dimse_timeout_s)


async def _collect(settings: Settings, query: Query, at: str | None) -> list[JsonDataset]:
    answers = _ask_here(settings, query) if at is None else _ask_peer(settings, query, at)
    found: list[JsonDataset] = []
    async with aclosing(answers):
        async for answer in answers:
            found.append(answer)
            if len(found) == query.limit:
                break
    return found


async def _ask_here(settings: Settings, query: Query) -> AsyncGenerator[JsonDataset, None]:
    async with witnessed_archive(settings) as archive:
        async for found in find_here(archive, LOCAL, query, Deadline.after(settings.operation_timeout_s)):
            yield msgspec.json.decode(found.text())


async def _ask_peer(settings: Settings, query: Query, at: str) -> AsyncGenerator[JsonDataset, None]:
    aet, destination = destination_of(at, settings)
    root = PATIENT_ROOT_FIND if query.level is Level.PATIENT else STUDY_ROOT_FIND
    async with Requestor.of(settings).associate(aet, destination, [Proposal(root, NATIVE)]) as peer:
        _, transfer_syntax = peer.context_for(root)
        identifier = json_model.decode(_identifier(query), transfer_syntax)
        async for answer in scu.find(peer, root, identifier, settings.dimse_timeout_s):
            yield msgspec.json.decode(json_model.encode(answer, transfer_syntax))


def _identifier(query: Query) -> JsonDataset:
    """The level, what is wanted back, and the keys (PS3.4 Section C.4.1.1.3)."""
    wanted: JsonDataset = {f"{tag:08X}": {"vr": vr_of(tag)} for tag in _COLUMNS[query.level]}
    wanted["00080052"] = {"vr": "CS", "Value": [query.level.value]}
    for key in query.keys:
        wanted[f"{key.path[0]:08X}"] = _sought(key)
    return wanted


def _sought(key: Key) -> json_model.JsonElement:
    value = key.values[0]
    return {"vr": key.vr, "Value": [{"Alphabetic": value} if key.vr == "PN" else value]}


def _key(text: str) -> Key:
    name, equals, value = text.partition("=")
    if not equals:
        raise Invalid(f"a key is to be ATTRIBUTE=VALUE; got {text!r}")
    path = parse_path(name)
    return Key(path, vr_of(path[-1]), (value,))


def _table(level: Level, answers: list[JsonDataset]) -> Table:
    columns = _COLUMNS[level]
    table = Table(*(Column(keyword_of(tag), overflow="fold", no_wrap=vr_of(tag) == "UI") for tag in columns))
    for answer in answers:
        table.add_row(*(_shown(answer, tag) for tag in columns))
    return table


def _shown(answer: JsonDataset, tag: int) -> str:
    element = answer.get(f"{tag:08X}")
    values = element.get("Value", []) if element else []
    return "\\".join(_one(value) for value in values)


def _one(value: object) -> str:
    if isinstance(value, dict):
        return "=".join(str(group) for group in value.values())
    return "" if value is None else str(value)
