"""Which form of the hot modules the tests run against: machine code where `make compiled` made it, else the sources.

`TEST_FORM=python` takes the sources in any case, in this process.
"""

import os
import sys
from importlib.abc import PathEntryFinder
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, SourceFileLoader
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent / "src" / "sagittal"


def pytest_configure() -> None:
    """Sees to it that what is tested is what the sources say."""
    if os.environ.get("TEST_FORM") == "python":
        _prefer_sources()
    elif stale := [source for source in map(_source_of, PACKAGE.rglob("*.so")) if not _is_fresh(source)]:
        names = ", ".join(str(source.relative_to(PACKAGE)) for source in stale)
        raise pytest.UsageError(f"compiled before it was changed: {names}. Try `make compiled`, or `make python`.")


def _prefer_sources() -> None:
    """Has modules of the package found as sources only."""
    hook = FileFinder.path_hook((SourceFileLoader, SOURCE_SUFFIXES))

    def sources(path: str) -> PathEntryFinder:
        if not Path(path).is_relative_to(PACKAGE):
            raise ImportError(path)
        return hook(path)

    sys.path_hooks.insert(0, sources)
    sys.path_importer_cache.clear()


def _source_of(compiled: Path) -> Path:
    return compiled.with_name(compiled.name.partition(".")[0] + ".py")


def _is_fresh(source: Path) -> bool:
    """Whether each machine code beside a source is newer."""
    made = [one.stat().st_mtime for one in source.parent.glob(f"{source.stem}.*.so")]
    return source.exists() and min(made) >= source.stat().st_mtime
