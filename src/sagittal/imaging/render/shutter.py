"""The display shutter: what is outside is not shown (PS3.3 Sections C.7.6.11 and C.7.6.15)."""

import numpy as np
import numpy.typing as npt

from sagittal.dicom.json_model import JsonDataset
from sagittal.imaging.render.attributes import number, numbers, texts
from sagittal.imaging.render.colour import from_cielab
from sagittal.imaging.render.overlays import OVERLAY_GROUPS, overlay_plane

Mask = npt.NDArray[np.bool_]
_MAX_VERTICES = 4096
_FARTHEST = 1e6


def shutter_mask(dataset: JsonDataset, rows: int, columns: int) -> Mask | None:
    """Where the shutter is closed, (rows, columns); None without a shutter. Several shapes close together."""
    shapes = {shape.upper() for shape in texts(dataset, "00181600")}
    closed: Mask | None = None
    for name, opening in (("RECTANGULAR", _rectangle), ("CIRCULAR", _circle), ("POLYGONAL", _polygon)):
        is_open = opening(dataset, rows, columns) if name in shapes else None
        if is_open is not None:
            closed = ~is_open if closed is None else closed | ~is_open
    outlined = _bitmap(dataset, rows, columns) if "BITMAP" in shapes else None
    if outlined is not None:
        closed = outlined if closed is None else closed | outlined
    return closed


def shutter_colour(dataset: JsonDataset) -> tuple[int, int, int] | None:
    """What Shutter Presentation Color CIELab Value (0018,1624) says, in sRGB; None where it says no colour."""
    values = numbers(dataset, "00181624")
    return from_cielab(values) if len(values) >= 3 else None


def shutter_grey(dataset: JsonDataset) -> int:
    """The grey of a closed shutter, 8 bits, from Shutter Presentation Value (0018,1622), 16 bits; black if not said."""
    return min(255, max(0, int(number(dataset, "00181622", 0)) >> 8))


def _rectangle(dataset: JsonDataset, rows: int, columns: int) -> Mask | None:
    edges = ("00181602", "00181604", "00181606", "00181608")
    if not all(numbers(dataset, tag) for tag in edges):
        return None
    left, right, upper, lower = (int(number(dataset, tag, 0)) for tag in edges)
    is_open = np.zeros((rows, columns), np.bool_)
    is_open[max(0, upper - 1) : max(0, lower), max(0, left - 1) : max(0, right)] = True
    return is_open


def _circle(dataset: JsonDataset, rows: int, columns: int) -> Mask | None:
    center, radius = numbers(dataset, "00181610"), number(dataset, "00181612", 0)
    if len(center) < 2 or radius <= 0:
        return None
    down = np.arange(1, rows + 1, dtype=np.float64)[:, None] - center[0]
    across = np.arange(1, columns + 1, dtype=np.float64)[None, :] - center[1]
    return np.hypot(down, across) <= radius


def _bitmap(dataset: JsonDataset, rows: int, columns: int) -> Mask | None:
    """The ones of the overlay of Shutter Overlay Group (0018,1623) are closed (PS3.3 Section C.7.6.15)."""
    group = int(number(dataset, "00181623", 0))
    return overlay_plane(dataset, group, rows, columns) if group in OVERLAY_GROUPS else None


def _polygon(dataset: JsonDataset, rows: int, columns: int) -> Mask | None:
    from PIL import Image, ImageDraw  # 8 ms that frames without a polygon do not need

    values = numbers(dataset, "00181620")[: 2 * _MAX_VERTICES]
    near = [min(max(value - 1, -_FARTHEST), _FARTHEST) for value in values]  # Pillow counts in 32-bit integers
    vertices = [(column, row) for row, column in zip(near[::2], near[1::2], strict=False)]
    if len(vertices) < 3:
        return None
    canvas = Image.new("L", (columns, rows))
    ImageDraw.Draw(canvas).polygon(vertices, fill=1, outline=1)
    return np.asarray(canvas).astype(np.bool_)
