"""Puts, rejects, restores and purges without end and says what was acknowledged, until it is killed.

`python reject_driver.py FOLDER SEED`; a line before each act, and one when it is acknowledged.
"""

import asyncio
import os
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from sagittal.archive.archive import Archive
from sagittal.errors import Conflict
from sagittal.lifecycle.rejecting import Rejection
from support.data_sets import data_set
from support.puts import ACTOR, put
from support.rejecting import purge_all, take, undo


def tell(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


async def one_round(archive: Archive, choose: random.Random, seed: int, part: int) -> None:
    """A series comes; some of it is rejected; of that some is restored, and some goes for good."""
    session = archive.session(ACTOR)
    series = f"1.4.{seed}.{part}"
    for number in range(1, 7):
        await put(session, data_set(number, study=f"1.4.{seed}", series=series, pixels=os.urandom(20_000)))
        tell("stored", f"{series}.{number}")
    await session.close()
    made: dict[str, Rejection] = {}
    for number in choose.sample(range(1, 7), 4):
        uid = f"{series}.{number}"
        tell("rejecting", uid)
        made[uid] = await take(archive, instance=uid)
        tell("rejected", uid)
    for uid in choose.sample(sorted(made), 2):
        tell("restoring", uid)
        try:
            await undo(archive, made[uid])
        except Conflict:
            continue
        tell("restored", uid)
    tell("purging")
    await purge_all(archive)
    tell("purged")


async def main(folder: Path, seed: int) -> None:
    archive = Archive.open(folder)
    choose = random.Random(seed)
    tell("ready")
    for part in range(1000):
        await one_round(archive, choose, seed, part)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
