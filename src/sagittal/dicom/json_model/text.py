"""An encoded value as one line of text, for index columns and for people."""

from sagittal.dicom import character_sets
from sagittal.dicom.dataset.elements import RawElement
from sagittal.dicom.json_model.values import NUMBER_SIZES, unpack_numbers, unpack_tags

_STRIPPED_BOTH = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI"})
_LONG_TEXTS = frozenset({"LT", "ST", "UR", "UT"})
_STRIPPED_RIGHT = frozenset({"LO", "PN", "SH", "UC"})
_PADDING = " \0"


def text_value(element: RawElement, character_set: tuple[str, ...] = (), *, is_little_endian: bool = True) -> str:
    r"""The decoded value without padding, several values joined by a backslash.

    Numbers are written in decimal, AT as eight hexadecimal digits; sequences and binary VRs, and numbers torn in the
    middle, are "".

    >>> text_value(RawElement("CS", b"ORIGINAL \\PRIMARY ")), text_value(RawElement("US", b"\x00\x02"))
    ('ORIGINAL\\PRIMARY', '512')
    """
    vr, value = element.vr, element.value
    if not value:
        return ""
    if vr in _STRIPPED_BOTH:
        text = value.decode("latin_1").strip(_PADDING)
        return "\\".join(part.strip(_PADDING) for part in text.split("\\")) if "\\" in text else text
    if vr in _STRIPPED_RIGHT:
        text = character_sets.decode(value, vr, character_set).rstrip(_PADDING)
        return "\\".join(part.rstrip(_PADDING) for part in text.split("\\")) if "\\" in text else text
    if vr in _LONG_TEXTS:
        return character_sets.decode(value, vr, character_set).rstrip(_PADDING)
    if vr == "AT":
        return "\\".join(unpack_tags(value, is_little_endian))
    if vr in NUMBER_SIZES and len(value) % NUMBER_SIZES[vr] == 0:
        return "\\".join(map(str, unpack_numbers(value, vr, is_little_endian)))
    return ""
