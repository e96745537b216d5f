"""Finished answers that are likely to be asked for again."""

from collections import OrderedDict
from collections.abc import Hashable


class BytesCache:
    """The most recently used values, up to a number of bytes in all.

    >>> cache = BytesCache(10)
    >>> cache.put("a", b"123456"); cache.put("b", b"123456")
    >>> cache.get("a"), cache.get("b")
    (None, b'123456')
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._values: OrderedDict[Hashable, bytes] = OrderedDict()
        self._size = 0

    def get(self, key: Hashable) -> bytes | None:
        """The value, None if it is not here (any more)."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: Hashable, value: bytes) -> None:
        """Keeps the value, letting go of what was used longest ago; a value larger than the cache is not kept."""
        self._size -= len(self._values.pop(key, b""))
        if len(value) > self.max_bytes:
            return
        self._values[key] = value
        self._size += len(value)
        while self._size > self.max_bytes:
            _, oldest = self._values.popitem(last=False)
            self._size -= len(oldest)
