"""Bringing an SQLite database of ours to the schema of this version, with Alembic."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, create_engine, event

from sagittal.errors import Unsupported


def revision_of(path: Path, connect: Callable[[Path], sqlite3.Connection]) -> str:
    """The revision a database is at, `""` if it has none or does not exist."""
    if not path.exists():
        return ""
    with closing(connect(path)) as connection:
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.OperationalError:
            return ""
    return str(row[0]) if row else ""


def run_migrations(connect: Callable[[Path], sqlite3.Connection], schema: MetaData) -> None:
    """What Alembic is to run: one transaction for each revision, on the file that `upgrade` names."""
    from alembic import context

    path = context.config.attributes["path"]
    engine = create_engine("sqlite://", creator=lambda: connect(path))

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:  # a Connection; SQLAlchemy leaves event arguments untyped
        # The driver would begin no transaction for DDL.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=schema, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


def upgrade(path: Path, scripts: Path, revision: str, head: str, what: str) -> None:
    """Runs the migrations in the folder `scripts` from `revision` up to `head`; makes the database if it is not there.

    Raises:
        Unsupported: a later version of Sagittal wrote `what`.
    """
    # Alembic takes a quarter of a second to import.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["path"] = path
    try:
        if revision:
            ScriptDirectory.from_config(config).get_revision(revision)
    except CommandError as error:
        raise Unsupported(f"{what} at revision {revision}, which a later version of Sagittal wrote") from error
    command.upgrade(config, head)
