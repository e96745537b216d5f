"""The records: one thread that writes, with commits that those who wait together share; readers beside it."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TypeAlias, TypeVar

from sqlalchemy import Connection, Executable, NullPool, create_engine, event
from sqlalchemy.exc import DBAPIError, PendingRollbackError

from sagittal.archive.index.readers import AnyRow, ReaderPool
from sagittal.archive.records.connect import connect_writer
from sagittal.errors import Exhausted

RECORDS_NAME = "records.db"
_READ_THREADS = 2
_MAX_GROUP = 256

T = TypeVar("T")


class RecordsReader:
    """The records, for reading. Belongs to one event loop.

    Attributes:
        path: of the database.
    """

    def __init__(self, path: Path) -> None:
        """Reads the records at `path`, which are to exist at revision HEAD."""
        self.path = path
        self._readers = ReaderPool(path, _READ_THREADS)

    async def select(self, statement: Executable, parameters: Mapping[str, object] | None = None) -> list[AnyRow]:
        """All rows of a SQLAlchemy Core statement over tables of `records.schema`. Raises Exhausted."""
        return await self._readers.select(statement, parameters)

    async def fetch(self, sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        """All rows of SQL text that is always the same, with question marks for `values`. Raises Exhausted."""
        return await self._readers.fetch(sql, values)

    async def read(self, run: Callable[[Connection], T]) -> T:
        """What `run` reads, in another thread; each of its statements sees what was committed when it began."""
        return await self._readers.run(run)

    def close(self) -> None:
        """Waits for the queries under way and closes the connections; blocks."""
        self._readers.close()


class _Write(NamedTuple):
    run: Callable[[Connection], object]
    future: Future[object]


class _Stop(NamedTuple):
    """The last thing in the queue."""


_Outcome: TypeAlias = tuple[_Write, object, BaseException | None]


class Records(RecordsReader):
    """The records, for reading and writing. `close` it at the end."""

    def __init__(self, path: Path) -> None:
        """Writes the records at `path`, which are to exist at revision HEAD."""
        super().__init__(path)
        self._queue: SimpleQueue[_Write | _Stop] = SimpleQueue()
        self._is_stopped = False
        self._engine = create_engine("sqlite://", creator=lambda: connect_writer(path), poolclass=NullPool)

        @event.listens_for(self._engine, "begin")
        def begin(connection: Any) -> None:  # a Connection; SQLAlchemy leaves event arguments untyped
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        self._connection = self._engine.connect()
        self._thread = threading.Thread(target=self._run, name="sagittal-records", daemon=True)
        self._thread.start()

    async def write(self, run: Callable[[Connection], T]) -> T:
        """Has `run` change the records; when this returns what it did is on the medium.

        Writes that wait at the same time share a transaction and its sync. One that raises undoes only itself, and its
        error is raised here. `run` is called in another thread and is to be short.

        Raises:
            Exhausted: the disk is full or fails, or the records are closed; nothing was changed.
        """
        return await asyncio.wrap_future(self._queued(run))

    def write_now(self, run: Callable[[Connection], T]) -> T:
        """As `write`, for a thread that may block."""
        return self._queued(run).result()

    def _queued(self, run: Callable[[Connection], T]) -> Future[T]:
        if self._is_stopped:
            raise Exhausted("the records are closed")
        future: Future[Any] = Future()  # Any: the queue holds futures of many types
        self._queue.put(_Write(run, future))
        return future

    def close(self) -> None:
        """Does what is queued, then closes the connections; blocks."""
        if not self._is_stopped:
            self._is_stopped = True
            self._queue.put(_Stop())
        self._thread.join()
        super().close()

    # In the thread

    def _run(self) -> None:
        task = self._queue.get()
        while isinstance(task, _Write):
            group, following = self._gather(task)
            self._commit([write for write in group if write.future.set_running_or_notify_cancel()])
            task = following or self._queue.get()
        self._connection.close()
        self._engine.dispose()

    def _gather(self, first: _Write) -> tuple[list[_Write], _Stop | None]:
        group = [first]
        while len(group) < _MAX_GROUP:
            try:
                task = self._queue.get_nowait()
            except Empty:
                break
            if isinstance(task, _Stop):
                return group, task
            group.append(task)
        return group, None

    def _commit(self, group: list[_Write]) -> None:
        try:
            with self._connection.begin():
                outcomes = [self._attempt(write) for write in group]
        except (DBAPIError, PendingRollbackError, sqlite3.Error) as error:
            failure = Exhausted(f"cannot write the records: {error.__cause__ or type(error).__name__}")
            outcomes = [(write, None, failure) for write in group]
        except BaseException as error:  # noqa: BLE001  # the border of a task: it goes to those who wait
            outcomes = [(write, None, error) for write in group]
        for write, result, raised in outcomes:
            if raised is None:
                write.future.set_result(result)
            else:
                write.future.set_exception(raised)

    def _attempt(self, write: _Write) -> _Outcome:
        """Runs one write in a savepoint; what the database itself cannot do ends the whole group."""
        savepoint = self._connection.begin_nested()
        try:
            result = write.run(self._connection)
        except DBAPIError as error:
            if isinstance(error.orig, sqlite3.OperationalError | sqlite3.InternalError):
                raise
            savepoint.rollback()
            return write, None, error
        except BaseException as error:  # noqa: BLE001  # the border of a task: it goes to the one who waits
            savepoint.rollback()
            return write, None, error
        savepoint.commit()
        return write, result, None
