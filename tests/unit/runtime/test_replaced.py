"""Files that somebody replaces while we run."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from sagittal.runtime.replaced import keep_looking


@asynccontextmanager
async def looked_at(paths: Iterable[Path]) -> AsyncIterator[asyncio.Queue[str]]:
    """What was told while files are looked at."""
    told: asyncio.Queue[str] = asyncio.Queue()
    task = asyncio.create_task(keep_looking(paths, lambda: told.put_nowait("replaced"), every_s=0.01))
    await asyncio.sleep(0.05)
    yield told
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def replaced(told: asyncio.Queue[str]) -> bool:
    async with asyncio.timeout(30):
        return await told.get() == "replaced"


async def test_a_file_that_is_written_anew_moved_there_or_linked_elsewhere_is_told(tmp_path: Path) -> None:
    one, other, link = tmp_path / "one", tmp_path / "other", tmp_path / "link"
    one.write_text("a")
    link.symlink_to(one)
    async with looked_at([link]) as told:
        one.write_text("b of another length")
        assert await replaced(told)
        other.write_text("c")
        other.replace(one)
        assert await replaced(told)
        new = tmp_path / "new"
        new.write_text("d")
        link.unlink()
        link.symlink_to(new)
        assert await replaced(told)


async def test_what_stays_is_not_told(tmp_path: Path) -> None:
    one = tmp_path / "one"
    one.write_text("a")
    async with looked_at([one, tmp_path / "not there"]) as told:
        assert one.read_text() == "a"
        (tmp_path / "not there").write_text("now it is")
        assert await replaced(told)
    assert told.empty()
