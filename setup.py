"""The build step that nobody needs: compiles the hot modules of `sagittal.dicom` from their Python source, by mypyc.

COMPILE_SAGITTAL says whether: `1`, `auto` (where a C compiler and Python's headers are), or not at all, which is what
an installation from source does. See docs/decisions/0013-compiled-where-it-can-be.md.

    COMPILE_SAGITTAL=1 python setup.py build_ext --inplace     beside the sources, as `make compiled` does
    COMPILE_SAGITTAL=1 pip wheel --no-build-isolation --no-deps .
"""

import os
import shutil
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup

MODULES = (
    *(f"dicom/dataset/{name}" for name in ("header", "inflate", "layout", "memory", "part10", "plan")),
    *(f"dicom/dataset/{name}" for name in ("skim", "skim_by_byte", "skim_by_struct")),
    "dicom/transfer_syntax",
)
"""Pure and fully typed. None defines a Struct: mypyc drops all but the base in `class A(Struct, frozen=True)`."""


def can_compile() -> bool:
    """Whether there is a C compiler, and what it needs to build for this Python."""
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    return shutil.which(compiler) is not None and Path(sysconfig.get_path("include"), "Python.h").is_file()


def extensions() -> list[Extension]:
    """The compiled modules, as far as they are wanted."""
    wanted = os.environ.get("COMPILE_SAGITTAL", "")
    if wanted == "auto" and not can_compile():
        sys.stderr.write("no C compiler with Python's headers: everything runs as Python\n")
    elif wanted in {"1", "auto"}:
        return _compiled()
    return []


def _compiled() -> list[Extension]:
    from mypyc.build import mypycify

    found: list[Extension] = mypycify([f"src/sagittal/{name}.py" for name in MODULES], group_name="sagittal")
    return found


setup(ext_modules=extensions())
