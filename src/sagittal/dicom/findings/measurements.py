"""Measurements as a report by PS3.16 TID 1500, Comprehensive SR, and read back from reports of anybody."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final, Literal

import msgspec

from sagittal.dicom.findings import content, reading
from sagittal.dicom.findings.content import Code, Image, Making, element, items
from sagittal.dicom.json_model import JsonDataset

SOP_CLASS_UID: Final = "1.2.840.10008.5.1.4.1.1.88.33"
MAX_DEPTH: Final = 16
_SLACK: Final = 0.05
_TOOL: Final = re.compile(r"^Cornerstone\w{0,20}@[^:]{1,20}:")

Kind = Literal["length", "angle", "bidirectional", "ellipse", "rectangle", "point"]
Point = tuple[float, float]
"""Column and row, from the outer corner of the first pixel (PS3.3 Section C.18.6.1.2)."""


class Value(msgspec.Struct, frozen=True):
    """A number that was measured: `name` of NAMES, `unit` of UNITS."""

    name: str
    value: float
    unit: str = ""


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement.

    Attributes:
        points: of a length its ends; of an angle an arm, the vertex, the other arm; of two axes the ends of both; of
            an ellipse and a rectangle opposite corners of what they are in.
        uid: Tracking Unique Identifier.
    """

    kind: Kind
    points: tuple[Point, ...]
    image: Image
    values: tuple[Value, ...]
    uid: str
    label: str = ""


NAMES: Final[Mapping[str, Code]] = {
    "length": Code("410668003", "SCT", "Length"),
    "angle": Code("1483009", "SCT", "Angle"),
    "long": Code("103339001", "SCT", "Long Axis"),
    "short": Code("103340004", "SCT", "Short Axis"),
    "area": Code("42798000", "SCT", "Area"),
    "value": Code("pixel-value", "99SAGITTAL", "Value of pixels"),
}
_DERIVED: Final[Mapping[str, Code]] = {
    "mean": Code("373098007", "SCT", "Mean"),
    "sd": Code("386136009", "SCT", "Standard Deviation"),
}
_OF_UNIT: Final[Mapping[str, Code]] = {
    "HU": Code("112031", "DCM", "Attenuation Coefficient"),
    "SUV": Code("126401", "DCM", "SUVbw"),
}
UNITS: Final[Mapping[str, Code]] = {
    "mm": Code("mm", "UCUM", "millimeter"),
    "mm2": Code("mm2", "UCUM", "square millimeter"),
    "px": Code("{pixels}", "UCUM", "pixels"),
    "px2": Code("{square pixels}", "UCUM", "square pixels"),
    "deg": Code("deg", "UCUM", "degree"),
    "HU": Code("[hnsf'U]", "UCUM", "Hounsfield unit"),
    "SUV": Code("g/ml{SUVbw}", "UCUM", "Standardized Uptake Value body weight"),
    "Bq/ml": Code("Bq/ml", "UCUM", "Becquerels/milliliter"),
    "": Code("1", "UCUM", "no units"),
}
_REPORT = Code("126000", "DCM", "Imaging Measurement Report")
_MEASUREMENTS = Code("126010", "DCM", "Imaging Measurements")
_GROUP = Code("125007", "DCM", "Measurement Group")
_DERIVATION = Code("121401", "DCM", "Derivation")
_NAME_OF: Final = {code.value: name for name, code in (*NAMES.items(), *((n, c) for n, c in _OF_UNIT.items()))} | {
    "G-D7FE": "length",  # SRT, which many still write
    "G-A166": "area",
    "G-A185": "long",
    "G-A186": "short",
}
_UNIT_OF: Final = {code.value: unit for unit, code in UNITS.items()}
_SHAPES: Final[Mapping[tuple[str, int], Kind]] = {
    ("POLYLINE", 2): "length",
    ("POLYLINE", 3): "angle",
    ("POLYLINE", 5): "rectangle",
    ("ELLIPSE", 4): "ellipse",
    ("POINT", 1): "point",
}


def report(making: Making, measurements: Sequence[Measurement]) -> JsonDataset:
    """The report."""
    images = [one.image for one in measurements]
    language = code_item_of_language()
    reported = Code("121058", "DCM", "Procedure reported")
    root = content.container(
        "",
        _REPORT,
        language,
        *content.observer(making.author),
        content.code_item("HAS CONCEPT MOD", reported, Code("363679005", "SCT", "Imaging procedure")),
        content.container("CONTAINS", _MEASUREMENTS, *map(_group, measurements)),
        template="1500",
    )
    study_uid = str(making.study["0020000D"]["Value"][0])
    return (
        content.head(making, SOP_CLASS_UID, "SR", (990, "Measurements"))
        | root
        | {
            "00080023": element("DA", making.date),
            "00080033": element("TM", making.time),
            "00081111": items(),
            "0040A372": items(),
            "0040A375": content.evidence(study_uid, images),
            "0040A491": element("CS", "PARTIAL"),
            "0040A493": element("CS", "UNVERIFIED"),
            "0040A496": element("CS", "PRELIMINARY"),
        }
    )


