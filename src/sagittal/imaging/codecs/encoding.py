"""Arrays to frames, by Transfer Syntax (PS3.5 Section 8.2 and Annex A.4)."""

import zlib
from collections.abc import Callable, Mapping

import imagecodecs
import numpy as np

from sagittal.dicom.dataset.reencode import NATIVE
from sagittal.errors import Exhausted, Invalid, Unsupported
from sagittal.imaging.codecs.native import encode_native
from sagittal.imaging.codecs.rle import encode_rle
from sagittal.imaging.codecs.samples import Array, Samples
from sagittal.imaging.codecs.table import CODEC_ERRORS
from sagittal.imaging.pixels import FrameShape
from sagittal.imaging.syntaxes import Encoded, is_lossless

JPEG_QUALITY = 92
HTJ2K_STEP = 0.5
"""Of the base quantizer, in stored values."""
JPEG_XL_DISTANCE = 1.0

_SHORT_BITS = 16


Encode = Callable[[Samples, FrameShape], Encoded]
"""Raises Unsupported for samples that the Transfer Syntax has no place for."""


def encode_frame(samples: Samples, shape: FrameShape, transfer_syntax_uid: str) -> Encoded:
    """A frame in the Transfer Syntax wanted.

    Args:
        samples: as `decode_samples` gives them: stored values in their native dtype.
        shape: their bits; its Transfer Syntax and byte order play no part.
        transfer_syntax_uid: one of `ENCODERS`, or a native one; native frames are little endian.

    Raises:
        Unsupported: the syntax is not written here, or has no place for such samples.
        Exhausted: it would take too much memory.
    """
    if transfer_syntax_uid in NATIVE:
        return Encoded(encode_native(samples.array, shape), samples.photometric_interpretation)
    encode = ENCODERS.get(transfer_syntax_uid)
    if encode is None:
        raise Unsupported(f"frames are not written in Transfer Syntax {transfer_syntax_uid}")
    _needs(not shape.is_float, "encapsulated pixel data", "integers")
    is_index = samples.photometric_interpretation == "PALETTE COLOR"
    _needs(is_lossless(transfer_syntax_uid) or not is_index, "a lossy Transfer Syntax", "samples that are no indices")
    try:
        return encode(samples, shape)
    except MemoryError as error:
        raise Exhausted("not enough memory to encode a frame") from error
    except CODEC_ERRORS as error:
        raise Invalid(f"a frame cannot be encoded in Transfer Syntax {transfer_syntax_uid}: {error}") from error


def _needs(is_met: bool, syntax: str, what: str) -> None:
    if not is_met:
        raise Unsupported(f"{syntax} has {what} only")


def _integers(shape: FrameShape, syntax: str, most_bits: int) -> None:
    is_whole = not shape.is_float and 8 <= shape.bits_allocated <= most_bits
    _needs(is_whole, syntax, f"integers of 8 to {most_bits} bits")
    _needs(shape.samples_per_pixel in (1, 3), syntax, "one or three samples for each pixel")


def _cells(array: Array) -> Array:
    """Two's complement as it lies in the pixel cell, for codecs without signs."""
    return np.ascontiguousarray(array.view(array.dtype.str.replace("i", "u")))


def _jpeg_baseline(samples: Samples, shape: FrameShape) -> Encoded:
    _integers(shape, "JPEG Baseline", 8)
    _needs(shape.bits_stored == 8 and not shape.is_signed, "JPEG Baseline", "8 bits without sign")
    array = np.ascontiguousarray(samples.array)
    if array.ndim == 2:
        return Encoded(bytes(imagecodecs.jpeg8_encode(array, JPEG_QUALITY)), samples.photometric_interpretation)
    space = "YCBCR" if samples.photometric_interpretation.startswith("YBR") else "RGB"
    data = imagecodecs.jpeg8_encode(array, JPEG_QUALITY, colorspace=space, outcolorspace="YCBCR", subsampling="422")
    return Encoded(bytes(data), "YBR_FULL_422")


def _jpeg_extended(samples: Samples, shape: FrameShape) -> Encoded:
    if shape.bits_allocated == 8:
        return _jpeg_baseline(samples, shape)
    is_fit = shape.bits_stored <= 12 and not shape.is_signed and samples.array.ndim == 2
    _needs(is_fit and shape.bits_allocated == _SHORT_BITS, "JPEG Extended", "one sample of 12 bits without sign")
    data = imagecodecs.jpeg8_encode(np.ascontiguousarray(samples.array), JPEG_QUALITY, bitspersample=12)
    return Encoded(bytes(data), samples.photometric_interpretation)


def _jpeg_lossless(samples: Samples, shape: FrameShape) -> Encoded:
    _integers(shape, "JPEG Lossless", _SHORT_BITS)
    # YBR too is named RGB: libjpeg would convert it otherwise, and the data set says what it is.
    cells, space = _cells(samples.array), "GRAYSCALE" if samples.array.ndim == 2 else "RGB"
    bits = shape.bits_allocated if shape.is_signed else max(2, shape.bits_stored)
    data = imagecodecs.jpeg8_encode(
        cells, lossless=True, predictor=1, bitspersample=bits, colorspace=space, outcolorspace=space
    )
    return Encoded(bytes(data), samples.photometric_interpretation)


