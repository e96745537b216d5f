"""What is kept is read again, and what is no longer what was stored is told."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from sagittal.archive.archive import Archive
from sagittal.archive.damage import note_verified
from sagittal.archive.index import schema
from sagittal.archive.verify import Progress, verify
from sagittal.errors import Corrupt
from support.data_sets import data_set
from support.puts import ACTOR, Clock, put

Opened = Callable[..., Archive]


async def fill(archive: Archive, series: int = 2) -> list[Path]:
    session = archive.session(ACTOR)
    for one in range(series):
        for number in range(3):
            await put(session, data_set(number, series=f"1.7.{one}", pixels=bytes(3000)))
    await put(session, data_set(1, series="1.7.0", pixels=b"beside" * 100))
    await session.close()
    return sorted(archive.packs.glob("*/*/*.tar"), key=lambda path: path.name)


def damage(path: Path, needle: bytes) -> None:
    path.chmod(0o640)
    raw = path.read_bytes()
    before, found, after = raw.rpartition(needle)
    path.write_bytes(before + bytes(reversed(found)) + after)


async def test_everything_is_read_once_and_whole(opened: Opened) -> None:
    archive = opened()
    paths = await fill(archive)
    steps: list[Progress] = []
    report = await verify(archive, progress=steps.append)
    assert (report.packs, report.instances, report.corrupt) == (2, 7, ())
    assert report.done_bytes < sum(path.stat().st_size for path in paths)
    assert [step.packs for step in steps] == [1, 2]


async def test_a_damaged_instance_is_marked_told_and_refused_until_it_reads_well_again(
    opened: Opened, clock: Clock
) -> None:
    archive = opened()
    (path,) = await fill(archive, series=1)
    good = path.read_bytes()
    damage(path, b"1.7.0.2")
    report = await verify(archive)
    assert report.corrupt == ("1.7.0.2",)
    (instance,) = await archive.locate(instance="1.7.0.2")
    assert instance.is_corrupt
    with pytest.raises(Corrupt):
        await archive.read(instance, 0, 1)
    assert [event.kind for event in await archive.events(4, 10)] == ["instance.corrupt"]

    path.write_bytes(good)
    clock.now_ns += 10**9
    again = await verify(archive)
    assert (again.corrupt, again.intact_again) == ((), ("1.7.0.2",))
    (instance,) = await archive.locate(instance="1.7.0.2")
    assert await archive.read(instance, 0, 128) == bytes(128)
    assert [event.kind for event in await archive.events(4, 10)] == ["instance.corrupt", "instance.intact"]


async def test_what_lies_beside_is_read_too(opened: Opened) -> None:
    archive = opened()
    (path,) = await fill(archive, series=1)
    damage(path, b"beside" * 3)
    report = await verify(archive)
    assert report.corrupt == ("1.7.0.1",)
    (row,) = await archive.select(select(schema.conflicts))
    assert row.is_corrupt
    assert not any(one.is_corrupt for one in await archive.locate(series="1.7.0"))


async def test_a_missing_pack_makes_its_instances_corrupt(opened: Opened) -> None:
    archive = opened()
    (path,) = await fill(archive, series=1)
    path.unlink()
    report = await verify(archive)
    assert sorted(report.corrupt) == ["1.7.0.0", "1.7.0.1", "1.7.0.1", "1.7.0.2"]


async def test_a_cut_pack_makes_those_corrupt_that_are_cut(opened: Opened) -> None:
    archive = opened()
    (path,) = await fill(archive, series=1)
    path.chmod(0o640)
    path.write_bytes(path.read_bytes()[:6000])
    report = await verify(archive)
    assert sorted(report.corrupt) == ["1.7.0.1", "1.7.0.1", "1.7.0.2"]


async def test_the_pack_that_was_not_read_for_longest_comes_first_and_recent_ones_are_left(
    opened: Opened, clock: Clock
) -> None:
    archive = opened()
    await fill(archive, series=3)
    rows = schema.packs.c
    (newest,) = await archive.select(select(rows.id).order_by(rows.id.desc()).limit(1))
    before = archive.now_ns() - 5
    await archive.change(lambda index: note_verified(index, archive.records, archive.packs, newest.id, before, ()))
    clock.now_ns += 1
    report = await verify(archive, not_since_ns=archive.now_ns() - 6)
    assert report.packs == 2
    clock.now_ns += 10**9
    await verify(archive)
    stamps = await archive.select(select(rows.verified_ns))
    assert {row.verified_ns for row in stamps} == {archive.now_ns()}


async def test_the_rate_is_kept(opened: Opened) -> None:
    archive = opened()
    await fill(archive)
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    report = await verify(archive, max_bytes_per_s=1000, pause=pause)
    assert len(pauses) == 7
    assert pauses[-1] == pytest.approx(report.done_bytes / 1000, abs=5)
