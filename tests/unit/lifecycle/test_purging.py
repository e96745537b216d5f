"""What is purged is nowhere any more, what is not is where it was; wherever a purge is cut short, the next one ends it."""

import asyncio
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from sagittal.archive import purging
from sagittal.archive.archive import Archive
from sagittal.archive.packs.disk import Disk
from sagittal.archive.purging import finish_purges
from sagittal.archive.reindex import reindex
from sagittal.archive.verify import verify
from sagittal.errors import Conflict, NotFound
from sagittal.lifecycle.purging import NS_PER_DAY, keep_purging, purge
from sagittal.lifecycle.rejecting import Rejection, rejections
from sagittal.runtime.deadline import Deadline
from support.data_sets import data_set
from support.puts import ACTOR, Clock, crash, put
from support.rejecting import PERSON, kept, names_found, purge_all, rows, take, undo

Opened = Callable[..., Archive]
NAME = b"Unusual^Name"


async def fill(archive: Archive) -> None:
    """One pack of four, the second of which is of somebody else; a pack of that person alone."""
    session = archive.session(ACTOR)
    for number in (1, 2, 3, 4):
        await put(session, data_set(number, more={0x00100010: NAME, 0x00100020: b"SECRET"} if number == 2 else None))
    await put(session, data_set(1, study="1.2.9", series="1.2.9.1", more={0x00100010: NAME, 0x00100020: b"SECRET"}))
    await session.close()


class Enough(Exception):
    """Ends what would go on for ever."""


def everything(root: Path) -> bytes:
    """All bytes of all files."""
    return b"".join(Path(folder, name).read_bytes() for folder, _, names in os.walk(root) for name in names)


async def files(archive: Archive) -> list[bytes]:
    found = await archive.locate(study="1.2.3")
    return [await archive.read(one, 0, one.file_length) for one in found]


async def test_nothing_of_the_patient_stays_and_the_others_stay_as_they_were(opened: Opened, tmp_path: Path) -> None:
    archive = opened()
    await fill(archive)
    assert NAME in everything(tmp_path)
    await take(archive, instance="1.2.3.1.2")
    await take(archive, study="1.2.9")
    before = await files(archive)
    report = await purge_all(archive)
    assert (report.instances, report.packs, report.waiting, report.failed) == (2, 2, 0, 0)
    assert report.freed_bytes > 0
    assert await files(archive) == before
    assert await names_found(archive, "unusual") == (0, 0)
    assert (await verify(archive)).corrupt == ()
    for secret in (NAME, b"SECRET", b"unusual", b"1.2.3.1.2.dcm"):
        assert secret not in everything(tmp_path)
    assert len(os.listdir(tmp_path / "packs")) >= 1
    await archive.close()
    for secret in (NAME, b"SECRET", b"unusual"):
        assert secret not in everything(tmp_path)


async def test_what_is_purged_cannot_be_restored_and_is_listed_as_such(opened: Opened) -> None:
    archive = opened()
    await fill(archive)
    rejection = await take(archive, instance="1.2.3.1.2")
    await purge_all(archive)
    with pytest.raises(Conflict):
        await undo(archive, rejection)
    (listed,) = await rejections(archive, PERSON, deadline=Deadline.after(5))
    assert (listed.instances, listed.restorable, listed.purged_ns > 0) == (1, 0, True)


async def test_only_what_was_rejected_long_enough_ago_and_is_not_held_goes(opened: Opened, clock: Clock) -> None:
    archive = opened()
    await fill(archive)
    old = await take(archive, instance="1.2.3.1.1")
    held = await take(archive, instance="1.2.3.1.2")
    clock.now_ns += 10 * NS_PER_DAY
    young = await take(archive, instance="1.2.3.1.3")
    asked: list[int] = []

    async def may_purge(rejection: Rejection) -> bool:
        asked.append(rejection.id)
        return rejection.id != held.id

    await purge(archive, PERSON, rejected_before_ns=clock.now_ns - 9 * NS_PER_DAY, may_purge=may_purge)
    assert asked == [old.id, held.id]
    assert {row.rejection for row in await rows(archive, "rejected")} == {held.id, young.id}


