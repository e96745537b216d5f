"""The archive as this command line reads it: what is asked of it and goes out of it is in the ledger."""

import os
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from sqlalchemy import Connection

from sagittal.archive.reader import ArchiveReader
from sagittal.archive.records.records import Records
from sagittal.audit.acts import MINOR_FAILURE
from sagittal.audit.chronicle import Chronicle
from sagittal.cli.records import chronicle_of, opened_records
from sagittal.runtime.actor import Actor
from sagittal.runtime.settings import Settings
from sagittal.runtime.witness import Access
from sagittal.serve import readable_archive


class _Scribe:
    """A Witness that writes each line at once: a command is over soon."""

    def __init__(self, records: Records, chronicle: Chronicle) -> None:
        self._records = records
        self._chronicle = chronicle
        self._refused: dict[tuple[Actor, str], None] = {}

    async def accessed(self, actor: Actor, access: Access, studies: Iterable[str]) -> None:
        """A line for each study."""

        def lines(connection: Connection) -> None:
            for study in sorted(studies):
                self._chronicle.note(connection, actor, access, study_instance_uid=study)

        await self._records.write(lines)

    async def queried(self, actor: Actor, level: str, keys: Sequence[str]) -> None:
        """A line with the names of the keys."""
        asked = ",".join(keys)
        await self._records.write(lambda c: self._chronicle.note(c, actor, "query", subject=level, detail=asked))

    def refused(self, actor: Actor, action: str) -> None:
        """Is written by `finish`."""
        self._refused[(actor, action)] = None

    async def finish(self) -> None:
        """Writes what could not wait for the medium when it was told."""

        def lines(connection: Connection) -> None:
            for actor, action in self._refused:
                self._chronicle.note(connection, actor, "refusal", subject=action, outcome=MINOR_FAILURE)

        if self._refused:
            await self._records.write(lines)


@asynccontextmanager
async def witnessed_archive(settings: Settings) -> AsyncIterator[ArchiveReader]:
    """The archive, for reading only. On a medium where nothing can be written there is no ledger either.

    Raises:
        NotFound: nothing is kept there.
    """
    async with readable_archive(settings) as archive:
        if not os.access(settings.data, os.W_OK):
            yield archive
            return
        async with opened_records(settings) as records:
            archive.witness = scribe = _Scribe(records, chronicle_of(settings))
            try:
                yield archive
            finally:
                await scribe.finish()
