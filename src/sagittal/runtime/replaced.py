"""Files that somebody replaces while we run, as certificates are: nobody tells us, so we look."""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, TypeAlias

LOOK_S: Final = 2.0
"""How long between two looks, s."""

_State: TypeAlias = tuple[tuple[int, int, int] | None, ...]


async def keep_looking(paths: Iterable[Path], replaced: Callable[[], None], every_s: float = LOOK_S) -> None:
    """Calls `replaced` whenever one of the files is another than before, once two looks have found them the same.

    So a certificate whose key comes a moment later, or that is half written, is read when both are there.
    """
    files = tuple(paths)
    known = before = await asyncio.to_thread(_state, files)
    while True:
        await asyncio.sleep(every_s)
        now = await asyncio.to_thread(_state, files)
        if now == before != known:
            known = now
            replaced()
        before = now


def _state(paths: tuple[Path, ...]) -> _State:
    return tuple(map(_state_of, paths))


def _state_of(path: Path) -> tuple[int, int, int] | None:
    """What tells a file from another under its name; None where there is none. Links are followed."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
