"""An instance as one DICOM JSON object, its pixels by reference (PS3.18 Annex F)."""

from collections.abc import Callable
from typing import NamedTuple

from sagittal.dicom.json_model.encoding import encode

Path = tuple[int, ...]
"""Tags with item numbers, from 0, between them: (0x54000100, 0, 0x54001010) is the Waveform Data of the first item."""


class Parts(NamedTuple):
    """An instance without its pixels.

    Attributes:
        data: the data set up to the pixel data element, or all of it.
        transfer_syntax_uid: how `data` and `trailer` are encoded; deflated ones come inflated, in Explicit VR.
        pixel_tag: None if there are no pixels, or if `data` has them too.
        pixel_vr: as written.
        trailer: what follows native pixels.
    """

    data: bytes
    transfer_syntax_uid: str
    pixel_tag: int | None = None
    pixel_vr: str = ""
    trailer: bytes = b""


def encode_parts(parts: Parts, uri_of: Callable[[Path], str]) -> bytes:
    """The JSON object.

    Args:
        uri_of: the BulkDataURI of the value at a path.
    """

    def bulk(path: Path, _vr: str, _offset: int, _length: int) -> str:
        return uri_of(path)

    text = encode(parts.data, parts.transfer_syntax_uid, bulk=bulk)
    tag = parts.pixel_tag
    if tag is None:
        return text
    pixels = f'"{tag:08X}":{{"vr":"{parts.pixel_vr}","BulkDataURI":"{uri_of((tag,))}"}}'.encode()
    last = encode(parts.trailer, parts.transfer_syntax_uid, bulk=bulk) if parts.trailer else b"{}"
    return b"{" + b",".join(part for part in (text[1:-1], pixels, last[1:-1]) if part) + b"}"
