"""After any end of the process, start-up brings packs and index together again."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from sagittal.archive.archive import Archive
from sagittal.archive.index import schema
from sagittal.archive.packs.names import pack_path
from sagittal.archive.repair import RepairReport
from sagittal.archive.settings import ArchiveSettings
from sagittal.errors import Conflict
from support.data_sets import data_set
from support.puts import ACTOR, Clock, crash, dump, put

Opened = Callable[..., Archive]


async def test_a_clean_end_leaves_nothing_to_repair(opened: Opened) -> None:
    archive = opened()
    await put(archive.session(ACTOR), data_set())
    await archive.close()
    again = opened()
    assert again.repairs == RepairReport()
    assert again.repairs.is_clean


async def test_what_was_synced_but_not_indexed_is_indexed_in_the_order_it_came(
    opened: Opened, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    archive = opened()
    one, two = archive.session(ACTOR), archive.session(ACTOR)
    await put(one, data_set(1, series="1.7.1"))
    await put(two, data_set(1, series="1.7.2"))
    # The index as a power cut leaves it: what came later is in the packs only.
    crashed = tmp_path_factory.mktemp("crash") / "data"
    crash(tmp_path, crashed)
    for number in range(2, 6):
        await put(one, data_set(number, series="1.7.1", more={0x00100010: b"Later^Name"}))
        await put(two, data_set(number, series="1.7.2", more={0x00081030: b"described"}))
    await put(one, data_set(2, series="1.7.1", pixels=b"other bytes!"))
    shutil.rmtree(crashed / "packs")
    shutil.copytree(tmp_path / "packs", crashed / "packs")
    await archive.close()
    expected = await dump(opened())

    repaired = Archive.open(crashed, clock=Clock())
    assert (repaired.repairs.packs, repaired.repairs.indexed, repaired.repairs.cut_bytes) == (2, 9, 0)
    assert await dump(repaired) == expected
    await repaired.close()


@settings(max_examples=25, deadline=None)
@given(data=st.data())
async def test_a_pack_cut_anywhere_gives_the_instances_that_were_whole(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("data")
    archive = Archive.open(root / "live", clock=Clock(), settings=ArchiveSettings(held_bytes=2000))
    session = archive.session(ACTOR)
    empty = root / "crashed"
    await put(session, data_set(0))
    crash(root / "live", empty)
    (pack,) = await archive.change(lambda index: index.open_packs())
    ends = []
    for number in range(1, 5):
        await put(session, data_set(number, pixels=bytes(200 * number * number)))
        ends.append((await archive.change(lambda index: index.open_packs()))[0].indexed_length)
    path = pack_path(root / "live" / "packs", pack.id)
    cut = data.draw(st.integers(pack.indexed_length, path.stat().st_size))
    is_zeroed = data.draw(st.booleans())
    await archive.close()

    target = pack_path(empty / "packs", pack.id)
    whole = path.read_bytes()[: ends[-1]]
    # The tail never came, or only its length did.
    target.write_bytes(whole[:cut] + (bytes(len(whole) - cut) if is_zeroed else b""))
    repaired = Archive.open(empty, clock=Clock())
    # What a zeroed tail zeroed already is no loss: zeros may have been there.
    expected = [end for end in ends if end <= cut or (is_zeroed and not whole[cut:end].strip(b"\0"))]
    kept = await repaired.locate(series="1.2.3.1")
    assert len(kept) == 1 + len(expected)
    assert repaired.repairs.indexed == len(expected)
    for instance in kept[1:]:
        file = await repaired.read(instance, 0, instance.file_length)
        number = int(instance.sop_instance_uid.rpartition(".")[2])
        assert file.endswith(data_set(number, pixels=bytes(200 * number * number)))
    assert target.stat().st_size == (expected[-1] if expected else pack.indexed_length) + 1024
    assert target.stat().st_mode & 0o222 == 0
    await repaired.close()
    again = Archive.open(empty, clock=Clock())
    assert again.repairs == RepairReport()
    await again.close()


async def test_a_flipped_bit_in_the_tail_is_cut(
    opened: Opened, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    archive = opened()
    session = archive.session(ACTOR)
    await put(session, data_set(1))
    crashed = tmp_path_factory.mktemp("crash") / "data"
    crash(tmp_path, crashed)
    await put(session, data_set(2))
    (pack,) = await archive.select(select(schema.packs))
    raw = bytearray(pack_path(archive.packs, pack.id).read_bytes())
    raw[raw.rfind(b"\1\2" * 64)] ^= 1
    pack_path(crashed / "packs", pack.id).write_bytes(raw)
    repaired = Archive.open(crashed, clock=Clock())
    assert repaired.repairs.indexed == 0
    assert repaired.repairs.cut_bytes > 0
    assert len(await repaired.locate(series="1.2.3.1")) == 1
    await repaired.close()


async def test_zeros_written_ahead_are_no_torn_tail_and_what_is_torn_within_them_is_cut(
    opened: Opened, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    archive = opened()
    session = archive.session(ACTOR)
    for number in range(1, 8):
        await put(session, data_set(number))
    killed, torn = tmp_path_factory.mktemp("killed") / "data", tmp_path_factory.mktemp("torn") / "data"
    crash(tmp_path, killed)
    crash(tmp_path, torn)
    (pack,) = await archive.change(lambda index: index.open_packs())
    end = pack.indexed_length
    raw = bytearray(pack_path(killed / "packs", pack.id).read_bytes())
    assert len(raw) > end
    raw[end : end + 4000] = raw[:4000]  # the beginning of a member that is not whole
    raw[end + 3000 : end + 4000] = b"\1" * 1000
    pack_path(torn / "packs", pack.id).write_bytes(raw)
    for folder, cut in ((killed, 0), (torn, 4000)):
        repaired = Archive.open(folder, clock=Clock())
        assert (repaired.repairs.packs, repaired.repairs.indexed, repaired.repairs.cut_bytes) == (1, 0, cut)
        assert len(await repaired.locate(series="1.2.3.1")) == 7
        assert pack_path(folder / "packs", pack.id).stat().st_size == end + 1024
        await repaired.close()


async def test_a_pack_that_was_announced_but_never_made_is_forgotten(opened: Opened, tmp_path: Path) -> None:
    from sagittal.archive.index.writer import PackRow
    from sagittal.archive.packs.names import new_pack_id

    archive = opened()
    pack_id = new_pack_id(Clock().now_ns)
    await archive.change(lambda index: index.add_packs([PackRow(pack_id, "local", "1.2")]))
    await archive.close()
    again = opened()
    assert (again.repairs.empty, again.repairs.missing) == (1, ())
    assert (await dump(again))["packs"] == []


async def test_a_pack_that_is_gone_is_reported(
    opened: Opened, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    archive = opened()
    await put(archive.session(ACTOR), data_set())
    crashed = tmp_path_factory.mktemp("crash") / "data"
    crash(tmp_path, crashed)
    (path,) = (crashed / "packs").glob("*/*/*.tar")
    path.unlink()
    repaired = Archive.open(crashed, clock=Clock())
    assert repaired.repairs.missing == (path.stem,)
    assert not repaired.repairs.is_clean
    await repaired.close()


async def test_packs_without_an_index_are_not_taken_for_an_empty_archive(opened: Opened, tmp_path: Path) -> None:
    archive = opened()
    await put(archive.session(ACTOR), data_set())
    await archive.close()
    os.unlink(tmp_path / "index.db")
    with pytest.raises(Conflict, match="reindex"):
        Archive.open(tmp_path)
