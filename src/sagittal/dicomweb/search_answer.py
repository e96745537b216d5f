"""One answer of a search as DICOM JSON text (PS3.18 Tables 10.6.3-3 to 10.6.3-5)."""

import re
from collections.abc import Mapping
from urllib.parse import quote

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


def _empty(tag: int) -> tuple[str, str, str]:
    name = f"{tag:08X}"
    values = ',"Value":[]' if tag in _ARRAY_WANTED else ""
    return name, f'"{name}":', f',"{name}":{{"vr":"{vr_of(tag)}"{values}}}'


_EMPTY = {level: tuple(map(_empty, tags)) for level, tags in _REQUIRED.items()}
"""Name of each, how its member begins, and the whole member without value."""
_EMPTY_ABOVE = {
    Level.PATIENT: (),
    Level.STUDY: (),
    Level.SERIES: _EMPTY[Level.STUDY],
    Level.IMAGE: _EMPTY[Level.SERIES] + _EMPTY[Level.STUDY],
}


def uids_of(found: Found, level: Level, names: tuple[str, ...]) -> tuple[str, ...]:
    """The UIDs that lead to an entity; `names` are those that the path has said already."""
    depth = DEPTHS[level]
    known = names[: max(0, depth - 1)]
    above = (_uid(found.above, tag) for tag in UID_TAGS[len(known) : max(0, depth - 1)])
    return (*known, *above, *(_uid(found.own, tag) for tag in UID_TAGS[max(0, depth - 1) : depth]))


class TextMaker:
    """Makes JSON objects: Retrieve URL (0008,1190), the UIDs that lead to the entity, what the index has of it.

    What the standard requires is there without value where it is not known. What is above an entity is often that of
    the one before, and is then not looked at again.

    Args:
        names: the UIDs that the path of the request says.
        with_above: whether answers have the attributes of the levels above.
    """

    def __init__(self, level: Level, names: tuple[str, ...], base_url: str, *, with_above: bool) -> None:
        self._level = level
        self._names = names
        self._base_url = base_url
        self._with_above = with_above
        self._above: str | None = None
        self._prefix = self._after = ""

    def text(self, found: Found) -> str:
        """The JSON object of one answer."""
        own = found.own
        if not DEPTHS[self._level]:
            return "{" + own + _missing(own, _EMPTY[self._level])[not own :] + "}"
        if found.above is not self._above:
            self._look_above(found)
        uid = quote(_uid(own, UID_TAGS[DEPTHS[self._level] - 1]), safe="")
        return "".join((self._prefix, uid, '"]},', own, self._after, _missing(own, _EMPTY[self._level]), "}"))

    def _look_above(self, found: Found) -> None:
        """Makes what the answer has before and after the members of its own."""
        self._above = found.above
        above = uids_of(found, self._level, self._names)[:-1]
        entity = (*above, "-")
        url = resource_url(self._base_url, *entity)[:-1]
        self._prefix = f'{{"00081190":{{"vr":"UR","Value":["{url}'
        if self._with_above:
            self._after = f",{found.above}" if found.above else ""
            self._after += _missing(found.above, _EMPTY_ABOVE[self._level])
        else:
            pairs = zip(UID_TAGS, above, strict=False)
            self._after = "".join([f',"{tag:08X}":{{"vr":"UI","Value":["{_escape(uid)}"]}}' for tag, uid in pairs])


def _missing(members: str, required: tuple[tuple[str, str, str], ...]) -> str:
    """Members for the required attributes that are not at the top of `members`, each with a comma before it."""
    if '"vr":"SQ"' not in members:  # so that nothing is nested
        lacking, at = "", 0
        for _, beginning, member in required:  # mostly in the order of their tags, as the members are
            found = members.find(beginning, at)
            if found < 0 and (not at or members.find(beginning, 0, at) < 0):
                lacking += member
            at = max(found, at)
        return lacking
    there = _MEMBERS.decode("{" + members + "}")
    return "".join([member for name, _, member in required if name not in there])


_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
"""The names of an object, without looking into the values: 4 us for 30 attributes."""


def _uid(members: str, tag: int) -> str:
    match = _UIDS[tag].search(members)
    return match[1] if match else ""


def _escape(uid: str) -> str:
    return uid.replace("\\", "\\\\").replace('"', '\\"')
