"""The room of uploads, without sockets: pieces in any order, cut anywhere; what was said to be here is here."""

import asyncio
import hashlib
import io
import os
import threading
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file

from sagittal.archive.archive import Archive
from sagittal.errors import Exhausted, Invalid, NotFound, Refused
from sagittal.ingest.sources import Missing
from sagittal.ingest.uploads.model import (
    AlreadyComplete,
    DigestMismatch,
    LengthMismatch,
    Limits,
    Mark,
    OffsetMismatch,
    Piece,
    TooLarge,
    UploadReport,
)
from sagittal.ingest.uploads.shelf import Shelf, Spool, read_mark
from sagittal.ingest.uploads.unpacking import check_directory, items_in
from sagittal.ingest.uploads.uploads import Interrupted, Uploads
from sagittal.runtime.actor import EVERYTHING, Actor
from support.archives import file_bytes, instance

ALICE = Actor(door="api", name="alice", kind="person", account=1, grants=EVERYTHING)
BOB = Actor(door="api", name="bob", kind="person", account=2, grants=EVERYTHING)
MALLORY = Actor(door="api", name="mallory", kind="person", account=3)


class Cut(Exception):
    """The line broke."""


async def body(*chunks: bytes, then: BaseException | None = None) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    if then is not None:
        raise then


@asynccontextmanager
async def room(folder: Path, limits: Limits | None = None) -> AsyncIterator[Uploads]:
    archive = Archive.open(folder)
    try:
        yield Uploads(archive, limits or Limits(), 30)
    finally:
        await archive.close()


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not is_so():  # noqa: ASYNC110  # a report has no event of its own
            await asyncio.sleep(0.005)


async def ended(uploads: Uploads, upload_id: str, actor: Actor = ALICE) -> UploadReport:
    """The report once it is final."""
    working = asyncio.create_task(uploads.run())
    try:
        await until(lambda: uploads.report(actor, upload_id).state == "done")
        return uploads.report(actor, upload_id)
    finally:
        working.cancel()
        await asyncio.wait({working})


async def upload(uploads: Uploads, data: bytes, name: str = "a.dcm") -> str:
    begun = await uploads.begin(ALICE, name, len(data))
    await uploads.append(ALICE, begun.id, Piece(0, len(data)), body(data))
    return begun.id


