"""Frames of native (not encapsulated) pixel data: one after the other, without gaps (PS3.5 Section 8.1)."""

from typing import NamedTuple

from sagittal.dicom.dataset import Buffer
from sagittal.errors import Invalid, NotFound

# Samples stored for each pixel where it is not SamplesPerPixel, as a fraction (PS3.3 Section C.7.6.3.1.2)
_SUBSAMPLED: dict[str, tuple[int, int]] = {
    "YBR_FULL_422": (2, 3),
    "YBR_PARTIAL_422": (2, 3),
    "YBR_PARTIAL_420": (1, 2),
}


class NativeFrame(NamedTuple):
    """The bytes of a pixel data value that hold one frame.

    Attributes:
        start, stop: first byte, and the one after the last, from the first byte of the value.
        bit_shift: bits in the first byte that belong to the frame before, counted from the least significant one.
            Only frames of one-bit pixels that are no multiple of 8 pixels have any.
    """

    start: int
    stop: int
    bit_shift: int


def native_frame_bits(
    rows: int, columns: int, samples_per_pixel: int, bits_allocated: int, photometric_interpretation: str
) -> int:
    """Size of one native frame, bits.

    >>> native_frame_bits(512, 512, 1, 16, "MONOCHROME2") // 8
    524288
    """
    bits = rows * columns * samples_per_pixel * bits_allocated
    stored, declared = _SUBSAMPLED.get(photometric_interpretation.strip(" \0"), (1, 1))
    return bits * stored // declared


def native_frame(pixel_length: int, frame_bits: int, index: int) -> NativeFrame:
    """Where frame `index` (from 0) lies in a value of `pixel_length` bytes.

    Frames of one-bit pixels follow each other bit by bit: one may begin inside a byte (PS3.5 Section 8.1.1).

    Raises:
        Invalid: `frame_bits` is no size.
        NotFound: the value has no such frame.

    >>> native_frame(6, 15, 1)
    NativeFrame(start=1, stop=4, bit_shift=7)
    """
    if frame_bits <= 0:
        raise Invalid(f"a frame is to have a size; got {frame_bits} bits")
    first_bit = index * frame_bits
    stop = (first_bit + frame_bits + 7) // 8
    if index < 0 or stop > pixel_length:
        raise NotFound(f"no frame {index + 1} of {frame_bits} bits in a pixel data value of {pixel_length} bytes")
    return NativeFrame(first_bit // 8, stop, first_bit % 8)


def cut_bits(data: Buffer, bit_shift: int, frame_bits: int) -> bytes:
    """A frame that begins inside a byte, moved to begin at one; unused bits of the last byte are 0.

    The first pixel is in the least significant bit (PS3.5 Section 8.1.1). `data` is what `native_frame` points at, in
    Little Endian order.

    >>> cut_bits(bytes([0b1000_0000, 0b0000_0011]), 7, 3).hex()
    '07'
    """
    if not bit_shift and frame_bits == 8 * len(data):
        return bytes(data)
    bits = int.from_bytes(data, "little") >> bit_shift & (1 << frame_bits) - 1
    return bits.to_bytes((frame_bits + 7) // 8, "little")
