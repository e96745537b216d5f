"""The identifiers of C-FIND answers, read by pydicom."""

from io import BytesIO

import pydicom
import pytest

from sagittal.dicom.matching import Key
from sagittal.dimse.identifier import Identifier
from sagittal.dimse.querying import encode_answer
from sagittal.find import Found, Level

EXPLICIT = "1.2.840.10008.1.2.1"
PATIENT_NAME = Key((0x00100010,), "PN")


def answer(name: str, *character_set: str) -> pydicom.Dataset:
    found = Found(f'"00100010":{{"vr":"PN","Value":[{{"Alphabetic":"{name}"}}]}}', "")
    identifier = Identifier(level=Level.STUDY, keys=(PATIENT_NAME,), character_set=character_set)
    data = encode_answer(found, identifier, "AET", EXPLICIT)
    return pydicom.dcmread(BytesIO(data), force=True)


@pytest.mark.parametrize(
    ("name", "asked", "told"),
    [
        ("Doe^Jane", ("ISO_IR 999",), None),
        ("M\u00fcller", ("ISO_IR 999",), "ISO_IR 192"),
        ("M\u00fcller", ("ISO-IR 100",), "ISO_IR 100"),
        ("M\u00fcller", ("windows-1252",), "ISO_IR 192"),
        ("\u5c71\u7530", ("ISO_IR 100",), "ISO_IR 192"),
        ("\ufffd", ("ISO_IR 100",), "ISO_IR 192"),
    ],
)
def test_an_answer_is_in_a_character_set_that_the_standard_defines(
    name: str, asked: tuple[str, ...], told: str | None
) -> None:
    read = answer(name, *asked)
    assert read.get("SpecificCharacterSet") == told
    assert read.PatientName == name
