"""A person decides about what came under a UID that another has: keep the archive's, take the newcomer, or keep both.

Each decision is an entry of the journal before anything is changed, and can be undone until what it set aside is
purged. Nothing is overwritten: what has to go is rejected.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import msgspec

from sagittal.access.asking import ask
from sagittal.access.permits import Restriction
from sagittal.archive.acts import Entry, Kind, Named
from sagittal.archive.archive import Archive
from sagittal.archive.headers import Headers
from sagittal.archive.index.aside import Kept
from sagittal.archive.index.standing import Lying
from sagittal.archive.index.writer import IndexWriter
from sagittal.archive.journalled import carry_out
from sagittal.archive.reader import ArchiveReader
from sagittal.archive.records import journal
from sagittal.errors import Conflict, Corrupt, Invalid, NotFound
from sagittal.lifecycle.quarantine import BEYOND, MAX_PAGE, aside_of, pair_of
from sagittal.lifecycle.reasons import QUALITY, REASONS, reason_of
from sagittal.lifecycle.rejecting import facilities_of, in_time, may_change, noted
from sagittal.lifecycle.renaming import store_renamed
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline

Choice: TypeAlias = Literal["keep", "take", "both"]
CHOICES: Final[tuple[Choice, ...]] = ("keep", "take", "both")
"""Keep what the archive has, take the newcomer for it, keep both: the newcomer under a UID of its own."""

_KINDS: Final[Mapping[Choice, Kind]] = {"keep": "kept", "take": "taken", "both": "renamed"}
_UNDONE: Final[Mapping[Kind, Kind]] = {
    "kept": "kept_undone",
    "taken": "taken_undone",
    "renamed": "renamed_undone",
}
_CHOICE_OF: Final = {kind: choice for choice, kind in _KINDS.items()}


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody decided.

    Attributes:
        id: of the journal's entry.
        at_ns: nanoseconds since 1970-01-01 UTC.
        study_instance_uid: of what had the UID.
        new_uid: that the newcomer got; `""` unless both were kept.
        reason: Code Value of PS3.16 CID 7011; `""` where both were kept.
        note: in words of the one who decided.
        undone_ns, undone_by: when and by whom it was undone; 0 and `""` if it was not.
        can_be_undone: what it set aside is still there, and it was not undone.
    """

    id: int
    at_ns: int
    actor: str
    address: str
    choice: Choice
    study_instance_uid: str
    sop_instance_uid: str
    new_uid: str
    reason: str
    meaning: str
    note: str
    undone_ns: int
    undone_by: str
    can_be_undone: bool


async def decide(
    archive: Archive,
    actor: Actor,
    number: int,
    choice: Choice,
    *,
    reason: str = QUALITY,
    note: str = "",
    deadline: Deadline,
) -> Decision:
    """Does what somebody decided about what waits under a number.

    Args:
        number: when the newcomer came, nanoseconds since 1970-01-01 UTC.
        reason: why the one that goes goes: a code of CID 7011, or its short name.
        note: words for those who look later; no names, for they stay.

    Raises:
        Refused: the actor may change nothing.
        NotFound: nothing waits under that number that they may decide about.
        Conflict: it is damaged only, or was decided about meanwhile.
        Corrupt: the newcomer is damaged, and was to be taken or copied.
        Unsupported: the newcomer cannot get another UID.
        Exhausted: the disk is full or fails, or the deadline passed; it may have been done all the same.
    """
    code, text = reason_of(reason), noted(note)
    aside = await aside_of(archive, actor, number, deadline)
    newcomer = aside.newcomer
    if newcomer is None:
        raise Conflict("what is damaged is sent again, read again or rejected: there is nothing to choose from")
    if newcomer.is_corrupt and choice != "keep":
        raise Corrupt(f"the newcomer {number} is damaged: it cannot be taken")
    made = ""
    if choice != "keep":
        stored = (await pair_of(archive, actor, number, deadline)).newcomer
        if stored is None:
            raise Corrupt(f"the newcomer {number} is damaged: it cannot be taken")
        made = await store_renamed(archive, actor, stored, newcomer, deadline) if choice == "both" else ""

    def run(index: IndexWriter) -> Entry:
        named = _named(index, newcomer, aside.kept, made, choice)
        entry = _entry(actor, _KINDS[choice], None, text, aside.kept.study_instance_uid, newcomer.sop_instance_uid)
        entry = entry._replace(reason=code if choice != "both" else "", instances=int(choice == "take"))
        return carry_out(index, archive.records, archive.packs, entry, named)

    done = await in_time(archive, run, deadline)
    return await _decision(archive, actor, done.id, deadline)


