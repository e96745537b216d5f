"""Whether a peer keeps up: idle between messages, and a least rate in the middle of one. Pure: it is told the time."""

from typing import Final

import msgspec


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """What a peer may take its time for.

    Attributes:
        idle_s: silence between messages, seconds.
        min_rate_bytes_s: least bytes per second in the middle of a message, either way; at least one byte a window.
        window_s: over how long the rate is taken, seconds.
    """

    idle_s: float = 600.0
    min_rate_bytes_s: int = 100
    window_s: float = 30.0


class Flow:
    """Bytes that are due to move one way, and since when."""

    def __init__(self) -> None:
        self.is_due = False
        self._since = 0.0
        self._base = 0

    def start(self, now: float, total: int) -> None:
        """From now on bytes are due; `total` have moved so far."""
        if not self.is_due:
            self.is_due, self._since, self._base = True, now, total

    def stop(self) -> None:
        """Nothing is due."""
        self.is_due = False

    def is_slow(self, now: float, total: int, pace: Pace) -> bool:
        """Whether too little moved in the window that ends now; opens the next window if not."""
        elapsed = now - self._since
        if not self.is_due or elapsed < pace.window_s:
            return False
        if total - self._base < max(1.0, pace.min_rate_bytes_s * elapsed):
            return True
        self._since, self._base = now, total
        return False

    def next_look(self, pace: Pace) -> float | None:
        """When the window under way ends."""
        return self._since + pace.window_s if self.is_due else None


_FAR: Final = 3600.0


class Watch:
    """Watches one association.

    Attributes:
        inward, outward: what the peer owes us, and what it is to take from us.
        is_waiting: we wait for the peer's next message.
    """

    def __init__(self, pace: Pace, now: float) -> None:
        self.pace = pace
        self.inward, self.outward = Flow(), Flow()
        self.is_waiting = False
        self._quiet_since = now

    def rest(self, now: float) -> None:
        """We have begun to wait for the peer's next message."""
        self.is_waiting, self._quiet_since = True, now

    def stop(self) -> None:
        """Nothing is expected of the peer any more."""
        self.is_waiting = False
        self.inward.stop()
        self.outward.stop()

    def next_look(self, now: float) -> float:
        """When to ask for a verdict next."""
        looks = [look for flow in (self.inward, self.outward) if (look := flow.next_look(self.pace)) is not None]
        if self.is_waiting and not looks:
            looks = [self._quiet_since + self.pace.idle_s]
        return min(looks, default=now + _FAR)

    def verdict(self, now: float, received: int, taken: int) -> str | None:
        """Why the association should end now; None if it should not.

        Args:
            now: the moment.
            received: bytes that came in so far.
            taken: bytes of ours that the peer took so far.
        """
        for flow, total, word in ((self.inward, received, "sends"), (self.outward, taken, "takes")):
            if flow.is_slow(now, total, self.pace):
                return f"the peer {word} less than {self.pace.min_rate_bytes_s} bytes/s in the middle of a message"
        if self.is_waiting and not self.inward.is_due and now - self._quiet_since >= self.pace.idle_s:
            return f"nothing was said for {self.pace.idle_s:g} s"
        return None
