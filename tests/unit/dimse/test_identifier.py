"""Identifiers of requests, written by pydicom."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from sagittal.dicom.matching import Key
from sagittal.dimse.identifier import parse_identifier
from sagittal.errors import Invalid, SagittalError
from sagittal.find import Level

EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"


def encoded(*, is_implicit: bool = True, **keys: object) -> bytes:
    stream = BytesIO()
    dataset(**keys).save_as(stream, implicit_vr=is_implicit, little_endian=True)
    return stream.getvalue()


def dataset(**keys: object) -> Dataset:
    made = Dataset()
    for keyword, value in keys.items():
        setattr(made, keyword, value)
    return made


@pytest.mark.parametrize(("is_implicit", "syntax"), [(True, IMPLICIT), (False, EXPLICIT)])
def test_keys_come_with_their_values_as_text(is_implicit: bool, syntax: str) -> None:
    data = encoded(
        is_implicit=is_implicit,
        QueryRetrieveLevel="STUDY",
        StudyInstanceUID=["1.2", "1.3"],
        StudyDate="20260101-",
        PatientID="",
        SeriesNumber=7,
        Rows=512,
        RequestAttributesSequence=[dataset(ScheduledProcedureStepID="7"), dataset(ScheduledProcedureStepID="8")],
        ProcedureCodeSequence=[],
    )
    identifier = parse_identifier(data, syntax, "study")
    assert identifier.level is Level.STUDY
    assert identifier.character_set == ()
    assert identifier.values(0x0020000D) == ("1.2", "1.3")
    assert identifier.values(0x00100020) == identifier.values(0x00100010) == ()
    assert identifier.keys == (
        Key((0x00080020,), "DA", ("20260101-",)),
        Key((0x00080052,), "CS", ("STUDY",)),
        Key((0x00081032,), "SQ", ()),
        Key((0x00100020,), "LO", ()),
        Key((0x0020000D,), "UI", ("1.2", "1.3")),
        Key((0x00200011,), "IS", ("7",)),
        Key((0x00280010,), "US", ("512",)),
        Key((0x00400275, 0x00400009), "SH", ("7",)),
    )


def test_names_are_read_in_the_identifiers_character_set() -> None:
    data = encoded(SpecificCharacterSet="ISO_IR 192", QueryRetrieveLevel="PATIENT", PatientName="Müller*=山=")
    identifier = parse_identifier(data, IMPLICIT, "patient")
    assert identifier.character_set == ("ISO_IR 192",)
    assert identifier.keys[-1] == Key((0x00100010,), "PN", ("Müller*=山",))
    assert all(key.path != (0x00080005,) for key in identifier.keys)


@pytest.mark.parametrize("level", ["", "PATIENT", "STUDIES", "STUDY\\SERIES"])
def test_a_level_that_the_model_does_not_have_is_invalid(level: str) -> None:
    with pytest.raises(Invalid, match="Query/Retrieve Level"):
        parse_identifier(encoded(QueryRetrieveLevel=level.split("\\") if level else ""), IMPLICIT, "study")


@given(st.binary(max_size=200), st.sampled_from([IMPLICIT, EXPLICIT, "1.2.840.10008.1.2.2"]))
def test_arbitrary_bytes_are_an_identifier_or_a_failure_that_we_name(data: bytes, syntax: str) -> None:
    try:
        parse_identifier(data, syntax, "study")
    except SagittalError:
        pass