def zipped(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


async def test_a_file_is_brought_in_once_it_is_whole(tmp_path: Path) -> None:
    data = file_bytes(instance())
    async with room(tmp_path) as uploads:
        name = await upload(uploads, data)
        report = await ended(uploads, name)
        assert (report.stored, report.refused, report.offset) == (1, (), len(data))
        assert len(report.studies) == 1
        assert not uploads._shelf.bytes_of(name).exists()


async def test_what_is_here_already_is_a_success(tmp_path: Path) -> None:
    data = file_bytes(instance())
    async with room(tmp_path) as uploads:
        await ended(uploads, await upload(uploads, data))
        report = await ended(uploads, await upload(uploads, data))
        assert (report.stored, report.duplicates, report.refused_count) == (0, 1, 0)


async def test_a_zip_tells_of_each_file_that_did_not_go_in(tmp_path: Path) -> None:
    data = zipped(**{"s/1.dcm": file_bytes(instance()), "s/2.dcm": file_bytes(instance()), "letter.txt": b"Dear"})
    async with room(tmp_path) as uploads:
        report = await ended(uploads, await upload(uploads, data, "cd.zip"))
        assert (report.stored, report.files) == (2, 3)
        assert [one.name for one in report.refused] == ["letter.txt"]


async def test_a_broken_zip_is_refused_by_the_name_its_sender_gave_it(tmp_path: Path) -> None:
    data = zipped(a=os.urandom(2000))
    async with room(tmp_path) as uploads:
        report = await ended(uploads, await upload(uploads, data[:100] + data[-60:], "cd.zip"))
        assert report.stored == 0
        assert [one.name for one in report.refused] == ["cd.zip"]
        assert str(tmp_path) not in report.refused[0].reason


async def test_a_single_file_is_refused_by_the_name_its_sender_gave_it(tmp_path: Path) -> None:
    async with room(tmp_path) as uploads:
        report = await ended(uploads, await upload(uploads, b"Dear colleague", "letter.txt"))
        assert [one.name for one in report.refused] == ["letter.txt"]


async def test_an_empty_file_is_told(tmp_path: Path) -> None:
    async with room(tmp_path) as uploads:
        report = await ended(uploads, await upload(uploads, b"", "empty"))
        assert [(one.name, one.reason) for one in report.refused] == [("empty", "the file is empty")]


async def test_nobody_sees_the_uploads_of_another(tmp_path: Path) -> None:
    async with room(tmp_path) as uploads:
        begun = await uploads.begin(ALICE, "a.dcm", 4)
        for attempt in (
            uploads.look(BOB, begun.id),
            uploads.append(BOB, begun.id, Piece(0, 1), body(b"x")),
            uploads.cancel(BOB, begun.id),
        ):
            with pytest.raises(NotFound):
                await attempt
        with pytest.raises(NotFound):
            uploads.report(BOB, begun.id)
        assert uploads.listed(BOB) == []
        assert [one.id for one in uploads.listed(ALICE)] == [begun.id]


async def test_who_may_not_store_may_not_begin(tmp_path: Path) -> None:
    async with room(tmp_path) as uploads:
        with pytest.raises(Refused):
            await uploads.begin(MALLORY, "a.dcm", 4)


async def test_who_may_store_elsewhere_only_may_not_begin_here(tmp_path: Path) -> None:
    grants = tuple(grant._replace(facilities=("north",)) for grant in EVERYTHING)
    carol = Actor(door="api", name="carol", kind="person", account=4, grants=grants, facility="south")
    async with room(tmp_path) as uploads:
        with pytest.raises(Refused):
            await uploads.begin(carol, "a.dcm", 4)


async def test_a_right_taken_away_ends_an_upload(tmp_path: Path) -> None:
    async with room(tmp_path) as uploads:
        begun = await uploads.begin(ALICE, "a.dcm", 4)
        without = Actor(door="api", name="alice", kind="person", account=1)
        with pytest.raises(Refused):
            await uploads.append(without, begun.id, Piece(0, 4), body(b"abcd"))


async def test_too_much_is_refused_before_a_byte_is_taken(tmp_path: Path) -> None:
    async with room(tmp_path, Limits(max_bytes=10, space_bytes=15, max_open=2)) as uploads:
        with pytest.raises(TooLarge):
            await uploads.begin(ALICE, "a", 11)
        await uploads.begin(ALICE, "a", 10)
        with pytest.raises(Exhausted):
            await uploads.begin(ALICE, "b", 6)
        await uploads.begin(ALICE, "b", 5)
        with pytest.raises(Exhausted):
            await uploads.begin(ALICE, "c", None)


async def test_a_stream_without_a_length_stops_at_the_cap(tmp_path: Path) -> None:
    async with room(tmp_path, Limits(max_bytes=10)) as uploads:
        begun = await uploads.begin(ALICE, "a", None)
        with pytest.raises(TooLarge):
            await uploads.append(ALICE, begun.id, Piece(0), body(b"x" * 11))
        assert (await uploads.look(ALICE, begun.id)).offset == 0


async def test_a_piece_with_a_wrong_digest_leaves_nothing(tmp_path: Path) -> None:
    good = ("sha1", hashlib.sha1(b"abcd").digest())
    async with room(tmp_path) as uploads:
        begun = await uploads.begin(ALICE, "a", 8)
        with pytest.raises(DigestMismatch):
            await uploads.append(ALICE, begun.id, Piece(0, 4, digest=good), body(b"abcx"))
        with pytest.raises(Cut):
            await uploads.append(ALICE, begun.id, Piece(0, 4, digest=good), body(b"ab", then=Cut()))
        assert (await uploads.look(ALICE, begun.id)).offset == 0
        assert (await uploads.append(ALICE, begun.id, Piece(0, 4, digest=good), body(b"ab", b"cd"))).offset == 4


async def test_nothing_of_a_piece_taken_back_is_in_the_file(tmp_path: Path) -> None:
    wrong = ("sha1", hashlib.sha1(b"else").digest())
    async with room(tmp_path) as uploads:
        begun = await uploads.begin(ALICE, "a", None)
        with pytest.raises(DigestMismatch):
            await uploads.append(ALICE, begun.id, Piece(0, 8, digest=wrong), body(b"abcdefgh"))
        shown = await uploads.append(ALICE, begun.id, Piece(0, 3, completes=True), body(b"xyz"))
        assert shown.is_complete
        assert uploads._shelf.bytes_of(begun.id).read_bytes() == b"xyz"


async def test_more_than_was_announced_is_not_taken(tmp_path: Path) -> None:
    async with room(tmp_path) as uploads:
        begun = await uploads.begin(ALICE, "a", 4)
        with pytest.raises(LengthMismatch):
            await uploads.append(ALICE, begun.id, Piece(0, 5), body(b"abcde"))
        with pytest.raises(LengthMismatch):
            await uploads.append(ALICE, begun.id, Piece(0), body(b"abcde"))
        with pytest.raises(LengthMismatch):
            await uploads.append(ALICE, begun.id, Piece(0, 3, completes=True), body(b"abc"))
        assert (await uploads.look(ALICE, begun.id)).offset == 0


async def test_a_request_that_hangs_is_overtaken_by_the_next(tmp_path: Path) -> None:
    async def stuck() -> AsyncIterator[bytes]:
        yield b"abc"
        await asyncio.Event().wait()

    async with room(tmp_path) as uploads:
        begun = await uploads.begin(ALICE, "a", 6)
        hanging = asyncio.create_task(uploads.append(ALICE, begun.id, Piece(0, 6), stuck()))
        await until(lambda: uploads._entries[begun.id].appender is not None)
        await asyncio.sleep(0.01)
        shown = await uploads.look(ALICE, begun.id)
        with pytest.raises(Interrupted):
            await hanging
        assert shown.offset == 3
        assert (await uploads.append(ALICE, begun.id, Piece(3, 3), body(b"def"))).is_complete


async def test_a_request_is_not_cut_off_while_it_saves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saving, go_on = threading.Event(), threading.Event()
    sync = Spool.sync

    def slow(spool: Spool, mark: Mark) -> None:
        sync(spool, mark)
        saving.set()
        go_on.wait(10)

    async with room(tmp_path) as uploads:
        begun = await uploads.begin(ALICE, "a", 6)
        monkeypatch.setattr(Spool, "sync", slow)
        breaking = asyncio.create_task(uploads.append(ALICE, begun.id, Piece(0, 6), body(b"abc", then=Cut())))
        await asyncio.to_thread(saving.wait, 10)
        looking = asyncio.create_task(uploads.look(ALICE, begun.id))
        await asyncio.sleep(0.01)
        go_on.set()
        assert (await looking).offset == 3
        with pytest.raises((Cut, asyncio.CancelledError, Interrupted)):
            await breaking


async def test_what_lies_too_long_is_forgotten(tmp_path: Path) -> None:
    now = [10**18]
    archive = Archive.open(tmp_path)
    uploads = Uploads(archive, Limits(expiry_s=100), 30, clock=lambda: now[0])
    begun = await uploads.begin(ALICE, "a", 6)
    now[0] += 101 * 10**9
    working = asyncio.create_task(uploads.run())
    await until(lambda: not uploads.listed(ALICE))
    working.cancel()
    assert not (tmp_path / "uploads" / begun.id).exists()
    await archive.close()


async def test_what_is_given_up_is_gone(tmp_path: Path) -> None:
    async with room(tmp_path) as uploads:
        begun = await uploads.begin(ALICE, "a", 6)
        await uploads.cancel(ALICE, begun.id)
        with pytest.raises(NotFound):
            await uploads.look(ALICE, begun.id)
        assert list((tmp_path / "uploads").iterdir()) == []


async def test_what_a_cancelled_run_had_begun_the_next_one_ends(tmp_path: Path) -> None:
    async with room(tmp_path) as uploads:
        names = [await upload(uploads, file_bytes(instance())) for _ in range(2)]
        for turns in range(40):  # the first runs end before anything, later ones in the middle of it
            running = asyncio.create_task(uploads.run())
            for _ in range(turns):
                await asyncio.sleep(0)
            running.cancel()
            await asyncio.wait({running})
        reports = [await ended(uploads, name) for name in names]
        assert [report.stored + report.duplicates for report in reports] == [1, 1]


async def test_uploads_and_reports_are_there_after_a_restart(tmp_path: Path) -> None:
    data = file_bytes(instance())
    async with room(tmp_path) as uploads:
        done = await upload(uploads, data)
        await ended(uploads, done)
        whole = await upload(uploads, file_bytes(instance()))
        half = (await uploads.begin(ALICE, "b.dcm", len(data), "filename Yg==")).id
        with pytest.raises(Cut):
            await uploads.append(ALICE, half, Piece(0, len(data)), body(data[:1000], then=Cut()))
        before = uploads.report(ALICE, done)
    async with room(tmp_path) as uploads:
        assert uploads.report(ALICE, done) == before
        shown = await uploads.look(ALICE, half)
        assert (shown.offset, shown.length, shown.metadata) == (1000, len(data), "filename Yg==")
        await uploads.append(ALICE, half, Piece(1000, len(data) - 1000), body(data[1000:]))
        assert (await ended(uploads, whole)).stored == 1
        assert (await ended(uploads, half)).duplicates == 1


async def test_bytes_beyond_the_mark_do_not_count(tmp_path: Path) -> None:
    async with room(tmp_path) as uploads:
        begun = await uploads.begin(ALICE, "a", 100)
        await uploads.append(ALICE, begun.id, Piece(0, 3), body(b"abc"))
        with uploads._shelf.bytes_of(begun.id).open("ab") as file:
            file.write(b"never acknowledged")
    async with room(tmp_path) as uploads:
        assert (await uploads.look(ALICE, begun.id)).offset == 3
        assert uploads._shelf.bytes_of(begun.id).read_bytes() == b"abc"


@pytest.mark.parametrize("torn", [0, 1])
def test_a_torn_mark_leaves_the_one_before(tmp_path: Path, torn: int) -> None:
    with spool(tmp_path) as (shelf, one):
        one.write(b"abcdef")
        for offset in range(1, 5):
            one.sync(Mark(offset, 6))
        path = shelf.root / "x" / "mark"
        data = bytearray(path.read_bytes())
        data[torn * 512 + 10] ^= 0xFF
        path.write_bytes(data)
        assert read_mark(path).offset in (3, 4)


@contextmanager
def spool(folder: Path) -> Iterator[tuple[Shelf, Spool]]:
    shelf = Shelf(folder)
    (folder / "x").mkdir()
    (folder / "x" / "bytes").touch()
    (folder / "x" / "mark").touch()
    one = Spool(shelf, "x", 0)
    try:
        yield shelf, one
    finally:
        one.close()


def test_what_the_dicomdir_in_a_zip_lists_and_did_not_come_is_told(tmp_path: Path) -> None:
    directory = Path(str(get_testdata_file("DICOMDIR"))).read_bytes()
    path = tmp_path / "cd.zip"
    path.write_bytes(zipped(**{"CD/DICOMDIR": directory, "CD/77654033/cr1/6154": b"one of them"}))
    found = items_in(path, "cd.zip", Limits())
    missing = [one.name for one in found if isinstance(one, Missing)]
    assert len(missing) == 30
    assert "CD/77654033/CR2/6247" in missing
    assert "CD/77654033/CR1/6154" not in missing
    path.write_bytes(zipped(DICOMDIR=b"no directory"))
    assert items_in(path, "cd.zip", Limits()) == []


def test_a_zip_that_would_unpack_to_too_much_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    path.write_bytes(zipped(zeros=bytes(3_000_000)))
    assert path.stat().st_size < 10_000
    with pytest.raises(Refused):
        items_in(path, "bomb.zip", Limits(max_bytes=1_000_000))
    (item,) = items_in(path, "bomb.zip", Limits())
    assert item.name == "zeros"


def test_a_zip_with_a_monstrous_table_of_contents_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    end = b"PK\5\6" + bytes(4) + b"\xff\xff\xff\xff" + (2**31).to_bytes(4, "little") + bytes(6)
    path.write_bytes(bytes(100) + end)
    with pytest.raises(Refused):
        check_directory(path)


def test_a_member_larger_than_an_instance_may_be_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zipped(big=bytes(2000), small=bytes(10)))
    found = items_in(path, "a.zip", Limits(max_object_bytes=1000))
    assert [getattr(one, "reason", "") != "" for one in found] == [True, False]


