"""A process killed while it rejects, restores and purges forgets nothing it had acknowledged, and leaves nothing half."""

import asyncio
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from sagittal.archive.archive import Archive
from sagittal.archive.purging import finish_purges
from sagittal.archive.reindex import reindex
from sagittal.archive.verify import verify
from support.rejecting import kept, rows

ROUNDS = 6
DRIVER = Path(__file__).with_name("reject_driver.py")
_STATES = {"stored": {"kept"}, "rejecting": {"kept", "rejected"}, "rejected": {"rejected"}}
_STATES |= {"restoring": {"rejected", "kept"}, "restored": {"kept"}}


def killed_after(folder: Path, seed: int, lines: int, delay_s: float) -> list[list[str]]:
    """Runs the driver, kills it a moment after it told so much; the words of all whole lines."""
    process = subprocess.Popen([sys.executable, str(DRIVER), str(folder), str(seed)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(lines)]
    time.sleep(delay_s)
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read()
    process.wait()
    process.stdout.close()
    told += [line + b"\n" for line in rest.split(b"\n")[:-1]]
    return [line.decode().split() for line in told]


def follow(told: list[list[str]], may_be: dict[str, set[str]]) -> None:
    """What each instance may be by now, by what was told."""
    for kind, *uids in told:
        if kind in _STATES:
            may_be[uids[0]] = set(_STATES[kind])
        elif kind == "purging":
            for states in may_be.values():
                states |= {"gone"} if "rejected" in states else set()
        elif kind == "purged":
            for states in may_be.values():
                if "rejected" in states:
                    states.remove("rejected")


async def check(archive: Archive, may_be: dict[str, set[str]]) -> None:
    here = {row.sop_instance_uid for row in await rows(archive, "instances")}
    aside = {row.sop_instance_uid for row in await rows(archive, "rejected") if row.purge is None}
    for uid, states in may_be.items():
        state = "kept" if uid in here else "rejected" if uid in aside else "gone"
        assert state in states, (uid, state, states)
    assert here.isdisjoint(aside)
    for study in await rows(archive, "studies"):
        counted = await archive.locate(study=study.study_instance_uid)
        assert study.instances == len(counted)
    assert {row.state for row in await rows(archive, "packs")} <= {"sealed"}
    assert (await verify(archive)).corrupt == ()


async def test_kills_while_rejecting_restoring_and_purging(tmp_path: Path) -> None:
    choose = random.Random(11)
    may_be: dict[str, set[str]] = {}
    finished = 0
    for seed in range(ROUNDS):
        told = await asyncio.to_thread(killed_after, tmp_path, seed, choose.randint(2, 70), choose.random() / 50)
        follow(told, may_be)
        archive = Archive.open(tmp_path)
        await check(archive, may_be)
        finished += (await finish_purges(archive)).instances
        await check(archive, may_be)
        before = await kept(archive)
        await archive.close()
        for uid in may_be:  # whatever could have been is settled now
            may_be[uid] = _state(uid, before)
        files = {path.stem for path in sorted((tmp_path / "packs").glob("*/*/*"))}
        assert not [name for name in files if name.endswith(".tar")]  # .part
        report = reindex(tmp_path)
        assert (report.corrupt, report.unreadable) == (0, {})
        rebuilt = Archive.open(tmp_path)
        assert await kept(rebuilt) == before
        assert {row.id for row in await rows(rebuilt, "packs")} == files
        await rebuilt.close()
    print(f"{len(may_be)} instances, {finished} purges ended at start-up")


def _state(uid: str, found: dict[str, list[tuple[object, ...]]]) -> set[str]:
    if any(uid in row for row in found["instances"]):
        return {"kept"}
    return {"rejected"} if any(uid in row for row in found["rejected"]) else {"gone"}
