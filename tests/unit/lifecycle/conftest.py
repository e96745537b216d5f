from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from sagittal.archive.archive import Archive
from support.puts import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def opened(tmp_path: Path, clock: Clock) -> AsyncIterator[Callable[..., Archive]]:
    archives: list[Archive] = []

    def open_archive(**how: object) -> Archive:
        archives.append(Archive.open(tmp_path, clock=clock, **how))  # type: ignore[arg-type]  # as Archive.open
        return archives[-1]

    yield open_archive
    for archive in archives:
        await archive.close()
