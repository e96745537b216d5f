"""Values of the DICOM JSON Model to the bytes of a value field, by VR (PS3.18 Section F.2.3, PS3.5 Section 6.2)."""

import math
import re
import struct
from collections.abc import Mapping

from sagittal.dicom import character_sets
from sagittal.dicom.json_model.values import NUMBER_CODES

_ONE_VALUE = frozenset({"LT", "ST", "UR", "UT"})
_STRINGS = frozenset({"AE", "AS", "CS", "DA", "DT", "LO", "SH", "TM", "UC", "UI", *_ONE_VALUE})
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_MAX_DS_LENGTH = 16


class BadValue(ValueError):  # a value, not a failure of ours: it becomes Invalid with its place
    """A value that its VR cannot have; the message begins with its index."""


def value_bytes(vr: str, values: list[object], sets: tuple[str, ...], *, is_little_endian: bool) -> bytes:
    r"""The value field without padding to even length, or BadValue.

    >>> value_bytes("PN", [{"Alphabetic": "A^B"}, None], (), is_little_endian=True)
    b'A^B\\'
    """
    if vr in NUMBER_CODES:
        return _numbers(vr, values, is_little_endian)
    if vr == "AT":
        return _tags(values, is_little_endian)
    if vr == "PN":
        texts = [_name(value, index) for index, value in enumerate(values)]
    elif vr == "DS":
        texts = [_decimal(value, index) for index, value in enumerate(values)]
    elif vr == "IS":
        texts = [_integer(value, index) for index, value in enumerate(values)]
    elif vr in _STRINGS:
        texts = [_string(value, index) for index, value in enumerate(values)]
    else:
        raise BadValue(f" is not for VR {vr}, which has InlineBinary or BulkDataURI")
    if vr in _ONE_VALUE and len(texts) > 1:
        raise BadValue(f" is to be one value for VR {vr}; got {len(texts)}")
    if vr not in _ONE_VALUE:
        for index, text in enumerate(texts):
            if "\\" in text:
                raise BadValue(f"[{index}] is to be free of backslashes, which separate values (PS3.18 Section F.2.4)")
    return character_sets.encode("\\".join(texts), vr, sets)


def _string(value: object, index: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadValue(f"[{index}] is to be a string; got {type(value).__name__}")
    return value


def _name(value: object, index: int) -> str:
    if not isinstance(value, Mapping):
        return _string(value, index)
    groups = [_string(value.get(group), index) for group in _GROUPS]
    if any("=" in group for group in groups):
        raise BadValue(f"[{index}] is to have no '=' inside a component group")
    return "=".join(groups).rstrip("=")


def _decimal(value: object, index: int) -> str:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return _string(value, index)
    if isinstance(value, int):
        return decimal_string(_in_range(value, index))
    if not math.isfinite(value):
        raise BadValue(f"[{index}] is to be a finite number")
    return decimal_string(value)


def decimal_string(number: float) -> str:
    """A DS value: the number in at most 16 characters, as precise as they allow (PS3.5 Section 6.2).

    >>> decimal_string(0.5), decimal_string(-1 / 3), decimal_string(1e-200)
    ('0.5', '-0.3333333333333', '1e-200')
    """
    text = repr(number)
    if isinstance(number, float) and number.is_integer() and len(text) > 2 and text.endswith(".0"):
        text = text[:-2]
    digits = 16
    while len(text) > _MAX_DS_LENGTH:
        text = f"{float(number):.{digits}g}"
        digits -= 1
    return text


def _integer(value: object, index: int) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(_in_range(int(value), index))
    if isinstance(value, int) and not isinstance(value, bool):
        return str(_in_range(value, index))
    return _string(value, index)


def _in_range(number: int, index: int) -> int:
    """JSON may hold integers of any length; no VR has more than 64 bits, and long ones take long to write."""
    if number.bit_length() > 64:
        raise BadValue(f"[{index}] is to be in the range of its VR")
    return number


def _numbers(vr: str, values: list[object], is_little_endian: bool) -> bytes:
    """Binary numbers have no empty ones among several: null is refused."""
    code = NUMBER_CODES[vr]
    number = _float if code in "fd" else _whole
    numbers = [number(value, index) for index, value in enumerate(values)]
    try:
        return struct.pack(f"{'<' if is_little_endian else '>'}{len(numbers)}{code}", *numbers)
    except (struct.error, OverflowError) as error:
        raise BadValue(f" is to be in the range of VR {vr}") from error


def _whole(value: object, index: int) -> int:
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise BadValue(f"[{index}] is to be a whole number")


def _float(value: object, index: int) -> float:
    """A number, or one of the strings that stand for what JSON has no number for."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and len(value) <= 64:
        try:
            return float(value)
        except ValueError:
            pass
    raise BadValue(f"[{index}] is to be a number")


def _tags(values: list[object], is_little_endian: bool) -> bytes:
    words = []
    for index, value in enumerate(values):
        if not isinstance(value, str) or _TAG.fullmatch(value) is None:
            raise BadValue(f"[{index}] is to be a tag of eight hexadecimal digits")
        words += [int(value[:4], 16), int(value[4:], 16)]
    return struct.pack(f"{'<' if is_little_endian else '>'}{len(words)}H", *words)
