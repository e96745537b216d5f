"""Encoded values as the index keeps them: decoded text for columns, DICOM JSON for answers.

Most values come again and again; then they cost a look-up.
"""

import struct
from typing import NamedTuple

from sagittal.archive.index.attributes import COLUMN_TAGS, SPECIFIC_CHARACTER_SET
from sagittal.dicom import character_sets
from sagittal.dicom.dataset import Header, RawElement
from sagittal.dicom.json_model import ElementEncoder, text_value
from sagittal.dicom.matching import date_span
from sagittal.dicom.registry import vr_of
from sagittal.dicom.transfer_syntax import Encoding
from sagittal.errors import SagittalError

_MAX_REMEMBERED = 16384
_MAX_REMEMBERED_BYTES = 256
_MAX_RENDERERS = 32
MAX_VALUE_BYTES = 64 * 1024
"""Of an attribute in the index; one with a longer value is kept with the object but not found by."""


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


class Renderer:
    """Renders the attributes of data sets of one encoding and character set; remembers short ones."""

    def __init__(self, encoding: Encoding, character_set: bytes) -> None:
        """`character_set`: the value of (0008,0005), encoded."""
        self._encoding = encoding
        self._terms = character_sets.parse(character_set)
        self._encoder = ElementEncoder(encoding, self._terms)
        self._known: dict[tuple[int, RawElement], Rendering] = {}

    def render(self, tag: int, element: RawElement) -> Rendering:
        """The attribute `tag` of a data set."""
        known = self._known.get((tag, element))
        if known is None:
            known = self._render(tag, element)
            if len(element.value) <= _MAX_REMEMBERED_BYTES:
                if len(self._known) >= _MAX_REMEMBERED:
                    self._known.clear()
                self._known[tag, element] = known
        return known

    def _render(self, tag: int, element: RawElement) -> Rendering:
        if len(element.value) > MAX_VALUE_BYTES:
            return Rendering("", "")
        try:
            json = self._encoder.encode(tag, element)
        except (SagittalError, ValueError, struct.error):
            # An attribute that cannot be read is not found by; the object is kept all the same.
            json = ""
        return Rendering(self._text(tag, element) if tag in COLUMN_TAGS else "", json)

    def _text(self, tag: int, element: RawElement) -> str:
        if element.vr == "UN":  # PS3.5 Section 6.2.2
            element = RawElement(vr_of(tag), element.value)
        try:
            text = text_value(element, self._terms, is_little_endian=self._encoding.is_little_endian)
        except (ValueError, struct.error):
            return ""
        # Dates in one form, so that ranges compare as text; `2020.01.31` of old consoles among them.
        span = date_span(text) if element.vr == "DA" else None
        return span.first if span else text


class Renderings:
    """A renderer for each encoding and character set that comes. Belongs to one thread."""

    def __init__(self) -> None:
        self._renderers: dict[tuple[Encoding, bytes], Renderer] = {}

    def of(self, header: Header) -> Renderer:
        """The renderer for the attributes of a data set."""
        terms = header.elements.get(SPECIFIC_CHARACTER_SET)
        key = (header.encoding, terms.value if terms else b"")
        renderer = self._renderers.get(key)
        if renderer is None:
            if len(self._renderers) >= _MAX_RENDERERS:
                self._renderers.clear()
            renderer = self._renderers[key] = Renderer(*key)
        return renderer
