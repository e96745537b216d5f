"""The loops of `skim` in the form that a compiler makes machine code of: numbers of 64 bits, few objects.

Compiled by mypyc; as Python it is the same, only slow, and tested so.
"""

from typing import Final

from mypy_extensions import i64

from sagittal.dicom.dataset.elements import SMALL_BYTES, UNDEFINED_LENGTH, RawElement
from sagittal.dicom.dataset.layout import LONG_VRS, SHORT_VRS, Layout
from sagittal.dicom.dataset.plan import SIEVE_SIZE, Plan

_UNDEFINED: Final[i64] = UNDEFINED_LENGTH
_SMALL: Final[i64] = SMALL_BYTES
_SIEVE: Final[i64] = SIEVE_SIZE - 1

_VRS: Final[tuple[str, ...]] = ("", *SHORT_VRS, *LONG_VRS)
_LAST_SHORT: Final[i64] = len(SHORT_VRS)


def _numbers() -> bytes:
    numbers = bytearray(1 << 10)
    for number, vr in enumerate(_VRS):
        if vr:
            numbers[(ord(vr[0]) - 64) << 5 | ord(vr[1]) - 64] = number
    return bytes(numbers)


_NUMBERS: Final = _numbers()
"""Place in `_VRS` of a VR by its two letters, 5 bits each; 0 if PS3.5 does not know it."""


def _u16(data: bytes, at: i64, is_little: bool) -> i64:
    low: i64 = data[at]
    high: i64 = data[at + 1]
    return low | high << 8 if is_little else low << 8 | high


def _u32(data: bytes, at: i64, is_little: bool) -> i64:
    first: i64 = data[at]
    second: i64 = data[at + 1]
    third: i64 = data[at + 2]
    fourth: i64 = data[at + 3]
    if is_little:
        return first | second << 8 | third << 16 | fourth << 24
    return first << 24 | second << 16 | third << 8 | fourth


def _vr_number(data: bytes, at: i64) -> i64:
    first: i64 = data[at]
    second: i64 = data[at + 1]
    if 65 <= first <= 90 and 65 <= second <= 90:
        number: i64 = _NUMBERS[(first - 64) << 5 | second - 64]
        return number
    return 0


def skim_explicit(
    data: bytes, start: int, room: int, layout: Layout, plan: Plan, elements: dict[int, RawElement]
) -> tuple[int, int]:
    """Steps over plain Explicit VR elements."""
    is_little, tags, sieve, vrs = layout.is_little_endian, plan.tags, plan.sieve, _VRS
    at: i64 = start
    end: i64 = len(data)
    most: i64 = room
    left: i64 = most
    while left > 0 and end - at >= 8:
        number = _vr_number(data, at + 4)
        if number == 0:
            break
        if number <= _LAST_SHORT:
            value = at + 8
            length = _u16(data, at + 6, is_little)
        else:
            value = at + 12
            if value > end:
                break
            length = _u32(data, at + 8, is_little)
            if length == _UNDEFINED:
                break
        key = _u32(data, at, is_little)
        at_next = value + length
        if sieve[(key ^ key >> 13) & _SIEVE]:
            tag = tags.get(key)
            if tag is not None:
                if at_next > end or tag == 0 or length > _SMALL:
                    break
                elements[tag] = RawElement(vrs[number], data[value:at_next])
        at = at_next
        left -= 1
    return at, most - left


def skim_implicit(
    data: bytes, start: int, room: int, layout: Layout, plan: Plan, elements: dict[int, RawElement]
) -> tuple[int, int]:
    """As `skim_explicit`, for Implicit VR."""
    is_little, tags, sieve, vrs = layout.is_little_endian, plan.tags, plan.sieve, plan.vrs
    at: i64 = start
    end: i64 = len(data)
    most: i64 = room
    left: i64 = most
    while left > 0 and end - at >= 8:
        key = _u32(data, at, is_little)
        length = _u32(data, at + 4, is_little)
        value = at + 8
        at_next = value + length
        tag = tags.get(key) if sieve[(key ^ key >> 13) & _SIEVE] else None
        if tag is not None:
            if at_next > end or tag == 0 or length > _SMALL:
                break
            elements[tag] = RawElement(vrs[tag], data[value:at_next])
        elif length == _UNDEFINED:
            break
        at = at_next
        left -= 1
    return at, most - left
