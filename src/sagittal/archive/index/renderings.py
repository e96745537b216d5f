"""Encoded values as the index keeps them: decoded text for columns, DICOM JSON for answers.

Most values come again and again; then they cost a look-up.
"""

import struct
from typing import NamedTuple

from sagittal.archive.index.attributes import COLUMN_TAGS, SPECIFIC_CHARACTER_SET
from sagittal.dicom import character_sets
from sagittal.dicom.dataset import Header, RawElement
from sagittal.dicom.json_model import encode_elements_text, text_value
from sagittal.dicom.matching import date_span
from sagittal.dicom.registry import vr_of
from sagittal.errors import SagittalError

_MAX_REMEMBERED = 16384
_MAX_REMEMBERED_BYTES = 256


class Rendering(NamedTuple):
    """One attribute.

    Attributes:
        text: for a column; `""` where no level has a column for it.
        json: a member of a DICOM JSON object, `"00100020":{"vr":"LO","Value":["1"]}`; `""` if the value cannot be read.
    """

    text: str
    json: str

    @property
    def is_empty(self) -> bool:
        """Whether the attribute has no value."""
        return "," not in self.json


class Context(NamedTuple):
    """What the bytes of a value depend on beside its VR."""

    encoding: tuple[bool, bool]
    character_set: bytes


class Renderings:
    """Renders the attributes of headers; remembers short ones. Belongs to one thread."""

    def __init__(self) -> None:
        self._known: dict[tuple[Context, int, RawElement], Rendering] = {}

    def render(self, header: Header, context: Context, tag: int, element: RawElement) -> Rendering:
        """The attribute `tag` of a data set."""
        if len(element.value) > _MAX_REMEMBERED_BYTES:
            return _render(header, context, tag, element)
        key = (context, tag, element)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _MAX_REMEMBERED:
                self._known.clear()
            known = self._known[key] = _render(header, context, tag, element)
        return known


def context_of(header: Header) -> Context:
    """How the values of a data set are to be read."""
    encoding = header.encoding
    terms = header.elements.get(SPECIFIC_CHARACTER_SET)
    return Context((encoding.is_implicit_vr, encoding.is_little_endian), terms.value if terms else b"")


def _render(header: Header, context: Context, tag: int, element: RawElement) -> Rendering:
    terms = character_sets.parse(context.character_set)
    try:
        json = encode_elements_text({tag: element}, header.encoding, terms)[1:-1].decode()
    except (SagittalError, ValueError, struct.error):
        # An attribute that cannot be read is not found by; the object is kept all the same.
        json = ""
    text = ""
    if tag in COLUMN_TAGS:
        if element.vr == "UN":  # PS3.5 Section 6.2.2
            element = RawElement(vr_of(tag), element.value)
        try:
            text = text_value(element, terms, is_little_endian=header.encoding.is_little_endian)
        except (ValueError, struct.error):
            text = ""
    return Rendering(_canonical(vr_of(tag), text), json)


def _canonical(vr: str, text: str) -> str:
    """Dates in one form, so that ranges compare as text; `2020.01.31` of old consoles among them."""
    span = date_span(text) if vr == "DA" else None
    return span.first if span else text
