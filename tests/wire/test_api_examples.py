"""The examples of docs/api.md, run as they are written there: each works, and answers in the shape that it shows."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sagittal.access.passwords import hash_password
from sagittal.runtime.settings import RoleAt
from support.archives import instance
from support.deployment import NORTH, Deployment, deployed, destinations
from support.peers import require
from support.server import free_port

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"
BLOCK = re.compile(r"^```(sh|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
STUDY = "1.2.826.0.1.3680043.8.498.1"
MARK = "-- of the next example --"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Deployment]:
    with deployed(tmp_path / "data", destinations=destinations(ARCHIVE2=free_port())) as deployment:
        deployment.keep(NORTH, instance("CT_small.dcm", StudyInstanceUID=STUDY, PatientName="Doe^Jane"))
        yield deployment


def test_every_example_works_and_answers_as_it_says(site: Deployment, tmp_path: Path) -> None:
    require("curl")
    blocks = BLOCK.findall(PAGE.read_text())
    commands = [text for kind, text in blocks if kind == "sh"]
    script = f"\necho; echo '{MARK}'\n".join(commands)
    script = re.sub(r"^export SITE=.*$", f"export SITE={site.url}", script, flags=re.MULTILINE)
    token = site.token(1)
    script = re.sub(r"^export TOKEN=.*$", f"export TOKEN={token}", script, flags=re.MULTILINE)
    said = _run(f"set -euo pipefail\n{script}", site, tmp_path).split(MARK)

    assert len(commands) > 12
    assert len(said) == len(commands)
    for at, (kind, text) in enumerate(blocks):
        if kind == "json":
            answers = said[sum(one == "sh" for one, _ in blocks[:at]) - 1]
            assert set(_last(answers)) == set(json.loads(text)), text
    assert (tmp_path / "study.zip").read_bytes()[:2] == b"PK"


def _last(answers: str) -> dict[str, Any]:  # Any: members of a JSON object
    """The last of several answers, which stand one behind the other."""
    found: dict[str, Any] = {}
    while answers := answers.strip():
        found, end = json.JSONDecoder().raw_decode(answers)
        answers = answers[end:]
    return found


def _run(script: str, site: Deployment, folder: Path) -> str:
    site.account("ann", RoleAt("radiologist", "*"), password=hash_password("four words in a row"))
    command = ["bash", "-c", script]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout
