"""How an instance reads in the index, worked out from what is otherwise than in the last one of its series.

The instances of a series say most things alike; only what differs is rendered. The outcome is the same as if all were.
"""

from itertools import compress
from operator import ne
from typing import Final

from sagittal.archive.index import attributes as tags
from sagittal.archive.index.attributes import INSTANCE, INSTANCE_TAGS
from sagittal.archive.index.renderings import Renderer
from sagittal.dicom.dataset import Header, RawElement
from sagittal.dicom.frames import native_frame_bits, number_of_frames
from sagittal.dicom.json_model import text_value

_MAX_FRAMES: Final = 1 << 31
_MAX_HELD_BYTES: Final = 1024  # of a value; a longer one is rendered each time
_NOT_HELD: Final = RawElement("", b"")  # like no element that comes, and not like none either
_PLACES: Final = range(len(INSTANCE_TAGS))
_COLUMNS: Final = tuple(INSTANCE[tag] for tag in INSTANCE_TAGS)
_OF_PIXELS: Final = frozenset(
    INSTANCE_TAGS.index(tag)
    for tag in (
        tags.SAMPLES_PER_PIXEL,
        tags.PHOTOMETRIC_INTERPRETATION,
        tags.NUMBER_OF_FRAMES,
        tags.ROWS,
        tags.COLUMNS,
        tags.BITS_ALLOCATED,
    )
)


class Wording:
    """What the last instance of a series said. Belongs to the thread that writes.

    Attributes:
        renderer: by which it was read; another needs another Wording.
        texts: its columns by name, `""` where it says nothing.
        attributes: its level's DICOM JSON.
        frames: the number of frames it has if it has pixel data.
        frame_bits: of one frame if it is native, bits; 0 if it cannot be told.
    """

    __slots__ = ("_elements", "_members", "attributes", "frame_bits", "frames", "renderer", "texts")

    def __init__(self, renderer: Renderer) -> None:
        self.renderer = renderer
        self.texts = {column: "" for column in _COLUMNS if column is not None}
        self.attributes = "{}"
        self.frames, self.frame_bits = 1, 0
        self._elements: list[RawElement | None] = [None] * len(INSTANCE_TAGS)
        self._members = [""] * len(INSTANCE_TAGS)

    def follow(self, header: Header) -> None:
        """Goes on to the next instance, which is encoded in the same way."""
        elements = list(map(header.elements.get, INSTANCE_TAGS))
        changed = set(compress(_PLACES, map(ne, elements, self._elements)))
        if not changed:
            return
        for place in changed:
            elements[place] = self._change(place, elements[place])
        self._elements = elements
        self.attributes = "{" + ",".join(filter(None, self._members)) + "}"
        if not changed.isdisjoint(_OF_PIXELS):
            self.frames = min(number_of_frames(header) or 1, _MAX_FRAMES)
            self.frame_bits = _frame_bits(header)

    def _change(self, place: int, element: RawElement | None) -> RawElement | None:
        """Takes another value of an attribute; returns what is held of it."""
        text, json = self.renderer.render(INSTANCE_TAGS[place], element) if element is not None else ("", "")
        self._members[place] = json
        column = _COLUMNS[place]
        if column is not None:
            self.texts[column] = text
        return element if element is None or len(element.value) <= _MAX_HELD_BYTES else _NOT_HELD


def _frame_bits(header: Header) -> int:
    rows, columns = _number(header, tags.ROWS), _number(header, tags.COLUMNS)
    samples, bits = _number(header, tags.SAMPLES_PER_PIXEL) or 1, _number(header, tags.BITS_ALLOCATED)
    photometric = header.elements.get(tags.PHOTOMETRIC_INTERPRETATION)
    name = text_value(photometric) if photometric else ""
    if not rows or not columns or not bits:
        return 0
    return native_frame_bits(rows, columns, samples, bits, name)


def _number(header: Header, tag: int) -> int:
    """The first value of an attribute as a number, 0 where there is none."""
    element = header.elements.get(tag)
    if element is None:
        return 0
    if len(element.value) == 2 and element.vr in ("US", "SS", "UN"):
        return int.from_bytes(element.value, "little" if header.encoding.is_little_endian else "big")
    text = text_value(element, is_little_endian=header.encoding.is_little_endian).partition("\\")[0].strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0
