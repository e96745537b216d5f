"""What the readers of a data set give: values as encoded, and where the pixels lie."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from sagittal.dicom.transfer_syntax import Encoding

Buffer = bytes | bytearray | memoryview
"""Bytes as they come: the reader never changes them and keeps no reference."""

ITEM = 0xFFFEE000
ITEM_DELIMITATION = 0xFFFEE00D
SEQUENCE_DELIMITATION = 0xFFFEE0DD

FLOAT_PIXEL_DATA = 0x7FE00008
DOUBLE_FLOAT_PIXEL_DATA = 0x7FE00009
PIXEL_DATA = 0x7FE00010
PIXEL_TAGS = frozenset((FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA, PIXEL_DATA))

EXTENDED_OFFSET_TABLE = 0x7FE00001
EXTENDED_OFFSET_TABLE_LENGTHS = 0x7FE00002

UNDEFINED_LENGTH = 0xFFFFFFFF
"""The length field of a value that ends with a delimiter (PS3.5 Section 7.1.1)."""


SMALL_BYTES = 65536
"""A wanted value up to this size is kept by the loops of `skim`; a bigger one is counted first."""


class RawElement(msgspec.Struct, frozen=True, gc=False):
    """A top-level data element as it came.

    Attributes:
        vr: as written; from the dictionary in Implicit VR. A VR that PS3.5 does not know is "UN".
        value: padding untouched. A sequence is its items as encoded, with the Sequence Delimitation Item where its
            length was undefined. A "UN" value that ends with one is a sequence in Implicit VR Little Endian
            (PS3.5 Section 6.2.2).
    """

    vr: str
    value: bytes


class PixelData(NamedTuple):
    """Where the pixels of an instance lie.

    Attributes:
        tag: 0x7FE00010, 0x7FE00008 (float) or 0x7FE00009 (double float).
        vr: as written; in Implicit VR the dictionary's (OW, OF or OD), or OB if encapsulated.
        offset: of the first value byte from the start of the data set, bytes; of the inflated one if it is deflated.
        length: bytes of the value; None if undefined: encapsulated, the value ends with a Sequence Delimitation Item.
    """

    tag: int
    vr: str
    offset: int
    length: int | None


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a data set says before its pixels.

    Attributes:
        transfer_syntax_uid: as given to the reader.
        encoding: how the top level is really written. Departs from the Transfer Syntax only for peers that announce
            Explicit VR and send Implicit VR, or the other way round.
        elements: wanted top-level elements by tag, and the Extended Offset Table (PS3.3 Section C.7.6.3.1.8) if there
            is one. Where a tag comes twice the last one counts.
        pixel_data: None without pixel data.
        length: bytes up to the pixel data element, or of the whole data set without one; inflated bytes if deflated.
    """

    transfer_syntax_uid: str
    encoding: Encoding
    elements: Mapping[int, RawElement]
    pixel_data: PixelData | None
    length: int


def tag_text(tag: int) -> str:
    """A tag as people write it.

    >>> tag_text(0x7FE00010)
    '(7FE0,0010)'
    """
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
