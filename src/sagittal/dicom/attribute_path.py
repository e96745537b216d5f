"""Attributes as an operator names them for search: of the standard or private, at the top or inside sequences.

    SOPClassesInStudy                              a keyword of PS3.6
    00181030  (0018,1030)                          a tag
    RequestAttributesSequence.RequestedProcedureID in each item of a sequence
    0009,"GEMS_IDEN_01",27                         private: group, private creator, element within the creator's block
    0043,"GEMS_PARM_01",6f:DS                      with a VR, where no dictionary knows it

A private element is named by its creator, never by its number alone: which block the creator has is chosen anew in each
data set (PS3.5 Section 7.8.1).
"""

import re
from typing import NamedTuple

import msgspec

from sagittal.dicom.matching.keys import MOMENT_VRS, NUMBER_VRS, WILDCARD_VRS
from sagittal.dicom.registry import is_private, keyword_of, private_vr, tag_of, vr_of
from sagittal.errors import Invalid

MAX_DEPTH = 8
MAX_LENGTH = 512
MATCHED_VRS = WILDCARD_VRS | NUMBER_VRS | MOMENT_VRS | {"AS", "AT", "UI"}
"""VRs whose values a key can match (PS3.4 Section C.2.2.2)."""

_MAX_CREATOR_LENGTH = 64  # of an LO
_NOT_OF_DATA_SETS = frozenset({0x0000, 0x0002, 0x0004, 0x7FE0, 0xFFFA, 0xFFFC, 0xFFFE})
_STEP = re.compile(
    r"""\s*(?:
        (?P<open>\()?\s*(?P<private>[0-9A-Fa-f]{4})\s*,\s*"(?P<creator>(?:[^"]|"")*)"\s*,\s*(?P<low>[0-9A-Fa-f]{2})
            \s*(?(open)\))
        | (?P<opened>\()?\s*(?P<group>[0-9A-Fa-f]{4})\s*,?\s*(?P<element>[0-9A-Fa-f]{4})\s*(?(opened)\))
        | (?P<keyword>[A-Za-z][0-9A-Za-z]*)
    )\s*(?P<then>[.:]|$)""",
    re.VERBOSE,
)


class Step(NamedTuple):
    """One attribute of a path.

    Attributes:
        tag: of a private element its group and the two last digits, as `00090027`: the block is the data set's.
        creator: the private creator, `""` for attributes of the standard.
    """

    tag: int
    creator: str = ""

    def __str__(self) -> str:
        """As it is written."""
        if not self.creator:
            return keyword_of(self.tag) or f"{self.tag:08X}"
        creator = self.creator.replace('"', '""')
        return f'{self.tag >> 16:04X},"{creator}",{self.tag & 0xFF:02X}'


class AttributePath(msgspec.Struct, frozen=True):
    """An attribute that can be searched by.

    Attributes:
        steps: from the top; all but the last are sequences.
        vr: of the last.
    """

    steps: tuple[Step, ...]
    vr: str

    @property
    def name(self) -> str:
        """The path as it is written, the same however it was written first.

        >>> parse_attribute('(0009,"GEMS_IDEN_01",27)').name, parse_attribute("00400275.00401001").name
        ('0009,"GEMS_IDEN_01",27', 'RequestAttributesSequence.RequestedProcedureID')
        """
        return ".".join(map(str, self.steps))

    def __str__(self) -> str:
        """The path and its VR, as `parse_attribute` takes it."""
        return f"{self.name}:{self.vr}"


def parse_attribute(text: str) -> AttributePath:
    """The attribute that `text` names.

    >>> parse_attribute('0009,"GEMS_IDEN_01",27').vr, parse_attribute("PatientBreedDescription").steps
    ('SL', (Step(tag=1057426, creator=''),))

    Raises:
        Invalid: it is no path, a step that is not the last is no sequence, or the VR is unknown or cannot be matched.
    """
    if len(text) > MAX_LENGTH:
        raise Invalid(f"an attribute's name has at most {MAX_LENGTH} characters; got {len(text)}")
    steps: list[Step] = []
    at, then = 0, "."
    while then == ".":
        match = _STEP.match(text, at)
        if match is None:
            raise Invalid(
                f"{text!r} names no attribute: at character {at + 1} a keyword, a tag such as 00181030, or "
                'gggg,"CREATOR",ee is to stand, with dots between the steps of a path and a colon before a VR'
            )
        steps.append(_step(match))
        at, then = match.end(), match["then"]
    if len(steps) > MAX_DEPTH:
        raise Invalid(f"an attribute's path is at most {MAX_DEPTH} deep; {text!r} has {len(steps)} steps")
    for step in steps[:-1]:
        if _known_vr(step) not in ("SQ", ""):
            raise Invalid(f"{step} in the path {text!r} is to be a sequence; its VR is {_known_vr(step)}")
    return AttributePath(tuple(steps), _vr(steps[-1], text[at:].strip() if then == ":" else None))


def _step(match: re.Match[str]) -> Step:
    if match["private"] is not None:
        return _private_step(int(match["private"], 16), match["creator"].replace('""', '"').strip(), match["low"])
    keyword = match["keyword"]
    tag = int(match["group"] + match["element"], 16) if keyword is None else tag_of(keyword)
    if tag is None:
        raise Invalid(f"PS3.6 has no attribute with the keyword {keyword[:64]!r}")
    if is_private(tag):
        group, low = tag >> 16, tag & 0xFF
        raise Invalid(f'{tag:08X} is private: say whose it is, as {group:04X},"CREATOR",{low:02X}')
    if tag >> 16 in _NOT_OF_DATA_SETS or not tag & 0xFFFF:
        raise Invalid(f"{tag:08X} is not an attribute of instances that can be searched by")
    return Step(tag)


def _private_step(group: int, creator: str, low: str) -> Step:
    if not group & 1 or group < 9 or group == 0xFFFF:
        raise Invalid(f"private elements are of odd groups from 0009 to FFFD (PS3.5 Section 7.8); got {group:04X}")
    if not 0 < len(creator) <= _MAX_CREATOR_LENGTH or "\\" in creator or not creator.isprintable():
        raise Invalid(f"a private creator has 1 to {_MAX_CREATOR_LENGTH} printable characters and no backslash")
    return Step(group << 16 | int(low, 16), creator)


def _known_vr(step: Step) -> str:
    """What a dictionary says, `""` if none knows."""
    known = private_vr(step.tag | 0x1000, step.creator) if step.creator else vr_of(step.tag)
    return "" if known == "UN" else known


def _vr(step: Step, said: str | None) -> str:
    known = _known_vr(step)
    if not said and not known:
        raise Invalid(f"no dictionary knows the VR of {step}; say it after a colon, as {step}:LO")
    vr = said or known
    if vr not in MATCHED_VRS:
        raise Invalid(f"{step} of VR {vr[:8]!r} cannot be matched; VRs that can be: {', '.join(sorted(MATCHED_VRS))}")
    if said and known and not step.creator and known != said:
        raise Invalid(f"{step} has the VR {known} in PS3.6, not {said}")
    return vr
