"""`sagittal quarantine`, as a person types it."""

import copy
import re
from pathlib import Path

from typer.testing import CliRunner

from sagittal.cli.app import app
from sagittal.errors import Conflict, NotFound
from support.archives import file_bytes, instance


def sagittal(*words: str | Path, fails: type[Exception] | None = None) -> str:
    done = CliRunner(env={"COLUMNS": "240"}).invoke(app, [str(word) for word in words])
    if fails is None:
        assert done.exit_code == 0, done.output
    else:
        assert isinstance(done.exception, fails)
    return done.output


def test_listed_shown_decided_and_undone(tmp_path: Path) -> None:
    at = ("--data", tmp_path / "d")
    one = instance(PatientName="Doe^Jane", PatientID="P1")
    two = copy.deepcopy(one)
    two.PatientName = "\x1b[31mRed^[bold]Name"
    two.PixelData = bytes(len(one.PixelData))
    for name, dataset in (("one.dcm", one), ("two.dcm", two)):
        (tmp_path / name).write_bytes(file_bytes(dataset))
        sagittal("import", tmp_path / name, *at)
    listed = sagittal("quarantine", "list", *at)
    (number,) = re.findall(r"\b\d{19}\b", listed)
    assert "conflict" in listed
    assert "P1 Doe^Jane" in listed
    shown = sagittal("quarantine", "show", number, *at)
    assert re.search(r"\(0010,0010\).*PatientName.*Doe\^Jane.*\[31mRed\^\[bold\]Name", shown)
    assert "\x1b[31mRed" not in shown
    assert "pixels: different" in shown
    assert "decision 1: the newcomer is taken" in sagittal("quarantine", "decide", number, "take", "--note", "new", *at)
    assert number not in sagittal("quarantine", "list", *at)
    assert "new" in sagittal("quarantine", "history", *at)
    assert "decision 1 is undone" in sagittal("quarantine", "undo", "1", *at)
    assert number in sagittal("quarantine", "list", *at)
    assert "it is whole" in sagittal("quarantine", "verify", number, *at)
    assert ", the newcomer as 2.25." in sagittal("quarantine", "decide", number, "both", *at)
    sagittal("quarantine", "undo", "1", *at, fails=Conflict)
    sagittal("quarantine", "decide", number, "keep", *at, fails=NotFound)
    sagittal("quarantine", "show", "7", *at, fails=NotFound)
