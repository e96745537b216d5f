"""What a loop over the elements of one level is to look for."""

import functools
from collections.abc import Iterable
from typing import Final, NamedTuple

from sagittal.dicom.dataset.elements import (
    EXTENDED_OFFSET_TABLE,
    EXTENDED_OFFSET_TABLE_LENGTHS,
    ITEM,
    ITEM_DELIMITATION,
    PIXEL_TAGS,
    SEQUENCE_DELIMITATION,
)
from sagittal.dicom.registry import vr_of

SIEVE_SIZE: Final = 4096

_DELIMITERS = (ITEM, ITEM_DELIMITATION, SEQUENCE_DELIMITATION)
_STOP = 0


class Plan(NamedTuple):
    """What to look for at one level.

    Attributes:
        tags: by tag key: the tag of a wanted element, or 0: stop in front of it.
        vrs: dictionary VR of each wanted tag, for Implicit VR.
        sieve: 0 at `(key ^ key >> 13) % SIEVE_SIZE` if `key` is not in `tags`; 1 if it may be.
    """

    tags: dict[int, int]
    vrs: dict[int, str]
    sieve: bytes


@functools.lru_cache(maxsize=64)
def top_level_plan(wanted: frozenset[int], is_little_endian: bool) -> Plan:
    """The plan for the top level: wanted tags and the Extended Offset Table are kept, pixel data stops."""
    tags = wanted.union((EXTENDED_OFFSET_TABLE, EXTENDED_OFFSET_TABLE_LENGTHS)).difference(PIXEL_TAGS, _DELIMITERS)
    keys = {_key(tag, is_little_endian): tag for tag in tags}
    keys |= {_key(tag, is_little_endian): _STOP for tag in (*PIXEL_TAGS, *_DELIMITERS)}
    return Plan(keys, {tag: vr_of(tag) for tag in tags}, _sieve(keys))


@functools.lru_cache(maxsize=2)
def nested_plan(is_little_endian: bool) -> Plan:
    """The plan inside items: nothing is kept, delimiters stop."""
    keys = {_key(tag, is_little_endian): _STOP for tag in _DELIMITERS}
    return Plan(keys, {}, _sieve(keys))


def _key(tag: int, is_little_endian: bool) -> int:
    return (tag & 0xFFFF) << 16 | tag >> 16 if is_little_endian else tag


def _sieve(keys: Iterable[int]) -> bytes:
    sieve = bytearray(SIEVE_SIZE)
    for key in keys:
        sieve[(key ^ key >> 13) % SIEVE_SIZE] = 1
    return bytes(sieve)
