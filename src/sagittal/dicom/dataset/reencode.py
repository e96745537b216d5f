"""Converts a data set between the native encodings while it streams, for peers that take only one of them.

    Implicit VR LE  <->  Explicit VR LE  <->  Explicit VR BE      and deflated Explicit VR LE

What changes besides VRs, byte order and length fields: sequences and items come out with undefined length, group
lengths (retired) are left out, a sequence written as UN becomes SQ. Values stay as they are, odd lengths included.

    Reencoder.feed(chunk)
      └─ inflate if deflated
          └─ _Converter.take: heads and items one by one; values pass through, swapped if the byte order changes
              └─ deflate if the target is deflated
"""

import zlib
from array import array
from collections.abc import Iterable, Iterator
from struct import Struct
from typing import Literal, NamedTuple

from sagittal.dicom.dataset.elements import (
    ITEM,
    ITEM_DELIMITATION,
    SEQUENCE_DELIMITATION,
    UNDEFINED_LENGTH,
    Buffer,
    tag_text,
)
from sagittal.dicom.dataset.inflate import Inflater
from sagittal.dicom.dataset.layout import (
    LAYOUTS,
    LONG_VRS,
    Head,
    Layout,
    head_at,
    layout_found,
    layout_of,
    layout_of_item,
)
from sagittal.dicom.dataset.limits import DEFAULT_LIMITS, Limits
from sagittal.dicom.dataset.resolve import DECIDING, resolved_vr
from sagittal.dicom.transfer_syntax import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    encoding_of,
)
from sagittal.errors import Exhausted, Invalid, Unsupported

NATIVE = frozenset(
    (
        IMPLICIT_VR_LITTLE_ENDIAN,
        EXPLICIT_VR_LITTLE_ENDIAN,
        EXPLICIT_VR_BIG_ENDIAN,
        DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    )
)
"""Transfer Syntaxes that can be converted into each other without touching a pixel."""

_WINDOW_BYTES = 1 << 16
_LONG = frozenset(LONG_VRS)
# Bytes of the numbers that a value is made of, by array type code (PS3.5 Section 7.3)
_WORDS = {
    **dict.fromkeys(("AT", "OW", "SS", "US"), ("H", 2)),
    **dict.fromkeys(("FL", "OF", "OL", "SL", "UL"), ("I", 4)),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), ("Q", 8)),
}


class _Level(NamedTuple):
    """A sequence, or an item, that is open.

    Attributes:
        stop: where it ends in the source; None if a delimiter says so.
        known: values of the attributes that decide about VRs, in this item and around it.
    """

    layout: Layout
    is_item: bool
    is_un: bool
    stop: int | None
    known: dict[int, int]


def is_reencodable(source_uid: str, target_uid: str) -> bool:
    """Whether a data set in one Transfer Syntax can be sent in the other by converting its encoding alone."""
    return source_uid in NATIVE and target_uid in NATIVE


def reencode(
    chunks: Iterable[Buffer], source_uid: str, target_uid: str, limits: Limits = DEFAULT_LIMITS
) -> Iterator[bytes]:
    """The data set in `chunks`, converted; see `Reencoder`.

    >>> explicit = bytes.fromhex("10002000 4c4f0400") + b"ID 1"
    >>> b"".join(reencode([explicit], "1.2.840.10008.1.2.1", "1.2.840.10008.1.2")).hex(" ", 4)
    '10002000 04000000 49442031'
    """
    reencoder = Reencoder(source_uid, target_uid, limits)
    for chunk in chunks:
        yield from reencoder.feed(chunk)
    yield from reencoder.close()


class Reencoder:
    """Takes a data set in one native encoding chunk by chunk, gives it in another; holds little more than a chunk."""

    def __init__(self, source_uid: str, target_uid: str, limits: Limits = DEFAULT_LIMITS) -> None:
        """Raises Unsupported if one of the Transfer Syntaxes is not NATIVE."""
        if not is_reencodable(source_uid, target_uid):
            raise Unsupported(f"converting {source_uid} to {target_uid} is not a matter of encoding alone")
        source, target = encoding_of(source_uid), encoding_of(target_uid)
        self._inflater = Inflater(limits.max_inflated_bytes) if source.is_deflated else None
        self._deflater = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS) if target.is_deflated else None
        is_same = source._replace(is_deflated=False) == target._replace(is_deflated=False)
        self._converter = None if is_same else _Converter(layout_of(source), layout_of(target), limits)

    def feed(self, data: Buffer) -> Iterator[bytes]:
        """Takes the next bytes; to be exhausted before the next call. Gives pieces of some 64 KiB at most."""
        pieces = self._inflater.feed(bytes(data)) if self._inflater is not None else _windows(data)
        for piece in pieces:
            out = self._converter.take(piece) if self._converter is not None else piece
            if self._deflater is not None:
                out = self._deflater.compress(out)
            if out:
                yield out

    def close(self) -> Iterator[bytes]:
        """What remains once the source has ended; Invalid if it ended within an element."""
        if self._inflater is not None and not self._inflater.is_complete:
            raise Invalid("the deflated data set ends within its deflate stream")
        out = self._converter.end() if self._converter is not None else b""
        if self._deflater is not None:
            out = self._deflater.compress(out) + self._deflater.flush()
        if out:
            yield out


