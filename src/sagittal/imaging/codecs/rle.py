"""RLE Lossless: one PackBits segment for each byte of a cell, the most significant first (PS3.5 Annex G)."""

from struct import Struct

import imagecodecs
import numpy as np

from sagittal.dicom.dataset import Buffer
from sagittal.errors import Invalid
from sagittal.imaging.codecs.samples import Array
from sagittal.imaging.pixels import FrameShape

_HEAD = Struct("<16I")
_SLACK_BYTES = 64  # some writers pad the decoded plane, not the segment


def decode_rle(data: Buffer, shape: FrameShape) -> Array:
    """Cells of a frame, (rows, columns) or (rows, columns, samples); whole, without regard to Bits Stored."""
    width = max(1, shape.bits_allocated // 8)
    expected = width * shape.samples_per_pixel
    pixels = shape.rows * shape.columns
    starts = _starts(data, expected)
    planes = np.zeros((shape.samples_per_pixel, pixels, width), np.uint8)
    for number, (start, stop) in enumerate(zip(starts, [*starts[1:], len(data)], strict=True)):
        plane = imagecodecs.packbits_decode(bytes(data[start:stop]), out=pixels + _SLACK_BYTES)
        if len(plane) < pixels and shape.bits_allocated == 1 and len(plane) * 8 >= pixels:
            plane = np.unpackbits(np.frombuffer(plane, np.uint8), count=pixels, bitorder="little").tobytes()
        if len(plane) < pixels:
            raise Invalid(f"RLE segment {number + 1} has {len(plane)} bytes for {pixels} pixels")
        planes[number // width, :, width - 1 - number % width] = np.frombuffer(plane, np.uint8, pixels)
    cells = planes.reshape(shape.samples_per_pixel, pixels * width).view(f"<u{width}")
    return np.ascontiguousarray(cells.T).reshape(shape.array_shape).view(shape.dtype)


def encode_rle(array: Array, shape: FrameShape) -> bytes:
    """A frame as segments of even length; each row is packed by itself (PS3.5 Section G.3.1)."""
    width = shape.bits_allocated // 8
    cells = np.ascontiguousarray(array.reshape(shape.rows, shape.columns, shape.samples_per_pixel))
    octets = cells.astype(cells.dtype.newbyteorder(">"), copy=False).view(np.uint8)
    octets = octets.reshape(shape.rows, shape.columns, shape.samples_per_pixel * width)
    segments = []
    for number in range(octets.shape[2]):
        packed = bytes(imagecodecs.packbits_encode(octets[:, :, number].copy(), axis=-1))
        segments.append(packed + b"\0" * (len(packed) % 2))
    offsets, at = [0] * 15, _HEAD.size
    for number, segment in enumerate(segments):
        offsets[number] = at
        at += len(segment)
    return _HEAD.pack(len(segments), *offsets) + b"".join(segments)


def _starts(data: Buffer, expected: int) -> list[int]:
    if len(data) < _HEAD.size:
        raise Invalid(f"an RLE frame begins with {_HEAD.size} bytes; got {len(data)}")
    count, *offsets = _HEAD.unpack_from(data)
    if count != expected or expected > 15:
        raise Invalid(f"an RLE frame of such pixels has {expected} segments, at most 15; got {count}")
    starts = offsets[:count]
    if starts[0] < _HEAD.size or any(a >= b for a, b in zip(starts, [*starts[1:], len(data) + 1], strict=True)):
        raise Invalid("RLE segments lie one after the other within the frame; the offsets say something else")
    return starts
