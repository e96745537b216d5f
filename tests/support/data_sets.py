"""Small synthetic data sets for tests of the archive, encoded by hand."""

import struct
from collections.abc import Mapping

EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
RLE = "1.2.840.10008.1.2.5"
CT = "1.2.840.10008.5.1.4.1.1.2"

_LONG = frozenset({"OB", "OW", "SQ", "UN", "UT", "OF", "OD"})
_VRS = {
    0x00080005: "CS",
    0x00080016: "UI",
    0x00080018: "UI",
    0x00080020: "DA",
    0x00080060: "CS",
    0x00080090: "PN",
    0x00081030: "LO",
    0x0008103E: "LO",
    0x00100010: "PN",
    0x00100020: "LO",
    0x00100021: "LO",
    0x00100030: "DA",
    0x0020000D: "UI",
    0x0020000E: "UI",
    0x00200013: "IS",
    0x00280002: "US",
    0x00280004: "CS",
    0x00280008: "IS",
    0x00280010: "US",
    0x00280011: "US",
    0x00280100: "US",
    0x7FE00010: "OW",
}


def element(tag: int, value: bytes, vr: str = "", *, undefined: bool = False) -> bytes:
    """One element in Explicit VR Little Endian, padded to even length."""
    vr = vr or _VRS[tag]
    if len(value) % 2:
        value += b"\0" if vr in ("UI", "OB", "UN") else b" "
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    length = 0xFFFFFFFF if undefined else len(value)
    return head + (struct.pack("<HI", 0, length) if vr in _LONG else struct.pack("<H", length)) + value


def data_set(
    number: int = 1,
    *,
    study: str = "1.2.3",
    series: str = "1.2.3.1",
    pixels: bytes = b"\1\2" * 64,
    more: Mapping[int, bytes | None] | None = None,
) -> bytes:
    """A CT image of 8 x 8 pixels, Instance Number `number`, with attributes overridden or left out (None)."""
    values: dict[int, bytes | None] = {
        0x00080016: CT.encode(),
        0x00080018: f"{series}.{number}".encode(),
        0x00080020: b"20240229",
        0x00080060: b"CT",
        0x00100010: b"Doe^Jane",
        0x00100020: b"P1",
        0x0020000D: study.encode(),
        0x0020000E: series.encode(),
        0x00200013: str(number).encode(),
        0x00280002: b"\1\0",
        0x00280004: b"MONOCHROME2",
        0x00280010: b"\x08\0",
        0x00280011: b"\x08\0",
        0x00280100: b"\x10\0",
        **(more or {}),
    }
    body = b"".join(element(tag, value) for tag, value in sorted(values.items()) if value is not None)
    return body + (element(0x7FE00010, pixels) if pixels else b"")


def encapsulated(fragments: list[bytes], **how: object) -> bytes:
    """A data set with `fragments` behind an empty offset table."""
    items = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(value)) + value for value in [b"", *fragments])
    end = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    plain = data_set(pixels=b"", **how)  # type: ignore[arg-type]  # as data_set
    return plain + element(0x7FE00010, items + end, "OB", undefined=True)
