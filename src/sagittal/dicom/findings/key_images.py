"""Key images as a Key Object Selection (PS3.3 Section A.35.4, PS3.16 TID 2010)."""

from collections.abc import Iterator, Sequence
from typing import Final

from sagittal.dicom.findings import content, reading
from sagittal.dicom.findings.content import Code, Image, Making, element, items
from sagittal.dicom.findings.measurements import code_item_of_language
from sagittal.dicom.json_model import JsonDataset

SOP_CLASS_UID: Final = "1.2.840.10008.5.1.4.1.1.88.59"
_OF_INTEREST = Code("113000", "DCM", "Of Interest")
_NOT_SHOWN: Final = frozenset({"113001", "113037", "113038", "113039"})
"""Titles that say that the images are not to be used: rejected ones (PS3.16 CID 7011)."""


def selection(making: Making, images: Sequence[Image]) -> JsonDataset:
    """The document."""
    named = [content.image_item("CONTAINS", image) for image in images]
    language = code_item_of_language()
    root = content.container("", _OF_INTEREST, language, *content.observer(making.author), *named, template="2010")
    study_uid = str(making.study["0020000D"]["Value"][0])
    return (
        content.head(making, SOP_CLASS_UID, "KO", (991, "Key images"))
        | root
        | {
            "00080023": element("DA", making.date),
            "00080033": element("TM", making.time),
            "00081111": items(),
            "0040A375": content.evidence(study_uid, images),
        }
    )


def images_in(dataset: JsonDataset) -> Iterator[Image]:
    """The images that a selection names, unless it names them as rejected."""
    if reading.code(dataset, "0040A043") in _NOT_SHOWN:
        return
    for child in reading.items(dataset, "0040A730"):
        reference = reading.first(child, "00081199")
        if reading.text(child, "0040A040") == "IMAGE" and reference is not None:
            uids = reading.text(reference, "00081150"), reading.text(reference, "00081155")
            yield Image(*uids, "", reading.frame_of(reference))
