"""The DICOM file format around a data set: preamble, prefix and file meta information (PS3.10 Section 7).

Files in the field lack parts of it. What pydicom reads with `force` is read here, as far as the bytes look like DICOM:

    preamble  prefix "DICM"  meta  data set      the rule
              prefix "DICM"  meta  data set      preamble forgotten
                             meta  data set      both forgotten
                                   data set      bare; its encoding is guessed from its first element
"""

import functools
from typing import Literal, overload

from sagittal.dicom.dataset.elements import Buffer, RawElement, tag_text
from sagittal.dicom.dataset.file_meta import FileMeta, NeedMore
from sagittal.dicom.dataset.layout import LAYOUTS, has_known_vr, head_at
from sagittal.dicom.dataset.plan import top_level_plan
from sagittal.dicom.dataset.skim import skim_explicit
from sagittal.dicom.identifiers import TransferSyntaxUID, check_uid
from sagittal.dicom.transfer_syntax import (
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
)
from sagittal.errors import Invalid

PREAMBLE_BYTES = 128
PREFIX = b"DICM"
MAX_META_BYTES = 1 << 20
"""So far its end is looked for: it is a few hundred bytes long, but may hold private information."""

IMPLEMENTATION_CLASS_UID = "2.25.263834797021847162186346355942266314064"
IMPLEMENTATION_VERSION_NAME = "SAGITTAL_0_1"
"""Who writes files and negotiates associations here (PS3.7 Section D.3.3.2); at most 16 characters."""

_GROUP_LENGTH = 0x00020000
_META_VERSION = 0x00020001
_SOP_CLASS_UID = 0x00020002
_SOP_INSTANCE_UID = 0x00020003
_TRANSFER_SYNTAX_UID = 0x00020010
_IMPLEMENTATION_CLASS_UID = 0x00020012
_IMPLEMENTATION_VERSION_NAME = 0x00020013
_SOURCE_AET = 0x00020016
_SENDING_AET = 0x00020017
_RECEIVING_AET = 0x00020018

_GROUP_LENGTH_HEAD = bytes.fromhex("02000000 554c0400")
_USUAL_BYTES = 1024
_EXPLICIT = LAYOUTS[False, True]
_BEGINNING = b"\x00" * PREAMBLE_BYTES + PREFIX + b"\x02\x00\x00\x00UL\x04\x00"
"""Preamble, prefix, and the head of File Meta Information Group Length (0002,0000)."""

_WANTED = frozenset(
    (
        *(_SOP_CLASS_UID, _SOP_INSTANCE_UID, _TRANSFER_SYNTAX_UID, _IMPLEMENTATION_CLASS_UID),
        *(_IMPLEMENTATION_VERSION_NAME, _SOURCE_AET, _SENDING_AET, _RECEIVING_AET),
    )
)
_FIRST_GROUPS = frozenset((0x0004, 0x0008, 0x0010, 0x0018, 0x0020, 0x0028))
"""Groups a bare data set may begin with, to tell it from what is no DICOM at all."""


@overload
def read_file_meta(data: Buffer, *, is_end: Literal[True]) -> FileMeta: ...
@overload
def read_file_meta(data: Buffer, *, is_end: bool = False) -> FileMeta | NeedMore: ...
def read_file_meta(data: Buffer, *, is_end: bool = False) -> FileMeta | NeedMore:
    """What stands in front of the data set of the file that begins with `data`.

    Args:
        data: the file from its first byte; 1 KiB are nearly always enough.
        is_end: nothing follows `data`.

    Returns:
        FileMeta, or NeedMore to be called again with more (never if `is_end`).

    Raises:
        Invalid: this is no DICOM file, it ends within its meta information, or that is longer than MAX_META_BYTES.
    """
    view = memoryview(data)
    size = _USUAL_BYTES
    while True:
        # what is looked at grows as asked for: the whole may be large
        head = bytes(view[:size])
        found = _read(head, is_end=is_end and len(head) == len(view))
        if isinstance(found, FileMeta) or size >= len(view):
            return found
        size = max(2 * size, found.size_bytes)


