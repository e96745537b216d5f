"""Encoded values to JSON text, by VR (PS3.18 Sections F.2.3 to F.2.7, PS3.5 Section 6.2).

A renderer gives what follows `"vr":"XX"` in an attribute's object, closing brace included: `,"Value":[...]}`, or
`}` where the value is empty. It raises ValueError where the bytes cannot be of its VR.

What the standard leaves open or pydicom does otherwise:

- DS and IS are JSON numbers, with the digits as sent, where they are numbers; else the text as sent in a JSON string,
  which PS3.18 Table F.2.3-1 allows, so that one bad value does not hide an object from readers.
- NaN and infinities have no JSON number (RFC 8259 Section 6): the strings "NaN", "Infinity" and "-Infinity".
- Integers beyond 2**53, which JavaScript would round, are strings (PS3.18 Table F.2.3-1 allows it for SV and UV).
- InlineBinary is in little endian byte order whatever the data set was in: PS3.18 Section F.2.7 leaves byte order to
  the rules of PS3.5, a JSON text names no Transfer Syntax, and the default one of PS3.5 Section 10.1 is little endian.
"""

import binascii
import functools
import math
import re
import struct
from collections.abc import Callable, Mapping
from json.encoder import encode_basestring

quote: Callable[[str], str] = encode_basestring
"""A JSON string of a text, characters beyond ASCII as they are."""

PlainRenderer = Callable[[bytes], str]
TextRenderer = Callable[[bytes, Callable[[bytes], str]], str]

EMPTY = "}"
_PADDING = " \0"
_MAX_EXACT = 1 << 53

_SWAPPED_WORDS: Mapping[str, str] = {"OW": "H", "OL": "I", "OF": "I", "OD": "Q", "OV": "Q"}
NUMBER_CODES: Mapping[str, str] = {
    "US": "H",
    "SS": "h",
    "UL": "I",
    "SL": "i",
    "UV": "Q",
    "SV": "q",
    "FL": "f",
    "FD": "d",
}
NUMBER_SIZES: Mapping[str, int] = {vr: struct.calcsize("=" + code) for vr, code in NUMBER_CODES.items()}

# Numbers of a length that DS and IS can have and without exponent: JSON takes them letter by letter.
_DECIMALS = re.compile(r"-?(?:0|[1-9][0-9]{0,20})(?:\.[0-9]{1,20})?(?:\\-?(?:0|[1-9][0-9]{0,20})(?:\.[0-9]{1,20})?)*")
_INTEGERS = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\\-?(?:0|[1-9][0-9]{0,14}))*")
_ANY_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,64}\.?[0-9]{0,64}|\.[0-9]{1,64})(?:[eE][+-]?[0-9]{1,5})?")


def render_strings(value: bytes) -> str:
    """AE, AS, CS, DA, DT, TM, UI: no character set, spaces and nulls around each value are padding."""
    text = value.decode("latin_1").strip(_PADDING)
    if "\\" in text:
        return _several([quote(bare) if (bare := part.strip(_PADDING)) else "null" for part in text.split("\\")])
    return f',"Value":[{quote(text)}]}}' if text else EMPTY


def render_uri(value: bytes) -> str:
    """UR: one value, trailing spaces are padding."""
    text = value.decode("latin_1").rstrip(_PADDING)
    return f',"Value":[{quote(text)}]}}' if text else EMPTY


def render_text(value: bytes, decode: Callable[[bytes], str]) -> str:
    """LO, SH, UC: several values in a character set; trailing spaces of each are padding."""
    text = decode(value)
    if "\\" in text:
        return _several([quote(bare) if (bare := part.rstrip(_PADDING)) else "null" for part in text.split("\\")])
    text = text.rstrip(_PADDING)
    return f',"Value":[{quote(text)}]}}' if text else EMPTY


def render_long_text(value: bytes, decode: Callable[[bytes], str]) -> str:
    """LT, ST, UT: one value in a character set, backslashes and all."""
    text = decode(value).rstrip(_PADDING)
    return f',"Value":[{quote(text)}]}}' if text else EMPTY


def render_names(value: bytes, decode: Callable[[bytes], str]) -> str:
    """PN: each value an object of its component groups that are not empty."""
    text = decode(value).rstrip(_PADDING)
    if not text:
        return EMPTY
    if "\\" not in text:
        name = _name(text)
        return f',"Value":[{name}]}}' if name != "null" else EMPTY
    return _several([_name(part.rstrip(_PADDING)) for part in text.split("\\")])


def _name(text: str) -> str:
    if "=" not in text:
        return f'{{"Alphabetic":{quote(text)}}}' if text else "null"
    groups = zip(("Alphabetic", "Ideographic", "Phonetic"), text.split("="), strict=False)
    members = [f'"{key}":{quote(group)}' for key, group in groups if group]
    return "{" + ",".join(members) + "}" if members else "null"


def render_decimals(value: bytes) -> str:
    """DS."""
    text = value.decode("latin_1").strip(_PADDING)
    if _DECIMALS.fullmatch(text):
        return f',"Value":[{text.replace(chr(92), ",")}]}}'
    return _several([_decimal(part.strip(_PADDING)) for part in text.split("\\")]) if text else EMPTY