@pytest.mark.parametrize(("days", "is_gone"), [(1, True), (3, False), (0, False)])
async def test_what_was_rejected_long_enough_ago_goes_by_itself(
    opened: Opened, clock: Clock, days: int, is_gone: bool
) -> None:
    archive = opened()
    await fill(archive)
    await take(archive, instance="1.2.3.1.2")
    clock.now_ns += 2 * NS_PER_DAY

    async def pause(_: float) -> None:
        raise Enough

    with pytest.raises(Enough):
        await keep_purging(archive, days, pause)
    assert (await rows(archive, "rejected") == []) == is_gone


async def test_a_purge_that_was_cut_short_is_ended_though_nothing_is_purged_by_itself(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = opened()
    await fill(archive)
    await take(archive, instance="1.2.3.1.2")
    monkeypatch.setattr(purging, "Disk", lambda: FailingDisk(3))
    assert (await purge_all(archive)).failed == 1
    monkeypatch.undo()

    async def pause(_: float) -> None:
        raise Enough

    with pytest.raises(Enough):
        await keep_purging(archive, 0, pause)
    assert await rows(archive, "rejected") == []


async def test_a_pack_that_is_still_written_to_waits(opened: Opened) -> None:
    archive = opened()
    session = archive.session(ACTOR)
    for number in (1, 2):
        await put(session, data_set(number))
    await take(archive, instance="1.2.3.1.1")
    assert (await purge_all(archive)).waiting == 1
    await put(session, data_set(3))
    await session.close()
    assert (await finish_purges(archive)).instances == 1
    assert len(await files(archive)) == 2


async def test_an_instance_sent_again_stays_when_its_rejected_copy_goes(opened: Opened, tmp_path: Path) -> None:
    archive = opened()
    session = archive.session(ACTOR)
    await put(session, data_set(1))
    await put(session, data_set(2))
    await take(archive, instance="1.2.3.1.1")
    await put(session, data_set(1))
    await session.close()
    before = await files(archive)
    assert (await purge_all(archive)).instances == 1
    assert await files(archive) == before
    assert everything(tmp_path / "packs").count(b"-1.2.3.1.1.dcm") == 1


async def test_a_reader_that_found_an_instance_before_its_pack_was_made_anew_still_reads_it(opened: Opened) -> None:
    archive = opened()
    await fill(archive)
    found = await archive.locate(study="1.2.3")
    before = [await archive.read(one, 0, one.file_length) for one in found]
    stream = archive.stream(found[3], 0, found[3].file_length)
    await take(archive, instance="1.2.3.1.2")
    await purge_all(archive)
    assert [await archive.read(one, 0, one.file_length) for one in found[2:]] == before[2:]
    assert b"".join([piece async for piece in stream]) == before[3]
    with pytest.raises(NotFound):
        await archive.read(found[1], 0, 10)


async def test_a_damaged_first_copy_goes_too(opened: Opened, tmp_path: Path) -> None:
    archive = opened()
    session = archive.session(ACTOR)
    await put(session, data_set(1, more={0x00100010: NAME}))
    await session.close()
    (path,) = [Path(folder, name) for folder, _, names in os.walk(tmp_path / "packs") for name in names]
    path.chmod(0o640)
    raw = bytearray(path.read_bytes())  # a small file of the test
    raw[raw.rfind(b"\1\2" * 64)] ^= 1
    path.write_bytes(raw)  # likewise
    assert (await verify(archive)).corrupt == ("1.2.3.1.1",)
    session = archive.session(ACTOR)
    assert (await put(session, data_set(1, more={0x00100010: NAME}))).outcome == "stored"
    await session.close()
    await take(archive, study="1.2.3")
    assert (await purge_all(archive)).packs == 2
    assert NAME not in everything(tmp_path)


class FailingDisk(Disk):
    """Fails at its n-th call."""

    def __init__(self, at: int) -> None:
        self.left = at

    def _count(self) -> None:
        self.left -= 1
        if not self.left:
            raise OSError(5, os.strerror(5))

    def create(self, path: Path) -> int:
        self._count()
        return super().create(path)

    def write(self, descriptor: int, buffers: Sequence[bytes | bytearray | memoryview], offset: int) -> int:
        self._count()
        return super().write(descriptor, buffers, offset)

    def sync(self, descriptor: int) -> None:
        self._count()
        super().sync(descriptor)

    def sync_folder(self, path: Path) -> None:
        self._count()
        super().sync_folder(path)


@pytest.mark.parametrize("at", range(1, 16))
async def test_a_disk_that_fails_at_any_step_loses_nothing_and_the_next_purge_ends_it(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    archive = opened()
    await fill(archive)
    await take(archive, instance="1.2.3.1.2")
    before = await files(archive)
    disk = FailingDisk(at)
    monkeypatch.setattr(purging, "Disk", lambda: disk)
    await purge_all(archive)
    assert await files(archive) == before
    monkeypatch.undo()
    await finish_purges(archive)
    await check_ended(archive, tmp_path, before)


STEPS = ("_make", "_write", "_copy", "_swap", "sweep")


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("rebuild", [False, True], ids=["started again", "reindexed"])
async def test_a_process_that_ends_at_any_step_leaves_what_the_next_one_ends(
    opened: Opened,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    is_after: bool,
    rebuild: bool,
) -> None:
    archive = opened()
    await fill(archive)
    await take(archive, instance="1.2.3.1.2")
    before, expected = await files(archive), await kept(archive)
    crashed = tmp_path_factory.mktemp("crash") / "data"
    owner = purging if hasattr(purging, step) else purging._Run
    original = getattr(owner, step)

    def snapshot(*values: object) -> object:
        result = original(*values) if is_after else None
        if not crashed.exists():
            crash(tmp_path, crashed)
        return result if is_after else original(*values)

    async def snapshot_async(*values: object) -> object:
        result = await original(*values) if is_after else None
        if not crashed.exists():
            crash(tmp_path, crashed)
        return result if is_after else await original(*values)

    monkeypatch.setattr(owner, step, snapshot_async if step == "_make" else snapshot)
    assert (await purge_all(archive)).packs == 1
    monkeypatch.undo()
    if rebuild:
        reindex(crashed, clock=Clock())
    again = Archive.open(crashed, clock=Clock())
    await finish_purges(again)
    await check_ended(again, crashed, before)
    assert {**await kept(again), "rejected": []} == {**expected, "rejected": []}
    await again.close()


async def test_a_purge_that_is_cancelled_while_it_copies_leaves_nothing_and_the_next_one_ends_it(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = opened()
    await fill(archive)
    await take(archive, instance="1.2.3.1.2")
    before = await files(archive)
    is_copying, may_go_on = threading.Event(), threading.Event()
    copy = purging._Run._copy

    def slow(*values: object) -> int:
        is_copying.set()
        may_go_on.wait(10)
        return copy(*values)  # type: ignore[arg-type]  # as _copy takes them

    monkeypatch.setattr(purging._Run, "_copy", slow)
    purge_task = asyncio.ensure_future(purge_all(archive))
    await asyncio.to_thread(is_copying.wait, 10)
    purge_task.cancel()
    await asyncio.sleep(0)
    may_go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await purge_task
    monkeypatch.undo()
    assert [row.state for row in await rows(archive, "packs")] == ["sealed", "sealed"]
    assert sum(len(names) for _, _, names in os.walk(tmp_path / "packs")) == 2
    await finish_purges(archive)
    await check_ended(archive, tmp_path, before)


async def check_ended(archive: Archive, root: Path, before: list[bytes]) -> None:
    assert await files(archive) == before
    assert await rows(archive, "rejected") == []
    assert [row.state for row in await rows(archive, "packs")] == ["sealed", "sealed"]
    names = [name for _, _, names in os.walk(root / "packs") for name in names]
    assert len(names) == 2
    assert b"1.2.3.1.2.dcm" not in everything(root / "packs")
    assert (await verify(archive)).corrupt == ()
