"""Contract of the put path: what is answered is durable, once, and nothing half is left behind."""

import asyncio
import os
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from sagittal.archive.archive import Archive
from sagittal.archive.damage import Looked, note_verified
from sagittal.archive.index import schema
from sagittal.archive.model import Arrival, Stored
from sagittal.archive.packs.disk import Disk
from sagittal.archive.packs.names import pack_path
from sagittal.archive.settings import ArchiveSettings
from sagittal.dicom.dataset import Header, read_file_meta
from sagittal.dicom.frames import FrameTable
from sagittal.dicom.identifiers import TransferSyntaxUID
from sagittal.errors import Conflict, Corrupt, Exhausted, Invalid
from sagittal.runtime.deadline import Deadline
from support.data_sets import CT, EXPLICIT_LITTLE, RLE, data_set, encapsulated
from support.puts import ACTOR, Clock, put

Opened = Callable[..., Archive]
SMALL = ArchiveSettings(held_bytes=1000, sync_every_bytes=2000)


async def content(archive: Archive, uid: str) -> bytes:
    (instance,) = await archive.locate(instance=uid)
    file = b"".join([chunk async for chunk in archive.stream(instance)])
    assert len(file) == instance.file_length
    return file[instance.data_set_offset :]


async def counts(archive: Archive) -> dict[str, int]:
    tables = (schema.patients, schema.studies, schema.series, schema.instances, schema.conflicts, schema.events)
    return {table.name: len(await archive.select(select(table))) for table in tables}


@pytest.mark.parametrize("settings", [ArchiveSettings(), SMALL], ids=["held", "streamed"])
async def test_what_was_put_is_read_back_as_it_was_sent(opened: Opened, settings: ArchiveSettings) -> None:
    archive = opened(settings=settings)
    session = archive.session(ACTOR)
    sent = [data_set(number, pixels=os.urandom(128 + 4000 * number)) for number in range(1, 6)]
    stored = [await put(session, data, piece=700) for data in sent]
    assert [one.outcome for one in stored] == ["stored"] * 5
    assert [await content(archive, one.sop_instance_uid) for one in stored] == sent
    assert await counts(archive) == {
        "patients": 1, "studies": 1, "series": 1, "instances": 5, "conflicts": 0, "events": 5
    }  # fmt: skip
    packs = await archive.select(select(schema.packs))
    assert len(packs) == 1


@pytest.mark.parametrize("settings", [ArchiveSettings(), SMALL], ids=["held", "streamed"])
async def test_a_sealed_pack_is_a_tar_of_part_10_files_with_our_header(
    opened: Opened, settings: ArchiveSettings, tmp_path: Path
) -> None:
    archive = opened(settings=settings)
    session = archive.session(ACTOR)
    sent = data_set(1, pixels=bytes(5000))
    await put(session, sent)
    await session.close()
    (pack,) = await archive.select(select(schema.packs))
    assert (pack.state, pack.length) == ("sealed", pack_path(tmp_path / "packs", pack.id).stat().st_size)
    with tarfile.open(pack_path(tmp_path / "packs", pack.id)) as tar:
        (member,) = tar
        file = tar.extractfile(member).read()  # type: ignore[union-attr]  # it is a file
    meta = read_file_meta(file, is_end=True)
    assert (meta.sop_class_uid, meta.sop_instance_uid, meta.transfer_syntax_uid, meta.source_aet) == (
        CT, "1.2.3.1.1", EXPLICIT_LITTLE, "CT1"
    )  # fmt: skip
    assert file[meta.data_set_offset :] == sent
    assert member.name == "000001-1.2.3.1.1.dcm"


async def test_a_part_10_file_keeps_the_header_it_came_with(opened: Opened) -> None:
    archive = opened()
    header = b"\7" * 128 + b"DICM whatever it says"
    await put(archive.session(ACTOR), data_set(), header=header)
    (instance,) = await archive.locate(study="1.2.3")
    assert await archive.read(instance, 0, instance.file_length) == header + data_set()


