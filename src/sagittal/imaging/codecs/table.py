"""Which codec a Transfer Syntax stands for (PS3.5 Section 10, PS3.6 Table A-1)."""

import zlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from sagittal.dicom.transfer_syntax import encoding_of
from sagittal.errors import Exhausted, Invalid, SagittalError, Unsupported
from sagittal.imaging.codecs import compressed
from sagittal.imaging.codecs.colour import to_rgb
from sagittal.imaging.codecs.native import decode_native
from sagittal.imaging.codecs.samples import Array, Samples
from sagittal.imaging.pixels import FrameShape

Decode = Callable[[bytes, FrameShape], Samples]


class Codec(NamedTuple):
    """How frames of a Transfer Syntax are read.

    Attributes:
        decode: a frame's bytes to samples.
        is_lossless: whether every frame in this syntax gives the very samples that went in.
    """

    decode: Decode
    is_lossless: bool


_J = "1.2.840.10008.1.2.4."
DECODERS: Mapping[str, Codec] = {
    "1.2.840.10008.1.2.1.98": Codec(decode_native, True),
    f"{_J}50": Codec(compressed.decode_jpeg, False),
    f"{_J}51": Codec(compressed.decode_jpeg, False),
    f"{_J}53": Codec(compressed.decode_jpeg, False),  # retired; progressive, as .55
    f"{_J}55": Codec(compressed.decode_jpeg, False),
    f"{_J}57": Codec(compressed.decode_jpeg, True),
    f"{_J}70": Codec(compressed.decode_jpeg, True),
    f"{_J}80": Codec(compressed.decode_jpeg_ls, True),
    f"{_J}81": Codec(compressed.decode_jpeg_ls, False),
    f"{_J}90": Codec(compressed.decode_jpeg2000, True),
    f"{_J}91": Codec(compressed.decode_jpeg2000, False),
    f"{_J}92": Codec(compressed.decode_jpeg2000, True),
    f"{_J}93": Codec(compressed.decode_jpeg2000, False),
    f"{_J}110": Codec(compressed.decode_jpeg_xl, True),
    f"{_J}111": Codec(compressed.decode_jpeg_xl, False),
    f"{_J}112": Codec(compressed.decode_jpeg_xl, False),
    f"{_J}201": Codec(compressed.decode_htj2k, True),
    f"{_J}202": Codec(compressed.decode_htj2k, True),
    f"{_J}203": Codec(compressed.decode_htj2k, False),
    "1.2.840.10008.1.2.5": Codec(compressed.decode_rle_lossless, True),
    "1.2.840.10008.1.2.8.1": Codec(compressed.decode_deflated, True),
}
"""Encapsulated syntaxes. Native ones share one way; video, JPIP and hierarchical JPEG have none."""

_NATIVE = Codec(decode_native, True)
CODEC_ERRORS = (RuntimeError, ValueError, TypeError, IndexError, OverflowError, ArithmeticError, zlib.error)


def codec_of(transfer_syntax_uid: str) -> Codec:
    """The codec of a Transfer Syntax; Unsupported where there is none."""
    codec = DECODERS.get(transfer_syntax_uid)
    if codec is not None:
        return codec
    if encoding_of(transfer_syntax_uid).is_encapsulated:
        raise Unsupported(f"frames in Transfer Syntax {transfer_syntax_uid} cannot be decoded")
    return _NATIVE


def decode_samples(data: bytes, shape: FrameShape) -> Samples:
    """The frame's samples as they are coded, without a change of colours that would lose anything.

    Lossy JPEG of YCbCr is the one that becomes RGB here.

    Args:
        data: the whole frame, its fragments joined; of native 1-bit frames, shifted to begin at a byte.
        shape: what the data set says of it; its Transfer Syntax decides the codec.

    Raises:
        Invalid: the bytes are no such frame.
        Unsupported: there is no codec.
        Exhausted: it would take too much memory.
    """
    codec = codec_of(shape.checked().transfer_syntax_uid)
    try:
        return codec.decode(data, shape)
    except SagittalError:
        raise
    except MemoryError as error:
        raise Exhausted("not enough memory to decode a frame") from error
    except CODEC_ERRORS as error:
        raise Invalid(f"a frame in Transfer Syntax {shape.transfer_syntax_uid} cannot be decoded: {error}") from error


def decode_frame(data: bytes, shape: FrameShape) -> Array:
    """Stored values, (rows, columns) or (rows, columns, samples); colour as RGB wherever it can be.

    Palette indices stay indices. Arguments and errors as `decode_samples`.

    >>> decode_frame(bytes([1, 2, 3, 4]), FrameShape(rows=2, columns=2)).tolist()
    [[1, 2], [3, 4]]
    """
    samples = decode_samples(data, shape)
    return np.ascontiguousarray(to_rgb(samples, shape.bits_stored).array)
