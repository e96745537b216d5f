"""From luminance and chrominance to RGB (PS3.3 Section C.7.6.3.1.2)."""

import numpy as np

from sagittal.imaging.codecs.samples import Array, Samples

_FULL = ((1.0, 0.0, 1.402), (1.0, -0.114 * 1.772 / 0.587, -0.299 * 1.402 / 0.587), (1.0, 1.772, 0.0))
_PARTIAL = ((1.1644, 0.0, 1.5960), (1.1644, -0.3917, -0.8130), (1.1644, 2.0173, 0.0))
_BAND_ROWS = 256


def to_rgb(samples: Samples, bits_stored: int) -> Samples:
    """Samples in RGB where they can be; others as they are."""
    name = samples.photometric_interpretation
    if samples.array.ndim != 3 or samples.array.shape[2] != 3 or not name.startswith("YBR_"):
        return samples
    if name in ("YBR_RCT", "YBR_ICT"):
        return samples._replace(photometric_interpretation="RGB")  # the codestream's own transform is undone already
    matrix, black = (_PARTIAL, 16 << bits_stored - 8) if name.startswith("YBR_PARTIAL") else (_FULL, 0)
    return Samples(_transformed(samples.array, matrix, black, bits_stored), "RGB")


def _transformed(array: Array, matrix: tuple[tuple[float, ...], ...], black: int, bits_stored: int) -> Array:
    """In bands of rows, so that the floating point copy stays small."""
    result = np.empty_like(array)
    weights = np.array(matrix, np.float32).T
    zero = np.array([black, 1 << bits_stored - 1, 1 << bits_stored - 1], np.float32)
    for row in range(0, array.shape[0], _BAND_ROWS):
        band = (array[row : row + _BAND_ROWS].astype(np.float32) - zero) @ weights
        result[row : row + _BAND_ROWS] = np.clip(np.rint(band), 0, (1 << bits_stored) - 1)
    return result
