"""Worker processes under work that misbehaves."""

import asyncio
import os
import signal
import struct
import time
from collections.abc import AsyncIterator

import pytest

from sagittal.errors import Exhausted, Invalid
from sagittal.imaging.codecs import decode_frame
from sagittal.imaging.pixels import FrameShape
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.pools import Crashed, WorkerPool
from sagittal.runtime.worker import WorkFailed


@pytest.fixture
async def pool() -> AsyncIterator[WorkerPool]:
    made = WorkerPool(1, memory_bytes=256 * 1024**2)
    yield made
    await made.close()


def soon() -> Deadline:
    return Deadline.after(30)


async def test_work_is_done_in_another_process(pool: WorkerPool) -> None:
    first = await pool.run(os.getpid, deadline=soon())
    assert first != os.getpid()
    assert await pool.run(os.getpid, deadline=soon()) == first


async def test_large_data_go_there_and_back(pool: WorkerPool) -> None:
    data = os.urandom(3_000_000)
    assert await pool.run(bytes, data, deadline=soon()) == data


async def test_work_that_hangs_is_killed_and_the_next_is_done(pool: WorkerPool) -> None:
    await pool.run(os.getpid, deadline=soon())
    with pytest.raises(Exhausted, match="out of time in sleep"):
        await pool.run(time.sleep, 60, deadline=Deadline.after(0.1))
    assert pool.processes == 0
    assert await pool.run(len, b"abc", deadline=soon()) == 3


async def test_work_that_crashes_costs_one_request(pool: WorkerPool) -> None:
    with pytest.raises(Crashed, match="SIGABRT"):
        await pool.run(os.abort, deadline=soon())
    with pytest.raises(Crashed, match="SIGSEGV"):
        await pool.run(signal.raise_signal, signal.SIGSEGV, deadline=soon())
    assert await pool.run(len, b"abc", deadline=soon()) == 3


async def test_work_that_eats_memory_is_refused_it(pool: WorkerPool) -> None:
    with pytest.raises(Exhausted, match="memory"):
        await pool.run(bytes, 1 << 30, deadline=soon())
    assert await pool.run(len, b"abc", deadline=soon()) == 3


async def test_work_whose_caller_goes_away_is_stopped(pool: WorkerPool) -> None:
    await pool.run(os.getpid, deadline=soon())
    task = asyncio.create_task(pool.run(time.sleep, 60, deadline=soon()))
    while not pool._busy:  # noqa: ASYNC110  # nothing is told to those outside
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert pool.processes == 0


async def test_our_errors_come_back_as_they_were(pool: WorkerPool) -> None:
    with pytest.raises(Invalid, match="1 to 65535 rows"):
        await pool.run(decode_frame, b"", FrameShape(rows=0, columns=1), deadline=soon())


async def test_other_errors_come_back_without_their_text(pool: WorkerPool) -> None:
    with pytest.raises(WorkFailed) as caught:
        await pool.run(struct.unpack, "secret", b"", deadline=soon())
    assert "secret" not in str(caught.value)


async def test_no_more_processes_than_asked_for_and_waiting_has_its_deadline() -> None:
    pool = WorkerPool(2)
    try:
        pids = await asyncio.gather(*(pool.run(os.getpid, deadline=soon()) for _ in range(20)))
        assert len(set(pids)) <= 2
        long = [asyncio.create_task(pool.run(time.sleep, 20, deadline=soon())) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Exhausted):
            await pool.run(len, b"", deadline=Deadline.after(0.05))
        for task in long:
            task.cancel()
        await asyncio.gather(*long, return_exceptions=True)
    finally:
        await pool.close()


async def test_a_worker_that_has_nothing_to_do_is_ended() -> None:
    pool = WorkerPool(1, idle_s=0.0)
    first = await pool.run(os.getpid, deadline=soon())
    async with soon().timeout():
        while pool.processes:  # noqa: ASYNC110  # nothing is told to those outside
            await asyncio.sleep(0)
    assert await pool.run(os.getpid, deadline=soon()) != first
    await pool.close()
