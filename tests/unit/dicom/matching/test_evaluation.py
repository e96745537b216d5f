import re
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagittal.dicom.json_model import JsonDataset, JsonElement, JsonPersonName, JsonValue
from sagittal.dicom.matching import Key, Name, matcher, matches, matches_name, matches_pattern

PATIENT_NAME, PATIENT_ID, BIRTH_DATE = 0x00100010, 0x00100020, 0x00100030
STUDY_DATE, STUDY_TIME, STUDY_UID = 0x00080020, 0x00080030, 0x0020000D
REQUEST, ACCESSION, SCHEDULED_ID = 0x00400275, 0x00080050, 0x00400009


def element(vr: str, *values: JsonValue) -> JsonElement:
    return {"vr": vr, "Value": list(values)} if values else {"vr": vr}


def answers(vr: str, stored: tuple[JsonValue, ...], *wanted: str, fuzzy: bool = False) -> bool:
    return matches({"00100020": element(vr, *stored)}, [Key((PATIENT_ID,), vr, wanted)], fuzzy=fuzzy)


@pytest.mark.parametrize(
    ("vr", "stored", "wanted", "answer"),
    [
        ("LO", ("ABC",), ("ABC",), True),
        ("LO", ("ABC",), ("abc",), False),
        ("LO", ("ABC",), ("AB",), False),
        ("LO", (" ABC",), ("ABC",), True),
        ("LO", ("ABC",), ("A*",), True),
        ("LO", ("ABC",), ("A?C",), True),
        ("LO", ("ABC",), ("A?",), False),
        ("LO", (), ("ABC",), False),
        ("LO", (), (), True),
        ("LO", (), ("*",), True),
        ("LO", (), ('""',), True),
        ("LO", (None,), ('""',), True),
        ("LO", ("ABC",), ('""',), False),
        ("CS", ("ORIGINAL", "PRIMARY"), ("PRIMARY",), True),
        ("CS", ("ORIGINAL", None), ("PRIMARY",), False),
        ("CS", ("CT",), ("MR", "CT"), True),
        ("CS", ("US",), ("MR", "CT"), False),
        ("UI", ("1.2",), ("1.3", "1.2"), True),
        ("UI", ("1.2",), ("1.3",), False),
        ("IS", (7,), ("007",), True),
        ("IS", ("7.0",), ("7",), True),
        ("IS", ("junk",), ("7",), False),
        ("DS", (1.5,), ("1.50",), True),
        ("DS", (1.5, 2.5), ("2.5e0",), True),
        ("FD", ("NaN",), ("1",), False),
        ("US", (512,), ("513",), False),
        ("AT", ("0010000D",), ("0010000d",), True),
        ("DA", ("20200115",), ("20200101-20200131",), True),
        ("DA", ("20200115",), ("20200115",), True),
        ("DA", ("2020.01.15",), ("20200115",), True),
        ("DA", ("20200115",), ("-20200114",), False),
        ("DA", ("20200115",), ("20200116-",), False),
        ("DA", ("junk",), ("-20200114",), False),
        ("DA", (20200115,), ("20200115",), False),
        ("DA", ("20200115",), ("20190101", "20200115"), True),
        ("TM", ("101530",), ("1015",), True),
        ("TM", ("10",), ("1015",), False),
        ("TM", ("10",), ("10-11",), True),
        ("TM", ("115959.5",), ("10-11",), True),
        ("TM", ("12",), ("10-11",), False),
        ("DT", ("20200115",), ("2020",), True),
        ("DT", ("20200101003000+0100",), ("2020",), True),
        ("DT", ("20200101003000+0100",), ("2020+0000",), False),
        ("DT", ("20191231233000-0100",), ("2020+0000-",), True),
        ("DT", ("20191231233000-0100",), ("-20200101000000+0000",), False),
        ("DT", ("20191231233000",), ("2020+0000-",), False),
        ("DT", ("20200101003000+0100",), ("2020+0000-2021",), False),
        ("DT", ("20210101003000+0100",), ("2020-20210101000000+0000",), True),
    ],
)
def test_a_stored_value_answers_a_key(
    vr: str, stored: tuple[JsonValue, ...], wanted: tuple[str, ...], answer: bool
) -> None:
    assert answers(vr, stored, *wanted) is answer


def test_an_attribute_that_is_not_there_answers_universal_and_empty_keys() -> None:
    assert matches({}, [Key((PATIENT_ID,), "LO")])
    assert matches({}, [Key((PATIENT_ID,), "LO", ('""',))])
    assert not matches({}, [Key((PATIENT_ID,), "LO", ("A",))])


