"""What a presentation state draws: layers, graphics and text (PS3.3 Sections C.10.5 and C.10.7).

Compound graphics are not read: their sender also writes them as the plain graphics and texts that are drawn here
(PS3.3 Section C.10.5.1.3).
"""

from collections.abc import Iterator
from typing import NamedTuple

from sagittal.dicom.json_model import JsonDataset
from sagittal.imaging.render.attributes import items, number, numbers, text
from sagittal.imaging.render.colour import from_cielab
from sagittal.imaging.render.presentation.references import applies

Rgb = tuple[int, int, int]
Point = tuple[float, float]

WHITE: Rgb = (255, 255, 255)
MAX_OBJECTS = 2_000
"""Graphics, and texts, of one frame; those after it are not drawn."""

MAX_POINTS = 100_000
MAX_TEXT = 4096
_MAX_TEXTS = 32_768
"""Characters of all texts of one frame."""
_MOST_THICK = 64.0
SOLID = 0xFFFFFFFF
"""The pattern of a line that is not dashed."""


class Layer(NamedTuple):
    """A graphic layer; of `order` the lower ones lie below."""

    name: str
    order: int
    colour: Rgb


class Style(NamedTuple):
    """How something is drawn.

    Attributes:
        colour: None for that of its layer.
        opacity: 0.0 to 1.0.
        thickness: of a line, pixels of the picture.
        pattern: 32 bits, first the highest: on and off along the line, each as long as the line is thick.
    """

    colour: Rgb | None = None
    opacity: float = 1.0
    thickness: float = 1.0
    pattern: int = SOLID


class Shape(NamedTuple):
    """A graphic object.

    Attributes:
        kind: POINT, POLYLINE, INTERPOLATED, CIRCLE or ELLIPSE.
        points: column and row, from 0.0 at the outer corner of the first pixel, or fractions of the displayed area.
        is_displayed: the latter.
        fill: None if it is not filled.
    """

    layer: str
    kind: str
    points: tuple[Point, ...]
    is_displayed: bool
    style: Style
    fill: Style | None


class Label(NamedTuple):
    """A text object.

    Attributes:
        box: its corners, as they come; None without a bounding box.
        anchor: what it is about; None without.
        has_line: whether the way from the box to the anchor is drawn.
        alignment: LEFT, CENTER or RIGHT within the box.
    """

    layer: str
    text: str
    box: tuple[Point, Point] | None
    is_box_displayed: bool
    anchor: Point | None
    is_anchor_displayed: bool
    has_line: bool
    alignment: str
    style: Style


def layers_of(state: JsonDataset) -> tuple[Layer, ...]:
    """The layers from the lowest to the highest."""
    found = [
        Layer(text(item, "00700002"), int(number(item, "00700062", 0)), _layer_colour(item))
        for item in items(state, "00700060")[:MAX_OBJECTS]
    ]
    return tuple(sorted(found, key=lambda layer: layer.order))


def shapes_of(state: JsonDataset, sop_instance_uid: str, frame: int) -> tuple[Shape, ...]:
    """The graphic objects of a frame, from 1, in the order in which they are written."""
    found: list[Shape] = []
    points = 0
    for layer, item in _objects(state, "00700009", sop_instance_uid, frame):
        shape = _shape(layer, item)
        points += len(shape.points)
        if points > MAX_POINTS or len(found) == MAX_OBJECTS:
            break
        if shape.points:
            found.append(shape)
    return tuple(found)


def labels_of(state: JsonDataset, sop_instance_uid: str, frame: int) -> tuple[Label, ...]:
    """The text objects of a frame, from 1, in the order in which they are written."""
    found: list[Label] = []
    length = 0
    for layer, item in _objects(state, "00700008", sop_instance_uid, frame):
        label = _label(layer, item)
        length += len(label.text)
        if length > _MAX_TEXTS or len(found) == MAX_OBJECTS:
            break
        if label.text and (label.box or label.anchor):
            found.append(label)
    return tuple(found)


def _objects(state: JsonDataset, tag: str, uid: str, frame: int) -> Iterator[tuple[str, JsonDataset]]:
    for annotation in items(state, "00700001"):
        if applies(annotation, uid, frame):
            layer = text(annotation, "00700002")
            yield from ((layer, item) for item in items(annotation, tag))


def _shape(layer: str, item: JsonDataset) -> Shape:
    values = numbers(item, "00700022")[: 2 * MAX_POINTS]
    points = tuple(zip(values[::2], values[1::2], strict=False))
    is_filled = text(item, "00700024").upper() == "Y"
    line = _style(items(item, "00700232"))
    fill = _style(items(item, "00700233")) if "00700233" in item else Style(line.colour, line.opacity)
    is_displayed = text(item, "00700005").upper() == "DISPLAY"
    return Shape(layer, text(item, "00700023").upper(), points, is_displayed, line, fill if is_filled else None)


def _label(layer: str, item: JsonDataset) -> Label:
    first, last, anchor = (numbers(item, tag) for tag in ("00700010", "00700011", "00700014"))
    styles = items(item, "00700231")
    colour = numbers(styles[0], "00700241") if styles else ()
    return Label(
        layer=layer,
        text=text(item, "00700006")[:MAX_TEXT].replace("\r\n", "\n").replace("\r", "\n").rstrip(),
        box=((first[0], first[1]), (last[0], last[1])) if len(first) >= 2 and len(last) >= 2 else None,
        is_box_displayed=text(item, "00700003").upper() == "DISPLAY",
        anchor=(anchor[0], anchor[1]) if len(anchor) >= 2 else None,
        is_anchor_displayed=text(item, "00700004").upper() == "DISPLAY",
        has_line=text(item, "00700015").upper() == "Y",
        alignment=text(item, "00700012").upper() or "LEFT",
        style=Style(from_cielab(colour) if len(colour) >= 3 else None),
    )


def _style(sequence: tuple[JsonDataset, ...]) -> Style:
    """A Line Style (0070,0232) or Fill Style Sequence (0070,0233)."""
    if not sequence:
        return Style()
    item = sequence[0]
    colour = numbers(item, "00700251")
    is_dashed = text(item, "00700254").upper() == "DASHED"
    return Style(
        colour=from_cielab(colour) if len(colour) >= 3 else None,
        opacity=min(1.0, max(0.0, number(item, "00700284", 1.0))),
        thickness=min(_MOST_THICK, max(0.5, number(item, "00700253", 1.0))),
        pattern=int(number(item, "00700255", SOLID)) & SOLID if is_dashed else SOLID,
    )


def _layer_colour(item: JsonDataset) -> Rgb:
    """In CIELab, else RGB (retired), else grey; white if nothing is said."""
    lab, rgb, grey = (numbers(item, tag) for tag in ("00700401", "00700067", "00700066"))
    if len(lab) >= 3:
        return from_cielab(lab)
    if len(rgb) >= 3:
        red, green, blue = (min(255, max(0, int(value) >> 8)) for value in rgb[:3])
        return red, green, blue
    shade = min(255, max(0, int(grey[0]) >> 8)) if grey else 255
    return shade, shade, shade
