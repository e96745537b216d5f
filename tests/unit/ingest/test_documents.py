"""The identifier of a CDA document, whatever the document is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagittal.ingest.documents import cda_identifier

V3 = b'xmlns="urn:hl7-org:v3"'


@pytest.mark.parametrize(
    ("head", "identifier"),
    [
        (b"<ClinicalDocument %s><typeId root='9'/><id root='1.2' extension='a'/><id root='3'/>" % V3, "1.2^a"),
        (b"<h:ClinicalDocument xmlns:h='urn:hl7-org:v3'><h:id root='1.2'/></h:ClinicalDocument>", "1.2"),
        (b"<ClinicalDocument %s><author><id root='1.2'/></author>" % V3, ""),
        (b"<ClinicalDocument %s><id nullFlavor='UNK'/>" % V3, ""),
        (b"<!DOCTYPE d [<!ENTITY e 'x'>]><ClinicalDocument><id root='&e;'/></ClinicalDocument>", ""),
        (b"<?xml version='1.0' encoding='no-such'?><ClinicalDocument><id root='1'/>", ""),
        (b"%PDF-1.7", ""),
    ],
)
def test_the_identifier_is_that_of_the_document(head: bytes, identifier: str) -> None:
    assert cda_identifier(head) == identifier


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_have_an_identifier_or_none(data: bytes, is_document: bool) -> None:
    assert isinstance(cda_identifier(b"<ClinicalDocument><id root='" * is_document + data), str)