def test_bulk_data_is_not_empty() -> None:
    dataset: JsonDataset = {"00100020": {"vr": "UT", "BulkDataURI": "x"}}
    assert not matches(dataset, [Key((PATIENT_ID,), "UT", ('""',))])
    inline: JsonDataset = {"00100020": {"vr": "OB", "InlineBinary": "AA=="}}
    assert not matches(inline, [Key((PATIENT_ID,), "LO", ('""',))])


def test_the_time_zone_of_the_data_set_counts_for_date_times_without_offset() -> None:
    dataset: JsonDataset = {"00080201": element("SH", "+0100"), "0008002A": element("DT", "20200101003000")}
    assert not matches(dataset, [Key((0x0008002A,), "DT", ("2020+0000",))])
    assert matches(dataset, [Key((0x0008002A,), "DT", ("2020+0100",))])


def test_all_keys_have_to_match() -> None:
    dataset: JsonDataset = {"00100020": element("LO", "A"), "00080050": element("SH", "1")}
    assert matches(dataset, [Key((PATIENT_ID,), "LO", ("A",)), Key((ACCESSION,), "SH", ("1",))])
    assert not matches(dataset, [Key((PATIENT_ID,), "LO", ("A",)), Key((ACCESSION,), "SH", ("2",))])


@pytest.mark.parametrize(
    ("stored", "wanted", "answer"),
    [
        ("Müller^Jörg", "MULLER^JORG", True),
        ("Müller^Jörg", "muller*", True),
        ("Müller^Jörg", "muller", False),
        ("Müller^Jörg^^^", "Müller^Jörg", True),
        ("Müller^Jörg", "Müller, Jörg", True),
        ("Müller^Jörg", "Jörg*", False),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "山田*", True),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "ﾔﾏﾀﾞ*", True),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada*=山田*", True),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Suzuki*=山田*", False),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "=山田*", True),
        ("Yamada^Tarou", "Yamada*=山田*", False),
        ("ПЁТР", "петр", True),
    ],
)
def test_names_match_without_case_accents_and_group(stored: str, wanted: str, answer: bool) -> None:
    groups = dict(zip(("Alphabetic", "Ideographic", "Phonetic"), stored.split("="), strict=False))
    name = cast("JsonPersonName", groups)  # its keys are the three of a person name
    assert answers("PN", (name,), wanted) is answer
    assert answers("PN", (stored,), wanted) is answer


@pytest.mark.parametrize(
    ("wanted", "answer"),
    [
        ("jane doe", True),
        ("doe^jane", True),
        ("do ja", True),
        ("oe", False),
        ("doe doe", False),
        ("jane marie doe", True),
        ("j jane", False),
    ],
)
def test_fuzzy_names_match_by_beginnings_in_any_order(wanted: str, answer: bool) -> None:
    assert answers("PN", ("Doe^Jane^Marie",), wanted, fuzzy=True) is answer


def test_the_longer_word_takes_its_pick_first() -> None:
    assert matches_name("Jane^Janet", Name((), ("jane", "janet")))
    assert matches_name("Jan^Janet", Name((), ("jan", "jan")))


def sequence(*items: JsonDataset) -> JsonElement:
    return {"vr": "SQ", "Value": list(items)}


def test_keys_in_a_sequence_are_matched_by_one_item() -> None:
    dataset: JsonDataset = {
        "00400275": sequence(
            {"00080050": element("SH", "1"), "00400009": element("SH", "a")},
            {"00080050": element("SH", "2"), "00400009": element("SH", "b")},
        )
    }
    one = [Key((REQUEST, ACCESSION), "SH", ("2",)), Key((REQUEST, SCHEDULED_ID), "SH", ("b",))]
    mixed = [Key((REQUEST, ACCESSION), "SH", ("1",)), Key((REQUEST, SCHEDULED_ID), "SH", ("b",))]
    assert matches(dataset, one)
    assert not matches(dataset, mixed)


def test_a_sequence_only_asked_for_matches_everything() -> None:
    keys = [Key((REQUEST,), "SQ"), Key((REQUEST, ACCESSION), "SH"), Key((REQUEST, SCHEDULED_ID), "SH", ("*",))]
    assert matches({}, keys)
    assert matches({"00400275": {"vr": "SQ"}}, keys)


