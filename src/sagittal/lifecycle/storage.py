"""How much is kept, and how much room is left."""

import asyncio
import shutil
from pathlib import Path
from typing import NamedTuple

from sagittal.access.asking import ask_at
from sagittal.archive.reader import INDEX_NAME, ArchiveReader
from sagittal.archive.records.records import RECORDS_NAME
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline


class Storage(NamedTuple):
    """Bytes, but for the counts.

    Attributes:
        packs, instances, conflicts: how many there are; conflicts are kept beside an instance of their UID.
        kept_bytes: of the files of instances.
        index_bytes, records_bytes: of the databases.
        free_bytes, disk_bytes: of the disk that the data folder is on.
    """

    packs: int
    instances: int
    conflicts: int
    kept_bytes: int
    index_bytes: int
    records_bytes: int
    free_bytes: int
    disk_bytes: int


async def storage(archive: ArchiveReader, actor: Actor, deadline: Deadline) -> Storage:
    """What the whole archive takes. Raises Refused unless they may configure all of the site."""
    ask_at(archive.witness, actor, "configure", "*")
    deadline.check("looking at the storage")
    async with deadline.timeout():
        ((packs, instances, conflicts, kept),) = await archive.fetch(_COUNTS, ())
        sizes = await asyncio.to_thread(_sizes, archive.root)
    return Storage(packs, instances, conflicts, kept, *sizes)


def _sizes(root: Path) -> tuple[int, int, int, int]:
    disk = shutil.disk_usage(root)
    return (root / INDEX_NAME).stat().st_size, (root / RECORDS_NAME).stat().st_size, disk.free, disk.total


_COUNTS = (
    "SELECT (SELECT count(*) FROM packs WHERE state <> 'gone'), (SELECT count(*) FROM instances),"
    " (SELECT count(*) FROM conflicts), (SELECT coalesce(sum(file_length), 0) FROM instances)"
)
