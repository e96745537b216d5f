"""The verbs about rejected instances beside a server that has the folder."""

import os
import subprocess
import sys
from pathlib import Path

import httpx

from support.archives import file_bytes, instance
from support.server import running


def sagittal(*words: str | Path, status: int = 0) -> str:
    command = [sys.executable, "-m", "sagittal", *map(str, words)]
    environment = {**os.environ, "COLUMNS": "200"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_folder_that_is_served_says_how_to_go_on(tmp_path: Path) -> None:
    one = instance()
    (tmp_path / "one.dcm").write_bytes(file_bytes(one))
    sagittal("import", tmp_path / "one.dcm", "--data", tmp_path / "d")
    with running(tmp_path / "d") as server:
        told = sagittal("reject", "--study", one.StudyInstanceUID, "--data", server.data, status=1)
        assert "Conflict" in told
        assert "DELETE" in told
        assert httpx.delete(f"{server.web}/studies/{one.StudyInstanceUID}").status_code == 200
        assert one.StudyInstanceUID in sagittal("rejected", "--data", server.data)
