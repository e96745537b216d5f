"""A data set of the DICOM JSON Model as an XML document of the Native DICOM Model (PS3.19 Section A.1.5)."""

import re
from xml.sax.saxutils import escape, quoteattr

from sagittal.dicom.json_model import JsonDataset, JsonElement, JsonValue
from sagittal.dicom.registry import is_private, is_private_creator, keyword_of

NAMESPACE = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
NAME_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
NAME_COMPONENTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")

# What XML 1.0 cannot hold at all, not even escaped: control characters, lone surrogates, two noncharacters.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def encode(dataset: JsonDataset) -> bytes:
    """The document, in UTF-8. Characters that XML does not have become U+FFFD.

    >>> encode({"00100020": {"vr": "LO", "Value": ["A<1"]}}).decode()[-96:-20]
    'vr="LO" keyword="PatientID"><Value number="1">A&lt;1</Value></DicomAttribute'
    """
    out = [f'<?xml version="1.0" encoding="UTF-8"?><NativeDicomModel xmlns="{NAMESPACE}" xml:space="preserve">']
    _attributes(dataset, out)
    out.append("</NativeDicomModel>")
    return "".join(out).encode()


def _attributes(dataset: JsonDataset, out: list[str]) -> None:
    for tag in sorted(dataset):
        element = dataset[tag]
        out.append(f'<DicomAttribute tag="{tag}" vr="{element["vr"]}"{_names(tag, dataset)}>')
        _content(element, out)
        out.append("</DicomAttribute>")


def _names(tag: str, dataset: JsonDataset) -> str:
    number = int(tag, 16)
    if is_private(number) and not is_private_creator(number):
        block = dataset.get(f"{number >> 16:04X}00{(number >> 8) & 0xFF:02X}")
        creator = block.get("Value", []) if block else []
        return f" privateCreator={_quoted(str(creator[0]))}" if creator else ""
    keyword = keyword_of(number)
    return f' keyword="{keyword}"' if keyword else ""


def _content(element: JsonElement, out: list[str]) -> None:
    if "BulkDataURI" in element:
        out.append(f"<BulkData uri={_quoted(element['BulkDataURI'])}/>")
    elif "InlineBinary" in element:
        out.append(f"<InlineBinary>{_text(element['InlineBinary'])}</InlineBinary>")
    is_sequence, is_name = element["vr"] == "SQ", element["vr"] == "PN"
    for number, value in enumerate(element.get("Value", []), 1):
        if is_sequence:
            out.append(f'<Item number="{number}">')
            _attributes(value if isinstance(value, dict) else {}, out)  # type: ignore[arg-type]  # of an SQ: data sets
            out.append("</Item>")
        elif is_name:
            out.append(f'<PersonName number="{number}">{_person_name(value)}</PersonName>')
        elif value is not None:
            out.append(f'<Value number="{number}">{_text(str(value))}</Value>')


def _person_name(value: JsonValue) -> str:
    groups = value if isinstance(value, dict) else {"Alphabetic": str(value or "")}
    out = []
    for group in NAME_GROUPS:
        text = str(groups.get(group) or "")
        if text:
            components = zip(NAME_COMPONENTS, text.split("^", len(NAME_COMPONENTS) - 1), strict=False)
            inner = "".join(f"<{name}>{_text(part)}</{name}>" for name, part in components if part)
            out.append(f"<{group}>{inner}</{group}>")
    return "".join(out)


def _text(text: str) -> str:
    # A carriage return as it is would be read back as a line feed.
    return escape(_NOT_XML.sub("\ufffd", text), {"\r": "&#13;"})


def _quoted(text: str) -> str:
    return quoteattr(_NOT_XML.sub("\ufffd", text))
