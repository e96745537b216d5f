import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagittal.dicom.web.content_type import MAX_FIELD_LENGTH, parse_content_type, quote, split_list
from sagittal.errors import Invalid


@pytest.mark.parametrize(
    "text",
    [
        'multipart/related; type="application/dicom"; boundary="a b"',
        'Multipart/Related;TYPE=application/DICOM;boundary="a b";',
        'multipart/related ; type = "application/dicom" ; boundary= "a\\ b" ; ',
    ],
)
def test_a_media_type_is_read_however_it_is_written(text: str) -> None:
    media_type = parse_content_type(text)
    assert (media_type.essence, media_type.related_type, media_type.boundary) == (
        "multipart/related",
        "application/dicom",
        "a b",
    )


def test_a_quoted_value_may_hold_separators() -> None:
    assert parse_content_type('a/b; x="1;2,\\"3"; y=z').parameters == {"x": '1;2,"3', "y": "z"}


@pytest.mark.parametrize("text", ["", "text", "a/b c", "a/b; x", 'a/b; x="1', "a/b; =1", "a/ b", "a/b" + ";a=b" * 40])
def test_what_is_no_media_type_is_invalid(text: str) -> None:
    with pytest.raises(Invalid):
        parse_content_type(text)


def test_a_field_has_a_longest_length() -> None:
    with pytest.raises(Invalid, match="at most"):
        parse_content_type("a/b;x=" + "y" * MAX_FIELD_LENGTH)
    with pytest.raises(Invalid, match="at most"):
        split_list("a" * (MAX_FIELD_LENGTH + 1))


@given(st.text(max_size=100))
def test_arbitrary_text_raises_only_invalid(text: str) -> None:
    for reader in (parse_content_type, split_list):
        try:
            reader(text)
        except Invalid:
            pass


@given(st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=30))
def test_a_quoted_string_is_read_back(value: str) -> None:
    assert parse_content_type(f"a/b; x={quote(value)}").parameters["x"] == value


@given(st.lists(st.sampled_from(["a/b", 'a/b;x="1,2"', "*/*;q=0.1"]), max_size=6))
def test_a_list_is_split_at_its_own_commas_only(members: list[str]) -> None:
    assert split_list(" ,".join(members)) == members
