"""Putting instances into an archive, and looking at what it then holds."""

import shutil
from pathlib import Path

from sqlalchemy import select

from sagittal.archive.archive import Archive
from sagittal.archive.index import schema
from sagittal.archive.model import Arrival, Stored
from sagittal.archive.session import PackSession
from sagittal.dicom.identifiers import TransferSyntaxUID
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline
from support.data_sets import EXPLICIT_LITTLE

ACTOR = Actor(door="dimse", name="CT1", called="SAGITTAL", address="192.0.2.7")

TABLES = (
    schema.patients, schema.studies, schema.series, schema.instances, schema.conflicts, schema.events, schema.packs
)  # fmt: skip


class Clock:
    """Stands still unless moved, so that the archive has to make time rise itself."""

    def __init__(self) -> None:
        self.now_ns = 1_760_000_000_000_000_000

    def __call__(self) -> int:
        return self.now_ns


async def put(
    session: PackSession,
    data: bytes,
    *,
    syntax: str = EXPLICIT_LITTLE,
    piece: int = 1 << 17,
    header: bytes | None = None,
) -> Stored:
    """Puts a data set in pieces of `piece` bytes."""
    incoming = session.begin(Arrival(transfer_syntax_uid=TransferSyntaxUID(syntax), file_header=header))
    for at in range(0, len(data), piece):
        if incoming.write(data[at : at + piece]):
            await incoming.drain()
    return await incoming.commit(Deadline.after(60))


async def dump(archive: Archive) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables."""
    return {table.name: sorted(tuple(row) for row in await archive.select(select(table))) for table in TABLES}


def crash(root: Path, target: Path) -> None:
    """What a process that is killed now leaves behind."""
    shutil.copytree(root, target)
    (target / "lock").unlink()
