"""One answer of a search as DICOM JSON text (PS3.18 Tables 10.6.3-3 to 10.6.3-5)."""

import re
from collections.abc import Mapping

import msgspec

from sagittal.dicom.registry import vr_of
from sagittal.dicomweb.urls import resource_url
from sagittal.find import Found, Level

_STUDY_UID, _SERIES_UID, _INSTANCE_UID = 0x0020000D, 0x0020000E, 0x00080018
UID_TAGS = (_STUDY_UID, _SERIES_UID, _INSTANCE_UID)
DEPTHS: Mapping[Level, int] = {Level.PATIENT: 0, Level.STUDY: 1, Level.SERIES: 2, Level.IMAGE: 3}
"""How many UIDs name an entity."""

_UIDS = {tag: re.compile(rf'"{tag:08X}":\{{"vr":"UI","Value":\["([^"]*)"\]') for tag in UID_TAGS}

# Instance Availability, Retrieve URL and the Specific Character Set, which JSON and XML do without, are not in here;
# nor is Timezone Offset From UTC, which is to be given only where it is known.
_REQUIRED: Mapping[Level, tuple[int, ...]] = {
    Level.PATIENT: (0x00100010, 0x00100020),
    Level.STUDY: (
        0x00080020,  # Study Date
        0x00080030,  # Study Time
        0x00080050,  # Accession Number
        0x00080061,  # Modalities in Study
        0x00080090,  # Referring Physician's Name
        0x00100010,  # Patient's Name
        0x00100020,  # Patient ID
        0x00100030,  # Patient's Birth Date
        0x00100040,  # Patient's Sex
        0x0020000D,  # Study Instance UID
        0x00200010,  # Study ID
        0x00201206,  # Number of Study Related Series
        0x00201208,  # Number of Study Related Instances
    ),
    Level.SERIES: (
        0x00080060,  # Modality
        0x0008103E,  # Series Description
        0x0020000E,  # Series Instance UID
        0x00200011,  # Series Number
        0x00201209,  # Number of Series Related Instances
        0x00400244,  # Performed Procedure Step Start Date
        0x00400245,  # Performed Procedure Step Start Time
        0x00400275,  # Request Attributes Sequence
    ),
    Level.IMAGE: (
        0x00080016,  # SOP Class UID
        0x00080018,  # SOP Instance UID
        0x00200013,  # Instance Number
        0x00280008,  # Number of Frames
        0x00280010,  # Rows
        0x00280011,  # Columns
        0x00280100,  # Bits Allocated
    ),
}
# OHIF 3.13.2 shows no study at all if one of them has Modalities in Study without an array of values.
_ARRAY_WANTED = frozenset({0x00080061})


def _empty(tag: int) -> str:
    values = ',"Value":[]' if tag in _ARRAY_WANTED else ""
    return f',"{tag:08X}":{{"vr":"{vr_of(tag)}"{values}}}'


_EMPTY = {level: tuple((f"{tag:08X}", _empty(tag)) for tag in tags) for level, tags in _REQUIRED.items()}
_DEEP = {
    Level.STUDY: _EMPTY[Level.STUDY],
    Level.SERIES: _EMPTY[Level.SERIES] + _EMPTY[Level.STUDY],
    Level.IMAGE: _EMPTY[Level.IMAGE] + _EMPTY[Level.SERIES] + _EMPTY[Level.STUDY],
}
"""With what is required of the levels above."""


def uids_of(found: Found, level: Level, names: tuple[str, ...]) -> tuple[str, ...]:
    """The UIDs that lead to an entity; `names` are those that the path has said already."""
    known = names[: max(0, DEPTHS[level] - 1)]
    return (*known, *(_uid(found, tag) for tag in UID_TAGS[len(known) : DEPTHS[level]]))


def text_of(found: Found, level: Level, names: tuple[str, ...], base_url: str, *, with_above: bool) -> str:
    """The JSON object: Retrieve URL (0008,1190), the UIDs that lead to the entity, what the index has of it.

    What the standard requires is there without value where it is not known.
    """
    uids = uids_of(found, level, names)
    members = [f'"00081190":{{"vr":"UR","Value":["{resource_url(base_url, *uids)}"]}}'] if uids else []
    if not with_above:
        pairs = zip(UID_TAGS, uids[:-1], strict=False)
        members += [f'"{tag:08X}":{{"vr":"UI","Value":["{_escape(uid)}"]}}' for tag, uid in pairs]
    members += [found.own] if found.own else []
    members += [found.above] if with_above and found.above else []
    text = ",".join(members)
    return "{" + text + _missing(text, level, with_above=with_above) + "}"


def _missing(text: str, level: Level, *, with_above: bool) -> str:
    """Members for the required attributes that `text` does not have at its top."""
    is_deep = with_above and level in _DEEP
    there = _MEMBERS.decode("{" + text + "}")
    return "".join([member for name, member in (_DEEP if is_deep else _EMPTY)[level] if name not in there])


_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
"""The names of an object, without looking into the values: 4 us for 30 attributes."""


def _uid(found: Found, tag: int) -> str:
    match = _UIDS[tag].search(found.own) or _UIDS[tag].search(found.above)
    return match[1] if match else ""


def _escape(uid: str) -> str:
    return uid.replace("\\", "\\\\").replace('"', '\\"')
