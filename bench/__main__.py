"""`make bench`: every ratio in one run.

`python -m bench [parse] [json] [store] [stock] [stow] [--small N] [--ct N]` for parts of it.
"""

import argparse
import tempfile
from pathlib import Path

from bench import json_model, parse, peers, store, stow
from bench.store import Rate

GOALS = """Goals: parse >= 15x and JSON >= 10x pydicom; C-STORE >= 3x Orthanc's rate on small and >= 2x on CT, at <= 1/4
of its CPU; CPU <= 2x storescp's; with stock senders >= 5x Orthanc; STOW >= 2x Orthanc."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=["parse", "json", "store", "stock", "stow"])
    parser.add_argument("--small", type=int, default=5000, help="small MR instances")
    parser.add_argument("--ct", type=int, default=500, help="CT instances")
    said = parser.parse_args()
    print(GOALS, "\n")
    with tempfile.TemporaryDirectory(prefix="sagittal-bench-") as name:
        root = Path(name)
        if "parse" in said.parts:
            _functions("Header parse, us", parse.rows())
        if "json" in said.parts:
            _functions("DICOM JSON, us", json_model.rows())
        if "store" in said.parts:
            _ratios("C-STORE, TCP_NODELAY=1 at the sender", store.measure(root, said.small, said.ct, nagle=False))
        if "stock" in said.parts:
            servers = (peers.sagittal, peers.orthanc)
            rates = store.measure(root, said.small // 10, said.ct, nagle=True, servers=servers)
            _ratios("C-STORE, stock senders", rates)
        if "stow" in said.parts:
            _ratios("STOW-RS", stow.measure(root, said.small, said.ct))


def _functions(title: str, rows: list[tuple[str, float, float, str]]) -> None:
    print(f"\n{title}\n{'':34} {'sagittal':>10} {'pydicom':>10} {'ratio':>8}")
    for what, ours, theirs, unit in rows:
        print(f"{what:34} {ours:10.1f} {theirs:10.1f} {theirs / ours:7.1f}x {unit}")


def _ratios(title: str, rates: list[Rate]) -> None:
    print(f"\n{title}: rate and CPU, and sagittal as a multiple of each")
    ours = {rate.what: rate for rate in rates if rate.peer == "sagittal"}
    for rate in rates:
        mine = ours[rate.what]
        ratio = (
            f"{mine.per_s / rate.per_s:6.2f}x rate {mine.cpu_ms / rate.cpu_ms:6.2f}x CPU" if rate is not mine else ""
        )
        print(f"{rate.what:36} {rate.peer:12} {rate.per_s:8.0f}/s {rate.cpu_ms:7.2f} ms  {ratio}")


main()
