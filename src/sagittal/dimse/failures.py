"""The door's table: which status a peer gets for each kind of failure."""

from typing import Final, NamedTuple

from sagittal.dicom.messages import statuses
from sagittal.errors import (
    Conflict,
    Corrupt,
    Exhausted,
    Invalid,
    NotFound,
    PeerFailed,
    Refused,
    SagittalError,
    Unsupported,
)

UNABLE_TO_PROCESS: Final = 0xC001


class Statuses(NamedTuple):
    """What C-STORE (PS3.4 Table B.2-1), C-FIND (Table C.4-1), C-MOVE and C-GET (Tables C.4-2, C.4-3) say."""

    store: int
    find: int
    retrieve: int


_NO_MATCH = statuses.DATA_SET_DOES_NOT_MATCH_SOP_CLASS
_REFUSED = statuses.NOT_AUTHORIZED
_FULL = statuses.OUT_OF_RESOURCES
_NO_SUB = statuses.CANNOT_PERFORM_SUB_OPERATIONS

TABLE: Final[dict[type[SagittalError], Statuses]] = {
    Invalid: Statuses(statuses.CANNOT_UNDERSTAND, _NO_MATCH, _NO_MATCH),
    NotFound: Statuses(UNABLE_TO_PROCESS, UNABLE_TO_PROCESS, UNABLE_TO_PROCESS),
    Conflict: Statuses(_NO_MATCH, UNABLE_TO_PROCESS, UNABLE_TO_PROCESS),
    Refused: Statuses(_REFUSED, _REFUSED, _REFUSED),
    Unsupported: Statuses(statuses.SOP_CLASS_NOT_SUPPORTED, _NO_MATCH, _NO_MATCH),
    Exhausted: Statuses(_FULL, _FULL, _NO_SUB),
    Corrupt: Statuses(UNABLE_TO_PROCESS, UNABLE_TO_PROCESS, UNABLE_TO_PROCESS),
    PeerFailed: Statuses(statuses.PROCESSING_FAILURE, statuses.PROCESSING_FAILURE, _NO_SUB),
}
"""Every kind of `errors.KINDS`."""

UNEXPECTED: Final = Statuses(statuses.PROCESSING_FAILURE, UNABLE_TO_PROCESS, UNABLE_TO_PROCESS)
"""For what is a mistake of ours."""


def statuses_of(error: Exception) -> Statuses:
    """The line of the table for an error.

    >>> hex(statuses_of(Exhausted("the disk is full")).store)
    '0xa700'
    """
    for kind in type(error).__mro__:
        if kind in TABLE:
            return TABLE[kind]
    return UNEXPECTED


def comment_on(error: Exception) -> str | None:
    """What to tell the peer in Error Comment (0000,0902); nothing of mistakes of ours."""
    return str(error)[:64] if isinstance(error, SagittalError) else None
