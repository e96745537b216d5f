"""`sagittal reject`, `rejected`, `restore` and `purge`, as a person types them."""

import os
from pathlib import Path

from typer.testing import CliRunner

from sagittal.cli.app import app
from sagittal.errors import Conflict, Invalid, NotFound
from support.archives import file_bytes, instance


def sagittal(*words: str | Path, fails: type[Exception] | None = None) -> str:
    done = CliRunner(env={"COLUMNS": "250"}).invoke(app, [str(word) for word in words])
    if fails is None:
        assert done.exit_code == 0, done.output
    else:
        assert isinstance(done.exception, fails)
    return done.output


def left_of(folder: Path, secret: bytes) -> list[str]:
    """The files that have `secret` in them."""
    paths = [Path(above, name) for above, _, names in os.walk(folder) for name in names]
    return [path.name for path in paths if secret in path.read_bytes()]


def test_out_of_every_answer_back_again_and_gone_for_good(tmp_path: Path) -> None:
    data, file = tmp_path / "d", tmp_path / "one.dcm"
    one = instance(PatientName="Gone^Forgood")
    file.write_bytes(file_bytes(one))
    at = ("--data", data)
    sagittal("import", file, *at)
    told = sagittal("reject", "--study", one.StudyInstanceUID, "--reason", "worklist", "--note", "wrong order", *at)
    assert "rejection 1: 1 instances" in told
    assert "Gone" not in sagittal("find", *at)
    listed = sagittal("rejected", *at)
    assert "Incorrect Modality Worklist Entry; wrong order" in listed
    assert one.StudyInstanceUID in listed
    assert "rejection 1 is undone" in sagittal("restore", "1", *at)
    assert "Gone" in sagittal("find", *at)
    sagittal("reject", "--instance", one.SOPInstanceUID, *at)
    sagittal("purge", *at, fails=Invalid)
    assert "0 instances are gone" in sagittal("purge", "--days", "1", *at)
    assert "1 instances are gone" in sagittal("purge", "--days", "0", *at)
    assert left_of(data, b"Forgood") == []
    sagittal("restore", "3", *at, fails=Conflict)
    sagittal("reject", "--study", one.StudyInstanceUID, *at, fails=NotFound)
