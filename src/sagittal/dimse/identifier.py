"""The identifier of a query or retrieve request: level, keys and what is wanted back (PS3.4 Section C.4.1.1.3)."""

import base64
from collections.abc import Iterator
from typing import Final

import msgspec

from sagittal.dicom import character_sets, json_model
from sagittal.dicom.dataset import Limits
from sagittal.dicom.json_model import JsonDataset, JsonElement
from sagittal.dicom.matching import Key
from sagittal.dimse.negotiation import Root
from sagittal.errors import Invalid
from sagittal.find import Level

MAX_IDENTIFIER_BYTES: Final = 1_048_576

SPECIFIC_CHARACTER_SET: Final = 0x00080005
QUERY_RETRIEVE_LEVEL: Final = 0x00080052
RETRIEVE_AET: Final = 0x00080054
INSTANCE_AVAILABILITY: Final = 0x00080056
TIMEZONE_OFFSET: Final = 0x00080201
_QUERY_VIEW: Final = 0x00080053
# Not attributes of what is looked for: they say how the identifier is to be read, or are told in every answer.
NOT_MATCHED: Final = frozenset(
    {SPECIFIC_CHARACTER_SET, QUERY_RETRIEVE_LEVEL, _QUERY_VIEW, RETRIEVE_AET, INSTANCE_AVAILABILITY, TIMEZONE_OFFSET}
)
_LIMITS: Final = Limits(max_depth=8, max_elements=20_000, max_inflated_bytes=MAX_IDENTIFIER_BYTES)


class Identifier(msgspec.Struct, frozen=True, kw_only=True):
    """A request's identifier.

    Attributes:
        keys: one for each attribute, without values if it is only wanted back.
        character_set: terms of (0008,0005).
    """

    level: Level
    keys: tuple[Key, ...]
    character_set: tuple[str, ...]

    def values(self, tag: int) -> tuple[str, ...]:
        """Of a key, those that are not empty."""
        return next((tuple(filter(None, key.values)) for key in self.keys if key.path == (tag,)), ())


def parse_identifier(data: bytes, transfer_syntax_uid: str, root: Root) -> Identifier:
    """The identifier in an encoded data set.

    Relational queries are understood whether or not they were negotiated.

    Raises:
        Invalid: it is malformed or has no level of the information model.
    """
    dataset: JsonDataset = msgspec.json.decode(json_model.encode(data, transfer_syntax_uid, limits=_LIMITS))
    said = "".join(_texts(dataset.get(f"{QUERY_RETRIEVE_LEVEL:08X}", {"vr": "CS"})))
    if said not in set(Level) or (root == "study" and said == Level.PATIENT):
        raise Invalid(f"Query/Retrieve Level (0008,0052) {said[:16]!r} is not one of the {root} root")
    terms = _texts(dataset.get(f"{SPECIFIC_CHARACTER_SET:08X}", {"vr": "CS"}))
    sets = character_sets.parse("\\".join(terms).encode("ascii", "replace"))
    return Identifier(
        level=Level(said),
        keys=tuple(key for key in _keys(dataset, (), sets) if key.path[0] not in {SPECIFIC_CHARACTER_SET, _QUERY_VIEW}),
        character_set=sets,
    )


def _keys(dataset: JsonDataset, above: tuple[int, ...], sets: tuple[str, ...]) -> Iterator[Key]:
    for name, element in dataset.items():
        path = (*above, int(name, 16))
        # the first item holds the keys (PS3.4 Section C.2.2.2.6)
        item = next((value for value in element.get("Value", []) if element["vr"] == "SQ"), None)
        if isinstance(item, dict) and item:
            yield from _keys(item, path, sets)  # type: ignore[arg-type]  # an item of SQ is a data set: JsonValue cannot say so
        elif "InlineBinary" in element:
            value = base64.b64decode(element["InlineBinary"])
            text = character_sets.decode(value, "LO", sets).strip(" \0")
            yield Key(path, element["vr"], tuple(text.split("\\")), value)
        else:
            yield Key(path, element["vr"], _texts(element))


def _texts(element: JsonElement) -> tuple[str, ...]:
    """The values as a key has them: component groups of names joined by "=", numbers as digits."""
    return tuple(_text(value) for value in element.get("Value", []) if element["vr"] != "SQ")


def _text(value: object) -> str:
    if isinstance(value, dict):
        groups = [str(value.get(group, "")) for group in ("Alphabetic", "Ideographic", "Phonetic")]
        return "=".join(groups).rstrip("=")
    return "" if value is None else str(value)
