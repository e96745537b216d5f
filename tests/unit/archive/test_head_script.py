"""A fresh database is made by one script; it is what all migrations make, and is made whole or not at all."""

import sqlite3
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest

from sagittal.archive.head_script import SCRIPT, make, migrated, script_of, statements
from sagittal.archive.index import connect as index
from sagittal.archive.records import connect as records


@pytest.fixture(params=[index, records], ids=["index", "records"])
def database(request: pytest.FixtureRequest) -> ModuleType:
    assert isinstance(request.param, ModuleType)
    return request.param


def test_the_script_is_what_all_migrations_make(database: ModuleType, tmp_path: Path) -> None:
    made = migrated(tmp_path, database.run_all_migrations, database.connect_writer)
    assert (database.MIGRATIONS / SCRIPT).read_text() == made, "after a new migration: `make schema`"


def test_what_the_script_made_gives_the_script(database: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "fresh.db"
    database.migrate(path)
    assert database.revision_of(path) == database.HEAD
    with closing(database.connect_writer(path)) as connection:
        assert script_of(connection) == (database.MIGRATIONS / SCRIPT).read_text()
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_nothing_is_made_over_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "there.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE mine (id INTEGER)")
    assert not make(path, index.connect_writer, index.MIGRATIONS / SCRIPT)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("mine",)]


def test_a_script_that_fails_leaves_nothing(tmp_path: Path) -> None:
    script = tmp_path / "head.sql"
    script.write_text("CREATE TABLE one (id INTEGER);\nCREATE TABLE one (id INTEGER);\n")
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        make(tmp_path / "fresh.db", index.connect_writer, script)
    with closing(sqlite3.connect(tmp_path / "fresh.db")) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def test_a_trigger_is_one_statement() -> None:
    trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n  DELETE FROM b;\n  DELETE FROM c;\nEND;\n"
    assert list(statements(trigger + "SELECT 1;\n")) == [trigger, "SELECT 1;\n"]