def _read(head: bytes, is_end: bool) -> FileMeta | NeedMore:
    start = _after_prefix(head, is_end)
    if isinstance(start, NeedMore):
        return start
    found = _meta_elements(head, start, is_end)
    if isinstance(found, NeedMore):
        return found
    elements, data_set_offset = found
    has_prefix = start > 0
    transfer_syntax = _text(elements, _TRANSFER_SYNTAX_UID)
    is_guessed = not transfer_syntax
    if is_guessed:
        if len(head) - data_set_offset < 8 and not is_end:
            return NeedMore(data_set_offset + 8)
        transfer_syntax = _guess(head, data_set_offset, is_sure=has_prefix or bool(elements))
    return FileMeta(
        transfer_syntax_uid=_checked(transfer_syntax),
        sop_class_uid=_text(elements, _SOP_CLASS_UID),
        sop_instance_uid=_text(elements, _SOP_INSTANCE_UID),
        implementation_class_uid=_text(elements, _IMPLEMENTATION_CLASS_UID),
        implementation_version_name=_text(elements, _IMPLEMENTATION_VERSION_NAME),
        source_aet=_text(elements, _SOURCE_AET) or _text(elements, _SENDING_AET),
        receiving_aet=_text(elements, _RECEIVING_AET),
        data_set_offset=data_set_offset,
        has_preamble=start == PREAMBLE_BYTES + len(PREFIX),
        has_meta=bool(elements),
        is_guessed=is_guessed,
    )


@functools.lru_cache(maxsize=64)
def _checked(transfer_syntax: str) -> TransferSyntaxUID:
    return TransferSyntaxUID(check_uid(transfer_syntax, "TransferSyntaxUID"))


def _after_prefix(head: bytes, is_end: bool) -> int | NeedMore:
    """Where the prefix ends; 0 without one."""
    if head[PREAMBLE_BYTES : PREAMBLE_BYTES + 4] == PREFIX:
        return PREAMBLE_BYTES + 4
    if len(head) < PREAMBLE_BYTES + 4 and not is_end:
        return NeedMore(PREAMBLE_BYTES + 4)
    return len(PREFIX) if head.startswith(PREFIX) else 0


def _meta_elements(head: bytes, start: int, is_end: bool) -> tuple[dict[int, RawElement], int] | NeedMore:
    """Elements of group 0002 from `start` on, and where they end.

    The group length is not believed: writers get it wrong or leave it out. Always Explicit VR Little Endian by PS3.10
    Section 7.1; heads without a VR are read as Implicit VR.
    """
    elements: dict[int, RawElement] = {}
    at = _skim_group(head, start, elements)
    while True:
        if len(head) - at < 2 or head[at : at + 2] != b"\x02\x00":
            return (elements, at) if len(head) - at >= 2 or is_end else NeedMore(at + 8)
        element = head_at(head, at, _EXPLICIT)
        if isinstance(element, int):
            return _ask(at, at + element, is_end)
        stop = element.start + element.length
        if stop > len(head):
            return _ask(at, stop, is_end)
        elements[element.tag] = RawElement(element.vr, head[element.start : stop])
        at = stop


def _skim_group(head: bytes, start: int, elements: dict[int, RawElement]) -> int:
    """Reads the group at once if it begins with its length, and that holds; where it ends, or `start`."""
    if head[start : start + 8] != _GROUP_LENGTH_HEAD:
        return start
    stop = start + 12 + int.from_bytes(head[start + 8 : start + 12], "little")
    if head[stop : stop + 2] in (b"", b"\x02\x00"):
        return start
    at, _ = skim_explicit(head[:stop], start, len(_WANTED) * 2, _EXPLICIT, top_level_plan(_WANTED, True), elements)
    if at == stop:
        return stop
    elements.clear()
    return start


def _ask(at: int, size: int, is_end: bool) -> NeedMore:
    if is_end or size > MAX_META_BYTES:
        raise Invalid(f"an element of the file meta information, at byte {at}, reaches to byte {size}: too far")
    return NeedMore(size)


def _text(elements: dict[int, RawElement], tag: int) -> str:
    element = elements.get(tag)
    return element.value.decode("ascii", "replace").strip("\0 ") if element is not None else ""


