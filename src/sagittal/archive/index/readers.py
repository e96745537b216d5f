"""Queries: a few threads, each with a connection that cannot write."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import Connection, Executable, NullPool, Row, create_engine

from sagittal.archive.index.connect import connect_reader
from sagittal.archive.opening import attach_to_read
from sagittal.errors import Exhausted

T = TypeVar("T")

AnyRow: TypeAlias = Row[Any]
"""A row of a statement whose columns only the caller knows."""


class ReaderPool:
    """Runs queries beside each other and beside the writer; each sees what was committed when it began."""

    def __init__(self, path: Path, threads: int, beside: Path | None = None) -> None:
        """Reads the database at `path`, which exists, and the tables of another one `beside` it, if there is one."""
        self._path = path
        self._beside = beside
        self._local = threading.local()
        self._engine = create_engine(
            "sqlite://", creator=self._connect, poolclass=NullPool, isolation_level="AUTOCOMMIT"
        )
        self._open: list[Connection] = []
        self._watching: sqlite3.Connection | None = None  # of the event loop's thread; asks for nothing that waits
        self._versions: tuple[str, ...] = ()
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="sagittal-read")

    def _connect(self) -> sqlite3.Connection:
        connection = connect_reader(self._path)
        if self._beside is not None and self._beside.exists():
            attach_to_read(connection, self._beside, "beside")
        return connection

    async def select(self, statement: Executable, parameters: Mapping[str, object] | None = None) -> list[AnyRow]:
        """All rows of a SQLAlchemy Core statement, which is compiled once for all of its form.

        Raises Exhausted if SQLite gives up, as for a query that is too deep.
        """

        def run(connection: Connection) -> list[AnyRow]:
            return list(connection.execute(statement, dict(parameters or {})).fetchall())

        return await self._run(run)

    async def fetch(self, sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        """All rows of SQL text that is always the same, with question marks for `values`."""

        def run(connection: Connection) -> list[tuple[Any, ...]]:
            driver: sqlite3.Connection = connection.connection.dbapi_connection  # type: ignore[assignment]  # it is SQLite's
            return driver.execute(sql, tuple(values)).fetchall()

        return await self._run(run)

    async def run(self, query: Callable[[Connection], T]) -> T:
        """What a query of several statements gives; each statement sees what was committed when it began."""
        return await self._run(query)

    async def _run(self, query: Callable[[Connection], T]) -> T:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self._threads.submit(self._answer, loop, answer, query)
        return await answer

    def _answer(
        self, loop: asyncio.AbstractEventLoop, answer: "asyncio.Future[T]", query: Callable[[Connection], T]
    ) -> None:
        """Asks in a thread and has the loop told, in less time than `run_in_executor`, which links two futures."""
        if answer.cancelled():
            return
        try:
            found = self._in_thread(query)
        except Exception as error:  # noqa: BLE001  # raised where the answer is awaited
            tell = partial(answer.set_exception, error)
        else:
            tell = partial(answer.set_result, found)
        with suppress(RuntimeError):  # the loop is gone, and with it whoever asked
            loop.call_soon_threadsafe(_unless_gone, answer, tell)

    def _in_thread(self, query: Callable[[Connection], T]) -> T:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._engine.connect()
            self._open.append(connection)
        try:
            return query(connection)
        except sqlite3.OperationalError as error:
            raise Exhausted(f"the index cannot answer: {error}") from error

    def version(self) -> tuple[int, ...]:
        """Another value whenever something was committed, by whichever process, that answers from here depend on.

        Takes some 5 us.
        """
        if self._watching is None:
            self._watching = self._connect()
            names = {row[1] for row in self._watching.execute("PRAGMA database_list").fetchall()}
            self._versions = ("PRAGMA main.data_version",)
            if "beside" in names:  # of the records only who may do what matters; the ledger is written all the time
                self._versions += ("SELECT version FROM beside.access_state",)
        return tuple([self._watching.execute(sql).fetchone()[0] for sql in self._versions])

    def close(self) -> None:
        """Waits for the queries under way and closes the connections."""
        self._threads.shutdown(wait=True)
        for connection in self._open:
            connection.close()
        self._open.clear()
        if self._watching is not None:
            self._watching.close()
            self._watching = None
        self._engine.dispose()


def _unless_gone(answer: "asyncio.Future[T]", tell: Callable[[], None]) -> None:
    if not answer.done():
        tell()
