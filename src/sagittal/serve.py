"""Roles to tasks: the only place where the store is chosen and listeners are put together."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from sagittal.archive.archive import Archive
from sagittal.runtime.log import get_logger
from sagittal.runtime.settings import Settings

log = get_logger(__name__)


@contextlib.asynccontextmanager
async def opened_archive(settings: Settings) -> AsyncIterator[Archive]:
    """The archive in the data folder, repaired if need be, closed at the end.

    Raises:
        Conflict: another process has it open.
    """
    archive = await asyncio.to_thread(Archive.open, Path(settings.data))
    try:
        if not archive.repairs.is_clean:
            log.warning("archive repaired", **msgspec.structs.asdict(archive.repairs))
        yield archive
    finally:
        await archive.close()
