"""The records of a data folder, beside the process that serves it; each change with its line in the ledger."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection

from sagittal.archive.records.connect import migrate
from sagittal.archive.records.records import RECORDS_NAME, Records
from sagittal.audit.acts import Kind
from sagittal.audit.chronicle import Chronicle
from sagittal.audit.keeping import ledger_key
from sagittal.audit.key import make_key
from sagittal.runtime.actor import LOCAL
from sagittal.runtime.settings import Settings

T = TypeVar("T")


@asynccontextmanager
async def opened_records(settings: Settings) -> AsyncIterator[Records]:
    """The records; made if they are not there."""
    records = await asyncio.to_thread(_open, Path(settings.data))
    try:
        yield records
    finally:
        await asyncio.to_thread(records.close)


def chronicle_of(settings: Settings) -> Chronicle:
    """What writes lines of the ledger for this command line."""
    return Chronicle(make_key(ledger_key(settings)))


def change(
    settings: Settings, kind: Kind, subject: str, run: Callable[[Connection], T], detail: str = "", study: str = ""
) -> T:
    """Changes the records and says so in the ledger, in one transaction; `study`: what it was about, if it was one."""
    return asyncio.run(_change(settings, kind, subject, run, detail, study))


async def _change(
    settings: Settings, kind: Kind, subject: str, run: Callable[[Connection], T], detail: str, study: str
) -> T:
    async with opened_records(settings) as records:
        chronicle = chronicle_of(settings)

        def both(connection: Connection) -> T:
            result = run(connection)
            chronicle.note(connection, LOCAL, kind, subject=subject, detail=detail, study_instance_uid=study)
            return result

        return await records.write(both)


def look(settings: Settings, run: Callable[[Connection], T]) -> T:
    """Reads the records."""

    async def read() -> T:
        async with opened_records(settings) as records:
            return await records.read(run)

    return asyncio.run(read())


def _open(data: Path) -> Records:
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    migrate(data / RECORDS_NAME)
    return Records(data / RECORDS_NAME)
