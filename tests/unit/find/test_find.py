import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sagittal.archive.archive import Archive
from sagittal.dicom.matching import Key
from sagittal.errors import Invalid, Unsupported
from sagittal.find import Level, Order, Query, count, find, unmatchable
from sagittal.runtime.actor import LOCAL
from support.archives import archive_at, file_bytes, instance, soon, store

NAME, ID, DATE, TIME = 0x00100010, 0x00100020, 0x00080020, 0x00080030
MODALITY, MODALITIES, SERIES_DESCRIPTION, STUDY_UID = 0x00080060, 0x00080061, 0x0008103E, 0x0020000D


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[Archive]:
    async with archive_at(tmp_path / "data") as opened:
        yield opened


def key(tag: int, vr: str, *values: str) -> Key:
    return Key((tag,), vr, values)


async def answers(archive: Archive, level: Level, *keys: Key, **how: Any) -> list[dict[str, Any]]:
    query = Query(level=level, keys=keys, **how)
    return [json.loads(found.text()) async for found in find(archive, LOCAL, query, soon())]


async def ids(archive: Archive, *keys: Key, **how: Any) -> list[str]:
    return sorted(one["00100020"]["Value"][0] for one in await answers(archive, Level.STUDY, *keys, **how))


async def test_an_empty_archive_answers_nothing(archive: Archive) -> None:
    assert await answers(archive, Level.STUDY) == []


async def test_all_keys_must_match(archive: Archive) -> None:
    await store(archive, instance(PatientID="A", StudyDate="20200101"), instance(PatientID="B", StudyDate="20200101"))
    assert await ids(archive, key(DATE, "DA", "20200101"), key(ID, "LO", "B")) == ["B"]


async def test_a_name_is_found_without_regard_to_case_and_accents(archive: Archive) -> None:
    one = instance(PatientID="A", PatientName="Müller^Jörg")
    one.SpecificCharacterSet = "ISO_IR 100"
    await store(archive, one, instance(PatientID="B", PatientName="Miller^Jorg"))
    assert await ids(archive, key(NAME, "PN", "MULLER*")) == ["A"]


