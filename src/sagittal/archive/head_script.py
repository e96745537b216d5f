"""A fresh database at once: the script that makes what all migrations together make, kept beside them as `head.sql`.

Alembic takes a quarter of a second and 11 MB of memory; it is for databases that are there already.
`make schema` writes the scripts anew from the migrations; a test compares.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

SCRIPT: Final = "head.sql"


def make(path: Path, connect: Callable[[Path], sqlite3.Connection], script: Path) -> bool:
    """Makes the database at `path` in one transaction; False if something is in it already."""
    with closing(connect(path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            is_empty = not connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
            if is_empty:
                for statement in statements(script.read_text()):
                    connection.execute(statement)
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
    return is_empty


def statements(script: str) -> Iterator[str]:
    """The statements of a script; none of them holds a line that ends as a statement does, but at its end."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def script_of(connection: sqlite3.Connection) -> str:
    """What makes this database: its schema, then the rows it begins with."""
    hidden = {name for (name,) in connection.execute("SELECT name FROM pragma_table_list WHERE type = 'shadow'")}
    schema = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")
    parts = [(kind, name, sql) for kind, name, sql in schema if name not in hidden and not name.startswith("sqlite_")]
    lines = [f"{sql};\n" for _, _, sql in parts]
    for kind, name, sql in parts:
        if kind == "table" and not sql.startswith("CREATE VIRTUAL"):
            lines.extend(_rows(connection, name))
    return "".join(lines)


def _rows(connection: sqlite3.Connection, table: str) -> Iterator[str]:
    columns = [name for _, name, *_ in connection.execute(f'PRAGMA table_info("{table}")')]
    quoted = ", ".join(f'quote("{name}")' for name in columns)
    named = ", ".join(f'"{name}"' for name in columns)
    for row in connection.execute(f'SELECT {quoted} FROM "{table}" ORDER BY 1'):  # noqa: S608  # names of our schema
        yield f'INSERT INTO "{table}" ({named}) VALUES ({", ".join(row)});\n'  # noqa: S608  # and its values


def migrated(folder: Path, migrate: Callable[[Path], None], connect: Callable[[Path], sqlite3.Connection]) -> str:
    """The script of what `migrate` makes in an empty folder."""
    path = folder / "migrated.db"
    migrate(path)
    with closing(connect(path)) as connection:
        return script_of(connection)
