"""The ledger of a served archive, with whoever it is sent on to, for as long as the archive is served."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

from sagittal.archive.archive import Archive
from sagittal.audit.configuring import note_settings
from sagittal.audit.forwarding import Collector, Forwarder
from sagittal.audit.key import KEY_NAME, make_key
from sagittal.audit.ledger import Ledger
from sagittal.audit.line import Act
from sagittal.audit.message import Reporter
from sagittal.audit.verifying import ends_well
from sagittal.errors import Invalid
from sagittal.runtime.actor import LOCAL
from sagittal.runtime.log import get_logger
from sagittal.runtime.settings import Settings, parse_address

log = get_logger(__name__)


@contextlib.asynccontextmanager
async def kept_ledger(settings: Settings, archive: Archive) -> AsyncIterator[Ledger]:
    """Opens the ledger and makes it the witness of the archive.

    Raises:
        Corrupt: the key is no key.
        Invalid: the collector's certificates cannot be read.
    """
    key = make_key(ledger_key(settings))
    if not await ends_well(archive.records, key):
        log.error("the end of the ledger does not verify: its key was changed, or a line; see `sagittal audit verify`")
    ledger = Ledger(archive, key)
    await ledger.start()
    archive.witness = ledger
    try:
        async with _sent_on(settings, archive, ledger):
            await ledger.tell(Act(kind="started", actor=LOCAL))
            chronicle = ledger.chronicle()
            await archive.records.write(lambda c: note_settings(c, chronicle, key, settings))
            yield ledger
            await ledger.tell(Act(kind="stopped", actor=LOCAL))
    finally:
        await ledger.close()


def ledger_key(settings: Settings) -> Path:
    """Where the key of the ledger is."""
    return Path(settings.ledger_key_file) if settings.ledger_key_file else Path(settings.data, KEY_NAME)


@contextlib.asynccontextmanager
async def _sent_on(settings: Settings, archive: Archive, ledger: Ledger) -> AsyncIterator[None]:
    if not settings.audit_syslog:
        yield
        return
    forwarder = Forwarder(archive.records, _collector(settings), Reporter(settings.aet, settings.audit_site))
    ledger.written = forwarder.wake
    task = asyncio.create_task(forwarder.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _collector(settings: Settings) -> Collector:
    host, port = parse_address(settings.audit_syslog, "audit_syslog")
    try:
        context = ssl.create_default_context(cafile=settings.audit_syslog_ca or None)
        if settings.audit_syslog_certificate:
            context.load_cert_chain(settings.audit_syslog_certificate)
    except OSError as error:
        raise Invalid(f"audit_syslog_ca or audit_syslog_certificate cannot be used: {error}") from error
    return Collector(host, port, context)
