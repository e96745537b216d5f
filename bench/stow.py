"""STOW-RS: four clients, ten instances a request, beside Orthanc."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import corpus, peers
from bench.store import Rate, Start

CLIENTS = 4
INSTANCES_PER_REQUEST = 10


def measure(
    root: Path, small: int, large: int, servers: tuple[Start, ...] = (peers.sagittal, peers.orthanc)
) -> list[Rate]:
    """Posts both kinds of instances to each server, fresh for each kind."""
    rates = []
    for kind, make, count in (("small MR", corpus.make_small_mr, small), ("CT", corpus.make_ct, large)):
        with tempfile.TemporaryDirectory(dir=root) as name:
            folders = corpus.spread(make(Path(name, "files"), count), Path(name, "in"), CLIENTS)
            for start in servers:
                rates.append(_one(Path(name, start.__name__), kind, folders, count, start))
                print(
                    f"  {rates[-1].what:34} {rates[-1].peer:12} {rates[-1].per_s:8.0f}/s {rates[-1].cpu_ms:7.2f} ms",
                    flush=True,
                )
    return rates


def _one(folder: Path, kind: str, folders: list[Path], count: int, start: Start) -> Rate:
    client = str(Path(__file__).with_name("stow_client.py"))
    with start(folder) as peer:
        command = [sys.executable, client, str(peer.stow_url), str(INSTANCES_PER_REQUEST), *map(str, folders)]
        sender = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert sender.stdin is not None
        assert sender.stdout is not None
        sender.stdout.readline()  # bodies are made, connections open
        cpu, begun = peer.cpu_s(), time.perf_counter()
        output, _ = sender.communicate("go\n", timeout=900)
        took = time.perf_counter() - begun
        if sender.returncode:
            raise RuntimeError(f"STOW to {peer.name} failed: {output[-500:]}")
        return Rate(f"STOW {kind}, {CLIENTS} clients", peer.name, count / took, (peer.cpu_s() - cpu) / count * 1000)
