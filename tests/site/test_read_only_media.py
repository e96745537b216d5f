"""A data folder where nothing can be written, by its medium or by rights: what it keeps is found and given back."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.archives import archive_at, file_bytes, instance, store

NO_RIGHTS_OVER_RIGHTS = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")


def sagittal(
    *words: str | Path, read_only: Path | None = None, before: tuple[str, ...] = (), status: int = 0
) -> subprocess.CompletedProcess[str]:
    """Runs a verb; `read_only` is mounted read-only for it, as a medium is, which holds for root as well."""
    command = [*before, sys.executable, "-m", "sagittal", *map(str, words)]
    if read_only is not None:
        mount = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
        command = ["unshare", "--map-root-user", "--mount", "sh", "-c", mount, str(read_only), *command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done


async def keep(data: Path, file: bytes) -> None:
    async with archive_at(data) as archive:
        await store(archive, file)


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-rm", "true"], check=False).returncode:
        pytest.skip("no folder can be mounted read-only here: unshare is missing or not allowed")
    (tmp_path / "one.dcm").write_bytes(file_bytes(instance(PatientID="KEPT")))
    asyncio.run(keep(tmp_path / "data", (tmp_path / "one.dcm").read_bytes()))
    return tmp_path / "data"


def test_what_a_read_only_medium_keeps_is_found_and_exported(medium: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in medium.rglob("*")}
    (line,) = sagittal("find", "--json", "PatientID=KEPT", "--data", medium, read_only=medium).stdout.splitlines()
    assert json.loads(line)["00100020"]["Value"] == ["KEPT"]
    sagittal("export", tmp_path / "out", "--all", "--data", medium, read_only=medium)
    (exported,) = (path for path in (tmp_path / "out").rglob("*") if path.is_file() and path.name != "DICOMDIR")
    assert exported.read_bytes() == (tmp_path / "one.dcm").read_bytes()
    assert {path: path.stat().st_mtime_ns for path in medium.rglob("*")} == before


def test_nothing_is_taken_in_on_a_read_only_medium(medium: Path, tmp_path: Path) -> None:
    told = sagittal("import", tmp_path / "one.dcm", "--data", medium, read_only=medium, status=1)
    assert "cannot be written" in told.stderr


def test_a_log_that_cannot_be_read_there_is_told_of_and_not_passed_over(medium: Path) -> None:
    (medium / "index.db-wal").write_bytes(b"left behind by a power cut")
    told = sagittal("find", "--data", medium, read_only=medium, status=1)
    assert "was not closed" in told.stderr


@pytest.fixture
def forbidden(tmp_path: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """A data folder in which its reader may not write, and what is to be run before so that this holds for root too."""
    before = () if os.geteuid() else NO_RIGHTS_OVER_RIGHTS
    if before and (shutil.which(before[0]) is None or subprocess.run([*before, "true"], check=False).returncode):
        pytest.skip("root cannot give up its rights over rights here: setpriv is missing or not allowed")
    (tmp_path / "one.dcm").write_bytes(file_bytes(instance(PatientID="KEPT")))
    asyncio.run(keep(tmp_path / "data", (tmp_path / "one.dcm").read_bytes()))
    paths = [tmp_path / "data", *(tmp_path / "data").rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield tmp_path / "data", before
    for path in paths:
        path.chmod(0o755 if path.is_dir() else 0o644)


def test_who_may_not_write_finds_and_exports_and_takes_nothing_in(
    forbidden: tuple[Path, tuple[str, ...]], tmp_path: Path
) -> None:
    data, before = forbidden
    (line,) = sagittal("find", "--json", "PatientID=KEPT", "--data", data, before=before).stdout.splitlines()
    assert json.loads(line)["00100020"]["Value"] == ["KEPT"]
    sagittal("export", tmp_path / "out", "--all", "--data", data, before=before)
    (exported,) = (path for path in (tmp_path / "out").rglob("*") if path.is_file() and path.name != "DICOMDIR")
    assert exported.read_bytes() == (tmp_path / "one.dcm").read_bytes()
    told = sagittal("import", tmp_path / "one.dcm", "--data", data, before=before, status=1)
    assert "cannot be written: Permission denied" in told.stderr.replace("\n", " ")
