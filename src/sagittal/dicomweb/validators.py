"""Entity tags and conditional requests (RFC 9110 Sections 8.8.3 and 13.1.2)."""

import hashlib
from collections.abc import Iterable

from sagittal.archive.model import StoredInstance
from sagittal.dicomweb.exchange import Request

UNCHANGING = "private, max-age=86400, immutable"
"""Cache-Control of stored bytes: they never change under their URL."""

REVALIDATED = "private, no-cache"
"""Cache-Control of what may grow: to be asked for again, cheaply, by its entity tag."""


def etag_of(instances: Iterable[StoredInstance], *variant: str) -> str:
    """An entity tag of what is made of these instances; `variant` says which making."""
    state = hashlib.blake2b(digest_size=16)
    for text in variant:
        state.update(text.encode() + b"\0")
    for instance in instances:
        state.update(instance.digest)
    return f'"{state.hexdigest()}"'


def is_fresh(request: Request, etag: str) -> bool:
    """Whether the client has it already: If-None-Match names the tag, weak or strong, or is `*`."""
    for field in request.header_fields("if-none-match"):
        if etag in (member.strip().removeprefix("W/") for member in field.split(",")) or field.strip() == "*":
            return True
    return False
