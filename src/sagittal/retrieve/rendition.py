"""What the header of an instance says once its frames are in another Transfer Syntax."""

from typing import NamedTuple

from sagittal.archive.model import StoredInstance
from sagittal.dicom.dataset.edit import element, top_level, value_of, with_elements
from sagittal.dicom.transfer_syntax import encoding_of
from sagittal.imaging.pixels import PHOTOMETRIC_INTERPRETATION, PLANAR_CONFIGURATION, FrameShape

_IMAGE_TYPE = 0x00080008
_SOP_INSTANCE_UID = 0x00080018
_DERIVATION_DESCRIPTION = 0x00082111
_SOURCE_IMAGE_SEQUENCE = 0x00082112
_DERIVATION_CODE_SEQUENCE = 0x00089215
_LOSSY = 0x00282110
_LOSSY_RATIO = 0x00282112
_LOSSY_METHOD = 0x00282114
_ICON_IMAGE_SEQUENCE = 0x00880200
_ENHANCED = frozenset((0x00089205, 0x52009229, 0x52009230))  # Pixel Presentation, functional groups
_EXTENDED_OFFSETS = (0x7FE00000, 0x7FE00001, 0x7FE00002)
_ENCAPSULATED_ICON = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff"
_ALWAYS_LOSSY = frozenset(("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"))


class Rendition(NamedTuple):
    """An instance in another Transfer Syntax.

    Attributes:
        photometric_interpretation: of its frames now.
        method: Lossy Image Compression Method (0028,2114); `""` if nothing is lost.
        ratio: bytes of a decoded frame to bytes of a coded one.
        quality: that was asked for, 0 if none was.
    """

    transfer_syntax_uid: str
    sop_instance_uid: str
    photometric_interpretation: str
    method: str
    ratio: float
    quality: int = 0


def changed_header(data: bytes, instance: StoredInstance, shape: FrameShape, rendition: Rendition) -> bytes:
    """The data set up to its pixels with the attributes that have to change, Explicit VR Little Endian.

    Offset tables and group lengths go; so does an icon whose own pixels are encapsulated (PS3.5 Section A.4 has none
    in a native data set).
    """
    changes: dict[int, bytes | None] = dict.fromkeys((0x00080000, 0x00280000, *_EXTENDED_OFFSETS))
    name = rendition.photometric_interpretation
    if name != shape.photometric_interpretation:
        changes[PHOTOMETRIC_INTERPRETATION] = element(PHOTOMETRIC_INTERPRETATION, "CS", name.encode())
    if shape.samples_per_pixel > 1:
        changes[PLANAR_CONFIGURATION] = element(PLANAR_CONFIGURATION, "US", b"\0\0")
    kept = {tag: value_of(data, start, stop) for tag, start, stop in top_level(data) if tag in _LOOKED_AT}
    if encoding_of(instance.transfer_syntax_uid).is_encapsulated and _ENCAPSULATED_ICON in kept.get(
        _ICON_IMAGE_SEQUENCE, b""
    ):
        changes[_ICON_IMAGE_SEQUENCE] = None
    if instance.transfer_syntax_uid in _ALWAYS_LOSSY and not kept.get(_LOSSY):
        changes[_LOSSY] = element(_LOSSY, "CS", b"01")
    if rendition.method:
        changes |= _derived(kept, instance, rendition)
    return with_elements(data, changes)


_LOOKED_AT = frozenset((*_ENHANCED, _IMAGE_TYPE, _LOSSY, _LOSSY_RATIO, _LOSSY_METHOD, _ICON_IMAGE_SEQUENCE))


def _derived(kept: dict[int, bytes], instance: StoredInstance, rendition: Rendition) -> dict[int, bytes | None]:
    """What a lossy rendition says of itself (PS3.3 Sections C.7.6.1.1.2, C.7.6.1.1.5 and C.12.4).

    Enhanced objects keep their Image Type: it goes with Frame Type and with what their acquisition modules may say.
    """
    kind = kept.get(_IMAGE_TYPE, b"").strip(b" \0").split(b"\\")
    reference = (
        element(0x00081150, "UI", instance.sop_class_uid.encode())
        + element(0x00081155, "UI", instance.sop_instance_uid.encode())
        + element(0x0040A170, "SQ", _item(_PREDECESSOR))
    )
    quality = f", quality {rendition.quality}" if rendition.quality else ""
    description = f"Lossy compression to {rendition.transfer_syntax_uid}{quality}".encode()
    changes: dict[int, bytes | None] = {
        _SOP_INSTANCE_UID: element(_SOP_INSTANCE_UID, "UI", rendition.sop_instance_uid.encode()),
        _DERIVATION_DESCRIPTION: element(_DERIVATION_DESCRIPTION, "ST", description),
        _SOURCE_IMAGE_SEQUENCE: element(_SOURCE_IMAGE_SEQUENCE, "SQ", _item(reference)),
        _LOSSY: element(_LOSSY, "CS", b"01"),
        _LOSSY_RATIO: element(_LOSSY_RATIO, "DS", _more(kept.get(_LOSSY_RATIO, b""), f"{rendition.ratio:.4g}")),
        _LOSSY_METHOD: element(_LOSSY_METHOD, "CS", _more(kept.get(_LOSSY_METHOD, b""), rendition.method)),
    }
    if _ENHANCED.isdisjoint(kept):
        changes[_DERIVATION_CODE_SEQUENCE] = element(_DERIVATION_CODE_SEQUENCE, "SQ", _item(_LOSSY_COMPRESSION))
        changes[_IMAGE_TYPE] = element(_IMAGE_TYPE, "CS", b"\\".join([b"DERIVED", *(kind[1:] or [b"PRIMARY"])]))
    return changes


def _item(content: bytes) -> bytes:
    return b"\xfe\xff\x00\xe0" + len(content).to_bytes(4, "little") + content


def _more(values: bytes, another: str) -> bytes:
    """One more value after those that are there: each compression adds its own."""
    before = values.strip(b" \0")
    return before + b"\\" * bool(before) + another.encode()


_PREDECESSOR = (
    element(0x00080100, "SH", b"121320")
    + element(0x00080102, "SH", b"DCM")
    + element(0x00080104, "LO", b"Uncompressed predecessor")
)
_LOSSY_COMPRESSION = (
    element(0x00080100, "SH", b"113040")
    + element(0x00080102, "SH", b"DCM")
    + element(0x00080104, "LO", b"Lossy Compression")
)
