"""What was done with instances and found of them, as the journal tells it."""

from typing import Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["rejected", "restored", "purged", "damaged", "intact"]
"""The last two are what was found when bytes were read again."""


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
        about: the entry of the rejection that is undone or purged; None for a rejection.
        study_instance_uid, series_instance_uid, sop_instance_uid: what was asked for, `""` for what was not named.
        reason: Code Value of PS3.16 CID 7011, `""` if it is no rejection.
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
