"""`make bench`: every ratio in one run; `make bench-web`: what people wait for on thin lines.

`python -m bench [parse] [json] [store] [stock] [stow] [read] [access] [previews] [web]
[--small N] [--ct N]` for parts of it; all
but `web`, which needs Chromium and a quarter of an hour, is what there is without any.
"""

import argparse
import platform
import sysconfig
import tempfile
from pathlib import Path

from bench import access, json_model, parse, peers, previews, reading, store, stow, web
from bench.store import Rate
from sagittal.dicom.dataset.skim import IS_COMPILED

GOALS = """Goals: parse >= 15x and JSON >= 10x pydicom; C-STORE >= 3x Orthanc's rate on small and >= 2x on CT, at <= 1/4
of its CPU; CPU <= 2x storescp's; with stock senders >= 5x Orthanc; STOW >= 2x Orthanc.
Those of reading stand in its table."""
READ_SMALL, READ_CT = 10_000, 2_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "parts", nargs="*", default=["parse", "json", "store", "stock", "stow", "read", "access", "previews"]
    )
    parser.add_argument("--small", type=int, help=f"small MR instances: 5000 to store, {READ_SMALL} to read")
    parser.add_argument("--ct", type=int, help=f"CT instances: 500 to store, {READ_CT} to read")
    said = parser.parse_args()
    small, ct = said.small or 5000, said.ct or 500
    print(GOALS, f"\n{_interpreter()}\n")
    with tempfile.TemporaryDirectory(prefix="sagittal-bench-") as name:
        root = Path(name)
        if "parse" in said.parts:
            _functions("Header parse, us", parse.rows())
        if "json" in said.parts:
            _functions("DICOM JSON, us", json_model.rows())
        if "store" in said.parts:
            _ratios("C-STORE, TCP_NODELAY=1 at the sender", store.measure(root, small, ct, nagle=False))
        if "stock" in said.parts:
            # An Orthanc as it comes has Nagle's algorithm on too, and is what the goal is about.
            servers = (peers.sagittal, peers.orthanc_as_it_comes, peers.orthanc)
            rates = store.measure(root, small // 10, ct, nagle=True, servers=servers)
            _ratios("C-STORE, stock senders", rates)
        if "stow" in said.parts:
            _ratios("STOW-RS", stow.measure(root, small, ct))
        if "read" in said.parts:
            print("\nThe read side, beside Orthanc")
            reading.measure(root / "read", said.small or READ_SMALL, said.ct or READ_CT, _now)
        if "access" in said.parts:
            print(f"\nCPU with access and ledger against without; goal <= {access.GOAL}")
            access.measure(root / "access", _now)
        if "previews" in said.parts:
            print(
                f"\nPreviews of CT, none of them kept; goals <= {previews.MOST_CPU_MS} ms, >= {previews.LEAST_PER_S}/s"
            )
            previews.measure(root / "previews", _now)
        if "web" in said.parts:
            print("\nIn a browser on thin lines")
            web.measure(root / "web", _now)


def _interpreter() -> str:
    is_optimized = "--enable-optimizations" in str(sysconfig.get_config_var("CONFIG_ARGS"))
    built = "with" if is_optimized else "without (so it takes up to a third longer)"
    form = "compiled" if IS_COMPILED else "as Python (`make compiled`)"
    return f"Python {platform.python_version()}, built {built} --enable-optimizations; hot modules {form}"


def _now(line: str) -> None:
    print(line, flush=True)


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
        print(f"{rate.what:36} {rate.peer:13} {rate.per_s:8.0f}/s {rate.cpu_ms:7.2f} ms  {ratio}")


main()
