"""Connections to the SQLite index, and the migrations that bring it to the schema of this version."""

import sqlite3
from pathlib import Path

from sagittal.archive import migrating
from sagittal.archive.head_script import SCRIPT, make
from sagittal.archive.opening import open_to_read

HEAD = "0005"
"""The newest revision in `migrations/versions`; an index that has it needs no work at start-up."""

MIGRATIONS = Path(__file__).parent / "migrations"

_BUSY_S = 30.0
_WRITER_CACHE_KIB = 64 * 1024
_READER_CACHE_KIB = 2 * 1024  # the system's cache has the pages, too
_CHECKPOINT_PAGES = 10_000
_JOURNAL_BYTES = 64 << 20  # the write-ahead log is cut back to this after a checkpoint


def connect_writer(path: Path) -> sqlite3.Connection:
    """The one connection that writes; autocommit, transactions are begun by hand.

    `synchronous=NORMAL`: a power cut may take the newest transactions, whole; the packs make up for them.
    """
    connection = sqlite3.connect(
        path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "fullfsync=ON",  # of macOS only
        "temp_store=MEMORY",
        "secure_delete=ON",  # what is taken out is overwritten
        f"cache_size=-{_WRITER_CACHE_KIB}",
        f"wal_autocheckpoint={_CHECKPOINT_PAGES}",
        f"journal_size_limit={_JOURNAL_BYTES}",
    ):
        connection.execute(f"PRAGMA {pragma}").close()
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write. Raises Unsupported where the index cannot be read as it was left."""
    pragmas = ("query_only=ON", "temp_store=MEMORY", f"cache_size=-{_READER_CACHE_KIB}")
    return open_to_read(path, pragmas, cached_statements=256)


def revision_of(path: Path) -> str:
    """The revision an index is at, `""` if it has none or does not exist."""
    return migrating.revision_of(path, connect_reader)


def migrate(path: Path) -> None:
    """Makes the index at `path`, or brings it to HEAD. Raises Unsupported for one of a later version of Sagittal."""
    revision = revision_of(path)
    if revision == HEAD or (not revision and make(path, connect_writer, MIGRATIONS / SCRIPT)):
        return
    migrating.upgrade(path, MIGRATIONS, revision_of(path), HEAD, "the index is")


def run_all_migrations(path: Path) -> None:
    """Makes the database step by step, as its versions did; what `migrate` makes at once is to be the same."""
    migrating.upgrade(path, MIGRATIONS, "", HEAD, "the index is")
