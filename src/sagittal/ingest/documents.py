"""What the Encapsulated Document Module says of a document, filled in from it (PS3.3 Section C.24.2)."""

from collections.abc import Mapping
from xml.parsers.expat import ExpatError, ParserCreate

from sagittal.dicom.json_model import JsonDataset
from sagittal.ingest.pixel_module import agree, value_of

HEAD_BYTES = 64 * 1024
"""Of a document, to look for its identifier in."""

_MIME_TYPE, _LENGTH, _HL7_INSTANCE_IDENTIFIER = "00420012", "00420015", "0040E001"
_CDA = "text/xml"
_DEFINED_TERMS: Mapping[str, str] = {_CDA: "text/XML"}  # PS3.3 Section A.45.2 writes it so


def fill_document(dataset: JsonDataset, essence: str, length: int, head: bytes) -> None:
    """Media type, length, and the identifier of a CDA document, where the metadata leaves them out.

    Args:
        dataset: filled.
        essence: media type of the document.
        length: bytes of it.
        head: its first HEAD_BYTES.
    """
    if essence not in ("", "application/octet-stream"):
        agree(dataset, _MIME_TYPE, "LO", (_DEFINED_TERMS.get(essence, essence), essence))
    agree(dataset, _LENGTH, "UL", (length,))
    if essence == _CDA and value_of(dataset, _HL7_INSTANCE_IDENTIFIER) is None:
        identifier = cda_identifier(head)
        if identifier:
            dataset[_HL7_INSTANCE_IDENTIFIER] = {"vr": "ST", "Value": [identifier]}


def cda_identifier(head: bytes) -> str:
    """`root^extension` of a CDA document by its head; "" if there is none.

    >>> cda_identifier(b'<ClinicalDocument xmlns="urn:hl7-org:v3"><id root="1.2" extension="x"/>')
    '1.2^x'
    """
    found: list[str] = []
    path: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        path.append(name.rpartition(" ")[2])
        if path == ["ClinicalDocument", "id"] and not found and attributes.get("root"):
            extension = attributes.get("extension", "")
            found.append(attributes["root"] + (f"^{extension}" if extension else ""))

    def stop(_name: str) -> None:
        path.pop()

    def refuse(*_: object) -> None:
        raise ExpatError("a document that declares entities")

    parser = ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler, parser.EntityDeclHandler = start, stop, refuse
    try:
        parser.Parse(head, False)
    except (ExpatError, ValueError, LookupError):
        return ""
    return found[0][:1024] if found else ""
