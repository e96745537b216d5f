"""Attributes as operators name them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagittal.dicom.attribute_path import MATCHED_VRS, AttributePath, Step, parse_attribute
from sagittal.errors import Invalid

GEMS = Step(0x00090027, "GEMS_IDEN_01")


@pytest.mark.parametrize(
    ("text", "steps", "vr"),
    [
        ("FlipAngle", (Step(0x00181314),), "DS"),
        ("00181314", (Step(0x00181314),), "DS"),
        (" (0018,1314) ", (Step(0x00181314),), "DS"),
        ("FlipAngle:DS", (Step(0x00181314),), "DS"),
        ("SmallestImagePixelValue", (Step(0x00280106),), "US"),
        ("RequestAttributesSequence.RequestedProcedureID", (Step(0x00400275), Step(0x00401001)), "SH"),
        ("00400275 . 00401001", (Step(0x00400275), Step(0x00401001)), "SH"),
        ('0009,"GEMS_IDEN_01",27', (GEMS,), "SL"),
        ('(0009,"GEMS_IDEN_01",27):IS', (GEMS,), "IS"),
        ('0011,"A.B:C ""x""",0f:LO', (Step(0x0011000F, 'A.B:C "x"'),), "LO"),
        ('0011,"ACME",10.PatientID', (Step(0x00110010, "ACME"), Step(0x00100020)), "LO"),
        ("00189999:UI", (Step(0x00189999),), "UI"),
    ],
)
def test_an_attribute_is_named_in_several_ways(text: str, steps: tuple[Step, ...], vr: str) -> None:
    assert parse_attribute(text) == AttributePath(steps, vr)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "names no attribute"),
        ("FlipAngel", "keyword 'FlipAngel'"),
        ("Modality.PatientID", "Modality in the path .* is to be a sequence"),
        ("FlipAngle.", "names no attribute"),
        ("00091027", 'private: say whose it is, as 0009,"CREATOR",27'),
        ("00090010", "private"),
        ('0011,"ACME",01', "no dictionary knows the VR"),
        ('0011,"ACME",1:LO', "names no attribute"),
        ('0011,"ACME,01:LO', "names no attribute"),
        ('0011," ",01:LO', "creator has 1 to 64"),
        (f'0011,"{65 * "A"}",01:LO', "creator has 1 to 64"),
        ('0010,"ACME",01:LO', "odd groups"),
        ("PixelData", "not an attribute of instances"),
        ("00100000", "not an attribute of instances"),
        ("RequestAttributesSequence", "VR 'SQ' cannot be matched"),
        ("FlipAngle:LO", "has the VR DS in PS3.6"),
        ("FlipAngle:XX", "cannot be matched"),
        (".".join(9 * ["ContentSequence"]), "at most 8 deep"),
        (600 * "A", "at most 512 characters"),
    ],
)
def test_what_names_none_is_refused_with_a_reason(text: str, complaint: str) -> None:
    with pytest.raises(Invalid, match=complaint):
        parse_attribute(text)


CREATORS = st.text(st.characters(codec="utf-8", exclude_characters="\\"), min_size=1, max_size=64).filter(
    lambda text: text.isprintable() and text.strip() == text
)
PRIVATE = st.builds(
    lambda group, low, creator: Step(group << 16 | low, creator),
    st.integers(4, 0x7FFE).map(lambda half: 2 * half + 1),
    st.integers(0, 0xFF),
    CREATORS,
)
SEQUENCES = PRIVATE | st.sampled_from([Step(0x00400275), Step(0x0040A730), Step(0x52009229)])
LAST = PRIVATE | st.sampled_from([Step(0x00189999), Step(0x00091027 & 0xFFFF00FF, "GEMS_IDEN_01")])


@given(st.lists(SEQUENCES, max_size=7), LAST, st.sampled_from(sorted(MATCHED_VRS)))
def test_what_is_written_is_read(above: list[Step], last: Step, vr: str) -> None:
    path = AttributePath((*above, last), vr)
    if len(str(path)) > 512:
        return
    try:
        assert parse_attribute(str(path)) == path
    except Invalid as error:
        assert "is to be a sequence" in str(error)  # noqa: PT017  # a creator that a dictionary knows by chance


@given(st.text() | st.text('0189abAB,.":() xFlipAngle'))
def test_any_text_is_an_attribute_or_is_refused(text: str) -> None:
    try:
        path = parse_attribute(text)
    except Invalid:
        return
    assert parse_attribute(str(path)) == path
