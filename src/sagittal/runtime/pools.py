"""Worker processes that can be killed: for work on bytes from outside, which may hang, crash or eat all memory.

await pool.run(function, *args, deadline=...)
  └─ a free worker, else one is started (`forking`)
      └─ pickle over a socket pair, both ways; no thread, the event loop moves the bytes
          ├─ answer          the worker is free again
          ├─ out of time     the worker is killed       Exhausted
          ├─ caller gone     the worker is killed
          └─ worker died     another takes its place    Crashed
"""

import asyncio
import contextlib
import os
import pickle
import signal
import socket
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple, TypeVar, TypeVarTuple

from sagittal.errors import Exhausted, Invalid
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.forking import Child, nursery
from sagittal.runtime.log import get_logger
from sagittal.runtime.worker import HEAD

log = get_logger(__name__)

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")

MEMORY_BYTES = 3 * 1024**3
"""Of address space that one task may take beside what its process begins with."""

_MAX_MESSAGE_BYTES = 2 * 1024**3
_GRACE_S = 5.0
_CLOCK_RESOLUTION_S = 0.01
IDLE_S = 10.0
"""How long a worker without work is kept: it holds 20 MB of its own, and another is forked in 20 ms."""


class Crashed(Invalid):
    """The work ended its process, which is taken for the fault of what it was given."""


class _Worker(NamedTuple):
    process: Child
    socket: socket.socket

    def kill(self) -> None:
        self.socket.close()
        self.process.kill()

    def reap(self) -> int:
        self.socket.close()
        return self.process.reap()


class _Idle(NamedTuple):
    worker: _Worker
    since: float  # by the event loop's clock


class WorkerPool:
    """Up to `workers` processes, each started when it is needed and ended when it has been idle for a while.

    Belongs to one event loop; is closed by whoever made it.
    """

    def __init__(self, workers: int | None = None, *, memory_bytes: int = MEMORY_BYTES, idle_s: float = IDLE_S) -> None:
        """Args:
        workers: processes at a time; None for one on each processor.
        memory_bytes: of address space for one task.
        idle_s: after which a worker without work is ended.
        """
        self._memory_bytes = memory_bytes
        self._idle_s = idle_s
        self._idle: list[_Idle] = []  # those that have been idle for longest first
        self._timer: asyncio.TimerHandle | None = None
        self._busy: set[_Worker] = set()
        self._slots = asyncio.Semaphore(workers or os.cpu_count() or 1)
        self._is_closed = False

    @property
    def processes(self) -> int:
        """How many are running."""
        return len(self._idle) + len(self._busy)

    async def run(self, function: Callable[[*Arguments], Result], *args: *Arguments, deadline: Deadline) -> Result:
        """What `function(*args)` returns in a worker; function, arguments and result are such as pickle takes.

        Raises:
            SagittalError: as the function raised it.
            Exhausted: out of time, waiting for a worker included, or out of memory.
            Crashed: the worker died of it.
            WorkFailed: the function raised an error that is not ours.
        """
        task = _Pieces()
        pickle.dump((function, args, deadline.remaining_s() + _GRACE_S), task, protocol=5)
        try:
            async with deadline.timeout(), self._slots:
                answer = await self._ask(task)
        except TimeoutError as error:
            raise Exhausted(f"out of time in {_named(function)}") from error
        result, failure = pickle.loads(answer)  # noqa: S301  # written by our own worker
        if failure is not None:
            raise failure
        return result  # type: ignore[no-any-return]  # what the function returned

    async def close(self) -> None:
        """Ends all workers; what is under way fails."""
        self._is_closed = True
        workers = [*(idle.worker for idle in self._idle), *self._busy]
        self._idle.clear()
        if self._timer is not None:
            self._timer.cancel()
        for worker in workers:
            await asyncio.to_thread(worker.reap)

    async def _ask(self, task: "_Pieces") -> bytearray:
        if self._is_closed:
            raise Exhausted("shutting down")
        worker = self._idle.pop().worker if self._idle else await self._started()
        self._busy.add(worker)
        try:
            answer = await _exchanged(worker.socket, task)
        except (OSError, EOFError) as error:
            code = await asyncio.to_thread(worker.reap)
            log.warning("worker died", exit_code=code)
            raise Crashed(f"the work on it ended its process ({_ending(code)})") from error
        except BaseException:
            worker.kill()
            raise
        else:
            self._rest(worker)
            return answer
        finally:
            self._busy.discard(worker)

    async def _started(self) -> _Worker:
        """A new worker; kept for others if the caller goes away meanwhile."""
        starting = asyncio.ensure_future(asyncio.to_thread(self._start))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            starting.add_done_callback(self._adopt)
            raise

    def _adopt(self, starting: asyncio.Future[_Worker]) -> None:
        if starting.cancelled() or starting.exception() is not None:
            return
        if self._is_closed:
            starting.result().kill()
        else:
            self._rest(starting.result())

    def _rest(self, worker: _Worker) -> None:
        """Keeps a worker for the next task, for a while."""
        loop = asyncio.get_running_loop()
        self._idle.append(_Idle(worker, loop.time()))
        if self._timer is None:
            self._timer = loop.call_later(self._idle_s, self._end_idle)

    def _end_idle(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        while self._idle and self._idle[0].since + self._idle_s <= loop.time() + _CLOCK_RESOLUTION_S:
            self._idle.pop(0).worker.kill()
        if self._idle:
            self._timer = loop.call_at(self._idle[0].since + self._idle_s, self._end_idle)

    def _start(self) -> _Worker:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                process = nursery.start(theirs, self._memory_bytes)
            except BaseException:
                ours.close()
                raise
        ours.setblocking(False)
        return _Worker(process, ours)


@contextlib.asynccontextmanager
async def worker_pool(workers: int | None = None) -> AsyncIterator[WorkerPool]:
    """A pool that is closed at the end."""
    pool = WorkerPool(workers)
    try:
        yield pool
    finally:
        await pool.close()


class _Pieces:
    """What pickle writes, as it writes it: large values, as frames are, are not copied into one whole."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.size = 0

    def write(self, piece: bytes) -> None:
        self.pieces.append(piece)
        self.size += len(piece)


async def _exchanged(connection: socket.socket, task: _Pieces) -> bytearray:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(connection, HEAD.pack(task.size))
    for piece in task.pieces:
        await loop.sock_sendall(connection, piece)
    (size,) = HEAD.unpack(await _received(loop, connection, HEAD.size))
    if size > _MAX_MESSAGE_BYTES:
        raise EOFError
    return await _received(loop, connection, size)


async def _received(loop: asyncio.AbstractEventLoop, connection: socket.socket, size: int) -> bytearray:
    data = bytearray(size)
    view = memoryview(data)
    while view:
        got = await loop.sock_recv_into(connection, view)
        if not got:
            raise EOFError
        view = view[got:]
    return data


def _named(function: Callable[..., object]) -> str:
    return getattr(function, "__name__", "work")


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"
