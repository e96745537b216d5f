from hypothesis import given
from hypothesis import strategies as st

from sagittal.dicomweb.ranges import Span, wanted_span

ETAG = '"e"'


@given(st.binary(max_size=60), st.integers(0, 80), st.integers(0, 80))
def test_a_range_cuts_as_a_slice_does(data: bytes, first: int, last: int) -> None:
    span = wanted_span(f"bytes={first}-{last}", "", ETAG, len(data))
    if last < first:
        assert span is None
    else:
        assert span is not None
        assert data[span.start : span.stop] == data[first : last + 1]


@given(st.binary(max_size=60), st.integers(1, 80))
def test_a_suffix_is_the_end_and_at_most_all(data: bytes, length: int) -> None:
    span = wanted_span(f"bytes=-{length}", "", ETAG, len(data))
    assert span is not None
    assert data[span.start : span.stop] == data[-length:]


@given(st.text(max_size=20), st.integers(0, 100))
def test_any_text_gives_all_or_a_part_of_what_is_there(field: str, length: int) -> None:
    span = wanted_span(field, "", ETAG, length)
    assert span is None or 0 <= span.start <= span.stop <= length


def test_units_that_are_no_bytes_and_several_ranges_mean_all() -> None:
    for field in ("", "items=0-1", "bytes=", "bytes=-", "bytes=0-1,3-4", "bytes=a-b"):
        assert wanted_span(field, "", ETAG, 10) is None


def test_a_suffix_of_nothing_cannot_be_given() -> None:
    assert wanted_span("bytes=-0", "", ETAG, 10) == Span(0, 0)
    assert wanted_span("bytes=0-", "", ETAG, 0) == Span(0, 0)
