"""Where a pixel of the image lies on the picture (PS3.3 Sections C.10.4 and C.10.6)."""

import math

import msgspec
import numpy as np
import numpy.typing as npt
from PIL import Image

from sagittal.dicom.json_model import JsonDataset
from sagittal.errors import Exhausted
from sagittal.imaging.render.attributes import number, numbers, text
from sagittal.imaging.render.geometry import MAX_PICTURE_PIXELS
from sagittal.imaging.render.pipeline import pixel_aspect
from sagittal.imaging.render.recipe import Viewport

Point = tuple[float, float]
"""x to the right, y down."""

_MAX_MAGNIFICATION = 32.0
_MAX_ASPECT = 32.0
_FARTHEST = 1 << 20
_CORNERS = (("00700052", "00700050"), ("00700053", "00700051"))  # the others are those of states before 1999


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """The way from the image to the picture: turned clockwise, then flipped, cut to an area, scaled.

    Attributes:
        rows, columns: of the image.
        quarters: turns of 90 degrees clockwise.
        is_flipped: left and right change places after that.
        area: of the turned and flipped image: left, top, right, bottom, in its pixels; may reach beyond it.
        width, height: of the picture, pixels.
    """

    rows: int
    columns: int
    quarters: int
    is_flipped: bool
    area: tuple[int, int, int, int]
    width: int
    height: int

    def at(self, point: Point) -> Point:
        """Where a place of the image is on the picture; (0, 0) is the upper left corner of the first pixel of both."""
        x, y = self.turned(point)
        left, top, right, bottom = self.area
        return (x - left) * self.width / (right - left), (y - top) * self.height / (bottom - top)

    def displayed(self, point: Point) -> Point:
        """Where a place of the displayed area is, given in fractions of its size."""
        return point[0] * self.width, point[1] * self.height

    @property
    def scale(self) -> float:
        """Pixels of the picture for one of the image, the mean of both directions."""
        left, top, right, bottom = self.area
        return math.sqrt(self.width * self.height / ((right - left) * (bottom - top)))

    def place(self, picture: npt.NDArray[np.uint8], *, is_bitmap: bool = False) -> npt.NDArray[np.uint8]:
        """The picture of the image, (rows, columns[, 3]), as (height, width[, 3]); black where there is no image.

        Args:
            is_bitmap: zeros and full ones, without overshoot at their edges.
        """
        turned = np.rot90(picture, -self.quarters)
        if self.is_flipped:
            turned = np.fliplr(turned)
        rows, columns = turned.shape[:2]
        left, top, right, bottom = self.area
        near, far, upper, lower = max(0, left), min(columns, right), max(0, top), min(rows, bottom)
        shown = np.zeros((self.height, self.width, *picture.shape[2:]), np.uint8)
        if near >= far or upper >= lower:
            return shown
        x1, x2 = (round((x - left) * self.width / (right - left)) for x in (near, far))
        y1, y2 = (round((y - top) * self.height / (bottom - top)) for y in (upper, lower))
        if x1 < x2 and y1 < y2:
            shown[y1:y2, x1:x2] = _scaled(turned[upper:lower, near:far], x2 - x1, y2 - y1, is_bitmap=is_bitmap)
        return shown

    def turned(self, point: Point) -> Point:
        """Where a place of the image is once it is turned and flipped."""
        x, y = point
        width, height = self.columns, self.rows
        for _ in range(self.quarters):
            x, y = height - y, x
            width, height = height, width
        return (width - x if self.is_flipped else x), y


def placement_of(
    state: JsonDataset, area: JsonDataset, seen: JsonDataset, rows: int, columns: int, viewport: Viewport | None
) -> Placement:
    """The placement that a state asks for.

    SCALE TO FIT and TRUE SIZE give one pixel for one of the image, as nothing is known of a display; MAGNIFY gives what
    it says. A viewport without a region decides the size instead.

    Args:
        area: the item of the Displayed Area Selection Sequence (0070,005A), empty for all of the image.
        seen: the attributes of the image, for its own aspect ratio.

    Raises:
        Exhausted: the picture would be larger than MAX_PICTURE_PIXELS.
    """
    quarters = round(number(state, "00700042", number(state, "00700040", 0)) / 90) % 4
    is_flipped = text(state, "00700041").upper() == "Y"
    whole = Placement(
        rows=rows, columns=columns, quarters=quarters, is_flipped=is_flipped, area=(0, 0, 1, 1), width=1, height=1
    )
    box = _box(whole, area)
    across, down = float(box[2] - box[0]), float(box[3] - box[1])
    aspect = _aspect(area, seen)
    if quarters % 2:
        aspect = 1 / aspect
    across, down = (across, down * aspect) if aspect >= 1 else (across / aspect, down)
    scale = _scale(area, across, down, viewport)
    width, height = max(1, round(across * scale)), max(1, round(down * scale))
    if width * height > MAX_PICTURE_PIXELS:
        raise Exhausted(f"a displayed area of {width} x {height} is larger than {MAX_PICTURE_PIXELS} pixels")
    return msgspec.structs.replace(whole, area=box, width=width, height=height)


def _box(whole: Placement, area: JsonDataset) -> tuple[int, int, int, int]:
    """The displayed area in the turned image; its corners are pixels of the unturned one, in either order."""
    corners = [numbers(area, tag) or numbers(area, trial) for tag, trial in _CORNERS]
    if any(len(corner) < 2 for corner in corners):
        first, last = (1, 1), (whole.columns, whole.rows)
    else:
        (x1, y1), (x2, y2) = (
            tuple(min(max(int(value), -_FARTHEST), _FARTHEST) for value in corner[:2]) for corner in corners
        )
        first, last = (min(x1, x2), min(y1, y2)), (max(x1, x2), max(y1, y2))
    one, other = whole.turned((first[0] - 1, first[1] - 1)), whole.turned(last)
    left, right = sorted((int(one[0]), int(other[0])))
    top, bottom = sorted((int(one[1]), int(other[1])))
    return left, top, right, bottom


def _aspect(area: JsonDataset, seen: JsonDataset) -> float:
    """Height of a pixel over its width, before turning."""
    for tag in ("00700101", "00700102"):
        values = numbers(area, tag)
        if len(values) >= 2 and values[0] > 0 and values[1] > 0:
            return min(max(values[0] / values[1], 1 / _MAX_ASPECT), _MAX_ASPECT)
    return pixel_aspect(seen)


def _scale(area: JsonDataset, across: float, down: float, viewport: Viewport | None) -> float:
    if viewport is not None and not has_region(viewport):
        scale = min(viewport.width / across, viewport.height / down)
        return min(scale, 1.0) if viewport.only_shrinks else scale
    if text(area, "00700100").upper() == "MAGNIFY":
        return min(max(number(area, "00700103", 1.0), 1 / _MAX_MAGNIFICATION), _MAX_MAGNIFICATION)
    return 1.0


def has_region(viewport: Viewport) -> bool:
    """Whether a viewport shows a part, or a mirror image, of the picture."""
    return any((viewport.left, viewport.top, viewport.region_width, viewport.region_height))


def _scaled(picture: npt.NDArray[np.uint8], width: int, height: int, *, is_bitmap: bool) -> npt.NDArray[np.uint8]:
    if picture.shape[:2] == (height, width):
        return picture
    how = Image.Resampling.BICUBIC
    if is_bitmap:
        is_smaller = width < picture.shape[1] or height < picture.shape[0]
        how = Image.Resampling.BOX if is_smaller else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(np.ascontiguousarray(picture)).resize((width, height), how))
