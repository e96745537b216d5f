"""Graphics onto a picture, smooth at the picture's own resolution (PS3.3 Section C.10.5.1.2)."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from sagittal.imaging.render.presentation.graphics import SOLID, Point, Rgb, Shape, Style
from sagittal.imaging.render.presentation.outlines import dashes, path_of, placed
from sagittal.imaging.render.presentation.placement import Placement

Picture = npt.NDArray[np.uint8]

_FINEST = 3  # odd: a line of one pixel through the middle of a pixel is that pixel
_MOST_FINE_PIXELS = 64 * 1024**2
_POINT_ARM = 3.0


def draw_shapes(picture: Picture, shapes: Sequence[Shape], placement: Placement, colour: Rgb) -> Picture:
    """The picture with graphic objects; those that follow each other in one colour are drawn at once."""
    for same in _runs(shapes):
        fills = [shape for shape in same if shape.fill is not None]
        if fills:
            sheet = Sheet(placement)
            for shape in fills:
                sheet.fill(path_of(shape, placement))
            picture = paint(picture, sheet.coverage(), *ink_of(fills[0].fill, colour))
        sheet = Sheet(placement)
        for shape in same:
            if shape.kind == "POINT":
                sheet.cross(placed(shape.points[:1], placement, is_displayed=shape.is_displayed)[0], shape.style)
            else:
                sheet.line(path_of(shape, placement), shape.style)
        picture = paint(picture, sheet.coverage(), *ink_of(same[0].style, colour))
    return picture


def paint(picture: Picture, coverage: npt.NDArray[np.uint8], colour: Rgb, opacity: float = 1.0) -> Picture:
    """The picture with a colour where the coverage is, 0 to 255; a grey picture stays grey if the colour is."""
    rows, columns = np.flatnonzero(coverage.any(axis=1)), np.flatnonzero(coverage.any(axis=0))
    if not len(rows):
        return picture
    if picture.ndim == 2 and len(set(colour)) > 1:
        picture = np.repeat(picture[..., None], 3, axis=-1)
    painted = picture.copy()
    part = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    weight = coverage[part].astype(np.float32) * (opacity / 255.0)
    if picture.ndim == 3:
        weight = weight[..., None]
    ink = np.array(colour if picture.ndim == 3 else colour[0], np.float32)
    below = painted[part].astype(np.float32)
    painted[part] = np.rint(below + (ink - below) * weight).astype(np.uint8)
    return painted


class Sheet:
    """Where ink goes, finer than the picture."""

    def __init__(self, placement: Placement) -> None:
        self._size = (placement.width, placement.height)
        is_large = placement.width * placement.height * _FINEST**2 > _MOST_FINE_PIXELS
        self._finer = 1 if is_large else _FINEST
        self._image = Image.new("L", (placement.width * self._finer, placement.height * self._finer))
        self._draw = ImageDraw.Draw(self._image)

    def coverage(self) -> npt.NDArray[np.uint8]:
        """Where the ink is, 0 to 255, of the size of the picture."""
        return np.asarray(self._image if self._finer == 1 else self._image.reduce(self._finer))

    def line(self, path: Sequence[Point], style: Style) -> None:
        """Draws a line; places are those of the picture."""
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
        return [(x * self._finer - 0.5, y * self._finer - 0.5) for x, y in path]


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
