"""How the head of a data element is laid out in each encoding (PS3.5 Section 7.1)."""

from collections.abc import Callable, Mapping
from struct import Struct
from typing import Any, NamedTuple

from sagittal.dicom.transfer_syntax import Encoding

Unpack = Callable[[bytes, int], tuple[Any, ...]]  # struct's own signature: what comes out depends on the format

SHORT_VRS = (
    *("AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT"),
    *("PN", "SH", "SL", "SS", "ST", "TM", "UI", "UL", "US"),
)
"""VRs whose length field has 16 bits (PS3.5 Table 7.1-2)."""

LONG_VRS = ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")
"""VRs whose length field has 32 bits after two reserved bytes (PS3.5 Table 7.1-1)."""


class Layout(NamedTuple):
    """How to take an element's head apart in one encoding.

    Attributes:
        implicit: unpacks (tag key, 32-bit length) from 8 bytes; Items and delimiters are always of this form.
        explicit: unpacks (tag key, VR code, 16-bit length) from 8 bytes.
        long_length: unpacks the 32-bit length of a long VR.
        short, long: VR by code.
        key_of: the key of a tag, or the tag of a key: the same number in Big Endian, halves swapped in Little Endian.
    """

    is_implicit_vr: bool
    is_little_endian: bool
    implicit: Unpack
    explicit: Unpack
    long_length: Unpack
    short: Mapping[int, str]
    long: Mapping[int, str]
    key_of: Callable[[int], int]


class Head(NamedTuple):
    """An element's head: its value begins at `start`, `length` may be UNDEFINED_LENGTH, `vr` is "" if implicit."""

    tag: int
    vr: str
    start: int
    length: int


def _swap_halves(number: int) -> int:
    return (number & 0xFFFF) << 16 | number >> 16


def _same(number: int) -> int:
    return number


def _layout(is_implicit_vr: bool, is_little_endian: bool) -> Layout:
    order = "<" if is_little_endian else ">"
    code = Struct(order + "H")
    return Layout(
        is_implicit_vr,
        is_little_endian,
        Struct(order + "II").unpack_from,
        Struct(order + "IHH").unpack_from,
        Struct(order + "I").unpack_from,
        {code.unpack(vr.encode())[0]: vr for vr in SHORT_VRS},
        {code.unpack(vr.encode())[0]: vr for vr in LONG_VRS},
        _swap_halves if is_little_endian else _same,
    )


LAYOUTS: Mapping[tuple[bool, bool], Layout] = {
    (implicit, little): _layout(implicit, little) for implicit in (True, False) for little in (True, False)
}
"""By (is_implicit_vr, is_little_endian). Implicit VR in Big Endian order is no Transfer Syntax; stray elements are."""

IMPLICIT_LITTLE = LAYOUTS[True, True]


def layout_of(encoding: Encoding) -> Layout:
    """The layout of a data set in this encoding."""
    return LAYOUTS[encoding.is_implicit_vr, encoding.is_little_endian]


def has_letters(data: bytes, at: int) -> bool:
    """Whether two upper-case letters stand at `at`: the mark of Explicit VR."""
    return 0x41 <= data[at] <= 0x5A and 0x41 <= data[at + 1] <= 0x5A


def has_known_vr(data: bytes, at: int, layout: Layout) -> bool:
    """Whether the two bytes at `at` are a VR of PS3.5."""
    code = int.from_bytes(data[at : at + 2], "little" if layout.is_little_endian else "big")
    return code in layout.short or code in layout.long


def head_at(data: bytes, at: int, layout: Layout) -> Head | int:
    """The head of the element at `at`, or how many bytes from `at` it needs where `data` is too short.

    Departs from PS3.5 Section 7.1 for writers in the field: a head without letters where the VR is to be, in an
    Explicit VR data set, is read as an implicit one; a VR of unknown letters has the 32-bit length PS3.5 promises for
    new VRs if its reserved bytes are zero, else a 16-bit one.
    """
    if len(data) - at < 8:
        return 8
    if not layout.is_implicit_vr:
        key, code, length = layout.explicit(data, at)
        vr = layout.short.get(code)
        if vr is None and has_letters(data, at + 4):
            vr = layout.long.get(code, "UN")
            if code in layout.long or length == 0:
                if len(data) - at < 12:
                    return 12
                return Head(layout.key_of(key), vr, at + 12, layout.long_length(data, at + 8)[0])
        if vr is not None:
            return Head(layout.key_of(key), vr, at + 8, length)
    key, length = layout.implicit(data, at)
    return Head(layout.key_of(key), "", at + 8, length)


def layout_found(data: bytes, at: int, expected: Layout) -> Layout:
    """The layout that the element at `at` shows; 6 bytes are needed there.

    Explicit VR is believed unless the VR is not letters; Implicit VR is believed unless a VR of PS3.5 stands where the
    length is to be, which would be a first element of at least 16 KiB.
    """
    is_explicit = has_known_vr(data, at + 4, expected) if expected.is_implicit_vr else has_letters(data, at + 4)
    return LAYOUTS[not is_explicit, expected.is_little_endian]


def layout_of_item(data: bytes, at: int, outer: Layout, *, is_un: bool) -> Layout:
    """The layout inside an item whose first element is at `at`; 6 bytes are needed there.

    Inside UN it is Implicit VR (PS3.5 Section 6.2.2) unless a known VR says otherwise; inside Implicit VR it is always.
    """
    if outer.is_implicit_vr:
        return outer
    if is_un:
        return LAYOUTS[not has_known_vr(data, at + 4, outer), outer.is_little_endian]
    return layout_found(data, at, outer)
