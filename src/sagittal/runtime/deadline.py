"""A point in time after which nobody waits any more."""

import asyncio
import time
from typing import NamedTuple

from sagittal.errors import Exhausted


class Deadline(NamedTuple):
    """A moment of the monotonic clock.

    >>> Deadline.after(30).remaining_s() > 29
    True
    """

    at_s: float

    @classmethod
    def after(cls, timeout_s: float) -> "Deadline":
        """The moment `timeout_s` seconds from now."""
        return cls(time.monotonic() + timeout_s)

    def remaining_s(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self.at_s - time.monotonic())

    def check(self, doing: str) -> None:
        """Raises Exhausted when the moment has passed; `doing` says what was under way."""
        if time.monotonic() >= self.at_s:
            raise Exhausted(f"out of time while {doing}")

    def timeout(self) -> asyncio.Timeout:
        """An `async with` block that raises TimeoutError at the moment."""
        return asyncio.timeout(self.remaining_s())
