"""Random secrets that are handed out once, and the digests that are kept of them."""

import hmac
import re
import secrets
from collections.abc import Callable
from typing import Literal, TypeVar

from blake3 import blake3

from sagittal.errors import Invalid

Purpose = Literal["session", "token", "link", "ticket", "recovery", "attempt"]

T = TypeVar("T")

_BYTES = 32
_FORM = re.compile(r"[A-Za-z0-9_-]{43}")
_CONTEXT = "sagittal 2026-11 access "  # BLAKE3 derives a key from it: a digest of one purpose is none of another


def new_secret() -> str:
    """256 random bits as 43 characters of base64url.

    >>> len(new_secret()), new_secret() == new_secret()
    (43, False)
    """
    return secrets.token_urlsafe(_BYTES)


def is_secret(text: str) -> bool:
    """Whether it has the form of what `new_secret` gives; what has not is looked up nowhere."""
    return _FORM.fullmatch(text) is not None


def digest_of(purpose: Purpose, secret: str) -> bytes:
    """What is kept of a secret: 32 bytes that lead back to it only by trying them all.

    Fast on purpose: it is for what is random and long. What a person chose goes to `passwords`.
    """
    return blake3(secret.encode(), derive_key_context=_CONTEXT + purpose).digest()


def checked_digest(purpose: Purpose, secret: str, what: str) -> bytes:
    """The digest of what has the form of a secret; Invalid naming `what`, without repeating it, otherwise."""
    if not is_secret(secret):
        raise Invalid(f"{what} is not of the form that is handed out here")
    return digest_of(purpose, secret)


def untold(*names: str) -> Callable[[type[T]], type[T]]:
    """Has the repr of a NamedTuple or Struct leave out what these fields hold: reprs end up in logs and reports.

    >>> from typing import NamedTuple
    >>> @untold("secret")
    ... class Shown(NamedTuple):
    ...     name: str
    ...     secret: str
    >>> Shown("a", "b")
    Shown(name='a', secret=***)
    """

    def decorate(kind: type[T]) -> type[T]:
        fields: tuple[str, ...] = getattr(kind, "_fields", ()) or getattr(kind, "__struct_fields__", ())
        unknown = set(names) - set(fields)
        if unknown:
            raise TypeError(f"{kind.__name__} has no {', '.join(unknown)}")

        def shown(self: object) -> str:
            told = (f"{name}={'***' if name in names else repr(getattr(self, name))}" for name in fields)
            return f"{kind.__name__}({', '.join(told)})"

        kind.__repr__ = shown  # type: ignore[method-assign]  # a method of every class
        return kind

    return decorate


def is_same(left: bytes | str, right: bytes | str) -> bool:
    """Whether two are the same, in a time that does not tell how much of them is."""
    return hmac.compare_digest(_as_bytes(left), _as_bytes(right))


def _as_bytes(value: bytes | str) -> bytes:
    return value.encode() if isinstance(value, str) else value
