"""Arrays to frames, by Transfer Syntax (PS3.5 Section 8.2 and Annex A.4)."""

import zlib
from collections.abc import Callable, Mapping

import imagecodecs
import numpy as np

from sagittal.dicom.dataset.reencode import NATIVE
from sagittal.errors import Exhausted, Invalid, Unsupported
from sagittal.imaging.codecs.lossy import LOSSY_ENCODERS
from sagittal.imaging.codecs.native import encode_native
from sagittal.imaging.codecs.places import SHORT_BITS, cells, integers, needs, resolutions, transformed
from sagittal.imaging.codecs.rle import encode_rle
from sagittal.imaging.codecs.samples import Samples
from sagittal.imaging.codecs.table import CODEC_ERRORS
from sagittal.imaging.pixels import FrameShape
from sagittal.imaging.syntaxes import WRITTEN, Encoded, is_lossless

Encode = Callable[[Samples, FrameShape], Encoded]
"""Raises Unsupported for samples that the Transfer Syntax has no place for."""


def encode_frame(samples: Samples, shape: FrameShape, transfer_syntax_uid: str, quality: int = 0) -> Encoded:
    """A frame in the Transfer Syntax wanted.

    Args:
        samples: as `decode_samples` gives them: stored values in their native dtype.
        shape: their bits; its Transfer Syntax and byte order play no part.
        transfer_syntax_uid: one of `WRITTEN`, or a native one; native frames are little endian.
        quality: of a lossy Transfer Syntax, 1 to 100; 0 for the default of `codecs.lossy`.

    Raises:
        Unsupported: the syntax is not written here, or has no place for such samples.
        Exhausted: it would take too much memory.
    """
    if transfer_syntax_uid in NATIVE:
        return Encoded(encode_native(samples.array, shape), samples.photometric_interpretation)
    if transfer_syntax_uid not in WRITTEN:
        raise Unsupported(f"frames are not written in Transfer Syntax {transfer_syntax_uid}")
    needs(not shape.is_float, "encapsulated pixel data", "integers")
    is_index = samples.photometric_interpretation == "PALETTE COLOR"
    needs(is_lossless(transfer_syntax_uid) or not is_index, "a lossy Transfer Syntax", "samples that are no indices")
    try:
        if transfer_syntax_uid in ENCODERS:
            return ENCODERS[transfer_syntax_uid](samples, shape)
        return LOSSY_ENCODERS[transfer_syntax_uid](samples, shape, quality)
    except MemoryError as error:
        raise Exhausted("not enough memory to encode a frame") from error
    except CODEC_ERRORS as error:
        raise Invalid(f"a frame cannot be encoded in Transfer Syntax {transfer_syntax_uid}: {error}") from error


def _jpeg_lossless(samples: Samples, shape: FrameShape) -> Encoded:
    integers(shape, "JPEG Lossless", SHORT_BITS)
    # YBR too is named RGB: libjpeg would convert it otherwise, and the data set says what it is.
    given, space = cells(samples.array), "GRAYSCALE" if samples.array.ndim == 2 else "RGB"
    bits = shape.bits_allocated if shape.is_signed else max(2, shape.bits_stored)
    data = imagecodecs.jpeg8_encode(
        given, lossless=True, predictor=1, bitspersample=bits, colorspace=space, outcolorspace=space
    )
    return Encoded(bytes(data), samples.photometric_interpretation)


def _jpeg_ls(samples: Samples, shape: FrameShape) -> Encoded:
    integers(shape, "JPEG-LS", SHORT_BITS)
    given = cells(samples.array)
    room = 2 * given.nbytes + 4096  # noise grows; the codec's own guess is too small for it
    return Encoded(bytes(imagecodecs.jpegls_encode(given, 0, out=room)), samples.photometric_interpretation)


def _jpeg2000(samples: Samples, shape: FrameShape) -> Encoded:
    integers(shape, "JPEG 2000", SHORT_BITS)
    is_rgb = samples.photometric_interpretation == "RGB"
    data = imagecodecs.jpeg2k_encode(
        np.ascontiguousarray(samples.array),
        0,
        codecformat="j2k",
        bitspersample=shape.bits_stored,
        reversible=True,
        mct=is_rgb,
        resolutions=resolutions(shape),
        numthreads=1,
    )
    return Encoded(bytes(data), transformed(samples, is_lossless=True))


def _htj2k(samples: Samples, shape: FrameShape) -> Encoded:
    integers(shape, "HTJ2K", 32)
    needs(shape.bits_stored <= 31, "HTJ2K", "up to 31 bits")
    data = imagecodecs.htj2k_encode(
        np.ascontiguousarray(samples.array),
        None,
        rgb=samples.photometric_interpretation == "RGB",
        reversible=True,
        resolutions=resolutions(shape),
        tlm=True,
    )
    return Encoded(bytes(data), transformed(samples, is_lossless=True))


def _jpeg_xl(samples: Samples, shape: FrameShape) -> Encoded:
    integers(shape, "JPEG XL", SHORT_BITS)
    needs(not shape.is_signed, "JPEG XL", "samples without sign")
    is_colour = samples.array.ndim == 3
    needs(not is_colour or samples.photometric_interpretation == "RGB", "JPEG XL", "colours in RGB")
    data = imagecodecs.jpegxl_encode(
        np.ascontiguousarray(samples.array),
        lossless=True,
        bitspersample=shape.bits_stored,
        effort=3,
        numthreads=1,
    )
    return Encoded(bytes(data), samples.photometric_interpretation)


def _rle(samples: Samples, shape: FrameShape) -> Encoded:
    needs(shape.bits_allocated >= 8, "RLE Lossless", "whole bytes")
    needs(shape.bits_allocated // 8 * shape.samples_per_pixel <= 15, "RLE Lossless", "15 segments")
    return Encoded(encode_rle(samples.array, shape), samples.photometric_interpretation)


def _uncompressed(samples: Samples, shape: FrameShape) -> Encoded:
    return Encoded(encode_native(samples.array, shape), samples.photometric_interpretation)


def _deflated(samples: Samples, shape: FrameShape) -> Encoded:
    deflater = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    data = deflater.compress(encode_native(samples.array, shape)) + deflater.flush()
    return Encoded(bytes(data), samples.photometric_interpretation)


_J = "1.2.840.10008.1.2.4."
ENCODERS: Mapping[str, Encode] = {
    "1.2.840.10008.1.2.1.98": _uncompressed,
    f"{_J}57": _jpeg_lossless,
    f"{_J}70": _jpeg_lossless,
    f"{_J}80": _jpeg_ls,
    f"{_J}90": _jpeg2000,
    f"{_J}110": _jpeg_xl,
    f"{_J}201": _htj2k,
    f"{_J}202": _htj2k,
    "1.2.840.10008.1.2.5": _rle,
    "1.2.840.10008.1.2.8.1": _deflated,
}
"""Encapsulated syntaxes that are written without loss; native ones share one way."""
