"""The values of named attributes in a header, as rows of the index."""

import base64
import binascii
import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from sagittal.archive.index.attributes import SPECIFIC_CHARACTER_SET, TIMEZONE_OFFSET
from sagittal.archive.index.named import Named, NamedAttribute, wanted_for
from sagittal.dicom import character_sets
from sagittal.dicom.attribute_path import Step
from sagittal.dicom.dataset import Header, RawElement
from sagittal.dicom.json_model import ElementEncoder, JsonDataset, JsonElement, JsonValue
from sagittal.dicom.matching import comparable, offset_minutes
from sagittal.dicom.registry import is_private_creator
from sagittal.dicom.transfer_syntax import IMPLICIT_VR_LITTLE_ENDIAN, Encoding, encoding_of
from sagittal.errors import SagittalError

MAX_VALUES: Final = 1000
"""Of one attribute in one instance; further ones are not found by."""
MAX_ITEMS: Final = 10_000
MAX_CHARACTERS: Final = 4096
"""Of one value that are compared."""
_MAX_REMEMBERED: Final = 8192
_MAX_REMEMBERED_BYTES: Final = 256

Row = tuple[object, ...]


class _Text(NamedTuple):
    """How values of one encoding and character set are read; `unknown` is for those of VR UN (PS3.5 Section 6.2.2)."""

    known: ElementEncoder
    unknown: ElementEncoder


class _Value(NamedTuple):
    """An element where a path leads; None where it does not lead to one."""

    items: str
    element: JsonElement | None
    minutes: int | None


class ValueReader:
    """Reads the values of named attributes; remembers short ones, which come again and again. Belongs to one thread.

    Attributes:
        wanted: what headers are to be read with.
    """

    def __init__(self, named: Named, *, alone: bool = False) -> None:
        """`alone`: nothing but these attributes is to be read from the headers."""
        self.wanted = wanted_for(named.attributes, alone=alone)
        self._attributes = named.attributes
        self._creators = frozenset(tag for tag in self.wanted.optional if is_private_creator(tag))
        self._known: dict[tuple[object, ...], tuple[Row, ...]] = {}

    def rows(self, instance: int, header: Header) -> Iterator[Row]:
        """Rows of `attribute_values` for the instance of that row, in the order of the schema's columns."""
        elements = header.elements
        terms, zone = elements.get(SPECIFIC_CHARACTER_SET), elements.get(TIMEZONE_OFFSET)
        text = _text(header.encoding, terms.value if terms else b"")
        minutes = offset_minutes(zone.value.decode("ascii", "replace").strip()) if zone else None
        blocks = self._blocks(header)
        for attribute in self._attributes:
            step = attribute.path.steps[0]
            tag = blocks.get((step.tag >> 16, step.creator), 0) << 8 | step.tag if step.creator else step.tag
            element = elements.get(tag)
            if element is None:
                continue
            key = (text, minutes, attribute.id, tag, element)
            known = self._known.get(key)
            if known is None:
                known = tuple(_rows(attribute, tag, element, text, minutes))
                if len(element.value) <= _MAX_REMEMBERED_BYTES:
                    if len(self._known) >= _MAX_REMEMBERED:
                        self._known.clear()
                    self._known[key] = known
            for row in known:
                yield (instance, *row)

    def _blocks(self, header: Header) -> dict[tuple[int, str], int]:
        """By group and private creator the block that it has reserved in this data set, the first if several."""
        found = {}
        for tag in sorted(self._creators.intersection(header.elements), reverse=True):
            creator = header.elements[tag].value.decode("latin_1").strip(" \0")
            found[tag >> 16, creator] = tag & 0xFF
        return found


@lru_cache(maxsize=32)
def _text(encoding: Encoding, character_set: bytes) -> _Text:
    terms = character_sets.parse(character_set)
    return _Text(ElementEncoder(encoding, terms), ElementEncoder(encoding_of(IMPLICIT_VR_LITTLE_ENDIAN), terms))


def _rows(attribute: NamedAttribute, tag: int, element: RawElement, text: _Text, minutes: int | None) -> Iterator[Row]:
    """Rows without the instance in front."""
    steps, vr = attribute.path.steps, attribute.path.vr
    outer = _outer(tag, element, text, vr if len(steps) == 1 else "SQ")
    if outer is None:
        return
    places = _lead(outer, steps[1:], "", minutes, text, vr) if len(steps) > 1 else [_Value("", outer, minutes)]
    count = 0
    for items, found, offset in places:
        values = _values(found)
        if not values and items:
            yield (attribute.id, items, 0, None, None, None, None, None, None)
        for place, value in values:
            count += 1
            if count > MAX_VALUES:
                return
            said = comparable(vr, value, offset)
            further = [part[:MAX_CHARACTERS] or None for part in said[1:]]
            row = (said.text[:MAX_CHARACTERS], *further, msgspec.json.encode(value).decode())
            yield (attribute.id, items, place, *row)


def _outer(tag: int, element: RawElement, text: _Text, vr: str) -> JsonElement | None:
    """The element at the top as JSON, by `vr` if it came without one; None if it cannot be read."""
    encoder = text.known
    if element.vr == "UN":
        element, encoder = RawElement(vr, element.value), text.unknown
    try:
        member = encoder.encode(tag, element)
        decoded: JsonDataset = msgspec.json.decode("{" + member + "}")
    except (SagittalError, ValueError, struct.error):
        return None
    return next(iter(decoded.values()), None)


def _lead(
    sequence: JsonElement, steps: tuple[Step, ...], items: str, minutes: int | None, text: _Text, vr: str
) -> Iterator[_Value]:
    """Where the path leads in each item."""
    for index, item in enumerate(sequence.get("Value", [])[:MAX_ITEMS]):
        if not isinstance(item, dict):
            continue
        inside = f"{items}{index:04}"
        data_set: JsonDataset = item  # type: ignore[assignment]  # an item of SQ is a data set: JsonValue cannot say so
        zones = [value for _, value in _values(data_set.get(f"{TIMEZONE_OFFSET:08X}"))]
        own = offset_minutes(str(zones[0])) if zones else None
        found = _member(data_set, steps[0], text, vr if len(steps) == 1 else "SQ")
        if len(steps) == 1 or found is None or not found.get("Value"):
            yield _Value(inside, found, own)
        else:
            yield from _lead(found, steps[1:], inside, minutes, text, vr)


def _member(item: JsonDataset, step: Step, text: _Text, vr: str) -> JsonElement | None:
    tag = step.tag
    if step.creator:
        tag |= _block_in(item, step) << 8
    element = item.get(f"{tag:08X}")
    if element is not None and element["vr"] == "UN" and "InlineBinary" in element:
        try:
            value = base64.b64decode(element["InlineBinary"])
        except (ValueError, binascii.Error):
            return None
        return _outer(tag, RawElement("UN", value), text, vr)
    return element


def _block_in(item: JsonDataset, step: Step) -> int:
    """The block of the step's creator in an item; 0 if it has none there."""
    group = f"{step.tag >> 16:04X}00"
    for name, element in item.items():
        if name.startswith(group) and element.get("Value") == [step.creator]:
            return int(name[6:], 16)
    return 0


def _values(element: JsonElement | None) -> list[tuple[int, JsonValue]]:
    """Places and values that are not empty."""
    if element is None:
        return []
    return [(place, value) for place, value in enumerate(element.get("Value", [])) if value is not None]
