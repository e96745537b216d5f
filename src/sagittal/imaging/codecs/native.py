"""Native frames: bits, cells, planes and shared chroma (PS3.5 Section 8.1, PS3.3 Section C.7.6.3.1)."""

import numpy as np

from sagittal.dicom.dataset import Buffer
from sagittal.errors import Invalid
from sagittal.imaging.codecs.samples import Array, Samples, values_of
from sagittal.imaging.pixels import FrameShape

_SHARED_CHROMA = {"YBR_FULL_422": "YBR_FULL", "YBR_PARTIAL_422": "YBR_PARTIAL"}


def decode_native(data: Buffer, shape: FrameShape) -> Samples:
    """A frame as it lies in native pixel data; `data` begins with its first pixel and may have padding behind it."""
    if shape.bits_allocated == 1:
        return Samples(_bits(data, shape), shape.photometric_interpretation)
    name = shape.photometric_interpretation
    if name in _SHARED_CHROMA and shape.samples_per_pixel == 3:
        return Samples(_with_own_chroma(data, shape), _SHARED_CHROMA[name])
    cells = _cells(data, shape, shape.rows * shape.columns * shape.samples_per_pixel)
    values = cells if shape.is_float else values_of(cells, shape)
    if shape.samples_per_pixel == 1:
        return Samples(values.reshape(shape.array_shape), name)
    if shape.planar_configuration == 1:
        planes = values.reshape(shape.samples_per_pixel, shape.rows, shape.columns)
        return Samples(np.ascontiguousarray(planes.transpose(1, 2, 0)), name)
    return Samples(values.reshape(shape.array_shape), name)


def encode_native(array: Array, shape: FrameShape) -> bytes:
    """The frame as native little endian cells, pixel by pixel; bits for Bits Allocated 1. Not padded to even length."""
    if shape.bits_allocated == 1:
        return np.packbits(array.astype(bool), bitorder="little").tobytes()
    return np.ascontiguousarray(array, dtype=np.dtype(shape.dtype).newbyteorder("<")).tobytes()


def _cells(data: Buffer, shape: FrameShape, count: int) -> Array:
    """`count` cells in native byte order, as the dtype of the values."""
    width = shape.bits_allocated // 8
    if len(data) < count * width:
        raise Invalid(f"a native frame has {count * width} bytes; got {len(data)}")
    dtype = np.dtype(shape.dtype).newbyteorder("<" if shape.is_little_endian else ">")
    if width == 1 and _is_swapped(shape):
        return _swapped(data, count).view(shape.dtype)
    if width == 4 and _is_swapped(shape) and not shape.is_float:
        return _joined(np.frombuffer(data, ">u2", 2 * count).reshape(-1, 2)).view(shape.dtype)
    return np.frombuffer(data, dtype, count).astype(shape.dtype, copy=False)


def _joined(words: Array) -> Array:
    """Pairs of 16-bit words to 32-bit cells.

    By PS3.5 Sections 7.3 and 8.2 the first word has the lower bits, as DCMTK and GDCM read and write it. pydicom and
    those who write with it turn all four bytes around. The upper half is the one that changes less between neighbours.
    """
    first, last = words[:, 0].astype(np.uint32), words[:, 1].astype(np.uint32)
    changes = [int(np.abs(np.diff(half.astype(np.int64))).sum()) for half in (first, last)]
    joined: Array = (first << 16) | last if changes[0] < changes[1] else (last << 16) | first
    return joined


def _is_swapped(shape: FrameShape) -> bool:
    """Whether bytes lie in big endian words (PS3.5 Section 7.3, Annex A.3)."""
    return not shape.is_little_endian and shape.pixel_vr == "OW"


def _swapped(data: Buffer, count: int) -> Array:
    padded = bytes(data) + b"\0" * (len(data) % 2)
    return np.frombuffer(padded, np.uint8).reshape(-1, 2)[:, ::-1].reshape(-1)[:count]


def _bits(data: Buffer, shape: FrameShape) -> Array:
    """One byte, 0 or 1, for each pixel; the first pixel is in the least significant bit."""
    count = shape.rows * shape.columns * shape.samples_per_pixel
    if len(data) * 8 < count:
        raise Invalid(f"a frame of {count} one-bit pixels has {(count + 7) // 8} bytes; got {len(data)}")
    octets = _swapped(data, len(data)).tobytes() if _is_swapped(shape) else data
    packed = np.frombuffer(octets, np.uint8)
    return np.unpackbits(packed, count=count, bitorder="little").reshape(shape.array_shape)


def _with_own_chroma(data: Buffer, shape: FrameShape) -> Array:
    """Y0 Y1 Cb Cr for two pixels becomes Y Cb Cr for each (PS3.3 Section C.7.6.3.1.2)."""
    if shape.columns % 2:
        raise Invalid(f"{shape.photometric_interpretation} asks for an even number of columns; got {shape.columns}")
    pairs = _cells(data, shape, shape.rows * shape.columns * 2).reshape(shape.rows, shape.columns // 2, 4)
    array = np.empty((shape.rows, shape.columns, 3), shape.dtype)
    array[:, 0::2, 0], array[:, 1::2, 0] = pairs[:, :, 0], pairs[:, :, 1]
    for sample in (1, 2):
        array[:, :, sample] = np.repeat(pairs[:, :, sample + 1], 2, axis=1)
    return values_of(array, shape)
