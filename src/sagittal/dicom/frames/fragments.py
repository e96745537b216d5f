"""Finds the frames of encapsulated pixel data while its bytes go by (PS3.5 Section A.4)."""

import re
import sys
from array import array
from collections.abc import Iterable, Sequence
from struct import Struct

from sagittal.dicom.dataset import Buffer, Header
from sagittal.dicom.dataset.elements import (
    EXTENDED_OFFSET_TABLE,
    EXTENDED_OFFSET_TABLE_LENGTHS,
    ITEM,
    SEQUENCE_DELIMITATION,
    UNDEFINED_LENGTH,
    tag_text,
)
from sagittal.dicom.frames.grouping import HEAD_BYTES, by_count, by_marks, by_offsets, marks
from sagittal.dicom.frames.table import FrameTable
from sagittal.errors import Exhausted, Invalid

MAX_FRAGMENTS = 4_000_000
"""The largest whole slide image seen has a quarter of this many tiles at full resolution."""

NUMBER_OF_FRAMES = 0x00280008

_ITEM_HEAD = Struct("<HHI")
# MPEG2, MPEG-4 and HEVC, fragmentable or not (PS3.5 Sections A.4.5 to A.4.9)
_VIDEO = re.compile(r"1\.2\.840\.10008\.1\.2\.4\.10[0-8](\.1)?")
_DIGITS = re.compile(rb"[+]?([0-9]{1,11})")


class FragmentScanner:
    """Takes an encapsulated pixel data value in chunks, from the first byte of the value on.

    Frames are told by the Extended Offset Table, else the Basic Offset Table, else the number of fragments, else the
    markers of codestreams. An offset table that does not fit the fragments is passed over: writers get it wrong, by
    wrapping at 4 GiB for instance.
    """

    def __init__(
        self,
        transfer_syntax_uid: str,
        number_of_frames: int | None,
        *,
        extended_offsets: bytes = b"",
        extended_lengths: bytes = b"",
        max_fragments: int = MAX_FRAGMENTS,
    ) -> None:
        """Args:
        number_of_frames: None if the data set does not say: as many as an offset table has entries, else one.
        extended_offsets, extended_lengths: values of (7FE0,0001) and (7FE0,0002), little endian 64-bit numbers.
        max_fragments: cap on fragments and frames.
        """
        if number_of_frames is not None and number_of_frames > max_fragments:
            raise Exhausted(f"{number_of_frames} frames are more than max_fragments={max_fragments}")
        self._is_video = _VIDEO.fullmatch(transfer_syntax_uid) is not None
        self._frames = number_of_frames
        self._extended = extended_offsets, extended_lengths
        self._max = max_fragments
        self._offsets = array("Q")
        self._lengths = array("I")
        self._marked = bytearray()
        self._wants_marks = number_of_frames is not None and number_of_frames > 1 and not self._is_video
        self._at = 0  # bytes of the value seen
        self._head = bytearray()  # of an item's head that is not all there yet
        self._left = 0  # bytes of the open item that are still to come
        self._basic: bytearray | None = None  # the Basic Offset Table, once its item has begun
        self._keeps_basic = False
        self._first = bytearray()
        self._last = bytearray()
        self.end: int | None = None
        """Bytes of the value with its delimiter, once that has been seen."""

    def feed(self, data: Buffer) -> bool:
        """Takes the next bytes of the value; True once it has ended. What follows the end is not looked at."""
        with memoryview(data) as given, given.cast("B") as view:
            start = 0
            while start < len(view) and self.end is None:
                start = self._take_value(view, start) if self._left else self._take_head(view, start)
        return self.end is not None

    def _take_head(self, view: memoryview, start: int) -> int:
        taken = min(8 - len(self._head), len(view) - start)
        self._head += view[start : start + taken]
        self._at += taken
        if len(self._head) == 8:
            group, element, length = _ITEM_HEAD.unpack(self._head)
            self._head.clear()
            self._open(group << 16 | element, length)
        return start + taken

    def _open(self, tag: int, length: int) -> None:
        if tag == SEQUENCE_DELIMITATION:
            self.end = self._at
            return
        if tag != ITEM or length == UNDEFINED_LENGTH:
            where = f"at byte {self._at - 8} of the encapsulated pixel data"
            raise Invalid(f"an item of defined length is to be {where}; got {tag_text(tag)} of length {length:08X}H")
        self._left = length
        if self._basic is None:
            self._basic = bytearray()
            entries = length // 4
            self._keeps_basic = entries == self._frames or (self._frames is None and entries <= self._max)
            return
        self._keeps_basic = False
        if len(self._offsets) >= self._max:
            raise Exhausted(f"the encapsulated pixel data has more than max_fragments={self._max} fragments")
        self._offsets.append(self._at)
        self._lengths.append(length)
        if not length:
            self._close_fragment()

    def _take_value(self, view: memoryview, start: int) -> int:
        piece = view[start : start + self._left]
        self._left -= len(piece)
        self._at += len(piece)
        if self._keeps_basic and self._basic is not None:
            self._basic += piece
        elif self._wants_marks and self._offsets:
            self._first += piece[: HEAD_BYTES - len(self._first)]
            self._last += piece[-HEAD_BYTES:]
            del self._last[:-HEAD_BYTES]
            if not self._left:
                self._close_fragment()
        return start + len(piece)

    def _close_fragment(self) -> None:
        if self._wants_marks:
            self._marked.append(marks(bytes(self._first), bytes(self._last)))
            self._first.clear()
            self._last.clear()

    def close(self) -> FrameTable:
        """The frames of a value that has ended.

        A missing delimiter after a whole fragment is put up with.

        Raises:
            Invalid: the value is cut off, or its fragments cannot be told apart into as many frames as it is to have.
        """
        if self._left or self._head:
            raise Invalid(f"the encapsulated pixel data ends within an item, after {self._at} bytes")
        if self._is_video:
            return FrameTable.of(self._offsets, self._lengths, stream_frames=self._frames or 1)
        base = self._offsets[0] if self._offsets else 0
        starts = array("Q", (offset - base for offset in self._offsets))
        extended = self._by_extended(starts)
        if extended is not None:
            return extended
        firsts = self._by_basic(starts)
        if firsts is None:
            frames = self._frames or 1
            firsts = by_count(frames, len(starts)) or by_marks(frames, self._marked)
        if firsts is None:
            raise Invalid(
                f"{len(starts)} fragments and no fitting offset table: cannot tell {self._frames or 1} frames"
            )
        return _table(self._offsets, self._lengths, firsts)

    def _by_extended(self, starts: Sequence[int]) -> FrameTable | None:
        """PS3.3 Section C.7.6.3.1.8: one fragment a frame, whose length without padding is told."""
        offsets, lengths = (_numbers("Q", value) for value in self._extended)
        if not offsets or (self._frames or len(offsets)) != len(offsets):
            return None
        firsts = by_offsets(offsets, starts)
        if firsts is None:
            return None
        found = self._lengths
        if len(firsts) == len(found) == len(lengths):
            told = zip(lengths, found, strict=True)
            found = array("I", (length if 0 <= size - length <= 1 else size for length, size in told))
        return _table(self._offsets, found, firsts)

    def _by_basic(self, starts: Sequence[int]) -> Sequence[int] | None:
        offsets = _numbers("I", self._basic or b"")
        if not offsets or (self._frames or len(offsets)) != len(offsets):
            return None
        return by_offsets(offsets, starts)


