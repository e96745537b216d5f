"""What runs in a worker process: one task after the other, each with its limits (`pools`)."""

import contextlib
import pickle
import resource
import signal
import socket
import traceback
from pathlib import Path
from struct import Struct
from typing import Any, Final

from sagittal.errors import Exhausted, SagittalError

HEAD: Final = Struct("<Q")
"""Goes before each message, both ways: its length."""


class WorkFailed(Exception):
    """The work raised an error that is not one of ours: a fault in our code. Its text stays with it."""


def work(connection: socket.socket, memory_bytes: int) -> None:
    """The life of a worker: tasks from the connection until its other end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection.setblocking(True)
    _limit_memory(memory_bytes)
    with connection, contextlib.suppress(EOFError, OSError):
        while True:
            answer = _done(_read(connection))
            connection.sendall(HEAD.pack(len(answer)))
            connection.sendall(answer)


def _limit_memory(memory_bytes: int) -> None:
    """Caps the address space; where the system cannot, deadlines alone hold."""
    with contextlib.suppress(OSError, ValueError):
        with Path("/proc/self/statm").open(encoding="ascii") as status:
            now = int(status.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + memory_bytes, now + memory_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _read(connection: socket.socket) -> bytearray:
    (size,) = HEAD.unpack(_exactly(connection, HEAD.size))
    return _exactly(connection, size)


def _exactly(connection: socket.socket, size: int) -> bytearray:
    data = bytearray(size)
    view = memoryview(data)
    while view:
        got = connection.recv_into(view)
        if not got:
            raise EOFError
        view = view[got:]
    return data


def _done(task: bytearray) -> bytes:
    """The pickled answer to a pickled task: (result, None) or (None, error)."""
    try:
        function, args, alarm_s = pickle.loads(task)  # noqa: S301  # written by the pool
        signal.setitimer(signal.ITIMER_REAL, alarm_s)  # if the pool is gone, nobody else ends what hangs
        result: Any = function(*args)  # whatever it returns goes back as it is
        signal.setitimer(signal.ITIMER_REAL, 0)
        return pickle.dumps((result, None), protocol=5)
    except SagittalError as error:
        return _failed(error)
    except MemoryError:
        return _failed(Exhausted("not enough memory for one request"))
    except Exception as error:  # noqa: BLE001  # the border of a task
        # Without the error's own text, which may hold what was worked on.
        where = "; ".join(f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)[-3:])
        return _failed(WorkFailed(f"{type(error).__name__} in {where}"))


def _failed(error: Exception) -> bytes:
    signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        return pickle.dumps((None, error), protocol=5)
    except Exception:  # noqa: BLE001  # an error that pickle does not take
        return pickle.dumps((None, WorkFailed(type(error).__name__)), protocol=5)
