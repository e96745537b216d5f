"""The frame table as bytes: round trip, one frame without the others, and no trust in what was kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagittal.dicom.frames import FrameTable
from sagittal.errors import Corrupt, NotFound, SagittalError

FRAGMENTS = st.lists(st.tuples(st.integers(0, 2**40), st.integers(0, 2**32 - 1)), min_size=1, max_size=20)


@given(fragments=FRAGMENTS, small=st.booleans(), groups=st.sets(st.integers(1, 19)), grouped=st.booleans())
def test_frames_come_back_from_bytes(
    fragments: list[tuple[int, int]], small: bool, groups: set[int], grouped: bool
) -> None:
    offsets = [offset % 2**32 if small else offset for offset, _ in fragments]
    lengths = [length for _, length in fragments]
    pairs = list(zip(offsets, lengths, strict=True))
    firsts = sorted({0, *(group for group in groups if group < len(pairs))}) if grouped else list(range(len(pairs)))
    table = FrameTable.of(offsets, lengths, firsts=firsts if grouped else None)
    expected = tuple(tuple(pairs[a:b]) for a, b in zip(firsts, [*firsts[1:], len(pairs)], strict=True))
    again = FrameTable.from_bytes(memoryview(table.to_bytes()))
    assert again == table
    assert (again.frames, len(again), again.is_stream) == (expected, len(firsts), False)


def test_the_table_of_a_slide_takes_eight_bytes_a_frame_below_four_gigabytes_and_twelve_above() -> None:
    assert len(FrameTable.of(range(100_000), range(100_000)).to_bytes()) == 12 + 8 * 100_000
    assert len(FrameTable.of(range(2**32, 2**32 + 100), range(100)).to_bytes()) == 12 + 12 * 100


def test_a_stream_gives_all_fragments_for_every_frame() -> None:
    table = FrameTable.from_bytes(FrameTable.of([16, 40], [10, 12], stream_frames=250).to_bytes())
    assert table.is_stream
    assert len(table) == 250
    assert table.frame(0) == table.frame(249) == ((16, 10), (40, 12))


@pytest.mark.parametrize("index", [-1, 2, 2**40])
def test_a_frame_that_is_not_there_is_not_found(index: int) -> None:
    with pytest.raises(NotFound, match="the instance has 2"):
        FrameTable.of([8, 20], [4, 4]).frame(index)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x02" + bytes(11),
        FrameTable.of([8, 20], [4, 4]).to_bytes()[:-1],
        FrameTable.of([8, 20], [4, 4]).to_bytes() + b"\0",
        bytes.fromhex("01 00 0000 05000000 00000000"),
        bytes.fromhex("01 02 0000 ffffffff ffffffff"),
    ],
)
def test_what_is_no_frame_table_is_corrupt(data: bytes) -> None:
    with pytest.raises(Corrupt, match="a frame table"):
        FrameTable.from_bytes(data)


def test_groups_that_do_not_rise_are_corrupt() -> None:
    table = FrameTable.from_bytes(FrameTable.of([8, 20], [4, 4], firsts=[0, 9]).to_bytes())
    with pytest.raises(Corrupt, match="fragments 9 to 2 of 2"):
        table.frame(1)


@given(data=st.binary(max_size=60), flags=st.integers(0, 7), frames=st.integers(0, 4), fragments=st.integers(0, 4))
def test_arbitrary_bytes_raise_only_our_errors(data: bytes, flags: int, frames: int, fragments: int) -> None:
    head = bytes((1, flags, 0, 0)) + frames.to_bytes(4, "little") + fragments.to_bytes(4, "little")
    try:
        _ = FrameTable.from_bytes(head + data).frames
    except SagittalError:
        pass
