"""Puts two of each UID, decides about them and undoes it without end and says what was acknowledged, until it is killed.

`python quarantine_driver.py FOLDER SEED`; a line before each act, and one when it is acknowledged.
"""

import asyncio
import os
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from sagittal.archive.archive import Archive
from sagittal.lifecycle.deciding import CHOICES
from support.data_sets import data_set
from support.puts import ACTOR, put
from support.quarantine import choose, take_back, waiting


def tell(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


async def one_round(archive: Archive, choose_by: random.Random, seed: int, part: int) -> None:
    """Three instances come, each of them twice with other bytes; about two is decided, and of one it is undone."""
    session = archive.session(ACTOR)
    series = f"1.5.{seed}.{part}"
    for number in range(1, 4):
        for pixels in (b"\1", b"\2"):
            await put(session, data_set(number, study=f"1.5.{seed}", series=series, pixels=pixels * 128))
        tell("waiting", f"{series}.{number}")
    await session.close()
    here = [one for one in await waiting(archive) if one.kept.sop_instance_uid.startswith(f"{series}.")]
    for one in choose_by.sample(here, 2):
        choice, uid = choose_by.choice(CHOICES), one.kept.sop_instance_uid
        tell("deciding", uid, choice)
        made = await choose(archive, one.number, choice)
        tell("decided", uid, choice)
        if choose_by.random() < 0.5:
            tell("undoing", uid, choice)
            await take_back(archive, made.id)
            tell("waiting", uid)


async def main(folder: Path, seed: int) -> None:
    archive = Archive.open(folder)
    choose_by = random.Random(seed)
    tell("ready")
    for part in range(1000):
        await one_round(archive, choose_by, seed, part)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
