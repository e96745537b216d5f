"""Attributes by tag and keyword (PS3.6 Section 6, PS3.5 Sections 7.2, 7.6 and 7.8)."""

import functools
import re

from sagittal.dicom.registry.tables import (
    ElementEntry,
    entry_of,
    one_vr,
    private_elements,
    tags_by_keyword,
    vr_table,
)
from sagittal.errors import Invalid

_EIGHT_HEX = re.compile(r"[0-9A-Fa-f]{8}")


def is_private(tag: int) -> bool:
    """Whether the group is odd (PS3.5 Section 7.8).

    >>> is_private(0x00091001), is_private(0x00080005)
    (True, False)
    """
    return bool(tag & 0x10000)


def is_private_creator(tag: int) -> bool:
    """Whether the element reserves a block: (gggg,0010-00FF) of an odd group (PS3.5 Section 7.8.1).

    >>> is_private_creator(0x00090010), is_private_creator(0x00091010)
    (True, False)
    """
    return bool(tag & 0x10000) and 0x10 <= tag & 0xFFFF <= 0xFF


def vr_of(tag: int) -> str:
    """The VR of an attribute, always one of two letters.

    "UN" for what PS3.6 does not have, private elements included; "LO" for private creators; "UL" for group lengths.
    Where PS3.6 leaves a choice, the one that Implicit VR Little Endian takes without knowing more: "OB or OW" is OW,
    "US or SS" is US, "US or OW" and "US or SS or OW" are OW. `vr_choice` gives the dictionary's own words.

    >>> vr_of(0x00100010), vr_of(0x60103000), vr_of(0x00091001), vr_of(0x00090010), vr_of(0x00280106)
    ('PN', 'OW', 'UN', 'LO', 'US')
    """
    return vr_table().get(tag) or _rare_vr(tag)


@functools.lru_cache(maxsize=4096)
def _rare_vr(tag: int) -> str:
    if is_private_creator(tag):
        return "LO"
    if tag & 0xFFFF == 0:
        return "UL"
    entry = entry_of(tag)
    return one_vr(entry.vr) if entry is not None else "UN"


def vr_choice(tag: int) -> str:
    """The VR in the words of PS3.6, which may leave a choice; as `vr_of` where it has no line.

    >>> vr_choice(0x7FE00010), vr_choice(0x00280106)
    ('OB or OW', 'US or SS')
    """
    entry = entry_of(tag)
    return entry.vr if entry is not None else vr_of(tag)


def vm_of(tag: int) -> str:
    """The value multiplicity, "1" where PS3.6 has no line.

    >>> vm_of(0x00080008), vm_of(0x00200032)
    ('2-n', '3')
    """
    entry = entry_of(tag)
    return entry.vm if entry is not None else "1"


def name_of(tag: int) -> str:
    """The attribute's name for people, "" where PS3.6 has no line.

    >>> name_of(0x00100010)
    "Patient's Name"
    """
    entry = entry_of(tag)
    return entry.name if entry is not None else ""


def keyword_of(tag: int) -> str:
    """The keyword, "" where PS3.6 has none.

    >>> keyword_of(0x0020000D), keyword_of(0x60023000)
    ('StudyInstanceUID', 'OverlayData')
    """
    entry = entry_of(tag)
    return entry.keyword if entry is not None else ""


def tag_of(keyword: str) -> int | None:
    """The tag of a keyword, None if PS3.6 has no such keyword; for a repeating group its first group.

    >>> f"{tag_of('PatientID'):08X}"
    '00100020'
    """
    return tags_by_keyword().get(keyword)


def parse_tag(text: str) -> int:
    """The tag that a keyword or eight hexadecimal digits name, or Invalid (PS3.18 Section 8.3.4).

    >>> parse_tag("PatientID") == parse_tag("00100020")
    True
    """
    if _EIGHT_HEX.fullmatch(text):
        return int(text, 16)
    tag = tag_of(text)
    if tag is None:
        raise Invalid(f"an attribute is a keyword of PS3.6 or eight hexadecimal digits; got {text[:64]!r}")
    return tag


@functools.lru_cache(maxsize=4096)
def private_entry(tag: int, creator: str) -> ElementEntry | None:
    """What a private creator's documentation says of its element, whatever block it reserved; None if nobody knows.

    >>> private_entry(0x00291010, "SIEMENS CSA HEADER").vr
    'OB'
    """
    patterns = private_elements().get(creator)
    if patterns is None or tag & 0xFF00 == 0:
        return None
    group, low = f"{tag >> 16:04X}", f"{tag & 0xFF:02X}"
    for pattern in (f"{tag:08X}", f"{group}xx{low}", f"{group[:2]}xxxx{low}"):
        if pattern in patterns:
            vr, vm, name, retired = patterns[pattern]
            return ElementEntry(one_vr(vr), vm, name, retired, "")
    return None


def private_vr(tag: int, creator: str) -> str:
    """The VR of a private element of a known creator, else "UN".

    >>> private_vr(0x00291010, "SIEMENS CSA HEADER"), private_vr(0x00291010, "NOBODY")
    ('OB', 'UN')
    """
    entry = private_entry(tag, creator)
    return entry.vr if entry is not None else "UN"
