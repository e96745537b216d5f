"""What a Transfer Syntax has a place for, and what encoders share."""

import numpy as np

from sagittal.errors import Unsupported
from sagittal.imaging.codecs.samples import Array, Samples
from sagittal.imaging.pixels import FrameShape

SHORT_BITS = 16
"""Of the widest sample that most codecs take."""


def needs(is_met: bool, syntax: str, what: str) -> None:
    """Raises Unsupported where a Transfer Syntax has no place for such samples."""
    if not is_met:
        raise Unsupported(f"{syntax} has {what} only")


def integers(shape: FrameShape, syntax: str, most_bits: int) -> None:
    """Raises Unsupported unless samples are whole bytes, one or three a pixel."""
    is_whole = not shape.is_float and 8 <= shape.bits_allocated <= most_bits
    needs(is_whole, syntax, f"integers of 8 to {most_bits} bits")
    needs(shape.samples_per_pixel in (1, 3), syntax, "one or three samples for each pixel")


def cells(array: Array) -> Array:
    """Two's complement as it lies in the pixel cell, for codecs without signs."""
    return np.ascontiguousarray(array.view(array.dtype.str.replace("i", "u")))


def transformed(samples: Samples, *, is_lossless: bool) -> str:
    """Photometric Interpretation once JPEG 2000's component transform is done (PS3.5 Section 8.2.4)."""
    if samples.photometric_interpretation != "RGB":
        return samples.photometric_interpretation
    return "YBR_RCT" if is_lossless else "YBR_ICT"


def resolutions(shape: FrameShape) -> int:
    """Decompositions until the smaller side is about 32 pixels, at most 5."""
    return max(1, min(6, min(shape.rows, shape.columns).bit_length() - 4))
