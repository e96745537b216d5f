from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagittal.dicom.matching import Key
from sagittal.dicom.web.query_string import MAX_PARAMETERS, MAX_QUERY_LENGTH, Search, parse_parameters, parse_search
from sagittal.errors import Invalid


def search(query: str) -> Search:
    return parse_search(parse_parameters(query))


@pytest.mark.parametrize("name", ["PatientID", "00100020"])
def test_an_attribute_is_named_by_keyword_or_tag(name: str) -> None:
    assert search(f"{name}=A1").keys == (Key((0x00100020,), "LO", ("A1",)),)


@pytest.mark.parametrize(
    "name",
    ["RequestAttributesSequence.RequestedProcedureID", "00400275.00401001", "RequestAttributesSequence.00401001"],
)
def test_a_dotted_path_leads_into_a_sequence(name: str) -> None:
    assert search(f"{name}=R1").keys == (Key((0x00400275, 0x00401001), "SH", ("R1",)),)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\\"), min_size=1, max_size=30))
def test_values_are_percent_decoded_as_utf_8(value: str) -> None:
    assert search("PatientName=" + quote(value)).keys[0].values == (value,)
    assert search(urlencode({"PatientName": value})).keys[0].values == (value,)


def test_names_of_parameters_are_percent_decoded_too() -> None:
    assert search("Patient%49D=A1").keys[0].path == (0x00100020,)


def test_raw_utf_8_is_read_as_if_it_were_encoded() -> None:
    assert parse_parameters("PatientName=Müller".encode())[0].value == "Müller"


def test_values_that_are_not_utf_8_are_invalid_and_the_parameter_is_named() -> None:
    with pytest.raises(Invalid, match="PatientName"):
        search("PatientName=%FF")


@pytest.mark.parametrize("separator", [",", "%5C", "\\"])
def test_uids_and_codes_are_listed_with_commas_or_backslashes(separator: str) -> None:
    assert search(f"StudyInstanceUID=1.2{separator}1.3").keys[0].values == ("1.2", "1.3")
    assert search(f"ModalitiesInStudy=CT{separator}MR").keys[0].values == ("CT", "MR")


def test_a_comma_in_a_name_and_a_backslash_in_a_text_do_not_separate() -> None:
    assert search("PatientName=Doe, Jane").keys[0].values == ("Doe, Jane",)
    assert search("PatientComments=a%5Cb").keys[0].values == ("a\\b",)
    assert search("OtherPatientIDs=a%5Cb").keys[0].values == ("a", "b")


def test_an_attribute_without_value_matches_everything() -> None:
    assert search("PatientID=&StudyDate").keys == (Key((0x00100020,), "LO", ()), Key((0x00080020,), "DA", ()))


def test_the_plus_of_a_time_zone_survives_without_encoding() -> None:
    assert search("AcquisitionDateTime=20260101120000+0100-20260102+0100").keys[0].values == (
        "20260101120000+0100-20260102+0100",
    )


def test_includefield_takes_lists_repetition_paths_and_all() -> None:
    found = search("includefield=PatientSex,00081030&includefield=all&includefield=00400275.00401001")
    assert found.includes_all
    assert found.included == ((0x00100040,), (0x00081030,), (0x00400275, 0x00401001))


def test_paging_and_fuzziness_are_read() -> None:
    found = search("limit=10&offset=20&fuzzymatching=true")
    assert (found.limit, found.offset, found.is_fuzzy) == (10, 20, True)
    assert (search("").limit, search("").offset, search("").is_fuzzy) == (None, 0, False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "-1"),
        ("limit", ""),
        ("limit", "x"),
        ("limit", "9999999999"),
        ("offset", "1e3"),
        ("offset", "%D9%A1"),
        ("fuzzymatching", "1"),
    ],
)
def test_a_number_or_flag_that_is_none_is_invalid_and_named(name: str, value: str) -> None:
    with pytest.raises(Invalid, match=name):
        search(f"{name}={value}")


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("PatientsName=x", "PatientsName"),
        ("includefield=Foo", "Foo"),
        ("Foo.PatientID=x", "Foo"),
        ("PatientID.StudyID=x", "PatientID"),
        ("PatientID.=1", "is called"),
    ],
)
def test_an_unknown_attribute_is_invalid_and_named(query: str, named: str) -> None:
    with pytest.raises(Invalid, match=named):
        search(query)


def test_an_attribute_given_twice_is_invalid_even_under_its_two_names() -> None:
    with pytest.raises(Invalid, match="00100020 may be given once"):
        search("PatientID=1&00100020=2")


def test_parameters_of_others_are_passed_over_and_named() -> None:
    assert search("sortby=x&_=1&sortby=y&accept=a/b&charset=utf-8&weird%0d%0a=1").ignored == (
        "sortby",
        "_",
        "weird??",
    )


def test_a_query_string_has_a_longest_length_and_most_parameters() -> None:
    with pytest.raises(Invalid, match="characters"):
        parse_parameters("a=" + "b" * MAX_QUERY_LENGTH)
    with pytest.raises(Invalid, match="parameters"):
        parse_parameters("a&" * (MAX_PARAMETERS + 1))
    with pytest.raises(Invalid, match="deep"):
        search(".".join(["RequestAttributesSequence"] * 9) + "=1")


@given(st.binary(max_size=80))
def test_arbitrary_bytes_raise_only_invalid(query: bytes) -> None:
    try:
        parse_search(parse_parameters(query))
    except Invalid:
        pass


def test_an_order_is_a_list_of_attributes_with_a_minus_for_falling() -> None:
    search = parse_search(parse_parameters("orderby=StudyDate,-PatientName&orderby=-00080030"))
    assert search.order == ((0x00080020, False), (0x00100010, True), (0x00080030, True))


@pytest.mark.parametrize("query", ["orderby=Nonsense", "orderby=RequestAttributesSequence.AccessionNumber"])
def test_an_order_by_what_cannot_be_sorted_is_refused(query: str) -> None:
    with pytest.raises(Invalid):
        parse_search(parse_parameters(query))


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ('PatientID=""&emptyvaluematching=false', "PatientID asks for an empty value"),
        ("PatientID=a\\b&multiplevaluematching=false", "PatientID asks for several values"),
    ],
)
def test_a_kind_of_matching_that_is_switched_off_is_not_done(query: str, name: str) -> None:
    with pytest.raises(Invalid, match=name):
        parse_search(parse_parameters(query))
    assert parse_search(parse_parameters(query.replace("false", "true"))).keys
    assert parse_search(parse_parameters(query.partition("&")[0])).keys


def test_a_list_of_uids_is_not_multiple_value_matching() -> None:
    assert parse_search(parse_parameters("StudyInstanceUID=1.2,1.3&multiplevaluematching=false")).keys
