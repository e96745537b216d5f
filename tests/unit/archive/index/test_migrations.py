from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from sagittal.archive.index import connect, schema
from sagittal.errors import Unsupported


def test_the_migrations_end_at_the_schema(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    connect.migrate(path)
    engine = create_engine("sqlite://", creator=lambda: connect.connect_writer(path))
    with engine.connect() as connection:

        def ours(_: object, name: str | None, kind: str, __: bool, ___: object) -> bool:
            return not (kind == "table" and (name or "").startswith(("study_names", "patient_names")))

        context = MigrationContext.configure(connection, opts={"include_object": ours})
        assert compare_metadata(context, schema.metadata) == []
    engine.dispose()


def test_the_head_is_the_newest_revision(tmp_path: Path) -> None:
    scripts = ScriptDirectory(str(Path(connect.__file__).parent / "migrations"))
    assert scripts.get_current_head() == connect.HEAD
    connect.migrate(tmp_path / "index.db")
    assert connect.revision_of(tmp_path / "index.db") == connect.HEAD
    connect.migrate(tmp_path / "index.db")


def test_an_index_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    connect.migrate(path)
    with closing(connect.connect_writer(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Unsupported, match="9999"):
        connect.migrate(path)


def test_readers_cannot_write(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "index.db"
    connect.migrate(path)
    with closing(connect.connect_reader(path)) as connection, pytest.raises(sqlite3.OperationalError):
        connection.execute("DELETE FROM packs")
