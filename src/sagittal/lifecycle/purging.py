"""Purging: what was rejected long enough ago goes for good."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeAlias

import msgspec

from sagittal.access.asking import ask
from sagittal.archive.acts import Entry
from sagittal.archive.archive import Archive
from sagittal.archive.index.rejections import rejected_by
from sagittal.archive.index.writer import IndexWriter
from sagittal.archive.journalled import carry_out
from sagittal.archive.purging import PurgeReport, finish_purges
from sagittal.errors import Refused, SagittalError
from sagittal.lifecycle.holding import require_no_hold
from sagittal.lifecycle.rejecting import Rejection, may_change, setting_aside
from sagittal.runtime.actor import EVERYTHING, Actor
from sagittal.runtime.log import get_logger

log = get_logger(__name__)

NS_PER_DAY = 86_400 * 1_000_000_000
MayPurge: TypeAlias = Callable[[Rejection], Awaitable[bool]]
"""Asked of each rejection before it goes for good, beside the legal holds; what keeps it answers False."""

_LEFT = "SELECT DISTINCT rejection FROM rejected WHERE purge IS NULL ORDER BY rejection"
_COPIED = (
    "SELECT 1 FROM journal JOIN journal_instances ON journal_instances.entry = journal.id"
    " JOIN instances ON instances.sop_instance_uid = journal_instances.sop_instance_uid"
    " WHERE journal.id = ? AND journal.kind = 'renamed' AND journal_instances.is_conflict = 0"
)
"""Whether what was set aside has a copy under another UID that is there: the bytes as they came stay as long."""
_FACILITIES = (
    "SELECT DISTINCT packs.facility FROM rejected JOIN packs ON packs.id = rejected.pack"
    " WHERE rejection = ? AND purge IS NULL"
)
_EVERY_S = 3600.0


async def purge(
    archive: Archive, actor: Actor, *, rejected_before_ns: int, may_purge: MayPurge | None = None
) -> PurgeReport:
    """Takes from the disk what was rejected before then, not restored and not held, as far as the actor may.

    Args:
        rejected_before_ns: nanoseconds since 1970-01-01 UTC.
        may_purge: asked of each rejection; None if age alone decides.

    Raises:
        Refused: the actor may purge nothing.
        Exhausted: the disk is full or fails. What cannot be done for one pack is logged, counted and left for later.
    """
    ask(archive.witness, actor, "purge")
    held = 0
    for (number,) in await archive.fetch(_LEFT, ()):
        facilities = [facility for (facility,) in await archive.fetch(_FACILITIES, (number,))]
        if not may_change(actor, facilities, "purge"):
            continue
        rejection = await setting_aside(archive, number)
        if rejection is None or await archive.fetch(_COPIED, (number,)):
            continue
        if rejection.at_ns >= rejected_before_ns or (may_purge is not None and not await may_purge(rejection)):
            continue
        try:
            await archive.change(partial(_decide, archive, actor, rejection))
        except Refused as error:
            held += 1
            archive.witness.refused(actor, "purge what is held")
            log.info("rejection not purged", rejection=rejection.id, reason=str(error))
            continue
        log.info("rejection purged", rejection=rejection.id, instances=rejection.restorable)
    return msgspec.structs.replace(await finish_purges(archive), held=held)


def _decide(archive: Archive, actor: Actor, rejection: Rejection, index: IndexWriter) -> None:
    """Journals that what is left of a rejection goes; from then on it cannot be restored. Raises Refused if held."""
    named = rejected_by(index, rejection.id)
    if not named:
        return  # restored meanwhile
    require_no_hold(index, archive.records, archive.packs, rejection.id)
    count = sum(not one.is_conflict for one in named)
    who = f"{actor.door}:{actor.name}"
    entry = Entry(0, "purged", 0, rejection.id, "", "", "", "", "", who, actor.address, 0, count)
    carry_out(index, archive.records, archive.packs, entry, named)


async def keep_purging(archive: Archive, days: int, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
    """Finishes purges that were cut short, then purges what was rejected `days` ago, every hour; 0: never by itself.

    `pause` waits so many seconds.
    """
    actor = Actor(door="archive", name="purge", kind="local", grants=EVERYTHING)
    while True:
        try:
            before_ns = archive.now_ns() - days * NS_PER_DAY if days else 0
            report = await purge(archive, actor, rejected_before_ns=before_ns)
            if report.packs or report.failed:
                log.info("purged", instances=report.instances, packs=report.packs, failed=report.failed)
        except SagittalError as error:
            log.error("purging failed; tried again later", kind=type(error).__name__, reason=str(error))
        await pause(_EVERY_S)
