"""Which fragments make up which frame (PS3.5 Section A.4).

A group is told by the index of each frame's first fragment. Every function here answers None when its way of telling
does not hold for the value at hand, so that the next one is asked.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence

# Codestreams begin with one of these: JPEG and JPEG-LS SOI, JPEG 2000 SOC SIZ, JP2 and JPEG XL boxes, JPEG XL bare
_STARTS = (
    b"\xff\xd8\xff",
    b"\xff\x4f\xff\x51",
    b"\x00\x00\x00\x0cjP  \r\n\x87\n",
    b"\x00\x00\x00\x0cJXL \r\n\x87\n",
    b"\xff\x0a",
)
_END = b"\xff\xd9"  # EOI of JPEG, EOC of JPEG 2000

HEAD_BYTES = 12
"""So many first bytes of a fragment are looked at, and as many last ones, where padding may follow the end marker."""

IS_START, IS_END = 1, 2


def marks(first_bytes: bytes, last_bytes: bytes) -> int:
    """Whether a fragment begins (IS_START) and ends (IS_END) a codestream, as far as its bytes tell."""
    return IS_START * first_bytes.startswith(_STARTS) | IS_END * (_END in last_bytes)


def by_offsets(table: Iterable[int], starts: Sequence[int]) -> Sequence[int] | None:
    """By an offset table: each entry is where a frame's first item begins.

    Args:
        table: offsets from the first item after the Basic Offset Table, one for each frame.
        starts: where each fragment's item begins, counted likewise, rising.

    Returns:
        None if the entries do not begin with 0, do not rise, or point anywhere but at an item.
    """
    firsts = array("I")
    fragment = -1
    for offset in table:
        at = bisect_left(starts, offset, fragment + 1)
        if at == len(starts) or starts[at] != offset or (at == 0) != (fragment == -1):
            return None
        firsts.append(at)
        fragment = at
    return firsts


def by_count(frames: int, fragments: int) -> Sequence[int] | None:
    """By number: all fragments are one frame, or each is one."""
    if frames == 1 and fragments:
        return (0,)
    return range(fragments) if frames == fragments else None


def by_marks(frames: int, marked: bytes | bytearray) -> Sequence[int] | None:
    """By where codestreams begin, or else end, if there are as many as frames."""
    starts = array("I", (index for index, mark in enumerate(marked) if mark & IS_START))
    if len(starts) == frames and starts and starts[0] == 0:
        return starts
    after_ends = array("I", [0])
    after_ends.extend(index + 1 for index, mark in enumerate(marked[:-1]) if mark & IS_END)
    return after_ends if len(after_ends) == frames and marked else None
