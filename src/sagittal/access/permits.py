"""May they? Asked by every room with its Actor; what no grant allows is refused.

What somebody may see of studies is a condition that becomes part of the query of the index, so that counts and pages
are right, and what they may not see is answered like what is not there, in the same time.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from sqlalchemy import TextClause, text

from sagittal.access.clauses import Condition, condition
from sagittal.errors import Refused
from sagittal.runtime.actor import EVERYWHERE, Action, Actor, Grant

GLASS: Final[frozenset[Action]] = frozenset({"query", "read"})
"""What breaking the glass allows, to one study."""


class Restriction(NamedTuple):
    """A condition in SQL over `studies`, and over `series` where that was asked for, of the index.

    Attributes:
        sql: with a question mark for each of `values`.
    """

    sql: str
    values: tuple[object, ...]

    def clause(self) -> TextClause:
        """The same for a statement of SQLAlchemy Core."""
        return _clause(self.sql).bindparams(**self.parameters())

    def unbound(self, prefix: str = "allowed") -> Condition:
        """As `clause`, but the same object each time, for a statement executed with `parameters`: faster.

        Args:
            prefix: tells the values from those of another restriction in the same statement.
        """
        return condition(self.sql, prefix)

    def parameters(self, prefix: str = "allowed") -> dict[str, object]:
        """The values by the names that they have in `unbound`."""
        return dict(zip(_names(prefix, len(self.values)), self.values, strict=True))


@lru_cache(1024)
def _names(prefix: str, count: int) -> tuple[str, ...]:
    return tuple(f"{prefix}_{number}" for number in range(count))


@lru_cache(1024)
def _clause(sql: str) -> TextClause:
    parts = sql.split("?")
    named = "".join(f"{part}:allowed_{number}" for number, part in enumerate(parts[:-1])) + parts[-1]
    return text(f"({named})")


_SHARED: Final = (
    "EXISTS (SELECT 1 FROM shares WHERE shares.study_instance_uid = studies.study_instance_uid"
    " AND shares.kind = ? AND shares.revoked_ns = 0 AND (shares.expires_ns = 0 OR shares.expires_ns > ?)"
)

NOTHING: Final = Restriction("0", ())
"""No row."""


def may(actor: Actor, action: Action) -> bool:
    """Whether there is anything at all to which they may do it."""
    return any(action in grant.actions for grant in actor.grants)


def require(actor: Actor, action: Action) -> None:
    """Raises Refused unless some grant allows the action."""
    if not may(actor, action):
        raise Refused(f"{actor.kind} {actor.name or '(no name)'} may not {action.replace('_', ' ')}")


def may_at(actor: Actor, action: Action, facility: str) -> bool:
    """Whether they may do it to what is performed at a facility."""
    return any(
        action in grant.actions and (grant.facilities == EVERYWHERE or facility in grant.facilities)
        for grant in actor.grants
    )


def is_lasting(actor: Actor, action: Action) -> bool:
    """Whether what they may do it to depends on the actor and the index alone, and not on shares that come and go."""
    return all(
        grant.relation in ("any", "performed_here", "referred_by_me")
        for grant in actor.grants
        if action in grant.actions
    )


@lru_cache(1024)
def whole(actor: Actor, action: Action, table: str) -> Restriction:
    """Of which rows of a table with a facility they may do it to all there is below: studies, or patients of one.

    Of others it may be a part, as where one series was shared.
    """
    grants = [one for one in actor.grants if action in one.actions and one.relation in ("any", "performed_here")]
    if any(one.facilities == EVERYWHERE for one in grants):
        return Restriction("1", ())
    return _among(f"{table}.facility", dict.fromkeys(name for one in grants for name in one.facilities))


def restriction(actor: Actor, action: Action, now_ns: int, *, has_series: bool = True) -> Restriction | None:
    """Which studies they may do it to: None for all there are, NOTHING for none.

    Args:
        actor: who asks.
        action: what for.
        now_ns: nanoseconds since 1970-01-01 UTC; shares end.
        has_series: the statement joins `series`, so that what is shared of a study may be one series.
    """
    found, ends = _restriction(actor, action, has_series)
    if found is None or not ends:
        return found
    return Restriction(found.sql, tuple(now_ns if value is _NOW else value for value in found.values))


_NOW: Final = object()
"""Stands where the time will."""


@lru_cache(1024)
def _restriction(actor: Actor, action: Action, has_series: bool) -> tuple[Restriction | None, bool]:
    """The restriction with _NOW in the place of the time, and whether that is in it."""
    found = _reached(actor, action, has_series=has_series)
    return found, found is not None and _NOW in found.values


def _reached(actor: Actor, action: Action, *, has_series: bool) -> Restriction | None:
    parts: list[Restriction] = []
    for grant in actor.grants:
        if action not in grant.actions:
            continue
        part = _reach(actor, grant, has_series=has_series)
        if part is None:
            return None
        parts.append(part)
    if actor.broken_glass and action in GLASS:
        parts.append(_among("studies.study_instance_uid", actor.broken_glass))
    return _either(part for part in parts if part is not NOTHING)


def _reach(actor: Actor, grant: Grant, *, has_series: bool) -> Restriction | None:
    here = None if grant.facilities == EVERYWHERE else _among("studies.facility", grant.facilities)
    match grant.relation:
        case "any":
            return here
        case "performed_here":
            return here
        case "referred_by_me":
            mine = _among("studies.referring_folded", actor.names)
            return mine if here is None or mine is NOTHING else _both(mine, here)
        case "assigned_to_me":
            return _shared("assigned", actor, (), has_series=has_series)
        case "shared_with_me":
            return _shared("shared", actor, grant.facilities, has_series=has_series)
        case "linked":
            return _linked(actor, has_series=has_series)


def _shared(kind: str, actor: Actor, facilities: tuple[str, ...], *, has_series: bool) -> Restriction:
    """Studies that a row of `shares`, in the records beside the index, gives to them or to a facility of theirs."""
    to = [Restriction("shares.to_account = ?", (actor.account,))] if actor.account else []
    if facilities == EVERYWHERE:
        to.append(Restriction("shares.to_facility <> ''", ()))
    elif facilities:
        to.append(_among("shares.to_facility", facilities))
    if not to:
        return NOTHING
    given = _either(to)
    series = " AND (shares.series_instance_uid = '' OR shares.series_instance_uid = series.series_instance_uid)"
    sql = _SHARED + (series if has_series else "") + f" AND {given.sql})"
    return Restriction(sql, (kind, _NOW, *given.values))


def _linked(actor: Actor, *, has_series: bool) -> Restriction:
    study, series = actor.link
    if not study:
        return NOTHING
    if series and has_series:
        return Restriction("(studies.study_instance_uid = ? AND series.series_instance_uid = ?)", (study, series))
    return Restriction("studies.study_instance_uid = ?", (study,))


def _among(column: str, values: Iterable[str]) -> Restriction:
    given = tuple(values)
    if not given:
        return NOTHING
    return Restriction(f"{column} IN ({', '.join('?' * len(given))})", given)


def _both(one: Restriction, other: Restriction) -> Restriction:
    return Restriction(f"({one.sql} AND {other.sql})", (*one.values, *other.values))


def _either(parts: Iterable[Restriction]) -> Restriction:
    some: Iterator[Restriction] | tuple[Restriction, ...] = tuple(parts)
    if not some:
        return NOTHING
    return Restriction(
        f"({' OR '.join(part.sql for part in some)})", tuple(value for part in some for value in part.values)
    )
