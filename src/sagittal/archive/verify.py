"""Reads what is kept again and compares digests, longest unread first, at a bounded rate.

An instance whose bytes differ is marked: readers are refused it, and an event tells whoever can get a second copy. One
that reads well again, as after the pack was put back from a backup, is unmarked.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec
from blake3 import blake3

from sagittal.archive.archive import Archive
from sagittal.archive.damage import Looked, note_changed, note_verified
from sagittal.archive.packs.names import pack_path
from sagittal.archive.packs.scan import chunks

_NEXT_PACK = "SELECT id, series_instance_uid FROM packs WHERE verified_ns < ? ORDER BY verified_ns, id LIMIT 1"
_INSTANCES = (
    "SELECT 'instances', instances.id, file_offset, file_length, digest, is_corrupt FROM instances"
    " JOIN series ON series.id = instances.series"
    " WHERE series.series_instance_uid = ? AND instances.pack = ? ORDER BY file_offset"
)
_CONFLICTS = (
    "SELECT 'conflicts', id, file_offset, file_length, digest, is_corrupt FROM conflicts"
    " WHERE series_instance_uid = ? AND pack = ? ORDER BY file_offset"
)
_REJECTED = (
    "SELECT 'rejected', id, file_offset, file_length, digest, is_corrupt FROM rejected"
    " WHERE series_instance_uid = ? AND pack = ? AND purge IS NULL ORDER BY file_offset"
)
_STEP_BYTES = 4 << 20


class Progress(NamedTuple):
    """How far a verification is.

    Attributes:
        packs, instances, done_bytes: read so far.
        corrupt: found damaged so far.
    """

    packs: int
    instances: int
    done_bytes: int
    corrupt: int


class VerifyReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a verification found.

    Attributes:
        packs, instances, done_bytes: read.
        corrupt: SOP Instance UIDs whose bytes are no longer those that were stored.
        intact_again: SOP Instance UIDs that were marked before and read well now.
    """

    packs: int
    instances: int
    done_bytes: int
    corrupt: tuple[str, ...]
    intact_again: tuple[str, ...]


class _Kept(NamedTuple):
    """Something whose digest is known."""

    table: str
    row_id: int
    file_offset: int
    file_length: int
    digest: bytes
    is_corrupt: bool


