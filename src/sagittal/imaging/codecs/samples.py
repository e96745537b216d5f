"""Samples: what a codec gives, brought to the values that the attributes promise."""

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sagittal.errors import Invalid
from sagittal.imaging.pixels import FrameShape

Array: TypeAlias = NDArray[np.generic]
"""(rows, columns) or (rows, columns, samples)."""


class Samples(NamedTuple):
    """A decoded frame.

    Attributes:
        array: stored values in `FrameShape.dtype`, (rows, columns) or (rows, columns, samples).
        photometric_interpretation: of these samples; no longer the data set's where the codec has turned YBR to RGB.
    """

    array: Array
    photometric_interpretation: str


def values_of(cells: Array, shape: FrameShape, precision: int | None = None) -> Array:
    """Stored values from pixel cells: bits outside of Bits Stored are dropped, signs extended (PS3.5 Section 8.1.1).

    Args:
        cells: integers of any sign and of a width up to Bits Allocated.
        shape: what the values are to be.
        precision: bits of a sample in the codestream; None for whole cells.
    """
    width = max(8, shape.bits_allocated)
    if cells.dtype.itemsize * 8 > width and (precision or 0) > width:
        raise Invalid(f"samples of {precision} bits do not fit Bits Allocated {shape.bits_allocated}")
    is_whole = precision is None or precision > shape.high_bit
    shift = shape.high_bit + 1 - shape.bits_stored if is_whole else 0
    stored = shape.bits_stored if is_whole or precision is None else min(precision, shape.bits_stored)
    array = cells.astype(shape.dtype, copy=False)
    spare = width - stored
    if not spare or (shape.bits_allocated == 1 and not shift):
        return array
    if not shape.is_signed:
        return array >> shift & (1 << stored) - 1
    return array << spare - shift >> spare


def shaped(array: Array, shape: FrameShape) -> Array:
    """The array with the frame's shape; Invalid if it has another one."""
    if array.shape == shape.array_shape:
        return array
    if array.size == np.prod(shape.array_shape) and tuple(n for n in array.shape if n != 1) == tuple(
        n for n in shape.array_shape if n != 1
    ):
        return array.reshape(shape.array_shape)
    raise Invalid(f"a frame of {shape.array_shape} samples; the codestream has {array.shape}")