def _windows(data: Buffer) -> Iterator[bytes]:
    with memoryview(data) as view, view.cast("B") as octets:
        for start in range(0, len(octets), _WINDOW_BYTES):
            yield bytes(octets[start : start + _WINDOW_BYTES])


class _Converter:
    """The conversion itself, between two layouts that differ."""

    def __init__(self, source: Layout, target: Layout, limits: Limits) -> None:
        self._layout = source
        self._is_layout_known = False
        self._target = target
        self._heads = _Heads(target)
        self._limits = limits
        self._room = limits.max_elements
        self._stack: list[_Level] = []
        self._known: dict[int, int] = {}
        self._base = 0  # where the bytes at hand begin in the source
        self._pending = bytearray()
        self._need = 8
        self._left = 0  # bytes of the open value that are still to come
        self._is_kept = True  # whether that value goes to the target
        self._word: tuple[str, int] | None = None  # type code and size of the numbers in it that are to be swapped
        self._torn = b""  # the first bytes of a number that is not all there yet
        self._out: list[bytes] = []

    def take(self, data: bytes) -> bytes:
        """The next bytes of the source: what they make in the target."""
        if self._left:
            data = self._pass_value(data)
        if self._pending or len(data) < self._need:
            self._pending += data
            if len(self._pending) < self._need:
                return self._drain()
            data = bytes(self._pending)
            self._pending.clear()
        at = 0
        self._need = 0
        if not self._is_layout_known:
            self._is_layout_known = True
            self._layout = layout_found(data, 0, self._layout)
        while at < len(data) and not self._need:
            at = self._step(data, at)
        self._pending += data[at:]
        self._base += at
        self._need = self._need or 8
        return self._drain()

    def end(self) -> bytes:
        """What is left to write when the source has ended."""
        self._close_levels(self._base)
        if self._left or self._pending or self._stack:
            raise Invalid(f"the data set ends within an element, after {self._base + len(self._pending)} bytes")
        return self._drain()

    def _drain(self) -> bytes:
        out = b"".join(self._out)
        self._out.clear()
        return out

    def _step(self, data: bytes, at: int) -> int:
        """One head or delimiter, and what is there of its value: where to go on; `_need` is set if it is not whole."""
        self._close_levels(self._base + at)
        level = self._stack[-1] if self._stack else None
        if level is not None and not level.is_item:
            return self._item(data, at, level)
        return self._element(data, at, level)

    def _close_levels(self, position: int) -> None:
        """Ends what has a defined length and ends here."""
        while self._stack:
            stop = self._stack[-1].stop
            if stop is None or stop > position:
                return
            if stop < position:
                raise Invalid(f"an element reaches beyond the sequence or item around it, before byte {position}")
            self._close_level()

    def _close_level(self) -> None:
        level = self._stack.pop()
        self._out.append(self._heads.item(ITEM_DELIMITATION if level.is_item else SEQUENCE_DELIMITATION, 0))

    def _open_level(self, level: _Level) -> None:
        if len(self._stack) >= 2 * self._limits.max_depth:
            raise Exhausted(f"sequences are nested deeper than max_depth={self._limits.max_depth}")
        self._stack.append(level)

    def _count(self) -> None:
        self._room -= 1
        if self._room < 0:
            raise Exhausted(f"the data set has more than max_elements={self._limits.max_elements} elements")

    def _item(self, data: bytes, at: int, level: _Level) -> int:
        if len(data) - at < 8:
            self._need = 8
            return at
        layout = level.layout
        key: int
        length: int
        key, length = layout.implicit(data, at)
        tag = layout.key_of(key)
        if level.is_un and not layout.is_little_endian and tag not in (ITEM, SEQUENCE_DELIMITATION):
            # PS3.5 Section 6.2.2: little endian inside UN, whatever is outside
            self._stack[-1] = level._replace(layout=LAYOUTS[True, True])
            return self._item(data, at, self._stack[-1])
        if tag == SEQUENCE_DELIMITATION and level.stop is None:
            self._close_level()
            return at + 8
        if tag != ITEM:
            raise Invalid(f"{tag_text(tag)} where an item is to be, at byte {self._base + at} of the data set")
        if length and len(data) - at < 14:
            self._need = 14
            return at
        self._count()
        inner = layout_of_item(data, at + 8, layout, is_un=level.is_un) if length else layout
        stop = None if length == UNDEFINED_LENGTH else self._base + at + 8 + length
        self._open_level(_Level(inner, is_item=True, is_un=False, stop=stop, known=dict(level.known)))
        self._out.append(self._heads.item(ITEM, UNDEFINED_LENGTH))
        return at + 8

    def _element(self, data: bytes, at: int, level: _Level | None) -> int:
        layout = level.layout if level is not None else self._layout
        head = head_at(data, at, layout)
        if isinstance(head, int):
            self._need = head
            return at
        if head.tag in (ITEM, ITEM_DELIMITATION, SEQUENCE_DELIMITATION):
            if head.tag != ITEM_DELIMITATION or level is None or level.stop is not None:
                raise Invalid(f"{tag_text(head.tag)} where an element is to be, at byte {self._base + at}")
            self._close_level()
            return head.start
        known = level.known if level is not None else self._known
        vr = head.vr or resolved_vr(head.tag, known)
        if head.length == UNDEFINED_LENGTH or vr == "SQ":
            return self._sequence(head, vr, layout, known)
        if head.tag in DECIDING and head.length == 2:
            if len(data) < head.start + 2:
                self._need = head.start + 2 - at
                return at
            order: Literal["little", "big"] = "little" if layout.is_little_endian else "big"
            known[head.tag] = int.from_bytes(data[head.start : head.start + 2], order)
        self._count()
        return self._value(data, head, vr, layout)

    def _sequence(self, head: Head, vr: str, layout: Layout, known: dict[int, int]) -> int:
        is_un = vr == "UN"
        if not is_un and vr != "SQ":
            raise Unsupported(f"{tag_text(head.tag)} is encapsulated: it has no other encoding")
        self._count()
        stop = None if head.length == UNDEFINED_LENGTH else self._base + head.start + head.length
        self._open_level(_Level(layout, is_item=False, is_un=is_un, stop=stop, known=known))
        self._out.append(self._heads.element(head.tag, "SQ", UNDEFINED_LENGTH))
        return head.start

    def _value(self, data: bytes, head: Head, vr: str, layout: Layout) -> int:
        """Begins a value, and passes on what is there of it."""
        if head.length > 0xFFFF and vr not in _LONG:
            vr = "UN"  # PS3.5 Section 6.2.2, as no 16-bit length field can say so much
        self._is_kept = head.tag & 0xFFFF != 0
        swaps = layout.is_little_endian != self._target.is_little_endian
        self._word = _WORDS.get(vr) if swaps else None
        if self._is_kept:
            self._out.append(self._heads.element(head.tag, vr, head.length))
        self._left = head.length
        stop = head.start + head.length
        if self._left:
            self._pass_on(data[head.start : stop])
        return min(stop, len(data))

    def _pass_value(self, data: bytes) -> bytes:
        """Passes on what `data` has of the open value; the rest of `data`."""
        piece, rest = data[: self._left], data[self._left :]
        self._base += len(piece)
        self._pass_on(piece)
        return rest

    def _pass_on(self, piece: bytes) -> None:
        self._left -= len(piece)
        if not self._is_kept:
            return
        if self._word is None:
            self._out.append(piece)
            return
        code, size = self._word
        piece = self._torn + piece
        whole = len(piece) - len(piece) % size
        numbers = array(code, piece[:whole])
        numbers.byteswap()
        self._out.append(numbers.tobytes())
        self._torn = piece[whole:]
        if not self._left:
            self._out.append(self._torn)  # no whole number: as it came
            self._torn = b""


class _Heads:
    """Writes heads in the target's layout (PS3.5 Section 7.1)."""

    def __init__(self, target: Layout) -> None:
        order = "<" if target.is_little_endian else ">"
        self._is_implicit = target.is_implicit_vr
        self._implicit = Struct(order + "HHI").pack
        self._short = Struct(order + "HH2sH").pack
        self._long = Struct(order + "HH2sHI").pack

    def item(self, tag: int, length: int) -> bytes:
        return self._implicit(tag >> 16, tag & 0xFFFF, length)

    def element(self, tag: int, vr: str, length: int) -> bytes:
        if self._is_implicit:
            return self._implicit(tag >> 16, tag & 0xFFFF, length)
        if vr in _LONG:
            return self._long(tag >> 16, tag & 0xFFFF, vr.encode(), 0, length)
        return self._short(tag >> 16, tag & 0xFFFF, vr.encode(), length)
