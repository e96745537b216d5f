"""An SQLite database opened to be read: beside its writer, after it, or on a medium where nobody can write."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from sagittal.errors import Unsupported

T = TypeVar("T")

_BUSY_S = 30.0


_PROBE = "SELECT 1 FROM {}.sqlite_schema LIMIT 1"


def open_to_read(path: Path, pragmas: tuple[str, ...], *, cached_statements: int = 128) -> sqlite3.Connection:
    """A connection that cannot write.

    In a folder that cannot be written SQLite has no place for what readers in write-ahead mode share. Then nobody else
    writes there either, and the file is read as it is.

    Raises:
        Unsupported: that file is not all there is: its write-ahead log was left beside it and cannot be read here.
    """

    def opened(name: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            name,
            timeout=_BUSY_S,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=cached_statements,
            uri=True,
        )
        try:
            for pragma in pragmas:
                connection.execute(f"PRAGMA {pragma}").close()
            connection.execute(_PROBE.format("main")).fetchall()
        except BaseException:
            connection.close()
            raise
        return connection

    return _as_it_is(path, opened)


def attach_to_read(connection: sqlite3.Connection, path: Path, name: str) -> None:
    """Puts another database beside that of `connection`, under `name`. Raises Unsupported as `open_to_read` does."""

    def attached(said: str) -> None:
        connection.execute(f"ATTACH DATABASE ? AS {name}", (said,)).close()
        try:
            connection.execute(_PROBE.format(name)).fetchall()
        except BaseException:
            connection.execute(f"DETACH DATABASE {name}").close()
            raise

    _as_it_is(path, attached)


def _as_it_is(path: Path, open_it: Callable[[str], T]) -> T:
    """Has a database opened by its URI; where nothing can be written, as a file that does not change."""
    uri = f"file:{quote(str(path))}"
    try:
        return open_it(f"{uri}?mode=rw")
    except sqlite3.OperationalError:
        if os.access(path.parent, os.W_OK) or not path.exists():
            raise
    log = Path(f"{path}-wal")
    if log.exists() and log.stat().st_size:
        raise Unsupported(
            f"{path} was not closed, and its write-ahead log cannot be read where nothing can be written: "
            "copy the data folder to where it can be"
        )
    return open_it(f"{uri}?immutable=1")
