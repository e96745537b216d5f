"""What the command line asks of a data folder, and takes out of it, is in its ledger."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sagittal.archive.records.records import RECORDS_NAME, RecordsReader
from sagittal.cli.app import app
from support.archives import archive_at, instance, store

STUDY, SECRET = "1.2.3.4", "4711-0815"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    async def keep() -> None:
        async with archive_at(tmp_path / "data") as archive:
            for study in (STUDY, f"{STUDY}.5"):
                uids = {"StudyInstanceUID": study, "SOPInstanceUID": f"{study}.1"}
                await store(archive, instance(**uids, PatientID=SECRET))

    asyncio.run(keep())
    return tmp_path / "data"


def run(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--data", str(data)])


def lines(data: Path) -> list[tuple[str, ...]]:
    async def read() -> list[tuple[str, ...]]:
        reader = RecordsReader(data / RECORDS_NAME)
        sql = "SELECT kind, actor_kind, door, study_instance_uid, subject, detail FROM ledger ORDER BY seq"
        found = [tuple(map(str, row)) for row in await reader.fetch(sql, ())]
        reader.close()
        return found

    return asyncio.run(read())


def test_a_search_is_a_line_that_names_keys_and_no_values(data: Path) -> None:
    asked = run(data, "find", f"PatientID={SECRET}", "--json")
    assert (asked.exit_code, STUDY in asked.output) == (0, True)
    assert lines(data) == [("query", "local", "cli", "", "STUDY", "PatientID")]
    assert SECRET not in repr(lines(data))


def test_each_study_that_is_exported_has_its_line_before_it_is(data: Path, tmp_path: Path) -> None:
    assert run(data, "export", str(tmp_path / "one"), "--study", STUDY).exit_code == 0
    assert lines(data) == [("export", "local", "cli", STUDY, "", "")]
    assert run(data, "export", str(tmp_path / "all.zip"), "--all").exit_code == 0
    assert sorted(line[:4] for line in lines(data)[1:]) == [
        ("export", "local", "cli", STUDY),
        ("export", "local", "cli", f"{STUDY}.5"),
        ("query", "local", "cli", ""),
    ]


def test_what_is_refused_is_a_line_too(data: Path, tmp_path: Path) -> None:
    assert run(data, "consent", "record", SECRET, "export", "--no").exit_code == 0
    assert run(data, "export", str(tmp_path / "one"), "--study", STUDY).exit_code != 0
    assert ("refusal", "local", "cli", "", "export", "") in lines(data)


def test_the_ledger_verifies_after_lines_of_the_command_line(data: Path, tmp_path: Path) -> None:
    run(data, "find")
    run(data, "export", str(tmp_path / "one"), "--study", STUDY)
    verified = run(data, "audit", "verify")
    assert verified.exit_code == 0, verified.output
