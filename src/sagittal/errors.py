"""The eight kinds of failure.

Rooms raise kinds; doors turn a kind into a status of their protocol, from one table each:

    SagittalError
    ├── Invalid       what came is not what the standard or the caller's contract says
    ├── NotFound      nothing here answers to that name
    ├── Conflict      it contradicts what is already kept
    ├── Refused       policy or a limit of this site says no
    ├── Unsupported   a legal request that this system does not do
    ├── Exhausted     a resource ran out: space, memory, time, slots
    ├── Corrupt       what we kept is not what we stored
    └── PeerFailed    another system broke its promise

A message says what was expected, what came and where; it names tags and UIDs, never a value that could
identify a patient.
"""


class SagittalError(Exception):
    """A failure that a caller can be told about."""


class Invalid(SagittalError):
    """What came is not what the standard or the caller's contract says."""


class NotFound(SagittalError):
    """Nothing here answers to that name."""


class Conflict(SagittalError):
    """It contradicts what is already kept."""


class Refused(SagittalError):
    """Policy or a limit of this site says no."""


class Unsupported(SagittalError):
    """A legal request that this system does not do."""


class Exhausted(SagittalError):
    """A resource ran out: space, memory, time, slots."""


class Corrupt(SagittalError):
    """What we kept is not what we stored."""


class PeerFailed(SagittalError):
    """Another system broke its promise."""


KINDS: tuple[type[SagittalError], ...] = (
    Invalid,
    NotFound,
    Conflict,
    Refused,
    Unsupported,
    Exhausted,
    Corrupt,
    PeerFailed,
)
"""Every kind, in the order above. Each door's table has a line for each."""