@pytest.mark.parametrize("settings", [ArchiveSettings(), SMALL], ids=["held", "streamed"])
async def test_the_same_bytes_again_are_a_duplicate_and_take_no_room(opened: Opened, settings: ArchiveSettings) -> None:
    archive = opened(settings=settings)
    session = archive.session(ACTOR)
    data = data_set(pixels=bytes(4000))
    await put(session, data)
    before = await counts(archive)
    (pack,) = await archive.select(select(schema.packs))
    size = pack_path(archive.packs, pack.id).stat().st_size
    again = await put(session, data)
    other = await put(archive.session(ACTOR), data)
    assert (again.outcome, other.outcome) == ("duplicate", "duplicate")
    assert await counts(archive) == before
    assert pack_path(archive.packs, pack.id).stat().st_size == size
    # The pack goes on as if nothing had been.
    assert (await put(session, data_set(2, pixels=bytes(4000)))).outcome == "stored"
    assert await content(archive, "1.2.3.1.2") == data_set(2, pixels=bytes(4000))


@pytest.mark.parametrize("settings", [ArchiveSettings(), SMALL], ids=["held", "streamed"])
async def test_other_bytes_under_the_same_uid_are_kept_beside_once(opened: Opened, settings: ArchiveSettings) -> None:
    archive = opened(settings=settings)
    session = archive.session(ACTOR)
    first, other = data_set(pixels=bytes(4000)), data_set(pixels=b"\1\0" * 2000)
    await put(session, first)
    assert [(await put(session, other)).outcome for _ in range(2)] == ["conflict", "conflict"]
    assert await content(archive, "1.2.3.1.1") == first
    (beside,) = await archive.select(select(schema.conflicts))
    file = pack_path(archive.packs, beside.pack).read_bytes()
    assert file[beside.file_offset : beside.file_offset + beside.file_length].endswith(other)
    assert [event.kind for event in await archive.events(0, 10)] == ["instance.stored", "instance.conflict"]


async def test_two_of_one_uid_in_one_batch_are_one_instance(opened: Opened) -> None:
    archive = opened()
    sessions = [archive.session(ACTOR) for _ in range(8)]
    outcomes = await asyncio.gather(*(put(session, data_set()) for session in sessions))
    assert sorted(one.outcome for one in outcomes) == ["duplicate"] * 7 + ["stored"]
    assert (await counts(archive))["instances"] == 1


async def test_many_sessions_at_once_keep_all_they_were_told_about(opened: Opened) -> None:
    archive = opened(settings=SMALL)

    async def send(number: int) -> list[bytes]:
        session = archive.session(ACTOR)
        sent = [
            data_set(n, study=f"1.9.{number % 2}", series=f"1.9.{number}", pixels=os.urandom(100 * n))
            for n in range(1, 15)
        ]
        for data in sent:
            assert (await put(session, data)).outcome == "stored"
        await session.close()
        return sent

    all_sent = await asyncio.gather(*map(send, range(6)))
    for number, sent in enumerate(all_sent):
        kept = [await content(archive, f"1.9.{number}.{n}") for n in range(1, 15)]
        assert kept == sent
    studies = await archive.select(select(schema.studies.c.series, schema.studies.c.instances))
    assert sorted(map(tuple, studies)) == [(3, 42), (3, 42)]


class Failing(Disk):
    """Local files until told otherwise."""

    write_room: int | None = None
    fails_sync = fails_create = False

    def write(self, descriptor, buffers, offset):  # type: ignore[no-untyped-def]  # as Disk.write
        if self.write_room is None:
            return super().write(descriptor, buffers, offset)
        data = b"".join(buffers)[: self.write_room]
        if not data:
            raise OSError(28, "No space left on device")
        self.write_room -= len(data)
        return os.pwrite(descriptor, data, offset)

    def sync(self, descriptor: int) -> None:
        if self.fails_sync:
            raise OSError(5, "Input/output error")
        super().sync(descriptor)

    def create(self, path: Path) -> int:
        if self.fails_create:
            raise OSError(28, "No space left on device")
        return super().create(path)


