"""What every route of the API needs: who asks, how times and pages are written, and the words of their bodies."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar

import msgspec
from litestar import Request
from litestar.params import Parameter

from sagittal.access.permits import require
from sagittal.access.visitor import Visitor
from sagittal.errors import Refused
from sagittal.runtime.actor import SCOPE_KEY, Actor

T = TypeVar("T")
K = TypeVar("K", int, str)

AnyRequest = Request[Any, Any, Any]  # Any: whatever users and state the application has

TAKES: Final = "takes"
"""Key of a route's `opt`: the action of the policy that it takes, as the document says it."""
EVERYWHERE: Final = "everywhere"
"""As TAKES of a route: whether the action has to be allowed at every facility."""
PERSONS: Final = "persons"
"""As TAKES of a route: for people who show themselves, not for tokens."""
GIVES: Final = "gives"
"""As TAKES of a route: the media type of an answer that is no JSON."""
LOCATION: Final = "location"
"""As TAKES of a route: whether the answer says where what was made is."""
FAULTS: Final = "faults"
"""As TAKES of a route: what else can go wrong, as statuses."""

_MAX_ID: Final = 2**53
MOST: Final = 500
"""Of a page of a list."""

Uid = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[0-9.]+$", description="a UID (PS3.5)")]
PartUid = Annotated[str, msgspec.Meta(max_length=64, pattern=r"^[0-9.]*$", description='a UID, or `""` for all')]
FacilityName = Annotated[str, msgspec.Meta(max_length=32, description="name of a facility")]
UidInPath = Annotated[str, Parameter(max_length=64, description="a UID (PS3.5)")]
Id = Annotated[int, Parameter(ge=1, le=_MAX_ID, description="the number of it")]
Limit = Annotated[int, Parameter(ge=1, le=MOST, description="how many at most")]
Cursor = Annotated[int, Parameter(ge=0, le=_MAX_ID, description="`next` of the page before; 0 for the first page")]


class Made(msgspec.Struct, frozen=True):
    """The number of what was made."""

    id: int


def actor_of(request: AnyRequest) -> Actor:
    """Who asks, as the gate found out."""
    admitted: Actor | None = request.scope.get(SCOPE_KEY)  # type: ignore[assignment]  # the gate's own key
    address = request.client.host if request.client else ""
    return admitted or Actor(door="api", called=request.headers.get("host", "")[:64], address=address)


def visitor_of(request: AnyRequest) -> Visitor:
    """From where they ask."""
    actor = actor_of(request)
    return Visitor("api", actor.called, actor.address, request.headers.get("user-agent", "")[:256])


def person_of(request: AnyRequest) -> Actor:
    """Somebody who shows themselves; Refused for a token, a share link or nobody: none of them begets another."""
    actor = actor_of(request)
    if actor.kind != "person" or not actor.account:
        raise Refused("this is for people with an account who are signed in or show their password, not for tokens")
    return actor


def owner_of(request: AnyRequest) -> Actor:
    """Somebody with an account, by themselves or by a token that is for sharing. Raises Refused."""
    actor = actor_of(request)
    if not actor.account:
        raise Refused("this is kept by account, and there is none")
    if actor.kind != "person":
        require(actor, "share")
    return actor


def secret_of(request: AnyRequest) -> str:
    """The secret of the browser session they ask in; `""` where they show something else."""
    name = "__Host-sagittal" if request.scope["scheme"] == "https" else "sagittal"
    return "" if "authorization" in request.headers else str(request.cookies.get(name, ""))


def time_of(at_ns: int) -> str:
    """ISO 8601 in UTC; `""` for 0.

    >>> time_of(0), time_of(1_700_000_000_000_000_000)
    ('', '2023-11-14T22:13:20.000+00:00')
    """
    return datetime.fromtimestamp(at_ns / 1e9, UTC).isoformat(timespec="milliseconds") if at_ns else ""


def page_of(every: Sequence[T], key: Callable[[T], K], cursor: K, limit: int) -> tuple[list[T], K | None]:
    """One page of what has a key, by it, and the cursor of the next; None for the last page.

    >>> page_of([3, 1, 2], lambda one: one, 1, 1)
    ([2], 2)
    """
    left = sorted((one for one in every if key(one) > cursor), key=key)
    shown = left[:limit]
    return shown, key(shown[-1]) if len(left) > limit else None
