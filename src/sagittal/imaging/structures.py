"""Structure sets as a viewer draws them (PS3.3 Section A.19): regions of interest and their contours."""

from collections.abc import Iterator
from typing import Final

import msgspec

from sagittal.dicom import json_model
from sagittal.dicom.json_model import JsonDataset
from sagittal.dicom.json_model.instance import Parts, encode_parts
from sagittal.errors import Exhausted
from sagittal.imaging.render.attributes import items, number, numbers, text

MAX_REGIONS: Final = 1000
MAX_CONTOURS: Final = 50_000
MAX_NUMBERS: Final = 3_000_000
_PER_MM: Final = 100
_FARTHEST_MM: Final = 1e5
_USUAL: Final = ((255, 214, 10), (77, 187, 213), (230, 75, 53), (126, 211, 33), (196, 110, 220), (255, 138, 76))


class Contour(msgspec.Struct, frozen=True, omit_defaults=True):
    """A contour.

    Attributes:
        type: Contour Geometric Type.
        points: x, y, z of each in hundredths of a millimetre, but for the first as differences to the one before.
        source: SOP Instance UID of the slice that it was drawn in, if it says so.
    """

    type: str
    points: list[int]
    source: str = ""


class Region(msgspec.Struct, frozen=True, omit_defaults=True):
    """A region of interest; `kind` is its RT ROI Interpreted Type, `reference` its Frame of Reference UID."""

    number: int
    label: str
    colour: tuple[int, int, int]
    kind: str = ""
    reference: str = ""
    contours: list[Contour] = []


class StructureSet(msgspec.Struct, frozen=True, kw_only=True, tag="RTSTRUCT", tag_field="kind"):
    """What is drawn by a structure set; `series` are those that it is of."""

    title: str = ""
    series: list[str] = []
    regions: list[Region]


def structure_set(parts: Parts) -> StructureSet:
    """What a structure set says.

    Raises:
        Exhausted: it has more regions, contours or points than are drawn.
    """
    dataset = json_model.loads(encode_parts(parts, lambda _: ""))[0]
    named = {int(number(one, "30060022", -1.0)): one for one in items(dataset, "30060020")}
    kinds = {int(number(one, "30060084", -1.0)): text(one, "300600A4") for one in items(dataset, "30060080")}
    regions = items(dataset, "30060039")
    if len(regions) > MAX_REGIONS or sum(len(items(one, "30060040")) for one in regions) > MAX_CONTOURS:
        raise Exhausted(f"at most {MAX_REGIONS} regions and {MAX_CONTOURS} contours of a structure set are drawn")
    room = MAX_NUMBERS
    found = []
    for index, one in enumerate(regions):
        of = int(number(one, "30060084", -1.0))
        contours = list(_contours(one, room))
        room -= sum(len(contour.points) for contour in contours)
        found.append(
            Region(
                number=of,
                label=text(named.get(of, {}), "30060026") or str(of),
                colour=_colour(one) or _USUAL[index % len(_USUAL)],
                kind=kinds.get(of, ""),
                reference=text(named.get(of, {}), "30060024"),
                contours=contours,
            )
        )
    title = text(dataset, "30060002") or text(dataset, "0008103E")
    return StructureSet(title=title, series=list(dict.fromkeys(_series(dataset)))[:100], regions=found)


def _series(dataset: JsonDataset) -> Iterator[str]:
    for frame in items(dataset, "30060010"):
        for study in items(frame, "30060012"):
            yield from filter(None, (text(one, "0020000E") for one in items(study, "30060014")))


def _colour(region: JsonDataset) -> tuple[int, int, int] | None:
    """ROI Display Color, as sRGB."""
    said = [min(255, max(0, int(value))) for value in numbers(region, "3006002A")]
    return (said[0], said[1], said[2]) if len(said) == 3 else None


def _contours(region: JsonDataset, room: int) -> Iterator[Contour]:
    for one in items(region, "30060040"):
        data = numbers(one, "30060050")
        room -= len(data)
        if room < 0:
            raise Exhausted(f"at most {MAX_NUMBERS // 3} points of a structure set are drawn")
        if len(data) >= 3 and len(data) % 3 == 0:
            source = next((text(image, "00081155") for image in items(one, "30060016")), "")
            yield Contour(text(one, "30060042").upper() or "CLOSED_PLANAR", _differences(data), source)


def _differences(data: tuple[float, ...]) -> list[int]:
    """
    >>> _differences((1.0, 2.0, 3.0, 1.5, 2.0, 3.0))
    [100, 200, 300, 50, 0, 0]
    """
    whole = [round(max(-_FARTHEST_MM, min(_FARTHEST_MM, value)) * _PER_MM) for value in data]
    return [*whole[:3], *(value - before for value, before in zip(whole[3:], whole, strict=False))]
