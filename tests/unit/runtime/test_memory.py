import asyncio
import sys

import pytest

from sagittal.runtime.memory import GivingBack, give_back

_CHUNK_BYTES = 100_000  # below what malloc maps by itself


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's heap")
def test_holes_in_the_heap_are_given_back() -> None:
    chunks = [bytearray(_CHUNK_BYTES) for _ in range(200)]
    del chunks[::2]
    assert give_back()
    assert not any(map(any, chunks))


async def test_memory_is_given_back_once_when_work_has_ended() -> None:
    given = asyncio.Event()
    count = 0
    loop = asyncio.get_running_loop()

    def give() -> None:
        nonlocal count
        count += 1
        loop.call_soon_threadsafe(given.set)

    giving = GivingBack(0.05, give)
    for _ in range(3):
        giving.worked()
    async with asyncio.timeout(10):
        await given.wait()
    assert count == 1