async def verify(
    archive: Archive,
    *,
    max_bytes_per_s: float = 0.0,
    not_since_ns: int | None = None,
    progress: Callable[[Progress], None] | None = None,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> VerifyReport:
    """Reads every pack once that was not read since `not_since_ns`; one that is stopped goes on where it was.

    Args:
        archive: open.
        max_bytes_per_s: bytes per second on average, 0 for as fast as the disk gives them.
        not_since_ns: nanoseconds since 1970-01-01 UTC; None for now, that is everything.
        progress: called after each pack.
        pause: waits so many seconds, to keep the rate.
    """
    run = _Run(archive, max_bytes_per_s, pause)
    before = archive.now_ns() if not_since_ns is None else not_since_ns
    while rows := await archive.fetch(_NEXT_PACK, (before,)):
        pack_id, series_instance_uid = rows[0]
        await run.verify_pack(pack_id, series_instance_uid, before)
        if progress is not None:
            progress(Progress(run.packs, run.instances, run.done_bytes, len(run.corrupt)))
    return VerifyReport(
        packs=run.packs,
        instances=run.instances,
        done_bytes=run.done_bytes,
        corrupt=tuple(run.corrupt),
        intact_again=tuple(run.intact_again),
    )


async def verify_one(archive: Archive, received_ns: int, actor: str) -> bool | None:
    """Reads what came then once more and notes the outcome: whether it is whole; None if it is not there.

    Args:
        received_ns: nanoseconds since 1970-01-01 UTC.
        actor: on whose behalf, as `door:name`.
    """
    for table in ("instances", "conflicts"):
        sql = f"SELECT pack, '{table}', id, file_offset, file_length, digest, is_corrupt FROM {table} WHERE "  # noqa: S608  # names of ours
        for pack_id, *row in await archive.fetch(sql + "received_ns = ? AND is_corrupt = 1", (received_ns,)):
            kept = _Kept(*row)
            run = _Run(archive, 0.0, asyncio.sleep)
            changed = await run.changed(pack_path(archive.packs, pack_id), [kept])
            note = partial(
                note_changed,
                records=archive.records,
                packs=archive.packs,
                pack_id=pack_id,
                actor=actor,
                changed=changed,
            )
            await archive.change(note)
            return not any(one.is_corrupt for one in changed)
    return None


class _Run:
    """One verification."""

    def __init__(self, archive: Archive, max_bytes_per_s: float, pause: Callable[[float], Awaitable[None]]) -> None:
        self._archive = archive
        self._max_bytes_per_s = max_bytes_per_s
        self._pause = pause
        self._begun_s = time.monotonic()
        self.packs = self.instances = self.done_bytes = 0
        self.corrupt: list[str] = []
        self.intact_again: list[str] = []

    async def verify_pack(self, pack_id: str, series_instance_uid: str, before_ns: int) -> None:
        """Reads what the index has in a pack, in order, and notes the outcome."""
        begun_ns = max(self._archive.now_ns(), before_ns)  # should the clock be put back: each pack once
        kept = [
            _Kept(*row)
            for sql in (_INSTANCES, _CONFLICTS, _REJECTED)
            for row in await self._archive.fetch(sql, (series_instance_uid, pack_id))
        ]
        changed = await self.changed(pack_path(self._archive.packs, pack_id), kept)
        note = partial(
            note_verified,
            records=self._archive.records,
            packs=self._archive.packs,
            pack_id=pack_id,
            begun_ns=begun_ns,
            changed=changed,
        )
        marked = await self._archive.change(note)
        for uid, is_corrupt in marked:
            (self.corrupt if is_corrupt else self.intact_again).append(uid)
        self.packs += 1
        self.instances += len(kept)

    async def changed(self, path: Path, kept: list[_Kept]) -> list[Looked]:
        """What is not as the index says, or was not."""
        loop = asyncio.get_running_loop()
        try:
            descriptor = await loop.run_in_executor(None, os.open, path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return [Looked(one.table, one.row_id, one.file_offset, True) for one in kept]
        changed = []
        try:
            for one in kept:
                is_corrupt = await self._digest(descriptor, one.file_offset, one.file_length) != one.digest
                if is_corrupt or one.is_corrupt:
                    changed.append(Looked(one.table, one.row_id, one.file_offset, is_corrupt))
        finally:
            await loop.run_in_executor(None, os.close, descriptor)
        return changed

    async def _digest(self, descriptor: int, offset: int, length: int) -> bytes:
        hasher = blake3()
        loop = asyncio.get_running_loop()
        for start in range(offset, offset + length, _STEP_BYTES):
            step = min(_STEP_BYTES, offset + length - start)
            try:
                await loop.run_in_executor(None, _read_into, hasher, descriptor, start, step)
            except OSError:  # the medium cannot give the bytes: they are not those that were stored
                return b""
            self.done_bytes += step
            await self._keep_rate()
        return hasher.digest()

    async def _keep_rate(self) -> None:
        if self._max_bytes_per_s:
            ahead_s = self.done_bytes / self._max_bytes_per_s - (time.monotonic() - self._begun_s)
            if ahead_s > 0:
                await self._pause(ahead_s)


def _read_into(hasher: blake3, descriptor: int, offset: int, length: int) -> None:
    """Reads from the medium rather than from memory, as far as the system lets us, and leaves no traces there."""
    forget = getattr(os, "posix_fadvise", None)
    if forget is not None:
        forget(descriptor, offset, length, os.POSIX_FADV_DONTNEED)
    for piece in chunks(descriptor, offset, length):
        hasher.update(piece)
    if forget is not None:
        forget(descriptor, offset, length, os.POSIX_FADV_DONTNEED)
