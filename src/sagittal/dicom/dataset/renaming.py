"""An instance under a UID of its own, when another has the one that it came with (PS3.3 Section C.12.1.1.9)."""

from datetime import datetime
from typing import Final

from blake3 import blake3

from sagittal.dicom.dataset.edit import element, top_level, value_of, with_elements
from sagittal.dicom.dataset.elements import SEQUENCE_DELIMITATION
from sagittal.errors import Invalid

_SOP_INSTANCE_UID: Final = 0x00080018
_ORIGINAL_ATTRIBUTES: Final = 0x04000561
_DELIMITER: Final = (SEQUENCE_DELIMITATION >> 16).to_bytes(2, "little") + b"\xdd\xe0\0\0\0\0"
_MODIFYING_SYSTEM: Final = b"Sagittal"
_UUID_FIXED: Final = 0xF << 76 | 0x3 << 62
_UUID_VERSION_8: Final = 0x8 << 76 | 0x2 << 62  # RFC 9562 Section 5.8: a hash of the maker's choice


def renamed_uid(digest_data_set: bytes) -> str:
    """The UID that a data set gets: always the same one for the same bytes (PS3.5 Section B.2).

    >>> renamed_uid(bytes(32)) == renamed_uid(bytes(32)) != renamed_uid(bytes(31) + b"1")
    True
    """
    digest = blake3(b"sagittal renamed: " + digest_data_set).digest(length=16)
    return f"2.25.{int.from_bytes(digest, 'big') & ~_UUID_FIXED | _UUID_VERSION_8}"


def renamed(data: bytes, uid: str, at: datetime, source: str) -> bytes:
    """The data set under another SOP Instance UID; the Original Attributes Sequence says which it had.

    No attribute refers to the former UID otherwise: it names another instance by now.

    Args:
        data: whole elements up to the pixels, in Explicit VR Little Endian.
        uid: the new one.
        at: when, with its offset from UTC.
        source: who sent it, for Source of Previous Values (0400,0564); `""` if that is not known.

    Raises:
        Invalid: the data set is torn, or has no SOP Instance UID.
    """
    kept = {tag: value_of(data, start, stop) for tag, start, stop in top_level(data) if tag in _LOOKED_AT}
    former = kept.get(_SOP_INSTANCE_UID)
    if former is None:
        raise Invalid("the data set has no SOP Instance UID (0008,0018)")
    before = kept.get(_ORIGINAL_ATTRIBUTES, b"")
    before = before[: -len(_DELIMITER)] if _is_delimited(data) else before
    item = (
        element(0x04000550, "SQ", _item(element(_SOP_INSTANCE_UID, "UI", former)))
        + element(0x04000562, "DT", f"{at:%Y%m%d%H%M%S.%f%z}".encode())
        + element(0x04000563, "LO", _MODIFYING_SYSTEM)
        + element(0x04000564, "LO", source.encode("ascii", "replace").replace(b"\\", b"/")[:64])
        + element(0x04000565, "CS", b"CORRECT")
    )
    return with_elements(
        data,
        {
            _SOP_INSTANCE_UID: element(_SOP_INSTANCE_UID, "UI", uid.encode()),
            _ORIGINAL_ATTRIBUTES: element(_ORIGINAL_ATTRIBUTES, "SQ", before + _item(item)),
            0x00080000: None,
            0x04000000: None,
        },
    )


_LOOKED_AT: Final = frozenset((_SOP_INSTANCE_UID, _ORIGINAL_ATTRIBUTES))


def _is_delimited(data: bytes) -> bool:
    """Whether the Original Attributes Sequence that is there has an undefined length, and so a delimiter at its end."""
    for tag, start, _ in top_level(data):
        if tag == _ORIGINAL_ATTRIBUTES:
            return data[start + 8 : start + 12] == b"\xff\xff\xff\xff"
    return False


def _item(content: bytes) -> bytes:
    return b"\xfe\xff\x00\xe0" + len(content).to_bytes(4, "little") + content
