import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagittal.dicom.web.accept import EVERYTHING, MAX_RANGES, Offer, negotiate, parse_accept, quality_of
from sagittal.errors import Invalid

JSON = Offer("application/dicom+json")
XML = Offer("multipart/related", "application/dicom+xml")
DICOM = Offer("multipart/related", "application/dicom", "1.2.840.10008.1.2.4.50")
SINGLE = Offer("application/dicom", "", "1.2.840.10008.1.2.4.50")


def chosen(*fields: str, offers: tuple[Offer, ...] = (JSON, XML, DICOM, SINGLE)) -> Offer | None:
    choice = negotiate(parse_accept(fields), offers)
    return choice.offer if choice else None


def test_nothing_said_takes_the_first_offer() -> None:
    assert parse_accept([]) == EVERYTHING
    assert chosen() == JSON


@pytest.mark.parametrize(
    ("fields", "offer"),
    [
        (("*/*",), JSON),
        (("application/*",), JSON),
        (("application/dicom",), SINGLE),
        (("multipart/related",), XML),
        (('multipart/related; type="application/dicom"',), DICOM),
        (("multipart/related; type=application/dicom; transfer-syntax=*",), DICOM),
        (("multipart/related; type=*/*",), XML),
        (("multipart/*; type=application/dicom+xml",), XML),
        (('multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.50',), DICOM),
        (("application/dicom+json;q=0.2, multipart/related;type=application/dicom+xml;q=0.9",), XML),
        (("application/dicom+json;q=0", "*/*;q=0.1"), XML),
        (("text/html", "application/dicom;q=0.1"), SINGLE),
    ],
)
def test_the_offer_wanted_most_is_chosen(fields: tuple[str, ...], offer: Offer) -> None:
    assert chosen(*fields) == offer


@pytest.mark.parametrize(
    "field",
    [
        "text/html",
        "*/*;q=0",
        'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.1',
        "multipart/related; type=image/jpeg",
        "image/*",
    ],
)
def test_what_fits_no_offer_chooses_none(field: str) -> None:
    assert chosen(field) is None


def test_the_most_specific_range_decides_the_quality() -> None:
    ranges = parse_accept(["multipart/related;q=0.3, multipart/related;type=application/dicom;q=0.2, */*"])
    assert quality_of(ranges, DICOM) == 0.2
    assert quality_of(ranges, XML) == 0.3
    assert quality_of(ranges, JSON) == 1.0


def test_the_accept_query_parameter_goes_before_the_field() -> None:
    choice = negotiate(parse_accept(["text/html"], ["application/dicom+json"]), (XML, JSON))
    assert choice is not None
    assert choice.offer == JSON


@pytest.mark.parametrize(
    "field", ["nonsense", "a/b;q=2", "a/b;q=x", "a/b;q=nan", ", ".join(["a/b"] * (MAX_RANGES + 1))]
)
def test_what_is_no_accept_field_is_invalid(field: str) -> None:
    with pytest.raises(Invalid):
        parse_accept([field])


@given(st.lists(st.text(max_size=60), max_size=3))
def test_arbitrary_text_raises_only_invalid(fields: list[str]) -> None:
    try:
        negotiate(parse_accept(fields), (JSON, DICOM))
    except Invalid:
        pass
