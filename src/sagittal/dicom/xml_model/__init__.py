"""The Native DICOM Model: data sets as XML (PS3.19 Section A.1), for `application/dicom+xml` (PS3.18 Section 8.7.4)."""

from sagittal.dicom.xml_model.decoding import decode
from sagittal.dicom.xml_model.encoding import encode

__all__ = ["decode", "encode"]
