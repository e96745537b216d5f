import asyncio
import re
import subprocess
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


_MANY = """
import ctypes, sys, threading
from sagittal.runtime.memory import share_arenas
if sys.argv[1] == "shared":
    assert share_arenas()
libc = ctypes.CDLL(None)
at_once = threading.Barrier(6)
def take():
    at_once.wait()
    libc.malloc(1000)
    at_once.wait()
threads = [threading.Thread(target=take) for _ in range(6)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc.malloc_stats()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's heap")
def test_threads_share_two_heaps() -> None:
    def heaps(how: str) -> int:
        told = subprocess.run([sys.executable, "-c", _MANY, how], capture_output=True, text=True, check=True).stderr
        return len(re.findall(r"^Arena \d+:", told, re.MULTILINE))

    assert heaps("own") > 2
    assert heaps("shared") == 2


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
