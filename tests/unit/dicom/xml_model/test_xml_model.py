"""The Native DICOM Model: round trips, and what hostile or sloppy documents come to."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagittal.dicom.json_model import JsonDataset
from sagittal.dicom.xml_model import decode, encode
from sagittal.errors import Exhausted, Invalid, SagittalError

DATASET: JsonDataset = {
    "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
    "00080008": {"vr": "CS", "Value": ["ORIGINAL", "PRIMARY"]},
    "00091010": {"vr": "LO", "Value": ["x"]},
    "00090010": {"vr": "LO", "Value": ["ACME 1"]},
    "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Yamada^Tarou^^Dr", "Ideographic": "山田^太郎"}]},
    "00100030": {"vr": "DA"},
    "00400275": {"vr": "SQ", "Value": [{"00400009": {"vr": "SH", "Value": ["A & <B>\r\n\"'"]}}, {}]},
    "00420011": {"vr": "OB", "InlineBinary": "AAEC"},
    "7FE00010": {"vr": "OW", "BulkDataURI": "http://h/b?a=1&b=2"},
}


def test_a_data_set_comes_back_as_it_went() -> None:
    assert decode(encode(DATASET)) == DATASET


def test_a_document_is_in_the_namespace_and_order_of_the_standard() -> None:
    root = ET.fromstring(encode(DATASET))
    namespace = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"
    assert root.tag == f"{namespace}NativeDicomModel"
    tags = [node.attrib["tag"] for node in root]
    assert tags == sorted(DATASET)
    private = next(node for node in root if node.attrib["tag"] == "00091010")
    assert private.attrib["privateCreator"] == "ACME 1"
    family = root.find(f".//{namespace}Ideographic/{namespace}FamilyName")
    assert family is not None
    assert family.text == "山田"


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=30))
def test_any_text_gives_a_document_that_can_be_read(text: str) -> None:
    back = decode(encode({"00104000": {"vr": "LT", "Value": [text]}}))
    kept = back["00104000"]["Value"][0]
    assert isinstance(kept, str)
    assert len(kept) == len(text)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        decode(data)
    except SagittalError:
        pass


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<a/>",
        b"<NativeDicomModel><Value/></NativeDicomModel>",
        b"<NativeDicomModel><DicomAttribute vr='LO'/></NativeDicomModel>",
        b"<NativeDicomModel><DicomAttribute tag='1' vr='LO'/></NativeDicomModel>",
        b"<NativeDicomModel><DicomAttribute tag='00100020' vr='LO'><X/></DicomAttribute></NativeDicomModel>",
        b"<NativeDicomModel><DicomAttribute tag='00100020'><Value number='9999999'/></DicomAttribute></NativeDicomModel>",
        b"<!DOCTYPE x [<!ENTITY a 'b'>]><NativeDicomModel>&a;</NativeDicomModel>",
    ],
)
def test_what_is_not_of_the_model_is_refused(document: bytes) -> None:
    with pytest.raises(Invalid):
        decode(document)


def test_a_document_deeper_than_a_data_set_may_be_is_refused() -> None:
    with pytest.raises(Exhausted):
        decode(b"<NativeDicomModel>" + b"<DicomAttribute tag='00400275' vr='SQ'><Item>" * 200)


def test_a_keyword_stands_for_a_tag_and_a_prefix_is_passed_over() -> None:
    document = (
        b"<n:NativeDicomModel xmlns:n='x'><n:DicomAttribute keyword='PatientID'>"
        b"<n:Value number='1'>P</n:Value></n:DicomAttribute></n:NativeDicomModel>"
    )
    assert decode(document) == {"00100020": {"vr": "LO", "Value": ["P"]}}
