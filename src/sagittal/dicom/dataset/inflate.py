"""Inflates a deflated data set piece by piece, up to a cap (PS3.5 Section A.5)."""

import zlib
from collections.abc import Iterator

from sagittal.errors import Exhausted, Invalid

_PIECE_BYTES = 65536


class Inflater:
    """Takes chunks of a raw deflate stream (RFC 1951), gives what they inflate to.

    What follows the end of the stream is padding and passed over.
    """

    def __init__(self, max_inflated_bytes: int) -> None:
        self._stream = zlib.decompressobj(-zlib.MAX_WBITS)
        self._room = max_inflated_bytes

    @property
    def is_complete(self) -> bool:
        """Whether the stream's own end has been seen."""
        return self._stream.eof

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Pieces of at most 64 KiB; the caller may stop in between and never come back."""
        piece = b"more"
        while (data or piece) and not self._stream.eof:
            try:
                piece = self._stream.decompress(data, _PIECE_BYTES)
            except zlib.error as error:
                raise Invalid(f"a deflated data set is to be a raw deflate stream; {error}") from error
            data = self._stream.unconsumed_tail
            self._room -= len(piece)
            if self._room < 0:
                raise Exhausted("a deflated data set inflates to more than max_inflated_bytes")
            if piece:
                yield piece
