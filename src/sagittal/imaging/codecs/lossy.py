"""Arrays to frames with loss, as little or as much as is asked for (PS3.5 Section 8.2).

Quality is that of PS3.18 Section 8.3.5.1.2, 1 to 100; each codec has its own measure and its own default:

| | quality becomes | default |
|---|---|---|
| JPEG | that of libjpeg | 92 |
| JPEG-LS | NEAR, in stored values: `(100 - quality) / 10` of 8 bits, more of more | 1 of 8 bits |
| JPEG 2000 | peak signal to noise ratio, dB | 6 for each bit: an error of about one stored value |
| HTJ2K | step of the base quantizer, in stored values; doubles every 12 | 0.5 |
| JPEG XL | Butteraugli distance, as libjxl reads a quality | 1.0 |
"""

from collections.abc import Callable, Mapping

import imagecodecs
import numpy as np

from sagittal.errors import Unsupported
from sagittal.imaging.codecs.places import SHORT_BITS, integers, needs, resolutions, transformed
from sagittal.imaging.codecs.samples import Array, Samples
from sagittal.imaging.pixels import FrameShape
from sagittal.imaging.syntaxes import Encoded

DEFAULT_QUALITY = 92
_HTJ2K_STEP = 0.5
_JPEG_XL_DISTANCE = 1.0
_JPEG_BITS = 12
_MOST_TRIES = 8
_MOST_NEAR = 255  # ISO/IEC 14495-1 Section C.2.3

Encode = Callable[[Samples, FrameShape, int], Encoded]
"""The last argument is the quality, 0 for the default. Raises Unsupported for samples without a place."""


def _jpeg_baseline(samples: Samples, shape: FrameShape, quality: int) -> Encoded:
    integers(shape, "JPEG Baseline", 8)
    needs(shape.bits_stored == 8 and not shape.is_signed, "JPEG Baseline", "8 bits without sign")
    array, level = np.ascontiguousarray(samples.array), quality or DEFAULT_QUALITY
    if array.ndim == 2:
        return Encoded(bytes(imagecodecs.jpeg8_encode(array, level)), samples.photometric_interpretation)
    space = "YCBCR" if samples.photometric_interpretation.startswith("YBR") else "RGB"
    data = imagecodecs.jpeg8_encode(array, level, colorspace=space, outcolorspace="YCBCR", subsampling="422")
    return Encoded(bytes(data), "YBR_FULL_422")


def _jpeg_extended(samples: Samples, shape: FrameShape, quality: int) -> Encoded:
    if shape.bits_allocated == 8:
        return _jpeg_baseline(samples, shape, quality)
    is_fit = shape.bits_stored <= 12 and not shape.is_signed and samples.array.ndim == 2
    needs(is_fit and shape.bits_allocated == SHORT_BITS, "JPEG Extended", "one sample of 12 bits without sign")

    def encode(array: Array) -> bytes:
        return bytes(imagecodecs.jpeg8_encode(array, quality or DEFAULT_QUALITY, bitspersample=12))

    data = _within(encode, imagecodecs.jpeg8_decode, samples.array, shape, _JPEG_BITS)
    return Encoded(data, samples.photometric_interpretation)


