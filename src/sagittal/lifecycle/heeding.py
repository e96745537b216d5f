"""Key Object Selections that reject what they name are heeded, by whichever door they came, by the change feed.

an event about a Key Object Selection ─► read it ─► its title rejects? ─► reject, as whoever sent it, and note that
                                                                          it is done in the same transaction

Each is heeded once. One that is restored, or of which the very same bytes come again, rejects nothing anew.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from sagittal.access.senders import Sender, Senders
from sagittal.archive.archive import Archive
from sagittal.archive.model import StoredInstance
from sagittal.archive.records import reactions
from sagittal.archive.records.reactions import Cause
from sagittal.errors import Exhausted, Refused, SagittalError
from sagittal.lifecycle.rejecting import reject_these
from sagittal.lifecycle.rejection_notes import KEY_OBJECT_SELECTION, MAX_BYTES, RejectionNote, rejection_note
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.log import get_logger

log = get_logger(__name__)

READER: Final = "rejection notes"

_EVENTS: Final = 5000
_IDLE_S: Final = 3600.0
_AGAIN_S: Final = 60.0
_NOTE_TIMEOUT_S: Final = 120.0
_FOUND: Final = (
    "SELECT i.sop_instance_uid, i.digest, i.door, i.source, i.address, coalesce(packs.facility, ''), i.received_ns"
    " FROM events AS e CROSS JOIN instances AS i ON i.sop_instance_uid = e.sop_instance_uid AND i.digest = e.digest"
    " LEFT JOIN packs ON packs.id = i.pack"
    " WHERE e.seq > ? AND e.seq <= ? AND e.kind IN ('instance.stored', 'instance.taken') AND i.sop_class_uid = ?"
    " ORDER BY e.seq"
)


class _Came(NamedTuple):
    """A row of `_FOUND`."""

    sop_instance_uid: str
    digest: bytes
    door: str
    source: str
    address: str
    facility: str
    received_ns: int


async def keep_heeding(
    archive: Archive,
    senders: Senders,
    *,
    gather_s: float = 1.0,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Heeds what has come and what comes, until it is cancelled.

    Args:
        senders: says as whom to reject.
        gather_s: events that come close together are looked at together.
        pause: waits so many seconds.
    """
    try:
        while True:
            try:
                newest = await heed(archive, senders)
            except Exhausted as error:
                log.error("rejection notes are not heeded; tried again later", reason=str(error))
                await pause(_AGAIN_S)
                continue
            await archive.changed(newest, Deadline.after(_IDLE_S))
            await pause(gather_s)
    except Exception:  # the border of a task
        log.exception("rejection notes are not heeded any more; the next start goes on")


async def heed(archive: Archive, senders: Senders) -> int:
    """Heeds what has come and was not looked at before; returns the number of the last event it saw.

    Raises:
        Exhausted: the disk is full or fails; the next time goes on.
    """
    newest = await archive.newest_event()
    begun = at = min(newest, await archive.records.read(lambda connection: reactions.cursor_of(connection, READER)))
    while at < newest:
        upto = min(newest, at + _EVENTS)
        for row in await archive.fetch(_FOUND, (at, upto, KEY_OBJECT_SELECTION)):
            await _heed_one(archive, senders, _Came(*row))
        at = upto
    if at != begun:
        await archive.records.write(lambda connection: reactions.set_cursor(connection, READER, at))
    return newest


async def _heed_one(archive: Archive, senders: Senders, came: _Came) -> None:
    cause = Cause(READER, came.sop_instance_uid, came.digest)
    if await archive.records.read(lambda connection: reactions.is_done(connection, cause)):
        return
    try:
        note = await _read(archive, cause)
        if note is None:
            return  # it selects for something else
        await _reject(archive, senders, came, note, cause)
    except Exhausted:
        raise
    except SagittalError as error:
        told = log.warning if isinstance(error, Refused) else log.info
        told("nothing rejected by a note", **_of(came), kind=type(error).__name__, reason=str(error))
        at_ns = archive.now_ns()
        await archive.records.write(lambda connection: reactions.set_done(connection, cause, at_ns))


async def _reject(archive: Archive, senders: Senders, came: _Came, note: RejectionNote, cause: Cause) -> None:
    actor = await senders(Sender(came.door, came.source, came.address, came.facility, came.received_ns))
    rejection = await reject_these(
        archive,
        actor,
        [one for one in note.references if one.sop_instance_uid != came.sop_instance_uid],
        reason=note.reason,
        note=f"Key Object Selection {came.sop_instance_uid}",
        deadline=Deadline.after(_NOTE_TIMEOUT_S),
        also=lambda connection, entry: reactions.set_done(connection, cause, entry.at_ns, entry.id),
    )
    log.info("rejected by a note", **_of(came), rejection=rejection.id, instances=rejection.instances)


async def _read(archive: Archive, cause: Cause) -> RejectionNote | None:
    """What it says; nothing if it is gone, or other bytes are there by now."""
    found = await archive.locate(instance=cause.sop_instance_uid)
    if not found or found[0].digest != cause.digest:
        return None
    return await asyncio.to_thread(rejection_note, await _data_set(archive, found[0]), found[0].transfer_syntax_uid)


async def _data_set(archive: Archive, instance: StoredInstance) -> bytes:
    length = min(instance.data_set_length, MAX_BYTES + 1)
    return await archive.read(instance, instance.data_set_offset, length)


def _of(came: _Came) -> dict[str, str]:
    return {"sop_instance_uid": came.sop_instance_uid, "door": came.door, "source": came.source}