def code_item_of_language() -> JsonDataset:
    """The language of what follows (PS3.16 TID 1204)."""
    name = Code("121049", "DCM", "Language of Content Item and Descendants")
    return content.code_item("HAS CONCEPT MOD", name, Code("en", "RFC5646", "English"))


def _group(one: Measurement) -> JsonDataset:
    """A group by PS3.16 TID 1410 (a region) or TID 1501."""
    label = Code("112039", "DCM", "Tracking Identifier")
    identifier = Code("112040", "DCM", "Tracking Unique Identifier")
    children = [
        content.item("HAS OBS CONTEXT", "TEXT", label, t0040A160=element("UT", one.label or one.kind)),
        content.item("HAS OBS CONTEXT", "UIDREF", identifier, t0040A124=element("UI", one.uid)),
    ]
    if one.kind in ("ellipse", "rectangle"):
        region = Code("111030", "DCM", "Image Region")
        children.append(
            _coordinates("CONTAINS", one, *_outline(one.kind, one.points)) | {"0040A043": content.coded(region)}
        )
        children += [_number(value) for value in one.values]
    elif one.kind == "bidirectional":
        axes = sorted((one.points[:2], one.points[2:]), key=_length_of, reverse=True)
        by_name = {value.name: value for value in one.values}
        children += [
            _number(by_name[name], _coordinates("INFERRED FROM", one, "POLYLINE", axis))
            for name, axis in zip(("long", "short"), axes, strict=True)
            if name in by_name
        ]
    else:
        kind = "POINT" if one.kind == "point" else "POLYLINE"
        children += [_number(value, _coordinates("INFERRED FROM", one, kind, one.points)) for value in one.values]
    return content.container(
        "CONTAINS", _GROUP, *children, template="1410" if one.kind in ("ellipse", "rectangle") else "1501"
    )


def _length_of(axis: Sequence[Point]) -> float:
    (x0, y0), (x1, y1) = axis
    return (x1 - x0) ** 2 + (y1 - y0) ** 2


def _outline(kind: str, points: Sequence[Point]) -> tuple[str, tuple[Point, ...]]:
    """Graphic type and points of what lies between two corners; of an ellipse the longer axis first."""
    (x0, y0), (x1, y1) = points
    if kind == "rectangle":
        return "POLYLINE", ((x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0))
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    across, down = ((x0, y), (x1, y)), ((x, y0), (x, y1))
    return "ELLIPSE", (*across, *down) if abs(x1 - x0) >= abs(y1 - y0) else (*down, *across)


def _coordinates(relation: str, one: Measurement, kind: str, points: Sequence[Point]) -> JsonDataset:
    flat = [round(axis, 3) for point in points for axis in point]
    selected = content.image_item("SELECTED FROM", one.image)
    made = content.item(relation, "SCOORD", _GROUP, t00700022=element("FL", *flat), t00700023=element("CS", kind))
    del made["0040A043"]
    return made | {"0040A730": items(selected)}


def _number(value: Value, *children: JsonDataset) -> JsonDataset:
    derived = _DERIVED.get(value.name)
    name = _OF_UNIT.get(value.unit, NAMES["value"]) if derived or value.name == "value" else NAMES[value.name]
    unit = UNITS.get(value.unit) or Code(f"{{{value.unit[:14]}}}", "UCUM", value.unit[:60])
    measured = items({"0040A30A": element("DS", float(f"{value.value:.9g}")), "004008EA": content.coded(unit)})
    if derived:
        children = (content.code_item("HAS CONCEPT MOD", _DERIVATION, derived), *children)
    made = content.item("CONTAINS", "NUM", name, t0040A300=measured)
    return made | ({"0040A730": items(*children)} if children else {})


def measurements_in(dataset: JsonDataset) -> Iterator[Measurement]:
    """The measurements of a report whose place in an image is told, as far as their shape is one that is drawn here."""
    for group in _groups(dataset, 0):
        found = measurement_in(group)
        if found is not None:
            yield found


def _groups(one: JsonDataset, depth: int) -> Iterator[JsonDataset]:
    for child in _children(one):
        if reading.code(child, "0040A043") == _GROUP.value:
            yield child
        elif depth < MAX_DEPTH:
            yield from _groups(child, depth + 1)


