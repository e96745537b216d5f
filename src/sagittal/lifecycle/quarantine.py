"""What is kept aside and waits for a person: other bytes under a UID that is taken, and what is damaged.

Whoever may `change` a study may decide about it; what came from another facility than theirs, or says it is of another
study, only who may change that facility's, too. The restriction is part of each query.
"""

import asyncio
from typing import Final

import msgspec

from sagittal.access.asking import ask
from sagittal.access.permits import whole
from sagittal.archive.archive import Archive
from sagittal.archive.headers import Headers
from sagittal.archive.index.aside import (
    Aside,
    Condition,
    Kept,
    Why,
    aside_from,
    count_sql,
    listing_sql,
    one_sql,
    stored_from,
)
from sagittal.archive.index.named import EVERY_INDEX
from sagittal.archive.index.standing import Lying
from sagittal.archive.model import StoredInstance
from sagittal.archive.reader import ArchiveReader
from sagittal.archive.verify import verify_one
from sagittal.errors import Invalid, NotFound
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline

MAX_PAGE: Final = 200
"""Listed at one time."""

WHYS: Final[tuple[Why, ...]] = ("conflict", "damaged")
BEYOND: Final = 2**62
"""No number of what waits, and of no decision, is as large."""


class Pair(msgspec.Struct, frozen=True):
    """What waits, ready to be read side by side.

    Attributes:
        kept: what has the UID; None if its header cannot be read any more.
        newcomer: what lies beside; None if nothing does, or its header cannot be read.
    """

    aside: Aside
    kept: StoredInstance | None
    newcomer: StoredInstance | None


async def kept_aside(
    archive: ArchiveReader,
    actor: Actor,
    *,
    why: Why | None = None,
    before: int | None = None,
    limit: int = 50,
    deadline: Deadline,
) -> tuple[Aside, ...]:
    """At most `limit` that wait, what came last first; those that came before `before` if that is given.

    Args:
        why: only those; None for all.
        before: nanoseconds since 1970-01-01 UTC.

    Raises:
        Refused: the actor may change nothing.
    """
    if not 0 < limit <= MAX_PAGE:
        raise Invalid(f"a page has 1 to {MAX_PAGE} of what is kept aside; asked for {limit}")
    deadline.check("listing what is kept aside")
    found: list[Aside] = []
    conditions = _conditions(archive, actor, why)
    await archive.witness.queried(actor, "IMAGE", ["kept aside"])  # their patients are named in the list
    async with deadline.timeout():
        for one, (sql, values) in conditions.items():
            rows = await archive.fetch(listing_sql(one, sql), (*values, min(before or BEYOND, BEYOND), limit))
            found += [aside_from(one, row) for row in rows]
    found.sort(key=lambda one: -one.number)
    return tuple(found[:limit])


async def how_many(archive: ArchiveReader, actor: Actor, deadline: Deadline) -> dict[Why, int]:
    """How many wait. Raises Refused if the actor may change nothing."""
    deadline.check("counting what is kept aside")
    async with deadline.timeout():
        counts: dict[Why, int] = {}
        for one, (sql, values) in _conditions(archive, actor, None).items():
            ((counts[one],),) = await archive.fetch(count_sql(one, sql), values)
    return counts


async def aside_of(archive: ArchiveReader, actor: Actor, number: int, deadline: Deadline) -> Aside:
    """What waits under a number.

    Raises:
        Refused: the actor may change nothing.
        NotFound: nothing does, or they may not decide about it.
    """
    deadline.check("looking up what is kept aside")
    async with deadline.timeout():
        for one, (sql, values) in _conditions(archive, actor, None).items():
            for row in await archive.fetch(one_sql(one, sql), (*values, min(number, BEYOND))):
                return aside_from(one, row)
    raise NotFound(f"nothing is kept aside under number {number}")


async def pair_of(archive: ArchiveReader, actor: Actor, number: int, deadline: Deadline) -> Pair:
    """What waits under a number, to be looked at. Errors as `aside_of`."""
    aside = await aside_of(archive, actor, number, deadline)
    studies = {one.study_instance_uid for one in (aside.kept, aside.newcomer) if one is not None}
    await archive.witness.accessed(actor, "read", sorted(studies))
    kept, newcomer = await asyncio.to_thread(_stored, archive, aside)
    return Pair(aside, kept, newcomer)


def _stored(archive: ArchiveReader, aside: Aside) -> tuple[StoredInstance | None, StoredInstance | None]:
    with Headers(archive.packs, lambda: EVERY_INDEX) as headers:
        return _read(headers, aside.kept), _read(headers, aside.newcomer) if aside.newcomer is not None else None


def _read(headers: Headers, kept: Kept) -> StoredInstance | None:
    lying = Lying(*(getattr(kept, name) for name in Lying._fields))
    header = headers.read(lying)
    return stored_from(kept, header) if header is not None else None


async def verify_again(archive: Archive, actor: Actor, number: int, deadline: Deadline) -> bool:
    """Reads what is damaged once more, as after its pack was put back from a backup; whether it is whole now.

    Raises:
        Refused, NotFound: as `aside_of`.
    """
    aside = await aside_of(archive, actor, number, deadline)
    async with deadline.timeout():
        whole_now = [
            await verify_one(archive, one.received_ns, f"{actor.door}:{actor.name}")
            for one in (aside.kept, aside.newcomer)
            if one is not None and one.is_corrupt
        ]
    return all(one is not False for one in whole_now)


def _conditions(archive: ArchiveReader, actor: Actor, why: Why | None) -> dict[Why, Condition]:
    """What the actor may decide about, by why it waits."""
    allowed = ask(archive.witness, actor, "change")
    sql, values = (allowed.sql, allowed.values) if allowed is not None else ("1", ())
    theirs = whole(actor, "change", "packs")
    same = "c.study_instance_uid = studies.study_instance_uid AND packs.facility = studies.facility"
    both = f"({sql}) AND ({theirs.sql} OR ({same}))"
    found: dict[Why, Condition] = {"conflict": (both, (*values, *theirs.values)), "damaged": (sql, values)}
    return {one: condition for one, condition in found.items() if why in (None, one)}
