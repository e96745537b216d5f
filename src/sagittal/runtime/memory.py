"""Memory that a burst of work took and nobody needs any more."""

import asyncio
import ctypes
from collections.abc import Callable
from functools import cache


@cache
def _libc() -> ctypes.CDLL | None:
    try:
        libc = ctypes.CDLL(None)
    except OSError:
        return None
    return libc if hasattr(libc, "malloc_trim") else None  # glibc only


_M_ARENA_MAX = -8  # mallopt(3)
_ARENAS = 2


def share_arenas() -> bool:
    """Has all threads take memory from two heaps; True if they will. To be called before there are any.

    glibc gives each thread one of its own, up to eight a processor, and what a thread let go stays in its heap.
    """
    libc = _libc()
    return libc is not None and bool(libc.mallopt(_M_ARENA_MAX, _ARENAS))


def give_back() -> bool:
    """Gives free pages of the heap back to the system; True if some were. Takes up to 50 ms, without the GIL.

    The buffers of large objects leave holes that glibc keeps: after 12,000 instances came in, 40 of 200 MB.
    """
    libc = _libc()
    return libc is not None and bool(libc.malloc_trim(0))


class GivingBack:
    """Gives memory back once nothing was worked on for a while. Belongs to one event loop."""

    def __init__(self, rest_s: float = 3.0, give: Callable[[], object] = give_back) -> None:
        """`rest_s`: how long nothing has to be worked on."""
        self._rest_s = rest_s
        self._give = give
        self._worked = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def worked(self) -> None:
        """Something was worked on just now."""
        loop = asyncio.get_running_loop()
        self._worked = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(self._rest_s, self._look)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() < self._worked + self._rest_s:
            self._timer = loop.call_at(self._worked + self._rest_s, self._look)
            return
        self._timer = None
        loop.run_in_executor(None, self._give)
