"""The API is what it says it is: schemathesis asks everything that its description allows, and what it does not.

No answer is an error of ours, each has a status, a media type, headers and a body that are described, what is not as
described is refused, and OPTIONS and 405 tell the truth. The same seed each time.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sagittal.access import shares
from sagittal.access.links import NewLink
from sagittal.access.shares import NewShare
from sagittal.runtime.settings import RoleAt
from support.archives import instance
from support.deployment import NORTH, Deployment, deployed
from support.server import running

pytestmark = pytest.mark.timeout(300)

STUDY = "1.2.826.0.1.3680043.8.498.1"  # the one of the examples in the description

UNTOLD = {
    "get_studies_changes": "goes on for five minutes",
    "patch_uploads_upload": "pieces are of media types that schemathesis cannot make; clients of tus do in test_uploads",
}
"""Operations that no run asks, and why."""

LOCKS_OUT = {
    "delete_tokens_token": "the token of the run is one",
    "put_roles_role_relation": "the role of whoever asks is one",
    "put_accounts_account_roles": "the account of whoever asks is one",
}
"""Operations that are asked of a site where everybody may do everything, for else the run would end with them."""

CHECKS_LEFT_OUT = {
    "ignored_auth": "it shows wrong passwords, and those wait (429); tests/site holds every route against nobody",
    "positive_data_acceptance": "rooms have rules that no schema says: passwords that are easy to guess, one of two names",
}

REFUSALS = "[checks.negative_data_rejection]\nexpected-statuses = [400, 401, 403, 404, 405, 409, 412, 413, 415, 429]\n"
"""What answers a request that is not as described; 412 is of tus, 413 of a body that is too long besides."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Deployment]:
    with deployed(tmp_path / "data") as deployment:
        series = {"SeriesInstanceUID": f"{STUDY}.2", "SOPInstanceUID": f"{STUDY}.2.3"}
        deployment.keep(NORTH, instance(StudyInstanceUID=STUDY, **series), instance())
        deployment.device("CT2", NORTH)
        deployment.link_session(NewLink(STUDY, account=1))
        deployment.change(lambda c: shares.give(c, NewShare("shared", STUDY, to_account=1), "test", 1))
        yield deployment


def _asked(url: str, folder: Path, *options: str, examples: int) -> None:
    settings = folder / "schemathesis.toml"
    settings.write_text(REFUSALS)
    command = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(settings)]
    command += ["run", f"{url}/api/openapi.json", "--no-color"]
    command += ["--phases", "examples,coverage,fuzzing", "--generation-deterministic", "--continue-on-failure"]
    command += ["--max-examples", str(examples), "--request-timeout", "60", "--warnings", "off", "--no-shrink"]
    command += ["--exclude-checks", ",".join(CHECKS_LEFT_OUT), *options]
    environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin", "COLUMNS": "200"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-6000:]}{done.stderr[-2000:]}"
    assert "No tests were run" not in done.stdout


def _but(*operations: str) -> list[str]:
    return [option for one in operations for option in ("--exclude-operation-id", one)]


def test_an_administrators_token_meets_what_is_described(site: Deployment, tmp_path: Path) -> None:
    header = ("--header", f"Authorization: Bearer {site.token(1)}")
    _asked(site.url, tmp_path, *header, *_but(*UNTOLD, *LOCKS_OUT), examples=8)


def test_a_person_meets_what_is_described_of_their_own_account(site: Deployment, tmp_path: Path) -> None:
    secret = site.session(site.account("jo", RoleAt("administrator", "*")))
    headers = ("--header", f"Cookie: sagittal={secret}", "--header", "Sec-Fetch-Site: same-origin")
    _asked(site.url, tmp_path, *headers, "--include-path-regex", "^/api/account(/|$)", examples=4)


def test_what_would_lock_the_caller_out_is_as_described(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        only = [option for one in LOCKS_OUT for option in ("--include-operation-id", one)]
        _asked(server.web.removesuffix("/dicom-web"), tmp_path, *only, examples=10)
