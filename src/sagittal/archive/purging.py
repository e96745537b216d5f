"""Bytes that go for good: packs written anew without what was purged, and the old ones taken away.

    1  the new pack is made known (state `making`, synced)            a crash: start-up takes it away again
    2  its members are copied to `*.part`, synced, and it gets its name    likewise
    3  one synced transaction: rows point to the new pack, those of what was purged go, the old pack is `gone`
    4  the old pack is unlinked                                        a crash: start-up does it

Only packs that nobody writes to any more are touched. Whoever reads the old one goes on with what they hold open, or
finds the instance again (see `reader`).
"""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from sagittal.archive.archive import Archive
from sagittal.archive.index.writer import IndexWriter, PackRow
from sagittal.archive.packs import tar
from sagittal.archive.packs.disk import READ_ONLY, Disk
from sagittal.archive.packs.names import member_name, new_pack_id, pack_path
from sagittal.archive.packs.scan import Member, Scan, chunks
from sagittal.archive.packs.writer import Folders, os_reason
from sagittal.archive.sweep import PART, sweep
from sagittal.errors import Conflict, Corrupt, Exhausted, SagittalError
from sagittal.runtime.log import get_logger

log = get_logger(__name__)

_TO_GO = (
    "SELECT sop_instance_uid, series_instance_uid, pack, file_offset FROM rejected WHERE purge IS NOT NULL ORDER BY id"
)
_ROWS = {
    "instances": "SELECT instances.id, file_offset FROM instances JOIN series ON series.id = instances.series"
    " WHERE series.series_instance_uid = ?1 AND instances.pack = ?2",
    "conflicts": "SELECT id, file_offset FROM conflicts WHERE ?1 = ?1 AND pack = ?2",
    "rejected": "SELECT id, file_offset FROM rejected WHERE ?1 = ?1 AND pack = ?2 AND purge IS NULL",
}
"""By table, what of a series' pack has a row that is to stay."""
_POINT = {
    table: f"UPDATE {table} SET pack = ?, file_offset = ? WHERE id = ?"  # noqa: S608  # names of ours
    for table in _ROWS
}
_TIMES = (
    "SELECT received_ns FROM instances WHERE sop_instance_uid = ?1"
    " UNION ALL SELECT received_ns FROM conflicts WHERE sop_instance_uid = ?1"
    " UNION ALL SELECT received_ns FROM rejected WHERE sop_instance_uid = ?1"
)
_PACKS_OF = (
    "SELECT id, facility, series_instance_uid, state FROM packs"
    " WHERE series_instance_uid = ? AND state IN ('open', 'sealed') ORDER BY id"
)
_PACK = "SELECT id, facility, series_instance_uid, state FROM packs WHERE id = ?"


class PurgeReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was done for good.

    Attributes:
        instances: whose bytes are gone.
        packs: written anew, or unlinked because nothing was left in them.
        freed_bytes: less on the disk than before.
        waiting: packs that are still being written to; what is to go from them goes next time.
        failed: packs that could not be read or written; the log says why, and it is tried again next time.
        held: rejections that stay because something of them is held.
    """

    instances: int = 0
    packs: int = 0
    freed_bytes: int = 0
    waiting: int = 0
    failed: int = 0
    held: int = 0


class _Going(NamedTuple):
    sop_instance_uid: str
    series_instance_uid: str
    pack: str
    file_offset: int


class _Cut(NamedTuple):
    """A pack and what stays of it.

    Attributes:
        kept: its members that stay.
        members: how many there are.
        length: of its file, bytes.
    """

    row: PackRow
    kept: tuple[Member, ...]
    members: int
    length: int


class _Made(NamedTuple):
    """The pack that takes its place.

    Attributes:
        offsets: of the files in it, by their offsets in the old one, bytes.
    """

    pack_id: str
    offsets: dict[int, int]
    end: int
    length: int


async def finish_purges(archive: Archive, disk: Disk | None = None) -> PurgeReport:
    """Takes the bytes of all that was purged from the disk; goes on where an earlier call was cut short."""
    disk = disk or Disk()
    async with archive.purging:
        with suppress(OSError):  # what is left once more is taken away next time
            await archive.change(lambda index: sweep(archive.packs, index, disk))
        going = [_Going(*row) for row in await archive.fetch(_TO_GO, ())]
        if not going:
            return PurgeReport()
        run = _Run(archive, disk, going)
        for pack in await run.candidates():
            await run.cut(pack)
        is_first = True
        while await archive.change(partial(IndexWriter.merge_names, is_first=is_first)):
            is_first = False
        await archive.change(IndexWriter.empty_log)
        return run.report()


class _Run:
    """One purge."""

    def __init__(self, archive: Archive, disk: Disk, going: Sequence[_Going]) -> None:
        self._archive = archive
        self._disk = disk
        self._folders = Folders(archive.packs, disk)
        self._going = going
        self._places = {(one.pack, one.file_offset) for one in going}
        self._stems = {_stem(member_name(1, one.sop_instance_uid)) for one in going}
        self._is_stopped = False
        self._instances = self._packs = self._freed_bytes = self._waiting = self._failed = 0

    def report(self) -> PurgeReport:
        return PurgeReport(
            instances=self._instances,
            packs=self._packs,
            freed_bytes=self._freed_bytes,
            waiting=self._waiting,
            failed=self._failed,
        )

    async def candidates(self) -> list[PackRow]:
        """The packs it lies in, and those of its series: a damaged copy that was made good elsewhere may be there."""
        found: dict[str, PackRow] = {}
        for series in sorted({one.series_instance_uid for one in self._going}):
            found |= {row[0]: PackRow(*row) for row in await self._archive.fetch(_PACKS_OF, (series,))}
        for pack in sorted({one.pack for one in self._going} - found.keys()):
            found |= {row[0]: PackRow(*row) for row in await self._archive.fetch(_PACK, (pack,))}
        return list(found.values())

    async def cut(self, row: PackRow) -> None:
        """Writes a pack anew without what goes, if there is something of it in it."""
        try:
            cut = await self._look(row)
            if len(cut.kept) == cut.members:
                return
            if row.state == "open":
                self._waiting += 1
                return
            await self._replace(cut)
        except (SagittalError, OSError) as error:
            reason = os_reason(error) if isinstance(error, OSError) else str(error)
            log.error("a pack cannot be purged", pack=row.id, kind=type(error).__name__, reason=reason)
            self._failed += 1

    async def _look(self, row: PackRow) -> _Cut:
        """What of a pack stays. Raises Corrupt if it cannot be told apart."""
        tracked: set[int] = set()
        for sql in _ROWS.values():
            found = await self._archive.fetch(sql, (row.series_instance_uid, row.id))
            tracked |= {offset for _, offset in found}
        members, length = await asyncio.to_thread(_members_of, pack_path(self._archive.packs, row.id))
        seen = {member.file_offset for member in members}
        if not tracked <= seen or any(pack == row.id and offset not in seen for pack, offset in self._places):
            raise Corrupt(f"pack {row.id} has members that its headers do not tell of")
        kept = [one for one in members if one.file_offset in tracked or not await self._goes(row.id, one)]
        return _Cut(row, tuple(kept), len(members), length)

    async def _goes(self, pack: str, member: Member) -> bool:
        """Whether a member that has no row, or one that says so, goes."""
        stem = _stem(member.name)
        if (pack, member.file_offset) in self._places or stem in self._stems:
            return True
        # A purge that was cut short before may have brought it to another pack.
        times = await self._archive.fetch(_TIMES, (stem.removesuffix(".dcm"),))
        return (member.facts.received_ns,) in times

    async def _replace(self, cut: _Cut) -> None:
        made = await self._make(cut) if cut.kept else None
        gone = await self._archive.change(lambda index: _swap(index, cut, made))
        self._archive.let_go(cut.row.id)
        await self._archive.change(lambda index: sweep(self._archive.packs, index, self._disk))
        self._instances += gone
        self._packs += 1
        self._freed_bytes += cut.length - (made.length if made else 0)

    async def _make(self, cut: _Cut) -> _Made:
        """The new pack under its name, synced; known, but nothing points to it."""
        pack_id = new_pack_id(self._archive.now_ns())
        row = PackRow(pack_id, cut.row.facility, cut.row.series_instance_uid, "making")
        await self._archive.change(lambda index: index.add_packs([row]))
        writing = asyncio.ensure_future(asyncio.to_thread(self._write, pack_id, cut))
        try:
            return await asyncio.shield(writing)
        except BaseException:
            self._is_stopped = True
            await asyncio.wait((writing,))
            with suppress(SagittalError, OSError):
                await self._archive.change(lambda index: sweep(self._archive.packs, index, self._disk))
            raise

    def _write(self, pack_id: str, cut: _Cut) -> _Made:
        path = pack_path(self._archive.packs, pack_id)
        part = path.with_name(path.name + PART)
        self._folders.ensure(path.parent)
        offsets: dict[int, int] = {}
        end = 0
        source = os.open(pack_path(self._archive.packs, cut.row.id), os.O_RDONLY | os.O_CLOEXEC)
        try:
            target = self._disk.create(part)
            try:
                for member in cut.kept:
                    offsets[member.file_offset] = end + member.file_offset - member.start
                    end = self._copy(source, member, target, end)
                length = self._disk.write_all(target, (tar.END_OF_ARCHIVE,), end)
                self._disk.sync(target)
                os.fchmod(target, READ_ONLY)
            finally:
                os.close(target)
        finally:
            os.close(source)
        part.replace(path)
        self._disk.sync_folder(path.parent)
        return _Made(pack_id, offsets, end, length)

    def _copy(self, source: int, member: Member, target: int, offset: int) -> int:
        for piece in chunks(source, member.start, member.end - member.start):
            if self._is_stopped:
                raise Exhausted("stopped while a pack was written anew")
            offset = self._disk.write_all(target, (piece,), offset)
        return offset


def _stem(name: str) -> str:
    """The name of a member without its number."""
    return name.partition("-")[2]


def _members_of(path: Path) -> tuple[tuple[Member, ...], int]:
    """The members of a pack, and its bytes."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return tuple(Scan(descriptor)), os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)


def _swap(index: IndexWriter, cut: _Cut, made: _Made | None) -> int:
    """Has rows point to the new pack, on the medium; returns how many instances are no more."""
    with index.synced_transaction() as connection:
        for table, sql in _ROWS.items():
            rows = connection.execute(sql, (cut.row.series_instance_uid, cut.row.id)).fetchall()
            if rows and (made is None or any(offset not in made.offsets for _, offset in rows)):
                raise Conflict(f"pack {cut.row.id} has changed while it was written anew")
            if made is not None:
                moved = [(made.pack_id, made.offsets[offset], row_id) for row_id, offset in rows]
                connection.executemany(_POINT[table], moved)
        gone = connection.execute("DELETE FROM rejected WHERE pack = ? AND purge IS NOT NULL", (cut.row.id,)).rowcount
        connection.execute("UPDATE packs SET state = 'gone' WHERE id = ?", (cut.row.id,))
        if made is not None:
            connection.execute(
                "UPDATE packs SET state = 'sealed', length = ?, indexed_length = ? WHERE id = ?",
                (made.length, made.end, made.pack_id),
            )
    return int(gone)
