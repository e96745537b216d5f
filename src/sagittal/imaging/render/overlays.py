"""Overlay planes: bitmaps of their own and bits beside the pixels (PS3.3 Section C.9.2, PS3.5 Section 8.1.2)."""

import numpy as np
import numpy.typing as npt

from sagittal.dicom.json_model import JsonDataset
from sagittal.imaging.render.attributes import binary, number, numbers, text

Mask = npt.NDArray[np.bool_]
OVERLAY_GROUPS = range(0x6000, 0x6020, 2)
_MAX_SIDE = 65535


def overlay_groups(dataset: JsonDataset) -> tuple[int, ...]:
    """The groups, 0x6000 to 0x601E, that hold an overlay; those that only close a bitmap shutter do not count."""
    shutter = int(number(dataset, "00181623", 0)) if "00181623" in dataset else 0
    return tuple(group for group in OVERLAY_GROUPS if f"{group:04X}0010" in dataset and group != shutter)


def needs_words(dataset: JsonDataset) -> bool:
    """Whether an overlay lies in bits of the pixel words, which decoded values no longer have."""
    return any(f"{group:04X}3000" not in dataset for group in overlay_groups(dataset))


def overlay_mask(
    dataset: JsonDataset, rows: int, columns: int, index: int, words: npt.NDArray[np.generic] | None = None
) -> Mask | None:
    """Where overlays draw on frame `index`, from 0, (rows, columns); None if there is nothing to draw.

    Args:
        words: the pixel words of the frame as stored, (rows, columns), for overlays in their unused bits.
    """
    mask: Mask | None = None
    for group in overlay_groups(dataset):
        drawn = overlay_plane(dataset, group, rows, columns, index, words)
        if drawn is not None:
            mask = drawn if mask is None else mask | drawn
    return mask if mask is not None and mask.any() else None


def overlay_plane(
    dataset: JsonDataset,
    group: int,
    rows: int,
    columns: int,
    index: int = 0,
    words: npt.NDArray[np.generic] | None = None,
) -> Mask | None:
    """What one overlay draws on a frame, (rows, columns): graphics (type G) as they are, regions (type R) as outlines.

    A region of interest says which pixels count, not how they look: filled in, it would hide them.
    """
    name = f"{group:04X}"
    plane = _plane(dataset, name, index, words)
    if plane is None:
        return None
    mask = np.zeros((rows, columns), np.bool_)
    is_region = text(dataset, f"{name}0040") == "R"
    _draw(mask, outline(plane) if is_region else plane, numbers(dataset, f"{name}0050"))
    return mask


def outline(region: Mask) -> Mask:
    """The pixels of a region that have a neighbour above, below or beside them that is outside."""
    padded = np.pad(region, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    edge: Mask = region & ~inner
    return edge


def _plane(dataset: JsonDataset, group: str, index: int, words: npt.NDArray[np.generic] | None) -> Mask | None:
    if f"{group}3000" not in dataset:
        bit = int(number(dataset, f"{group}0102", 0))
        if words is None or words.dtype.kind not in "iu" or not 0 < bit < 8 * words.dtype.itemsize:
            return None
        return ((words.astype(np.int64) >> bit) & 1).astype(np.bool_)
    rows, columns = int(number(dataset, f"{group}0010", 0)), int(number(dataset, f"{group}0011", 0))
    if not (0 < rows <= _MAX_SIDE and 0 < columns <= _MAX_SIDE):
        return None
    frames = int(number(dataset, f"{group}0015", 1))
    at = index - int(number(dataset, f"{group}0051", 1)) + 1 if f"{group}0015" in dataset and frames > 1 else 0
    first = at * rows * columns
    bits = np.frombuffer(binary(dataset, f"{group}3000"), np.uint8)
    if at < 0 or at >= max(1, frames) or first + rows * columns > 8 * len(bits):
        return None
    start = first // 8
    plane = np.unpackbits(bits[start : (first + rows * columns + 7) // 8], bitorder="little")
    skipped = first - 8 * start
    return plane[skipped : skipped + rows * columns].reshape(rows, columns).astype(np.bool_)


def _draw(mask: Mask, plane: Mask, origin: tuple[float, ...]) -> None:
    """Adds a plane whose upper left corner lies at `origin`, row and column from 1; what is outside is cut off."""
    top, left = (int(origin[0]) - 1, int(origin[1]) - 1) if len(origin) >= 2 else (0, 0)
    rows, columns = mask.shape
    upper, lower = max(0, top), min(rows, top + plane.shape[0])
    near, far = max(0, left), min(columns, left + plane.shape[1])
    if upper < lower and near < far:
        mask[upper:lower, near:far] |= plane[upper - top : lower - top, near - left : far - left]