def _table(offsets: Sequence[int], lengths: Sequence[int], firsts: Sequence[int]) -> FrameTable:
    return FrameTable.of(offsets, lengths, firsts=None if len(firsts) == len(offsets) else firsts)


def _numbers(code: str, value: bytes | bytearray) -> Sequence[int]:
    """A value of little endian numbers; none if it has no whole number of them."""
    numbers = array(code)
    if len(value) % numbers.itemsize == 0:
        numbers.frombytes(value)
        if sys.byteorder == "big":  # pragma: no cover
            numbers.byteswap()
    return numbers


def scanner_for(header: Header, *, max_fragments: int = MAX_FRAGMENTS) -> FragmentScanner:
    """A scanner for the encapsulated pixel data behind `header`.

    NUMBER_OF_FRAMES is to have been among the tags wanted of the header.
    """
    return FragmentScanner(
        header.transfer_syntax_uid,
        number_of_frames(header),
        extended_offsets=_value(header, EXTENDED_OFFSET_TABLE),
        extended_lengths=_value(header, EXTENDED_OFFSET_TABLE_LENGTHS),
        max_fragments=max_fragments,
    )


def number_of_frames(header: Header) -> int | None:
    """NumberOfFrames (0028,0008), None where it is missing or no number above 0."""
    match = _DIGITS.fullmatch(_value(header, NUMBER_OF_FRAMES).strip(b" \0"))
    return int(match[1]) or None if match else None


def _value(header: Header, tag: int) -> bytes:
    element = header.elements.get(tag)
    return element.value if element else b""


def frames_of(scanner: FragmentScanner, chunks: Iterable[Buffer]) -> FrameTable:
    """Feeds `chunks` until the value ends, and gives its frames."""
    for chunk in chunks:
        if scanner.feed(chunk):
            break
    return scanner.close()
