"""Where native frames lie, one-bit pixels included."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagittal.dicom.frames import NativeFrame, cut_bits, native_frame, native_frame_bits
from sagittal.errors import Invalid, NotFound


@pytest.mark.parametrize(
    ("shape", "photometric", "size_bits"),
    [
        ((512, 512, 1, 16), "MONOCHROME2", 512 * 512 * 16),
        ((3, 5, 3, 8), "RGB", 3 * 5 * 3 * 8),
        ((3, 5, 1, 1), "MONOCHROME2", 15),
        ((4, 6, 3, 8), "YBR_FULL_422 ", 4 * 6 * 2 * 8),
        ((4, 6, 3, 8), "YBR_PARTIAL_420", 4 * 6 * 12),
        ((2, 2, 1, 64), "", 256),
    ],
)
def test_a_frame_has_the_size_of_its_samples(
    shape: tuple[int, int, int, int], photometric: str, size_bits: int
) -> None:
    assert native_frame_bits(*shape, photometric) == size_bits


def test_frames_of_whole_bytes_follow_each_other() -> None:
    assert [native_frame(12, 32, index) for index in range(3)] == [
        NativeFrame(0, 4, 0),
        NativeFrame(4, 8, 0),
        NativeFrame(8, 12, 0),
    ]


@given(frame_bits=st.integers(1, 70), frames=st.integers(1, 9), seed=st.integers(0, 1000))
def test_one_bit_frames_are_cut_out_bit_by_bit(frame_bits: int, frames: int, seed: int) -> None:
    bits = [random.Random(seed).randrange(2) for _ in range(frame_bits * frames)]
    value = sum(bit << position for position, bit in enumerate(bits)).to_bytes((len(bits) + 7) // 8, "little")
    for index in range(frames):
        where = native_frame(len(value), frame_bits, index)
        cut = cut_bits(value[where.start : where.stop], where.bit_shift, frame_bits)
        found = [cut[position // 8] >> position % 8 & 1 for position in range(8 * len(cut))]
        assert found == bits[index * frame_bits : (index + 1) * frame_bits] + [0] * (8 * len(cut) - frame_bits)


@pytest.mark.parametrize("index", [-1, 3, 10**12])
def test_a_frame_that_is_not_there_is_not_found(index: int) -> None:
    with pytest.raises(NotFound, match="in a pixel data value of 12 bytes"):
        native_frame(12, 32, index)


def test_a_value_too_short_for_its_last_frame_does_not_have_it() -> None:
    assert native_frame(11, 32, 1).stop == 8
    with pytest.raises(NotFound, match="no frame 3 of 32 bits"):
        native_frame(11, 32, 2)


@pytest.mark.parametrize("frame_bits", [0, -8])
def test_a_frame_without_size_is_invalid(frame_bits: int) -> None:
    with pytest.raises(Invalid, match="to have a size"):
        native_frame(12, frame_bits, 0)
