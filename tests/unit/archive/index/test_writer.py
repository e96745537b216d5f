import sqlite3
import time
from pathlib import Path

import pytest

from sagittal.archive.index.connect import migrate
from sagittal.archive.index.writer import IndexWriter


def test_an_index_that_cannot_be_written_any_more_can_be_closed(tmp_path: Path) -> None:
    migrate(tmp_path / "index.db")
    index = IndexWriter(tmp_path / "index.db", time.time_ns)
    connection = index._connection
    connection.set_authorizer(
        lambda action, name, *_: sqlite3.SQLITE_DENY if (action, name) == (sqlite3.SQLITE_PRAGMA, "optimize") else 0
    )
    index.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")
