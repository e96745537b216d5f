"""External programs that tests talk to."""

import os
import shutil

import pytest


def require(*programs: str) -> None:
    """Skips the test when one of `programs` is not installed; fails it under CI, where all are to be there."""
    missing = [program for program in programs if shutil.which(program) is None]
    if not missing:
        return
    line = f"needs {', '.join(missing)}: `make peers` installs them"
    if os.environ.get("CI"):
        pytest.fail(line)
    pytest.skip(line)
