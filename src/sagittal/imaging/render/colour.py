"""Frames in colour to 8-bit RGB: palettes, samples of any depth, and colours in CIELab."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sagittal.dicom.json_model import JsonDataset
from sagittal.errors import Invalid
from sagittal.imaging.render.attributes import items, number, text
from sagittal.imaging.render.lookup import Lookup, read_palette
from sagittal.imaging.render.palettes import known_palette

Colour = npt.NDArray[np.uint8]


def palette_colour(frame: npt.NDArray[np.generic], dataset: JsonDataset) -> Colour:
    """PALETTE COLOR indices, (rows, columns), to (rows, columns, 3).

    Raises:
        Invalid: a palette is missing or cannot be read.
    """
    palettes = _palettes(dataset, is_signed=frame.dtype.kind == "i")
    shift = _surplus_bits(palettes)
    return np.stack([palette.apply(frame) >> shift for palette in palettes], axis=-1).astype(np.uint8)


def palette_shades(shades: npt.NDArray[np.float64], dataset: JsonDataset) -> Colour:
    """Shades from 0.0 to 1.0, (rows, columns), spread over the whole of a palette (PS3.4 Section N.2.3).

    Raises:
        Invalid: a palette is missing, unknown, or cannot be read.
    """
    name = text(dataset, "00281199")
    if "00281101" not in dataset and name:
        return known_palette(name)[np.rint(shades * 255).astype(np.intp)]
    palettes = _palettes(dataset, is_signed=False)
    shift = _surplus_bits(palettes)
    planes = [
        (palette.entries >> shift)[np.rint(shades * (len(palette.entries) - 1)).astype(np.intp)] for palette in palettes
    ]
    return np.stack(planes, axis=-1).astype(np.uint8)


def supplemental_colour(
    frame: npt.NDArray[np.generic], dataset: JsonDataset
) -> tuple[Colour, npt.NDArray[np.bool_]] | None:
    """The colours of a greyscale frame, (rows, columns, 3), and where they go, (rows, columns); None without colours.

    Of COLOR and MIXED frames stored values from the second value of the descriptor on are in colour (PS3.3 Section
    C.7.6.19), of COLOR_RANGE ones those within a range, which is spread over the palette.

    Raises:
        Invalid: a palette is missing or cannot be read.
    """
    presentation = text(dataset, "00089205").upper()
    if presentation in ("COLOR", "MIXED") and "00281101" in dataset:
        palettes = _palettes(dataset, is_signed=frame.dtype.kind == "i")
        return palette_colour(frame, dataset), np.asarray(frame.astype(np.int64) >= palettes[0].first)
    ranges = items(dataset, "00281230")
    if presentation == "COLOR_RANGE" and ranges:
        low, high = number(ranges[0], "00281231", 0.0), number(ranges[0], "00281232", 0.0)
        values = np.nan_to_num(frame.astype(np.float64))
        shades = np.clip((values - low) / max(high - low, 1e-9), 0.0, 1.0)
        return palette_shades(shades, dataset), (values >= low) & (values <= high)
    return None


def _palettes(dataset: JsonDataset, *, is_signed: bool) -> list[Lookup]:
    return [read_palette(dataset, colour, is_signed=is_signed) for colour in range(3)]


def _surplus_bits(palettes: Sequence[Lookup]) -> int:
    """How far entries are to be shifted down to 8 bits.

    Entries announced with 16 bits of which only the low 8 are used are in the field: as 16 bits they would be black.
    """
    return 8 if any(palette.bits > 8 and int(palette.entries.max()) > 255 for palette in palettes) else 0


def sampled_colour(frame: npt.NDArray[np.generic], dataset: JsonDataset) -> Colour:
    """RGB of any depth, (rows, columns, 3), to 8 bits; further samples are left out."""
    if frame.shape[2] < 3:
        raise Invalid(f"a colour frame has 3 samples a pixel; got {frame.shape[2]}")
    shown = frame[..., :3]
    if shown.dtype == np.uint8:
        return np.ascontiguousarray(shown).view(np.uint8)
    bits = int(number(dataset, "00280101", 8 * shown.dtype.itemsize))
    if not 1 <= bits <= 32:
        raise Invalid(f"Bits Stored (0028,0101) is 1 to 32; got {bits}")
    scaled = np.rint(np.clip(shown.astype(np.float64), 0, None) * (255.0 / ((1 << bits) - 1)))
    return np.clip(scaled, 0, 255).astype(np.uint8)


def from_cielab(values: Sequence[float]) -> tuple[int, int, int]:
    """The sRGB of a colour in CIELab as 16 bits each (PS3.3 Section C.10.7.1.1), of the white point D50.

    >>> from_cielab((65535, 32896, 32896)), from_cielab((0, 32896, 32896))
    ((255, 255, 255), (0, 0, 0))
    """
    lightness, a, b = (min(65535.0, max(0.0, value)) / 65535.0 for value in values[:3])
    middle = (lightness * 100.0 + 16.0) / 116.0
    steps = (middle + (a * 255.0 - 128.0) / 500.0, middle, middle - (b * 255.0 - 128.0) / 200.0)
    tristimulus = [white * _from_step(step) for white, step in zip(_D50, steps, strict=True)]
    linear = [sum(factor * value for factor, value in zip(row, tristimulus, strict=True)) for row in _D50_TO_SRGB]
    red, green, blue = (round(255.0 * _encoded(min(1.0, max(0.0, value)))) for value in linear)
    return red, green, blue


def _from_step(step: float) -> float:
    return step**3 if step > 6 / 29 else 3 * (6 / 29) ** 2 * (step - 4 / 29)


def _encoded(value: float) -> float:
    """The transfer function of sRGB (IEC 61966-2-1)."""
    return 12.92 * value if value <= 0.0031308 else 1.055 * math.pow(value, 1 / 2.4) - 0.055


_D50 = (0.96422, 1.0, 0.82521)
# CIE XYZ of D50 to linear sRGB: the Bradford adaptation to D65 and the primaries of IEC 61966-2-1 in one.
_D50_TO_SRGB = (
    (3.1338561, -1.6168667, -0.4906146),
    (-0.9787684, 1.9161415, 0.0334540),
    (0.0719453, -0.2289914, 1.4052427),
)
