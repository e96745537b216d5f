import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagittal.dicom.matching import date_span, date_time_span, offset_minutes, span_of, time_span, to_utc
from sagittal.dicom.matching.moments import Span, split_range


@pytest.mark.parametrize("text", ["20200131", "2020.01.31"])
def test_a_date_is_its_digits(text: str) -> None:
    assert date_span(text) == Span("20200131", "20200131")


@pytest.mark.parametrize(
    "text", ["", "2020", "202001", "20201301", "20200100", "20200132", "2020013", "2020-01-31", "２０２００１３１"]
)
def test_what_is_no_date_has_no_span(text: str) -> None:
    assert date_span(text) is None


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("10", "100000.000000", "105959.999999"),
        ("1015", "101500.000000", "101559.999999"),
        ("101530", "101530.000000", "101530.999999"),
        ("101530.5", "101530.500000", "101530.599999"),
        ("101530.123456", "101530.123456", "101530.123456"),
        ("10:15:30", "101530.000000", "101530.999999"),
        ("235960", "235959.000000", "235959.999999"),
    ],
)
def test_a_time_spans_what_it_leaves_open(text: str, first: str, last: str) -> None:
    assert time_span(text) == Span(first, last)


@pytest.mark.parametrize("text", ["", "1", "24", "1060", "101561", "101530.", "101530.1234567", "1015.5", "noon"])
def test_what_is_no_time_has_no_span(text: str) -> None:
    assert time_span(text) is None


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("2020", Span("20200101000000.000000", "20201231235959.999999")),
        ("202002", Span("20200201000000.000000", "20200229235959.999999")),
        ("202102", Span("20210201000000.000000", "20210228235959.999999")),
        ("20200131", Span("20200131000000.000000", "20200131235959.999999")),
        ("2020013110", Span("20200131100000.000000", "20200131105959.999999")),
        ("20200131101530.25", Span("20200131101530.250000", "20200131101530.259999")),
        ("2020+0100", Span("20200101000000.000000", "20201231235959.999999", 60)),
        ("20200131101530-0330", Span("20200131101530.000000", "20200131101530.999999", -210)),
    ],
)
def test_a_date_time_spans_what_it_leaves_open(text: str, span: Span) -> None:
    assert date_time_span(text) == span


@pytest.mark.parametrize(
    "text",
    ["", "0000", "202", "20201", "202013", "20200230", "20200100", "2020013125", "2020-1300", "2020+1500", "2020+0160"],
)
def test_what_is_no_date_time_has_no_span(text: str) -> None:
    assert date_time_span(text) is None


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("+0000", 0), ("+1400", 840), ("-1200", -720), ("+1401", None), ("-1201", None), ("+0060", None), ("0100", None)],
)
def test_offsets_lie_between_twelve_hours_west_and_fourteen_east(text: str, minutes: int | None) -> None:
    assert offset_minutes(text) == minutes


@given(st.datetimes(min_value=dt.datetime(1, 1, 3), max_value=dt.datetime(9999, 12, 29)), st.integers(-720, 840))
def test_utc_is_what_datetime_makes_of_it(moment: dt.datetime, minutes: int) -> None:
    text = f"{moment.year:04d}{moment:%m%d%H%M%S.%f}"
    there = moment - dt.timedelta(minutes=minutes)
    assert to_utc(text, minutes) == f"{there.year:04d}{there:%m%d%H%M%S.%f}"


def test_the_ends_of_the_calendar_stay_where_they_are() -> None:
    assert to_utc("00010101000000.000000", 60) == "00010101000000.000000"


def test_padding_is_no_part_of_a_value() -> None:
    assert span_of("DA", "20200131 ") == date_span("20200131")
    assert span_of("TM", "10 ") == time_span("10")
    assert span_of("DT", " 2020\0") == date_time_span("2020")


@pytest.mark.parametrize(
    ("vr", "text", "ends"),
    [
        ("DA", "20200101", None),
        ("DA", "20200101-20201231", ("20200101", "20201231")),
        ("DA", "20200101 - 20201231", ("20200101", "20201231")),
        ("DA", "-20201231", ("", "20201231")),
        ("DA", "20200101-", ("20200101", "")),
        ("TM", "10-12", ("10", "12")),
        ("DT", "2020-2021", ("2020", "2021")),
        ("DT", "2020-0500", None),
        ("DT", "2020-0500-", ("2020-0500", "")),
        ("DT", "-2020-0500", ("", "2020-0500")),
        ("DT", "2020-0500-2021-0500", ("2020-0500", "2021-0500")),
        ("DT", "2020+0100-2021", ("2020+0100", "2021")),
        ("DA", "2020-01-01", ("2020-01-01", "")),
        ("DA", "-", ("-", "")),
    ],
)
def test_a_range_is_cut_where_both_sides_make_sense(vr: str, text: str, ends: tuple[str, str] | None) -> None:
    assert split_range(vr, text) == ends
