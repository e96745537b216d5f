import os
import stat
import tarfile
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from sagittal.archive.packs import tar
from sagittal.archive.packs.disk import Disk
from sagittal.archive.packs.facts import Facts, decode_facts, encode_facts
from sagittal.archive.packs.names import member_name, new_pack_id, pack_path
from sagittal.archive.packs.scan import Member, Scan, is_whole
from sagittal.archive.packs.writer import Folders, PackWriter
from sagittal.errors import Exhausted, Invalid

NOW = 1_760_000_000_000_000_000


def facts_of(file: bytes, received_ns: int = NOW) -> Facts:
    return Facts(
        digest=blake3(file).hexdigest(),
        digest_data_set=blake3(file).hexdigest(),
        received_ns=received_ns,
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        data_set_offset=0,
    )


def new_writer(root: Path, disk: Disk | None = None) -> PackWriter:
    disk = disk or Disk()
    writer = PackWriter(new_pack_id(NOW), "local", "1.2", disk)
    writer.open(root, Folders(root, disk))
    return writer


def append(writer: PackWriter, uid: str, file: bytes) -> int:
    return writer.append(uid, facts_of(file), [file[:5], memoryview(file)[5:]], len(file))


def stream(writer: PackWriter, uid: str, file: bytes) -> int:
    offset = writer.stream_offset
    for at in range(0, len(file), 1000):
        offset = writer.append_streamed(offset, [file[at : at + 1000]])
    return writer.finish_streamed(uid, facts_of(file), len(file))


def scan_all(path: Path, start: int = 0) -> tuple[list[Member], Scan]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        scan = Scan(descriptor, start)
        return list(scan), scan
    finally:
        os.close(descriptor)


def test_tarfile_and_the_own_scanner_read_back_what_was_appended_and_streamed(tmp_path: Path) -> None:
    files = {"1.2.3": b"a" * 1500, "1.2.4": b"", "1.2.5": os.urandom(5000), "no uid/..": b"x" * 512}
    writer = new_writer(tmp_path)
    offsets = []
    for position, (uid, file) in enumerate(files.items()):
        offsets.append((append if position % 2 else stream)(writer, uid, file))
        writer.sync()
        writer.keep()
    assert writer.seal(tmp_path) > 0
    path = pack_path(tmp_path, writer.pack_id)

    with tarfile.open(path) as archive:
        names = archive.getnames()
        contents = [archive.extractfile(member).read() for member in archive]  # type: ignore[union-attr]  # all are files
        comments = [decode_facts(member.pax_headers["comment"].encode()) for member in archive]
    members, scan = scan_all(path)
    assert names == [member_name(number, uid) for number, uid in enumerate(files, 1)]
    assert contents == list(files.values())
    assert comments == [facts_of(file) for file in files.values()]
    assert [(member.name, member.file_offset, member.facts) for member in members] == list(
        zip(names, offsets, comments, strict=True)
    )
    assert scan.is_sealed
    assert all(offset % tar.BLOCK == 0 for offset in offsets)


