"""Pictures of square pixels in the size that is asked for (PS3.18 Section 8.3.5.1.3)."""

import numpy as np
import numpy.typing as npt
from PIL import Image

from sagittal.errors import Exhausted
from sagittal.imaging.render.recipe import Viewport

MAX_PICTURE_PIXELS = 128 * 1024**2
_REDUCING_GAP = 3.0  # large pictures are first reduced by whole numbers, which is several times as fast


def place(picture: npt.NDArray[np.uint8], pixel_aspect: float = 1.0, viewport: Viewport | None = None) -> Image.Image:
    """The picture as it is to be looked at.

    Args:
        picture: (rows, columns) or (rows, columns, 3).
        pixel_aspect: height of a pixel over its width; the shorter side of a pixel keeps its count.

    Raises:
        Exhausted: it would be larger than MAX_PICTURE_PIXELS.
    """
    image = Image.fromarray(np.ascontiguousarray(picture))
    if viewport is None:
        size = _square(image.width, image.height, pixel_aspect)
        return image if size == image.size else _resized(image, size, None)
    box = _region(viewport, image.width, image.height)
    width, height = box[2] - box[0], box[3] - box[1]
    size = _fitted(width, height * pixel_aspect, viewport)
    shown = _resized(image, size, box)
    if viewport.region_width < 0:
        shown = shown.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if viewport.region_height < 0:
        shown = shown.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    return shown


def cut_region(
    picture: npt.NDArray[np.uint8], region: tuple[float, float, float, float] | None
) -> npt.NDArray[np.uint8]:
    """The part of a picture between fractions of its size: left, top, right, bottom; at least one pixel."""
    if region is None:
        return picture
    rows, columns = picture.shape[:2]
    left, top = min(int(region[0] * columns), columns - 1), min(int(region[1] * rows), rows - 1)
    right, bottom = max(round(region[2] * columns), left + 1), max(round(region[3] * rows), top + 1)
    return picture[top:bottom, left:right]


def _square(width: int, height: int, pixel_aspect: float) -> tuple[int, int]:
    if pixel_aspect > 1:
        return width, max(1, round(height * pixel_aspect))
    return max(1, round(width / pixel_aspect)), height


def _region(viewport: Viewport, width: int, height: int) -> tuple[float, float, float, float]:
    """The region within the picture: left, top, right, bottom."""
    left = min(max(viewport.left, 0.0), width - 1.0)
    top = min(max(viewport.top, 0.0), height - 1.0)
    right = min(left + (abs(viewport.region_width) or width), width)
    bottom = min(top + (abs(viewport.region_height) or height), height)
    return left, top, max(right, left + 1.0), max(bottom, top + 1.0)


def _fitted(width: float, height: float, viewport: Viewport) -> tuple[int, int]:
    scale = min(viewport.width / width, viewport.height / height)
    if viewport.only_shrinks:
        scale = min(scale, 1.0)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _resized(image: Image.Image, size: tuple[int, int], box: tuple[float, float, float, float] | None) -> Image.Image:
    if size[0] * size[1] > MAX_PICTURE_PIXELS:
        raise Exhausted(f"a picture of {size[0]} x {size[1]} is larger than {MAX_PICTURE_PIXELS} pixels")
    if box in (None, (0.0, 0.0, float(image.width), float(image.height))) and size == image.size:
        return image
    return image.resize(size, Image.Resampling.BICUBIC, box=box, reducing_gap=_REDUCING_GAP)
