"""Answers made small for the way: brotli for browsers that take it, else gzip (RFC 9110 Section 8.4.1, RFC 7932).

Browsers say that they take brotli where nobody in between can read, and change, what comes: over TLS and on their own
machine.
"""

import asyncio
import gzip
from collections.abc import Mapping, Sequence
from typing import Final

import brotli
from litestar import Response
from litestar.datastructures import Cookie

LEAST: Final = 600
"""Bytes; of less there is nothing to be won."""

UNCHANGING: Final = {
    "cache-control": "public, max-age=31536000, immutable",
    "vary": "accept-encoding",
    "x-content-type-options": "nosniff",
}
"""Headers of a file whose address names its content."""

_CODINGS: Final = ("br", "gzip")  # best first
_QUICK: Final = 5  # of brotli, for what is made anew each time: smaller than gzip's 9 in the time of its 6


def coding_for(accept_encoding: str) -> str:
    """The best coding that a field Accept-Encoding names; `""` for none.

    >>> coding_for("gzip, deflate, br"), coding_for("br;q=0, gzip;q=0.5"), coding_for("")
    ('br', 'gzip', '')
    """
    if not accept_encoding:
        return ""
    members = [member.partition(";") for member in accept_encoding.lower().split(",")]
    taken = {name.strip() for name, _, said in members if said.replace(" ", "").rstrip("0") not in ("q=", "q=0.")}
    return next((coding for coding in _CODINGS if coding in taken), "")


def coded(content: bytes, coding: str) -> bytes:
    """Content that is made anew each time, in a coding of `coding_for`."""
    if coding == "br":
        return bytes(brotli.compress(content, brotli.MODE_TEXT, quality=_QUICK))
    return gzip.compress(content, 6, mtime=0) if coding == "gzip" else content


class Packed:
    """A file that stays as it is. Each of its codings is made when it is first asked for, as small as can be."""

    def __init__(self, media_type: str, plain: bytes) -> None:
        """A file of text."""
        self.media_type = media_type
        self.plain = plain
        self._coded: dict[str, bytes] = {"": plain}

    async def coded(self, coding: str) -> bytes:
        """The file in a coding of `coding_for`; the first time takes up to 40 ms, in a thread."""
        if coding not in self._coded:
            self._coded[coding] = await asyncio.to_thread(_smallest, self.plain, coding)
        return self._coded[coding]


def _smallest(content: bytes, coding: str) -> bytes:
    if coding == "br":
        return bytes(brotli.compress(content, brotli.MODE_TEXT))
    return gzip.compress(content, 9, mtime=0)


def packed(
    content: bytes,
    accept_encoding: str,
    media_type: str,
    headers: Mapping[str, str],
    *,
    status: int = 200,
    cookies: Sequence[Cookie] = (),
) -> Response[bytes]:
    """The answer with `content`, made anew for this request, to who sent `accept_encoding`.

    No secret stands in our pages beside what a request says, so their length tells nothing.
    """
    coding = coding_for(accept_encoding) if len(content) >= LEAST else ""
    said = {**headers, "content-type": media_type, "vary": "accept-encoding", **_said(coding)}
    return Response(coded(content, coding), status_code=status, headers=said, cookies=list(cookies))


async def kept(file: Packed, accept_encoding: str) -> Response[bytes]:
    """The answer with a file whose address names its content."""
    coding = coding_for(accept_encoding)
    said = {**UNCHANGING, "content-type": file.media_type, **_said(coding)}
    return Response(await file.coded(coding), headers=said)


def _said(coding: str) -> Mapping[str, str]:
    return {"content-encoding": coding} if coding else {}
