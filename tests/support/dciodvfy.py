"""dciodvfy (dicom3tools): what it finds wrong with a file."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_ELSEWHERE = re.compile(r"\s+(?:in|at) byte \S+|0x[0-9a-f]+")


def require_dciodvfy() -> str:
    """The program, as the package dicom3tools installs it beside this Python; without, the test skips, or fails in CI."""
    found = shutil.which("dciodvfy", path=str(Path(sys.executable).parent)) or shutil.which("dciodvfy")
    if found is None:
        line = "needs dciodvfy: the package dicom3tools brings it"
        if os.environ.get("CI"):
            pytest.fail(line)
        pytest.skip(line)
    return found


def errors_of(file: bytes, folder: Path) -> set[str]:
    """Each kind of error in a DICOM file, without the values in it."""
    path = folder / "checked.dcm"
    path.write_bytes(file)
    done = subprocess.run([require_dciodvfy(), str(path)], capture_output=True, timeout=60, check=False)
    lines = (done.stderr + done.stdout).decode("latin_1").splitlines()
    return {_ELSEWHERE.sub("", line).strip() for line in lines if line.startswith("Error")}
