"""The colour palettes that are known by their UID alone (PS3.6 Table A-1, PS3.3 Section B.24)."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from sagittal.errors import Unsupported

KNOWN: Mapping[str, str] = {
    "1.2.840.10008.1.5.1": "Hot Iron",
    "1.2.840.10008.1.5.2": "PET",
    "1.2.840.10008.1.5.3": "Hot Metal Blue",
    "1.2.840.10008.1.5.4": "PET 20 Step",
    "1.2.840.10008.1.5.5": "Spring",
    "1.2.840.10008.1.5.6": "Summer",
    "1.2.840.10008.1.5.7": "Fall",
    "1.2.840.10008.1.5.8": "Winter",
}


@lru_cache(maxsize=len(KNOWN))
def known_palette(uid: str) -> npt.NDArray[np.uint8]:
    """The palette of a Palette Color Lookup Table UID (0028,1199), (256, 3).

    >>> [int(value) for value in known_palette("1.2.840.10008.1.5.1")[255]]
    [255, 255, 255]

    Raises:
        Unsupported: it is none of PS3.6.
    """
    from pydicom.pixels.processing import apply_color_lut  # it ships the instances that the standard defines

    if uid not in KNOWN:
        raise Unsupported(f"the colour palettes known by UID alone are those of PS3.6; got {uid}")
    return np.asarray(apply_color_lut(np.arange(256, dtype=np.uint8), palette=uid), np.uint8)
