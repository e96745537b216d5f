"""`sagittal send`: files and folders to a DICOM peer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import IO, Annotated

import typer
import uvloop
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from sagittal.cli.network import destination_of
from sagittal.cli.options import DestinationArgument, SettingsOption, settled
from sagittal.dicom.dataset import FileMeta, HeaderReader, NeedMore, read_file_meta
from sagittal.dimse.requestor import Requestor
from sagittal.dimse.scu import Outgoing
from sagittal.dimse.sending import Sent
from sagittal.dimse.sending import send as send_instances
from sagittal.errors import Invalid, SagittalError
from sagittal.ingest.importing import Refusal
from sagittal.ingest.sources import READ_ERRORS, Found, Item, Unreadable, items_of
from sagittal.runtime.settings import Settings

CHUNK_BYTES = 256 * 1024
MAX_LOOK_BYTES = 4 * 1024 * 1024
SOP_CLASS_UID, SOP_INSTANCE_UID = 0x00080016, 0x00080018
MOST_FAILURES_SHOWN = 50


def send(
    where: DestinationArgument,
    paths: Annotated[list[Path], typer.Argument(help="Files, folders, ZIPs, or a DICOMDIR.")],
    file: SettingsOption = None,
) -> None:
    """Sends DICOM files to a peer (C-STORE), each as it is encoded; exit status 1 if one did not arrive."""
    settings = settled(file)
    sent, failures = uvloop.run(_send(settings, where, paths))
    console = Console(stderr=True)
    console.print(f"{sent} sent to {where}, {len(failures)} not", markup=False)
    for failure in failures[:MOST_FAILURES_SHOWN]:
        console.print(f"  {failure.name}: {failure.reason}", markup=False, soft_wrap=True)
    raise typer.Exit(1 if failures else 0)


async def _send(settings: Settings, where: str, paths: list[Path]) -> tuple[int, list[Refusal]]:
    aet, destination = destination_of(where, settings)
    failures: list[Refusal] = []
    done = 0
    found: list[Found] = [one for path in paths for one in items_of(path)]
    items = [one for one in found if isinstance(one, Item)]
    failures += [Refusal(one.name, one.reason) for one in found if isinstance(one, Unreadable)]
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total} files"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        bar = progress.add_task(f"to {aet}", total=len(items) + len(failures))
        sending = send_instances(Requestor.of(settings), aet, destination, _outgoing(items, failures))
        async with aclosing(sending):
            async for sent in sending:
                done += sent.is_stored
                failures += [] if sent.is_stored else [_failure(sent)]
                progress.update(bar, completed=done + len(failures))
    return done, failures


def _failure(sent: Sent) -> Refusal:
    return Refusal(sent.instance.sop_instance_uid, sent.why)


async def _outgoing(items: list[Item], failures: list[Refusal]) -> AsyncIterator[Outgoing]:
    for item in items:
        try:
            yield await asyncio.to_thread(_look, item)
        except (SagittalError, *READ_ERRORS) as error:
            failures.append(Refusal(item.name, str(error)))


def _look(item: Item) -> Outgoing:
    """What an item is, by its data set: what its header says may be wrong."""
    with item.open() as file:
        head = file.read(MAX_LOOK_BYTES)
    meta = _meta(head)
    reader = HeaderReader(meta.transfer_syntax_uid, frozenset({SOP_CLASS_UID, SOP_INSTANCE_UID}))
    reader.feed(memoryview(head)[meta.data_set_offset :])
    named = [reader.elements.get(tag) for tag in (SOP_CLASS_UID, SOP_INSTANCE_UID)]
    sop_class, sop_instance = (one.value.decode("ascii", "replace").strip("\0 ") if one else "" for one in named)
    if not sop_class or not sop_instance:
        raise Invalid("the data set names no SOP Class and SOP Instance")
    return Outgoing(
        sop_class_uid=sop_class,
        sop_instance_uid=sop_instance,
        transfer_syntax_uid=meta.transfer_syntax_uid,
        open=lambda: _data_set(item, meta.data_set_offset),
    )


def _meta(head: bytes) -> FileMeta:
    meta = read_file_meta(head)
    return read_file_meta(head, is_end=True) if isinstance(meta, NeedMore) else meta


async def _data_set(item: Item, offset: int) -> AsyncIterator[bytes]:
    file: IO[bytes] = await asyncio.to_thread(item.open)
    with file:
        await asyncio.to_thread(_skip, file, offset)
        while chunk := await asyncio.to_thread(_read, file):
            yield chunk


def _skip(file: IO[bytes], offset: int) -> None:
    while offset:
        offset -= len(file.read(min(offset, CHUNK_BYTES))) or offset


def _read(file: IO[bytes]) -> bytes:
    try:
        return file.read(CHUNK_BYTES)
    except READ_ERRORS as error:
        raise Invalid(f"the file cannot be read to its end: {error}") from error
