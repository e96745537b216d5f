"""What each kind of failure is called in HTTP: the door's one table (RFC 9457, PS3.18 Section 8.5)."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from sagittal.dicomweb.exchange import Answer
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
from sagittal.ingest import NotWelcome


class MethodNotAllowed(Unsupported):
    """The resource is there, but not for this method."""


class NotAcceptable(Unsupported):
    """No media type that the client accepts can be given."""


class UnsupportedMediaType(Unsupported):
    """The request's body is of a media type that is not read here."""


class TooLarge(Refused):
    """More than this site takes or gives in one request."""


class Status(NamedTuple):
    """A kind in HTTP.

    Attributes:
        code: the status code.
        title: the problem's title, the same for every occurrence.
        failure_reason: in the answer of STOW-RS, Failure Reason (0008,1197) (PS3.18 Table I.2-2, PS3.7 Annex C).
    """

    code: int
    title: str
    failure_reason: int


STATUSES: Mapping[type[SagittalError], Status] = {
    Invalid: Status(400, "the request or the object is malformed", 0xC000),
    NotFound: Status(404, "nothing here answers to that name", 0x0110),
    Conflict: Status(409, "it contradicts what is kept", 0x0111),
    Refused: Status(403, "this site does not allow it", 0xA700),
    Unsupported: Status(501, "this server does not do that", 0x0122),
    Exhausted: Status(503, "out of time, space or slots; try again later", 0xA700),
    Corrupt: Status(500, "what is kept is damaged", 0x0110),
    PeerFailed: Status(502, "another system failed", 0x0110),
    # Further ones, each a case of one above.
    MethodNotAllowed: Status(405, "the resource has no such method", 0x0110),
    NotAcceptable: Status(406, "none of the accepted media types can be given", 0x0110),
    UnsupportedMediaType: Status(415, "the body's media type is not read here", 0x0110),
    NotWelcome: Status(403, "this site does not allow it", 0x0124),
    TooLarge: Status(413, "larger than this site takes in one request", 0xA700),
}
UNEXPECTED = Status(500, "an error of ours; the log has it under the request's id", 0x0110)
_RETRY_AFTER_S = "5"


def status_of(error: BaseException) -> Status:
    """The line of the table for an error: that of its class or of the nearest one above it.

    >>> status_of(NotAcceptable("")).code, status_of(Refused("")).code, status_of(KeyError()).code
    (406, 403, 500)
    """
    for kind in type(error).__mro__:
        if kind in STATUSES:
            return STATUSES[kind]
    return UNEXPECTED


def problem(error: BaseException, request_id: str) -> Answer:
    """The answer that tells a client of an error. The text of errors that are not ours stays here."""
    status = status_of(error)
    detail = str(error) if isinstance(error, SagittalError) else ""
    members = {"title": status.title, "status": status.code, "detail": detail, "request_id": request_id}
    headers = [("content-type", "application/problem+json")]
    if status.code == 503:
        headers.append(("retry-after", _RETRY_AFTER_S))
    if isinstance(error, MethodNotAllowed):
        headers.append(("allow", ", ".join(error.args[1:]) or "GET"))
        members["detail"] = str(error.args[0])
    body = msgspec.json.encode({name: member for name, member in members.items() if member})
    return Answer(status.code, tuple(headers), body)
