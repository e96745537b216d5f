"""The DICOM JSON Model (PS3.18 Annex F)."""

from sagittal.dicom.json_model.decoding import FetchBulk, decode, loads
from sagittal.dicom.json_model.encoding import (
    DEFAULT_THRESHOLD,
    ElementEncoder,
    encode,
    encode_elements,
    encode_elements_text,
)
from sagittal.dicom.json_model.model import JsonDataset, JsonElement, JsonPersonName, JsonValue
from sagittal.dicom.json_model.projection import merge, project
from sagittal.dicom.json_model.text import text_value
from sagittal.dicom.json_model.walk import Bulk

__all__ = [
    "DEFAULT_THRESHOLD",
    "Bulk",
    "ElementEncoder",
    "FetchBulk",
    "JsonDataset",
    "JsonElement",
    "JsonPersonName",
    "JsonValue",
    "decode",
    "encode",
    "encode_elements",
    "encode_elements_text",
    "loads",
    "merge",
    "project",
    "text_value",
]