async def undo(archive: Archive, actor: Actor, decision: int, *, note: str = "", deadline: Deadline) -> Decision:
    """Brings back what was before a decision; returns the decision as it is then.

    Raises:
        Refused: the actor may change nothing.
        NotFound: there is no such decision, or it is about what they may not change.
        Conflict: it was undone already, what it set aside is purged, or too much has happened since.
        Corrupt: what it set aside cannot be read any more.
        Exhausted: the disk is full or fails, or the deadline passed; it may have been done all the same.
    """
    text = noted(note)
    found = await _decision(archive, actor, decision, deadline)
    if not may_change(actor, (await facilities_of(archive, (decision,))).get(decision, {"*"})):
        raise NotFound(f"there is no decision {decision}")

    def run(index: IndexWriter) -> Entry:
        def look(connection: Any) -> tuple[Entry | None, tuple[Named, ...]]:  # Any: of SQLAlchemy
            return journal.entry_of(connection, decision), journal.named_by(connection, decision)

        entry, named = archive.records.write_now(look)
        if entry is None:
            raise NotFound(f"there is no decision {decision}")
        _require_undoable(index, entry, named)
        _require_readable(index, archive.packs, decision)
        undone = _entry(actor, _UNDONE[entry.kind], decision, text, found.study_instance_uid, found.sop_instance_uid)
        return carry_out(index, archive.records, archive.packs, undone, named)

    await in_time(archive, run, deadline)
    return await _decision(archive, actor, decision, deadline)


async def decisions(
    archive: ArchiveReader, actor: Actor, *, before: int | None = None, limit: int = 50, deadline: Deadline
) -> tuple[Decision, ...]:
    """At most `limit` decisions, the newest first; those before number `before` if one is given.

    Raises:
        Refused: the actor may change nothing.
    """
    if not 0 < limit <= MAX_PAGE:
        raise Invalid(f"a page has 1 to {MAX_PAGE} decisions; asked for {limit}")
    deadline.check("listing decisions")
    sql, values = _restricted(ask(archive.witness, actor, "change"))
    async with deadline.timeout():
        rows = await archive.fetch(
            f"{_DECISIONS}{sql} AND j.id < ? ORDER BY j.id DESC LIMIT ?",
            (*values, min(before or BEYOND, BEYOND), limit),
        )
    return tuple(_from(row) for row in rows)


async def decision_of(archive: ArchiveReader, actor: Actor, decision: int, deadline: Deadline) -> Decision:
    """One decision.

    Raises:
        Refused: the actor may change nothing.
        NotFound: there is none of that number, or it is about what they may not change.
    """
    return await _decision(archive, actor, decision, deadline)


async def _decision(archive: ArchiveReader, actor: Actor, decision: int, deadline: Deadline) -> Decision:
    deadline.check("looking up a decision")
    sql, values = _restricted(ask(archive.witness, actor, "change"))
    async with deadline.timeout():
        rows = await archive.fetch(f"{_DECISIONS}{sql} AND j.id = ?", (*values, min(decision, BEYOND)))
    if not rows:
        raise NotFound(f"there is no decision {decision}")
    return _from(rows[0])


_STANDING: Final = (
    "SELECT i.received_ns, studies.study_instance_uid, series.series_instance_uid, i.sop_instance_uid, i.digest, 0"
    " FROM instances AS i JOIN series ON series.id = i.series JOIN studies ON studies.id = series.study"
    " WHERE i.sop_instance_uid = ?"
)
_BESIDE: Final = (
    "SELECT received_ns, study_instance_uid, series_instance_uid, sop_instance_uid, digest, 1 FROM conflicts"
    " WHERE sop_instance_uid = ? AND received_ns = ? AND is_corrupt <= ?"
)


def _named(index: IndexWriter, newcomer: Kept, kept: Kept, made: str, choice: Choice) -> tuple[Named, ...]:
    """What the entry names, in the order it came. Raises Conflict if it is not as the person saw it."""
    uid = newcomer.sop_instance_uid
    most_corrupt = int(choice == "keep")
    beside = _rows(index, _BESIDE, (uid, newcomer.received_ns, most_corrupt))
    standing = _rows(index, _STANDING, (uid,))
    if not beside or not standing or standing[0].received_ns != kept.received_ns:
        raise Conflict("it is not as it was when you looked: somebody decided, or more came")
    if choice == "keep":
        return beside
    if choice == "take":
        return tuple(sorted((*standing, *beside)))
    copies = _rows(index, _STANDING, (made,))
    if not copies:
        raise Conflict("the copy under another UID was taken away meanwhile")
    return tuple(sorted((*copies, *beside)))


