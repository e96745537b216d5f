"""A line of the ledger and the chain that holds the lines together.

Each line's hash is keyed BLAKE3 over the hash of the line before and over everything the line says. A line that is
changed, left out, put in or moved breaks the chain at its place; whoever has the database but not the key cannot mend
it. What was cut from the end is seen by comparison with a head that was kept elsewhere (`sagittal audit anchor`).
"""

from typing import Final

import blake3
import msgspec

from sagittal.audit.acts import SUCCESS, Kind
from sagittal.runtime.actor import Actor

HASH_BYTES: Final = 32

GENESIS: Final = bytes(HASH_BYTES)
"""What stands before the first line."""

MAX_TEXT: Final = 256
"""Characters of any one text in a line; what is longer is cut."""


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was done or refused, as whoever saw it says it.

    Attributes:
        kind: what.
        actor: who.
        outcome: EventOutcomeIndicator: SUCCESS or MINOR_FAILURE.
        study_instance_uid: the study it was done to; `""` where there is none.
        subject: what else it was done to: an account, a device, a setting, a destination; never a patient.
        facility: whose study it is; `""`: the actor's facility stands in the line.
        detail: why and how: a reason, names of query keys; never a value of a patient.
        count: how often, as instances or requests.
    """

    kind: Kind
    actor: Actor
    outcome: int = SUCCESS
    study_instance_uid: str = ""
    facility: str = ""
    subject: str = ""
    detail: str = ""
    count: int = 1


class Line(msgspec.Struct, frozen=True, array_like=True):
    """A line as it is kept. The order of the fields is what is hashed: a new field goes to the end.

    Attributes:
        seq: rises by one.
        at_ns, until_ns: when the act began and when it was last repeated, nanoseconds since 1970-01-01 UTC.
        patient: keyed hash of the patient's identity in hexadecimal, `""` where no patient is known.
    """

    seq: int
    at_ns: int
    until_ns: int
    kind: str
    outcome: int
    actor_kind: str
    actor: str
    door: str
    address: str
    called: str
    facility: str
    study_instance_uid: str
    patient: str
    subject: str
    detail: str
    count: int


class Chained(msgspec.Struct, frozen=True):
    """A line and its hash."""

    line: Line
    hash: bytes


def hash_of(key: bytes, before: bytes, line: Line) -> bytes:
    """The hash of a line that follows one with the hash `before`."""
    return blake3.blake3(before + msgspec.msgpack.encode(line), key=key).digest()


def hash_of_patient(key: bytes, patient_id: str, issuer: str) -> str:
    """The name that the ledger has for a patient; `""` for an empty Patient ID, which names nobody.

    >>> hash_of_patient(bytes(32), "123", "HOSPITAL") == hash_of_patient(bytes(32), "123", "")
    False
    """
    if not patient_id:
        return ""
    return blake3.blake3(b"patient\0" + patient_id.encode() + b"\0" + issuer.encode(), key=key).hexdigest(16)


def line_of(act: Act, *, seq: int, at_ns: int, until_ns: int, patient: str) -> Line:
    """The line that says what `act` says."""
    actor = act.actor
    return Line(
        seq=seq,
        at_ns=at_ns,
        until_ns=until_ns,
        kind=act.kind,
        outcome=act.outcome,
        actor_kind=actor.kind,
        actor=_text(actor.name),
        door=actor.door,
        address=_text(actor.address),
        called=_text(actor.called),
        facility=_text(act.facility or actor.facility),
        study_instance_uid=act.study_instance_uid,
        patient=patient,
        subject=_text(act.subject),
        detail=_text(act.detail),
        count=act.count,
    )


def _text(text: str) -> str:
    """Within the cap, and encodable: what came from a peer may hold lone surrogates."""
    return text[:MAX_TEXT].encode("utf-8", "replace").decode()
