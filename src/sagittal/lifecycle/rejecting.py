"""Rejecting and restoring: instances leave every answer at once, and come back byte for byte.

The bytes stay where they are, and so does the journal's entry of who did it, when and why. A rejected instance that is
sent again is stored anew. When it is restored and other bytes have come under its UID meanwhile, it is kept beside
them, as a second sender's would be.
"""

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

import msgspec
from sqlalchemy import bindparam, func, select

from sagittal.access.asking import ask
from sagittal.access.permits import may_at
from sagittal.archive.acts import SETTING_ASIDE, Entry, Kind
from sagittal.archive.archive import Archive
from sagittal.archive.index import schema
from sagittal.archive.index.rejections import restorable, standing_among, standing_in
from sagittal.archive.index.writer import IndexWriter
from sagittal.archive.journalled import Told, carry_out
from sagittal.archive.reader import ArchiveReader
from sagittal.archive.records import journal
from sagittal.archive.records.schema import journal as entries
from sagittal.errors import Conflict, Exhausted, Invalid, NotFound, Refused
from sagittal.lifecycle.reasons import QUALITY, REASONS, reason_of
from sagittal.runtime.actor import EVERYWHERE, Action, Actor
from sagittal.runtime.deadline import Deadline

T = TypeVar("T")

MAX_NOTE = 1000
"""Characters of the words a person may add."""
MAX_PAGE = 500
"""Rejections listed at one time."""


class Rejection(msgspec.Struct, frozen=True, kw_only=True):
    """An act of rejecting, and what came of it.

    Attributes:
        id: of the journal's entry.
        at_ns: nanoseconds since 1970-01-01 UTC.
        study_instance_uid, series_instance_uid, sop_instance_uid: what was asked for, `""` for what was not named.
        reason: Code Value of PS3.16 CID 7011.
        meaning: its Code Meaning.
        note: in words of the one who rejected.
        instances: how many were rejected.
        restorable: how many of them are still rejected and can be restored.
        restored_ns, purged_ns: when this was done last; 0 if never.
    """

    id: int
    at_ns: int
    actor: str
    address: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    reason: str
    meaning: str
    note: str
    instances: int
    restorable: int
    restored_ns: int = 0
    purged_ns: int = 0


async def reject(
    archive: Archive,
    actor: Actor,
    *,
    study: str | None = None,
    series: str | None = None,
    instance: str | None = None,
    reason: str = QUALITY,
    note: str = "",
    deadline: Deadline,
) -> Rejection:
    """Takes a study, a series or an instance out of every answer; all that is given has to agree.

    Args:
        reason: a code of CID 7011, or its short name.
        note: words for those who look later; no names, for they stay.

    Raises:
        Refused: the actor may change nothing.
        Invalid: nothing is named, or the reason is no reason.
        NotFound: nothing is kept under these UIDs that the actor may change.
        Exhausted: the disk is full or fails, or the deadline passed; it may have been done all the same.
    """
    if study is None and series is None and instance is None:
        raise Invalid("rejecting needs a study, a series or an instance")
    code = reason_of(reason)
    text = noted(note)
    deadline.check("rejecting")
    allowed = ask(archive.witness, actor, "change")
    within: set[str] | None = None
    if allowed is not None:
        found = await archive.locate(study=study, series=series, instance=instance, allowed=allowed)
        within = {one.sop_instance_uid for one in found}

    def run(index: IndexWriter) -> Entry:
        named = standing_in(index, study, series, instance)
        named = tuple(one for one in named if within is None or one.sop_instance_uid in within)
        if not named:
            raise NotFound("nothing is kept under these UIDs")
        count = sum(not one.is_conflict for one in named)
        entry = _entry(actor, "rejected", None, text, count)
        entry = entry._replace(
            study_instance_uid=study or "",
            series_instance_uid=series or "",
            sop_instance_uid=instance or "",
            reason=code,
        )
        return carry_out(index, archive.records, archive.packs, entry, named)

    entry = await in_time(archive, run, deadline)
    return _rejection(entry, entry.instances)


