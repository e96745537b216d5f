"""C-STORE with DCMTK as sender: rate and the server's CPU, beside Orthanc, storescp and pynetdicom."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from bench import corpus, peers
from bench.peers import Peer

Start = Callable[[Path], AbstractContextManager[Peer]]
SERVERS: tuple[Start, ...] = (peers.sagittal, peers.orthanc, peers.storescp, peers.pynetdicom)


class Rate(NamedTuple):
    """One line of the table."""

    what: str
    peer: str
    per_s: float
    cpu_ms: float


def measure(root: Path, small: int, large: int, *, nagle: bool, servers: tuple[Start, ...] = SERVERS) -> list[Rate]:
    """Sends both kinds at one and at four associations to each server, fresh for each kind.

    Args:
        nagle: senders as they come (DCMTK leaves Nagle's algorithm on), instead of TCP_NODELAY=1.
    """
    rates = []
    for kind, make, count in (("small MR", corpus.make_small_mr, small), ("CT", corpus.make_ct, large)):
        files = make(root / kind.replace(" ", "-"), count)
        for start in servers:
            for ways in (1, 4):
                rates.append(_one(root, kind, files, start, ways, nagle))
                print(
                    f"  {rates[-1].what:34} {rates[-1].peer:13} {rates[-1].per_s:8.0f}/s {rates[-1].cpu_ms:7.2f} ms",
                    flush=True,
                )
        shutil.rmtree(root / kind.replace(" ", "-"))
    return rates


def _one(root: Path, kind: str, files: list[Path], start: Start, ways: int, nagle: bool) -> Rate:
    with tempfile.TemporaryDirectory(dir=root) as name:
        folders = corpus.spread(files, Path(name, "in"), ways)
        with start(Path(name, "server")) as peer:
            _send(peer, folders[:1], nagle=nagle, only_first=True)  # warms the server, not counted
            cpu, begun = peer.cpu_s(), time.perf_counter()
            _send(peer, folders, nagle=nagle)
            took = time.perf_counter() - begun
            cpu = peer.cpu_s() - cpu
            label = f"{kind}, {ways} association{'s' if ways > 1 else ''}{', stock sender' if nagle else ''}"
            return Rate(label, peer.name, len(files) / took, cpu / len(files) * 1000)


def _send(peer: Peer, folders: list[Path], *, nagle: bool, only_first: bool = False) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "TCP_NODELAY"} | ({} if nagle else {"TCP_NODELAY": "1"})
    base = ["storescu", "-R", "-aec", peer.aet, "127.0.0.1", str(peer.dicom_port)]
    senders = []
    for folder in folders:
        files = sorted(folder.iterdir())  # one series after the other, as a modality sends
        what = [str(file) for file in (files[:1] if only_first else files)]
        senders.append(
            subprocess.Popen([*base, *what], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        )
    for sender in senders:
        output, _ = sender.communicate(timeout=900)
        if sender.returncode:
            raise RuntimeError(f"storescu to {peer.name} failed ({sender.returncode}): {output.decode()[-500:]}")