@settings(max_examples=30, deadline=None)
@given(
    files=st.lists(st.tuples(st.booleans(), st.binary(max_size=1600)), min_size=1, max_size=4),
    cut=st.floats(0, 1),
    data=st.data(),
)
def test_every_prefix_of_a_pack_gives_the_members_that_were_whole(
    tmp_path_factory: pytest.TempPathFactory, files: list[tuple[bool, bytes]], cut: float, data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("packs")
    writer = new_writer(root)
    ends = []
    for number, (is_streamed, file) in enumerate(files):
        (stream if is_streamed else append)(writer, f"1.{number}", file)
        ends.append(writer.end)
    path = pack_path(root, writer.pack_id)
    length = data.draw(st.integers(0, path.stat().st_size))
    os.truncate(path, length)

    members, scan = scan_all(path)
    expected = [end for end in ends if end <= length]
    assert [member.end for member in members] == expected
    assert scan.end == (expected[-1] if expected else 0)
    assert not scan.is_sealed


def test_a_header_whose_data_never_reached_the_disk_is_told_by_the_digest(tmp_path: Path) -> None:
    writer = new_writer(tmp_path)
    append(writer, "1.2", b"whole" * 400)
    torn = append(writer, "1.3", b"torn" * 400)
    path = pack_path(tmp_path, writer.pack_id)
    descriptor = os.open(path, os.O_RDWR)
    os.pwrite(descriptor, bytes(700), torn + 600)
    members = list(Scan(descriptor))
    assert [is_whole(descriptor, member) for member in members] == [True, False]
    os.close(descriptor)


def test_a_member_over_8_gib_has_its_size_in_a_pax_record(tmp_path: Path) -> None:
    size = 9 << 30
    head = tar.member_headers("000001-1.2.dcm", b"{}", size, 1_700_000_000, body_bytes=tar.STREAM_BODY_BYTES)
    assert len(head) == tar.STREAM_ROOM_BYTES
    parsed = tar.parse_headers(head)
    assert isinstance(parsed, tar.MemberHead)
    assert parsed.length == size
    path = tmp_path / "sparse.tar"
    path.write_bytes(head)
    os.truncate(path, len(head) + size)
    with tarfile.open(path) as archive:
        assert [member.size for member in archive] == [size]


@given(st.binary(max_size=3000))
def test_arbitrary_bytes_are_no_member(data: bytes) -> None:
    parsed = tar.parse_headers(data)
    assert parsed is None or isinstance(parsed, int)


@given(st.binary(min_size=1, max_size=2000), st.integers(0, 2559), st.integers(1, 255))
def test_a_flipped_header_byte_never_changes_what_is_read(comment: bytes, at: int, flip: int) -> None:
    comment = comment.replace(b"\n", b"")
    head = bytearray(tar.member_headers("000001-1.2.dcm", comment, 77, 1_700_000_000))
    at %= len(head)
    was = tar.parse_headers(bytes(head))
    in_body = tar.BLOCK <= at < len(head) - tar.BLOCK
    head[at] ^= flip
    now = tar.parse_headers(bytes(head))
    assert in_body or now is None or isinstance(now, int) or now == was


def test_facts_fit_their_room_whatever_peers_call_themselves() -> None:
    from sagittal.archive.model import Arrival
    from sagittal.archive.packs.facts import MAX_FACTS_BYTES, state_facts
    from sagittal.dicom.identifiers import TransferSyntaxUID
    from sagittal.runtime.actor import Actor

    long = '"\\é\0' * 500
    facts = state_facts(
        Actor(door=long, name=long, called=long, address=long, facility=long),
        Arrival(transfer_syntax_uid=TransferSyntaxUID(long), sop_class_uid=long, sop_instance_uid=long),
        digest="0" * 64,
        digest_data_set="0" * 64,
        received_ns=NOW,
        data_set_offset=1000,
    )
    assert len(encode_facts(facts)) <= MAX_FACTS_BYTES


def test_pack_ids_rise_with_time_and_only_they_become_paths() -> None:
    ids = [new_pack_id(NOW + 1_000_000 * step) for step in range(50)]
    assert ids == sorted(ids)
    for wrong in ("../../etc/passwd", "", ids[0].upper() + "\n", ids[0][:-1]):
        with pytest.raises(Invalid):
            pack_path(Path("packs"), wrong)


def test_a_sealed_pack_is_read_only_and_an_empty_one_is_gone(tmp_path: Path) -> None:
    full, empty = new_writer(tmp_path), new_writer(tmp_path)
    append(full, "1.2", b"abc")
    full.keep()
    assert full.seal(tmp_path) == pack_path(tmp_path, full.pack_id).stat().st_size
    assert empty.seal(tmp_path) == 0
    assert stat.S_IMODE(pack_path(tmp_path, full.pack_id).stat().st_mode) == 0o444
    assert not pack_path(tmp_path, empty.pack_id).exists()


class FullDisk(Disk):
    """Takes `room` bytes in all, in short writes near the end."""

    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, descriptor, buffers, offset):  # type: ignore[no-untyped-def]  # as Disk.write
        data = b"".join(buffers)
        if data and not self.room:
            raise OSError(28, "No space left on device")
        count = min(len(data), self.room)
        self.room -= count
        return os.pwrite(descriptor, data[:count], offset)


