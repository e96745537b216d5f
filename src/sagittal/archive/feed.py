"""The change feed's wake-up: those who wait for a change are told, nobody polls."""

import asyncio

from sagittal.runtime.deadline import Deadline


class Feed:
    """Knows the number of the newest event. Belongs to one event loop."""

    def __init__(self, newest: int) -> None:
        """`newest`: the number of the last event that is committed."""
        self.newest = newest
        self._waiting: dict[asyncio.Future[None], int] = {}

    def published(self, seq: int) -> None:
        """Events up to `seq` are committed."""
        if seq <= self.newest:
            return
        self.newest = seq
        for future, after in tuple(self._waiting.items()):
            if after < seq and not future.done():
                future.set_result(None)

    async def changed(self, after: int, deadline: Deadline) -> bool:
        """Waits until there is an event beyond `after`: True; False if the deadline passed first."""
        if self.newest > after:
            return True
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[future] = after
        try:
            async with deadline.timeout():
                await future
        except TimeoutError:
            return False
        finally:
            del self._waiting[future]
        return True
