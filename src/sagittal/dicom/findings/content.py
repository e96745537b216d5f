"""Content items of structured reports (PS3.3 Section C.17.3) and what every instance made here begins with."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sagittal.dicom.json_model import JsonDataset, JsonElement

MANUFACTURER = "Sagittal"

_OF_STUDY = (
    *("00080020", "00080030", "00080050", "00080090", "00081030", "00100010", "00100020", "00100021", "00100030"),
    *("00100040", "0020000D", "00200010"),
)
_EMPTY_OF_STUDY: Mapping[str, str] = {
    "00080020": "DA",
    "00080030": "TM",
    "00080050": "SH",
    "00080090": "PN",
    "00100010": "PN",
    "00100020": "LO",
    "00100030": "DA",
    "00100040": "CS",
    "00200010": "SH",
}


class Code(NamedTuple):
    """A coded concept (PS3.3 Section 8.8)."""

    value: str
    scheme: str
    meaning: str


class Image(NamedTuple):
    """A frame that is referred to; `frame` is 0 for an instance that has one."""

    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    frame: int = 0


class Making(NamedTuple):
    """Of which study, by whom and when an instance is made.

    Attributes:
        study: a data set of the study, whose patient and study it gets.
        series_uid, instance_uid: its own, new ones.
        date, time: DA and TM.
        author: person name; `""` if nobody is named.
    """

    study: JsonDataset
    series_uid: str
    instance_uid: str
    date: str
    time: str
    author: str = ""


def element(vr: str, *values: object) -> JsonElement:
    """An element of DICOM JSON; empty without values."""
    if not values:
        return {"vr": vr}
    shown = [{"Alphabetic": value} for value in values] if vr == "PN" else list(values)
    return {"vr": vr, "Value": shown}  # type: ignore[typeddict-item]  # values as PS3.18 Annex F has them for that VR


def items(*datasets: JsonDataset) -> JsonElement:
    """A sequence."""
    return element("SQ", *datasets)


def coded(code: Code) -> JsonElement:
    """A sequence of one code."""
    return items(
        {
            "00080100": element("SH", code.value),
            "00080102": element("SH", code.scheme),
            "00080104": element("LO", code.meaning),
        }
    )


def head(making: Making, sop_class_uid: str, modality: str, series: tuple[int, str]) -> JsonDataset:
    """Patient, study, series, equipment and SOP common of a new instance; `series` is its number and description."""
    found = {tag: making.study[tag] for tag in _OF_STUDY if tag in making.study}
    found |= {tag: element(vr) for tag, vr in _EMPTY_OF_STUDY.items() if tag not in found}
    return found | {
        "00080005": element("CS", "ISO_IR 192"),
        "00080016": element("UI", sop_class_uid),
        "00080018": element("UI", making.instance_uid),
        "00080012": element("DA", making.date),
        "00080013": element("TM", making.time),
        "00080060": element("CS", modality),
        "0008103E": element("LO", series[1]),
        "00080021": element("DA", making.date),
        "00080031": element("TM", making.time),
        "0020000E": element("UI", making.series_uid),
        "00200011": element("IS", series[0]),
        "00200013": element("IS", 1),
        "00080070": element("LO", MANUFACTURER),
        "00081090": element("LO", "Light viewer"),
    }


def item(relation: str, kind: str, name: Code, **more: JsonElement) -> JsonDataset:
    """A content item; names in `more` are tags with a `t` before them."""
    return {
        "0040A010": element("CS", relation),
        "0040A040": element("CS", kind),
        "0040A043": coded(name),
        **{tag.removeprefix("t"): value for tag, value in more.items()},
    }


def container(relation: str, name: Code, *children: JsonDataset, template: str = "") -> JsonDataset:
    """A CONTAINER; `""` as relation is the root of a document, which has none."""
    made = item(relation, "CONTAINER", name, t0040A050=element("CS", "SEPARATE"), t0040A730=items(*children))
    if template:
        made["0040A504"] = items({"00080105": element("CS", "DCMR"), "0040DB00": element("CS", template)})
    if not relation:
        del made["0040A010"]
    return made


def code_item(relation: str, name: Code, value: Code) -> JsonDataset:
    """A CODE."""
    return item(relation, "CODE", name, t0040A168=coded(value))


def image_item(relation: str, image: Image) -> JsonDataset:
    """An IMAGE, which has no name here."""
    made = item(relation, "IMAGE", _NO_NAME, t00081199=items(referenced(image)))
    del made["0040A043"]
    return made


def referenced(image: Image) -> JsonDataset:
    """An item that names an instance, and its frame if it has several."""
    found = {"00081150": element("UI", image.sop_class_uid), "00081155": element("UI", image.sop_instance_uid)}
    return found | ({"00081160": element("IS", image.frame)} if image.frame else {})


def evidence(study_uid: str, images: Sequence[Image]) -> JsonElement:
    """Current Requested Procedure Evidence Sequence (PS3.3 Table C.17-3), each instance once."""
    by_series: dict[str, dict[str, Image]] = {}
    for image in images:
        by_series.setdefault(image.series_instance_uid, {})[image.sop_instance_uid] = image._replace(frame=0)
    series: list[JsonDataset] = [
        {"0020000E": element("UI", uid), "00081199": items(*(referenced(image) for image in found.values()))}
        for uid, found in by_series.items()
    ]
    return items({"0020000D": element("UI", study_uid), "00081115": items(*series)})


def observer(author: str) -> tuple[JsonDataset, ...]:
    """The person who observes (PS3.16 TID 1002)."""
    if not author:
        return ()
    person = code_item("HAS OBS CONTEXT", Code("121005", "DCM", "Observer Type"), Code("121006", "DCM", "Person"))
    name = Code("121008", "DCM", "Person Observer Name")
    return person, item("HAS OBS CONTEXT", "PNAME", name, t0040A123=element("PN", author))


_NO_NAME = Code("", "", "")