def near_of(quality: int, bits_stored: int) -> int:
    """How far a sample of near-lossless JPEG-LS may be from what it was, in stored values.

    >>> near_of(0, 8), near_of(50, 8), near_of(92, 12), near_of(100, 16), near_of(1, 16)
    (1, 5, 13, 1, 255)
    """
    loss = (100 - (quality or DEFAULT_QUALITY)) / 10
    return max(1, min(round(loss * (1 << bits_stored) / 256), _MOST_NEAR, (1 << bits_stored) // 2 - 1))


def _near_lossless(samples: Samples, shape: FrameShape, quality: int) -> Encoded:
    integers(shape, "near-lossless JPEG-LS", SHORT_BITS)
    needs(not shape.is_signed and shape.bits_stored > 1, "near-lossless JPEG-LS", "two bits or more, without sign")
    near, most = near_of(quality, shape.bits_stored), (1 << shape.bits_stored) - 1
    array = samples.array
    if shape.bits_stored < shape.bits_allocated:  # the codec knows of whole bytes only, and would go beyond the most
        array = np.minimum(array, most - near)
    given = np.ascontiguousarray(array)
    data = imagecodecs.jpegls_encode(given, near, out=2 * given.nbytes + 4096)
    return Encoded(bytes(data), samples.photometric_interpretation)


def _jpeg2000(samples: Samples, shape: FrameShape, quality: int) -> Encoded:
    integers(shape, "JPEG 2000", SHORT_BITS)
    data = imagecodecs.jpeg2k_encode(
        np.ascontiguousarray(samples.array),
        6 * shape.bits_stored + round(0.4 * ((quality or DEFAULT_QUALITY) - DEFAULT_QUALITY)),
        codecformat="j2k",
        bitspersample=shape.bits_stored,
        reversible=False,
        mct=samples.photometric_interpretation == "RGB",
        resolutions=resolutions(shape),
        numthreads=1,
    )
    return Encoded(bytes(data), transformed(samples, is_lossless=False))


def _htj2k(samples: Samples, shape: FrameShape, quality: int) -> Encoded:
    integers(shape, "HTJ2K", SHORT_BITS)
    step = _HTJ2K_STEP * 2 ** ((DEFAULT_QUALITY - (quality or DEFAULT_QUALITY)) / 12) / (1 << shape.bits_allocated)

    def encode(array: Array) -> bytes:
        is_rgb = samples.photometric_interpretation == "RGB"
        return bytes(
            imagecodecs.htj2k_encode(
                array, step, rgb=is_rgb, reversible=False, resolutions=resolutions(shape), tlm=True
            )
        )

    data = _within(encode, _htj2k_decoded, samples.array, shape, shape.bits_allocated)
    return Encoded(data, transformed(samples, is_lossless=False))


def _htj2k_decoded(data: bytes) -> Array:
    array: Array = imagecodecs.htj2k_decode(data, planar=False)
    return array


def _within(
    encode: Callable[[Array], bytes], decode: Callable[[bytes], Array], array: Array, shape: FrameShape, bits: int
) -> bytes:
    """A codestream whose samples stay within Bits Stored, by a codec that knows of samples of `bits` only.

    Beside an edge to the highest value of fewer bits samples come back higher still, and a reader that takes their
    lowest bits sees black in white. So the range is made narrower until none does.
    """
    low, high = (-(1 << shape.bits_stored - 1), (1 << shape.bits_stored - 1) - 1)
    if not shape.is_signed:
        low, high = 0, (1 << shape.bits_stored) - 1
    given, margin = np.ascontiguousarray(array), 0
    data = encode(given)
    if shape.bits_stored == bits:
        return data
    for _ in range(_MOST_TRIES):
        back = decode(data)
        beyond = max(low - int(back.min()), int(back.max()) - high)
        if beyond <= 0:
            return data
        margin += beyond
        data = encode(np.clip(given, min(low + margin, high // 2), max(high - margin, high // 2)))
    raise Unsupported("this lossy Transfer Syntax has samples that stay within Bits Stored only")


def distance_of(quality: int) -> float:
    """Butteraugli distance of a quality, as libjxl's JxlEncoderDistanceFromQuality has it; never lossless.

    >>> distance_of(0), round(distance_of(90), 2), round(distance_of(30), 2), distance_of(100)
    (1.0, 1.0, 6.4, 0.1)
    """
    if not quality:
        return _JPEG_XL_DISTANCE
    if quality >= 30:
        return 0.1 + (100 - quality) * 0.09
    return 53 / 3000 * quality**2 - 23 / 20 * quality + 25


def _jpeg_xl(samples: Samples, shape: FrameShape, quality: int) -> Encoded:
    integers(shape, "JPEG XL", SHORT_BITS)
    # Its measure is what an eye sees of 8 bits: of 12-bit stored values 88 were lost at distance 1.
    needs(not shape.is_signed and shape.bits_stored <= 8, "lossy JPEG XL", "samples of 8 bits without sign here")
    is_colour = samples.array.ndim == 3
    needs(not is_colour or samples.photometric_interpretation == "RGB", "JPEG XL", "colours in RGB")
    data = imagecodecs.jpegxl_encode(
        np.ascontiguousarray(samples.array),
        lossless=False,
        distance=distance_of(quality),
        bitspersample=shape.bits_stored,
        effort=3,
        numthreads=1,
    )
    return Encoded(bytes(data), "XYB" if is_colour else samples.photometric_interpretation)


_J = "1.2.840.10008.1.2.4."
LOSSY_ENCODERS: Mapping[str, Encode] = {
    f"{_J}50": _jpeg_baseline,
    f"{_J}51": _jpeg_extended,
    f"{_J}81": _near_lossless,
    f"{_J}91": _jpeg2000,
    f"{_J}112": _jpeg_xl,
    f"{_J}203": _htj2k,
}
"""Encapsulated syntaxes that are written with loss."""
