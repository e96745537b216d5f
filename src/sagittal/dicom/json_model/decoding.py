"""A data set in the DICOM JSON Model back to encoded bytes (PS3.18 Annex F, PS3.5 Sections 7.1 and 7.5).

What comes is from outside: everything is checked, and a message names the place ("00400275[0].00400007.Value[1]"),
never the value. Tolerated are lower-case tags, person names as plain strings, numbers in strings, InlineBinary in a
list of one, members that the model does not know, null for an empty item. Group lengths and groups 0000 and 0002 are
left out.
"""

import binascii
import re
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

import msgspec

from sagittal.dicom import character_sets
from sagittal.dicom.dataset.layout import LONG_VRS, SHORT_VRS
from sagittal.dicom.dataset.limits import DEFAULT_LIMITS, Limits
from sagittal.dicom.json_model.model import JsonDataset
from sagittal.dicom.json_model.value_bytes import BadValue, value_bytes
from sagittal.dicom.json_model.values import BINARY_VRS, little_endian_bytes
from sagittal.dicom.transfer_syntax import Encoding, encoding_of
from sagittal.errors import Exhausted, Invalid, Refused

FetchBulk: TypeAlias = Callable[[str, tuple[int, ...], str], bytes]
"""Gets a BulkDataURI: (uri, path of tags and item numbers, vr) to the bytes of the value in little endian order."""

_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_CHARACTER_SET = 0x00080005
_MAX_SHORT = 0xFFFE
_MAX_LONG = 0xFFFFFFFE
_VRS = frozenset((*SHORT_VRS, *LONG_VRS))


