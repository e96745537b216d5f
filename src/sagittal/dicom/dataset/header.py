"""The streaming reader of a data set up to its pixels: works while bytes arrive, keeps only what is wanted.

    HeaderReader.feed(chunk)
      └─ inflate if deflated
          └─ _take: finish what is being skipped, or wait until the next head or wanted value is whole
              └─ _scan: `skim` over plain elements, and one step of thought whenever it stops
                  ├─ _element   at the top level or in an item of undefined length
                  └─ _item      between the items of a sequence or the fragments of undefined length

Sequences and items of defined length are stepped over as a whole; those of undefined length are followed, on a stack,
to find their end (PS3.5 Section 7.5).
"""

from collections.abc import Mapping
from typing import NamedTuple

from sagittal.dicom.dataset.elements import (
    ITEM,
    ITEM_DELIMITATION,
    PIXEL_TAGS,
    SEQUENCE_DELIMITATION,
    UNDEFINED_LENGTH,
    Buffer,
    Header,
    PixelData,
    RawElement,
    tag_text,
)
from sagittal.dicom.dataset.inflate import Inflater
from sagittal.dicom.dataset.layout import (
    LAYOUTS,
    Head,
    Layout,
    head_at,
    layout_found,
    layout_of,
    layout_of_item,
)
from sagittal.dicom.dataset.limits import DEFAULT_LIMITS, Limits
from sagittal.dicom.dataset.memory import HeaderMemory
from sagittal.dicom.dataset.plan import nested_plan, top_level_plan
from sagittal.dicom.dataset.skim import skim_explicit, skim_implicit
from sagittal.dicom.registry import vr_of
from sagittal.dicom.transfer_syntax import encoding_of
from sagittal.errors import Exhausted, Invalid

_FIRST_WINDOW_BYTES = 1 << 13
_WINDOW_BYTES = 1 << 18
_DONE = -1


class _Level(NamedTuple):
    """Something of undefined length that is open: an item, or the sequence (or fragments) around items."""

    layout: Layout
    is_item: bool
    is_un: bool


