"""Rebuilds the index from the packs and the journal, to the same rows, into a new file that then takes its place.

Members come back in the order they were received, over all packs: packs are joined by the time of their next member,
and only those whose times overlap are open at once. What the journal says was done in between is done in between.
"""

import heapq
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from sagittal.archive.damage import note_read
from sagittal.archive.index.connect import connect_reader, migrate
from sagittal.archive.index.naming import name_attributes
from sagittal.archive.index.writer import IndexWriter, PackRow
from sagittal.archive.journalled import Replay
from sagittal.archive.lock import FolderLock
from sagittal.archive.packs import tar
from sagittal.archive.packs.names import SUFFIX, is_pack_id, pack_path
from sagittal.archive.packs.scan import Scan
from sagittal.archive.reader import INDEX_NAME, PACKS_NAME
from sagittal.archive.records.connect import migrate as migrate_records
from sagittal.archive.records.reactions import begin_anew
from sagittal.archive.records.records import RECORDS_NAME, Records
from sagittal.archive.restore import Interludes, ReadBack, Restored, bring_in, read_back
from sagittal.archive.sweep import PART
from sagittal.dicom.attribute_path import AttributePath
from sagittal.errors import NotFound
from sagittal.runtime.log import get_logger

log = get_logger(__name__)

_NEW_NAME = "index.new.db"
_COMPANIONS = ("", "-wal", "-shm")


class Progress(NamedTuple):
    """How far a reindex is.

    Attributes:
        instances: read so far.
        done_bytes, all_bytes: of packs.
    """

    instances: int
    done_bytes: int
    all_bytes: int


class ReindexReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a reindex found.

    Attributes:
        packs: read.
        stored, conflicts: instances, and other data sets kept beside them.
        duplicates: members of which the same bytes were there already.
        corrupt: instances whose bytes are no longer those that were stored; indexed, marked, and refused to readers.
        unreadable: packs in which something stands that is no member, and members that are no data set, by pack.
    """

    packs: int
    stored: int
    conflicts: int
    duplicates: int
    corrupt: int
    unreadable: dict[str, int]


class _Tally:
    """What is counted while packs are read."""

    def __init__(self, all_bytes: int, progress: Callable[[Progress], None] | None) -> None:
        self.all_bytes = all_bytes
        self.done_bytes = 0
        self.instances = 0
        self.damaged: set[tuple[str, int]] = set()
        self.unreadable: dict[str, int] = {}
        self.progress = progress

    def read(self, one: ReadBack) -> None:
        if not one.is_whole:
            self.damaged.add((one.pack_id, one.member.file_offset))

    def advanced(self, instances: int) -> None:
        self.instances += instances
        if self.progress is not None:
            self.progress(Progress(self.instances, self.done_bytes, self.all_bytes))


def reindex(
    root: Path,
    *,
    check_digests: bool = True,
    progress: Callable[[Progress], None] | None = None,
    clock: Callable[[], int] = time.time_ns,
    attributes: Sequence[AttributePath] = (),
) -> ReindexReport:
    """Rebuilds the index of the data folder `root`; blocks. No other process may have the folder open.

    Args:
        root: the data folder.
        check_digests: read every byte; without it sealed packs are read only as far as their rows need.
        progress: called now and then, and at the end.
        clock: nanoseconds since 1970-01-01 UTC.
        attributes: that the site wants to search by, beyond those of every index.

    Raises:
        NotFound: there are no packs.
        Conflict: another process has the folder open.
    """
    packs = root / PACKS_NAME
    if not packs.is_dir():
        raise NotFound(f"{root} has no packs to rebuild an index from")
    lock = FolderLock(root)
    try:
        new = root / _NEW_NAME
        _remove(new)
        for path in packs.glob(f"*/*/*{SUFFIX}{PART}"):  # of a purge that was cut short
            path.unlink()
        migrate(new)
        migrate_records(root / RECORDS_NAME)
        records = Records(root / RECORDS_NAME)
        index = IndexWriter(new, clock, is_scratch=True)
        try:
            name_attributes(index, attributes)
            with Replay(index, records, packs) as replay:
                report, damaged = _rebuild(packs, index, replay, check_digests=check_digests, progress=progress)
                replay.finish()
            _go_on_from(root / INDEX_NAME, index)
            records.write_now(lambda connection: begin_anew(connection, index.last_event_until))
            if check_digests:
                note_read(index, records, packs, frozenset(damaged), replay.tells_of_damage)
        finally:
            index.close()
            records.close()
        _swap(new, root / INDEX_NAME)
    finally:
        lock.release()
    log.info("index rebuilt", packs=report.packs, stored=report.stored, corrupt=report.corrupt)
    return report


def _go_on_from(old: Path, index: IndexWriter) -> None:
    """Numbers of events go on from those of the index that is replaced, as far as it can be read."""
    if not old.exists():
        return
    with suppress(sqlite3.Error), closing(connect_reader(old)) as connection:
        row = connection.execute("SELECT coalesce(max(seq), 0), coalesce(max(at_ns), 0) FROM events").fetchone()
        index.not_before(int(row[1]), int(row[0]))
    with index.transaction():
        index.count(index.last_entry)


def _rebuild(
    packs: Path,
    index: IndexWriter,
    interludes: Interludes,
    *,
    check_digests: bool,
    progress: Callable[[Progress], None] | None,
) -> tuple[ReindexReport, set[tuple[str, int]]]:
    """Brings everything in; also returns pack and offset of what is damaged."""
    firsts, all_bytes = _first_members(packs)
    tally = _Tally(all_bytes, progress)
    members = _once(_in_order(packs, firsts, index, tally, check_digests=check_digests))
    restored = bring_in(index, members, interludes, tally.advanced)
    tally.advanced(0)
    _settle_packs(packs, index, restored)
    report = ReindexReport(
        packs=len(firsts),
        stored=restored.stored,
        conflicts=restored.conflicts,
        duplicates=restored.duplicates,
        corrupt=len(tally.damaged),
        unreadable=tally.unreadable,
    )
    return report, tally.damaged


def _first_members(packs: Path) -> tuple[list[tuple[int, str]], int]:
    """When each pack begins and its id, in that order; and the bytes of all. A pack without a member is left out."""
    firsts: list[tuple[int, str]] = []
    all_bytes = 0
    for path in packs.glob(f"*/*/*{SUFFIX}"):
        if not is_pack_id(path.stem):
            continue
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            member = next(iter(Scan(descriptor)), None)
            all_bytes += os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)
        # One without members gets a row too, and start-up takes it away.
        firsts.append((member.facts.received_ns if member is not None else 0, path.stem))
    firsts.sort()
    return firsts, all_bytes


def _in_order(
    packs: Path, firsts: list[tuple[int, str]], index: IndexWriter, tally: _Tally, *, check_digests: bool
) -> Iterator[ReadBack]:
    """The members of all packs by when they were received."""
    waiting = iter(firsts)
    upcoming = next(waiting, None)
    heads: list[tuple[int, str, ReadBack, Iterator[ReadBack]]] = []
    while heads or upcoming is not None:
        while upcoming is not None and (not heads or upcoming[0] <= heads[0][0]):
            members = _read_pack(packs, upcoming[1], index, tally, check_digests=check_digests)
            _push(heads, upcoming[1], members)
            upcoming = next(waiting, None)
        if heads:
            _, pack_id, one, members = heapq.heappop(heads)
            yield one
            _push(heads, pack_id, members)


def _once(members: Iterator[ReadBack]) -> Iterator[ReadBack]:
    """Each member once: a purge that was cut short may have left it in the old pack and in the one made instead."""
    last: ReadBack | None = None
    for one in members:
        is_again = last is not None and last.member.facts == one.member.facts
        if last is not None and not is_again:
            yield last
        if not is_again or one.is_whole:
            last = one
    if last is not None:
        yield last


def _push(
    heads: list[tuple[int, str, ReadBack, Iterator[ReadBack]]], pack_id: str, members: Iterator[ReadBack]
) -> None:
    one = next(members, None)
    if one is not None:
        heapq.heappush(heads, (one.member.facts.received_ns, pack_id, one, members))


def _read_pack(
    packs: Path, pack_id: str, index: IndexWriter, tally: _Tally, *, check_digests: bool
) -> Iterator[ReadBack]:
    """The members of a pack. At its end those that are not whole were never stored, unless the pack is sealed.

    A pack whose file ends with its end-of-archive blocks was sealed too, though a copy of it has lost its mode.
    """
    descriptor = os.open(pack_path(packs, pack_id), os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        is_sealed = _is_sealed(descriptor)
        damaged: list[ReadBack] = []
        is_known = False
        scan = Scan(descriptor)
        for member in scan:
            is_to_check = check_digests or not is_sealed
            one = read_back(descriptor, pack_id, member, check=is_to_check, wanted=index.values.wanted)
            tally.done_bytes += member.end - member.start
            if not is_known:
                is_known = True
                series = one.identity.series_instance_uid if one is not None else ""
                index.add_packs([PackRow(pack_id, member.facts.facility, series)])
            if one is None:
                tally.unreadable[pack_id] = tally.unreadable.get(pack_id, 0) + 1
            elif one.is_whole or is_sealed:
                for earlier in (*damaged, one):
                    tally.read(earlier)
                    yield earlier
                damaged.clear()
            else:
                damaged.append(one)
        if scan.is_sealed and size == scan.end + len(tar.END_OF_ARCHIVE):
            for late in damaged:
                tally.read(late)
                yield late
        if not is_known:
            index.add_packs([PackRow(pack_id, "", "")])
        if is_sealed and not scan.is_sealed:
            tally.unreadable[pack_id] = tally.unreadable.get(pack_id, 0) + 1
        tally.done_bytes += size - scan.end
    finally:
        os.close(descriptor)


def _is_sealed(descriptor: int) -> bool:
    """Whether the pack was ended: it is read-only."""
    return not os.fstat(descriptor).st_mode & 0o222


def _settle_packs(packs: Path, index: IndexWriter, restored: Restored) -> None:
    """Sealed packs are sealed in the index too; others are left to the check at start-up, which cuts their tails."""
    ends: dict[str, tuple[int, int]] = {}
    for row in index.open_packs():
        path = pack_path(packs, row.id)
        stat = path.stat()
        if not stat.st_mode & 0o222 and row.id in restored.kept:
            ends[row.id] = (restored.kept[row.id], stat.st_size)
    index.seal_packs(ends)


def _swap(new: Path, old: Path) -> None:
    """Puts the new index in the place of the old one, whose companions must not be taken for the new one's."""
    for path in (new, new.parent):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        os.fsync(descriptor)
        os.close(descriptor)
    for companion in _COMPANIONS[1:]:
        Path(f"{old}{companion}").unlink(missing_ok=True)
    new.replace(old)
    descriptor = os.open(old.parent, os.O_RDONLY | os.O_CLOEXEC)
    os.fsync(descriptor)
    os.close(descriptor)
    for companion in _COMPANIONS[1:]:
        Path(f"{new}{companion}").unlink(missing_ok=True)


def _remove(path: Path) -> None:
    for companion in _COMPANIONS:
        Path(f"{path}{companion}").unlink(missing_ok=True)