async def reject_these(
    archive: Archive,
    actor: Actor,
    references: Collection[tuple[str, str, str]],
    *,
    reason: str,
    note: str,
    deadline: Deadline,
    also: Told | None = None,
) -> Rejection:
    """Takes some instances, each by study, series and its own UID, out of every answer in one act.

    What is not kept here is passed by.

    Args:
        also: is written into the records with it, or neither is.

    Raises:
        Refused: one that is kept is none that the actor may change; nothing is rejected then.
        NotFound: none of them is kept.
        Exhausted: the disk is full or fails, or the deadline passed; it may have been done all the same.
    """
    code, text = reason_of(reason), noted(note)
    deadline.check("rejecting")
    allowed = ask(archive.witness, actor, "change")
    studies = {study for study, _, _ in references}
    within: set[tuple[str, str, str]] | None = None
    if allowed is not None:
        found = [one for study in sorted(studies) for one in await archive.locate(study=study, allowed=allowed)]
        within = {(one.study_instance_uid, one.series_instance_uid, one.sop_instance_uid) for one in found}

    def run(index: IndexWriter) -> Entry:
        named = standing_among(index, references)
        if not named:
            raise NotFound("nothing of what is named is kept")
        if within is not None and any(not one.is_conflict and one[1:4] not in within for one in named):
            raise Refused(f"{actor.kind} {actor.name or '(no name)'} may not change all of what is named")
        count = sum(not one.is_conflict for one in named)
        kept = sorted({one.study_instance_uid for one in named})
        entry = _entry(actor, "rejected", None, text, count)
        entry = entry._replace(study_instance_uid=kept[0] if len(kept) == 1 else "", reason=code)
        return carry_out(index, archive.records, archive.packs, entry, named, also)

    try:
        entry = await in_time(archive, run, deadline)
    except Refused:
        archive.witness.refused(actor, "change")
        raise
    return _rejection(entry, entry.instances)


async def restore(archive: Archive, actor: Actor, rejection: int, *, note: str = "", deadline: Deadline) -> Rejection:
    """Brings back what a rejection took away; returns the rejection as it is then.

    Raises:
        Refused: the actor may change nothing.
        NotFound: there is no such rejection, or it is of a facility where they may not.
        Conflict: nothing of it is left to bring back.
        Exhausted: the disk is full or fails, or the deadline passed; it may have been done all the same.
    """
    text = noted(note)
    deadline.check("restoring")
    ask(archive.witness, actor, "change")
    await _known(archive, actor, rejection)

    def run(index: IndexWriter) -> Entry:
        entry = archive.records.write_now(lambda connection: journal.entry_of(connection, rejection))
        if entry is None or entry.kind != "rejected":
            raise NotFound(f"there is no rejection {rejection}")
        named = restorable(index, rejection)
        if not named:
            raise Conflict(f"nothing of rejection {rejection} is left to restore: it is back, sent again, or purged")
        count = sum(not one.is_conflict for one in named)
        return carry_out(
            index, archive.records, archive.packs, _entry(actor, "restored", rejection, text, count), named
        )

    await in_time(archive, run, deadline)
    (found,) = await _listed(archive, (rejection,))
    return found


async def rejections(
    archive: ArchiveReader, actor: Actor, *, before: int | None = None, limit: int = 50, deadline: Deadline
) -> tuple[Rejection, ...]:
    """At most `limit` rejections, the newest first; those before number `before` if one is given.

    Somebody who may change what some facilities perform is shown theirs, as long as something of them is on the disk.

    Raises:
        Refused: the actor may change nothing.
    """
    if not 0 < limit <= MAX_PAGE:
        raise Invalid(f"a page has 1 to {MAX_PAGE} rejections; asked for {limit}")
    ask(archive.witness, actor, "change")
    deadline.check("listing rejections")
    shown: list[int] = []
    async with deadline.timeout():
        while len(shown) < limit:
            values = {"before": before if before is not None else _BEYOND, "some": limit}
            ids = [row.id for row in await archive.records.select(_PAGE, values)]
            facilities = await facilities_of(archive, ids)
            shown += [one for one in ids if may_change(actor, facilities.get(one, set()))]
            if len(ids) < limit:
                break
            before = ids[-1]
        return await _listed(archive, shown[:limit])


async def rejection_of(archive: ArchiveReader, actor: Actor, rejection: int, deadline: Deadline) -> Rejection:
    """One rejection.

    Raises:
        Refused: the actor may change nothing.
        NotFound: there is none of that number, or it is of a facility where they may not.
    """
    ask(archive.witness, actor, "change")
    deadline.check("looking up a rejection")
    async with deadline.timeout():
        return await _known(archive, actor, rejection)


async def _known(archive: ArchiveReader, actor: Actor, rejection: int) -> Rejection:
    found = await _listed(archive, (rejection,))
    if not found or not may_change(actor, (await facilities_of(archive, (rejection,))).get(rejection, set())):
        raise NotFound(f"there is no rejection {rejection}")
    return found[0]


