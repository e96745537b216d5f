"""The tables of PS3.6 and PS3.7 as pydicom ships them, loaded once when first asked for.

The modules that hold the tables have no imports of their own. They are loaded without the package around them,
which costs 6 ms instead of 180 ms; where pydicom is imported already, its own modules are used.
"""

import functools
import importlib.machinery
import importlib.util
import sys
from types import ModuleType
from typing import NamedTuple

_ONE_VR = {
    "OB or OW": "OW",
    "US or SS": "US",
    "US or OW": "OW",
    "US or SS or OW": "OW",
    "NONE": "UN",
}
"""What an ambiguous VR of the dictionary becomes where no other attribute decides (PS3.5 Section A.1).

"OB or OW" is OW in Implicit VR Little Endian; "US or SS" is SS only beside Pixel Representation 1, which
the reader of the data set knows and this table does not.
"""


class ElementEntry(NamedTuple):
    """A line of PS3.6 Table 6-1.

    Attributes:
        vr: as the table has it, "US or SS" included.
        vm: value multiplicity, "1-n".
        keyword: "" for the few retired lines that have none.
    """

    vr: str
    vm: str
    name: str
    retired: str
    keyword: str


class UidEntry(NamedTuple):
    """A line of PS3.6 Table A-1."""

    name: str
    kind: str
    info: str
    retired: str
    keyword: str


def _module(name: str) -> ModuleType:
    full_name = f"pydicom.{name}"
    if full_name in sys.modules:
        return sys.modules[full_name]
    package = importlib.util.find_spec("pydicom")
    folders = package.submodule_search_locations if package is not None else None
    spec = importlib.machinery.PathFinder.find_spec(name, folders)
    if spec is None or spec.loader is None:
        raise ImportError(f"the installed pydicom has no module {full_name}; its release is not one that was tested")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@functools.cache
def elements() -> dict[int, tuple[str, str, str, str, str]]:
    """Tag to (VR, VM, name, retired, keyword) of every attribute but the repeating groups. Do not change it."""
    table: dict[int, tuple[str, str, str, str, str]] = _module("_dicom_dict").DicomDictionary
    return table


@functools.cache
def vr_table() -> dict[int, str]:
    """Tag to one VR of two letters, for loops that cannot pay a call for each element. Do not change it.

    Repeating groups, group lengths and private elements are not in it: `vr_of` knows them.
    """
    return {tag: _ONE_VR.get(entry[0], entry[0]) for tag, entry in elements().items()}


def one_vr(vr: str) -> str:
    """One VR of two letters for what the dictionary says."""
    return _ONE_VR.get(vr, vr)


@functools.cache
def _repeaters() -> tuple[tuple[int, int, tuple[str, str, str, str, str]], ...]:
    table: dict[str, tuple[str, str, str, str, str]] = _module("_dicom_dict").RepeatersDictionary
    return tuple(
        (
            int("".join("0" if digit == "x" else "F" for digit in pattern), 16),
            int(pattern.replace("x", "0"), 16),
            entry,
        )
        for pattern, entry in table.items()
    )


@functools.lru_cache(maxsize=4096)
def entry_of(tag: int) -> ElementEntry | None:
    """The dictionary's line for `tag`, repeating groups (50xx, 60xx, ...) included; None if it has none."""
    found = elements().get(tag)
    if found is not None:
        return ElementEntry(*found)
    if tag & 0x10000:
        return None
    for mask, pattern, entry in _repeaters():
        if tag & mask == pattern:
            return ElementEntry(*entry)
    return None


@functools.cache
def tags_by_keyword() -> dict[str, int]:
    """Keyword to tag; a repeating group's keyword names its first group (OverlayRows: 60000010)."""
    table = {entry[4]: pattern for _, pattern, entry in reversed(_repeaters())}
    table.update((entry[4], tag) for tag, entry in elements().items())
    del table[""]
    return table


@functools.cache
def private_elements() -> dict[str, dict[str, tuple[str, str, str, str]]]:
    """Private creator to pattern ("0019xx10") to (VR, VM, name, retired), of the creators somebody documented."""
    table: dict[str, dict[str, tuple[str, str, str, str]]] = _module("_private_dict").private_dictionaries
    return table


_NEWER_UIDS = {
    "1.2.840.10008.5.1.4.1.1.9.100.1": ("Waveform Presentation State Storage", "WaveformPresentationStateStorage"),
    "1.2.840.10008.5.1.4.1.1.9.100.2": ("Waveform Annotation SR Storage", "WaveformAnnotationSRStorage"),
    "1.2.840.10008.5.1.4.1.1.66.7": ("Label Map Segmentation Storage", "LabelMapSegmentationStorage"),
    "1.2.840.10008.5.1.4.1.1.66.8": ("Height Map Segmentation Storage", "HeightMapSegmentationStorage"),
}
"""SOP Classes of PS3.6 2024 and later that the tested pydicom does not have yet."""


@functools.cache
def uids() -> dict[str, UidEntry]:
    """UID to its line in PS3.6 Table A-1. Do not change it."""
    newer = {uid: UidEntry(name, "SOP Class", "", "", keyword) for uid, (name, keyword) in _NEWER_UIDS.items()}
    return newer | {uid: UidEntry(*entry) for uid, entry in _module("_uid_dict").UID_dictionary.items()}
