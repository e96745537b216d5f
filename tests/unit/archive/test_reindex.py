"""The index can be rebuilt from packs alone, to the same rows."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from sagittal.archive.archive import Archive
from sagittal.archive.index import schema
from sagittal.archive.packs.names import pack_path
from sagittal.archive.reindex import Progress, reindex
from sagittal.archive.settings import ArchiveSettings
from sagittal.archive.verify import verify
from sagittal.dicom.dataset import read_file_meta
from sagittal.errors import Conflict, Corrupt, NotFound, SagittalError
from support.data_sets import EXPLICIT_LITTLE, RLE, data_set, encapsulated
from support.puts import ACTOR, Clock, crash, dump, put
from support.shared import SHARED, shared

Opened = Callable[..., Archive]


async def fill(archive: Archive) -> None:
    """Interleaved sessions, several studies, late IDs, conflicts, duplicates, frames, an instance of two patients."""
    one, two = archive.session(ACTOR), archive.session(ACTOR)
    for number in range(1, 6):
        await put(one, data_set(number, series="1.7.1", more={0x00100020: b"" if number < 3 else b"LATE"}))
        await put(two, data_set(number, series="1.7.2", study="1.2.4", pixels=bytes(9000 * number)))
    await put(one, data_set(2, series="1.7.1", pixels=b"other bytes!"))
    await put(two, data_set(2, series="1.7.1", pixels=b"other bytes!"))
    await put(two, data_set(3, series="1.7.2", study="1.2.4", pixels=bytes(27000)))
    await put(one, data_set(1, series="1.7.1", study="1.2.5", more={0x00080018: b"1.2.5.7"}))
    await put(one, data_set(1, series="1.7.3", more={0x00100010: "Müller^Jörg".encode(), 0x00080005: b"ISO_IR 192"}))
    await put(two, data_set(8, series="1.7.2", study="1.2.4", more={0x00100020: b"ANOTHER", 0x00100030: b"19700101"}))
    # An issuer comes late, and then again an object without.
    for number, (study, issuer) in enumerate((("1.2.7", b""), ("1.2.7", b"ISSUER"), ("1.2.8", b""))):
        await put(one, data_set(number, study=study, series=f"{study}.1", more={0x00100020: b"X", 0x00100021: issuer}))
    frames = [os.urandom(20), os.urandom(30)]
    await put(one, encapsulated(frames, series="1.7.9", study="1.2.6", more={0x00280008: b"2"}), syntax=RLE)


@pytest.mark.parametrize("check_digests", [True, False])
async def test_a_rebuilt_index_has_the_same_rows(opened: Opened, tmp_path: Path, check_digests: bool) -> None:
    archive = opened(settings=ArchiveSettings(held_bytes=8000))
    await fill(archive)
    await archive.close()
    again = opened()
    before = await dump(again)
    await again.close()

    steps: list[Progress] = []
    report = reindex(tmp_path, check_digests=check_digests, progress=steps.append, clock=Clock())
    rebuilt = opened()
    assert await dump(rebuilt) == before
    assert (report.stored, report.conflicts, report.corrupt, report.unreadable) == (17, 1, 0, {})
    assert steps[-1].instances == 18
    assert steps[-1].done_bytes == steps[-1].all_bytes
    # And it goes on as the old one would have.
    assert (await put(rebuilt.session(ACTOR), data_set(1, series="1.7.1"))).outcome == "conflict"


async def test_names_are_found_in_a_rebuilt_index(opened: Opened, tmp_path: Path) -> None:
    archive = opened()
    await fill(archive)
    await archive.close()
    reindex(tmp_path, clock=Clock())
    rebuilt = opened()
    names = schema.study_names
    found = await rebuilt.select(select(names.c.rowid).where(names.c.name_folded.like("%oe ja%")))
    assert len(found) == 6


async def test_the_index_may_be_missing_altogether(opened: Opened, tmp_path: Path) -> None:
    archive = opened()
    await put(archive.session(ACTOR), data_set())
    await archive.close()
    (tmp_path / "index.db").unlink()
    assert reindex(tmp_path, clock=Clock()).stored == 1
    assert len(await opened().locate(study="1.2.3")) == 1


@pytest.mark.parametrize("mode", [0o440, 0o640], ids=["as sealed", "a copy that lost its mode"])
async def test_a_damaged_instance_of_a_sealed_pack_is_indexed_and_refused(
    opened: Opened, tmp_path: Path, mode: int
) -> None:
    archive = opened()
    session = archive.session(ACTOR)
    for number in range(3):
        await put(session, data_set(number))
    await archive.close()
    (path,) = (tmp_path / "packs").glob("*/*/*.tar")
    raw = bytearray(path.read_bytes())
    at = raw.rfind(b"\1\2" * 64)  # of the last
    raw[at] ^= 0x80
    path.chmod(0o640)
    path.write_bytes(raw)
    path.chmod(mode)
    report = reindex(tmp_path, clock=Clock())
    assert (report.stored, report.corrupt) == (3, 1)
    rebuilt = opened()
    states = [one.is_corrupt for one in await rebuilt.locate(series="1.2.3.1")]
    assert states.count(True) == 1
    (damaged,) = (one for one in await rebuilt.locate(series="1.2.3.1") if one.is_corrupt)
    with pytest.raises(Corrupt):
        await rebuilt.read(damaged, 0, 10)
    assert "instance.corrupt" in [event.kind for event in await rebuilt.events(0, 10)]


def spoil(path: Path, needle: bytes) -> bytes:
    """Changes the last bytes of a pack that are so; returns the pack as it was."""
    good = path.read_bytes()
    before, found, after = good.rpartition(needle)
    path.chmod(0o640)
    path.write_bytes(before + bytes(reversed(found)) + after)
    path.chmod(0o440)
    return good


async def flags(archive: Archive) -> dict[str, int]:
    tables = (schema.instances, schema.conflicts)
    found = [row for one in tables for row in await archive.select(select(one.c.sop_instance_uid, one.c.is_corrupt))]
    return {f"{row.sop_instance_uid} {number}": row.is_corrupt for number, row in enumerate(found)}


@pytest.mark.parametrize("check_digests", [True, False])
async def test_a_rebuilt_index_has_what_verification_found_and_told(
    opened: Opened, tmp_path: Path, clock: Clock, check_digests: bool
) -> None:
    archive = opened()
    session = archive.session(ACTOR)
    for number in (1, 2, 3):
        await put(session, data_set(number, pixels=b"%da" % number * 64))
    await put(session, data_set(2, pixels=b"beside" * 90))
    await session.close()
    (path,) = (tmp_path / "packs").glob("*/*/*.tar")
    for needle in (b"1a" * 8, b"2a" * 8, b"beside" * 8):
        good = spoil(path, needle)
        clock.now_ns += 10**9
        await verify(archive)
        if needle != b"beside" * 8:
            path.chmod(0o640)
            path.write_bytes(good)
            path.chmod(0o440)
    clock.now_ns += 10**9
    await put(archive.session(ACTOR), data_set(9))
    before, marked = (await dump(archive))["events"], await flags(archive)
    await archive.close()
    reindex(tmp_path, check_digests=check_digests, clock=clock)
    rebuilt = opened()
    assert (await dump(rebuilt))["events"] == before
    assert await flags(rebuilt) == marked
    assert list(marked.values()).count(1) == 1


async def test_what_a_reindex_finds_otherwise_than_the_journal_says_is_journalled_and_told(
    opened: Opened, tmp_path: Path, clock: Clock
) -> None:
    archive = opened()
    session = archive.session(ACTOR)
    for number in (1, 2):
        await put(session, data_set(number, pixels=b"%da" % number * 64))
    await session.close()
    (path,) = (tmp_path / "packs").glob("*/*/*.tar")
    good = spoil(path, b"1a" * 8)
    await verify(archive)
    await archive.close()
    path.chmod(0o640)
    path.write_bytes(good)
    spoil(path, b"2a" * 8)
    for check_digests in (True, False):  # once by what was read, once by what was journalled then
        reindex(tmp_path, check_digests=check_digests, clock=clock)
        rebuilt = opened()
        states = {one.sop_instance_uid: one.is_corrupt for one in await rebuilt.locate(study="1.2.3")}
        assert states == {"1.2.3.1.1": False, "1.2.3.1.2": True}
        await rebuilt.close()


async def test_a_second_copy_takes_the_place_of_a_damaged_one_in_a_rebuilt_index_too(
    opened: Opened, tmp_path: Path, clock: Clock
) -> None:
    archive = opened()
    session = archive.session(ACTOR)
    await put(session, data_set(1))
    await session.close()
    (path,) = (tmp_path / "packs").glob("*/*/*.tar")
    spoil(path, b"\1\2" * 8)
    await verify(archive)
    assert (await put(archive.session(ACTOR), data_set(1))).outcome == "stored"
    before = await dump(archive)
    await archive.close()
    reindex(tmp_path, clock=clock)
    rebuilt = await dump(opened())
    assert (rebuilt["instances"], rebuilt["events"]) == (before["instances"], before["events"])


async def test_a_folder_in_use_is_not_reindexed(opened: Opened, tmp_path: Path) -> None:
    opened()
    with pytest.raises(Conflict):
        reindex(tmp_path)


def test_without_packs_there_is_nothing_to_rebuild_from(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        reindex(tmp_path)


async def test_after_a_crash_reindex_and_start_up_agree(
    opened: Opened, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    archive = opened()
    session = archive.session(ACTOR)
    for number in range(3):
        await put(session, data_set(number))
    crashed = tmp_path_factory.mktemp("crash") / "data"
    crash(tmp_path, crashed)
    await archive.close()
    expected = await dump(opened())
    (pack,) = (crashed / "packs").glob("*/*/*.tar")
    with pack.open("ab") as file:
        file.write(b"torn")
    reindex(crashed, clock=Clock())
    rebuilt = Archive.open(crashed, clock=Clock())
    assert rebuilt.repairs.cut_bytes == 4
    assert await dump(rebuilt) == expected
    await rebuilt.close()


@shared
async def test_real_files_give_the_same_rows_again(opened: Opened, tmp_path: Path) -> None:
    archive = opened(settings=ArchiveSettings(held_bytes=100_000))
    paths = sorted((SHARED / "dicom").rglob("*"))
    files = [path for path in paths if path.is_file()]
    sessions = [archive.session(ACTOR) for _ in range(3)]

    async def send(number: int) -> int:
        count = 0
        for path in files[number::3]:
            file = path.read_bytes()
            try:
                meta = read_file_meta(file, is_end=True)
                at = meta.data_set_offset
                await put(sessions[number], file[at:], syntax=meta.transfer_syntax_uid, header=file[:at], piece=30_000)
            except SagittalError:
                continue
            count += 1
        return count

    done = sum(await asyncio.gather(*map(send, range(3))))
    assert done > 250
    await archive.close()
    again = opened()
    before = await dump(again)
    await again.close()
    report = reindex(tmp_path, clock=Clock())
    assert report.unreadable == {}
    assert await dump(opened()) == before
    assert all(pack_path(tmp_path / "packs", str(row[0])).exists() for row in before["packs"])
    assert EXPLICIT_LITTLE in {row[8] for row in before["instances"]}
