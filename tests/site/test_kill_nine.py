"""A process killed in the middle of concurrent puts loses nothing it had acknowledged, and leaves nothing half."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

from sqlalchemy import select

from sagittal.archive.archive import Archive
from sagittal.archive.index import schema
from sagittal.archive.reindex import reindex
from support.puts import dump

ROUNDS = 30
DRIVER = Path(__file__).with_name("put_driver.py")


def killed_after(folder: Path, seed: int, acknowledged: int, delay_s: float) -> dict[str, str]:
    """Runs the driver, kills it a moment after it acknowledged so many; what it acknowledged, by UID."""
    process = subprocess.Popen([sys.executable, str(DRIVER), str(folder), str(seed)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(acknowledged + 1)]
    time.sleep(delay_s)
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read()
    process.wait()
    process.stdout.close()
    # The last line may be torn; every whole one was acknowledged.
    told = [*lines[1:], *(line + b"\n" for line in rest.split(b"\n")[:-1])]
    parts = [line.decode().split() for line in told]
    assert {outcome for _, outcome, _ in parts} <= {"stored"}
    return {uid: digest for uid, _, digest in parts}


async def check(archive: Archive, acknowledged: dict[str, str], checked: set[str]) -> int:
    """Every acknowledged instance is there as it was sent; all others are whole too. Returns how many are there."""
    rows = await archive.select(select(schema.instances.c.sop_instance_uid))
    uids = {row.sop_instance_uid for row in rows}
    assert acknowledged.keys() <= uids
    for uid in uids - checked:
        (instance,) = await archive.locate(instance=uid)
        file = b"".join([chunk async for chunk in archive.stream(instance)])
        digest = hashlib.sha256(file[instance.data_set_offset :]).hexdigest()
        assert uid not in acknowledged or acknowledged[uid] == digest
        assert instance.pixel_length is not None
        assert instance.pixel_offset is not None
        assert instance.data_set_length == instance.pixel_offset + instance.pixel_length
    checked |= uids
    return len(uids)


async def test_thirty_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    choose = random.Random(7)
    acknowledged: dict[str, str] = {}
    checked: set[str] = set()
    repaired = cut = before = 0
    for round_number in range(ROUNDS):
        told = killed_after(tmp_path, round_number, choose.randint(1, 60), choose.random() / 50)
        acknowledged |= told
        archive = Archive.open(tmp_path)
        report = archive.repairs
        now = await check(archive, acknowledged, checked)
        assert report.missing == ()
        assert report.packs > 0
        assert now - before >= len(told)
        # Start-up says what it indexed: at most what was on its way, one for each session.
        assert report.indexed <= 8
        states = await archive.select(select(schema.packs.c.state).distinct())
        assert [row.state for row in states] == ["sealed"]
        await archive.close()
        before, repaired, cut = now, repaired + report.indexed, cut + (report.cut_bytes > 0)
    assert cut > 0
    print(f"{len(acknowledged)} acknowledged, {before} there, {repaired} indexed at start-up, tails cut {cut} times")

    archive = Archive.open(tmp_path)
    rows = await dump(archive)
    await archive.close()
    rebuilt = reindex(tmp_path)
    assert (rebuilt.corrupt, rebuilt.unreadable) == (0, {})
    archive = Archive.open(tmp_path)
    assert await dump(archive) == rows
    await archive.close()
    for path in sorted((tmp_path / "packs").glob("*/*/*.tar")):
        with tarfile.open(path) as tar:
            assert len(tar.getnames()) > 0
        assert not os.stat(path).st_mode & 0o222
