"""Breaking the glass: in an emergency somebody sees a study that the policy keeps from them. They say why, it ends by
itself, and someone else reviews it afterwards.
"""

from typing import Final, NamedTuple

from sqlalchemy import Connection, insert, select, update

from sagittal.access import permits, version
from sagittal.archive.records.policy_tables import broken_glass
from sagittal.errors import Invalid, NotFound, Refused
from sagittal.runtime.actor import Actor

LASTS_S: Final = 4 * 3600
"""How long the study stays open, s: a shift's emergency, not a way to work."""

NOTICE: Final = (
    "This opens a study that is not yours. Your name, the time and your reason are kept and will be reviewed."
)
"""What is shown before."""

_LEAST_REASON: Final = 10
_MOST_REASON: Final = 500
_SECOND_NS: Final = 1_000_000_000


class Broken(NamedTuple):
    """A glass that was broken.

    Attributes:
        account: number of who did it.
        at_ns, expires_ns: nanoseconds since 1970-01-01 UTC.
        reviewed_by: `""` while it waits for review.
    """

    id: int
    account: int
    study_instance_uid: str
    reason: str
    at_ns: int
    expires_ns: int
    reviewed_by: str
    reviewed_ns: int
    verdict: str


def open_study(connection: Connection, actor: Actor, study_instance_uid: str, reason: str, now_ns: int) -> int:
    """Opens a study to a person for LASTS_S and gives the number under which it is reviewed.

    Raises:
        Refused: the policy lets them break no glass.
        Invalid: no reason was given.
    """
    permits.require(actor, "break_glass")
    if not actor.account:
        raise Refused("only a person with an account can break the glass")
    said = " ".join(reason.split())
    if not _LEAST_REASON <= len(said) <= _MOST_REASON:
        raise Invalid(f"a reason of {_LEAST_REASON} to {_MOST_REASON} characters is asked for; got {len(said)}")
    row = {
        "account": actor.account,
        "study_instance_uid": study_instance_uid,
        "reason": said,
        "at_ns": now_ns,
        "expires_ns": now_ns + LASTS_S * _SECOND_NS,
    }
    (number,) = connection.execute(insert(broken_glass).values(row)).inserted_primary_key or (0,)
    version.count_up(connection)
    return int(number)


def opened(connection: Connection, account: int, now_ns: int) -> tuple[str, ...]:
    """The studies that are open to an account so."""
    statement = select(broken_glass.c.study_instance_uid).where(
        broken_glass.c.account == account, broken_glass.c.expires_ns > now_ns
    )
    return tuple(sorted(set(connection.execute(statement).scalars())))


def to_review(connection: Connection, limit: int = 100) -> tuple[Broken, ...]:
    """Those that nobody has looked at yet, oldest first."""
    statement = select(broken_glass).where(broken_glass.c.reviewed_ns == 0).order_by(broken_glass.c.id).limit(limit)
    return tuple(Broken(**row._mapping) for row in connection.execute(statement))  # noqa: SLF001  # SQLAlchemy's public name


def review(connection: Connection, number: int, by: Actor, verdict: str, now_ns: int) -> None:
    """Says what was found; the study is closed again if it was still open.

    Raises:
        Refused: they may not look at the ledger, or it is their own.
        NotFound: there is none that waits for review.
    """
    permits.require(by, "audit")
    row = connection.execute(
        select(broken_glass).where(broken_glass.c.id == number, broken_glass.c.reviewed_ns == 0)
    ).one_or_none()
    if row is None:
        raise NotFound(f"no broken glass {number} waits for review")
    if by.account and row.account == by.account:
        raise Refused("nobody reviews what they did themselves")
    connection.execute(
        update(broken_glass)
        .where(broken_glass.c.id == number)
        .values(
            reviewed_by=by.name,
            reviewed_ns=now_ns,
            verdict=verdict[:_MOST_REASON],
            expires_ns=min(row.expires_ns, now_ns),
        )
    )
    version.count_up(connection)
