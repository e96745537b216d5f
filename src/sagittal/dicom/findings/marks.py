"""What reports of others mark in pictures or in the patient, whatever its shape (PS3.3 Sections C.18.6 and C.18.9).

Measurements that the viewer draws itself (`measurements_in`) are not repeated here.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from sagittal.dicom.findings import measurements, reading
from sagittal.dicom.findings.content import Image
from sagittal.dicom.json_model import JsonDataset

MAX_MARKS: Final = 2000
MAX_NUMBERS: Final = 600_000
_MAX_WORDS: Final = 20
_GROUP: Final = "125007"
_TRACKING_IDENTIFIER: Final = "112039"
_FINDINGS: Final = ("121071", "363698007")
_SPATIAL: Final = {"SCOORD": 2, "SCOORD3D": 3}


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """A shape.

    Attributes:
        type: Graphic Type: POINT, MULTIPOINT, POLYLINE, CIRCLE, ELLIPSE; in the patient also POLYGON, ELLIPSOID.
        points: column and row of each; in the patient x, y and z, mm.
        image: what it is in; None for one in the patient, whose `reference` is a Frame of Reference UID.
    """

    type: str
    points: tuple[float, ...]
    image: Image | None = None
    reference: str = ""


class Word(msgspec.Struct, frozen=True):
    """A number that is said of it, with the meaning of its name and its unit as they are coded."""

    name: str
    value: float
    unit: str = ""


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """What is marked together, as one finding."""

    label: str
    words: tuple[Word, ...]
    shapes: tuple[Shape, ...]


def marks_in(dataset: JsonDataset) -> Iterator[Mark]:
    """The marks of a report, at most MAX_MARKS of at most MAX_NUMBERS together."""
    room = MAX_NUMBERS
    for count, mark in enumerate(_marks(dataset, 0)):
        room -= sum(len(shape.points) for shape in mark.shapes)
        if count >= MAX_MARKS or room < 0:
            return
        yield mark


def _marks(one: JsonDataset, depth: int) -> Iterator[Mark]:
    for child in reading.items(one, "0040A730"):
        is_group = reading.code(child, "0040A043") == _GROUP
        if is_group and measurements.measurement_in(child) is not None:
            continue
        if is_group or any(reading.text(below, "0040A040") in _SPATIAL for below in reading.items(child, "0040A730")):
            mark = _mark(child)
            if mark is not None:
                yield mark
        elif reading.text(child, "0040A040") in _SPATIAL:
            shapes = tuple(_shapes([child]))
            if shapes:
                yield Mark(label=_meaning(one), words=(), shapes=shapes)
        elif depth < measurements.MAX_DEPTH:
            yield from _marks(child, depth + 1)


def _mark(group: JsonDataset) -> Mark | None:
    below = [group, *measurements.all_in(group, 0)]
    shapes = tuple(_shapes(below))
    if not shapes:
        return None
    words = tuple(word for one in below if reading.text(one, "0040A040") == "NUM" for word in _words(one))
    return Mark(label=_label(group, below), words=words[:_MAX_WORDS], shapes=shapes)


def _label(group: JsonDataset, below: Sequence[JsonDataset]) -> str:
    """What it is tracked as, else what was found, else what the group is named."""
    for one in below:
        if reading.code(one, "0040A043") == _TRACKING_IDENTIFIER and reading.text(one, "0040A160"):
            return measurements.label_of(reading.text(one, "0040A160"))
    for one in below:
        found = reading.first(one, "0040A168")
        if found is not None and reading.code(one, "0040A043") in _FINDINGS:
            return reading.text(found, "00080104")
    return "" if reading.code(group, "0040A043") == _GROUP else _meaning(group)


def _meaning(one: JsonDataset) -> str:
    return reading.text(reading.first(one, "0040A043") or {}, "00080104")


def _shapes(items: Sequence[JsonDataset]) -> Iterator[Shape]:
    for one in items:
        size = _SPATIAL.get(reading.text(one, "0040A040"))
        points = tuple(reading.numbers(one, "00700022"))
        if size is None or not points or len(points) % size:
            continue
        type_ = reading.text(one, "00700023").upper()
        if size == 3:
            yield Shape(type=type_, points=points, reference=reading.text(one, "30060024"))
            continue
        image = next(filter(None, map(measurements.image_of, reading.items(one, "0040A730"))), None)
        if image is not None:
            yield Shape(type=type_, points=points, image=image)


def _words(one: JsonDataset) -> Iterator[Word]:
    for measured in reading.items(one, "0040A300"):
        unit = reading.code(measured, "004008EA")
        for number in reading.numbers(measured, "0040A30A")[:1]:
            yield Word(_meaning(one), number, "" if unit == "1" else unit)
