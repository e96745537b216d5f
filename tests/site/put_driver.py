"""Puts instances into an archive from several sessions at once and says which were acknowledged, until it is killed.

`python put_driver.py FOLDER SEED`; a line for each acknowledged instance: SOP Instance UID, outcome, SHA-256 of the data set.
"""

import asyncio
import hashlib
import os
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from sagittal.archive.archive import Archive
from sagittal.archive.settings import ArchiveSettings
from support.data_sets import data_set
from support.puts import ACTOR, put


async def send(archive: Archive, seed: int, number: int) -> None:
    choose = random.Random(f"{seed} {number}")
    for part in range(1000):
        session = archive.session(ACTOR)
        series = f"1.3.{seed}.{number}.{part}"
        for instance in range(choose.randint(1, 12)):
            pixels = os.urandom(choose.choice((200, 9_000, 60_000, 400_000)))
            data = data_set(instance, study=f"1.3.{seed}", series=series, pixels=pixels)
            stored = await put(session, data, piece=30_000)
            line = f"{stored.sop_instance_uid} {stored.outcome} {hashlib.sha256(data).hexdigest()}\n"
            os.write(1, line.encode())
        await session.close()


async def main(folder: Path, seed: int) -> None:
    archive = Archive.open(folder, settings=ArchiveSettings(held_bytes=100_000))
    os.write(1, b"ready\n")
    await asyncio.gather(*(send(archive, seed, number) for number in range(4)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
