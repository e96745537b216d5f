"""Bodies made of pieces: small ones joined, so that a thousand small instances are not a thousand packets."""

import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import NamedTuple

from sagittal.dicom.web.multipart import MultipartWriter, related_content_type

_JOINED_BYTES = 64 * 1024
WHOLE_BYTES = 1024 * 1024
"""A body of known length up to this is made before the answer begins: one message instead of many."""


class Part(NamedTuple):
    """One part of a multipart answer; its bytes are read when their turn comes.

    Attributes:
        location: the URL of what is in it, for Content-Location; "" for none.
        after: where bytes are read that can be read to a place after others: gives what `data` would, after those.
    """

    content_type: str
    length: int | None
    data: AsyncIterator[bytes]
    location: str = ""
    after: Callable[[bytes], AsyncIterator[bytes]] | None = None


class Multipart:
    """A multipart/related body."""

    def __init__(self, related_type: str) -> None:
        self.boundary = secrets.token_hex(20)  # of one length: HEAD tells that of GET
        self.content_type = related_content_type(related_type, self.boundary)

    def length(self, parts: Iterable[tuple[str, int]], location: str = "") -> int:
        """Bytes of the body with parts of these content types and lengths."""
        writer = MultipartWriter(self.boundary)
        total = sum(len(_begin(writer, content_type, length, location)) + length for content_type, length in parts)
        return total + len(writer.end())

    def around(self, content_type: str, length: int) -> tuple[bytes, bytes]:
        """What stands before and after the one part of a body."""
        writer = MultipartWriter(self.boundary)
        return _begin(writer, content_type, length), writer.end()

    async def write(self, parts: AsyncIterator[Part]) -> AsyncGenerator[bytes, None]:
        """The body in pieces."""
        writer = MultipartWriter(self.boundary)
        async with ending(parts):
            async for part in parts:
                begin = _begin(writer, part.content_type, part.length, part.location)
                if part.after is None:
                    yield begin
                data = part.data if part.after is None else part.after(begin)
                async with ending(data):
                    async for piece in data:
                        yield piece
        yield writer.end()


def _begin(writer: MultipartWriter, content_type: str, length: int | None, location: str = "") -> bytes:
    headers = {"Content-Type": content_type}
    if length is not None:
        headers["Content-Length"] = str(length)
    if location:
        headers["Content-Location"] = location
    return writer.begin_part(headers)


@asynccontextmanager
async def ending(pieces: AsyncIterator[object]) -> AsyncIterator[None]:
    """Ends what makes pieces when the block is left, so that nobody works for a client that has gone."""
    try:
        yield
    finally:
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()


async def joined(pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The same bytes with small pieces joined to at least 64 KiB."""
    small: list[bytes] = []
    size = 0
    try:
        async for piece in pieces:
            if not small and len(piece) >= _JOINED_BYTES:
                yield piece
                continue
            small.append(piece)
            size += len(piece)
            if size >= _JOINED_BYTES:
                yield b"".join(small)
                small, size = [], 0
    finally:
        await pieces.aclose()
    if small:
        yield b"".join(small)


async def body_of(pieces: AsyncGenerator[bytes, None], length: int | None) -> bytes | AsyncGenerator[bytes, None]:
    """A body for an answer: whole if it is short, else in pieces."""
    if length is not None and length <= WHOLE_BYTES:
        return b"".join([piece async for piece in pieces])
    return joined(pieces)