@pytest.mark.parametrize("settings", [ArchiveSettings(), SMALL], ids=["held", "streamed"])
@pytest.mark.parametrize("fault", ["write", "late write", "sync", "create", "index"])
async def test_after_a_failing_disk_nothing_half_is_there_and_the_archive_goes_on(
    opened: Opened, settings: ArchiveSettings, fault: str
) -> None:
    disk = Failing()
    archive = opened(settings=settings, disk=disk)
    session = archive.session(ACTOR)
    await put(session, data_set(1))
    if fault == "create":
        session = archive.session(ACTOR)
        disk.fails_create = True
    elif fault == "sync":
        disk.fails_sync = True
    elif fault == "index":
        await archive.change(lambda index: index._connection.execute("PRAGMA max_page_count=1"))
    else:
        disk.write_room = 0 if fault == "write" else 5000
    last = 1
    with pytest.raises(Exhausted):
        while last < 200:
            last += 1
            await put(session, data_set(last, pixels=bytes(6000)))
    disk.fails_create = disk.fails_sync = False
    disk.write_room = None
    await archive.change(lambda index: index._connection.execute("PRAGMA max_page_count=1000000"))
    assert (await put(session, data_set(last, pixels=bytes(6000)))).outcome == "stored"
    assert await content(archive, f"1.2.3.1.{last}") == data_set(last, pixels=bytes(6000))
    assert (await counts(archive))["instances"] == last
    await archive.close()
    again = opened()
    assert again.repairs.indexed == 0
    assert again.repairs.cut_bytes == 0
    assert (await counts(again))["instances"] == last


