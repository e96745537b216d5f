"""The state machine of an association as data: PS3.8 Table 9-10, laid out as it is printed there.

`TABLE[event][state]` names the action (PS3.8 Tables 9-6 to 9-9); what is absent cannot happen.
`NEXT_STATE` says where an action leads; the three actions whose way depends on more than the table list every way.
"""

import enum
from typing import Final


class State(enum.IntEnum):
    """PS3.8 Tables 9-1 to 9-5."""

    IDLE = 1
    AWAITING_REQUEST = 2
    AWAITING_LOCAL_RESPONSE = 3
    AWAITING_TRANSPORT = 4
    AWAITING_RESPONSE = 5
    ESTABLISHED = 6
    AWAITING_RELEASE_REPLY = 7
    AWAITING_LOCAL_RELEASE_REPLY = 8
    COLLISION_REQUESTOR_LOCAL_REPLY = 9
    COLLISION_ACCEPTOR_REPLY = 10
    COLLISION_REQUESTOR_REPLY = 11
    COLLISION_ACCEPTOR_LOCAL_REPLY = 12
    AWAITING_CLOSE = 13


class Happening(enum.IntEnum):
    """The events of PS3.8 Table 9-10, in its order."""

    ASSOCIATE_REQUEST_LOCAL = 1
    TRANSPORT_CONFIRMED = 2
    ASSOCIATE_AC_PDU = 3
    ASSOCIATE_RJ_PDU = 4
    TRANSPORT_INDICATED = 5
    ASSOCIATE_RQ_PDU = 6
    ASSOCIATE_ACCEPT_LOCAL = 7
    ASSOCIATE_REJECT_LOCAL = 8
    DATA_REQUEST_LOCAL = 9
    DATA_TF_PDU = 10
    RELEASE_REQUEST_LOCAL = 11
    RELEASE_RQ_PDU = 12
    RELEASE_RP_PDU = 13
    RELEASE_RESPONSE_LOCAL = 14
    ABORT_REQUEST_LOCAL = 15
    ABORT_PDU = 16
    TRANSPORT_CLOSED = 17
    ARTIM_EXPIRED = 18
    INVALID_PDU = 19


# fmt: off
_ROWS: Final = (
    # Sta1    Sta2    Sta3    Sta4    Sta5    Sta6    Sta7    Sta8    Sta9    Sta10   Sta11   Sta12   Sta13
    ("AE-1", "",     "",     "",     "",     "",     "",     "",     "",     "",     "",     "",     ""),  # Evt1
    ("",     "",     "",     "AE-2", "",     "",     "",     "",     "",     "",     "",     "",     ""),  # Evt2
    ("",     "AA-1", "AA-8", "",     "AE-3", "AA-8", "AA-8", "AA-8", "AA-8", "AA-8", "AA-8", "AA-8", "AA-6"),  # Evt3
    ("",     "AA-1", "AA-8", "",     "AE-4", "AA-8", "AA-8", "AA-8", "AA-8", "AA-8", "AA-8", "AA-8", "AA-6"),  # Evt4
    ("AE-5", "",     "",     "",     "",     "",     "",     "",     "",     "",     "",     "",     ""),  # Evt5
    ("",     "AE-6", "AA-8", "",     "AA-8", "AA-8", "AA-8", "AA-8", "AA-8", "AA-8", "AA-8", "AA-8", "AA-7"),  # Evt6
    ("",     "",     "AE-7", "",     "",     "",     "",     "",     "",     "",     "",     "",     ""),  # Evt7
    ("",     "",     "AE-8", "",     "",     "",     "",     "",     "",     "",     "",     "",     ""),  # Evt8
    ("",     "",     "",     "",     "",     "DT-1", "",     "AR-7", "",     "",     "",     "",     ""),  # Evt9
    ("",     "AA-1", "AA-8", "",     "AA-8", "DT-2", "AR-6", "AA-8", "AA-8", "AA-8", "AA-8", "AA-8", "AA-6"),  # Evt10
    ("",     "",     "",     "",     "",     "AR-1", "",     "",     "",     "",     "",     "",     ""),  # Evt11
    ("",     "AA-1", "AA-8", "",     "AA-8", "AR-2", "AR-8", "AA-8", "AA-8", "AA-8", "AA-8", "AA-8", "AA-6"),  # Evt12
    ("",     "AA-1", "AA-8", "",     "AA-8", "AA-8", "AR-3", "AA-8", "AA-8", "AR-10","AR-3", "AA-8", "AA-6"),  # Evt13
    ("",     "",     "",     "",     "",     "",     "",     "AR-4", "AR-9", "",     "",     "AR-4", ""),  # Evt14
    ("",     "",     "AA-1", "AA-2", "AA-1", "AA-1", "AA-1", "AA-1", "AA-1", "AA-1", "AA-1", "AA-1", ""),  # Evt15
    ("",     "AA-2", "AA-3", "",     "AA-3", "AA-3", "AA-3", "AA-3", "AA-3", "AA-3", "AA-3", "AA-3", "AA-2"),  # Evt16
    ("",     "AA-5", "AA-4", "AA-4", "AA-4", "AA-4", "AA-4", "AA-4", "AA-4", "AA-4", "AA-4", "AA-4", "AR-5"),  # Evt17
    ("",     "AA-2", "",     "",     "",     "",     "",     "",     "",     "",     "",     "",     "AA-2"),  # Evt18
    ("",     "AA-1", "AA-8", "",     "AA-8", "AA-8", "AA-8", "AA-8", "AA-8", "AA-8", "AA-8", "AA-8", "AA-7"),  # Evt19
)

