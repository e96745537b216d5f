"""A process killed while somebody decides forgets nothing it had acknowledged, and leaves nothing half."""

import asyncio
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from sagittal.archive.archive import Archive
from sagittal.archive.reindex import reindex
from sagittal.archive.verify import verify
from support.puts import dump
from support.quarantine import content, history, waiting
from support.rejecting import rows

ROUNDS = 3
DRIVER = Path(__file__).with_name("quarantine_driver.py")


def killed_after(folder: Path, seed: int, lines: int, delay_s: float) -> list[list[str]]:
    """Runs the driver, kills it a moment after it told so much; the words of all whole lines."""
    process = subprocess.Popen([sys.executable, str(DRIVER), str(folder), str(seed)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(lines)]
    time.sleep(delay_s)  # where it is killed, not what is waited for
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read()
    process.wait()
    process.stdout.close()
    told += [line + b"\n" for line in rest.split(b"\n")[:-1]]
    return [line.decode().split() for line in told]


def follow(told: list[list[str]], may_be: dict[str, set[str]]) -> None:
    """What may have become of each UID by now, by what was told."""
    for kind, *words in told:
        if kind == "waiting":
            may_be[words[0]] = {"waiting"}
        elif kind in ("deciding", "undoing"):
            may_be[words[0]] = {"waiting", words[1]}
        elif kind == "decided":
            may_be[words[0]] = {words[1]}


async def check(archive: Archive, may_be: dict[str, set[str]]) -> None:
    waits = {one.kept.sop_instance_uid for one in await waiting(archive)}
    standing = {one.sop_instance_uid: one for one in await history(archive) if not one.undone_ns}
    instances = {row.sop_instance_uid for row in await rows(archive, "instances")}
    for uid, states in may_be.items():
        made = standing.get(uid)
        state = "waiting" if uid in waits else made.choice if made is not None else "nothing"
        assert state in states, (uid, state, states)
        assert (uid in waits) != (made is not None)
        assert (await content(archive, uid))[-1] == (2 if state == "take" else 1)
        if state == "both":
            assert made is not None
            assert made.new_uid in instances
        may_be[uid] = {state}
    assert len(await rows(archive, "rejected")) >= len(standing)
    assert (await verify(archive)).corrupt == ()


async def test_kills_while_somebody_decides(tmp_path: Path) -> None:
    choose = random.Random(5)
    may_be: dict[str, set[str]] = {}
    for seed in range(ROUNDS):
        told = await asyncio.to_thread(killed_after, tmp_path, seed, choose.randint(5, 25), choose.random() / 50)
        follow(told, may_be)
        archive = Archive.open(tmp_path)
        await check(archive, may_be)
        before = await dump(archive)
        await archive.close()
        assert reindex(tmp_path).unreadable == {}
        rebuilt = Archive.open(tmp_path)
        assert {**await dump(rebuilt), "packs": []} == {**before, "packs": []}
        await rebuilt.close()
    print(f"{len(may_be)} UIDs")
    assert {state for states in may_be.values() for state in states} > {"waiting"}
