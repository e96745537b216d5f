"""Puts other top-level elements into a data set that is held as bytes in Explicit VR Little Endian."""

from collections.abc import Iterator, Mapping
from struct import Struct

from sagittal.dicom.dataset.elements import (
    ITEM,
    ITEM_DELIMITATION,
    SEQUENCE_DELIMITATION,
    UNDEFINED_LENGTH,
    Buffer,
)
from sagittal.dicom.dataset.layout import LAYOUTS, LONG_VRS, Head, head_at
from sagittal.errors import Invalid

_EXPLICIT = LAYOUTS[False, True]
_IMPLICIT = LAYOUTS[True, True]
_SHORT_HEAD = Struct("<HH2sH").pack
_LONG_HEAD = Struct("<HH2sHI").pack


def element(tag: int, vr: str, value: bytes) -> bytes:
    r"""An element in Explicit VR Little Endian, padded to even length.

    >>> element(0x00280006, "US", b"\0\0").hex()
    '28000600555302000000'
    """
    if len(value) % 2:
        value += b"\0" if vr in ("UI", "OB", "UN") else b" "
    if vr in LONG_VRS:
        return _LONG_HEAD(tag >> 16, tag & 0xFFFF, vr.encode(), 0, len(value)) + value
    return _SHORT_HEAD(tag >> 16, tag & 0xFFFF, vr.encode(), len(value)) + value


def with_elements(data: bytes, changes: Mapping[int, bytes | None]) -> bytes:
    """The data set with each element of `changes` put in its place, replaced, or left out where it is None.

    Args:
        data: whole elements in order of tag, in Explicit VR Little Endian, without encapsulated pixel data.
        changes: by tag: the whole element, as `element` makes it.

    Raises:
        Invalid: the data set is torn or nested in no legal way.
    """
    parts: list[bytes] = []
    pending = sorted(changes.items(), reverse=True)
    for tag, start, stop in top_level(data):
        while pending and pending[-1][0] < tag:
            parts.append(pending.pop()[1] or b"")
        if tag not in changes:
            parts.append(data[start:stop])
    parts += [new or b"" for _, new in reversed(pending)]
    return b"".join(parts)


def top_level(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(tag, first byte, byte after the last) of each top-level element."""
    at = 0
    while at < len(data):
        head = _head(data, at)
        stop = head.start + head.length if head.length != UNDEFINED_LENGTH else _end_of_sequence(data, head)
        if stop > len(data):
            raise Invalid(f"an element at byte {at} goes beyond the {len(data)} bytes of its data set")
        yield head.tag, at, stop
        at = stop


def value_of(data: Buffer, start: int, stop: int) -> bytes:
    """The value of an element that `top_level` gave."""
    whole = bytes(data[start:stop])
    return whole[_head(whole, 0).start :]


def _head(data: bytes, at: int) -> Head:
    code = data[at : at + 4]
    is_bare = code in (b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0")
    head = head_at(data, at, _IMPLICIT if is_bare else _EXPLICIT)
    if isinstance(head, int):
        raise Invalid(f"a data set ends within an element, at byte {at}")
    return head


def _end_of_sequence(data: bytes, sequence: Head) -> int:
    """Where a sequence of undefined length ends; whatever is open inside is counted, not recursed into."""
    is_implicit = sequence.vr == "UN"
    at, depth = sequence.start, 1
    while depth:
        head = _nested(data, at) if is_implicit else _head(data, at)
        at = head.start
        if head.tag in (ITEM_DELIMITATION, SEQUENCE_DELIMITATION):
            depth -= 1
        elif head.length == UNDEFINED_LENGTH:
            depth += 1
        else:
            at += head.length
        if at > len(data) or (head.tag == ITEM and depth > len(data)):
            raise Invalid(f"a sequence is torn at byte {at}")
    return at


def _nested(data: bytes, at: int) -> Head:
    head = head_at(data, at, _IMPLICIT)
    if isinstance(head, int):
        raise Invalid(f"a data set ends within an element, at byte {at}")
    return head