def may_change(actor: Actor, facilities: Collection[str], action: Action = "change") -> bool:
    """Whether somebody may do that to what these facilities performed; without one, only who may everywhere.

    >>> may_change(Actor(door="web"), ["local"])
    False
    """
    return all(may_at(actor, action, facility) for facility in facilities or EVERYWHERE)


async def facilities_of(archive: ArchiveReader, ids: Sequence[int]) -> dict[int, set[str]]:
    """By rejection, the facilities of what is left of it."""
    facilities: dict[int, set[str]] = {}
    for rejection, facility in await archive.fetch(_OF_FACILITIES, (msgspec.json.encode(list(ids)).decode(),)):
        facilities.setdefault(rejection, set()).add(facility)
    return facilities


_BEYOND = 2**62
_PAGE = (
    select(entries.c.id)
    .where(entries.c.kind == "rejected", entries.c.id < bindparam("before"))
    .order_by(entries.c.id.desc())
    .limit(bindparam("some"))
)
_OF_FACILITIES = (
    "SELECT DISTINCT rejected.rejection, packs.facility FROM rejected JOIN packs ON packs.id = rejected.pack"
    " WHERE rejected.rejection IN (SELECT value FROM json_each(?))"
)
_LEFT = (
    select(schema.rejected.c.rejection, func.count())
    .where(
        schema.rejected.c.rejection.in_(bindparam("ids", expanding=True)),
        schema.rejected.c.is_conflict == 0,
        schema.rejected.c.purge.is_(None),
    )
    .group_by(schema.rejected.c.rejection)
)
_BY_ID = select(*(entries.c[name] for name in Entry._fields)).where(
    entries.c.id.in_(bindparam("ids", expanding=True)), entries.c.kind.in_(bindparam("kinds", expanding=True))
)
_SINCE = (
    select(entries.c.about, entries.c.kind, func.max(entries.c.at_ns))
    .where(entries.c.about.in_(bindparam("ids", expanding=True)))
    .group_by(entries.c.about, entries.c.kind)
)


async def setting_aside(archive: ArchiveReader, number: int) -> Rejection | None:
    """What set something aside that lies under a number: a rejection, or a decision about what was kept beside."""
    return next(iter(await _listed(archive, (number,), SETTING_ASIDE)), None)


async def _listed(
    archive: ArchiveReader, ids: Sequence[int], kinds: Sequence[Kind] = ("rejected",)
) -> tuple[Rejection, ...]:
    values = {"ids": list(ids)}
    left = dict(map(tuple, await archive.select(_LEFT, values)))
    since = {(about, kind): at_ns for about, kind, at_ns in map(tuple, await archive.records.select(_SINCE, values))}
    found = [
        _rejection(
            entry,
            left.get(entry.id, 0),
            restored_ns=since.get((entry.id, "restored"), 0),
            purged_ns=since.get((entry.id, "purged"), 0),
        )
        for entry in (
            Entry(*tuple(row)) for row in await archive.records.select(_BY_ID, values | {"kinds": list(kinds)})
        )
    ]
    return tuple(sorted(found, key=lambda one: -one.id))


def _rejection(entry: Entry, left: int, *, restored_ns: int = 0, purged_ns: int = 0) -> Rejection:
    return Rejection(
        id=entry.id,
        at_ns=entry.at_ns,
        actor=entry.actor,
        address=entry.address,
        study_instance_uid=entry.study_instance_uid,
        series_instance_uid=entry.series_instance_uid,
        sop_instance_uid=entry.sop_instance_uid,
        reason=entry.reason,
        meaning=REASONS.get(entry.reason, ""),
        note=entry.note,
        instances=entry.instances,
        restorable=left,
        restored_ns=restored_ns,
        purged_ns=purged_ns,
    )


def _entry(actor: Actor, kind: Kind, about: int | None, note: str, instances: int) -> Entry:
    return Entry(0, kind, 0, about, "", "", "", "", note, f"{actor.door}:{actor.name}", actor.address, 0, instances)


def noted(note: str) -> str:
    """A note as it is kept: on one line. Raises Invalid if it is too long."""
    if len(note) > MAX_NOTE:
        raise Invalid(f"a note has at most {MAX_NOTE} characters; got {len(note)}")
    return "".join(letter if letter.isprintable() else " " for letter in note).strip()


async def in_time(archive: Archive, run: Callable[[IndexWriter], T], deadline: Deadline) -> T:
    """Has the index changed. Raises Exhausted if the deadline passes; it may have been done all the same."""
    deadline.check("changing what is kept")
    try:
        async with deadline.timeout():
            return await archive.change(run)
    except TimeoutError as error:
        raise Exhausted("out of time; it may have been done all the same") from error