def test_a_missing_sequence_has_no_value_inside() -> None:
    assert not matches({}, [Key((REQUEST, ACCESSION), "SH", ("1",))])
    assert matches({}, [Key((REQUEST, ACCESSION), "SH", ('""',))])


def test_sequences_nest() -> None:
    dataset: JsonDataset = {"00400275": sequence({"00081110": sequence({"00081155": element("UI", "1.2")})})}
    assert matches(dataset, [Key((REQUEST, 0x00081110, 0x00081155), "UI", ("1.2",))])
    assert not matches(dataset, [Key((REQUEST, 0x00081110, 0x00081155), "UI", ("1.3",))])


DATE, TIME = Key((STUDY_DATE,), "DA", ("20200101-20200103",)), Key((STUDY_TIME,), "TM", ("10-12",))


@pytest.mark.parametrize(
    ("date", "time", "apart", "together"),
    [
        ("20200101", "1100", True, True),
        ("20200101", "0900", False, False),
        ("20200102", "0900", False, True),
        ("20200102", "1100", True, True),
        ("20200103", "1400", False, False),
        ("20200104", "1100", False, False),
        ("20200102", "", False, True),
        ("20200104", "", False, False),
        ("", "1100", False, False),
        ("20200101", "junk", False, True),
    ],
)
def test_date_and_time_are_asked_apart_or_together(date: str, time: str, apart: bool, together: bool) -> None:
    dataset: JsonDataset = {"00080020": element("DA", *([date] if date else []))}
    if time:
        dataset["00080030"] = element("TM", time)
    assert matches(dataset, [DATE, TIME]) is apart
    assert matches(dataset, [DATE, TIME], combined=True) is together


def test_combining_leaves_other_keys_as_they_are() -> None:
    dataset: JsonDataset = {"00080020": element("DA", "20200102"), "00100020": element("LO", "A")}
    assert matches(dataset, [DATE, Key((PATIENT_ID,), "LO", ("A",))], combined=True)
    assert not matches(dataset, [DATE, TIME, Key((PATIENT_ID,), "LO", ("B",))], combined=True)
    assert matches(dataset, [DATE, Key((STUDY_TIME,), "TM")], combined=True)


def test_open_ended_dates_combine_too() -> None:
    dataset: JsonDataset = {"00080020": element("DA", "20300101"), "00080030": element("TM", "09")}
    assert matches(dataset, [Key((STUDY_DATE,), "DA", ("20200101-",)), TIME], combined=True)


def test_date_and_time_combine_inside_a_sequence() -> None:
    step = sequence({"00400002": element("DA", "20200102"), "00400003": element("TM", "0900")})
    keys = [
        Key((0x00400100, 0x00400002), "DA", ("20200101-20200103",)),
        Key((0x00400100, 0x00400003), "TM", ("10-12",)),
    ]
    assert matches({"00400100": step}, keys, combined=True)
    assert not matches({"00400100": step}, keys)


def test_a_matcher_is_used_again_and_again() -> None:
    predicate = matcher([Key((PATIENT_ID,), "LO", ("A*",))])
    assert [predicate({"00100020": element("LO", text)}) for text in ("A", "B", "AB")] == [True, False, True]


def by_regular_expression(text: str, pattern: str) -> bool:
    parts = {"*": ".*", "?": "."}
    return re.fullmatch("".join(parts.get(one, re.escape(one)) for one in pattern), text, re.DOTALL) is not None


@given(st.text(st.sampled_from("ab*?\n"), max_size=10), st.text(st.sampled_from("ab*?\n"), max_size=8))
def test_wild_cards_mean_what_a_regular_expression_says(text: str, pattern: str) -> None:
    assert matches_pattern(text, pattern) == by_regular_expression(text, pattern)


@given(st.text(max_size=20), st.text(max_size=8))
def test_a_text_matches_its_own_ends(text: str, other: str) -> None:
    assert matches_pattern(text + other, f"{'?' * len(text)}*")
    assert matches_pattern(other + text, f"*{'?' * len(text)}")


def test_a_hostile_pattern_takes_no_exponential_time() -> None:
    assert not matches_pattern("a" * 2000, "*a" * 200 + "b")


DATES = st.dates().map(lambda date: f"{date.year:04d}{date:%m%d}")


@given(DATES, DATES, DATES)
def test_a_date_range_holds_what_lies_between(one: str, other: str, text: str) -> None:
    low_text, high_text = sorted([one, other])
    answer = answers("DA", (text,), f"{low_text}-{high_text}")
    assert answer == (low_text <= text <= high_text)