@pytest.mark.parametrize("room", [0, 1, 600, 2000, 4095])
def test_a_full_disk_leaves_the_pack_as_it_was(tmp_path: Path, room: int) -> None:
    disk = FullDisk(4096)
    writer = new_writer(tmp_path, disk)
    append(writer, "1.2", b"first" * 100)
    writer.sync()
    writer.keep()
    disk.room = room
    with pytest.raises(Exhausted):
        append(writer, "1.3", b"second" * 1000)
    writer.cut()
    path = pack_path(tmp_path, writer.pack_id)
    assert path.stat().st_size == writer.kept
    disk.room = 1 << 20
    append(writer, "1.4", b"third")
    assert [member.name for member in scan_all(path)[0]] == ["000001-1.2.dcm", "000002-1.4.dcm"]


class DyingDisk(Disk):
    """Fails to sync, and to truncate."""

    def sync(self, descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    def truncate(self, descriptor: int, length: int) -> None:
        raise OSError(5, "Input/output error")


def test_after_a_failed_sync_nothing_more_is_appended(tmp_path: Path) -> None:
    writer = new_writer(tmp_path, DyingDisk())
    append(writer, "1.2", b"abc")
    with pytest.raises(Exhausted):
        writer.sync()
    writer.cut()
    assert writer.is_broken


def test_a_write_of_more_pieces_than_the_system_takes_at_once_is_whole(tmp_path: Path) -> None:
    writer = new_writer(tmp_path)
    pieces = [bytes([n % 251]) * 3 for n in range(3000)]
    file = b"".join(pieces)
    offset = writer.append("1.2", facts_of(file), pieces, len(file))
    assert pack_path(tmp_path, writer.pack_id).read_bytes()[offset : offset + len(file)] == file


def written_ahead(root: Path, disk: Disk | None = None, count: int = 30) -> PackWriter:
    """A pack of so many small members that zeros stand behind them."""
    writer = new_writer(root, disk)
    for number in range(1, count + 1):
        append(writer, f"1.{number}", os.urandom(2000))
        writer.sync()
        writer.keep()
    return writer


def test_small_members_are_written_within_the_file_and_tar_reads_it_meanwhile(tmp_path: Path) -> None:
    writer = written_ahead(tmp_path)
    path = pack_path(tmp_path, writer.pack_id)
    reach = path.stat().st_size
    append(writer, "1.31", b"within")
    assert writer.end < path.stat().st_size == reach
    members, scan = scan_all(path)
    assert (len(members), scan.end) == (31, writer.end)
    with tarfile.open(path) as archive:
        assert len(archive.getnames()) == 31


def test_zeros_written_ahead_never_look_as_sealing_ends_a_pack(tmp_path: Path) -> None:
    # Members begin and end with whole blocks; what is left behind one is none.
    writer = written_ahead(tmp_path)
    assert pack_path(tmp_path, writer.pack_id).stat().st_size % tar.BLOCK


def test_a_sealed_or_cut_pack_has_no_zeros_left(tmp_path: Path) -> None:
    writer = written_ahead(tmp_path)
    path = pack_path(tmp_path, writer.pack_id)
    append(writer, "1.31", b"not kept")
    writer.cut()
    assert path.stat().st_size == writer.kept
    append(writer, "1.32", b"written ahead again")
    writer.keep()
    assert path.stat().st_size > writer.kept
    assert writer.seal(tmp_path) == path.stat().st_size == writer.kept + len(tar.END_OF_ARCHIVE)
    members, scan = scan_all(path)
    assert len(members) == 31
    assert scan.is_sealed


def test_few_or_large_members_have_no_zeros_behind_them(tmp_path: Path) -> None:
    few = written_ahead(tmp_path, count=4)
    assert pack_path(tmp_path, few.pack_id).stat().st_size == few.end
    large = new_writer(tmp_path)
    for number in range(6):
        append(large, f"1.{number}", bytes(70_000))
    assert pack_path(tmp_path, large.pack_id).stat().st_size == large.end


def test_a_disk_that_is_full_of_zeros_takes_the_member_all_the_same(tmp_path: Path) -> None:
    disk = FullDisk(1 << 20)
    writer = written_ahead(tmp_path, disk, count=4)
    disk.room = 8000  # enough for a member
    append(writer, "1.5", os.urandom(2000))
    assert pack_path(tmp_path, writer.pack_id).stat().st_size == writer.end
    assert len(scan_all(pack_path(tmp_path, writer.pack_id))[0]) == 5