def decode(
    dataset: JsonDataset,
    transfer_syntax_uid: str | Encoding,
    character_set: tuple[str, ...] | None = character_sets.UTF_8,
    *,
    fetch_bulk: FetchBulk | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> bytes:
    r"""The encoded data set: elements in order of tag, even lengths, sequences and items of defined length.

    Args:
        dataset: as parsed from JSON; any shape.
        transfer_syntax_uid: to write in; one of compressed pixel data gives Explicit VR Little Endian.
        character_set: terms of (0008,0005) to write text in and to put there in place of what `dataset` says; `()`
            leaves the attribute out; None takes what `dataset` and its items say. "?" is what it cannot express.
        fetch_bulk: gets BulkDataURIs; without it they are refused.
        limits: caps on depth and elements.

    Raises:
        Invalid: `dataset` is not of the DICOM JSON Model, naming where.
        Refused: a BulkDataURI and no `fetch_bulk`.
        Exhausted: beyond `limits`.

    >>> decode({"00100020": {"vr": "LO", "Value": ["ab1"]}}, "1.2.840.10008.1.2.1", ())
    b'\x10\x00 \x00LO\x04\x00ab1 '
    """
    encoding = transfer_syntax_uid if isinstance(transfer_syntax_uid, Encoding) else encoding_of(transfer_syntax_uid)
    writer = _Writer(encoding, fetch_bulk, limits, follows_items=character_set is None)
    if character_set is not None:
        dataset = _with_character_set(dataset, character_set)
    data = writer.data_set(dataset, _Place("", (), 0), character_set or ())
    if not encoding.is_deflated:
        return data
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = deflater.compress(data) + deflater.flush()
    return packed + b"\0" * (len(packed) % 2)


def loads(text: bytes | str) -> tuple[JsonDataset, ...]:
    """The data sets in a JSON text: one object, or an array of them, as PS3.18 Section 8.7 has both.

    Their attributes are checked when they are decoded.

    >>> loads('[{"00100020":{"vr":"LO"}}]')
    ({'00100020': {'vr': 'LO'}},)
    """
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Invalid(f"DICOM JSON is to be JSON text; {error}") from error
    datasets = found if isinstance(found, list) else [found]
    if not all(isinstance(dataset, dict) for dataset in datasets):
        raise Invalid("DICOM JSON is to be an object or an array of objects")
    return tuple(datasets)


def _with_character_set(dataset: JsonDataset, terms: tuple[str, ...]) -> JsonDataset:
    if not isinstance(dataset, dict):
        raise Invalid(f"a data set is to be an object; got {type(dataset).__name__}")
    rest = {tag: element for tag, element in dataset.items() if tag != "00080005"}
    if not terms:
        return rest
    return {"00080005": {"vr": "CS", "Value": [term or None for term in terms]}, **rest}


class _Place(NamedTuple):
    """Where in the data set we are.

    Attributes:
        text: for messages, with a dot at its end.
        path: tags and item numbers.
    """

    text: str
    path: tuple[int, ...]
    depth: int


class _Writer:
    """Writes one data set and its items."""

    def __init__(
        self, encoding: Encoding, fetch_bulk: FetchBulk | None, limits: Limits, *, follows_items: bool
    ) -> None:
        self._is_implicit = encoding.is_implicit_vr
        self._is_little = encoding.is_little_endian
        order = "<" if encoding.is_little_endian else ">"
        self._tag = struct.Struct(order + "HH").pack
        self._short = struct.Struct(order + "H").pack
        self._long = struct.Struct(order + "I").pack
        self._fetch_bulk = fetch_bulk
        self._max_depth = limits.max_depth
        self._room = limits.max_elements
        self._follows_items = follows_items

    def data_set(self, dataset: object, place: _Place, sets: tuple[str, ...]) -> bytes:
        """Its elements in order of tag."""
        elements = self._elements(dataset, place)
        if self._follows_items and _CHARACTER_SET in elements:
            value = self._value(_CHARACTER_SET, elements[_CHARACTER_SET], place, ())[1]
            sets = character_sets.parse(value)
        out = []
        for tag in sorted(elements):
            if tag == _CHARACTER_SET and place.depth and not self._follows_items:
                continue
            vr, value = self._value(tag, elements[tag], place, sets)
            out.append(self._head(tag, vr, len(value)))
            out.append(value)
        return b"".join(out)

    def _elements(self, dataset: object, place: _Place) -> dict[int, Mapping[str, object]]:
        """The attributes by tag, shapes checked."""
        where = place.text.rstrip(".") or "a data set"
        if not isinstance(dataset, Mapping):
            raise Invalid(f"{where} is to be an object; got {type(dataset).__name__}")
        self._room -= len(dataset) + 1
        if self._room < 0:
            raise Exhausted("a data set has more elements than max_elements")
        elements: dict[int, Mapping[str, object]] = {}
        for key, element in dataset.items():
            if not isinstance(key, str) or _TAG.fullmatch(key) is None:
                raise Invalid(f"the names of attributes in {where} are to be eight hexadecimal digits")
            if not isinstance(element, Mapping):
                raise Invalid(f"{place.text}{key} is to be an object; got {type(element).__name__}")
            tag = int(key, 16)
            if tag in elements or tag >> 16 == 0xFFFE:
                raise Invalid(
                    f"{place.text}{key} comes twice" if tag in elements else f"{place.text}{key} is no attribute"
                )
            if tag & 0xFFFF and tag >> 16 not in (0, 2):
                elements[tag] = element
        return elements

    def _value(
        self, tag: int, element: Mapping[str, object], place: _Place, sets: tuple[str, ...]
    ) -> tuple[str, bytes]:
        """The VR to write and the value, of even length."""
        where = f"{place.text}{tag:08X}"
        vr = element.get("vr")
        if not isinstance(vr, str) or vr not in _VRS:
            raise Invalid(f"{where} is to have a vr of PS3.5 Section 6.2")
        members = [member for member in ("Value", "InlineBinary", "BulkDataURI") if element.get(member) is not None]
        if len(members) > 1:
            raise Invalid(f"{where} is to have one of Value, InlineBinary and BulkDataURI; got {' and '.join(members)}")
        content = element[members[0]] if members else None
        is_little = self._is_little
        if members == ["BulkDataURI"]:
            value = self._ordered(self._bulk(content, vr, (*place.path, tag), where), vr)
        elif members == ["InlineBinary"]:
            value = self._ordered(_inline(content, vr, where), vr)
        elif vr == "SQ":
            value = self._items(tag, content, place, sets)
        else:
            value = _values(vr, content, where, sets, is_little)
            if not self._is_implicit and vr in SHORT_VRS and len(value) > _MAX_SHORT:
                # PS3.5 Section 6.2.2: what does not fit its 16-bit length is UN, which is in little endian order.
                vr, value = "UN", value if is_little else _values(vr, content, where, sets, True)
        if len(value) > _MAX_LONG:
            raise Exhausted(f"{where} has {len(value)} bytes, more than a length field can say")
        return vr, value + (b"\0" if vr in BINARY_VRS or vr == "UI" else b" ") * (len(value) % 2)

    def _ordered(self, value: bytes, vr: str) -> bytes:
        return value if self._is_little else little_endian_bytes(value, vr)

    def _bulk(self, uri: object, vr: str, path: tuple[int, ...], where: str) -> bytes:
        if not isinstance(uri, str):
            raise Invalid(f"{where}.BulkDataURI is to be a string")
        if self._fetch_bulk is None:
            raise Refused(f"{where} has a BulkDataURI, and bulk data is not fetched here")
        return self._fetch_bulk(uri, path, vr)

    def _items(self, tag: int, content: object, place: _Place, sets: tuple[str, ...]) -> bytes:
        where = f"{place.text}{tag:08X}"
        if content is None:
            return b""
        if not isinstance(content, list):
            raise Invalid(f"{where}.Value is to be an array of objects")
        if place.depth >= self._max_depth:
            raise Exhausted(f"{where} is more than max_depth={self._max_depth} sequences deep")
        out = []
        for index, item in enumerate(content):
            inside = _Place(f"{where}[{index}].", (*place.path, tag, index), place.depth + 1)
            data = self.data_set({} if item is None else item, inside, sets)
            out += [self._tag(0xFFFE, 0xE000), self._long(len(data)), data]
        return b"".join(out)

    def _head(self, tag: int, vr: str, length: int) -> bytes:
        head = self._tag(tag >> 16, tag & 0xFFFF)
        if self._is_implicit:
            return head + self._long(length)
        if vr in LONG_VRS:
            return head + vr.encode() + b"\0\0" + self._long(length)
        return head + vr.encode() + self._short(length)


def _inline(content: object, vr: str, where: str) -> bytes:
    if isinstance(content, list) and len(content) == 1:  # as the example in PS3.18 Section F.4 once had it
        content = content[0]
    if not isinstance(content, str) or vr not in BINARY_VRS:
        raise Invalid(f"{where}.InlineBinary is to be a base64 string, of a VR that is OB, OD, OF, OL, OV, OW or UN")
    try:
        return binascii.a2b_base64(content, strict_mode=True)
    except ValueError as error:
        raise Invalid(f"{where}.InlineBinary is to be base64 (RFC 4648)") from error


def _values(vr: str, content: object, where: str, sets: tuple[str, ...], is_little: bool) -> bytes:
    if content is None:
        return b""
    if not isinstance(content, list):
        raise Invalid(f"{where}.Value is to be an array")
    try:
        return value_bytes(vr, content, sets, is_little_endian=is_little)
    except BadValue as error:
        raise Invalid(f"{where}.Value{error}") from error