def _require_undoable(index: IndexWriter, entry: Entry, named: Sequence[Named]) -> None:
    """Raises Conflict unless undoing gives what was before."""
    (newcomer,) = [one for one in named if one.is_conflict]
    others = [one for one in named if not one.is_conflict]
    (aside,) = others if entry.kind == "taken" else [newcomer]
    if not index.fetch(_IS_ASIDE, (entry.id, aside.received_ns)):
        raise Conflict(f"decision {entry.id} is undone already, or what it set aside is purged")
    if index.fetch(_IS_BESIDE, (entry.id, aside.received_ns)):
        raise Conflict("the same was sent again since and is kept aside: decide about that")
    standing = {one.received_ns for one in _rows(index, _STANDING, (newcomer.sop_instance_uid,))}
    if entry.kind == "taken" and standing != {newcomer.received_ns}:
        raise Conflict("what was taken has not its place any more: undo first what was decided later")
    if entry.kind != "taken" and not standing:
        raise Conflict("the other one is rejected: restore that first")
    if entry.kind == "renamed":
        copies = {one.received_ns for one in _rows(index, _STANDING, (others[0].sop_instance_uid,))}
        if copies != {others[0].received_ns}:
            raise Conflict("the copy is rejected: restore that first")


def _require_readable(index: IndexWriter, packs: Path, decision: int) -> None:
    """Raises Corrupt if what is to come back has no header any more."""
    with Headers(packs, lambda: index.values.wanted) as headers:
        for row in index.fetch(_LYING, (decision,)):
            if headers.read(Lying(*row)) is None:
                raise Corrupt(f"what decision {decision} set aside cannot be read any more")


_LYING: Final = f"SELECT {', '.join(Lying._fields)} FROM rejected WHERE rejection = ? AND purge IS NULL"  # noqa: S608  # names of ours
_IS_ASIDE: Final = "SELECT 1 FROM rejected WHERE rejection = ? AND received_ns = ? AND purge IS NULL"
_IS_BESIDE: Final = (
    "SELECT 1 FROM rejected AS r WHERE r.rejection = ?1 AND r.received_ns = ?2 AND EXISTS"
    " (SELECT 1 FROM conflicts AS c WHERE c.sop_instance_uid = r.sop_instance_uid"
    " AND c.digest_data_set = r.digest_data_set"
    " UNION SELECT 1 FROM instances AS i WHERE i.sop_instance_uid = r.sop_instance_uid"
    " AND i.digest_data_set = r.digest_data_set)"
)


def _rows(index: IndexWriter, sql: str, values: tuple[object, ...]) -> tuple[Named, ...]:
    return tuple(Named(*row)._replace(is_conflict=bool(row[5])) for row in index.fetch(sql, values))


_FIELDS: Final = ("id", "at_ns", "actor", "address", "kind", "study_instance_uid", "sop_instance_uid", "reason", "note")
_DECISIONS: Final = (
    f"SELECT {', '.join(f'j.{name}' for name in _FIELDS)},"  # noqa: S608  # names of ours
    " coalesce((SELECT sop_instance_uid FROM journal_instances WHERE entry = j.id AND is_conflict = 0), ''),"
    " coalesce(u.at_ns, 0), coalesce(u.actor, ''),"
    " u.id IS NULL AND EXISTS (SELECT 1 FROM rejected WHERE rejection = j.id AND purge IS NULL)"
    " FROM journal AS j LEFT JOIN journal AS u ON u.about = j.id AND u.kind = j.kind || '_undone'"
    " WHERE j.kind IN ('kept', 'taken', 'renamed')"
)


def _restricted(allowed: Restriction | None) -> tuple[str, tuple[object, ...]]:
    """A further condition: of studies that they may change. Of what is gone by now only who may everywhere is told."""
    if allowed is None:
        return "", ()
    sql = (
        " AND EXISTS (SELECT 1 FROM studies JOIN series ON series.study = studies.id"  # noqa: S608  # a condition of ours
        f" WHERE studies.study_instance_uid = j.study_instance_uid AND ({allowed.sql}))"
    )
    return sql, allowed.values


def _from(row: Sequence[Any]) -> Decision:  # Any: columns of several types
    said: dict[str, Any] = dict(zip(_FIELDS, row, strict=False))  # Any: as above
    kind: Kind = said.pop("kind")
    other, undone_ns, undone_by, can_be_undone = row[len(_FIELDS) :]
    return Decision(
        **said,
        choice=_CHOICE_OF[kind],
        meaning=REASONS.get(said["reason"], ""),
        new_uid=other if kind == "renamed" else "",
        undone_ns=undone_ns,
        undone_by=undone_by,
        can_be_undone=bool(can_be_undone),
    )


def _entry(actor: Actor, kind: Kind, about: int | None, note: str, study: str, instance: str) -> Entry:
    return Entry(0, kind, 0, about, study, "", instance, "", note, f"{actor.door}:{actor.name}", actor.address, 0, 0)
