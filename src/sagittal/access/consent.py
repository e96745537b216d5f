"""Legal holds and patients' consents: asked before anything is destroyed, exported or shared."""

from collections.abc import Set as AbstractSet
from typing import Final, Literal, NamedTuple

from sqlalchemy import Connection, and_, delete, insert, or_, select, update

from sagittal.archive.records.policy_tables import consents, holds
from sagittal.errors import Invalid, NotFound, Refused
from sagittal.runtime.actor import Role

Purpose = Literal["export", "share", "research", "teaching"]
PURPOSES: Final[tuple[Purpose, ...]] = ("export", "share", "research", "teaching")
NEEDS_CONSENT: Final[frozenset[Purpose]] = frozenset({"research", "teaching"})
"""For these a patient has to have said yes; for the others, not to have said no."""


_PURPOSE_OF: Final[dict[Role, Purpose]] = {"researcher": "research", "teacher": "teaching"}


def purposes_of(roles: AbstractSet[Role]) -> list[Purpose]:
    """What else a study serves that is given to somebody with these roles: none, where they also care for patients.

    >>> purposes_of({"teacher"}), purposes_of({"teacher", "radiologist"})
    (['teaching'], [])
    """
    return [_PURPOSE_OF[role] for role in sorted(roles)] if roles <= _PURPOSE_OF.keys() else []


class Of(NamedTuple):
    """Whose study it is.

    Attributes:
        patient_id, issuer: Patient ID and Issuer of Patient ID; an empty ID names nobody.
    """

    study_instance_uid: str
    patient_id: str
    issuer: str


class Hold(NamedTuple):
    """A reason why something must not be destroyed: a study, or all of a patient."""

    id: int
    study_instance_uid: str
    patient_id: str
    issuer: str
    reason: str
    created_by: str
    created_ns: int


def hold(connection: Connection, what: Of, reason: str, by: str, now_ns: int) -> int:
    """Holds a study, or a patient's studies if no study is named; gives the hold's number."""
    if not what.study_instance_uid and not what.patient_id:
        raise Invalid("a hold names a study or a patient")
    if not reason.strip():
        raise Invalid("a hold needs a reason")
    row = what._asdict() | {"reason": reason.strip()[:500], "created_by": by, "created_ns": now_ns}
    (number,) = connection.execute(insert(holds).values(row)).inserted_primary_key or (0,)
    return int(number)


def lift(connection: Connection, number: int, by: str, now_ns: int) -> None:
    """Ends a hold. Raises NotFound if it is not in force."""
    statement = update(holds).where(holds.c.id == number, holds.c.lifted_ns == 0)
    if not connection.execute(statement.values(lifted_by=by, lifted_ns=now_ns)).rowcount:
        raise NotFound(f"no hold {number} is in force")


def every_hold(connection: Connection, limit: int) -> tuple[Hold, ...]:
    """The holds in force, oldest first."""
    columns = [holds.c[field] for field in Hold._fields]
    statement = select(*columns).where(holds.c.lifted_ns == 0).order_by(holds.c.id).limit(limit)
    return tuple(Hold(*row) for row in connection.execute(statement))


def is_a_patient_held(connection: Connection) -> bool:
    """Whether there is a hold on all of some patient."""
    statement = select(holds.c.id).where(holds.c.lifted_ns == 0, holds.c.study_instance_uid == "").limit(1)
    return connection.execute(statement).first() is not None


def holds_on(connection: Connection, of: Of) -> tuple[Hold, ...]:
    """The holds in force on a study or on its patient."""
    on_study = and_(holds.c.study_instance_uid != "", holds.c.study_instance_uid == of.study_instance_uid)
    on_patient = and_(
        holds.c.study_instance_uid == "",
        holds.c.patient_id != "",
        holds.c.patient_id == of.patient_id,
        holds.c.issuer == of.issuer,
    )
    columns = [holds.c[field] for field in Hold._fields]
    statement = select(*columns).where(holds.c.lifted_ns == 0, or_(on_study, on_patient)).order_by(holds.c.id)
    return tuple(Hold(*row) for row in connection.execute(statement))


def record(
    connection: Connection, of: Of, purpose: Purpose, by: str, now_ns: int, *, is_given: bool, expires_ns: int = 0
) -> None:
    """Keeps what a patient said to a purpose; the last word counts."""
    if purpose not in PURPOSES:
        raise Invalid(f"consent is to {', '.join(PURPOSES)}; got {purpose!r}")
    if not of.patient_id:
        raise Invalid("consent is a patient's: a Patient ID is needed")
    key = {"patient_id": of.patient_id, "issuer": of.issuer, "purpose": purpose}
    connection.execute(delete(consents).where(*(consents.c[name] == value for name, value in key.items())))
    said = {"is_given": int(is_given), "recorded_by": by, "at_ns": now_ns, "expires_ns": expires_ns}
    connection.execute(insert(consents).values(key | said))


def require_consent(connection: Connection, of: Of, purpose: Purpose, now_ns: int) -> None:
    """Raises Refused if the patient has said no, or has not said yes to what needs it."""
    row = connection.execute(
        select(consents.c.is_given, consents.c.expires_ns).where(
            consents.c.patient_id == of.patient_id, consents.c.issuer == of.issuer, consents.c.purpose == purpose
        )
    ).one_or_none()
    is_in_force = row is not None and (not row.expires_ns or now_ns < row.expires_ns)
    if row is not None and is_in_force and not row.is_given:
        raise Refused(f"the patient of study {of.study_instance_uid} does not consent to {purpose}")
    if purpose in NEEDS_CONSENT and not is_in_force:
        raise Refused(f"the patient of study {of.study_instance_uid} has not consented to {purpose}")


def require_no_hold(connection: Connection, of: Of) -> None:
    """Raises Refused if a study must not be destroyed."""
    found = holds_on(connection, of)
    if found:
        raise Refused(f"study {of.study_instance_uid} is held (hold {', '.join(str(one.id) for one in found)})")