def _jpeg_ls(samples: Samples, shape: FrameShape) -> Encoded:
    _integers(shape, "JPEG-LS", _SHORT_BITS)
    cells = _cells(samples.array)
    room = 2 * cells.nbytes + 4096  # noise grows; the codec's own guess is too small for it
    return Encoded(bytes(imagecodecs.jpegls_encode(cells, 0, out=room)), samples.photometric_interpretation)


def _jpeg2000(samples: Samples, shape: FrameShape, *, is_lossless: bool = True) -> Encoded:
    _integers(shape, "JPEG 2000", _SHORT_BITS)
    is_rgb = samples.photometric_interpretation == "RGB"
    data = imagecodecs.jpeg2k_encode(
        np.ascontiguousarray(samples.array),
        0 if is_lossless else 6 * shape.bits_stored,  # dB: an error of about one stored value
        codecformat="j2k",
        bitspersample=shape.bits_stored,
        reversible=is_lossless,
        mct=is_rgb,
        resolutions=_resolutions(shape),
        numthreads=1,
    )
    return Encoded(bytes(data), _transformed(samples, is_lossless))


def _htj2k(samples: Samples, shape: FrameShape, *, is_lossless: bool = True) -> Encoded:
    _integers(shape, "HTJ2K", 32 if is_lossless else _SHORT_BITS)
    _needs(shape.bits_stored <= 31, "HTJ2K", "up to 31 bits")
    step = None if is_lossless else HTJ2K_STEP / (1 << shape.bits_allocated)
    data = imagecodecs.htj2k_encode(
        np.ascontiguousarray(samples.array),
        step,
        rgb=samples.photometric_interpretation == "RGB",
        reversible=is_lossless,
        resolutions=_resolutions(shape),
        tlm=True,
    )
    return Encoded(bytes(data), _transformed(samples, is_lossless))


def _transformed(samples: Samples, is_lossless: bool) -> str:
    if samples.photometric_interpretation != "RGB":
        return samples.photometric_interpretation
    return "YBR_RCT" if is_lossless else "YBR_ICT"


def _resolutions(shape: FrameShape) -> int:
    """Decompositions until the smaller side is about 32 pixels, at most 5."""
    return max(1, min(6, min(shape.rows, shape.columns).bit_length() - 4))


def _jpeg_xl(samples: Samples, shape: FrameShape, *, is_lossless: bool = True) -> Encoded:
    _integers(shape, "JPEG XL", _SHORT_BITS)
    _needs(not shape.is_signed, "JPEG XL", "samples without sign")
    is_colour = samples.array.ndim == 3
    # Its measure is what an eye sees of 8 bits: of 12-bit stored values 88 were lost at distance 1.
    _needs(is_lossless or shape.bits_stored <= 8, "lossy JPEG XL", "samples of 8 bits here")
    _needs(not is_colour or samples.photometric_interpretation == "RGB", "JPEG XL", "colours in RGB")
    data = imagecodecs.jpegxl_encode(
        np.ascontiguousarray(samples.array),
        lossless=is_lossless,
        distance=None if is_lossless else JPEG_XL_DISTANCE,
        bitspersample=shape.bits_stored,
        effort=3,
        numthreads=1,
    )
    return Encoded(bytes(data), "XYB" if is_colour and not is_lossless else samples.photometric_interpretation)


def _rle(samples: Samples, shape: FrameShape) -> Encoded:
    _needs(shape.bits_allocated >= 8, "RLE Lossless", "whole bytes")
    _needs(shape.bits_allocated // 8 * shape.samples_per_pixel <= 15, "RLE Lossless", "15 segments")
    return Encoded(encode_rle(samples.array, shape), samples.photometric_interpretation)


def _uncompressed(samples: Samples, shape: FrameShape) -> Encoded:
    return Encoded(encode_native(samples.array, shape), samples.photometric_interpretation)


def _deflated(samples: Samples, shape: FrameShape) -> Encoded:
    deflater = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    data = deflater.compress(encode_native(samples.array, shape)) + deflater.flush()
    return Encoded(bytes(data), samples.photometric_interpretation)


def _lossy_jpeg2000(samples: Samples, shape: FrameShape) -> Encoded:
    return _jpeg2000(samples, shape, is_lossless=False)


def _lossy_htj2k(samples: Samples, shape: FrameShape) -> Encoded:
    return _htj2k(samples, shape, is_lossless=False)


def _lossy_jpeg_xl(samples: Samples, shape: FrameShape) -> Encoded:
    return _jpeg_xl(samples, shape, is_lossless=False)


_J = "1.2.840.10008.1.2.4."
ENCODERS: Mapping[str, Encode] = {
    "1.2.840.10008.1.2.1.98": _uncompressed,
    f"{_J}50": _jpeg_baseline,
    f"{_J}51": _jpeg_extended,
    f"{_J}57": _jpeg_lossless,
    f"{_J}70": _jpeg_lossless,
    f"{_J}80": _jpeg_ls,
    f"{_J}90": _jpeg2000,
    f"{_J}91": _lossy_jpeg2000,
    f"{_J}110": _jpeg_xl,
    f"{_J}112": _lossy_jpeg_xl,
    f"{_J}201": _htj2k,
    f"{_J}202": _htj2k,
    f"{_J}203": _lossy_htj2k,
    "1.2.840.10008.1.2.5": _rle,
    "1.2.840.10008.1.2.8.1": _deflated,
}
"""Encapsulated syntaxes that are written, as `syntaxes.WRITTEN` has them; native ones share one way."""
