"""One process that workers are forked from: it has the codecs loaded already, and is ended when nobody has use for it.

our process                                    the mother
  start  ── "fork", a socket ──────────────────▶ forks: `worker.work` on that socket
         ◀─ its number ─────────────────────────
  kill   ── "kill", number ────────────────────▶ SIGKILL, and it is waited for
  reap   ── "reap", number ────────────────────▶ the same
         ◀─ how it ended ───────────────────────
  (our end closes, or we die) ─────────────────▶ kills them all, ends

The standard library's forkserver keeps a second process of 12 MB beside its own, imports the main module again in every
worker, and never ends.
"""

import atexit
import contextlib
import json
import socket
import subprocess
import sys
import threading
from typing import Final

from sagittal.runtime.mother import ASKED, FORK, KILL, NONE, REAP, TOLD

IDLE_S: Final = 120.0
"""How long the mother is kept when there are no workers: she holds 37 MB, and is there again in half a second."""

_END_S: Final = 5.0


class Nursery:
    """Forks children, from a mother that it starts when there is none. For threads."""

    def __init__(self, idle_s: float = IDLE_S) -> None:
        """`idle_s`: after which a mother without children is ended."""
        self._idle_s = idle_s
        self._mothering = threading.Lock()  # held while a mother starts or ends
        self._mother: _Mother | None = None
        self._counting = threading.Lock()
        self._children = 0
        self._timer: threading.Timer | None = None

    @property
    def mother(self) -> int | None:
        """The process number of the mother; None while there is none."""
        mother = self._mother
        return None if mother is None else mother.number

    def start(self, life: socket.socket, memory_bytes: int) -> "Child":
        """A child that lives `worker.work(life, memory_bytes)`. Blocks. Raises OSError if there can be none."""
        with self._mothering:
            self._count(1)
            try:
                return Child(self, *self._forked(life, memory_bytes))
            except BaseException:
                self._count(-1)
                raise

    def _forked(self, life: socket.socket, memory_bytes: int) -> tuple["_Mother", int]:
        if self._mother is not None:
            with contextlib.suppress(OSError):  # she has died: of a lack of memory, say
                return self._mother, self._mother.ask(FORK, memory_bytes, life)
            self._mother.end()
        self._mother = _Mother()
        return self._mother, self._mother.ask(FORK, memory_bytes, life)

    def gone(self) -> None:
        """A child has ended."""
        self._count(-1)

    def rest(self) -> None:
        """Ends the mother if she has no children."""
        with self._mothering:
            if not self._children:
                self._end()

    def close(self) -> None:
        """Ends the mother, and her children."""
        with self._mothering:
            self._end()

    def _end(self) -> None:
        if self._mother is not None:
            self._mother.end()
            self._mother = None

    def _count(self, more: int) -> None:
        with self._counting:
            self._children += more
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if not self._children:
                self._timer = threading.Timer(self._idle_s, self.rest)
                self._timer.daemon = True
                self._timer.start()


class Child:
    """A forked process. Only the first `kill` or `reap` does anything."""

    def __init__(self, nursery: Nursery, mother: "_Mother", number: int) -> None:
        """Made by `Nursery.start`."""
        self._nursery = nursery
        self._mother = mother
        self._number = number
        self._is_ended = False

    def kill(self) -> None:
        """Ends it; does not wait."""
        if not self._is_ended:
            self._is_ended = True
            self._mother.tell(KILL, self._number)
            self._nursery.gone()

    def reap(self) -> int:
        """Ends it if it has not ended yet, waits, and says how, as a negative signal or an exit code; 0 if unknown."""
        if self._is_ended:
            return 0
        self._is_ended = True
        try:
            return self._mother.ask(REAP, self._number)
        except OSError:
            return 0
        finally:
            self._nursery.gone()


class _Mother:
    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        flags = ["-B"] if sys.dont_write_bytecode else []
        code = "from sagittal.runtime.mother import main; main()"
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  # this interpreter, and code of ours
                [sys.executable, *flags, "-P", "-c", code, str(theirs.fileno()), json.dumps(sys.path)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        self._asking = threading.Lock()

    @property
    def number(self) -> int:
        return self._process.pid

    def tell(self, what: bytes, number: int) -> None:
        with contextlib.suppress(OSError):  # she is gone, and so are those she had
            self._socket.send(ASKED.pack(what, number))

    def ask(self, what: bytes, number: int, life: socket.socket | None = None) -> int:
        with self._asking:
            socket.send_fds(self._socket, [ASKED.pack(what, number)], [] if life is None else [life.fileno()])
            answer = self._socket.recv(TOLD.size)
        if len(answer) != TOLD.size:
            raise OSError("the process that workers are forked from has died")
        (told,) = TOLD.unpack(answer)
        if told == NONE:
            raise OSError("a worker could not be forked, or is not known")
        return int(told)

    def end(self) -> None:
        self._socket.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


nursery: Final = Nursery()
"""That of this process: all its pools share one mother."""
atexit.register(nursery.close)
