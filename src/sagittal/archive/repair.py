"""The self-check at start-up: what was synced but not indexed is indexed, torn tails are cut, packs are sealed."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from sagittal.archive.index.named import Wanted
from sagittal.archive.index.writer import IndexWriter, PackRow
from sagittal.archive.packs import tar
from sagittal.archive.packs.disk import READ_ONLY
from sagittal.archive.packs.names import pack_path
from sagittal.archive.packs.scan import CHUNK_BYTES, Member, Scan, is_whole
from sagittal.archive.restore import Interludes, ReadBack, bring_in, read_back
from sagittal.runtime.log import get_logger

log = get_logger(__name__)


class RepairReport(msgspec.Struct, frozen=True, kw_only=True):
    """What start-up found after a process had ended without sealing its packs.

    Attributes:
        packs: looked at.
        indexed: instances that were in packs but not in the index; they are now.
        duplicates: whole members of which the same bytes are in the index already.
        cut_bytes: of torn tails, which nobody had been told were stored.
        missing: packs that the index knows and the disk does not have; instances in them are lost.
        empty: packs that held nothing and are gone.
    """

    packs: int = 0
    indexed: int = 0
    duplicates: int = 0
    cut_bytes: int = 0
    missing: tuple[str, ...] = ()
    empty: int = 0

    @property
    def is_clean(self) -> bool:
        """Whether there was nothing to put right."""
        return self == RepairReport(packs=self.packs)


class _Tail(NamedTuple):
    """What lies in an open pack behind what the index knows of.

    Attributes:
        found: whole members, by when they were received.
    """

    row: PackRow
    path: Path
    found: list[tuple[int, Member]]


def repair(packs: Path, index: IndexWriter, interludes: Interludes) -> RepairReport:
    """Brings index and packs together again; blocks. Nobody else may have the packs open.

    Members are indexed in the order they were received over all packs, so that the rows are those a reindex gives.
    """
    rows = index.open_packs()
    if not rows:
        return RepairReport()
    tails = {row.id: tail for row in rows if (tail := _look(packs, row)) is not None}
    restored = bring_in(index, _in_order(tails.values(), index.values.wanted), interludes)
    ends: dict[str, tuple[int, int]] = {}
    cut_bytes = 0
    for pack_id, tail in tails.items():
        kept = restored.kept.get(pack_id, tail.row.indexed_length)
        length, cut = _seal(tail.path, kept)
        ends[pack_id] = (kept, length)
        cut_bytes += cut
    # A pack is made known before it is created: one that holds nothing may never have been there.
    ends |= {row.id: (0, 0) for row in rows if row.id not in tails and not row.indexed_length}
    index.seal_packs(ends)
    report = RepairReport(
        packs=len(rows),
        indexed=restored.stored + restored.conflicts,
        duplicates=restored.duplicates,
        cut_bytes=cut_bytes,
        missing=tuple(row.id for row in rows if row.id not in tails and row.indexed_length),
        empty=sum(not length for _, length in ends.values()),
    )
    log.info("packs checked", **msgspec.structs.asdict(report))
    return report


def _look(packs: Path, row: PackRow) -> _Tail | None:
    """The whole members that the index may not have; None if the pack is not there."""
    path = pack_path(packs, row.id)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    found = []
    try:
        for member in Scan(descriptor, row.indexed_length):
            # Headers may have reached the disk before their data: the digest decides.
            if not is_whole(descriptor, member):
                break
            found.append((member.facts.received_ns, member))
    finally:
        os.close(descriptor)
    return _Tail(row, path, found)


def _in_order(tails: Iterable[_Tail], wanted: Wanted) -> Iterator[ReadBack]:
    order = sorted(
        ((received_ns, tail.row.id, member, tail.path) for tail in tails for received_ns, member in tail.found),
        key=lambda found: found[:2],
    )
    for _, pack_id, member, path in order:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            one = read_back(descriptor, pack_id, member, wanted=wanted)
        finally:
            os.close(descriptor)
        if one is not None:
            yield one


def _seal(path: Path, kept: int) -> tuple[int, int]:
    """Cuts a pack to what the index has and ends it: its length, 0 if it is gone, and how many bytes were cut."""
    length = path.stat().st_size
    if not kept:
        path.unlink()
        return 0, length
    if length < kept:
        return length, 0  # bytes that the index knows are missing: verify finds which
    path.chmod(0o640)
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        cut = _written_end(descriptor, kept, length) - kept
        os.ftruncate(descriptor, kept)
        os.pwrite(descriptor, tar.END_OF_ARCHIVE, kept)
        os.fdatasync(descriptor)
        os.fchmod(descriptor, READ_ONLY)
    finally:
        os.close(descriptor)
    return kept + len(tar.END_OF_ARCHIVE), cut


def _written_end(descriptor: int, kept: int, length: int) -> int:
    """Where what was written behind `kept` ends: zeros were written ahead, or are the end-of-archive blocks."""
    while length > kept:
        start = max(kept, length - CHUNK_BYTES)
        piece = os.pread(descriptor, length - start, start).rstrip(b"\0")
        if piece:
            return start + len(piece)
        length = start
    return kept