def _guess(head: bytes, at: int, *, is_sure: bool) -> str:
    """The Transfer Syntax that the first element of the data set at `at` shows (PS3.5 Section 7.1).

    `is_sure`: something before it said that this is DICOM; if not, the element must look like it.
    """
    first = head[at : at + 8]
    if len(first) < 8:
        if is_sure:
            return IMPLICIT_VR_LITTLE_ENDIAN
        raise Invalid(
            f"neither DICM at byte {PREAMBLE_BYTES} nor a data set at the beginning: too short for a DICOM file"
        )
    group = int.from_bytes(first[:2], "little")
    is_explicit = has_known_vr(first, 4, _EXPLICIT)
    # A big endian group up to 00FF has its low byte second: 0x0400 and above
    is_big_endian = is_explicit and group >= 0x0400
    if not is_sure:
        written = int.from_bytes(first[:2], "big") if is_big_endian else group
        length = 0 if is_explicit else int.from_bytes(first[4:], "little")
        if written not in _FIRST_GROUPS or length > MAX_META_BYTES:
            tag = int.from_bytes(first[:2], "little") << 16 | int.from_bytes(first[2:4], "little")
            raise Invalid(
                f"neither DICM at byte {PREAMBLE_BYTES} nor a data set at the beginning, which reads {tag_text(tag)}"
            )
    if not is_explicit:
        return IMPLICIT_VR_LITTLE_ENDIAN
    return EXPLICIT_VR_BIG_ENDIAN if is_big_endian else EXPLICIT_VR_LITTLE_ENDIAN


def make_file_header(
    *,
    sop_class_uid: str,
    sop_instance_uid: str,
    transfer_syntax_uid: str,
    source_aet: str = "",
    sending_aet: str = "",
    receiving_aet: str = "",
) -> bytes:
    """Preamble, prefix and file meta information to stand in front of a data set (PS3.10 Section 7.1).

    >>> header = make_file_header(sop_class_uid="1.2", sop_instance_uid="1.2.3", transfer_syntax_uid="1.2.4")
    >>> read_file_meta(header, is_end=True).sop_instance_uid
    '1.2.3'
    """
    before, after = _around_instance_uid(sop_class_uid, transfer_syntax_uid, source_aet, sending_aet, receiving_aet)
    group = before + _element(_SOP_INSTANCE_UID, "UI", sop_instance_uid.encode("ascii", "replace")) + after
    return _BEGINNING + len(group).to_bytes(4, "little") + group


@functools.lru_cache(maxsize=256)
def _around_instance_uid(
    sop_class_uid: str, transfer_syntax_uid: str, source_aet: str, sending_aet: str, receiving_aet: str
) -> tuple[bytes, bytes]:
    """The elements before and after the only one that differs among the instances of a series."""
    before = [
        _element(_META_VERSION, "OB", b"\x00\x01"),
        _element(_SOP_CLASS_UID, "UI", sop_class_uid.encode("ascii", "replace")),
    ]
    after = [
        _element(_TRANSFER_SYNTAX_UID, "UI", transfer_syntax_uid.encode("ascii", "replace")),
        _element(_IMPLEMENTATION_CLASS_UID, "UI", IMPLEMENTATION_CLASS_UID.encode()),
        _element(_IMPLEMENTATION_VERSION_NAME, "SH", IMPLEMENTATION_VERSION_NAME.encode()),
    ]
    aets = ((_SOURCE_AET, source_aet), (_SENDING_AET, sending_aet), (_RECEIVING_AET, receiving_aet))
    after += [_element(tag, "AE", aet.encode("ascii", "replace")) for tag, aet in aets if aet]
    return b"".join(before), b"".join(after)


def _element(tag: int, vr: str, value: bytes) -> bytes:
    if len(value) % 2:
        value += b"\x00" if vr == "UI" else b" "
    head = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little") + vr.encode()
    if vr == "OB":
        return head + b"\x00\x00" + len(value).to_bytes(4, "little") + value
    return head + len(value).to_bytes(2, "little") + value