def measurement_in(group: JsonDataset) -> Measurement | None:
    """What a Measurement Group measures, as far as it has one of those shapes in one image."""
    shapes: list[tuple[str, tuple[Point, ...]]] = []
    image: Image | None = None
    values: list[Value] = []
    uid = label = ""
    for one in all_in(group, 0):
        kind = reading.text(one, "0040A040")
        if kind == "NUM":
            values += _value(one)
        elif kind == "SCOORD":
            shapes.append((reading.text(one, "00700023"), _points(one)))
        elif kind == "IMAGE" and image is None:
            image = image_of(one)
        elif kind == "UIDREF":
            uid = reading.text(one, "0040A124")
        elif kind == "TEXT" and reading.code(one, "0040A043") == "112039":
            label = label_of(reading.text(one, "0040A160"))
    drawn = _drawn(shapes, {value.name for value in values})
    if drawn is None or image is None:
        return None
    return Measurement(kind=drawn[0], points=drawn[1], image=image, values=tuple(values), uid=uid, label=label)


def label_of(identifier: str) -> str:
    """A Tracking Identifier as people say it: OHIF puts which of its tools it is for before the name.

    >>> label_of("Cornerstone3DTools@^0.1.0:Length"), label_of("Lesion 1")
    ('Length', 'Lesion 1')
    """
    return _TOOL.sub("", identifier)


def _drawn(
    shapes: Sequence[tuple[str, tuple[Point, ...]]], names: Collection[str]
) -> tuple[Kind, tuple[Point, ...]] | None:
    """Kind and points, where the shape is one that is drawn here and the values are those of its kind."""
    if len(shapes) == 2 and all(kind == "POLYLINE" and len(points) == 2 for kind, points in shapes):
        return "bidirectional", (*shapes[0][1], *shapes[1][1])
    outlines = set(shapes)  # a measurement may repeat where it is for each of its values
    if len(outlines) != 1:
        return None
    ((kind, points),) = outlines
    shape = _SHAPES.get((kind, len(points)))
    if shape in ("rectangle", "ellipse"):
        return (shape, _corners(points)) if _is_upright(shape, points) else None
    if shape == "angle" and names and "angle" not in names:
        return None
    return (shape, points) if shape else None


def _corners(points: Sequence[Point]) -> tuple[Point, ...]:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return (min(xs), min(ys)), (max(xs), max(ys))


def _is_upright(shape: Kind, points: Sequence[Point]) -> bool:
    """Whether its sides or axes run along rows and columns, and a rectangle is closed."""
    if shape == "rectangle" and not _near(points[0], points[4]):
        return False
    pairs = list(pairwise(points)) if shape == "rectangle" else [(points[0], points[1]), (points[2], points[3])]
    return all(min(abs(x0 - x1), abs(y0 - y1)) < _SLACK for (x0, y0), (x1, y1) in pairs)


def _near(one: Point, other: Point) -> bool:
    return abs(one[0] - other[0]) < _SLACK and abs(one[1] - other[1]) < _SLACK


def _value(one: JsonDataset) -> Iterator[Value]:
    for measured in reading.items(one, "0040A300"):
        derivation = next(
            (reading.code(child, "0040A168") for child in _children(one) if reading.text(child, "0040A040") == "CODE"),
            "",
        )
        name = next((name for name, code in _DERIVED.items() if code.value == derivation), "")
        name = name or _NAME_OF.get(reading.code(one, "0040A043"), "value")
        unit = reading.code(measured, "004008EA")
        for number in reading.numbers(measured, "0040A30A")[:1]:
            yield Value(name if name not in _OF_UNIT else "value", number, _UNIT_OF.get(unit, unit))


def image_of(one: JsonDataset) -> Image | None:
    """What an IMAGE content item refers to."""
    for reference in reading.items(one, "00081199"):
        return Image(
            reading.text(reference, "00081150"), reading.text(reference, "00081155"), "", reading.frame_of(reference)
        )
    return None


def _points(one: JsonDataset) -> tuple[Point, ...]:
    flat = reading.numbers(one, "00700022")
    return tuple(zip(flat[::2], flat[1::2], strict=False))


def all_in(one: JsonDataset, depth: int) -> Iterator[JsonDataset]:
    """All content items below one, at most MAX_DEPTH levels down."""
    for child in _children(one):
        yield child
        if depth < MAX_DEPTH:
            yield from all_in(child, depth + 1)


def _children(one: JsonDataset) -> tuple[JsonDataset, ...]:
    return reading.items(one, "0040A730")