async def test_one_bad_instance_takes_no_other_of_its_batch_along(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sagittal.archive.index import rows, writer

    real = rows.instance_row

    def picky(placed, *rest):  # type: ignore[no-untyped-def]  # as instance_row
        if placed.identity.sop_instance_uid.endswith(".13"):
            raise ZeroDivisionError
        return real(placed, *rest)

    monkeypatch.setattr(writer, "instance_row", picky)
    archive = opened()
    outcomes = await asyncio.gather(
        *(put(archive.session(ACTOR), data_set(number)) for number in range(10, 17)), return_exceptions=True
    )
    assert [getattr(one, "outcome", type(one)) for one in outcomes] == ["stored"] * 3 + [ZeroDivisionError] + [
        "stored"
    ] * 3


@pytest.mark.parametrize("settings", [ArchiveSettings(), SMALL], ids=["held", "streamed"])
async def test_an_aborted_instance_leaves_nothing(opened: Opened, settings: ArchiveSettings) -> None:
    archive = opened(settings=settings)
    session = archive.session(ACTOR)
    incoming = session.begin(Arrival(transfer_syntax_uid=TransferSyntaxUID(EXPLICIT_LITTLE)))
    if incoming.write(data_set(pixels=bytes(8000))[:6000]):
        await incoming.drain()
    await incoming.abort()
    await incoming.abort()
    forgotten = session.begin(Arrival(transfer_syntax_uid=TransferSyntaxUID(EXPLICIT_LITTLE)))
    if forgotten.write(data_set(pixels=bytes(8000))[:6000]):
        await forgotten.drain()
    await session.close()
    assert await counts(archive) == dict.fromkeys(await counts(archive), 0)
    assert list(archive.packs.glob("*/*/*")) == []
    assert await archive.select(select(schema.packs)) == []


async def test_the_check_of_a_room_sees_the_header_once_and_may_refuse(opened: Opened) -> None:
    seen: list[Header] = []

    def check(header: Header) -> None:
        seen.append(header)
        raise Invalid("not today")

    archive = opened()
    session = archive.session(ACTOR)
    incoming = session.begin(Arrival(transfer_syntax_uid=TransferSyntaxUID(EXPLICIT_LITTLE)), check)
    with pytest.raises(Invalid, match="not today"):
        incoming.write(data_set())
    await incoming.abort()
    assert len(seen) == 1
    assert (await counts(archive))["instances"] == 0


@pytest.mark.parametrize("tag", [0x0020000D, 0x0020000E, 0x00080018, 0x00080016])
async def test_a_data_set_that_does_not_say_which_instance_it_is_is_refused(opened: Opened, tag: int) -> None:
    archive = opened()
    with pytest.raises(Invalid):
        await put(archive.session(ACTOR), data_set(more={tag: None}))


async def test_what_the_peer_announced_stands_in_for_missing_sop_attributes(opened: Opened) -> None:
    archive = opened()
    incoming = archive.session(ACTOR).begin(
        Arrival(transfer_syntax_uid=TransferSyntaxUID(EXPLICIT_LITTLE), sop_class_uid=CT, sop_instance_uid="1.2.9")
    )
    incoming.write(data_set(more={0x00080018: None, 0x00080016: None}))
    stored = await incoming.commit(Deadline.after(60))
    assert (stored.sop_instance_uid, stored.sop_class_uid) == ("1.2.9", CT)


async def test_a_data_set_cut_inside_an_element_is_refused(opened: Opened) -> None:
    archive = opened()
    with pytest.raises(Invalid):
        await put(archive.session(ACTOR), data_set(pixels=b"")[:-3])


@pytest.mark.parametrize("piece", [1 << 17, 333])
async def test_frames_of_encapsulated_pixels_are_found_while_the_bytes_go_by(opened: Opened, piece: int) -> None:
    archive = opened(settings=SMALL)
    fragments = [os.urandom(2 * n) for n in (900, 10, 400)]
    data = encapsulated(fragments, more={0x00280008: b"3"})
    await put(archive.session(ACTOR), data, syntax=RLE, piece=piece)
    (instance,) = await archive.locate(instance="1.2.3.1.1")
    assert (instance.frames, instance.pixel_length) == (3, None)
    assert instance.frame_table is not None
    assert instance.pixel_offset is not None
    found = []
    for frame in FrameTable.from_bytes(instance.frame_table):
        for offset, length in frame:
            start = instance.data_set_offset + instance.pixel_offset + offset
            found.append(await archive.read(instance, start, length))
    assert found == fragments


async def test_memory_of_an_instance_does_not_grow_with_it(opened: Opened) -> None:
    import tracemalloc

    archive = opened(settings=ArchiveSettings(held_bytes=1 << 18))
    session = archive.session(ACTOR)
    incoming = session.begin(Arrival(transfer_syntax_uid=TransferSyntaxUID(EXPLICIT_LITTLE)))
    start = data_set(pixels=bytes(32 << 20))
    tracemalloc.start()
    for at in range(0, len(start), 1 << 16):
        if incoming.write(bytearray(start[at : at + (1 << 16)])):
            await incoming.drain()
    await incoming.commit(Deadline.after(60))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


async def test_a_passed_deadline_is_told_and_the_archive_goes_on(opened: Opened) -> None:
    archive = opened()
    session = archive.session(ACTOR)
    incoming = session.begin(Arrival(transfer_syntax_uid=TransferSyntaxUID(EXPLICIT_LITTLE)))
    incoming.write(data_set(1))
    release = asyncio.Event()
    loop = asyncio.get_running_loop()
    entered = asyncio.Event()

    def hold(_: object) -> None:
        loop.call_soon_threadsafe(entered.set)
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result()

    blocked = asyncio.ensure_future(archive.change(hold))
    await entered.wait()  # the committing thread is held before the instance is queued
    with pytest.raises(Exhausted):
        await incoming.commit(Deadline.after(0))
    release.set()
    await blocked
    assert (await counts(archive))["instances"] == 0
    assert (await put(session, data_set(1))).outcome == "stored"


async def test_a_second_process_is_told_which_folder_is_in_use(opened: Opened, tmp_path: Path) -> None:
    opened()
    with pytest.raises(Conflict, match=str(tmp_path)):
        Archive.open(tmp_path)


async def test_time_of_receipt_rises_strictly_though_the_clock_stands_still(opened: Opened, clock: Clock) -> None:
    archive = opened()
    session = archive.session(ACTOR)
    for number in range(5):
        await put(session, data_set(number))
    await archive.close()
    again = opened()
    await put(again.session(ACTOR), data_set(9))
    rows = await again.select(select(schema.instances.c.received_ns).order_by(schema.instances.c.id))
    times = [row.received_ns for row in rows]
    assert times == sorted(set(times))
    assert times[0] >= clock.now_ns


async def test_the_feed_wakes_those_who_wait(opened: Opened) -> None:
    archive = opened()
    assert not await archive.changed(0, Deadline.after(0))
    waiting = asyncio.ensure_future(archive.changed(0, Deadline.after(60)))
    await asyncio.sleep(0)
    await put(archive.session(ACTOR), data_set())
    assert await waiting
    (event,) = await archive.events(0, 10)
    assert (event.kind, event.sop_instance_uid, event.actor) == ("instance.stored", "1.2.3.1.1", "dimse:CT1@192.0.2.7")
    assert await archive.events(event.seq, 10) == ()


async def test_more_series_than_packs_may_be_open_seal_the_least_used(opened: Opened) -> None:
    archive = opened(settings=ArchiveSettings(max_session_packs=2))
    session = archive.session(ACTOR)
    for number in range(6):
        await put(session, data_set(1, series=f"1.5.{number}"))
    await archive.change(lambda _: None)
    states = await archive.select(select(schema.packs.c.state).order_by(schema.packs.c.id))
    assert sorted(row.state for row in states) == ["open"] * 2 + ["sealed"] * 4


async def test_a_full_pack_is_followed_by_another(opened: Opened) -> None:
    archive = opened(settings=ArchiveSettings(max_pack_bytes=4000))
    session = archive.session(ACTOR)
    for number in range(6):
        await put(session, data_set(number, pixels=bytes(1000)))
    await session.close()
    assert len(await archive.select(select(schema.packs))) == 3
    for number in range(6):
        assert await content(archive, f"1.2.3.1.{number}") == data_set(number, pixels=bytes(1000))


async def test_stored_instances_say_where_pixels_lie(opened: Opened) -> None:
    archive = opened()
    await put(archive.session(ACTOR), data_set(1))
    (instance,) = await archive.locate(series="1.2.3.1", study="1.2.3")
    assert instance.pixel_offset is not None
    start = instance.data_set_offset + instance.pixel_offset
    assert await archive.read(instance, start, instance.pixel_length or 0) == b"\1\2" * 64
    assert (instance.frames, instance.native_frame_bits, instance.pixel_tag) == (1, 8 * 8 * 16, 0x7FE00010)
    assert msgspec.structs.asdict(instance)["is_corrupt"] is False
    with pytest.raises(Invalid):
        await archive.read(instance, 0, instance.file_length + 1)


@pytest.mark.parametrize("settings", [ArchiveSettings(), SMALL], ids=["held", "streamed"])
async def test_a_second_copy_takes_the_place_of_a_damaged_instance(opened: Opened, settings: ArchiveSettings) -> None:
    archive = opened(settings=settings)
    session = archive.session(ACTOR)
    data = data_set(pixels=bytes(4000))
    await put(session, data)
    await put(session, data_set(2))
    (damaged,) = await archive.locate(instance="1.2.3.1.1")
    changed = [Looked("instances", 1, damaged.file_offset, True)]
    pack = damaged.pack_id
    await archive.change(lambda index: note_verified(index, archive.records, archive.packs, pack, 0, changed))
    with pytest.raises(Corrupt):
        await content(archive, "1.2.3.1.1")
    assert (await put(session, data_set(pixels=b"\1\0" * 2000))).outcome == "conflict"
    assert (await put(session, data)).outcome == "stored"
    assert await content(archive, "1.2.3.1.1") == data
    assert (await put(session, data)).outcome == "duplicate"
    kinds = [event.kind for event in await archive.events(2, 10)]
    assert kinds == ["instance.corrupt", "instance.conflict", "instance.intact"]
    (series,) = await archive.select(select(schema.series))
    assert series.instances == 2


async def test_instances_of_one_series_side_by_side_in_one_session_share_few_packs(opened: Opened) -> None:
    archive = opened(settings=SMALL)
    session = archive.session(ACTOR)

    async def send(first: int) -> None:
        for number in range(first, first + 10):
            await put(session, data_set(number, pixels=os.urandom(300 * (1 + number % 17))), piece=500)

    await asyncio.gather(*(send(10 * number) for number in range(4)))
    assert (await counts(archive))["instances"] == 40
    assert len(await archive.select(select(schema.packs))) <= 4
    for instance in await archive.locate(study="1.2.3"):
        file = await archive.read(instance, 0, instance.file_length)
        assert blake3(file).digest() == instance.digest


async def test_an_instance_whose_session_was_closed_is_not_committed(opened: Opened) -> None:
    archive = opened(settings=SMALL)
    for held in (500, 5000):
        session = archive.session(ACTOR)
        incoming = session.begin(Arrival(transfer_syntax_uid=TransferSyntaxUID(EXPLICIT_LITTLE)))
        if incoming.write(data_set(pixels=bytes(held))):
            await incoming.drain()
        committing = asyncio.ensure_future(incoming.commit(Deadline.after(60)))
        closing = asyncio.ensure_future(session.close())
        outcome, _ = await asyncio.gather(committing, closing, return_exceptions=True)
        assert isinstance(outcome, Exhausted | Stored)
        with pytest.raises(Exhausted):
            incoming.write(b"more")
        with pytest.raises(Exhausted):
            await incoming.commit(Deadline.after(60))
        with pytest.raises(Exhausted):
            session.begin(Arrival(transfer_syntax_uid=TransferSyntaxUID(EXPLICIT_LITTLE)))
    stored = (await counts(archive))["instances"]
    await archive.close()
    again = opened()
    assert again.repairs.indexed == 0
    assert (await counts(again))["instances"] == stored


@settings(max_examples=30, deadline=None)
@given(data=st.data())
async def test_however_a_data_set_is_cut_the_same_is_kept(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("data")
    sent = encapsulated([bytes(range(n)) for n in (40, 8, 200)], more={0x00280008: b"3"})
    seen = []
    for held in (1 << 20, data.draw(st.integers(1, 1500))):
        archive = Archive.open(root / str(held), clock=Clock(), settings=ArchiveSettings(held_bytes=held))
        incoming = archive.session(ACTOR).begin(Arrival(transfer_syntax_uid=TransferSyntaxUID(RLE)))
        at = 0
        while at < len(sent):
            size = data.draw(st.integers(1, 400))
            if incoming.write(bytearray(sent[at : at + size])):
                await incoming.drain()
            at += size
        await incoming.commit(Deadline.after(60))
        (row,) = await archive.select(select(schema.instances))
        seen.append({**row._mapping, "pack": "", "file_offset": 0})
        await archive.close()
    assert seen[0] == seen[1]
    assert seen[0]["frame_table"] is not None


async def test_what_still_holds_an_instance_that_is_stored_does_not_hold_its_bytes(opened: Opened) -> None:
    archive = opened()
    session = archive.session(ACTOR)
    data = data_set()
    incoming = session.begin(Arrival(transfer_syntax_uid=TransferSyntaxUID(EXPLICIT_LITTLE)))
    incoming.write(data)
    held = sys.getrefcount(data)
    await incoming.commit(Deadline.after(60))
    await session.close()
    await asyncio.sleep(0)
    assert sys.getrefcount(data) < held
