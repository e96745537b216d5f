"""What a codestream says of itself, read before anything is allocated for it."""

from struct import Struct
from typing import NamedTuple

from sagittal.errors import Invalid

_SIZ = Struct(">H8IH").unpack_from
_MAX_MARKERS = 10_000
_FRAME_MARKERS = frozenset((*range(0xC0, 0xD0), 0xF7)) - {0xC4, 0xC8, 0xCC}
_LOSSLESS_MARKERS = frozenset((0xC3, 0xC7, 0xCB, 0xCF, 0xF7))
_NO_SEGMENT = frozenset((0x01, *range(0xD0, 0xD9)))


class Codestream(NamedTuple):
    """The head of a codestream.

    Attributes:
        rows, columns, samples, precision: as it says; precision in bits.
        is_signed: JPEG 2000 only.
        is_lossless: JPEG and JPEG-LS: of a kind that can be; False for JPEG 2000 where it is not looked at.
        adobe_transform: of the Adobe marker in JPEG: 0 none, 1 YCbCr; None without that marker.
        is_jfif: JPEG with the marker that means YCbCr for three components.
    """

    rows: int
    columns: int
    samples: int
    precision: int
    is_signed: bool = False
    is_lossless: bool = False
    adobe_transform: int | None = None
    is_jfif: bool = False


def read_jpeg(data: bytes) -> Codestream:
    """The head of a JPEG or JPEG-LS codestream (ISO/IEC 10918-1 Annex B); Invalid if it is none."""
    adobe: int | None = None
    is_jfif = False
    at = data.find(b"\xff\xd8", 0, 64) + 2
    for _ in range(_MAX_MARKERS):
        at = data.find(b"\xff", at)
        if at < 2 or at + 4 > len(data):
            break
        marker = data[at + 1]
        if marker == 0xFF or marker in _NO_SEGMENT:
            at += 1 if marker == 0xFF else 2
            continue
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : at + 2 + size]
        if marker in _FRAME_MARKERS and len(body) >= 6:
            rows, columns = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
            return Codestream(rows, columns, body[5], body[0], False, marker in _LOSSLESS_MARKERS, adobe, is_jfif)
        if marker == 0xEE and body[:5] == b"Adobe" and len(body) >= 12:
            adobe = body[11]
        is_jfif = is_jfif or (marker == 0xE0 and body[:5] == b"JFIF\0")
        if marker in (0xDA, 0xD9) or size < 2:
            break
        at += 2 + size
    raise Invalid("a JPEG codestream says its size before its first scan; this one does not")


def read_jpeg2000(data: bytes) -> Codestream:
    """The head of a JPEG 2000 codestream, bare or in JP2 boxes (ISO/IEC 15444-1 Section A.5.1); Invalid if none."""
    at = data.find(b"\xff\x4f\xff\x51", 0, 1 << 20)
    if at < 0 or len(data) < at + 46:
        raise Invalid("a JPEG 2000 codestream begins with SOC and SIZ; this one does not")
    _, right, bottom, left, top, tile_width, tile_height, _, _, samples = _SIZ(data, at + 6)
    if right <= left or bottom <= top or not tile_width or not tile_height or not samples:
        raise Invalid("the SIZ segment of a JPEG 2000 codestream describes no image")
    tiles = -(-right // tile_width) * -(-bottom // tile_height)
    if tiles > 65535:
        raise Invalid(f"a JPEG 2000 codestream has at most 65535 tiles; got {tiles}")
    depth = data[at + 42]
    return Codestream(bottom - top, right - left, samples, (depth & 0x7F) + 1, bool(depth & 0x80))


_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))


def read_jpeg_xl(data: bytes) -> tuple[int, int]:
    """Rows and columns of a JPEG XL codestream, bare or in boxes (ISO/IEC 18181); Invalid if it is none."""
    at = 0
    if data[:12] == b"\0\0\0\x0cJXL \r\n\x87\n":
        at = data.find(b"\xff\x0a", 12, 1 << 20)
    if at < 0 or data[at : at + 2] != b"\xff\x0a":
        raise Invalid("a JPEG XL codestream begins with FF0A; this one does not")
    bits = int.from_bytes(data[at + 2 : at + 18], "little")
    is_small, bits = bits & 1, bits >> 1
    rows, bits = _jxl_size(bits, bool(is_small))
    ratio, bits = bits & 7, bits >> 3
    if ratio:
        above, below = _RATIOS[ratio - 1]
        return rows, rows * above // below
    return rows, _jxl_size(bits, bool(is_small))[0]


def _jxl_size(bits: int, is_small: bool) -> tuple[int, int]:
    if is_small:
        return 8 * ((bits & 31) + 1), bits >> 5
    width = (9, 13, 18, 30)[bits & 3]
    return (bits >> 2 & (1 << width) - 1) + 1, bits >> 2 + width
