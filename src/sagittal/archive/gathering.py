"""Waiting a moment for more to commit, where several senders are at work."""

import time
from collections.abc import Callable, Iterable
from typing import Final

from sagittal.runtime.actor import Actor

PAUSE_S: Final = 0.0001
"""Of waiting: about as long as a sender takes from an answer to the end of its next small instance."""
_REMEMBERED: Final = 16  # senders
_BATCHES: Final = 32  # without a sign of several senders, after which there is one


class Gathering:
    """Knows whether instances of several senders come in turns. Belongs to one thread.

    Committed one by one, the instances of several senders cost a quarter more than in batches: each transaction writes
    the same pages of the index again, and the two threads pass the interpreter to and fro. So where senders take turns
    a batch waits a moment for the others. One sender alone never waits: it sends no more before it has its answer.
    """

    def __init__(self, wait: Callable[[float], object] = time.sleep) -> None:
        self._wait = wait
        self._recent: list[Actor] = []  # the last one that sent is the last
        self._left = 0

    def pause(self) -> None:
        """Waits, if it is likely that more comes."""
        if self._left:
            self._left -= 1
            self._wait(PAUSE_S)

    def saw(self, senders: Iterable[Actor]) -> None:
        """Notes whose instances were in a batch: each association or request has its own Actor."""
        recent = self._recent
        for sender in senders:
            if recent and recent[-1] is sender:
                continue
            before = [one for one in recent if one is not sender]
            if len(before) < len(recent):  # it came before, and another between
                self._left = _BATCHES
            recent = [*before[1 - _REMEMBERED :], sender]
        self._recent = recent
