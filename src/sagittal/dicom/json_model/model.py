"""The types of a data set in the DICOM JSON Model (PS3.18 Section F.2)."""

from typing import NotRequired, TypeAlias, TypedDict


class JsonPersonName(TypedDict, total=False):
    """The component groups of a person name that are not empty (PS3.18 Section F.2.2)."""

    Alphabetic: str
    Ideographic: str
    Phonetic: str


JsonValue: TypeAlias = "str | int | float | JsonPersonName | JsonDataset | None"
"""One value; None is an empty one among several."""


class JsonElement(TypedDict):
    """An attribute: at most one of Value, InlineBinary and BulkDataURI, none if it is empty."""

    vr: str
    Value: NotRequired[list[JsonValue]]
    InlineBinary: NotRequired[str]
    BulkDataURI: NotRequired[str]


JsonDataset: TypeAlias = dict[str, JsonElement]
"""Attributes by tag, eight upper-case hexadecimal digits, in ascending order."""
