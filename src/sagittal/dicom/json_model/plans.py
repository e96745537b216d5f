"""What the head of an element means for the walk over a data set, worked out once for each head seen."""

import functools
import struct
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import NamedTuple

from sagittal.dicom import registry
from sagittal.dicom.dataset.elements import ITEM_DELIMITATION
from sagittal.dicom.dataset.layout import LONG_VRS
from sagittal.dicom.json_model.values import BINARY_VRS, TEXT_RENDERERS, plain_renderers, render_binary

CHARACTER_SET = 0x00080005
PIXEL_REPRESENTATION = 0x00280103


class Kind(IntEnum):
    """How the loop treats an element; the common ones first."""

    PLAIN = 0
    TEXT = 1
    NAME = 2
    BINARY = 3
    SEQUENCE = 4
    SKIPPED = 5
    UNKNOWN = 6
    CREATOR = 7
    CHARACTER_SET = 8
    PIXEL_REPRESENTATION = 9
    US_OR_SS = 10
    STRANGE = 11
    END = 12


class Plan(NamedTuple):
    """What the bytes of an element's head mean.

    Attributes:
        opening: the attribute's JSON text up to its value.
        has_long_length: explicit VR with a 32-bit length.
        render: for PLAIN, TEXT and NAME; the other kinds need to know more than the bytes.
    """

    tag: int
    vr: str
    opening: str
    kind: Kind
    has_long_length: bool
    render: Callable[..., str]  # of (bytes) for PLAIN, of (bytes, decoder) for TEXT and NAME


@functools.lru_cache(maxsize=8192)
def plan_of(tag: int, vr: str, is_little_endian: bool) -> Plan:
    kind, render = _kind_of(vr, is_little_endian)
    if tag & 0xFFFF == 0 or tag >> 16 in (0, 2):
        kind = Kind.SKIPPED
    elif tag >> 16 == 0xFFFE:
        kind = Kind.END if tag == ITEM_DELIMITATION else Kind.SKIPPED
    elif tag == CHARACTER_SET and kind is Kind.PLAIN:
        kind = Kind.CHARACTER_SET
    elif tag == PIXEL_REPRESENTATION and vr == "US":
        kind = Kind.PIXEL_REPRESENTATION
    elif registry.is_private_creator(tag) and vr in ("LO", "UN"):
        vr, kind, render = "LO", Kind.CREATOR, TEXT_RENDERERS["LO"]
    return Plan(tag, vr, f'"{tag:08X}":{{"vr":"{vr}"', kind, vr in LONG_VRS, render)


def _kind_of(vr: str, is_little_endian: bool) -> tuple[Kind, Callable[..., str]]:
    if (plain := plain_renderers(is_little_endian).get(vr)) is not None:
        return Kind.PLAIN, plain
    if (text := TEXT_RENDERERS.get(vr)) is not None:
        return (Kind.NAME if vr == "PN" else Kind.TEXT), text
    if vr == "SQ":
        return Kind.SEQUENCE, render_binary
    return (Kind.UNKNOWN if vr == "UN" else Kind.BINARY), render_binary


@functools.lru_cache(maxsize=8192)
def _explicit_little(head: bytes) -> Plan:
    group, element, code = struct.unpack("<HH2s", head.ljust(6, b"\0"))
    return _explicit_plan(group << 16 | element, code, is_little_endian=True)


@functools.lru_cache(maxsize=8192)
def _explicit_big(head: bytes) -> Plan:
    group, element, code = struct.unpack(">HH2s", head.ljust(6, b"\0"))
    return _explicit_plan(group << 16 | element, code, is_little_endian=False)


def _explicit_plan(tag: int, code: bytes, *, is_little_endian: bool) -> Plan:
    vr = code.decode("latin_1")
    if vr in plain_renderers(is_little_endian) or vr in TEXT_RENDERERS or vr in BINARY_VRS or vr == "SQ":
        return plan_of(tag, vr, is_little_endian)._replace(has_long_length=vr in LONG_VRS)
    if tag >> 16 == 0xFFFE:  # an Item or delimiter has no VR, and 32 bits of length in its place
        return plan_of(tag, "UN", is_little_endian)._replace(has_long_length=False)
    return Plan(tag, vr, "", Kind.STRANGE, False, render_binary)


@functools.lru_cache(maxsize=8192)
def _implicit_little(head: bytes) -> Plan:
    group, element = struct.unpack("<HH", head.ljust(4, b"\0"))
    return _implicit_plan(group << 16 | element, is_little_endian=True)


@functools.lru_cache(maxsize=8192)
def _implicit_big(head: bytes) -> Plan:
    group, element = struct.unpack(">HH", head.ljust(4, b"\0"))
    return _implicit_plan(group << 16 | element, is_little_endian=False)


def _implicit_plan(tag: int, *, is_little_endian: bool) -> Plan:
    plan = plan_of(tag, registry.vr_of(tag), is_little_endian)
    if registry.vr_choice(tag) == "US or SS":
        plan = plan._replace(kind=Kind.US_OR_SS)
    return plan._replace(has_long_length=False)


PLANNERS: Mapping[tuple[bool, bool], Callable[[bytes], Plan]] = {
    (False, True): _explicit_little,
    (False, False): _explicit_big,
    (True, True): _implicit_little,
    (True, False): _implicit_big,
}
