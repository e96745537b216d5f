"""Key Object Selections that reject what they name: PS3.3 Section C.17.6, IHE RAD TF-3 (IOCM)."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from sagittal.dicom import json_model
from sagittal.dicom.dataset import read_header
from sagittal.dicom.json_model import JsonDataset
from sagittal.errors import Exhausted, Unsupported
from sagittal.imaging.render.attributes import items, text
from sagittal.lifecycle.reasons import REASONS

KEY_OBJECT_SELECTION: Final = "1.2.840.10008.5.1.4.1.1.88.59"
MAX_BYTES: Final = 8 << 20
"""Of one: some 50,000 names."""

_TITLE, _CODE, _SCHEME = "0040A043", "00080100", "00080102"
_EVIDENCE, _SERIES, _INSTANCES = "0040A375", "00081115", "00081199"
_STUDY_UID, _SERIES_UID, _INSTANCE_UID = "0020000D", "0020000E", "00081155"
_WANTED: Final = frozenset({0x00080005, 0x0040A043, 0x0040A375})


class Reference(NamedTuple):
    """An instance as somebody names it."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str


class RejectionNote(NamedTuple):
    """What one says.

    Attributes:
        reason: Code Value of PS3.16 CID 7011.
        references: what is rejected, in its order, each once.
    """

    reason: str
    references: tuple[Reference, ...]


def rejection_note(data: bytes, transfer_syntax_uid: str) -> RejectionNote | None:
    """What the data set of a Key Object Selection rejects; None if its Document Title is another.

    Raises:
        Invalid: it is no data set.
        Unsupported: it is larger than MAX_BYTES, or nested too deep.
    """
    if len(data) > MAX_BYTES:
        raise Unsupported(f"a Key Object Selection is larger than {MAX_BYTES} bytes")
    try:
        header = read_header(data, transfer_syntax_uid, _WANTED)
        said = json_model.encode_elements(header.elements, header.encoding)
    except Exhausted as error:
        raise Unsupported(f"a Key Object Selection goes beyond what is read: {error}") from error
    reason = next((text(title, _CODE) for title in items(said, _TITLE) if text(title, _SCHEME) == "DCM"), "")
    return RejectionNote(reason, tuple(dict.fromkeys(_references(said)))) if reason in REASONS else None


def _references(said: JsonDataset) -> Iterator[Reference]:
    """The Current Requested Procedure Evidence Sequence: it has to name all that the content tree does."""
    for study in items(said, _EVIDENCE):
        for series in items(study, _SERIES):
            for instance in items(series, _INSTANCES):
                found = Reference(text(study, _STUDY_UID), text(series, _SERIES_UID), text(instance, _INSTANCE_UID))
                if all(found):
                    yield found
