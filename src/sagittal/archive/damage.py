"""What was found when bytes were read again: journalled, so that a rebuilt index knows of it, and marked.

For the committing thread, or where nobody else writes the index.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from sagittal.archive.acts import Entry, Kind, Named
from sagittal.archive.index.writer import IndexWriter
from sagittal.archive.journalled import carry_out
from sagittal.archive.records.records import Records

_NAMES: Final = "study_instance_uid, series_instance_uid, sop_instance_uid, digest"
_TABLES: Final = {
    "instances": f"SELECT instances.received_ns, {_NAMES}, 0, is_corrupt, pack, file_offset FROM instances"  # noqa: S608  # names of columns
    " JOIN series ON series.id = instances.series JOIN studies ON studies.id = series.study",
    "conflicts": f"SELECT received_ns, {_NAMES}, 1, is_corrupt, pack, file_offset FROM conflicts",  # noqa: S608
    "rejected": f"SELECT received_ns, {_NAMES}, is_conflict, is_corrupt, pack, file_offset FROM rejected",  # noqa: S608
}
"""By table, what is named of a row, whether it is marked, and where its bytes lie."""

_DOUBTFUL: Final = (
    "is_corrupt = 1 OR (pack, file_offset) IN"
    " (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))"
)


class _Row(NamedTuple):
    """A row of `_TABLES`."""

    named: Named
    is_corrupt: bool
    place: tuple[str, int]


class Looked(NamedTuple):
    """What was found of a file.

    Attributes:
        table: `instances`, `conflicts` or `rejected`.
        row_id: in it.
        file_offset: in its pack, bytes.
    """

    table: str
    row_id: int
    file_offset: int
    is_corrupt: bool


def note_verified(
    index: IndexWriter,
    records: Records,
    packs: Path,
    pack_id: str,
    begun_ns: int,
    changed: Iterable[Looked],
) -> list[tuple[str, bool]]:
    """Notes that a pack was read again, and what was found to be otherwise than the index said.

    Args:
        pack_id: which.
        begun_ns: nanoseconds since 1970-01-01 UTC.
        changed: what was found.

    Returns:
        the SOP Instance UIDs of these rows, and whether they are corrupt.
    """
    found = note_changed(index, records, packs, pack_id, "archive:verify", changed)
    with index.transaction() as connection:
        connection.execute("UPDATE packs SET verified_ns = ? WHERE id = ?", (begun_ns, pack_id))
    return found


def note_changed(
    index: IndexWriter, records: Records, packs: Path, pack_id: str, actor: str, changed: Iterable[Looked]
) -> list[tuple[str, bool]]:
    """Notes what was found of some files of a pack. What has another place by now is left for the next time.

    Returns:
        the SOP Instance UIDs of the others, and whether they are corrupt.
    """
    found = [
        (row, one.is_corrupt)
        for one in changed
        for row in _rows(index, one.table, f"{one.table}.id = ?", one.row_id)
        if row.place == (pack_id, one.file_offset)
    ]
    _journal(index, records, packs, actor, ((row.named, now) for row, now in found if row.is_corrupt != now))
    return [(row.named.sop_instance_uid, is_corrupt) for row, is_corrupt in found]


def note_read(
    index: IndexWriter,
    records: Records,
    packs: Path,
    damaged: frozenset[tuple[str, int]],
    is_told: Callable[[int], bool],
) -> None:
    """Notes what was found when everything was read for a new index, where the journal says otherwise or nothing.

    Args:
        damaged: pack and offset of each file that is no longer what was stored.
        is_told: whether the journal says that what came then, in nanoseconds since 1970-01-01 UTC, was damaged once.
    """
    places = msgspec.json.encode(sorted(damaged)).decode()
    outcomes = []
    for table in _TABLES:
        for row in _rows(index, table, _DOUBTFUL, places):
            now = row.place in damaged
            if now != row.is_corrupt or (now and not is_told(row.named.received_ns)):
                outcomes.append((row.named, now))
    _journal(index, records, packs, "archive:reindex", outcomes)


def _rows(index: IndexWriter, table: str, condition: str, value: object) -> list[_Row]:
    found = index.fetch(f"{_TABLES[table]} WHERE {condition}", (value,))
    return [
        _Row(Named(*row[:6])._replace(is_conflict=bool(row[5])), bool(row[6]), (str(row[7]), int(row[8])))
        for row in found
    ]


def _journal(
    index: IndexWriter, records: Records, packs: Path, actor: str, outcomes: Iterable[tuple[Named, bool]]
) -> None:
    found = sorted(outcomes)
    kinds: tuple[tuple[Kind, bool], ...] = (("damaged", True), ("intact", False))
    for kind, is_corrupt in kinds:
        named = [one for one, now in found if now == is_corrupt]
        if named:
            count = sum(not one.is_conflict for one in named)
            carry_out(index, records, packs, Entry(0, kind, 0, None, "", "", "", "", "", actor, "", 0, count), named)
