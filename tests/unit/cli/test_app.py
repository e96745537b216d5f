import sys
from pathlib import Path

import pytest

from sagittal.cli.app import main


@pytest.mark.parametrize("verb", ["verify", "find", "serve"])
def test_a_data_folder_that_cannot_be_is_one_line_and_exit_status_one(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a-file").write_bytes(b"x")
    monkeypatch.setattr(sys, "argv", ["sagittal", verb, "--data", str(tmp_path / "a-file")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    said = capsys.readouterr().err.strip()
    assert said.startswith("sagittal: ")
    assert "a-file" in said
    assert "Traceback" not in said


def test_a_certificate_that_cannot_be_used_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SAGITTAL_DICOM_TLS_CERTIFICATE", str(tmp_path / "none.pem"))
    monkeypatch.setattr(sys, "argv", ["sagittal", "serve", "--data", str(tmp_path), "--http", "", "--dicom", ""])
    with pytest.raises(SystemExit):
        main()
    assert "dicom_tls_certificate" in capsys.readouterr().err
