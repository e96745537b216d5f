"""Syncing the packs of a batch: one after the other on a fast disk, all at once on a slow one."""

import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

from sagittal.archive.packs.writer import PackWriter
from sagittal.errors import Exhausted, SagittalError

SLOW_S = 0.001
"""Of one sync on average, from which on threads pay: the file system then joins their syncs into one of its own."""
_WEIGHT = 1 / 16  # of the newest sync in the average
_THREADS = 8


class Syncs:
    """Remembers how long syncs take. Belongs to one thread."""

    def __init__(self) -> None:
        self._average_s = 0.0
        self._threads: ThreadPoolExecutor | None = None

    def sync(self, packs: Collection[PackWriter]) -> dict[PackWriter, SagittalError]:
        """Waits until all `packs` are on the medium; those that failed, with the reason."""
        begun = time.perf_counter()
        if len(packs) > 1 and self._average_s > SLOW_S:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="sagittal-sync")
            outcomes = list(self._threads.map(_outcome, packs))
            each = time.perf_counter() - begun
        else:
            outcomes = [_outcome(pack) for pack in packs]
            each = (time.perf_counter() - begun) / max(1, len(packs))
        self._average_s += (each - self._average_s) * _WEIGHT
        return {pack: error for pack, error in zip(packs, outcomes, strict=True) if error is not None}

    def close(self) -> None:
        """Ends the threads."""
        if self._threads is not None:
            self._threads.shutdown(wait=True)


def _outcome(pack: PackWriter) -> SagittalError | None:
    try:
        pack.sync()
    except Exhausted as error:
        return error
    return None
