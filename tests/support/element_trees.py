"""Data sets made up for tests: a small tree of elements, and an encoder that knows nothing of the code under test."""

import struct
import zlib
from dataclasses import dataclass, field

import hypothesis.strategies as st

LONG = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG = "1.2.840.10008.1.2.2"
JPEG = "1.2.840.10008.1.2.4.50"
SYNTAXES = (IMPLICIT, EXPLICIT, DEFLATED, BIG)


@dataclass
class Item:
    elements: list["Element"]
    undefined: bool = False


@dataclass
class Element:
    tag: int
    vr: str
    value: bytes = b""
    items: list[Item] | None = None
    undefined: bool = False
    children_implicit: bool = field(default=False)  # a UN sequence of PS3.5 Section 6.2.2


def _tag(tag: int, order: str) -> bytes:
    return struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)


def encode(elements: list[Element], *, implicit: bool, big: bool = False) -> bytes:
    return b"".join(encode_element(element, implicit=implicit, big=big) for element in elements)


def encode_value(element: Element, *, implicit: bool, big: bool = False) -> bytes:
    """The value field, a sequence's delimiter included."""
    if element.items is None:
        return element.value
    implicit, big = (True, False) if element.children_implicit else (implicit, big)
    order = ">" if big else "<"
    parts = []
    for item in element.items:
        body = encode(item.elements, implicit=implicit, big=big)
        if item.undefined:
            parts += [_tag(0xFFFEE000, order), b"\xff" * 4, body, _tag(0xFFFEE00D, order), bytes(4)]
        else:
            parts += [_tag(0xFFFEE000, order), struct.pack(order + "I", len(body)), body]
    if element.undefined:
        parts += [_tag(0xFFFEE0DD, order), bytes(4)]
    return b"".join(parts)


def encode_element(element: Element, *, implicit: bool, big: bool = False) -> bytes:
    order = ">" if big else "<"
    value = encode_value(element, implicit=implicit, big=big)
    length = 0xFFFFFFFF if element.undefined else len(value)
    head = _tag(element.tag, order)
    if implicit:
        head += struct.pack(order + "I", length)
    elif element.vr in LONG:
        head += element.vr.encode() + b"\0\0" + struct.pack(order + "I", length)
    else:
        head += element.vr.encode() + struct.pack(order + "H", length)
    return head + value


def encode_in(elements: list[Element], transfer_syntax_uid: str) -> bytes:
    data = encode(elements, implicit=transfer_syntax_uid == IMPLICIT, big=transfer_syntax_uid == BIG)
    if transfer_syntax_uid == DEFLATED:
        stream = zlib.compressobj(6, zlib.DEFLATED, -15)
        data = stream.compress(data) + stream.flush()
    return data


_VRS = ["AE", "CS", "DS", "IS", "LO", "PN", "SH", "UI", "US", "FD", "AT", "OB", "OW", "UN", "UT", "UC", "SV"]
_TAGS = st.one_of(
    st.sampled_from([0x00080005, 0x00080016, 0x00080018, 0x00100010, 0x0020000D, 0x00280008, 0x00091010, 0x60003000]),
    st.builds(lambda group, element: group << 16 | element, st.integers(8, 0x7FDF), st.integers(1, 0xFFFF)),
)
_VALUES = st.binary(max_size=40)
_leaf = st.builds(Element, tag=_TAGS, vr=st.sampled_from(_VRS), value=_VALUES)


def _sequences(children: st.SearchStrategy[Element]) -> st.SearchStrategy[Element]:
    items = st.lists(st.builds(Item, st.lists(children, max_size=4), st.booleans()), max_size=3)
    plain = st.builds(Element, tag=_TAGS, vr=st.just("SQ"), items=items, undefined=st.booleans())
    unknown = st.builds(
        Element, tag=_TAGS, vr=st.just("UN"), items=items, undefined=st.just(True), children_implicit=st.just(True)
    )
    return st.one_of(plain, unknown)


_element = st.recursive(_leaf, _sequences, max_leaves=12)


def _ordered(elements: list[Element]) -> list[Element]:
    return sorted({element.tag: element for element in elements}.values(), key=lambda element: element.tag)


data_sets = st.lists(_element, max_size=12).map(_ordered)
"""Data sets without pixel data: unique tags in rising order, sequences of every length form, private tags."""

pixels = st.sampled_from(
    [
        None,
        Element(0x7FE00010, "OW", bytes(range(64))),
        Element(0x7FE00008, "OF", bytes(64)),
        Element(0x7FE00009, "OD", bytes(64)),
    ]
)
