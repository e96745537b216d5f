"""Bringing an SQLite database of ours to the schema of this version, with Alembic."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

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
