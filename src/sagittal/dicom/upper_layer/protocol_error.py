"""Broken promises of the upper layer: ours and the peer's are different classes, as in h11."""

from sagittal.errors import Invalid, PeerFailed

# A-ABORT reasons of the service-provider (PS3.8 Table 9-26).
NOT_SPECIFIED = 0
UNRECOGNIZED_PDU = 1
UNEXPECTED_PDU = 2
UNRECOGNIZED_PARAMETER = 4
UNEXPECTED_PARAMETER = 5
INVALID_PARAMETER_VALUE = 6


class LocalProtocolError(Invalid):
    """We tried to send what the protocol does not allow now."""


class RemoteProtocolError(PeerFailed):
    """The peer sent what the protocol does not allow.

    Attributes:
        reason: the A-ABORT reason to tell it (PS3.8 Table 9-26).
    """

    def __init__(self, message: str, reason: int = INVALID_PARAMETER_VALUE) -> None:
        super().__init__(message)
        self.reason = reason
