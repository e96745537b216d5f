"""What was done with instances and found of them, as the journal tells it."""

from typing import Final, Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal[
    "rejected",
    "restored",
    "purged",
    "damaged",
    "intact",
    "kept",
    "taken",
    "renamed",
    "kept_undone",
    "taken_undone",
    "renamed_undone",
]
"""`damaged` and `intact` are what was found when bytes were read again. The last six are decisions about what is kept
beside another of its UID, and their undoing: the other was kept, this one was taken, this one got a UID of its own."""

SETTING_ASIDE: Final[tuple[Kind, ...]] = ("rejected", "kept", "taken", "renamed", "renamed_undone")
"""What leaves rows in `rejected`, under its number."""


class Named(NamedTuple):
    """What came once, as an entry names it.

    Attributes:
        received_ns: when; no two have one time, so this says which.
        digest: BLAKE3 of the file, 32 bytes.
        is_conflict: it was kept beside another of its UID.
    """

    received_ns: int
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    digest: bytes
    is_conflict: bool


class Entry(NamedTuple):
    """An entry of the journal.

    Attributes:
        id: rises; 0 before it is written.
        at_ns: nanoseconds since 1970-01-01 UTC, in one order with the times of arrival.
        about: the entry that is undone, or of which what it set aside is purged; None for others.
        study_instance_uid, series_instance_uid, sop_instance_uid: what was asked for, `""` for what was not named.
        reason: Code Value of PS3.16 CID 7011, `""` if nothing is rejected.
        seq: of the newest event when it was written.
        instances: how many it names that are no conflicts.
    """

    id: int
    kind: Kind
    at_ns: int
    about: int | None
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    reason: str
    note: str
    actor: str
    address: str
    seq: int
    instances: int
