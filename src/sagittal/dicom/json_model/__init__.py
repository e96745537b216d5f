"""The DICOM JSON Model (PS3.18 Annex F)."""

from sagittal.dicom.json_model.encoding import (
    DEFAULT_THRESHOLD,
    Bulk,
    encode,
    encode_elements,
    encode_elements_text,
)
from sagittal.dicom.json_model.model import JsonDataset, JsonElement, JsonPersonName, JsonValue
from sagittal.dicom.json_model.text import text_value

__all__ = [
    "DEFAULT_THRESHOLD",
    "Bulk",
    "JsonDataset",
    "JsonElement",
    "JsonPersonName",
    "JsonValue",
    "encode",
    "encode_elements",
    "encode_elements_text",
    "text_value",
]
