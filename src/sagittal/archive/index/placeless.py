"""Instances that belong to no patient and no study: hanging protocols, colour palettes, implant templates, protocols.

PS3.4 Annex GG has them stored by themselves. They are kept and found like all others: where the data set names no study
and series, it gets one study for all of them and a series for its class, the same everywhere and for ever. The bytes
stay as they came.
"""

import msgspec
from blake3 import blake3

from sagittal.archive.index.attributes import SERIES_INSTANCE_UID, SOP_CLASS_UID, STUDY_INSTANCE_UID
from sagittal.dicom.dataset import Header, RawElement

PLACELESS: frozenset[str] = frozenset(
    {
        "1.2.840.10008.5.1.4.38.1",  # Hanging Protocol
        "1.2.840.10008.5.1.4.39.1",  # Color Palette
        "1.2.840.10008.5.1.4.43.1",  # Generic Implant Template
        "1.2.840.10008.5.1.4.44.1",  # Implant Assembly Template
        "1.2.840.10008.5.1.4.45.1",  # Implant Template Group
        "1.2.840.10008.5.1.4.1.1.200.1",  # CT Defined Procedure Protocol
        "1.2.840.10008.5.1.4.1.1.200.3",  # Protocol Approval
        "1.2.840.10008.5.1.4.1.1.200.7",  # XA Defined Procedure Protocol
        "1.2.840.10008.5.1.4.1.1.201.1",  # Inventory
    }
)
"""Storage SOP Classes of the Non-Patient Object Storage Service (PS3.4 Table GG.3-1)."""


def placed(header: Header, announced_class: str) -> Header:
    """The header with a study and a series, if it is of an instance that has none by its nature."""
    element = header.elements.get(SOP_CLASS_UID)
    sop_class = element.value.decode("ascii", "replace").strip("\0 ") if element else announced_class
    if sop_class not in PLACELESS:
        return header
    own = {STUDY_INSTANCE_UID: _uid("study"), SERIES_INSTANCE_UID: _uid(sop_class)}
    given = {tag: element for tag, element in header.elements.items() if tag not in own or element.value.strip(b"\0 ")}
    return msgspec.structs.replace(header, elements=own | given)


def _uid(name: str) -> RawElement:
    """A UID made from a name (PS3.5 Section B.2)."""
    digest = blake3(f"sagittal non-patient objects: {name}".encode()).digest(length=16)
    return RawElement("UI", f"2.25.{int.from_bytes(digest, 'big')}".encode())
