from pathlib import Path

import pytest

from sagittal.errors import Invalid
from sagittal.runtime.secrets import read_secret


def test_a_secret_is_read_from_its_file_without_the_line_end(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("s3cret\n")
    file.chmod(0o600)
    assert read_secret("oidc_client_secret", str(file), {}) == "s3cret"


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    told = {"SAGITTAL_OIDC_CLIENT_SECRET": "of the environment"}
    assert read_secret("oidc_client_secret", str(tmp_path / "none"), told) == "of the environment"


def test_without_either_there_is_none() -> None:
    assert read_secret("oidc_client_secret", "", {}) == ""


@pytest.mark.parametrize("content", [b"canary\xff", b"canary" * 20_000])
def test_what_is_no_secret_is_refused_without_being_told(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    with pytest.raises(Invalid, match="oidc_client_secret_file") as raised:
        read_secret("oidc_client_secret", str(file), {})
    assert "canary" not in str(raised.value)


def test_a_file_that_is_not_there_is_told_by_its_setting(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="oidc_client_secret_file"):
        read_secret("oidc_client_secret", str(tmp_path / "none"), {})


def test_only_what_is_listed_is_a_secret() -> None:
    with pytest.raises(Invalid):
        read_secret("aet", "", {"SAGITTAL_AET": "x"})
