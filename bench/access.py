"""What accounts, policy and ledger cost on the hot paths: with them against without, in turns, in one run."""

import itertools
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pydicom

from bench import corpus
from bench.http_load import get, load
from bench.peers import Peer, free_port, started

GOAL = 1.05
_ROUNDS = 25  # short ones, in turns: others who use the machine disturb some, and both alike
_STORED, _ASKED = 120, 1000  # of one round


class Guarded(NamedTuple):
    """A server; `headers` are what its clients show."""

    peer: Peer
    headers: tuple[str, ...]


class Cost(NamedTuple):
    """CPU of the server for one of something, ms, with access and ledger and without: of its quieter rounds.

    What else runs on a machine makes a round dearer and never cheaper, so a quarter of the rounds is below the figure.
    """

    what: str
    with_ms: float
    without_ms: float
    ratio: float


def measure(root: Path, tell: Callable[[str], None]) -> None:
    """Measures and tells each."""
    with ExitStack() as stack:
        pair = stack.enter_context(_guarded(root / "with")), stack.enter_context(_unguarded(root / "without"))
        for what, rounds in (
            ("C-STORE, small MR", _stores(root, corpus.make_small_mr, _STORED)),
            ("C-STORE, CT", _stores(root, corpus.make_ct, _STORED // 4)),
        ):
            tell(_line(_compared(what, pair, rounds)))
        study, series, instance = _uids(root)
        frame = f"/dicom-web/studies/{study}/series/{series}/instances/{instance}/frames/1"
        for what, path, accept in (
            ("frame", frame, "multipart/related; type=application/octet-stream"),
            ("QIDO, one study", f"/dicom-web/studies?StudyInstanceUID={study}", "application/dicom+json"),
            ("QIDO, 25 studies", "/dicom-web/studies?limit=25", "application/dicom+json"),
        ):
            tell(_line(_compared(what, pair, _requests(path, accept))))


Round = Callable[[Guarded], int]
"""Has a server do something so often."""


def _compared(what: str, pair: tuple[Guarded, Guarded], rounds: Iterator[Round]) -> Cost:
    spent: tuple[list[float], list[float]] = ([], [])
    for number, one in enumerate(itertools.islice(rounds, _ROUNDS + 1)):
        order = (0, 1) if number % 2 else (1, 0)
        for which in order:
            before = pair[which].peer.cpu_s()
            done = one(pair[which])
            if number:  # the first warms
                spent[which].append((pair[which].peer.cpu_s() - before) / done * 1000)
    with_ms, without_ms = (statistics.quantiles(one, n=4)[0] for one in spent)
    return Cost(what, with_ms, without_ms, with_ms / without_ms)


def _line(cost: Cost) -> str:
    verdict = "" if cost.ratio <= GOAL else f"  more than {GOAL}"
    return f"{cost.what:28} {cost.with_ms:8.3f} ms with, {cost.without_ms:8.3f} ms without: {cost.ratio:5.3f}x{verdict}"


def _stores(root: Path, make: Callable[[Path, int], list[Path]], count: int) -> Iterator[Round]:
    for number in itertools.count():
        folder = root / f"{make.__name__}-{number}"
        files = make(folder, count)

        def send(server: Guarded, files: list[Path] = files) -> int:
            command = ["storescu", "-R", "-aec", server.peer.aet, "127.0.0.1", str(server.peer.dicom_port)]
            environment = {**os.environ, "TCP_NODELAY": "1"}
            subprocess.run([*command, *map(str, files)], env=environment, check=True, capture_output=True)
            return len(files)

        yield send
        if number:
            shutil.rmtree(folder)


def _uids(root: Path) -> tuple[str, str, str]:
    """Of an instance that both servers have."""
    header = pydicom.dcmread(root / "make_small_mr-0" / "000000.dcm", stop_before_pixels=True)
    return str(header.StudyInstanceUID), str(header.SeriesInstanceUID), str(header.SOPInstanceUID)


def _requests(path: str, accept: str) -> Iterator[Round]:
    def ask(server: Guarded) -> int:
        request = get(path, server.peer.http_port, accept, *server.headers)
        done = load(server.peer.http_port, itertools.repeat(request), 4, 60, _ASKED, _ASKED)
        if not done.fetched[0].body_bytes:
            raise RuntimeError(f"{path} has no answer")
        return len(done.fetched)

    return itertools.repeat(ask)


@contextmanager
def _guarded(folder: Path) -> Iterator[Guarded]:
    """`sagittal serve` with an account for a facility, its token, and the sender as a device of the same."""
    data = folder / "data"
    _sagittal(data, "user", "add", "root", "--role", "administrator", "--no-password")
    _sagittal(data, "user", "add", "bench", "--role", "radiologist@local", "--no-password")
    _sagittal(data, "device", "add", "STORESCU", "--role", "technologist", "--address", "127.0.0.0/8")
    token = _sagittal(data, "token", "create", "bench", "bench", "--may", "read", "--may", "query").split()[-1]
    dicom, http = free_port(), free_port()
    command = [sys.executable, "-m", "sagittal", "serve", "--data", str(data)]
    command += ["--dicom", f"127.0.0.1:{dicom}", "--http", f"127.0.0.1:{http}"]
    with started("with", command, dicom, http, folder / "log") as peer:
        yield Guarded(peer, (f"Authorization: Bearer {token}",))


@contextmanager
def _unguarded(folder: Path) -> Iterator[Guarded]:
    dicom, http = free_port(), free_port()
    script = str(Path(__file__).with_name("unguarded_server.py"))
    command = [sys.executable, script, str(folder / "data"), f"127.0.0.1:{dicom}", f"127.0.0.1:{http}"]
    with started("without", command, dicom, http, folder / "log") as peer:
        yield Guarded(peer, ())


def _sagittal(data: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "sagittal", *arguments, "--data", str(data)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
