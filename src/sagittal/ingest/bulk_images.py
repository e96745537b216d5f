"""What compressed bulk data says of the pixels in it, to fill and check an instance's attributes by.

PS3.18 Section 10.5.2 lets a client send an image beside metadata that says nothing of its pixels. Only the head of
a codestream is read; nothing is decoded.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from sagittal.errors import Invalid, Unsupported

MONOCHROME = ("MONOCHROME2", "MONOCHROME1", "PALETTE COLOR")
RGB = ("RGB", "YBR_FULL")


class Pixels(NamedTuple):
    """The pixels of a codestream in the words of the Image Pixel Module (PS3.3 Section C.7.6.3).

    Attributes:
        transfer_syntax_uid: that the codestream makes of the instance.
        precision: bits stored.
        photometric_interpretations: that are true of it, what is filled in first.
        lossy_method: Lossy Image Compression Method (0028,2114); "" if nothing was lost.
        frames: how many, where the codestream holds all of them.
        frame_time_ms: between frames; 0 if it is not told.
        is_stream: one codestream is all frames, also where it does not say how many.
    """

    transfer_syntax_uid: str
    rows: int
    columns: int
    samples: int
    precision: int
    photometric_interpretations: tuple[str, ...]
    lossy_method: str = ""
    is_signed: bool = False
    frames: int = 0
    frame_time_ms: float = 0.0
    is_stream: bool = False


def pixels_of(essence: str, transfer_syntax_uid: str, head: bytes) -> Pixels | None:
    """What the beginning of an image's codestream says; None for bytes that are not compressed.

    Args:
        essence: its media type.
        transfer_syntax_uid: as its media type says; "" where it does not.

    Raises:
        Unsupported: it is of a kind that no Transfer Syntax has.
        Invalid: it is not of the media type, or of another Transfer Syntax than the media type says.
    """
    reader = _READERS.get(essence) or _BY_SYNTAX.get(transfer_syntax_uid)
    if reader is None:
        if essence not in ("application/octet-stream", "") or transfer_syntax_uid not in ("", *_NATIVE):
            raise Unsupported(f"pixel data of media type {essence} is not taken")
        return None
    found = reader(head)
    if transfer_syntax_uid and not _agrees(found.transfer_syntax_uid, transfer_syntax_uid):
        raise Invalid(
            f"the codestream is one of {found.transfer_syntax_uid}, and is said to be of {transfer_syntax_uid}"
        )
    return found._replace(transfer_syntax_uid=transfer_syntax_uid or found.transfer_syntax_uid)


_NATIVE = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1")
_BASELINE, _EXTENDED = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"
_LOSSLESS, _LOSSLESS_SV1 = "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"
_JLS, _JLS_NEAR = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"
_J2K_REVERSIBLE, _J2K = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"
_HTJ2K_REVERSIBLE, _HTJ2K_RPCL, _HTJ2K = (f"1.2.840.10008.1.2.4.{n}" for n in (201, 202, 203))

# A stricter syntax may be called by the wider one that contains it.
_WIDER: Mapping[str, tuple[str, ...]] = {
    _BASELINE: (_EXTENDED,),
    _LOSSLESS_SV1: (_LOSSLESS,),
    _JLS: (_JLS_NEAR,),
    _J2K_REVERSIBLE: (_J2K,),
    _HTJ2K_REVERSIBLE: (_HTJ2K, _HTJ2K_RPCL),
}


def _agrees(found: str, said: str) -> bool:
    return found == said or said in _WIDER.get(found, ())


_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_BARE_MARKERS = frozenset((0x01, *range(0xD0, 0xD9)))
_MAX_SEGMENTS = 4096


def _jpeg(head: bytes) -> Pixels:
    """A JPEG or JPEG-LS codestream (ISO/IEC 10918-1 Annex B, ISO/IEC 14495-1 Annex C)."""
    if head[:2] != b"\xff\xd8":
        raise Invalid("a JPEG codestream begins with SOI; this one does not")
    frame, marker, adobe, is_jfif, at = b"", 0, -1, False, 2
    for _ in range(_MAX_SEGMENTS):
        if at + 4 > len(head) or head[at] != 0xFF:
            break
        code = head[at + 1]
        if code == 0xFF or code in _BARE_MARKERS:
            at += 1 if code == 0xFF else 2
            continue
        size = int.from_bytes(head[at + 2 : at + 4], "big")
        body = head[at + 4 : at + 2 + size]
        if not body or len(body) < size - 2:
            break
        if code in _FRAME_MARKERS and len(body) >= 6 and len(body) >= 6 + 3 * body[5]:
            frame, marker = body, code
        elif code == 0xEE and body[:5] == b"Adobe" and len(body) >= 12:
            adobe = body[11]
        elif code == 0xE0 and body[:5] == b"JFIF\0":
            is_jfif = True
        elif code == 0xDA and frame and len(body) >= 1 + 2 * body[0] + 3:
            return _jpeg_pixels(marker, frame, body, _colours(marker, frame, adobe, is_jfif))
        at += 2 + size
    raise Invalid("a JPEG codestream says its size before its first scan; this one does not")


def _jpeg_pixels(marker: int, frame: bytes, scan: bytes, colours: tuple[str, ...]) -> Pixels:
    precision, samples = frame[0], frame[5]
    selector = scan[1 + 2 * scan[0]]  # the predictor of lossless JPEG, NEAR of JPEG-LS
    if marker == 0xC0:
        syntax, method = _BASELINE, "ISO_10918_1"
    elif marker == 0xC1:
        syntax, method = _EXTENDED, "ISO_10918_1"
    elif marker == 0xC3:
        syntax, method = (_LOSSLESS_SV1 if selector == 1 else _LOSSLESS), ""
    elif marker == 0xF7:
        syntax, method = (_JLS_NEAR, "ISO_14495_1") if selector else (_JLS, "")
    else:
        raise Unsupported("JPEG is taken as baseline, extended sequential or lossless; this one is of another process")
    rows, columns = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
    return Pixels(syntax, rows, columns, samples, precision, colours, method)


def _colours(marker: int, frame: bytes, adobe: int, is_jfif: bool) -> tuple[str, ...]:
    """The Photometric Interpretations that the colours of a JPEG can be; JFIF and Adobe say which ones they are."""
    if frame[5] == 1:
        return MONOCHROME
    if frame[5] != 3:
        raise Unsupported(f"JPEG of 1 or 3 samples a pixel is taken; got {frame[5]}")
    if adobe == 0 or marker in (0xC3, 0xF7):
        return ("RGB",) if adobe == 0 else RGB
    is_subsampled = frame[7] != frame[10]
    colours = ("YBR_FULL_422", "YBR_FULL") if is_subsampled else ("YBR_FULL", "YBR_FULL_422")
    return colours if is_jfif or adobe == 1 or is_subsampled else (*colours, "RGB")


def _jpeg2000(head: bytes) -> Pixels:
    """A JPEG 2000 or HTJ2K codestream, bare (ISO/IEC 15444-1 Annex A)."""
    if head[:4] != b"\xff\x4f\xff\x51" or len(head) < 51:
        raise Invalid("a JPEG 2000 codestream begins with SOC and SIZ; files of boxes are not taken")
    right, bottom, left, top = (int.from_bytes(head[at : at + 4], "big") for at in (8, 12, 16, 20))
    samples, depth = int.from_bytes(head[40:42], "big"), head[42]
    is_high_throughput = bool(int.from_bytes(head[6:8], "big") & 0x4000)
    at = 4 + int.from_bytes(head[4:6], "big")
    for _ in range(_MAX_SEGMENTS):
        if head[at : at + 2] == b"\xff\x52" or head[at : at + 1] != b"\xff":
            break
        at += 2 + int.from_bytes(head[at + 2 : at + 4], "big")
    coding = head[at + 4 : at + 14]
    if head[at : at + 2] != b"\xff\x52" or len(coding) < 10:
        raise Invalid("a JPEG 2000 codestream has COD in its main header; this one does not")
    is_reversible, has_transform = coding[9] == 1, coding[4] == 1
    colours: tuple[str, ...] = MONOCHROME if samples == 1 else RGB
    if has_transform and samples >= 3:
        colours = ("YBR_RCT",) if is_reversible else ("YBR_ICT",)
    if is_high_throughput:
        syntax, method = (_HTJ2K_REVERSIBLE, "") if is_reversible else (_HTJ2K, "ISO_15444_15")
    else:
        syntax, method = (_J2K_REVERSIBLE, "") if is_reversible else (_J2K, "ISO_15444_1")
    is_signed = bool(depth & 0x80)
    return Pixels(syntax, bottom - top, right - left, samples, (depth & 0x7F) + 1, colours, method, is_signed)


_Reader = Callable[[bytes], Pixels]
_READERS: Mapping[str, _Reader] = {
    "image/jpeg": _jpeg,
    "image/jls": _jpeg,
    "image/jp2": _jpeg2000,
    "image/jpx": _jpeg2000,
    "image/j2c": _jpeg2000,
    "image/jphc": _jpeg2000,
    "image/jph": _jpeg2000,
}
_BY_SYNTAX: Mapping[str, _Reader] = {
    **dict.fromkeys((_BASELINE, _EXTENDED, _LOSSLESS, _LOSSLESS_SV1, _JLS, _JLS_NEAR), _jpeg),
    **dict.fromkeys((_J2K_REVERSIBLE, _J2K, _HTJ2K_REVERSIBLE, _HTJ2K_RPCL, _HTJ2K), _jpeg2000),
}
