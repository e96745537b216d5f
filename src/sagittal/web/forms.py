"""What pages send back: forms and small JSON, with a cap before anything is kept."""

from collections.abc import Mapping
from typing import Final, NamedTuple, TypeVar
from urllib.parse import parse_qs

import msgspec
from litestar.datastructures import Cookie

from sagittal.access.porter import Admission
from sagittal.access.visitor import Visitor
from sagittal.errors import Invalid, Refused
from sagittal.runtime.actor import Actor
from sagittal.web.pages import AnyRequest, actor_of
from sagittal.web.visiting import COOKIE, Shown, shown_by

T = TypeVar("T")

_MOST_BODY_BYTES: Final = 128 * 1024
_MOST_FIELDS: Final = 64
_MOST_NUMBER: Final = 2**53


class Form(NamedTuple):
    """The fields of a form."""

    fields: Mapping[str, list[str]]

    def one(self, name: str) -> str:
        """A field; `""` where it was left out."""
        return self.fields.get(name, [""])[0]

    def many(self, name: str) -> tuple[str, ...]:
        """All fields of a name."""
        return tuple(self.fields.get(name, ()))

    def number(self, name: str, left_out: int = 0) -> int:
        """A whole number, or `left_out` for an empty field. Raises Invalid."""
        said = self.one(name).strip()
        if not said:
            return left_out
        if not (said.isascii() and said.isdecimal()) or int(said[:20]) > _MOST_NUMBER:
            raise Invalid("a whole number is expected")
        return int(said)


class Visit(NamedTuple):
    """Who sent a request, and from where.

    Attributes:
        secret: of the session's cookie; `""` without one.
        origin: scheme, host and port of our site as the browser has them.
    """

    visitor: Visitor
    actor: Actor
    admission: Admission | None
    secret: str
    origin: str
    is_secure: bool

    def cookie(self, secret: str, name: str = COOKIE, max_age_s: int | None = None) -> Cookie:
        """A cookie that only we get, and no script: over TLS under a name that no other host can set."""
        return Cookie(
            key=f"__Host-{name}" if self.is_secure else name,
            value=secret,
            path="/",
            httponly=True,
            secure=self.is_secure,
            samesite="lax",
            max_age=max_age_s,
        )

    def no_cookie(self, name: str = COOKIE) -> Cookie:
        """Has the browser forget a cookie."""
        return self.cookie("", name, max_age_s=0)


def visit_of(request: AnyRequest) -> Visit:
    """Who sent a request."""
    shown: Shown = shown_by(request.scope, ())  # the gate has put in what a proxy tells
    admission: Admission | None = request.scope.get("sagittal.admission")  # type: ignore[assignment]  # the gate's key
    return Visit(
        Visitor("web", shown.host[:64], shown.address, shown.agent),
        actor_of(request),
        admission,
        shown.session(),
        f"{shown.scheme}://{shown.host}",
        shown.scheme == "https",
    )


def person_of(request: AnyRequest) -> Visit:
    """Somebody who is signed in here, in a browser; Refused for a machine, a share link or nobody."""
    visit = visit_of(request)
    if visit.actor.kind != "person" or not visit.actor.account or not visit.actor.session:
        raise Refused("this is for people who are signed in with an account, in a browser")
    return visit


def cookie_of(request: AnyRequest, name: str) -> str:
    """One of our own cookies; `""` without it."""
    return str(request.cookies.get(f"__Host-{name}" if visit_of(request).is_secure else name, ""))


async def form_of(request: AnyRequest) -> Form:
    """The fields of `application/x-www-form-urlencoded`. Raises Invalid."""
    body = await _body(request)
    try:
        return Form(parse_qs(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError as error:
        raise Invalid("the form cannot be read") from error


async def json_of(request: AnyRequest, kind: type[T]) -> T:
    """A JSON body. Raises Invalid."""
    try:
        return msgspec.json.decode(await _body(request), type=kind)
    except (msgspec.DecodeError, ValueError) as error:
        raise Invalid("the JSON is not as expected") from error


async def _body(request: AnyRequest) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _MOST_BODY_BYTES:
            raise Invalid(f"a form has at most {_MOST_BODY_BYTES} bytes")
    return bytes(body)
