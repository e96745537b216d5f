"""Bytes that may be held without a copy, and bytes that may not."""

from typing import TypeAlias

Buffer: TypeAlias = bytes | bytearray | memoryview

_MAX_PINNED = 4
"""A view is held only if what it keeps alive is at most this many times as large."""


def stable(data: Buffer) -> bytes | memoryview:
    """The same bytes in a form that nobody will change: `data` itself if it is so, else a copy.

    A small view of a large object is copied too: it would keep the whole object in memory.

    >>> whole = bytes(100)
    >>> stable(whole) is whole, type(stable(memoryview(whole)[10:20])), type(stable(bytearray(3)))
    (True, <class 'bytes'>, <class 'bytes'>)
    """
    if type(data) is bytes:
        return data
    if type(data) is memoryview and type(data.obj) is bytes and data.nbytes * _MAX_PINNED >= len(data.obj):
        return data if data.format == "B" and data.ndim == 1 else data.cast("B")
    return bytes(data)
