"""What the porter remembers, as long as nobody has changed who may do what."""

import sqlite3
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection

from sagittal.access.resolving import Resolved
from sagittal.access.sessions import SECOND_NS
from sagittal.access.version import VERSION_SQL
from sagittal.archive.records.connect import connect_reader
from sagittal.archive.records.records import Records
from sagittal.errors import Exhausted

MOST = 4096
LONGEST_NS = 60 * SECOND_NS
"""What ends by itself, as a broken glass does, is looked up so often."""


class Memory:
    """Resolved Actors by digests of what was shown. Belongs to one event loop."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._watch = Watch(records.path)
        self._kept: OrderedDict[bytes, Resolved] = OrderedDict()

    def recall(self, digest: bytes, now_ns: int) -> Resolved | None:
        """What was resolved, if nothing was changed since."""
        found = self._kept.get(digest)
        if found is None or not self.is_good(found, now_ns):
            return None
        self._kept.move_to_end(digest)
        return found

    def is_good(self, found: Resolved, now_ns: int) -> bool:
        """Whether nothing was changed since something was resolved."""
        return now_ns - found.at_ns < LONGEST_NS and found.version == self._watch.version()

    async def look_up(self, digest: bytes, resolve: Callable[[Connection], Resolved | None]) -> Resolved | None:
        """Has something resolved, and remembers it."""
        version = self._watch.version()  # before anything is read: what changes meanwhile is looked up again
        found = await self._records.read(resolve)
        if found is None:
            self._kept.pop(digest, None)
            return None
        found.version = version
        self._kept[digest] = found
        self._kept.move_to_end(digest)
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return found

    def close(self) -> None:
        """Lets the records go."""
        self._watch.close()


class Watch:
    """Reads the number of changes on a connection of its own, in the event loop: a page that is in memory."""

    def __init__(self, path: Path) -> None:
        self._connection = connect_reader(path)
        self._cursor = self._connection.cursor()  # one for all: a new one each time costs as much as the reading

    def version(self) -> int:
        """The number of `access.version`. Raises Exhausted if the records cannot be read."""
        try:
            ((number,),) = self._cursor.execute(VERSION_SQL).fetchall()  # to its end, or a reader stays behind
        except sqlite3.OperationalError as error:
            raise Exhausted(f"the records cannot be read: {error}") from error
        return int(number)

    def close(self) -> None:
        """Lets the records go."""
        self._connection.close()
