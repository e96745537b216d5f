"""`sagittal facility`, `device`, `role` and `audit` on a data folder."""

from pathlib import Path

from typer.testing import CliRunner, Result

from sagittal.cli.app import app


def said(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--data", str(data)])


def test_a_change_of_the_policy_holds_and_is_in_the_ledger(tmp_path: Path) -> None:
    assert said(tmp_path, "role", "set", "teacher", "shared_with_me", "query").exit_code == 0
    assert "query, read" not in next(
        line for line in said(tmp_path, "role", "list").output.splitlines() if "teacher" in line and "shared" in line
    )
    lines = said(tmp_path, "audit", "search", "--act", "policy changed").output
    assert "role teacher" in lines
    assert "shared_with_me: query" in lines


def test_what_fails_leaves_no_line(tmp_path: Path) -> None:
    assert said(tmp_path, "device", "add", "CT1", "--address", "nowhere").exit_code != 0
    assert "no line is like that" in said(tmp_path, "audit", "search").output


def test_facilities_and_devices_are_listed_as_they_were_made(tmp_path: Path) -> None:
    said(tmp_path, "facility", "add", "north", "--title", "North Hospital", "--called", "NORTH")
    said(tmp_path, "device", "add", "CT1", "--facility", "north", "--address", "192.0.2.0/24")
    assert "North Hospital" in said(tmp_path, "facility", "list").output
    assert "192.0.2.0/24" in said(tmp_path, "device", "list").output
    said(tmp_path, "device", "disable", "1")
    assert "disabled" in said(tmp_path, "device", "list").output


def test_a_search_and_an_export_are_lines_of_the_ledger(tmp_path: Path) -> None:
    said(tmp_path, "facility", "add", "north")
    said(tmp_path, "audit", "search")
    assert "ledger read" in said(tmp_path, "audit", "export", "--format", "csv").output
    assert said(tmp_path, "audit", "search", "--act", "ledger read").output.count("ledger read") == 2


def test_an_anchored_ledger_verifies(tmp_path: Path) -> None:
    said(tmp_path, "facility", "add", "north")
    (tmp_path / "anchor").write_bytes(said(tmp_path, "audit", "anchor").stdout_bytes)
    verified = said(tmp_path, "audit", "verify", "--anchor", str(tmp_path / "anchor"))
    assert (verified.exit_code, "0 faults" in verified.output) == (0, True)


def test_a_key_that_is_not_that_of_the_ledger_is_told(tmp_path: Path) -> None:
    said(tmp_path, "facility", "add", "north")
    (tmp_path / "ledger.key").unlink()
    (tmp_path / "ledger.key").write_bytes(bytes(32))
    assert said(tmp_path, "audit", "verify").exit_code == 1
