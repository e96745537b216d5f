"""The two tight loops over the elements of one level, and what they are to look for.

Everything in here is for speed: a loop steps over plain elements, keeps what is wanted and small, and stops in front of
whatever needs thought (pixel data, undefined length, delimiters, odd VRs, a head or value that is not all there).
"""

import functools
from collections.abc import Mapping
from itertools import repeat
from operator import length_hint
from struct import error as StructError  # noqa: N812 it is a class
from typing import NamedTuple

from sagittal.dicom.dataset.elements import (
    EXTENDED_OFFSET_TABLE,
    EXTENDED_OFFSET_TABLE_LENGTHS,
    ITEM,
    ITEM_DELIMITATION,
    PIXEL_TAGS,
    SEQUENCE_DELIMITATION,
    UNDEFINED_LENGTH,
    RawElement,
)
from sagittal.dicom.dataset.layout import Layout
from sagittal.dicom.registry import vr_of

SMALL_BYTES = 65536
"""A wanted value up to this size is kept by the loops; a bigger one is counted first."""

_DELIMITERS = (ITEM, ITEM_DELIMITATION, SEQUENCE_DELIMITATION)
_STOP = 0
_new = tuple.__new__


class Plan(NamedTuple):
    """What to look for at one level.

    Attributes:
        tags: by tag key: the tag of a wanted element, or 0: stop in front of it.
        vrs: dictionary VR of each wanted tag, for Implicit VR.
    """

    tags: Mapping[int, int]
    vrs: Mapping[int, str]


@functools.lru_cache(maxsize=64)
def top_level_plan(wanted: frozenset[int], is_little_endian: bool) -> Plan:
    """The plan for the top level: wanted tags and the Extended Offset Table are kept, pixel data stops."""
    tags = wanted.union((EXTENDED_OFFSET_TABLE, EXTENDED_OFFSET_TABLE_LENGTHS)).difference(PIXEL_TAGS, _DELIMITERS)
    keys = {_key(tag, is_little_endian): tag for tag in tags}
    stops = {_key(tag, is_little_endian): _STOP for tag in (*PIXEL_TAGS, *_DELIMITERS)}
    return Plan(keys | stops, {tag: vr_of(tag) for tag in tags})


@functools.lru_cache(maxsize=2)
def nested_plan(is_little_endian: bool) -> Plan:
    """The plan inside items: nothing is kept, delimiters stop."""
    return Plan({_key(tag, is_little_endian): _STOP for tag in _DELIMITERS}, {})


def _key(tag: int, is_little_endian: bool) -> int:
    return (tag & 0xFFFF) << 16 | tag >> 16 if is_little_endian else tag


def skim_explicit(
    data: bytes, at: int, room: int, layout: Layout, plan: Plan, elements: dict[int, RawElement]
) -> tuple[int, int]:
    """Steps over plain Explicit VR elements from `at` on, putting wanted ones into `elements`.

    At most `room` elements are looked at. Returns where it stopped, which may be behind the end of `data` if the rest
    is to be skipped, and how many elements it stepped over.
    """
    head, long_length, short, long, tags = layout.explicit, layout.long_length, layout.short, layout.long, plan.tags
    end = len(data)
    budget = repeat(None, room)
    try:
        for _ in budget:
            key, code, length = head(data, at)
            if code in short:
                stop = at + 8 + length
                if key in tags:
                    if stop > end or not tags[key]:
                        break
                    elements[tags[key]] = _new(RawElement, (short[code], data[at + 8 : stop]))
            elif code in long:
                (length,) = long_length(data, at + 8)
                stop = at + 12 + length
                if length == UNDEFINED_LENGTH:
                    break
                if key in tags:
                    if stop > end or not tags[key] or length > SMALL_BYTES:
                        break
                    elements[tags[key]] = _new(RawElement, (long[code], data[at + 12 : stop]))
            else:
                break
            at = stop
        else:
            return at, room
    except StructError:
        pass  # the end of `data`: cheaper to run into than to look out for
    return at, room - length_hint(budget) - 1


def skim_implicit(
    data: bytes, at: int, room: int, layout: Layout, plan: Plan, elements: dict[int, RawElement]
) -> tuple[int, int]:
    """As `skim_explicit`, for Implicit VR."""
    head, tags, vrs, end = layout.implicit, plan.tags, plan.vrs, len(data)
    budget = repeat(None, room)
    try:
        for _ in budget:
            key, length = head(data, at)
            stop = at + 8 + length
            if key in tags:
                tag = tags[key]
                if stop > end or not tag or length > SMALL_BYTES:
                    break
                elements[tag] = _new(RawElement, (vrs[tag], data[at + 8 : stop]))
            elif length == UNDEFINED_LENGTH:
                break
            at = stop
        else:
            return at, room
    except StructError:
        pass
    return at, room - length_hint(budget) - 1
