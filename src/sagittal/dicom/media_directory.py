"""The Media Storage Directory (DICOMDIR) of a file-set: PS3.3 Annex F, PS3.10 Section 8.

Records form a tree of patients, studies, series and instances; each names the next one beside it and the first one
below it by its offset in the file. Offsets are fixed-size numbers, so records are encoded first and their offsets are
filled in after.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sagittal.dicom import json_model
from sagittal.dicom.dataset import make_file_header
from sagittal.dicom.identifiers import InstanceUID
from sagittal.dicom.json_model import JsonDataset, JsonElement
from sagittal.dicom.transfer_syntax import EXPLICIT_VR_LITTLE_ENDIAN
from sagittal.errors import Invalid

MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"

_ROOT = "1.2.840.10008.5.1.4.1.1."
# PS3.3 Table F.4-1: record types by SOP Class; the longest prefix that fits counts. What is not here is an image, and
# a class that is not DICOM's is PRIVATE.
_TYPES: Mapping[str, str] = {
    f"{_ROOT}9": "WAVEFORM",
    f"{_ROOT}11": "PRESENTATION",
    f"{_ROOT}4.2": "SPECTROSCOPY",
    f"{_ROOT}66": "RAW DATA",
    f"{_ROOT}66.1": "REGISTRATION",
    f"{_ROOT}66.2": "FIDUCIAL",
    f"{_ROOT}66.3": "REGISTRATION",
    f"{_ROOT}66.4": "IMAGE",
    f"{_ROOT}66.5": "SURFACE",
    f"{_ROOT}66.6": "TRACT",
    f"{_ROOT}67": "VALUE MAP",
    f"{_ROOT}68": "SURFACE SCAN",
    f"{_ROOT}77.1.5.3": "STEREOMETRIC",
    f"{_ROOT}78": "MEASUREMENT",
    f"{_ROOT}79": "MEASUREMENT",
    f"{_ROOT}80": "MEASUREMENT",
    f"{_ROOT}88": "SR DOCUMENT",
    f"{_ROOT}88.59": "KEY OBJECT DOC",
    f"{_ROOT}90": "ASSESSMENT",
    f"{_ROOT}104": "ENCAP DOC",
    f"{_ROOT}200": "PLAN",
    f"{_ROOT}481": "RADIOTHERAPY",
    f"{_ROOT}481.1": "IMAGE",
    f"{_ROOT}481.2": "RT DOSE",
    f"{_ROOT}481.3": "RT STRUCTURE SET",
    f"{_ROOT}481.4": "RT TREAT RECORD",
    f"{_ROOT}481.5": "RT PLAN",
    f"{_ROOT}481.6": "RT TREAT RECORD",
    f"{_ROOT}481.7": "RT TREAT RECORD",
    f"{_ROOT}481.8": "RT PLAN",
    f"{_ROOT}481.9": "RT TREAT RECORD",
    "1.2.840.10008.5.1.4.34": "PLAN",
    "1.2.840.10008": "IMAGE",
}

# Keys of a record (PS3.3 Section F.5), with what stands where an instance lacks one that its record cannot be without.
_PATIENT = {"00100010": "", "00100020": "UNKNOWN"}
_STUDY = {
    "00080020": "19000101",
    "00080030": "000000",
    "00080050": "",
    "00081030": "",
    "0020000D": "",
    "00200010": "0",
}
_SERIES = {"00080060": "OT", "0008103E": "", "0020000E": "", "00200011": "0"}
_INSTANCE = {"00200013": "0"}
_OPTIONAL = ("0040A043", "0040A491", "0040A493", "00080023", "00080033", "00700080", "00700081", "00420010", "00420012")
_VRS = {
    "00100010": "PN",
    "00100020": "LO",
    "00080020": "DA",
    "00080030": "TM",
    "00080050": "SH",
    "00081030": "LO",
    "0020000D": "UI",
    "00200010": "SH",
    "00080060": "CS",
    "0008103E": "LO",
    "0020000E": "UI",
    "00200011": "IS",
    "00200013": "IS",
}
KEYS: frozenset[int] = frozenset(
    int(tag, 16) for tag in ("00080005", *_PATIENT, *_STUDY, *_SERIES, *_INSTANCE, *_OPTIONAL)
)
"""Tags whose values the directory wants of each instance."""

_NEXT, _LOWER = "00041400", "00041420"


class Entry(NamedTuple):
    """One file of the file-set: what it is, the values of KEYS it has, and the components of its File ID."""

    sop_class_uid: str
    sop_instance_uid: InstanceUID
    transfer_syntax_uid: str
    attributes: JsonDataset
    file_id: tuple[str, ...]


class _Record:
    """A directory record, encoded but for its offsets, and those below it."""

    def __init__(self, kind: str, attributes: Mapping[str, JsonElement]) -> None:
        fixed: JsonDataset = {
            _NEXT: {"vr": "UL", "Value": [0]},
            "00041410": {"vr": "US", "Value": [0xFFFF]},
            _LOWER: {"vr": "UL", "Value": [0]},
            "00041430": {"vr": "CS", "Value": [kind]},
        }
        character_set = () if _is_ascii(attributes) else ("ISO_IR 192",)
        self.encoded = bytearray(json_model.decode(fixed | dict(attributes), EXPLICIT_VR_LITTLE_ENDIAN, character_set))
        self.offset = 0
        self.below: dict[str, _Record] = {}

    def walk(self) -> "Iterable[_Record]":
        yield self
        for record in self.below.values():
            yield from record.walk()


def file_ids(count: int, *, level: str = "IM") -> Iterable[str]:
    """Names of eight characters for the files or folders of one level (PS3.10 Section 8.2).

    >>> list(file_ids(2))
    ['IM000000', 'IM000001']
    """
    if count > 36**6:
        raise Invalid(f"a directory names at most {36**6} files beside each other; got {count}")
    return (f"{level}{_base_36(number):0>6}" for number in range(count))


def record_type(sop_class_uid: str) -> str:
    """The Directory Record Type of instances of a class.

    >>> record_type("1.2.840.10008.5.1.4.1.1.88.33"), record_type("1.2.826.0.1")
    ('SR DOCUMENT', 'PRIVATE')
    """
    prefix = sop_class_uid
    while prefix:
        if prefix in _TYPES:
            return _TYPES[prefix]
        prefix = prefix.rpartition(".")[0]
    return "PRIVATE"


def make_media_directory(entries: Sequence[Entry], file_set_id: str, sop_instance_uid: str) -> bytes:
    """The DICOMDIR file of a file-set that holds `entries`, in their order.

    Args:
        file_set_id: at most 16 capital letters, digits and underscores; may be empty.
        sop_instance_uid: of the directory itself.
    """
    roots: dict[str, _Record] = {}
    for entry in entries:
        _insert(roots, entry)
    header = make_file_header(
        sop_class_uid=MEDIA_STORAGE_DIRECTORY,
        sop_instance_uid=sop_instance_uid,
        transfer_syntax_uid=EXPLICIT_VR_LITTLE_ENDIAN,
    )
    return header + _data_set(roots, len(header), file_set_id)


def _insert(roots: dict[str, _Record], entry: Entry) -> None:
    values = entry.attributes
    patient = _child(roots, _text(values, "00100020"), "PATIENT", values, _PATIENT)
    study = _child(patient.below, _text(values, "0020000D"), "STUDY", values, _STUDY)
    series = _child(study.below, _text(values, "0020000E"), "SERIES", values, _SERIES)
    kind = record_type(entry.sop_class_uid)
    reference: JsonDataset = {
        "00041500": {"vr": "CS", "Value": list(entry.file_id)},
        "00041510": {"vr": "UI", "Value": [entry.sop_class_uid]},
        "00041511": {"vr": "UI", "Value": [entry.sop_instance_uid]},
        "00041512": {"vr": "UI", "Value": [entry.transfer_syntax_uid]},
    }
    if kind == "PRIVATE":
        reference["00041432"] = {"vr": "UI", "Value": [entry.sop_class_uid]}
    extra = {tag: values[tag] for tag in _OPTIONAL if tag in values}
    series.below[entry.sop_instance_uid] = _Record(kind, reference | _said(values, _INSTANCE) | extra)


def _child(siblings: dict[str, _Record], name: str, kind: str, values: JsonDataset, keys: Mapping[str, str]) -> _Record:
    if name not in siblings:
        siblings[name] = _Record(kind, _said(values, keys))
    return siblings[name]


def _said(values: JsonDataset, keys: Mapping[str, str]) -> JsonDataset:
    return {tag: _element(values.get(tag), tag, default) for tag, default in keys.items()}


def _element(element: JsonElement | None, tag: str, default: str) -> JsonElement:
    if element is not None and element.get("Value"):
        return element
    return {"vr": _VRS[tag], "Value": [default]} if default else {"vr": _VRS[tag]}


def _text(values: JsonDataset, tag: str) -> str:
    element = values.get(tag)
    return str((element.get("Value") or [""])[0]) if element else ""


def _is_ascii(attributes: Mapping[str, JsonElement]) -> bool:
    return str(attributes).isascii()


def _data_set(roots: Mapping[str, _Record], header_length: int, file_set_id: str) -> bytes:
    front = _element_bytes(0x1130, "CS", file_set_id.encode("ascii").ljust(len(file_set_id) + len(file_set_id) % 2))
    front_length = len(front) + 2 * 12 + 10 + 12  # two UL, one US, and the header of the sequence
    records = [record for root in roots.values() for record in root.walk()]
    at = header_length + front_length
    for record in records:
        record.offset = at
        at += 8 + len(record.encoded)
    tops = list(roots.values())
    _link(tops)
    first, last = (tops[0].offset, tops[-1].offset) if tops else (0, 0)
    front += _element_bytes(0x1200, "UL", struct.pack("<I", first)) + _element_bytes(
        0x1202, "UL", struct.pack("<I", last)
    )
    front += _element_bytes(0x1212, "US", b"\0\0")
    items = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(one.encoded)) + one.encoded for one in records)
    return front + struct.pack("<HH2sHI", 0x0004, 0x1220, b"SQ", 0, len(items)) + items


def _link(siblings: list[_Record]) -> None:
    for index, record in enumerate(siblings):
        below = list(record.below.values())
        following = siblings[index + 1].offset if index + 1 < len(siblings) else 0
        _patch(record, _NEXT, following)
        _patch(record, _LOWER, below[0].offset if below else 0)
        _link(below)


def _patch(record: _Record, tag: str, offset: int) -> None:
    head = struct.pack("<HH2sH", 0x0004, int(tag[4:], 16), b"UL", 4)
    at = record.encoded.index(head) + len(head)
    record.encoded[at : at + 4] = struct.pack("<I", offset)


def _element_bytes(element: int, vr: str, value: bytes) -> bytes:
    return struct.pack("<HH2sH", 0x0004, element, vr.encode(), len(value)) + value


def _base_36(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[rest] + digits
    return digits
