"""A timer that costs nothing while it is not needed."""

import asyncio
from collections.abc import Callable


class Alarm:
    """Calls once, not later than it was last set to; it may call earlier, and is then set again."""

    def __init__(self, loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
        self._loop = loop
        self._call = call
        self._handle: asyncio.TimerHandle | None = None
        self._at = 0.0  # uvloop's handles do not all tell it

    def is_due_by(self, at: float) -> bool:
        """Whether it calls at the moment `at` or before."""
        return self._handle is not None and self._at <= at

    def set(self, at: float) -> None:
        """Has it call at the moment `at` of the loop's clock, or before."""
        if self._handle is not None:
            if self._at <= at:
                return
            self._handle.cancel()
        self._at = at
        self._handle = self._loop.call_at(at, self._ring)

    def cancel(self) -> None:
        """It does not call any more."""
        if self._handle is not None:
            self._handle.cancel()

    def _ring(self) -> None:
        self._handle = None
        self._call()
