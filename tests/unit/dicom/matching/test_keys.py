import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagittal.dicom.matching import (
    AnyOf,
    Empty,
    Key,
    Match,
    Moment,
    Name,
    Number,
    Range,
    Single,
    UidList,
    Universal,
    Wildcard,
    combine,
    parse,
)
from sagittal.errors import Invalid

STUDY_DATE, STUDY_TIME, PATIENT_ID = 0x00080020, 0x00080030, 0x00100020


def key(vr: str, *values: str) -> Key:
    return Key((PATIENT_ID,), vr, values)


@pytest.mark.parametrize(
    ("vr", "values", "match"),
    [
        ("LO", (), Universal()),
        ("LO", ("",), Universal()),
        ("LO", ("  ",), Universal()),
        ("LO", ("*",), Universal()),
        ("DA", ("*",), Universal()),
        ("UI", ("",), Universal()),
        ("LO", ("A", "**"), Universal()),
        ("PN", ("^",), Universal()),
        ("SQ", (), Universal()),
        ("OB", (), Universal()),
        ("LO", ('""',), Empty()),
        ("DA", ('""',), Empty()),
        ("LO", ("A", '""'), AnyOf((Single("A"), Empty()))),
        ("LO", (" Abc ",), Single("Abc")),
        ("LT", (" Abc ",), Single(" Abc")),
        ("AS", ("042Y",), Single("042Y")),
        ("AT", ("0010000d",), Single("0010000D")),
        ("LO", ("A*",), Wildcard("A*")),
        ("CS", ("C?",), Wildcard("C?")),
        ("CS", ("CT", "MR"), AnyOf((Single("CT"), Single("MR")))),
        ("CS", ("CT", "CT"), Single("CT")),
        ("UI", ("1.2",), UidList(("1.2",))),
        ("UI", ("1.2\0", "1.3", "1.2"), UidList(("1.2", "1.3"))),
        ("IS", ("+007",), Number(Decimal(7))),
        ("DS", ("1.50",), Number(Decimal("1.5"))),
        ("US", ("512",), Number(Decimal(512))),
        ("PN", ("Müller^J*",), Name(("muller j*",))),
        ("PN", ("Yamada=山田",), Name(("yamada", "山田"))),
        ("PN", ("=山田",), Name(("", "山田"))),
        ("DA", ("20200101",), Range("DA", "20200101", "20200101")),
        ("DA", ("20200101-",), Range("DA", "20200101", "")),
        ("DA", ("-2020.12.31",), Range("DA", "", "20201231")),
        ("TM", ("10-1130",), Range("TM", "100000.000000", "113059.999999")),
        ("TM", ("1015",), Range("TM", "101500.000000", "101559.999999")),
        ("DT", ("2020",), Range("DT", "20200101000000.000000", "20201231235959.999999")),
        (
            "DT",
            ("20200101+0100-",),
            Range("DT", "20200101000000.000000", "", "20191231230000.000000", ""),
        ),
    ],
)
def test_a_key_asks_for(vr: str, values: tuple[str, ...], match: Match) -> None:
    assert parse(key(vr, *values)) == match


@pytest.mark.parametrize(
    ("value", "match"),
    [
        ("Doe^J*", Name((), ("doe", "j"))),
        ("*oe", Name((), ("oe",))),
        ("^^ * ?", Universal()),
    ],
)
def test_a_fuzzy_key_asks_for_the_beginnings_of_words(value: str, match: Match) -> None:
    assert parse(key("PN", value), fuzzy=True) == match


@pytest.mark.parametrize(
    ("vr", "value"),
    [
        ("UI", "1.2*"),
        ("UI", "1" * 65),
        ("DA", "2020"),
        ("DA", "20201301"),
        ("DA", "-"),
        ("DA", "20200101-x"),
        ("DA", "20200102-20200101"),
        ("DA", "20200101-20200102-20200103"),
        ("TM", "25"),
        ("DT", "2020-13"),
        ("IS", "seven"),
        ("DS", "NaN"),
        ("DS", "1_000"),
        ("US", "*1"),
        ("SQ", "x"),
        ("OB", "x"),
        ("UN", "x"),
        ("LO", "x" * 1025),
    ],
)
def test_a_malformed_key_is_invalid_and_named(vr: str, value: str) -> None:
    with pytest.raises(Invalid, match="PatientID"):
        parse(key(vr, value))


def test_a_message_never_repeats_the_value() -> None:
    with pytest.raises(Invalid) as caught:
        parse(key("DA", "Doe^Jane"))
    assert "Doe" not in str(caught.value)


def test_a_nested_key_is_named_with_its_sequence() -> None:
    with pytest.raises(Invalid, match=r"RequestAttributesSequence\.00091001"):
        parse(Key((0x00400275, 0x00091001), "IS", ("x",)))


@pytest.mark.parametrize("path", [(), (1,) * 9])
def test_a_key_has_a_path_of_some_tags(path: tuple[int, ...]) -> None:
    with pytest.raises(Invalid, match="tags deep"):
        parse(Key(path, "LO"))


def test_a_range_across_time_zones_may_look_turned_round() -> None:
    found = parse(key("DT", "20200101120000+1400-20200101110000-1200"))
    assert isinstance(found, Range)
    assert found.low > found.high
    assert found.low_utc < found.high_utc


def combined(date: str, time: str) -> Moment | None:
    date_key, time_key = Key((STUDY_DATE,), "DA", (date,)), Key((STUDY_TIME,), "TM", (time,))
    return combine(date_key, parse(date_key), time_key, parse(time_key))


@pytest.mark.parametrize(
    ("date", "time", "low", "high"),
    [
        ("20200101-20200103", "10-12", "20200101100000.000000", "20200103125959.999999"),
        ("20200101-", "10-12", "20200101100000.000000", ""),
        ("-20200103", "10-12", "", "20200103125959.999999"),
        ("20200101-20200103", "10-", "20200101100000.000000", "20200103235959.999999"),
        ("20200101-20200103", "-10", "20200101000000.000000", "20200103105959.999999"),
    ],
)
def test_date_and_time_make_one_range(date: str, time: str, low: str, high: str) -> None:
    assert combined(date, time) == Moment((STUDY_DATE,), (STUDY_TIME,), low, high)


@pytest.mark.parametrize(("date", "time"), [("", "10"), ("20200101", ""), ('""', "10")])
def test_what_is_no_range_is_not_combined(date: str, time: str) -> None:
    assert combined(date, time) is None


@given(
    st.sampled_from(
        [
            "AE",
            "AS",
            "AT",
            "CS",
            "DA",
            "DS",
            "DT",
            "FD",
            "FL",
            "IS",
            "LO",
            "LT",
            "OB",
            "PN",
            "SH",
            "SL",
            "SQ",
            "SS",
            "ST",
            "TM",
            "UC",
            "UI",
            "UL",
            "UN",
            "UR",
            "US",
            "UT",
            "UV",
        ]
    ),
    st.lists(st.text() | st.text(st.sampled_from('0123456789-+.*?^=" ')), max_size=3),
    st.booleans(),
)
def test_any_key_is_understood_or_invalid(vr: str, values: list[str], fuzzy: bool) -> None:
    with contextlib.suppress(Invalid):
        assert isinstance(parse(key(vr, *values), fuzzy=fuzzy), Match)
