"""The media type of a frame as stored, by its Transfer Syntax (PS3.18 Section 8.7.3.3, Tables 8.7.3-5 and 8.7.3-6)."""

from collections.abc import Mapping
from typing import NamedTuple

from sagittal.archive.model import StoredInstance
from sagittal.dicom.transfer_syntax import EXPLICIT_VR_LITTLE_ENDIAN, encoding_of

OCTETS = "application/octet-stream"

_TYPES: Mapping[str, str] = {
    "1.2.840.10008.1.2.1.98": OCTETS,
    "1.2.840.10008.1.2.4.50": "image/jpeg",
    "1.2.840.10008.1.2.4.51": "image/jpeg",
    "1.2.840.10008.1.2.4.57": "image/jpeg",
    "1.2.840.10008.1.2.4.70": "image/jpeg",
    "1.2.840.10008.1.2.4.80": "image/jls",
    "1.2.840.10008.1.2.4.81": "image/jls",
    "1.2.840.10008.1.2.4.90": "image/jp2",
    "1.2.840.10008.1.2.4.91": "image/jp2",
    "1.2.840.10008.1.2.4.92": "image/jpx",
    "1.2.840.10008.1.2.4.93": "image/jpx",
    "1.2.840.10008.1.2.4.110": "image/jxl",
    "1.2.840.10008.1.2.4.111": "image/jxl",
    "1.2.840.10008.1.2.4.112": "image/jxl",
    "1.2.840.10008.1.2.4.201": "image/jphc",
    "1.2.840.10008.1.2.4.202": "image/jphc",
    "1.2.840.10008.1.2.4.203": "image/jphc",
    "1.2.840.10008.1.2.5": "image/dicom-rle",
    "1.2.840.10008.1.2.8.1": "application/x-deflate",
    **{f"1.2.840.10008.1.2.4.{n}{part}": "video/mpeg" for n in (100, 101) for part in ("", ".1")},
    **{f"1.2.840.10008.1.2.4.{n}{part}": "video/mp4" for n in range(102, 107) for part in ("", ".1")},
    **{f"1.2.840.10008.1.2.4.{n}": "video/mp4" for n in (107, 108)},
}


class FrameType(NamedTuple):
    """What a frame of an instance is.

    Attributes:
        essence: its media type.
        transfer_syntax: how its bytes are to be read; native little endian pixels are the same in all syntaxes.
    """

    essence: str
    transfer_syntax: str

    @property
    def content_type(self) -> str:
        """For the header of a part."""
        return f"{self.essence}; transfer-syntax={self.transfer_syntax}"


DEFAULT_SYNTAXES: tuple[FrameType, ...] = (
    FrameType(OCTETS, EXPLICIT_VR_LITTLE_ENDIAN),
    FrameType("image/jphc", "1.2.840.10008.1.2.4.201"),
    FrameType("image/jls", "1.2.840.10008.1.2.4.80"),
    FrameType("image/jp2", "1.2.840.10008.1.2.4.90"),
    FrameType("image/jpeg", "1.2.840.10008.1.2.4.70"),
    FrameType("image/jxl", "1.2.840.10008.1.2.4.110"),
    FrameType("image/dicom-rle", "1.2.840.10008.1.2.5"),
)
"""What a media type means to a client that names no Transfer Syntax, in our order of preference."""


def type_of_syntax(transfer_syntax_uid: str) -> FrameType:
    """What frames in a compressed Transfer Syntax are."""
    return FrameType(_TYPES.get(transfer_syntax_uid, OCTETS), transfer_syntax_uid)


def frame_type(instance: StoredInstance) -> FrameType:
    """What the frames of the instance are, as stored."""
    syntax = instance.transfer_syntax_uid
    encoding = encoding_of(syntax)
    if encoding.is_encapsulated:
        return FrameType(_TYPES.get(syntax, OCTETS), syntax)
    return FrameType(OCTETS, EXPLICIT_VR_LITTLE_ENDIAN if encoding.is_little_endian else syntax)