STEP = st.tuples(
    st.integers(0, 12),  # where the piece begins
    st.integers(0, 12),  # how many bytes of it come
    st.booleans(),  # whether the line breaks after them
    st.sampled_from([None, False, True]),  # what the sender says of its being the last
    st.booleans(),  # whether the archive is opened again before
)


@given(length=st.none() | st.integers(0, 12), steps=st.lists(STEP, max_size=8))
@settings(max_examples=60, deadline=None)
def test_pieces_in_any_order_and_cut_anywhere_give_the_bytes_that_were_acknowledged(
    length: int | None, steps: list[tuple[int, int, bool, bool | None, bool]]
) -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(_any_order(Path(folder), length, steps))


async def _any_order(root: Path, length: int | None, steps: list[tuple[int, int, bool, bool | None, bool]]) -> None:
    whole = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    expected = 0
    shelf_only = _Rooms(root)
    uploads = shelf_only.open()
    upload_id = (await uploads.begin(ALICE, "a", length)).id
    for offset, size, breaks, completes, reopens in steps:
        uploads = shelf_only.open() if reopens else uploads
        sent = whole[offset : offset + size]
        before = await uploads.look(ALICE, upload_id)
        assert before.offset == expected
        piece = Piece(offset, len(sent), completes=completes)
        try:
            after = await uploads.append(
                ALICE, upload_id, piece, body(sent[: size // 2], sent[size // 2 :], then=Cut() if breaks else None)
            )
        except Cut:
            expected = offset + len(sent)
            continue
        except OffsetMismatch as error:
            assert (error.expected, error.provided) == (expected, offset)  # noqa: PT017  # one of many outcomes
            assert offset != expected
            continue
        except (AlreadyComplete, LengthMismatch):
            continue
        expected = after.offset
        assert after.offset == offset + len(sent) or before.is_complete
    assert uploads._shelf.bytes_of(upload_id).read_bytes() == whole[:expected]
    assert (await uploads.look(ALICE, upload_id)).offset == expected


class _Rooms:
    """Rooms over one folder, each as after a restart; without an archive, which is not asked."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.witness = None

    def open(self) -> Uploads:
        return Uploads(self, Limits(), 30)  # type: ignore[arg-type]  # no more of an archive is needed


async def test_names_and_metadata_have_caps(tmp_path: Path) -> None:
    async with room(tmp_path) as uploads:
        with pytest.raises(Invalid):
            await uploads.begin(ALICE, "x" * 2000, 4)
