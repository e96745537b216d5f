"""Reads a data set as encoded: file meta information, the elements before the pixels, and where everything lies."""

from sagittal.dicom.dataset.elements import Buffer, Header, PixelData, RawElement
from sagittal.dicom.dataset.file_meta import FileMeta, NeedMore
from sagittal.dicom.dataset.header import HeaderReader, read_header
from sagittal.dicom.dataset.limits import DEFAULT_LIMITS, Limits
from sagittal.dicom.dataset.memory import HeaderMemory
from sagittal.dicom.dataset.part10 import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    make_file_header,
    read_file_meta,
)
from sagittal.dicom.dataset.reencode import Reencoder, is_reencodable, reencode

__all__ = [
    "DEFAULT_LIMITS",
    "IMPLEMENTATION_CLASS_UID",
    "IMPLEMENTATION_VERSION_NAME",
    "Buffer",
    "FileMeta",
    "Header",
    "HeaderMemory",
    "HeaderReader",
    "Limits",
    "NeedMore",
    "PixelData",
    "RawElement",
    "Reencoder",
    "is_reencodable",
    "make_file_header",
    "read_file_meta",
    "read_header",
    "reencode",
]
