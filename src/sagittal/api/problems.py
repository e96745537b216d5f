"""What each kind of failure is called here: the door's one table (RFC 9457)."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from sagittal.access.throttle import TooManyAttempts
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
from sagittal.runtime.log import get_logger

log = get_logger(__name__)


class Status(NamedTuple):
    """A kind in HTTP: the status code, and a title that is the same for every occurrence."""

    code: int
    title: str


STATUSES: Mapping[type[SagittalError], Status] = {
    Invalid: Status(400, "the request is malformed"),
    NotFound: Status(404, "nothing here answers to that name"),
    Conflict: Status(409, "it contradicts what is kept"),
    TooManyAttempts: Status(429, "too many attempts; wait a little"),
    Refused: Status(403, "this site does not allow it"),
    Unsupported: Status(501, "this server does not do that"),
    Exhausted: Status(503, "out of time, space or slots; try again later"),
    Corrupt: Status(500, "what is kept is damaged"),
    PeerFailed: Status(502, "another system failed"),
}
_UNEXPECTED = Status(500, "an error of ours; the log has it")
_RETRY_AFTER_S = "5"


def problem_of_kind(_request: Request[object, object, object], error: SagittalError) -> Response[bytes]:  # type: ignore[type-var]  # whatever state the application has
    """The answer to a failure that a caller can be told about."""
    status = next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), _UNEXPECTED)
    if status.code >= 500:
        log.warning("api request failed", kind=type(error).__name__, detail=str(error))
    headers = {"retry-after": str(error.retry_after_s)} if isinstance(error, TooManyAttempts) else {}
    return _problem(status, str(error), headers)


def problem_of_request(_request: Request[object, object, object], error: HTTPException) -> Response[bytes]:  # type: ignore[type-var]  # as above
    """The answer to a request that is not of the form of its resource: where, but what it held is not said again."""
    headers = {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
    status = Status(error.status_code, "the request is not as this resource takes it")
    return _problem(status, _where(error), headers)


def problem_unforeseen(_request: Request[object, object, object], error: Exception) -> Response[bytes]:  # type: ignore[type-var]  # as above
    """The answer to what nobody expected, which is logged and not told."""
    log.error("api request broke", exc_info=error)
    return _problem(_UNEXPECTED, "", {})


def _where(error: HTTPException) -> str:
    """Names of the parameters and members of ours that are not as they are described."""
    if not isinstance(error, ValidationException) or not isinstance(error.extra, list):
        return ""
    keys = [str(one.get("key", "")) for one in error.extra if isinstance(one, dict)]
    return f"not as described: {', '.join(keys)}"[:200] if any(keys) else ""


def _problem(status: Status, detail: str, headers: Mapping[str, str]) -> Response[bytes]:
    members = {"title": status.title, "status": status.code, "detail": detail}
    body = msgspec.json.encode({name: member for name, member in members.items() if member})
    later = {"retry-after": _RETRY_AFTER_S} if status.code == 503 else {}
    fixed = {"cache-control": "no-store", **later, **headers}
    return Response(body, status_code=status.code, media_type="application/problem+json", headers=fixed)
