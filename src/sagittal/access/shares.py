"""Studies given to people and facilities that would not see them otherwise: shared to look at, assigned to work on."""

from typing import Final, Literal, NamedTuple

from sqlalchemy import Connection, insert, select, update

from sagittal.access import version
from sagittal.archive.records.policy_tables import shares
from sagittal.errors import Invalid, NotFound

Kind = Literal["shared", "assigned"]
_KINDS: Final = ("shared", "assigned")


class NewShare(NamedTuple):
    """What is given to whom: either an account, by number, or a facility.

    Attributes:
        series_instance_uid: `""` for all of the study.
        expires_ns: nanoseconds since 1970-01-01 UTC; 0 for never.
    """

    kind: Kind
    study_instance_uid: str
    series_instance_uid: str = ""
    to_account: int = 0
    to_facility: str = ""
    expires_ns: int = 0


class Share(NamedTuple):
    """A share as it is kept."""

    id: int
    kind: Kind
    study_instance_uid: str
    series_instance_uid: str
    to_account: int
    to_facility: str
    created_by: str
    created_ns: int
    expires_ns: int
    revoked_ns: int


def give(connection: Connection, new: NewShare, by: str, now_ns: int) -> int:
    """Gives a study or series, and gives the share's number. In force as soon as it is committed."""
    if new.kind not in _KINDS:
        raise Invalid(f"a study is shared or assigned; got {new.kind!r}")
    if bool(new.to_account) == bool(new.to_facility):
        raise Invalid("a study is given to an account or to a facility, one of the two")
    if new.kind == "assigned" and not new.to_account:
        raise Invalid("a study is assigned to an account")
    if not new.study_instance_uid:
        raise Invalid("what is given is a study, named by its Study Instance UID")
    row = new._asdict() | {"to_account": new.to_account or None, "created_by": by, "created_ns": now_ns}
    (number,) = connection.execute(insert(shares).values(row)).inserted_primary_key or (0,)
    version.count_up(connection)
    return int(number)


def revoke(connection: Connection, number: int, now_ns: int) -> None:
    """Takes a share back, at once. Raises NotFound if there is none in force."""
    statement = update(shares).where(shares.c.id == number, shares.c.revoked_ns == 0).values(revoked_ns=now_ns)
    if not connection.execute(statement).rowcount:
        raise NotFound(f"there is no share {number} to take back")
    version.count_up(connection)


def of_study(connection: Connection, study_instance_uid: str) -> tuple[Share, ...]:
    """All that was ever given of a study, oldest first."""
    statement = select(shares).where(shares.c.study_instance_uid == study_instance_uid).order_by(shares.c.id)
    return tuple(
        Share(
            row.id,
            row.kind,
            row.study_instance_uid,
            row.series_instance_uid,
            row.to_account or 0,
            row.to_facility,
            row.created_by,
            row.created_ns,
            row.expires_ns,
            row.revoked_ns,
        )
        for row in connection.execute(statement)
    )
