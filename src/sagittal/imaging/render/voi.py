"""Values of interest to shades of grey: windows and VOI LUTs (PS3.3 Section C.11.2)."""

from typing import cast

import numpy as np
import numpy.typing as npt

from sagittal.dicom.json_model import JsonDataset
from sagittal.imaging.render.attributes import items, number, numbers, text
from sagittal.imaging.render.lookup import Lookup, read_lookup
from sagittal.imaging.render.recipe import Function, Window

Values = npt.NDArray[np.float64]

_CT_WINDOW = Window(40.0, 400.0)
_LEAST_TISSUE = 0.03
_SAMPLES = 65536
_PERCENTILES = {"CR": (1.0, 99.5), "DX": (1.0, 99.5), "MG": (1.0, 99.5), "MR": (1.0, 99.0), "PT": (0.0, 99.5)}
_OTHER_PERCENTILES = (0.5, 99.5)


def windowed(values: Values, window: Window) -> Values:
    """Shades from 0.0 (black) to 1.0 (white).

    >>> [float(shade) for shade in windowed(np.array([-50.0, 50.0, 150.0]), Window(50, 100, "LINEAR_EXACT"))]
    [0.0, 0.5, 1.0]
    """
    center, width = window.center, window.width
    if window.function == "SIGMOID":
        exponent = np.clip(-4.0 * (values - center) / width, -700.0, 700.0)
        return 1.0 / (1.0 + np.exp(exponent))
    if window.function == "LINEAR":
        center, width = center - 0.5, width - 1.0
    if width <= 0:
        return (values > center).astype(np.float64)
    return cast("Values", np.clip((values - center) / width + 0.5, 0.0, 1.0))


def stored_windows(dataset: JsonDataset) -> tuple[Window, ...]:
    """The windows that the attributes give, in order; those with no possible width are left out."""
    said = text(dataset, "00281056").upper()
    function: Function = "SIGMOID" if said == "SIGMOID" else "LINEAR_EXACT" if said == "LINEAR_EXACT" else "LINEAR"
    found: list[Window] = []
    for center, width in zip(numbers(dataset, "00281050"), numbers(dataset, "00281051"), strict=False):
        if function == "LINEAR" and 0 < width < 1:
            found.append(Window(center, width, "LINEAR_EXACT"))  # PET and float maps: LINEAR has no such width
        elif width > 0:
            found.append(Window(center, width, function))
    return tuple(found)


def stored_lookups(dataset: JsonDataset, *, is_signed: bool) -> tuple[Lookup, ...]:
    """The tables of the VOI LUT Sequence (0028,3010)."""
    sequence = items(dataset, "00283010")
    return tuple(read_lookup(item, "00283002", "00283006", is_signed=is_signed) for item in sequence)


def default_window(dataset: JsonDataset, values: Values) -> Window:
    """A window for values that come without one.

    CT in Hounsfield units, if some of it is within: center 40, width 400. Unsigned 8-bit values without a modality
    transformation, as in captured screens and ultrasound: all of them, as stored. Others: between low and high
    percentiles of the values that are no padding, for radiographs 1 and 99.5, MR 1 and 99, PET 0 and 99.5, else 0.5
    and 99.5.
    """
    modality = text(dataset, "00080060")
    unit = text(dataset, "00281054")
    slope = number(dataset, "00281053", 1.0)
    intercept = number(dataset, "00281052", 0.0)
    if modality == "CT" and (unit == "HU" or (unit == "" and intercept != 0.0)) and _has_soft_tissue(values):
        return _CT_WINDOW
    bits, sign = number(dataset, "00280101", 16), number(dataset, "00280103", 0)
    has_table = bool(items(dataset, "00283000"))
    if 1 <= bits <= 8 and not sign and not has_table and slope == 1.0 and intercept == 0.0:
        most = float((1 << int(bits)) - 1)
        return Window(most / 2, max(most, 1.0), "LINEAR_EXACT")
    low, high = _range(values, _PERCENTILES.get(modality, _OTHER_PERCENTILES))
    return Window((low + high) / 2, max(high - low, 1e-9), "LINEAR_EXACT")


def _has_soft_tissue(values: Values) -> bool:
    """Whether some of the values are within the window for CT: maps that are made from CT have others."""
    low, high = _CT_WINDOW.center - _CT_WINDOW.width / 2, _CT_WINDOW.center + _CT_WINDOW.width / 2
    inside = np.count_nonzero((values > low) & (values < high))
    return bool(inside >= _LEAST_TISSUE * values.size)


def min_max_window(values: Values) -> Window:
    """The window from the least to the greatest value."""
    low, high = float(values.min()), float(values.max())
    return Window((low + high) / 2, max(high - low, 1e-9), "LINEAR_EXACT")


def _range(values: Values, percentiles: tuple[float, float]) -> tuple[float, float]:
    flat = values.ravel()
    flat = flat[:: max(1, flat.size // _SAMPLES)]
    if flat.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(flat, percentiles)
    if high <= low:  # nearly all of one value, as a small label on black: the percentiles say nothing
        low, high = values.min(), values.max()
    return float(low), float(high)