async def test_a_name_is_found_by_its_ideographic_group(archive: Archive) -> None:
    one = instance(PatientID="A", PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう")
    one.SpecificCharacterSet = "ISO_IR 192"
    await store(archive, one)
    assert await ids(archive, key(NAME, "PN", "山田*")) == ["A"]


@pytest.mark.parametrize(
    ("pattern", "found"), [("*ÖH*", ["A"]), ("r?hl*", ["A"]), ("Ro*", ["A", "B"]), ("X*", []), ("Roehl^Eva", ["B"])]
)
async def test_wild_cards_in_names(archive: Archive, pattern: str, found: list[str]) -> None:
    one = instance(PatientID="A", PatientName="Röhl^Eva")
    one.SpecificCharacterSet = "ISO_IR 100"
    await store(archive, one, instance(PatientID="B", PatientName="Roehl^Eva"))
    assert await ids(archive, key(NAME, "PN", pattern)) == found


async def test_fuzzy_matching_takes_words_in_any_order(archive: Archive) -> None:
    await store(archive, instance(PatientID="A", PatientName="Doe^Jane Mary"))
    assert await ids(archive, key(NAME, "PN", "mary do"), fuzzy=True) == ["A"]
    assert await ids(archive, key(NAME, "PN", "mary do")) == []


async def test_brackets_in_a_key_are_letters(archive: Archive) -> None:
    await store(archive, instance(PatientID="A[1]"), instance(PatientID="A1"))
    assert await ids(archive, key(ID, "LO", "A[1]*")) == ["A[1]"]


async def test_a_date_range_is_inclusive_and_may_be_open(archive: Archive) -> None:
    await store(archive, *(instance(PatientID=f"{day}", StudyDate=f"202001{day:02}") for day in range(1, 6)))
    assert await ids(archive, key(DATE, "DA", "20200102-20200103")) == ["2", "3"]
    assert await ids(archive, key(DATE, "DA", "20200104-")) == ["4", "5"]
    assert await ids(archive, key(DATE, "DA", "-20200101")) == ["1"]


async def test_a_date_in_the_form_of_old_consoles_is_found_too(archive: Archive) -> None:
    stored = instance(PatientID="A", StudyDate="20200131")
    file = file_bytes(stored).replace(b"DA\x08\x0020200131", b"DA\x0a\x002020.01.31", 1)
    await store(archive, file)
    assert await ids(archive, key(DATE, "DA", "20200101-20200201")) == ["A"]


async def test_a_time_range_matches_values_of_any_precision(archive: Archive) -> None:
    times = {"A": "10", "B": "1030", "C": "103059.123", "D": "1100"}
    await store(archive, *(instance(PatientID=name, StudyTime=time) for name, time in times.items()))
    assert await ids(archive, key(TIME, "TM", "1015-1045")) == ["B", "C"]


async def test_date_and_time_can_be_one_range(archive: Archive) -> None:
    await store(
        archive,
        instance(PatientID="before", StudyDate="20200101", StudyTime="0900"),
        instance(PatientID="between", StudyDate="20200102", StudyTime="2300"),
        instance(PatientID="after", StudyDate="20200103", StudyTime="1300"),
    )
    keys = (key(DATE, "DA", "20200101-20200103"), key(TIME, "TM", "1000-1200"))
    assert await ids(archive, *keys, combined=True) == ["between"]
    assert await ids(archive, *keys) == []


async def test_a_range_of_times_may_run_backwards_where_dates_go_with_it(archive: Archive) -> None:
    await store(
        archive,
        instance(PatientID="evening", StudyDate="20200101", StudyTime="2100"),
        instance(PatientID="noon", StudyDate="20200101", StudyTime="1200"),
    )
    keys = (key(DATE, "DA", "20200101-20200102"), key(TIME, "TM", "1300-1100"))
    assert await ids(archive, *keys, combined=True) == ["evening"]
    assert await ids(archive, *keys) == []


async def test_a_study_is_found_by_what_its_series_are(archive: Archive) -> None:
    study = instance(PatientID="A", Modality="MR", SeriesDescription="T1 AX")
    other = instance(PatientID="A", StudyInstanceUID=study.StudyInstanceUID, Modality="SR", SeriesDescription="Report")
    await store(archive, study, other, instance(PatientID="B", Modality="CT"))
    assert await ids(archive, key(MODALITIES, "CS", "SR")) == ["A"]
    assert await ids(archive, key(MODALITY, "CS", "CT")) == ["B"]
    assert await ids(archive, key(SERIES_DESCRIPTION, "LO", "T1*")) == ["A"]


async def test_a_value_inside_a_sequence_is_matched(archive: Archive) -> None:
    from pydicom.dataset import Dataset

    requested = Dataset()
    requested.RequestedProcedureID = "RP7"
    await store(archive, instance(PatientID="A", RequestAttributesSequence=[requested]), instance(PatientID="B"))
    inside = Key((0x00400275, 0x00401001), "SH", ("RP7",))
    assert [one["00100020"]["Value"] for one in await answers(archive, Level.SERIES, inside)] == [["A"]]


async def test_counts_of_a_study_are_kept(archive: Archive) -> None:
    first = instance(PatientID="A")
    same_series = {"StudyInstanceUID": first.StudyInstanceUID, "SeriesInstanceUID": first.SeriesInstanceUID}
    await store(
        archive,
        first,
        instance(PatientID="A", **same_series),
        instance(PatientID="A", StudyInstanceUID=first.StudyInstanceUID),
    )
    (study,) = await answers(archive, Level.STUDY)
    assert (study["00201206"]["Value"], study["00201208"]["Value"]) == ([2], [3])


async def test_a_multiple_value_is_matched_by_each_of_its_values(archive: Archive) -> None:
    await store(archive, instance(PatientID="A", OtherPatientIDs=["X1", "X2"]), instance(PatientID="B"))
    found = await answers(archive, Level.PATIENT, key(0x00101000, "LO", "X2"))
    assert [one["00100020"]["Value"] for one in found] == [["A"]]


async def test_two_patients_with_the_same_id_and_other_issuers_are_two(archive: Archive) -> None:
    await store(
        archive,
        instance(PatientID="7", IssuerOfPatientID="North"),
        instance(PatientID="7", IssuerOfPatientID="South"),
    )
    assert len(await answers(archive, Level.PATIENT, key(ID, "LO", "7"))) == 2


@pytest.mark.parametrize("level", list(Level))
async def test_pages_are_complete_and_do_not_overlap(archive: Archive, level: Level) -> None:
    await store(archive, *(instance(PatientID=f"{n}", StudyDate=f"2020010{n % 3}") for n in range(7)))
    whole = await answers(archive, level)
    pages = [await answers(archive, level, limit=3, offset=offset) for offset in (0, 3, 6)]
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [one for page in pages for one in page] == whole


async def test_paging_holds_where_answers_are_checked_one_by_one(archive: Archive) -> None:
    await store(archive, *(instance(PatientID=f"{n}", PatientName=f"Smith^{n}") for n in range(5)))
    pages = [await answers(archive, Level.STUDY, key(NAME, "PN", "smith*"), limit=2, offset=at) for at in (0, 2, 4)]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert len({one["00100020"]["Value"][0] for page in pages for one in page}) == 5


async def test_more_answers_than_a_batch_come_in_order(archive: Archive) -> None:
    first = instance(PatientID="A")
    common = {"StudyInstanceUID": first.StudyInstanceUID, "SeriesInstanceUID": first.SeriesInstanceUID}
    await store(archive, *(instance(PatientID="A", InstanceNumber=number, **common) for number in range(450, 0, -1)))
    found = await answers(archive, Level.IMAGE)
    assert [one["00200013"]["Value"][0] for one in found] == list(range(1, 451))


async def test_an_answer_names_the_levels_above(archive: Archive) -> None:
    stored = instance(PatientID="A")
    await store(archive, stored)
    (found,) = await answers(archive, Level.IMAGE)
    assert found["00100020"]["Value"] == ["A"]
    assert found["0020000D"]["Value"] == [stored.StudyInstanceUID]
    assert found["0020000E"]["Value"] == [stored.SeriesInstanceUID]


async def test_an_attribute_that_is_not_held_is_refused_by_its_name(archive: Archive) -> None:
    asked = key(0x00180081, "DS", "80")
    with pytest.raises(Unsupported, match="EchoTime"):
        await answers(archive, Level.STUDY, asked)
    assert unmatchable(archive, Level.STUDY, [asked, key(ID, "LO", "A"), key(0x00180081, "DS", "")]) == (asked,)


async def test_a_malformed_key_is_refused_by_its_name(archive: Archive) -> None:
    with pytest.raises(Invalid, match="StudyDate"):
        await answers(archive, Level.STUDY, key(DATE, "DA", "yesterday"))


async def test_the_number_of_answers_is_told_where_the_index_knows_it(archive: Archive) -> None:
    await store(archive, *(instance(PatientID=f"{n}") for n in range(3)))
    assert await count(archive, LOCAL, Query(level=Level.STUDY, limit=1), soon()) == 3
    assert await count(archive, LOCAL, Query(level=Level.STUDY, keys=(key(NAME, "PN", "a*"),)), soon()) is None


async def test_answers_come_in_the_order_asked_for(archive: Archive) -> None:
    days = {"A": "20200103", "B": "20200101", "C": "20200103", "D": "20200102"}
    await store(archive, *(instance(PatientID=who, PatientName=f"N^{who}", StudyDate=day) for who, day in days.items()))

    async def order(*wanted: Order) -> str:
        return "".join(one["00100020"]["Value"][0] for one in await answers(archive, Level.STUDY, order=wanted))

    assert await order(Order(DATE), Order(NAME, is_falling=True)) == "BDCA"
    assert await order(Order(DATE, is_falling=True), Order(NAME)) == "ACDB"
    assert await order(Order(ID)) == "ABCD"


async def test_instances_sort_by_what_only_their_json_holds_and_by_attributes_above(archive: Archive) -> None:
    times = ["101500", "090000", "120000"]
    await store(archive, *(instance(InstanceCreationTime=time, PatientID=f"P{n}") for n, time in enumerate(times)))
    rising = await answers(archive, Level.IMAGE, order=(Order(0x00080013),))
    assert [one["00080013"]["Value"][0] for one in rising] == sorted(times)
    falling = await answers(archive, Level.IMAGE, order=(Order(ID, is_falling=True),))
    assert [one["00100020"]["Value"][0] for one in falling] == ["P2", "P1", "P0"]


@pytest.mark.parametrize("is_falling", [False, True])
async def test_batches_of_a_mixed_order_join_to_the_whole(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, is_falling: bool
) -> None:
    study = instance().StudyInstanceUID
    await store(
        archive, *(instance(StudyInstanceUID=study, SeriesNumber=n % 3, Modality=f"M{n % 2}") for n in range(9))
    )
    wanted = (Order(MODALITY, is_falling=not is_falling), Order(0x00200011, is_falling=is_falling))
    whole = [one["0020000E"] for one in await answers(archive, Level.SERIES, order=wanted)]
    monkeypatch.setattr("sagittal.find.search.BATCH", 2)
    assert [one["0020000E"] for one in await answers(archive, Level.SERIES, order=wanted)] == whole


async def test_an_order_by_what_the_index_does_not_hold_is_refused_by_name(archive: Archive) -> None:
    with pytest.raises(Unsupported, match="PixelSpacing"):
        await answers(archive, Level.STUDY, order=(Order(0x00280030),))