class HeaderReader:
    """Reads a data set that comes in chunks, up to the pixel data.

    >>> reader = HeaderReader("1.2.840.10008.1.2", frozenset({0x00100020}))
    >>> reader.feed(bytes.fromhex("10002000 04000000")), reader.feed(b"ID 1")
    (False, False)
    >>> reader.close().elements[0x00100020]
    RawElement(vr='LO', value=b'ID 1')
    """

    def __init__(
        self,
        transfer_syntax_uid: str,
        wanted: frozenset[int],
        limits: Limits = DEFAULT_LIMITS,
        memory: HeaderMemory | None = None,
        optional: frozenset[int] = frozenset(),
    ) -> None:
        """Args:
        transfer_syntax_uid: how the data set is announced to be encoded.
        wanted: tags of top-level elements to keep.
        limits: caps on what is read.
        memory: of the data sets that came before, if they are likely to begin alike.
        optional: those of `wanted` that are passed by where they are longer than `max_optional_bytes`.
        """
        self._uid = transfer_syntax_uid
        self._encoding = encoding_of(transfer_syntax_uid)
        self._optional = optional
        self._limits = limits
        self._memory = memory
        self._layout = layout_of(self._encoding)
        self._plan = top_level_plan(wanted, self._layout.is_little_endian)
        self._inflater = Inflater(limits.max_inflated_bytes) if self._encoding.is_deflated else None
        self._elements: dict[int, RawElement] = {}
        self._stack: list[_Level] = []
        self._room = limits.max_elements
        self._kept_bytes = 0
        self._optional_bytes = 0
        self._base = 0  # where the bytes at hand begin in the data set
        self._skip = 0  # bytes to pass by before anything else
        self._need = 8  # nothing can be done with fewer bytes
        self._pending = bytearray()
        self._is_layout_known = False
        self._open: Head | None = None  # a wanted element of undefined length
        self._open_value = bytearray()
        self._mark = 0  # from here on the bytes at hand belong to it
        self._header: Header | None = None

    @property
    def header(self) -> Header:
        """What was found; Invalid before it is complete."""
        if self._header is None:
            raise Invalid("the header of the data set is not complete yet")
        return self._header

    @property
    def elements(self) -> Mapping[int, RawElement]:
        """The wanted elements that have come so far."""
        return self._elements

    def feed(self, data: Buffer) -> bool:
        """Takes the next bytes; True once the pixel data element is reached and `header` is complete."""
        if self._header is None and len(data):
            if self._inflater is not None:
                for piece in self._inflater.feed(bytes(data)):
                    if self._take(piece):
                        break
            else:
                self._feed_plain(data)
        return self._header is not None

    def close(self) -> Header:
        """The header of a data set that has ended; Invalid if it ended within an element."""
        if self._header is None:
            if self._inflater is not None and not self._inflater.is_complete:
                raise Invalid("the deflated data set ends within its deflate stream")
            if self._skip or self._pending or self._stack:
                where = self._base + len(self._pending)
                raise Invalid(f"the data set ends within an element, after {where} bytes{self._in_what()}")
            self._finish(None, self._base)
        return self.header

    def _in_what(self) -> str:
        if self._skip:
            return f", {self._skip} bytes of a value are missing"
        return f", {len(self._stack)} sequences or items are open" if self._stack else ""

    def _feed_plain(self, data: Buffer) -> None:
        """Views are looked at in windows, so that what lies behind the header is not copied."""
        if isinstance(data, bytes):
            self._take(data)
            return
        with memoryview(data) as view, view.cast("B") as octets:
            start, window = 0, _FIRST_WINDOW_BYTES
            while start < len(octets) and self._header is None:
                start += self._skip_without_copy(len(octets) - start)
                self._take(bytes(octets[start : start + window]))
                start += window
                window = _WINDOW_BYTES

    def _skip_without_copy(self, size: int) -> int:
        if self._open is not None:
            return 0
        passed = min(self._skip, size)
        self._skip -= passed
        self._base += passed
        return passed

    def _take(self, data: bytes) -> bool:
        """One chunk of the (inflated) data set: True once the header is complete."""
        if self._skip:
            passed = min(self._skip, len(data))
            self._skip -= passed
            self._base += passed
            if self._open is not None:
                self._keep_open(self._open, data[:passed])
            data = data[passed:]
        if self._pending or len(data) < self._need:
            self._pending += data
            if len(self._pending) < self._need:
                return False
            data = bytes(self._pending)
            self._pending.clear()
        self._scan(data)
        return self._header is not None

    def _scan(self, data: bytes) -> None:
        """Goes through `data` as far as it reaches; the rest of it is kept until more comes."""
        at, end = 0, len(data)
        self._need = 0
        if not self._is_layout_known:
            self._find_layout(data)
        while at < end and not self._need:
            level = self._stack[-1] if self._stack else None
            if level is None:
                at = self._skim(data, at, self._layout)
            elif level.is_item:
                at = self._skim(data, at, level.layout)
            if at < end:
                at = self._item(data, at, level) if level is not None and not level.is_item else self._element(data, at)
            if at == _DONE:
                return
        self._leave(data, at)

    def _leave(self, data: bytes, at: int) -> None:
        """Puts away what is left of `data` from `at` on."""
        end = len(data)
        if self._open is not None:
            self._keep_open(self._open, data[self._mark : at])
            self._mark = 0
        self._skip = max(0, at - end)
        self._pending += data[at:]
        self._base += min(at, end)
        self._need = self._need or 8
        self._check_length(self._base + self._skip)

    def _check_length(self, length: int) -> None:
        cap = self._limits.max_header_bytes
        if length > cap:
            raise Exhausted(f"the header of the data set is longer than max_header_bytes={cap}")

    def _find_layout(self, data: bytes) -> None:
        self._is_layout_known = True
        found = layout_found(data, 0, self._layout)
        if found is not self._layout:
            self._layout = found
            self._encoding = self._encoding._replace(is_implicit_vr=found.is_implicit_vr)

    def _skim(self, data: bytes, at: int, layout: Layout) -> int:
        plan = nested_plan(layout.is_little_endian) if self._stack else self._plan
        if self._memory is not None and at == self._base == 0:
            at, count = self._memory.skim(data, self._room, layout, plan, self._elements)
            self._room -= count
        skim = skim_implicit if layout.is_implicit_vr else skim_explicit
        at, count = skim(data, at, self._room, layout, plan, self._elements)
        self._room -= count
        return at

    def _count(self, elements: int) -> None:
        self._room -= elements
        if self._room < 0:
            raise Exhausted(f"the data set has more than max_elements={self._limits.max_elements} elements")

    def _element(self, data: bytes, at: int) -> int:
        """The element that `skim` stopped at: where the next begins, `at` again if more bytes are needed, or _DONE."""
        layout = self._stack[-1].layout if self._stack else self._layout
        head = head_at(data, at, layout)
        if isinstance(head, int):
            self._need = head
            return at
        if head.tag in (ITEM, ITEM_DELIMITATION, SEQUENCE_DELIMITATION):
            return self._end_item(at, head)
        self._count(1)
        if not self._stack:
            if head.tag in PIXEL_TAGS:
                return self._reach_pixels(at, head)
            if head.tag in self._plan.vrs:
                return self._wanted_element(data, at, head)
        if head.length == UNDEFINED_LENGTH:
            self._open_level(_Level(layout, is_item=False, is_un=head.vr == "UN"))
            return head.start
        return head.start + head.length

    def _end_item(self, at: int, head: Head) -> int:
        if head.tag != ITEM_DELIMITATION or not self._stack:
            raise Invalid(f"{tag_text(head.tag)} where an element is to be, at byte {self._base + at} of the data set")
        self._stack.pop()
        return head.start

    def _reach_pixels(self, at: int, head: Head) -> int:
        length = None if head.length == UNDEFINED_LENGTH else head.length
        vr = head.vr or ("OB" if length is None else vr_of(head.tag))
        self._check_length(self._base + at)
        self._finish(PixelData(head.tag, vr, self._base + head.start, length), self._base + at)
        return _DONE

    def _wanted_element(self, data: bytes, at: int, head: Head) -> int:
        """Keeps a value that is big, undefined in length, or not all there yet."""
        head = head._replace(vr=head.vr or self._plan.vrs[head.tag])
        if head.length == UNDEFINED_LENGTH:
            self._open_level(_Level(self._layout, is_item=False, is_un=head.vr == "UN"))
            self._open, self._mark = head, head.start
            return head.start
        stop = head.start + head.length
        if self._is_passed_by(head.tag, head.length):
            return stop
        self._check_value(head.tag, head.length)
        if stop > len(data):
            self._need = stop - at
            return at
        self._keep(head, data[head.start : stop])
        return stop

    def _check_value(self, tag: int, length: int) -> None:
        cap = self._limits.max_element_bytes
        if length > cap:
            raise Exhausted(f"{tag_text(tag)} has {length} bytes or more, more than max_element_bytes={cap}")

    def _is_passed_by(self, tag: int, length: int) -> bool:
        limits = self._limits
        return tag in self._optional and (
            length > limits.max_optional_bytes or self._optional_bytes + length > limits.max_kept_bytes
        )

    def _keep(self, head: Head, value: bytes) -> None:
        if head.tag in self._optional:
            self._optional_bytes += len(value)
            self._elements[head.tag] = RawElement(head.vr, value)
            return
        self._kept_bytes += len(value)
        if self._kept_bytes > self._limits.max_kept_bytes:
            raise Exhausted(
                f"values to be kept exceed max_kept_bytes={self._limits.max_kept_bytes}, at {tag_text(head.tag)}"
            )
        self._elements[head.tag] = RawElement(head.vr, value)

    def _keep_open(self, head: Head, data: bytes) -> None:
        self._open_value += data
        if self._is_passed_by(head.tag, len(self._open_value)):
            self._open, self._open_value = None, bytearray()  # its end is found all the same, by the stack
            return
        self._check_value(head.tag, len(self._open_value))

    def _open_level(self, level: _Level) -> None:
        if len(self._stack) >= 2 * self._limits.max_depth:
            raise Exhausted(f"sequences are nested deeper than max_depth={self._limits.max_depth}")
        self._stack.append(level)

    def _item(self, data: bytes, at: int, level: _Level) -> int:
        """One item (or fragment), or the delimiter after the last: where to go on, or `at` if more bytes are needed."""
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
        if tag == SEQUENCE_DELIMITATION:
            return self._end_sequence(data, at + 8)
        if tag != ITEM:
            raise Invalid(f"{tag_text(tag)} where an item is to be, at byte {self._base + at} of the data set")
        self._count(1)
        if length != UNDEFINED_LENGTH:
            return at + 8 + length
        if len(data) - at < 14:
            self._need = 14
            return at
        self._open_level(_Level(layout_of_item(data, at + 8, layout, is_un=level.is_un), is_item=True, is_un=False))
        return at + 8

    def _end_sequence(self, data: bytes, stop: int) -> int:
        self._stack.pop()
        if self._open is not None and not self._stack:
            self._keep_open(self._open, data[self._mark : stop])
        if self._open is not None and not self._stack:
            self._keep(self._open, bytes(self._open_value))
            self._open = None
            self._open_value = bytearray()
        return stop

    def _finish(self, pixel_data: PixelData | None, length: int) -> None:
        self._header = Header(
            transfer_syntax_uid=self._uid,
            encoding=self._encoding,
            elements=self._elements,
            pixel_data=pixel_data,
            length=length,
        )


def read_header(
    data: Buffer, transfer_syntax_uid: str, wanted: frozenset[int], limits: Limits = DEFAULT_LIMITS
) -> Header:
    """The header of a data set that is at hand, whole or at least up to its pixel data element.

    >>> read_header(bytes.fromhex("e07f1000 4f420000 ffffffff"), "1.2.840.10008.1.2.4.50", frozenset()).pixel_data
    PixelData(tag=2145386512, vr='OB', offset=12, length=None)
    """
    reader = HeaderReader(transfer_syntax_uid, wanted, limits)
    return reader.header if reader.feed(data) else reader.close()
