"""Header fields of uploads: read as both protocols say, and whatever comes raises only our error."""

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagittal.api.upload_fields import name_in, offset_in, piece_of, said_by
from sagittal.errors import Invalid

FIELDS = (
    "tus-resumable",
    "upload-length",
    "upload-offset",
    "upload-complete",
    "upload-defer-length",
    "upload-draft-interop-version",
    "upload-checksum",
    "content-digest",
    "content-length",
    "content-disposition",
    "upload-metadata",
)


@given(st.dictionaries(st.sampled_from(FIELDS), st.text(st.characters(max_codepoint=255), max_size=40)))
def test_whatever_is_said_raises_only_invalid(fields: dict[str, str]) -> None:
    with contextlib.suppress(Invalid):
        said = said_by(fields)
        piece_of(fields, said, 0)
    with contextlib.suppress(Invalid):
        offset_in(fields)
    with contextlib.suppress(Invalid):
        assert len(name_in(fields)) <= 1024


@given(st.text(max_size=200))
def test_a_name_comes_through_metadata_without_what_cannot_be_printed(name: str) -> None:
    value = base64.b64encode(name.encode("utf-8", "replace")).decode()
    read = name_in({"upload-metadata": f"filename {value},other"})
    assert read == "".join(letter for letter in name.encode("utf-8", "replace").decode() if letter.isprintable())


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ('inline; filename="a.dcm"', "a.dcm"),
        (r'inline; filename="a \"b\".dcm"', 'a "b".dcm'),
        ("attachment; filename=a.dcm", "a.dcm"),
        ("inline; filename=\"plain.dcm\"; filename*=UTF-8''%C3%A9.dcm", "é.dcm"),
        ("inline", ""),
    ],
)
def test_a_name_comes_by_content_disposition(said: str, name: str) -> None:
    assert name_in({"content-disposition": said}) == name


@pytest.mark.parametrize(("said", "completes"), [("?1", True), ("?0", False), ("1", None), ("true", None), ("", None)])
def test_completeness_is_a_boolean_of_structured_fields_or_ignored(said: str, completes: bool | None) -> None:
    assert said_by({"upload-complete": said}).completes is completes


@pytest.mark.parametrize("said", ["-1", "1.5", "x", "9" * 30])
def test_an_offset_is_a_number(said: str) -> None:
    with pytest.raises(Invalid):
        offset_in({"upload-offset": said})


@pytest.mark.parametrize(("said", "answered"), [("6", 6), ("9", 9), ("3", 9), ("12", 9)])
def test_an_unknown_interop_version_is_answered_in_ours(said: str, answered: int) -> None:
    assert said_by({"upload-draft-interop-version": said}).interop == answered
