"""An XML document of the Native DICOM Model back to a data set of the DICOM JSON Model (PS3.19 Section A.1.5).

What comes is from outside. A document type declaration is refused, and with it every entity; depth, elements and text
are capped. Element names are taken with any prefix or none, since senders of the field leave the namespace out.
"""

import re
from typing import NamedTuple
from xml.parsers import expat

from sagittal.dicom.dataset.limits import DEFAULT_LIMITS, Limits
from sagittal.dicom.json_model import JsonDataset, JsonElement, JsonPersonName, JsonValue
from sagittal.dicom.registry import tag_of, vr_of
from sagittal.dicom.xml_model.encoding import NAME_COMPONENTS, NAME_GROUPS
from sagittal.errors import Exhausted, Invalid

_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_LEVELS_PER_ITEM = 2  # DicomAttribute and Item
_OTHER_LEVELS = 8
_MAX_VALUES = 1_000_000


class _Node(NamedTuple):
    name: str
    attributes: dict[str, str]
    children: "list[_Node]"
    text: list[str]

    @property
    def content(self) -> str:
        return "".join(self.text)


def decode(document: bytes, *, limits: Limits = DEFAULT_LIMITS) -> JsonDataset:
    """The data set; its values are checked when it is encoded, as those of JSON are.

    Raises:
        Invalid: it is no XML, has a document type declaration, or is not of the Native DICOM Model.
        Exhausted: beyond `limits`.
    """
    root = _Tree(limits).parse(document)
    if root.name != "NativeDicomModel":
        raise Invalid("application/dicom+xml is to be a NativeDicomModel; got another element")
    return _dataset(root)


class _Tree:
    """The elements of a document."""

    def __init__(self, limits: Limits) -> None:
        self._max_depth = limits.max_depth * _LEVELS_PER_ITEM + _OTHER_LEVELS
        self._room = limits.max_elements + _MAX_VALUES
        self._root: _Node | None = None
        self._open: list[_Node] = []

    def parse(self, document: bytes) -> _Node:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = self._doctype
        try:
            parser.Parse(document, True)
        except (expat.ExpatError, ValueError) as error:
            raise Invalid(f"application/dicom+xml is to be XML text; {error}") from error
        if self._root is None:
            raise Invalid("application/dicom+xml is to be a NativeDicomModel; got nothing")
        return self._root

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._room -= 1
        if self._room < 0 or len(self._open) >= self._max_depth:
            raise Exhausted("an XML document has more elements, or more of them inside each other, than a data set may")
        node = _Node(name.rpartition(":")[2], attributes, [], [])
        if self._open:
            self._open[-1].children.append(node)
        else:
            self._root = node
        self._open.append(node)

    def _end(self, _name: str) -> None:
        self._open.pop()

    def _characters(self, text: str) -> None:
        self._open[-1].text.append(text)

    def _doctype(self, *_declared: object) -> None:
        raise Invalid("application/dicom+xml has no document type declaration; got one")


def _dataset(parent: _Node) -> JsonDataset:
    dataset: JsonDataset = {}
    for node in parent.children:
        if node.name != "DicomAttribute":
            raise Invalid(f"a {parent.name} holds DicomAttribute elements; got another element")
        tag = _tag(node)
        if tag in dataset:
            raise Invalid(f"{tag} comes twice in a {parent.name}")
        dataset[tag] = _element(node, tag)
    return dataset


def _tag(node: _Node) -> str:
    text = node.attributes.get("tag", "")
    if _TAG.fullmatch(text):
        return text.upper()
    number = tag_of(node.attributes.get("keyword", "")) if not text else None
    if number is None:
        raise Invalid("a DicomAttribute has a tag of eight hexadecimal digits; got another form")
    return f"{number:08X}"


def _element(node: _Node, tag: str) -> JsonElement:
    vr = node.attributes.get("vr") or vr_of(int(tag, 16))
    element: JsonElement = {"vr": vr}
    values: list[JsonValue] = []
    for child in node.children:
        match child.name:
            case "BulkData":
                element["BulkDataURI"] = child.attributes.get("uri") or child.attributes.get("uuid", "")
            case "InlineBinary":
                element["InlineBinary"] = re.sub(r"\s+", "", child.content)
            case "Item":
                _put(values, child, _dataset(child))
            case "PersonName":
                _put(values, child, _person_name(child))
            case "Value":
                _put(values, child, child.content)
            case _:
                raise Invalid(f"{tag} holds an element that PS3.19 does not know")
    if values:
        element["Value"] = values
    return element


def _put(values: list[JsonValue], node: _Node, value: JsonValue) -> None:
    """Puts a value at its number, counted from 1; numbers left out are empty values."""
    text = node.attributes.get("number", str(len(values) + 1))
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 0
    if not len(values) < number <= len(values) + 65_536:
        raise Invalid(f"the numbers of {node.name} elements begin at 1 and rise; got another order")
    values.extend([None] * (number - 1 - len(values)))
    values.append(value)


def _person_name(node: _Node) -> JsonPersonName:
    name: JsonPersonName = {}
    for group in node.children:
        if group.name not in NAME_GROUPS:
            raise Invalid("a PersonName holds Alphabetic, Ideographic and Phonetic; got another element")
        parts = {component.name: component.content for component in group.children}
        text = "^".join(parts.get(component, "") for component in NAME_COMPONENTS).rstrip("^")
        if text:
            name[group.name] = text  # type: ignore[literal-required]  # one of NAME_GROUPS
    return name
