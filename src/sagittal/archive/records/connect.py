"""Connections to the records, and the migrations that bring them to the schema of this version."""

import sqlite3
from pathlib import Path

from sagittal.archive import migrating
from sagittal.archive.head_script import SCRIPT, make
from sagittal.archive.opening import open_to_read

HEAD = "0007"
"""The newest revision in `migrations/versions`."""

MIGRATIONS = Path(__file__).parent / "migrations"

_BUSY_S = 30.0
_JOURNAL_BYTES = 16 << 20  # the write-ahead log is cut back to this after a checkpoint


def connect_writer(path: Path) -> sqlite3.Connection:
    """The one connection that writes; autocommit, transactions are begun by hand.

    `synchronous=FULL`: what was committed is on the medium, for nothing else has it.
    """
    connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "fullfsync=ON",  # of macOS only
        "foreign_keys=ON",
        "temp_store=MEMORY",
        "secure_delete=ON",  # what proved somebody is not left in free pages
        f"journal_size_limit={_JOURNAL_BYTES}",
    ):
        connection.execute(f"PRAGMA {pragma}").close()
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write. Raises Unsupported where the records cannot be read as they were left."""
    return open_to_read(path, ("query_only=ON", "temp_store=MEMORY"))


def revision_of(path: Path) -> str:
    """The revision the records are at, `""` if they have none or do not exist."""
    return migrating.revision_of(path, connect_reader)


def migrate(path: Path) -> None:
    """Makes the records at `path`, or brings them to HEAD. Raises Unsupported for those of a later version."""
    revision = revision_of(path)
    if revision == HEAD or (not revision and make(path, connect_writer, MIGRATIONS / SCRIPT)):
        return
    migrating.upgrade(path, MIGRATIONS, revision_of(path), HEAD, "the records are")


def run_all_migrations(path: Path) -> None:
    """Makes the database step by step, as its versions did; what `migrate` makes at once is to be the same."""
    migrating.upgrade(path, MIGRATIONS, "", HEAD, "the records are")
