"""The lines of graphic objects: round ones, curves, dashes (PS3.3 Sections C.10.5.1.2 and C.10.5.1.4)."""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

from sagittal.imaging.render.presentation.graphics import Point, Shape, Style
from sagittal.imaging.render.presentation.placement import Placement

_FARTHEST = 1e6
_ARC_STEPS = 180
_CURVE_STEPS = 12
_MOST_DASHES = 5_000


def placed(points: Iterable[Point], placement: Placement, *, is_displayed: bool) -> list[Point]:
    """Places of the image, or fractions of the displayed area, on the picture."""
    moved = map(placement.displayed if is_displayed else placement.at, points)
    return [(min(max(x, -_FARTHEST), _FARTHEST), min(max(y, -_FARTHEST), _FARTHEST)) for x, y in moved]


def path_of(shape: Shape, placement: Placement) -> list[Point]:
    """The line of a shape on the picture. Round ones are bent before they are placed: pixels need not be square."""
    points: Sequence[Point] = shape.points
    if shape.kind == "CIRCLE" and len(points) >= 2:
        points = _circle(points[0], points[1], placement, is_displayed=shape.is_displayed)
    elif shape.kind == "ELLIPSE" and len(points) >= 4:
        points = _ellipse(points)
    elif shape.kind == "INTERPOLATED" and len(points) >= 3:
        points = _curve(points)
    return placed(points, placement, is_displayed=shape.is_displayed)


def _circle(center: Point, edge: Point, placement: Placement, *, is_displayed: bool) -> list[Point]:
    """Fractions of the displayed area are not of one length both ways: a circle is one on the picture."""
    across = placement.width if is_displayed else 1.0
    down = placement.height if is_displayed else 1.0
    radius = math.hypot((edge[0] - center[0]) * across, (edge[1] - center[1]) * down)
    return [(center[0] + radius * x / across, center[1] + radius * y / down) for x, y in _unit_circle()]


def _ellipse(points: Sequence[Point]) -> list[Point]:
    """Of the ends of its major axis, then those of its minor one."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = points[:4]
    middle = ((ax + bx) / 2, (ay + by) / 2)
    major, minor = ((bx - ax) / 2, (by - ay) / 2), ((dx - cx) / 2, (dy - cy) / 2)
    return [
        (middle[0] + major[0] * x + minor[0] * y, middle[1] + major[1] * x + minor[1] * y) for x, y in _unit_circle()
    ]


def _unit_circle() -> list[Point]:
    steps = [2 * math.pi * step / _ARC_STEPS for step in range(_ARC_STEPS + 1)]
    return [(math.cos(angle), math.sin(angle)) for angle in steps]


def _curve(points: Sequence[Point]) -> list[Point]:
    """A Catmull-Rom spline through the points, closed if the last is the first."""
    is_closed = points[0] == points[-1]
    before = points[-2] if is_closed else points[0]
    after = points[1] if is_closed else points[-1]
    knots = [before, *points, after]
    found: list[Point] = [points[0]]
    for p0, p1, p2, p3 in zip(knots, knots[1:], knots[2:], knots[3:], strict=False):
        for step in range(1, _CURVE_STEPS + 1):
            t = step / _CURVE_STEPS
            found.append((_spline(p0[0], p1[0], p2[0], p3[0], t), _spline(p0[1], p1[1], p2[1], p3[1], t)))
    return found


def _spline(a: float, b: float, c: float, d: float, t: float) -> float:
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)


def dashes(path: Sequence[Point], style: Style) -> list[list[Point]]:
    """The pieces of a line that its pattern draws; a line of too many is left whole."""
    unit = max(1.0, style.thickness)
    length = sum(math.dist(one, other) for one, other in pairwise(path))
    if length / unit > _MOST_DASHES:
        return [list(path)]
    pieces: list[list[Point]] = []
    at = 0
    rest = unit
    for (x, y), end in pairwise(path):
        left = math.dist((x, y), end)
        while left > 0:
            step = min(rest, left)
            share = step / left
            after = (x + (end[0] - x) * share, y + (end[1] - y) * share)
            if style.pattern >> (31 - at % 32) & 1:
                pieces.append([(x, y), after])
            (x, y), left, rest = after, left - step, rest - step
            if rest <= 0:
                at, rest = at + 1, unit
    return pieces
