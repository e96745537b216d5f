import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.datadict import dictionary_keyword, dictionary_VM, dictionary_VR, private_dictionary_VR
from pydicom.tag import Tag

from sagittal.dicom import registry
from sagittal.dicom.registry import tables
from sagittal.errors import Invalid

ONE_VR = {"OB or OW": "OW", "US or SS": "US", "US or OW": "OW", "US or SS or OW": "OW", "NONE": "UN"}


def test_every_attribute_has_pydicoms_vr_vm_and_keyword() -> None:
    for tag in tables.elements():
        assert registry.vr_of(tag) == ONE_VR.get(dictionary_VR(tag), dictionary_VR(tag))
        assert registry.vr_choice(tag) == dictionary_VR(tag)
        assert registry.vm_of(tag) == dictionary_VM(tag)
        assert registry.keyword_of(tag) == dictionary_keyword(tag)


def test_every_vr_of_the_table_has_two_letters() -> None:
    assert {len(vr) for vr in registry.vr_table().values()} == {2}


@given(st.integers(0, 0xFFFFFFFF))
def test_any_tag_has_the_vr_pydicom_finds_for_it(tag: int) -> None:
    try:
        expected = dictionary_VR(tag)
    except KeyError:
        expected = "LO" if Tag(tag).is_private_creator else "UL" if tag & 0xFFFF == 0 else "UN"
    assert registry.vr_of(tag) == ONE_VR.get(expected, expected)


@pytest.mark.parametrize(
    ("tag", "vr"),
    [
        (0x50003000, "OW"),
        (0x601E3000, "OW"),
        (0x60FE3000, "OW"),
        (0x60100010, "US"),
        (0x002031FF, "CS"),
        (0x00090010, "LO"),
        (0x000900FF, "LO"),
        (0x00090009, "UN"),
        (0x00091001, "UN"),
        (0x60013000, "UN"),
        (0x00080000, "UL"),
        (0x00111000, "UN"),
        (0x00080009, "UN"),
    ],
)
def test_what_the_table_lacks_has_a_vr_by_rule(tag: int, vr: str) -> None:
    assert registry.vr_of(tag) == vr


def test_a_keyword_of_a_repeating_group_names_its_first_group() -> None:
    assert registry.tag_of("OverlayRows") == 0x60000010


def test_tag_and_keyword_are_inverse() -> None:
    for tag in tables.elements():
        keyword = registry.keyword_of(tag)
        assert not keyword or registry.tag_of(keyword) == tag


def test_what_nobody_knows_has_no_keyword_and_multiplicity_one() -> None:
    assert registry.keyword_of(0x00091001) == registry.name_of(0x00091001) == ""
    assert registry.vm_of(0x00091001) == "1"
    assert registry.vr_choice(0x00091001) == "UN"
    assert registry.name_of(0x00100010) == "Patient's Name"


@pytest.mark.parametrize("text", ["PatientID", "00100020"])
def test_an_attribute_is_named_by_keyword_or_digits(text: str) -> None:
    assert registry.parse_tag(text) == 0x00100020


@pytest.mark.parametrize("text", ["", "patientid", "0010,0020", "0010002", "001000200", "0010002G", "٠٠١٠٠٠٢٠"])
def test_another_name_of_an_attribute_is_invalid(text: str) -> None:
    with pytest.raises(Invalid, match="keyword"):
        registry.parse_tag(text)


def test_private_elements_are_known_in_any_block() -> None:
    assert registry.private_vr(0x00291010, "SIEMENS CSA HEADER") == "OB"
    assert registry.private_vr(0x0029FF10, "SIEMENS CSA HEADER") == "OB"
    assert registry.private_vr(0x00291099, "SIEMENS CSA HEADER") == "UN"
    assert registry.private_vr(0x00290010, "SIEMENS CSA HEADER") == "UN"
    assert registry.private_entry(0x00291010, "NOBODY") is None


def test_every_documented_private_element_has_pydicoms_vr() -> None:
    checked = 0
    for creator, patterns in tables.private_elements().items():
        for pattern in patterns:
            tag = int(pattern.replace("x", "1"), 16)
            try:
                expected = private_dictionary_VR(tag, creator)
            except KeyError:  # a few patterns have their wild digits where no element can have them
                expected = "UN"
            if tag & 0xFF00:
                assert registry.private_vr(tag, creator) == ONE_VR.get(expected, expected)
                checked += 1
    assert checked > 5000


def test_odd_groups_are_private() -> None:
    assert registry.is_private(0x00091001)
    assert not registry.is_private(0x00080005)
