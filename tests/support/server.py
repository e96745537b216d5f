"""A Sagittal of its own for a test: started as a user would, stopped at the end."""

import contextlib
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import psutil

READY = re.compile(r"ready: DICOM (\S+):(\d+) \(\S+\), DICOMweb (\S+)")


class Server(NamedTuple):
    """A running `sagittal serve`."""

    process: subprocess.Popen[str]
    data: Path
    dicom_port: int
    web: str
    log: Path
    first_start: str = ""

    def memory_bytes(self) -> int:
        """Its resident memory."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def cpu_s(self) -> float:
        """CPU time it has used, all threads, user and system."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    data: Path, *options: str, environment: dict[str, str] | None = None, is_open: bool = True
) -> Iterator[Server]:
    """`sagittal serve` on free ports over the folder `data`, ready to be talked to; killed hard if it will not stop.

    Everybody may do everything, unless `is_open` is False.
    """
    server = start(data, *options, environment=environment, is_open=is_open)
    try:
        yield server
    finally:
        stop(server)


def start(data: Path, *options: str, environment: dict[str, str] | None = None, is_open: bool = True) -> Server:
    data.parent.mkdir(parents=True, exist_ok=True)
    log = data.parent / f"{data.name}.log"
    command = [sys.executable, "-m", "sagittal", "serve", *(["--open"] * is_open), "--data", str(data)]
    command += ["--dicom", f"127.0.0.1:{free_port()}", "--http", f"127.0.0.1:{free_port()}", *options]
    with log.open("a") as sink:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=sink, text=True, env={**os.environ, **(environment or {})}
        )
    assert process.stdout is not None
    for line in process.stdout:
        ready = READY.search(line)
        if ready:
            first = "" if is_open else _first_start(process.stdout, data)
            return Server(process, data, int(ready[2]), ready[3], log, first)
    raise AssertionError(f"sagittal did not start (exit {process.wait()}): {log.read_text()[-2000:]}")


def _first_start(lines: IO[str], data: Path) -> str:
    """The link that makes the first administrator, where there is no account yet."""
    with contextlib.closing(sqlite3.connect(data / "records.db")) as records:
        if records.execute("SELECT count(*) FROM accounts").fetchone()[0]:
            return ""
    lines.readline()
    return lines.readline().strip()


def stop(server: Server, how: signal.Signals = signal.SIGTERM) -> int:
    """Sends the signal and waits; gives the exit status."""
    server.process.send_signal(how)
    try:
        return server.process.wait(20)
    except subprocess.TimeoutExpired:
        server.process.kill()
        raise
    finally:
        assert server.process.stdout is not None
        server.process.stdout.close()