def _decimal(text: str) -> str:
    if not text:
        return "null"
    if _ANY_DECIMAL.fullmatch(text):
        number = float(text)
        if math.isfinite(number):
            return repr(number)
    return quote(text)


def render_integers(value: bytes) -> str:
    """IS."""
    text = value.decode("latin_1").strip(_PADDING)
    if _INTEGERS.fullmatch(text):
        return f',"Value":[{text.replace(chr(92), ",")}]}}'
    return _several([_integer(part.strip(_PADDING)) for part in text.split("\\")]) if text else EMPTY


def _integer(text: str) -> str:
    if not text:
        return "null"
    if _ANY_DECIMAL.fullmatch(text):
        number = float(text)
        if number.is_integer() and abs(number) < _MAX_EXACT:
            return str(int(number))
    return quote(text)


def _several(values: list[str]) -> str:
    return f',"Value":[{",".join(values)}]}}'


def _integer_text(number: int) -> str:
    return str(number) if -_MAX_EXACT <= number <= _MAX_EXACT else f'"{number}"'


def _float_text(number: float) -> str:
    if math.isfinite(number):
        return repr(number)
    return '"NaN"' if math.isnan(number) else '"Infinity"' if number > 0 else '"-Infinity"'


_NUMBER_TEXTS: Mapping[str, Callable[[int | float], str]] = {
    "UV": _integer_text,  # type: ignore[dict-item]  # struct gives int for this code
    "SV": _integer_text,  # type: ignore[dict-item]  # struct gives int for this code
    "FL": _float_text,
    "FD": _float_text,
}


def unpack_numbers(value: bytes, vr: str, is_little_endian: bool) -> tuple[int | float, ...]:
    """The numbers of a binary VR, or ValueError where the length is no multiple of theirs."""
    count, rest = divmod(len(value), NUMBER_SIZES[vr])
    if rest:
        raise ValueError(f"{len(value)} bytes are no whole number of {vr} values")
    return struct.unpack(f"{'<' if is_little_endian else '>'}{count}{NUMBER_CODES[vr]}", value)


def _number_renderer(vr: str, is_little_endian: bool) -> PlainRenderer:
    size = NUMBER_SIZES[vr]
    unpack_one = struct.Struct(("<" if is_little_endian else ">") + NUMBER_CODES[vr]).unpack
    text_of = _NUMBER_TEXTS.get(vr, str)

    def render(value: bytes) -> str:
        if len(value) == size:
            return f',"Value":[{text_of(unpack_one(value)[0])}]}}'
        numbers = unpack_numbers(value, vr, is_little_endian)
        return f',"Value":[{",".join(map(text_of, numbers))}]}}' if numbers else EMPTY

    return render


def unpack_tags(value: bytes, is_little_endian: bool) -> list[str]:
    """The tags of an AT value, eight hexadecimal digits each; a rest of fewer than four bytes is passed over."""
    words = struct.unpack_from(f"{'<' if is_little_endian else '>'}{len(value) // 4 * 2}H", value)
    return [f"{group:04X}{element:04X}" for group, element in zip(words[::2], words[1::2], strict=True)]


def _tags_renderer(is_little_endian: bool) -> PlainRenderer:
    def render(value: bytes) -> str:
        tags = unpack_tags(value, is_little_endian)
        if value and not tags:
            raise ValueError(f"{len(value)} bytes are no tag")
        return _several([f'"{tag}"' for tag in tags]) if tags else EMPTY

    return render


def little_endian_bytes(value: bytes, vr: str) -> bytes:
    """A big endian value of a VR of words in little endian order, or back; a torn last word as it is."""
    code = _SWAPPED_WORDS.get(vr)
    if code is None:
        return value
    size = struct.calcsize("=" + code)
    count = len(value) // size
    return struct.pack(f"<{count}{code}", *struct.unpack_from(f">{count}{code}", value)) + value[count * size :]


def render_binary(value: bytes) -> str:
    """OB and its kin, in little endian order already."""
    return f',"InlineBinary":"{binascii.b2a_base64(value, newline=False).decode()}"}}' if value else EMPTY


@functools.cache
def plain_renderers(is_little_endian: bool) -> Mapping[str, PlainRenderer]:
    """By VR, those that need no character set."""
    strings = dict.fromkeys(("AE", "AS", "CS", "DA", "DT", "TM", "UI"), render_strings)
    others: dict[str, PlainRenderer] = {
        "UR": render_uri,
        "DS": render_decimals,
        "IS": render_integers,
        "AT": _tags_renderer(is_little_endian),
    }
    return strings | others | {vr: _number_renderer(vr, is_little_endian) for vr in NUMBER_CODES}


TEXT_RENDERERS: Mapping[str, TextRenderer] = {
    "LO": render_text,
    "SH": render_text,
    "UC": render_text,
    "LT": render_long_text,
    "ST": render_long_text,
    "UT": render_long_text,
    "PN": render_names,
}
"""By VR, those that Specific Character Set governs."""

BINARY_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
