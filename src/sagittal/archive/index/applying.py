"""Entries of the journal applied to the index, each in one transaction with its events."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from sagittal.archive.acts import Entry, Kind, Named
from sagittal.archive.index.deciding import give_back, let_go, part, set_aside, take, take_up
from sagittal.archive.index.rejections import bring_back, mark, mark_to_go, take_out
from sagittal.archive.index.standing import ReadHeader
from sagittal.archive.index.writer import IndexWriter

_Do: TypeAlias = Callable[
    [IndexWriter, sqlite3.Connection, ReadHeader, Entry, Sequence[Named]],
    Sequence[Named],
]
"""Does what an entry says, within a transaction; returns what its events are told of."""

_DOING: Final[Mapping[Kind, _Do]] = {
    "rejected": take_out,
    "restored": bring_back,
    "purged": mark_to_go,
    "damaged": mark,
    "intact": mark,
    "kept": set_aside,
    "taken": take,
    "renamed": let_go,
    "kept_undone": take_up,
    "taken_undone": give_back,
    "renamed_undone": part,
}
_EVENTS: Final[Mapping[Kind, str]] = {"damaged": "instance.corrupt"}
"""Of the kinds of entries whose events are called otherwise."""


def apply(index: IndexWriter, read: ReadHeader, entry: Entry, named: Sequence[Named]) -> None:
    """Does what an entry of the journal says, with its events, in one transaction; again it does nothing.

    Raises:
        Exhausted: the disk is full or fails; nothing was changed.
    """
    if entry.id <= index.last_entry:
        return
    with index.transaction() as connection:
        index.not_before(entry.at_ns, entry.seq)
        index.forget_parents()
        told = _DOING[entry.kind](index, connection, read, entry, named)
        index.forget_parents()
        kind = _EVENTS.get(entry.kind, f"instance.{entry.kind}")
        for one in told:
            uids = (one.study_instance_uid, one.series_instance_uid, one.sop_instance_uid)
            index.tell(kind, entry.at_ns, uids, one.digest, f"{entry.actor}@{entry.address}")
        index.count(entry.id)
