"""Frames of encapsulated pixel data: every way of telling them, in any cutting, and hostile tables."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagittal.dicom.dataset import read_header
from sagittal.dicom.frames import FragmentScanner, FrameTable, frames_of, number_of_frames, scanner_for
from sagittal.errors import Exhausted, Invalid, SagittalError

JPEG = "1.2.840.10008.1.2.4.50"
RLE = "1.2.840.10008.1.2.5"
DEFLATED_FRAME = "1.2.840.10008.1.2.8.1"
MPEG = "1.2.840.10008.1.2.4.102.1"
END = bytes.fromhex("feffdde0 00000000")


def item(value: bytes) -> bytes:
    return b"\xfe\xff\x00\xe0" + struct.pack("<I", len(value)) + value


def value_of(fragments: list[bytes], table: list[int] | None = None, end: bytes = END) -> bytes:
    basic = struct.pack(f"<{len(table or ())}I", *(table or ()))
    return item(basic) + b"".join(item(fragment) for fragment in fragments) + end


def starts_of(fragments: list[bytes]) -> list[int]:
    starts, at = [], 0
    for fragment in fragments:
        starts.append(at)
        at += 8 + len(fragment)
    return starts


def frames(value: bytes, table: FrameTable) -> list[bytes]:
    return [b"".join(value[at : at + length] for at, length in frame) for frame in table]


def scan(
    value: bytes,
    count: int | None,
    uid: str = JPEG,
    *,
    extended_offsets: bytes = b"",
    extended_lengths: bytes = b"",
) -> list[bytes]:
    scanner = FragmentScanner(uid, count, extended_offsets=extended_offsets, extended_lengths=extended_lengths)
    return frames(value, frames_of(scanner, [value]))


JPEGS = [
    b"\xff\xd8\xff\xe0one",
    b"more of it\xff\xd9",
    b"\xff\xd8\xff\xe0two",
    b"and",
    b"so on\xff\xd9\0",
    b"\xff\xd8\xff\xe0three\xff\xd9",
]
THREE = [JPEGS[0] + JPEGS[1], JPEGS[2] + JPEGS[3] + JPEGS[4], JPEGS[5]]


@pytest.mark.parametrize("uid", [JPEG, RLE, DEFLATED_FRAME])
def test_as_many_fragments_as_frames_are_one_each(uid: str) -> None:
    fragments = [b"aa", b"", b"cccc"]
    assert scan(value_of(fragments), 3, uid) == fragments


@pytest.mark.parametrize("count", [1, None])
def test_all_fragments_are_the_frame_if_there_is_only_one(count: int | None) -> None:
    assert scan(value_of([b"aa", b"bb", b"cc"]), count) == [b"aabbcc"]


@pytest.mark.parametrize("count", [3, None])
def test_a_basic_offset_table_tells_frames_of_many_fragments(count: int | None) -> None:
    starts = starts_of(JPEGS)
    assert scan(value_of(JPEGS, [starts[0], starts[2], starts[5]]), count) == THREE


@pytest.mark.parametrize(
    "start",
    [
        b"\xff\xd8\xff\xc0",
        b"\xff\x4f\xff\x51",
        b"\x00\x00\x00\x0cjP  \r\n\x87\n",
        b"\x00\x00\x00\x0cJXL \r\n\x87\n",
        b"\xff\x0a",
    ],
)
def test_without_a_table_frames_begin_where_codestreams_begin(start: bytes) -> None:
    fragments = [start + b"a", b"more", start + b"b", b"more"]
    assert scan(value_of(fragments), 2) == [start + b"amore", start + b"bmore"]


def test_without_start_markers_frames_end_where_codestreams_end() -> None:
    fragments = [b"a", b"b\xff\xd9", b"c", b"d\xff\xd9\0"]
    assert scan(value_of(fragments), 2) == [b"ab\xff\xd9", b"cd\xff\xd9\0"]


@pytest.mark.parametrize("count", [3, None])
def test_the_extended_offset_table_comes_first_and_tells_lengths_without_padding(count: int | None) -> None:
    fragments = [b"aaa\0", b"bb", b"ccc\0"]
    offsets, lengths = struct.pack("<3Q", *starts_of(fragments)), struct.pack("<3Q", 3, 2, 3)
    value = value_of(fragments)
    assert scan(value, count, extended_offsets=offsets, extended_lengths=lengths) == [b"aaa", b"bb", b"ccc"]
    assert scan(value, count or 3, extended_offsets=offsets) == fragments


def test_extended_lengths_that_do_not_fit_are_passed_over() -> None:
    fragments = [b"aaaa", b"bb", b"cc"]
    offsets = struct.pack("<3Q", *starts_of(fragments))
    for lengths in ((2**60, 2, 3), (0, 2, 2)):
        assert (
            scan(value_of(fragments), 3, extended_offsets=offsets, extended_lengths=struct.pack("<3Q", *lengths))
            == fragments
        )


def test_an_extended_table_of_frames_in_many_fragments_is_put_up_with() -> None:
    starts = starts_of(JPEGS)
    offsets = struct.pack("<3Q", starts[0], starts[2], starts[5])
    lengths = struct.pack("<3Q", 1, 2, 3)
    assert scan(value_of(JPEGS), 3, extended_offsets=offsets, extended_lengths=lengths) == THREE


BAD_TABLES = [[0, 7, 20], [2**32 - 1] * 3, [0, 0, 0], [0, 2**31, 5], [20, 10, 0], [10, 20, 30], [0], [0] * 4]


@pytest.mark.parametrize("table", BAD_TABLES)
def test_a_table_that_does_not_fit_is_passed_over(table: list[int]) -> None:
    wide = struct.pack(f"<{len(table)}Q", *table)
    assert scan(value_of(JPEGS, table), 3) == THREE
    assert scan(value_of(JPEGS), 3, extended_offsets=wide, extended_lengths=wide) == THREE
    assert scan(value_of(JPEGS), 3, extended_offsets=b"\1\2\3", extended_lengths=b"\1") == THREE


@pytest.mark.parametrize("table", BAD_TABLES)
def test_without_any_way_to_tell_frames_it_is_invalid(table: list[int]) -> None:
    with pytest.raises(Invalid, match="4 fragments and no fitting offset table: cannot tell 3 frames"):
        scan(value_of([b"a", b"b", b"c", b"d"], table), 3, RLE)


@pytest.mark.parametrize("count", [2, None])
def test_no_fragments_are_no_frames(count: int | None) -> None:
    with pytest.raises(Invalid, match="0 fragments"):
        scan(value_of([]), count)
    with pytest.raises(Invalid, match="0 fragments"):
        scan(END, count)


def test_fewer_fragments_than_frames_are_invalid() -> None:
    with pytest.raises(Invalid, match=r"2 fragments .* cannot tell 3 frames"):
        scan(value_of(JPEGS[:2]), 3)


@pytest.mark.parametrize("count", [100, None])
def test_video_is_one_stream_for_all_frames(count: int | None) -> None:
    value = value_of([b"abcd", b"efgh"])
    table = frames_of(FragmentScanner(MPEG, count), [value])
    assert table.is_stream
    assert len(table) == (count or 1)
    assert table.frame(0) == ((16, 4), (28, 4))


@given(
    fragments=st.lists(st.binary(max_size=30), min_size=1, max_size=8),
    has_table=st.booleans(),
    sizes=st.lists(st.integers(1, 20), min_size=1, max_size=20),
)
@settings(deadline=None)
def test_a_value_means_the_same_however_it_is_cut(fragments: list[bytes], has_table: bool, sizes: list[int]) -> None:
    value = value_of(fragments, starts_of(fragments) if has_table else None) + b"what follows"
    for chosen in (sizes, [1]):
        scanner = FragmentScanner(JPEG, len(fragments))
        at, index = 0, 0
        while not scanner.feed(value[at : at + chosen[index % len(chosen)]]):
            at += chosen[index % len(chosen)]
            index += 1
        assert scanner.end == len(value) - len(b"what follows")
        assert frames(value, scanner.close()) == fragments


@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=20))
@settings(deadline=None)
def test_markers_are_found_however_the_value_is_cut(sizes: list[int]) -> None:
    value = value_of(JPEGS)
    chunks: list[memoryview] = []
    at = 0
    while at < len(value):
        size = sizes[len(chunks) % len(sizes)]
        chunks.append(memoryview(value)[at : at + size])
        at += size
    assert frames(value, frames_of(FragmentScanner(JPEG, 3), chunks)) == THREE


@given(data=st.binary(max_size=120), count=st.one_of(st.none(), st.integers(0, 4)), real=st.booleans())
@settings(deadline=None)
def test_arbitrary_bytes_raise_only_our_errors(data: bytes, count: int | None, real: bool) -> None:
    value = value_of([b"abc", b"d"], [0, 11], b"") + data if real else data
    try:
        frames_of(FragmentScanner(JPEG, count, extended_offsets=data[:16]), [value])
    except SagittalError:
        pass


def test_a_missing_delimiter_is_put_up_with() -> None:
    assert scan(value_of([b"aa", b"bb"], end=b""), 2) == [b"aa", b"bb"]


def test_a_value_that_is_cut_off_is_invalid() -> None:
    value = value_of([b"aa", b"bb"])
    ends = {8, 18, 28, len(value)}
    for stop in set(range(1, len(value))) - ends:
        with pytest.raises(Invalid, match=f"ends within an item, after {stop} bytes"):
            scan(value[:stop], 2)


@pytest.mark.parametrize(
    ("head", "shown"),
    [
        ("10001000 00000000", r"\(0010,0010\) of length 00000000H"),
        ("feff00e0 ffffffff", r"\(FFFE,E000\) of length FFFFFFFFH"),
    ],
)
def test_anything_but_items_of_defined_length_is_invalid(head: str, shown: str) -> None:
    with pytest.raises(Invalid, match="at byte 18 of the encapsulated pixel data; got " + shown):
        scan(value_of([b"aa"], end=bytes.fromhex(head)), 1)


def test_fragments_and_frames_have_a_cap() -> None:
    with pytest.raises(Exhausted, match="more than max_fragments=3 fragments"):
        frames_of(FragmentScanner(JPEG, 3, max_fragments=3), [value_of([b""] * 4)])
    with pytest.raises(Exhausted, match="2000000000 frames are more than max_fragments"):
        FragmentScanner(JPEG, 2_000_000_000)


def test_a_huge_offset_table_is_passed_by_without_being_kept() -> None:
    scanner = FragmentScanner(JPEG, None)
    scanner.feed(bytes.fromhex("feff00e0 f0ffffff"))
    for _ in range(100):
        scanner.feed(bytes(100_000))
    assert not scanner._basic


@pytest.mark.parametrize(
    ("text", "expected"),
    [(b"12 ", 12), (b" +3", 3), (b"0", None), (b"", None), (b"many", None), (b"-2", None), (b"9" * 30, None)],
)
def test_the_number_of_frames_is_a_number_above_zero_or_unknown(text: bytes, expected: int | None) -> None:
    data = bytes.fromhex("28000800") + b"IS" + struct.pack("<H", len(text)) + text
    assert number_of_frames(read_header(data, JPEG, frozenset({0x00280008}))) == expected


def test_a_scanner_takes_what_it_needs_from_the_header() -> None:
    fragments = [b"aaa\0", b"bb"]
    offsets, lengths = struct.pack("<2Q", *starts_of(fragments)), struct.pack("<2Q", 3, 2)
    tables = b"".join(
        bytes.fromhex(tag) + b"OV\0\0" + struct.pack("<I", 16) + value
        for tag, value in (("e07f0100", offsets), ("e07f0200", lengths))
    )
    data = bytes.fromhex("28000800") + b"IS\2\0" + b"2 " + tables + bytes.fromhex("e07f1000 4f420000 ffffffff")
    header = read_header(data, JPEG, frozenset({0x00280008}))
    value = value_of(fragments)
    assert frames(value, frames_of(scanner_for(header), [value])) == [b"aaa", b"bb"]
