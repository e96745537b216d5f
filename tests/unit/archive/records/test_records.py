"""What no pack holds: commits that last, shared by those who wait together, undone one by one."""

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, func, insert, select

from sagittal.archive.archive import Archive
from sagittal.archive.reader import open_reader
from sagittal.archive.records import (
    connect,
    credentials,
    ledger_tables,
    policy_tables,
    preference_tables,
    reaction_tables,
    schema,
)
from sagittal.archive.records.records import RECORDS_NAME, Records
from sagittal.errors import Exhausted, Invalid, Unsupported


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    connect.migrate(tmp_path / RECORDS_NAME)
    records = Records(tmp_path / RECORDS_NAME)
    yield records
    records.close()


def noting(note: str) -> Callable[[Connection], int]:
    def run(connection: Connection) -> int:
        (number,) = connection.execute(insert(schema.journal).values(note=note)).inserted_primary_key or (0,)
        return int(number)

    return run


async def notes(records: Records) -> list[str]:
    return [row.note for row in await records.select(select(schema.journal.c.note).order_by(schema.journal.c.id))]


def test_the_migrations_end_at_the_schema(tmp_path: Path) -> None:
    path = tmp_path / RECORDS_NAME
    connect.migrate(path)
    engine = create_engine("sqlite://", creator=lambda: connect.connect_writer(path))
    with engine.connect() as connection:
        told = {credentials.access_state, ledger_tables.ledger, policy_tables.shares, reaction_tables.reactions}
        told.add(preference_tables.preferences)
        assert told < set(schema.metadata.sorted_tables)
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
        assert connection.execute(select(credentials.access_state)).all() == [(1, 1)]
    engine.dispose()
    scripts = ScriptDirectory(str(Path(connect.__file__).parent / "migrations"))
    assert scripts.get_current_head() == connect.HEAD == connect.revision_of(path)


def test_records_of_a_later_version_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / RECORDS_NAME
    connect.migrate(path)
    with closing(connect.connect_writer(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Unsupported, match="records are at revision 9999"):
        connect.migrate(path)


def test_every_commit_is_synced_and_the_log_is_written_ahead(tmp_path: Path) -> None:
    with closing(connect.connect_writer(tmp_path / "any.db")) as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_a_write_is_there_for_others_when_it_returns(records: Records, tmp_path: Path) -> None:
    assert await records.write(noting("one")) == 1
    with closing(sqlite3.connect(tmp_path / RECORDS_NAME)) as other:
        assert other.execute("SELECT note FROM journal").fetchall() == [("one",)]
    assert await records.fetch("SELECT note FROM journal WHERE id = ?", (1,)) == [("one",)]


async def test_writes_that_wait_together_share_a_transaction_and_a_failure_undoes_only_itself(
    records: Records, tmp_path: Path
) -> None:
    gate = threading.Event()
    seen_by_others: list[int] = []

    def held(_: Connection) -> None:
        gate.wait(10)

    def failing(connection: Connection) -> None:
        connection.execute(insert(schema.journal).values(note="undone"))
        raise Invalid("no")

    def look(connection: Connection) -> int:
        with closing(sqlite3.connect(tmp_path / RECORDS_NAME)) as other:
            seen_by_others.extend(other.execute("SELECT count(*) FROM journal").fetchone())
        return int(connection.execute(select(func.count()).select_from(schema.journal)).scalar_one())

    first = asyncio.ensure_future(records.write(held))
    await asyncio.sleep(0)
    together = [asyncio.ensure_future(records.write(run)) for run in (noting("a"), failing, noting("b"), look)]
    await asyncio.sleep(0)
    gate.set()
    done = await asyncio.gather(first, *together, return_exceptions=True)
    assert isinstance(done[2], Invalid)
    # The last one saw what the others of its transaction did, and nobody outside saw it yet.
    assert (done[4], seen_by_others) == (2, [0])
    assert await notes(records) == ["a", "b"]


async def test_what_the_database_cannot_do_is_told_and_the_next_write_works(records: Records) -> None:
    await records.write(noting("before"))

    def limit(connection: Connection) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    def much(connection: Connection) -> None:
        connection.execute(insert(schema.journal).values(note="x" * 100_000))

    await records.write(limit)
    with pytest.raises(Exhausted, match="full"):
        await records.write(much)
    await records.write(noting("after"))
    assert await notes(records) == ["before", "after"]


async def test_a_constraint_is_the_error_of_its_own_write(records: Records) -> None:
    from sqlalchemy.exc import IntegrityError

    def twice(connection: Connection) -> None:
        connection.execute(insert(schema.journal).values(id=7))
        connection.execute(insert(schema.journal).values(id=7))

    with pytest.raises(IntegrityError):
        await records.write(twice)
    assert await notes(records) == []


async def test_closed_records_take_nothing(records: Records) -> None:
    records.close()
    with pytest.raises(Exhausted):
        await records.write(noting("late"))


async def test_an_archive_has_its_records_and_a_reader_beside_it_reads_them(tmp_path: Path) -> None:
    archive = Archive.open(tmp_path)
    await archive.records.write(noting("kept"))
    reader = open_reader(tmp_path)
    assert await reader.records.fetch("SELECT note FROM journal", ()) == [("kept",)]
    await reader.close()
    await archive.close()


async def test_a_folder_without_records_is_not_for_readers(tmp_path: Path) -> None:
    await Archive.open(tmp_path).close()
    os.unlink(tmp_path / RECORDS_NAME)
    with pytest.raises(Unsupported, match="records"):
        open_reader(tmp_path)
    assert RECORDS_NAME not in os.listdir(tmp_path)
