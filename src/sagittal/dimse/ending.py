"""How associations end where nobody released them."""

from sagittal.dicom.upper_layer.association import Aborted
from sagittal.errors import PeerFailed


class AssociationEnded(PeerFailed):
    """The association is gone: aborted, lost, or released where more was expected."""


def why_of(event: Aborted) -> str:
    """The end in words.

    >>> why_of(Aborted(source=0, reason=0))
    "the peer's user aborted the association (reason 0)"
    """
    if event.error is not None:
        return str(event.error)
    if event.is_lost:
        return "the connection was closed without release"
    who = "user" if event.source == 0 else "provider"
    return f"the peer's {who} aborted the association (reason {event.reason})"
