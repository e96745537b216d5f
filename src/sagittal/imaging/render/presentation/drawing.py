"""Graphics onto a picture, smooth at the picture's own resolution (PS3.3 Section C.10.5.1.2)."""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from sagittal.errors import Exhausted
from sagittal.imaging.render.presentation.graphics import SOLID, Point, Rgb, Shape, Style
from sagittal.imaging.render.presentation.outlines import dashes, path_of
from sagittal.imaging.render.presentation.placement import Placement

Picture = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]
"""Left, top, right, bottom."""

_FINEST = 3  # odd: a line of one pixel through the middle of a pixel is that pixel
_MOST_FINE_PIXELS = 64 * 1024**2
_POINT_ARM = 3.0
_SPARSE = 8
_MOST_PAINTED_PIXELS = 1 << 30


class Ink(NamedTuple):
    """Where ink goes, 0 to 255, (rows, columns), from a place of the picture on."""

    coverage: npt.NDArray[np.uint8]
    left: int = 0
    top: int = 0


def draw_shapes(
    picture: Picture, shapes: Sequence[Shape], placement: Placement, colour: Rgb, painted: int = 0
) -> tuple[Picture, int]:
    """The picture with graphic objects, and how many pixels were looked at for it.

    Those that follow each other in one colour are drawn at once.

    Args:
        painted: pixels that were looked at before.

    Raises:
        Exhausted: it would take too long.
    """
    for same in _runs(shapes):
        paths = [path_of(shape, placement) for shape in same]
        reach = max(_POINT_ARM * shape.style.thickness for shape in same) + 2.0
        box = box_of((point for path in paths for point in path), reach, placement)
        if box is None:
            continue
        painted += (box[2] - box[0]) * (box[3] - box[1])
        if painted > _MOST_PAINTED_PIXELS:
            raise Exhausted("more graphics in different colours than one picture takes")
        filled = [(shape, path) for shape, path in zip(same, paths, strict=True) if shape.fill is not None]
        if filled:
            sheet = Sheet(box)
            for _, path in filled:
                sheet.fill(path)
            picture = paint(picture, sheet.ink(), *ink_of(filled[0][0].fill, colour))
        sheet = Sheet(box)
        for shape, path in zip(same, paths, strict=True):
            if shape.kind == "POINT":
                sheet.cross(path[0], shape.style)
            else:
                sheet.line(path, shape.style)
        picture = paint(picture, sheet.ink(), *ink_of(same[0].style, colour))
    return picture, painted


def paint(picture: Picture, ink: Ink, colour: Rgb, opacity: float = 1.0) -> Picture:
    """The picture, painted in place, or a new one in colour if it was grey and the colour is not."""
    touched = np.count_nonzero(ink.coverage)
    if not touched:
        return picture
    if picture.ndim == 2 and len(set(colour)) > 1:
        picture = np.repeat(picture[..., None], 3, axis=-1)
    height, width = ink.coverage.shape
    part = picture[ink.top : ink.top + height, ink.left : ink.left + width]
    where: tuple[Any, ...] = (...,)  # Any: what numpy takes as an index
    if touched * _SPARSE < ink.coverage.size:  # lines touch few of the pixels of their box
        where = np.divmod(np.flatnonzero(ink.coverage), width)
    weight = ink.coverage[where].astype(np.float32) * (opacity / 255.0)
    value = np.array(colour if picture.ndim == 3 else colour[0], np.float32)
    below = part[where].astype(np.float32)
    part[where] = np.rint(below + (value - below) * (weight[..., None] if picture.ndim == 3 else weight))
    return picture


def box_of(points: Iterable[Point], reach: float, placement: Placement) -> Box | None:
    """The part of the picture that is no farther than `reach` from the box around points; None if there is none."""
    places = list(points)
    if not places:
        return None
    across, down = [x for x, _ in places], [y for _, y in places]
    left, top = max(0, math.floor(min(across) - reach)), max(0, math.floor(min(down) - reach))
    right = min(placement.width, math.ceil(max(across) + reach))
    bottom = min(placement.height, math.ceil(max(down) + reach))
    return (left, top, right, bottom) if left < right and top < bottom else None


class Sheet:
    """A part of the picture to draw on, finer than the picture; places are those of the picture."""

    def __init__(self, box: Box) -> None:
        self._left, self._top, right, bottom = box
        size = (right - self._left, bottom - self._top)
        self._finer = 1 if size[0] * size[1] * _FINEST**2 > _MOST_FINE_PIXELS else _FINEST
        self._image = Image.new("L", (size[0] * self._finer, size[1] * self._finer))
        self._draw = ImageDraw.Draw(self._image)

    def ink(self) -> Ink:
        """What was drawn."""
        shown = self._image if self._finer == 1 else self._image.reduce(self._finer)
        return Ink(np.asarray(shown), self._left, self._top)

    def line(self, path: Sequence[Point], style: Style) -> None:
        """Draws a line."""
        width = max(1, round(style.thickness * self._finer))
        pieces = [path] if style.pattern == SOLID else dashes(path, style)
        for piece in pieces:
            self._draw.line(self._fine(piece), fill=255, width=width, joint="curve" if width > 2 else None)

    def fill(self, path: Sequence[Point]) -> None:
        """Fills what a line goes round."""
        if len(path) >= 3:
            self._draw.polygon(self._fine(path), fill=255)

    def cross(self, at: Point, style: Style) -> None:
        """Marks a place."""
        arm = _POINT_ARM * max(1.0, style.thickness)
        self.line([(at[0] - arm, at[1]), (at[0] + arm, at[1])], style)
        self.line([(at[0], at[1] - arm), (at[0], at[1] + arm)], style)

    def _fine(self, path: Sequence[Point]) -> list[Point]:
        # Pillow counts from the middle of a pixel, the standard from its corner.
        return [((x - self._left) * self._finer - 0.5, (y - self._top) * self._finer - 0.5) for x, y in path]


def _runs(shapes: Iterable[Shape]) -> list[list[Shape]]:
    runs: list[list[Shape]] = []
    for shape in shapes:
        if runs and _look(runs[-1][-1]) == _look(shape):
            runs[-1].append(shape)
        else:
            runs.append([shape])
    return runs


def _look(shape: Shape) -> tuple[object, ...]:
    fill = shape.fill
    return (shape.style.colour, shape.style.opacity, fill and (fill.colour, fill.opacity))


def ink_of(style: Style | None, colour: Rgb) -> tuple[Rgb, float]:
    """The colour, that of the layer if the style has none, and the opacity."""
    return (colour, 1.0) if style is None else (style.colour or colour, style.opacity)
