"""What runs in the process that workers are forked from (`forking`)."""

import contextlib
import importlib
import json
import os
import signal
import socket
import sys
from struct import Struct
from typing import Final, NoReturn

from sagittal.runtime.worker import work

ASKED: Final = Struct("<4sq")
"""What is asked for, and a number: of a child, or for a new one the bytes of address space it may take."""
TOLD: Final = Struct("<q")
FORK, KILL, REAP = b"fork", b"kill", b"reap"
NONE: Final = -(2**62)
"""Told where what was asked for cannot be done."""

PRELOADED: Final = ("sagittal.imaging.codecs", "sagittal.imaging.render.making")


def main() -> NoReturn:
    """Descriptor of the connection and module path come as arguments; ends when the other side does."""
    descriptor, path = sys.argv[1:]
    sys.path[:] = json.loads(path)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for module in PRELOADED:
        importlib.import_module(module)
    _serve(socket.socket(fileno=int(descriptor)))
    os._exit(0)


def _serve(connection: socket.socket) -> None:
    children: set[int] = set()
    while True:
        message, lives, _, _ = socket.recv_fds(connection, ASKED.size, 1)
        if len(message) != ASKED.size:
            break
        what, number = ASKED.unpack(message)
        told = _forked(connection, lives, number, children) if what == FORK else _ended(number, children)
        if what != KILL:
            with contextlib.suppress(OSError):
                connection.send(TOLD.pack(told))
    for child in tuple(children):
        _ended(child, children)


def _forked(connection: socket.socket, lives: list[int], memory_bytes: int, children: set[int]) -> int:
    (life,) = lives
    try:
        child = os.fork()
    except OSError:
        os.close(life)
        return NONE
    if not child:
        try:
            connection.close()
            work(socket.socket(fileno=life), memory_bytes)
        finally:
            os._exit(0)
    os.close(life)
    children.add(child)
    return child


def _ended(child: int, children: set[int]) -> int:
    if child not in children:
        return NONE
    children.discard(child)
    os.kill(child, signal.SIGKILL)  # nothing to one that has ended
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
