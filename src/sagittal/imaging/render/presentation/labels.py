"""Texts onto a picture: within a box, or beside what they are about (PS3.3 Section C.10.5.1.1).

Letters stand upright however the image is turned, and are as large as can be read; a box that is smaller makes them
smaller as long as they can be.
"""

import numpy as np
from PIL import Image, ImageDraw

from sagittal.imaging.render.lettering import Font, font_for
from sagittal.imaging.render.presentation.drawing import Ink, Picture, Sheet, box_of, ink_of, paint
from sagittal.imaging.render.presentation.graphics import Label, Point, Rgb, Style
from sagittal.imaging.render.presentation.outlines import placed
from sagittal.imaging.render.presentation.placement import Placement

Box = tuple[float, float, float, float]
_SMALLEST, _LARGEST = 9, 64
_LINES_OF_PICTURE = 32
_LINE_HEIGHT = 1.25
_BASELINE = 0.8
_MAX_LINES = 200
_GAP = 3.0
_BLACK: Rgb = (0, 0, 0)
_WHITE: Rgb = (255, 255, 255)


def draw_label(picture: Picture, label: Label, placement: Placement, colour: Rgb) -> Picture:
    """The picture with a text, with an edge around its letters so that they can be read anywhere."""
    ink, opacity = ink_of(label.style, colour)
    box = _box(label, placement)
    anchor = placed((label.anchor,), placement, is_displayed=label.is_anchor_displayed)[0] if label.anchor else None
    if anchor is not None and box is not None and label.has_line:
        way = [_nearest(box, anchor), anchor]
        around = box_of(way, 3.0, placement)
        if around is not None:
            sheet = Sheet(around)
            sheet.line(way, Style())
            picture = paint(picture, sheet.ink(), ink, opacity)
    written = _written(label, placement, box, anchor)
    if written is None:
        return picture
    letters, edges = written
    picture = paint(picture, edges, _BLACK if sum(ink) > 3 * 64 else _WHITE, opacity)
    return paint(picture, letters, ink, opacity)


def _written(label: Label, placement: Placement, box: Box | None, anchor: Point | None) -> tuple[Ink, Ink] | None:
    """Where letters are, and where they and their edges are; None if that is not on the picture."""
    lines = [_printable(line) for line in label.text.split("\n")[:_MAX_LINES]]
    size = _letter_size(lines, placement, box)
    step = size * _LINE_HEIGHT
    x, y, align = _start(label, box, anchor)
    if box is None:
        y -= step * len(lines) / 2
    y = max(0.0, min(y, placement.height - step * len(lines)))
    fonts = [font_for(line, size) for line in lines]
    widths = [_width(font, line) for font, line in zip(fonts, lines, strict=True)]
    starts = [max(0.0, min(x - align * width, placement.width - width)) for width in widths]
    corners = [(min(starts), y), (max(map(sum, zip(starts, widths, strict=True))), y + step * len(lines))]
    part = box_of(corners, size, placement)
    if part is None:
        return None
    left, top, right, bottom = part
    sheets = [Image.new("L", (right - left, bottom - top)) for _ in range(2)]
    for sheet, edge in zip(sheets, (0, max(1, size // 12)), strict=True):
        draw = ImageDraw.Draw(sheet)
        for number, (line, font, start) in enumerate(zip(lines, fonts, starts, strict=True)):
            at = (start - left, y - top + (number + _BASELINE) * step)
            draw.text(at, line, fill=255, font=font, anchor="ls", stroke_width=edge)
    letters, edges = (Ink(np.asarray(sheet), left, top) for sheet in sheets)
    return letters, edges


def _start(label: Label, box: Box | None, anchor: Point | None) -> tuple[float, float, float]:
    """Where the first line goes, and how much of its width lies to the left of that."""
    if box is None:
        x, y = anchor or (0.0, 0.0)
        return x + _GAP, y, 0.0
    left, top, right, _ = box
    shares = {"CENTER": 0.5, "RIGHT": 1.0}
    share = shares.get(label.alignment, 0.0)
    return left + (right - left) * share, top, share


def _letter_size(lines: list[str], placement: Placement, box: Box | None) -> int:
    size = min(_LARGEST, max(_SMALLEST, placement.height // _LINES_OF_PICTURE))
    if box is None:
        return size
    width, height = box[2] - box[0], box[3] - box[1]
    widest = max((_width(font_for(line, size), line) for line in lines), default=0.0)
    fitting = min(height / (len(lines) * _LINE_HEIGHT), size * width / widest if widest else size)
    return max(_SMALLEST, min(size, int(fitting)))


def _width(font: Font, line: str) -> float:
    return float(font.getlength(line))


def _box(label: Label, placement: Placement) -> Box | None:
    if label.box is None:
        return None
    (x1, y1), (x2, y2) = placed(label.box, placement, is_displayed=label.is_box_displayed)
    if placement.quarters % 2 and not label.is_box_displayed:
        # Letters stay upright where the image lies on its side: so does the box, around the same middle.
        x, y, across, down = (x1 + x2) / 2, (y1 + y2) / 2, (y2 - y1) / 2, (x2 - x1) / 2
        (x1, y1), (x2, y2) = (x - across, y - down), (x + across, y + down)
    return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)


def _nearest(box: Box, anchor: Point) -> Point:
    return min(max(anchor[0], box[0]), box[2]), min(max(anchor[1], box[1]), box[3])


def _printable(line: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in line)
