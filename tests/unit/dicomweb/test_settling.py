import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from sagittal.archive.archive import Archive
from sagittal.dicomweb.kept_metadata import KeptMetadata, SeriesKey, state_of
from sagittal.dicomweb.metadata_text import packed_text
from sagittal.dicomweb.settling import FEWEST, Settler
from sagittal.runtime.pools import worker_pool
from support.archives import archive_at, instance, store

KEY = SeriesKey("1.1", "1.1.1")


class Watched(KeptMetadata):
    """Says when something is kept."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._written = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def write(self, key: SeriesKey, state: bytes, base_url: str, packed: bytes) -> None:
        super().write(key, state, base_url, packed)
        self._loop.call_soon_threadsafe(self._written.set)

    async def numbers(self, archive: Archive) -> list[int]:
        """The Instance Numbers in what is kept for the series as it is now, once something is kept."""
        async with asyncio.timeout(20):
            await self._written.wait()
        self._written.clear()
        text = self.read(KEY, state_of(await archive.locate(series="1.1.1")), "http://h")
        assert text is not None
        return [one["00200013"]["Value"][0] for one in json.loads(text)]


class Settling(NamedTuple):
    archive: Archive
    kept: Watched
    settler: Settler


@pytest.fixture
async def settling(tmp_path: Path) -> AsyncIterator[Settling]:
    """A settler that begins with the first event, not running yet."""
    async with archive_at(tmp_path / "data") as archive, worker_pool(1) as pool:
        kept = Watched(tmp_path)
        kept.write_cursor(0)
        yield Settling(archive, kept, Settler(archive, pool, kept, quiet_s=0.05))


@asynccontextmanager
async def running(settler: Settler) -> AsyncIterator[None]:
    task = asyncio.create_task(settler.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def store_series(archive: Archive, count: int, first: int = 1) -> None:
    numbers = range(first, first + count)
    await store(
        archive,
        *(
            instance(StudyInstanceUID="1.1", SeriesInstanceUID="1.1.1", SOPInstanceUID=f"1.1.1.{n}", InstanceNumber=n)
            for n in numbers
        ),
    )


async def test_a_series_at_rest_is_kept_and_kept_anew_when_it_grows(settling: Settling) -> None:
    archive, kept, settler = settling
    async with running(settler):
        await store_series(archive, FEWEST)
        assert await kept.numbers(archive) == list(range(1, FEWEST + 1))
        await store_series(archive, 1, first=FEWEST + 1)
        assert await kept.numbers(archive) == list(range(1, FEWEST + 2))


async def test_what_came_while_nobody_looked_is_caught_up_with(settling: Settling) -> None:
    archive, kept, settler = settling
    await store_series(archive, FEWEST)
    async with running(settler):
        assert len(await kept.numbers(archive)) == FEWEST


async def test_a_series_that_is_asked_for_is_kept(settling: Settling) -> None:
    archive, kept, settler = settling
    await store_series(archive, FEWEST)
    kept.write_cursor(await archive.newest_event())
    async with running(settler):
        settler.ask(KEY)
        assert len(await kept.numbers(archive)) == FEWEST


@pytest.mark.parametrize("key", [KEY, SeriesKey("9.9", "9.9.9")])
async def test_a_series_that_is_gone_or_short_is_let_go(settling: Settling, key: SeriesKey) -> None:
    archive, kept, settler = settling
    await store_series(archive, FEWEST - 1)
    kept.write(key, bytes(32), "", packed_text([], []))
    assert kept.read(key, bytes(32), "") == b"[]"
    await settler.settle(key)
    assert kept.read(key, bytes(32), "") is None