NEXT_STATE: Final[dict[str, tuple[State, ...]]] = {
    "AE-1": (State.AWAITING_TRANSPORT,),
    "AE-2": (State.AWAITING_RESPONSE,),
    "AE-3": (State.ESTABLISHED,),
    "AE-4": (State.IDLE,),
    "AE-5": (State.AWAITING_REQUEST,),
    "AE-6": (State.AWAITING_LOCAL_RESPONSE, State.AWAITING_CLOSE),  # acceptable, not acceptable to the provider
    "AE-7": (State.ESTABLISHED,),
    "AE-8": (State.AWAITING_CLOSE,),
    "DT-1": (State.ESTABLISHED,),
    "DT-2": (State.ESTABLISHED,),
    "AR-1": (State.AWAITING_RELEASE_REPLY,),
    "AR-2": (State.AWAITING_LOCAL_RELEASE_REPLY,),
    "AR-3": (State.IDLE,),
    "AR-4": (State.AWAITING_CLOSE,),
    "AR-5": (State.IDLE,),
    "AR-6": (State.AWAITING_RELEASE_REPLY,),
    "AR-7": (State.AWAITING_LOCAL_RELEASE_REPLY,),
    "AR-8": (State.COLLISION_REQUESTOR_LOCAL_REPLY, State.COLLISION_ACCEPTOR_REPLY),  # requestor, acceptor
    "AR-9": (State.COLLISION_REQUESTOR_REPLY,),
    "AR-10": (State.COLLISION_ACCEPTOR_LOCAL_REPLY,),
    "AA-1": (State.AWAITING_CLOSE,),
    "AA-2": (State.IDLE,),
    "AA-3": (State.IDLE,),
    "AA-4": (State.IDLE,),
    "AA-5": (State.IDLE,),
    "AA-6": (State.AWAITING_CLOSE,),
    "AA-7": (State.AWAITING_CLOSE,),
    "AA-8": (State.AWAITING_CLOSE,),
}
# fmt: on

TABLE: Final[dict[Happening, dict[State, str]]] = {
    happening: {state: cell for state, cell in zip(State, row, strict=True) if cell}
    for happening, row in zip(Happening, _ROWS, strict=True)
}
"""Action by event and state; what cannot happen is absent."""
