"""Reading ranges of packs."""

import asyncio
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sagittal.archive.packs import reader
from sagittal.archive.packs.names import new_pack_id, pack_path
from sagittal.archive.packs.reader import PackReader
from sagittal.errors import Corrupt

CONTENT = os.urandom(3 << 20)


@pytest.fixture(params=["from the page cache", "by threads"])
async def packs(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[PackReader]:
    if request.param == "by threads":
        monkeypatch.setattr(reader, "_NOWAIT", 0)
    with ThreadPoolExecutor(2) as threads:
        opened = PackReader(tmp_path, threads, max_open=2)
        yield opened
        opened.close()


def new_pack(root: Path, content: bytes = CONTENT) -> str:
    pack_id = new_pack_id(1)
    path = pack_path(root, pack_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return pack_id


def open_files(root: Path) -> int:
    return sum(str(root) in os.readlink(link) for link in Path("/proc/self/fd").iterdir() if link.exists())


@pytest.mark.parametrize("length", [0, 1, (1 << 20) - 5, (1 << 20) - 4, 1 << 20])
async def test_a_range_is_read_to_a_place_after_other_bytes(packs: PackReader, tmp_path: Path, length: int) -> None:
    pack_id = new_pack(tmp_path)
    assert await packs.read(pack_id, 3, length, b"head:") == b"head:" + CONTENT[3 : 3 + length]
    assert await packs.read(pack_id, 3, length) == CONTENT[3 : 3 + length]


@pytest.mark.parametrize("length", [0, 1, 4096, 1 << 20, (1 << 20) + 1, 2 << 20])
async def test_a_range_is_what_stands_there(packs: PackReader, tmp_path: Path, length: int) -> None:
    pack_id = new_pack(tmp_path)
    assert await packs.read(pack_id, 777, length) == CONTENT[777 : 777 + length]


@pytest.mark.parametrize("length", [100, 2 << 20])
async def test_a_range_beyond_the_end_is_corrupt(packs: PackReader, tmp_path: Path, length: int) -> None:
    pack_id = new_pack(tmp_path)
    with pytest.raises(Corrupt):
        await packs.read(pack_id, len(CONTENT) - 50, length)
    with pytest.raises(Corrupt, match="not where it was put"):
        await packs.read(new_pack_id(1), 0, 1)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="looks at /proc")
async def test_few_packs_are_held_open_and_none_is_closed_under_a_reader(packs: PackReader, tmp_path: Path) -> None:
    ids = [new_pack(tmp_path, bytes([number]) * 3000) for number in range(20)]
    wanted = [*range(20), *range(20)]
    found = await asyncio.gather(*(packs.read(ids[number], 1000, 1000) for number in wanted))
    assert found == [bytes([number]) * 1000 for number in wanted]
    await asyncio.sleep(0)
    assert open_files(tmp_path) <= 2
    packs.forget(ids[19])
    assert open_files(tmp_path) <= 1
    assert await packs.read(ids[19], 0, 3) == bytes([19]) * 3


async def test_a_reader_that_gives_up_leaves_the_descriptor_to_the_thread(
    packs: PackReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    go, real = threading.Event(), reader._read_fully
    begun, ended, loop = asyncio.Event(), asyncio.Event(), asyncio.get_running_loop()
    seen: list[bytes] = []

    def slow(descriptor: int, offset: int, length: int) -> bytes:
        loop.call_soon_threadsafe(begun.set)
        go.wait(20)
        seen.append(real(descriptor, offset, length))
        loop.call_soon_threadsafe(ended.set)
        return seen[-1]

    monkeypatch.setattr(reader, "_NOWAIT", 0)
    monkeypatch.setattr(reader, "_read_fully", slow)
    pack_id = new_pack(tmp_path)
    task = asyncio.ensure_future(packs.read(pack_id, 5, 10))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    packs.forget(pack_id)
    go.set()
    await ended.wait()
    assert seen == [CONTENT[5:15]]


async def test_a_pack_that_grows_is_read_as_far_as_it_has_grown(packs: PackReader, tmp_path: Path) -> None:
    pack_id = new_pack(tmp_path, b"first")
    assert await packs.read(pack_id, 0, 5) == b"first"
    with pack_path(tmp_path, pack_id).open("ab") as file:
        file.write(b"second")
    assert await packs.read(pack_id, 5, 6) == b"second"
