"""Searching by attributes that the site has named: the same answers as by looking at each instance."""

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.config import IGNORE
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from sagittal.archive.archive import Archive
from sagittal.archive.filling import fill_attributes
from sagittal.archive.index.writer import IndexWriter
from sagittal.archive.reindex import reindex
from sagittal.dicom.attribute_path import parse_attribute
from sagittal.dicom.identifiers import new_uid
from sagittal.dicom.matching import Key, matches
from sagittal.errors import Conflict, Exhausted, Invalid, Unsupported
from sagittal.find import Level, Query, count, find
from sagittal.lifecycle.rejecting import reject, restore
from sagittal.runtime.actor import LOCAL
from support.archives import archive_at, instance, soon, store

PHYSICIAN, FLIP, SCANNED, ZONE = 0x00081052, 0x00181314, 0x0018A002, 0x00080201
REQUESTS, PROCEDURE, STEP = 0x00400275, 0x00401001, 0x00400009
START_DATE, START_TIME = 0x00400002, 0x00400003
GEMS, GEMS_CREATOR = 0x00091027, 0x00090010
NAMED = (
    "PerformingPhysicianIdentificationSequence.InstitutionName",
    "FlipAngle",
    "ContributionDateTime",
    "RequestAttributesSequence.RequestedProcedureID",
    "RequestAttributesSequence.ScheduledProcedureStepID",
    '0009,"ACME 1.1",27:LO',
    '0011,"ACME 1.1",10:PN',
)


def key(path: int | tuple[int, ...], vr: str, *values: str) -> Key:
    return Key((path,) if isinstance(path, int) else path, vr, values)


async def named(archive: Archive, *attributes: str) -> None:
    await archive.name_attributes([parse_attribute(one) for one in attributes or NAMED])
    await fill_attributes(archive)


async def answers(archive: Archive, level: Level, *keys: Key, **how: Any) -> list[dict[str, Any]]:
    query = Query(level=level, keys=keys, **how)
    return [json.loads(found.text()) async for found in find(archive, LOCAL, query, soon())]


async def ids(archive: Archive, level: Level, *keys: Key, **how: Any) -> list[str]:
    return sorted(one["00100020"]["Value"][0] for one in await answers(archive, level, *keys, **how))


def private(patient_id: str, value: str, *, block: int = 0x10, creator: str = "ACME 1.1", **more: str) -> Dataset:
    made = instance(PatientID=patient_id, **more)
    made.add_new(0x00090000 | block, "LO", creator)
    made.add_new(0x00090027 | block << 8, "LO", value)
    return made


def request(**values: str) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


async def test_a_private_element_is_found_in_whatever_block_its_creator_has(tmp_path: Path) -> None:
    async with archive_at(tmp_path / "data") as archive:
        await named(archive)
        await store(archive, private("A", "here"), private("B", "here", block=0x42), private("C", "here", creator="X"))
        for level in Level:
            assert await ids(archive, level, key(GEMS, "UN", "here")) == ["A", "B"]


async def test_a_private_element_is_asked_for_with_its_creator(tmp_path: Path) -> None:
    async with archive_at(tmp_path / "data") as archive:
        await named(archive, '0009,"ACME 1.1",27:LO', '0009,"OTHER",27:IS')
        await store(archive, private("A", "7"), private("B", "7", creator="OTHER"))
        asked = key(0x00092027, "LO", "7")
        assert await ids(archive, Level.STUDY, asked, key(0x00090020, "LO", "ACME 1.1")) == ["A"]
        assert await ids(archive, Level.STUDY, asked, key(0x00090020, "LO", "OTHER")) == ["B"]
        with pytest.raises(Invalid, match="may be"):
            await answers(archive, Level.STUDY, asked)
        with pytest.raises(Unsupported):
            await answers(archive, Level.STUDY, asked, key(0x00090020, "LO", "NOBODY"))


async def test_what_was_there_before_is_filled_in_and_refused_until_then(tmp_path: Path) -> None:
    async with archive_at(tmp_path / "data") as archive:
        await store(archive, *(private(str(number), str(number)) for number in range(3)))
        await archive.name_attributes([parse_attribute(one) for one in NAMED])
        with pytest.raises(Exhausted, match="0 of 3 instances"):
            await answers(archive, Level.STUDY, key(GEMS, "LO", "1"))
        await store(archive, private("new", "1"))
        await fill_attributes(archive)
        assert [(one.done, one.of, one.is_ready) for one in archive.named.attributes] == [(3, 3, True)] * len(NAMED)
        assert await ids(archive, Level.STUDY, key(GEMS, "LO", "1")) == ["1", "new"]


async def test_filling_in_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sagittal.archive.filling.BATCH", 2)
    async with archive_at(tmp_path / "data") as archive:
        await store(archive, *(private(str(number), "x") for number in range(5)))
        await archive.name_attributes([parse_attribute(NAMED[5])])
        is_filled, change = asyncio.Event(), archive.change

        async def change_once(run: Callable[[IndexWriter], object]) -> None:
            await change(run)
            is_filled.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(archive, "change", change_once)
        filling = asyncio.create_task(fill_attributes(archive))
        await is_filled.wait()
        filling.cancel()
        await asyncio.gather(filling, return_exceptions=True)
    async with archive_at(tmp_path / "data") as archive:
        assert [(one.done, one.of) for one in archive.named.attributes] == [(2, 5)]
        await archive.name_attributes([parse_attribute(NAMED[5]), parse_attribute("FlipAngle")])
        await fill_attributes(archive)
        assert [(one.done, one.of) for one in archive.named.attributes] == [(5, 5), (5, 5)]
        assert await ids(archive, Level.IMAGE, key(GEMS, "LO", "x")) == list("01234")


async def test_what_is_no_longer_named_is_taken_out(tmp_path: Path) -> None:
    async with archive_at(tmp_path / "data") as archive:
        await named(archive)
        await store(archive, private("A", "here"))
        await named(archive, "FlipAngle")
        with pytest.raises((Unsupported, Invalid)):
            await answers(archive, Level.STUDY, key(GEMS, "LO", "here"))
        assert await archive.fetch("SELECT count(*) FROM query_attributes", ()) == [(1,)]
        assert await archive.fetch(
            "SELECT count(*) FROM attribute_values WHERE attribute <= 7 AND attribute <> 2", ()
        ) == [(0,)]


async def test_values_go_and_come_back_with_their_instance(tmp_path: Path) -> None:
    async with archive_at(tmp_path / "data") as archive:
        await named(archive)
        (stored,) = await store(archive, private("A", "here"))
        rejected = await reject(archive, LOCAL, study=stored.study_instance_uid, deadline=soon())
        assert await ids(archive, Level.STUDY, key(GEMS, "LO", "here")) == []
        assert await archive.fetch("SELECT count(*) FROM attribute_values", ()) == [(0,)]
        await restore(archive, LOCAL, rejected.id, deadline=soon())
        assert await ids(archive, Level.STUDY, key(GEMS, "LO", "here")) == ["A"]


async def test_what_is_restored_behind_the_filling_has_its_values(tmp_path: Path) -> None:
    async with archive_at(tmp_path / "data") as archive:
        first, _ = await store(archive, private("A", "here"), private("B", "here"))
        rejected = await reject(archive, LOCAL, study=first.study_instance_uid, deadline=soon())
        await named(archive)
        await restore(archive, LOCAL, rejected.id, deadline=soon())
        assert await ids(archive, Level.STUDY, key(GEMS, "LO", "here")) == ["A", "B"]


async def test_a_rebuilt_index_has_the_values(tmp_path: Path) -> None:
    async with archive_at(tmp_path / "data") as archive:
        await named(archive)
        await store(archive, private("A", "here"), private("B", "there", block=0x20))
        before = await archive.fetch("SELECT * FROM attribute_values ORDER BY 1, 2, 3, 4", ())
    await asyncio.to_thread(reindex, tmp_path / "data", attributes=[parse_attribute(one) for one in NAMED])
    async with archive_at(tmp_path / "data") as archive:
        assert all(one.is_ready for one in archive.named.attributes)
        assert await archive.fetch("SELECT * FROM attribute_values ORDER BY 1, 2, 3, 4", ()) == before
        assert await ids(archive, Level.STUDY, key(GEMS, "LO", "there")) == ["B"]


async def test_attributes_are_not_named_while_somebody_stores(tmp_path: Path) -> None:
    async with archive_at(tmp_path / "data") as archive:
        session = archive.session(LOCAL)
        with pytest.raises(Conflict, match="before anybody stores"):
            await named(archive)
        await session.close()
        await named(archive)


async def test_keys_in_one_sequence_are_matched_by_one_item(tmp_path: Path) -> None:
    async with archive_at(tmp_path / "data") as archive:
        await named(archive)
        crossed = [
            request(RequestedProcedureID="1", ScheduledProcedureStepID="b"),
            request(RequestedProcedureID="2", ScheduledProcedureStepID="a"),
        ]
        same = [request(RequestedProcedureID="1", ScheduledProcedureStepID="a")]
        await store(
            archive,
            instance(PatientID="crossed", RequestAttributesSequence=crossed),
            instance(PatientID="same", RequestAttributesSequence=same),
        )
        keys = key((REQUESTS, PROCEDURE), "SH", "1"), key((REQUESTS, STEP), "SH", "a")
        assert await ids(archive, Level.STUDY, keys[0]) == ["crossed", "same"]
        for level in Level:
            assert await ids(archive, level, *keys) == ["same"]


async def test_answers_have_the_values_that_were_asked_for(tmp_path: Path) -> None:
    async with archive_at(tmp_path / "data") as archive:
        await named(archive)
        first = private("A", "one", FlipAngle="9")
        same = {"StudyInstanceUID": first.StudyInstanceUID, "SeriesInstanceUID": first.SeriesInstanceUID}
        await store(archive, first, private("A", "two", FlipAngle="9", **same), private("B", "three", block=0x33))
        asked = key(0x00094427, "LO"), key(0x00090044, "LO", "ACME 1.1")
        found = await answers(archive, Level.IMAGE, *asked)
        assert sorted(one["00094427"]["Value"][0] for one in found) == ["one", "three", "two"]
        assert {one["00090044"]["Value"][0] for one in found} == {"ACME 1.1"}
        studies = await answers(archive, Level.STUDY, *asked)
        assert {one["00100020"]["Value"][0]: one.get("00094427") for one in studies} == {
            "A": None,  # its instances do not agree
            "B": {"vr": "LO", "Value": ["three"]},
        }
        (study,) = await answers(archive, Level.STUDY, key(FLIP, "DS", "9"), included=((FLIP,),))
        assert study["00181314"]["Value"] == [9]


async def test_how_many_match_is_counted(tmp_path: Path) -> None:
    async with archive_at(tmp_path / "data") as archive:
        await named(archive)
        await store(archive, private("A", "x"), private("B", "x"), private("C", "y"))
        assert await count(archive, LOCAL, Query(level=Level.STUDY, keys=(key(GEMS, "UN", "x"),)), soon()) == 2


async def test_a_date_and_its_time_are_one_range_in_an_item(tmp_path: Path) -> None:
    path = "ReferencedStudySequence"  # any sequence that the index does not look into
    date, time = (0x00081110, START_DATE), (0x00081110, START_TIME)
    async with archive_at(tmp_path / "data") as archive:
        await named(archive, f"{path}.ScheduledProcedureStepStartDate", f"{path}.ScheduledProcedureStepStartTime")
        for name, day, hour in (
            ("before", "20200101", "0900"),
            ("between", "20200102", "2300"),
            ("after", "20200103", "13"),
        ):
            item = request(ScheduledProcedureStepStartDate=day, ScheduledProcedureStepStartTime=hour)
            await store(archive, instance(PatientID=name, ReferencedStudySequence=[item]))
        keys = key(date, "DA", "20200101-20200103"), key(time, "TM", "1000-1200")
        assert await ids(archive, Level.STUDY, *keys, combined=True) == ["between"]
        assert await ids(archive, Level.STUDY, *keys) == []


TEXTS = st.sampled_from(["A", "AB", "abc", "A[1]", "b*", "Ä", "x y"])
NAMES = st.sampled_from(["Doe^Jane", "Doe^Jan Jane", "DÖE^John", "Yamada^Tarou=山田^太郎=やまだ", "=山田", "Jan^Jan"])
MOMENTS = st.sampled_from(
    ["2020", "20200131", "20200131101500+0200", "20200131093000", "nonsense", "20200131101500-0500"]
)
NUMBERS = st.sampled_from(["1", "1.0", "+1e0", "-0", "0", "2.50", "1e2"])


@st.composite
def data_sets(draw: st.DrawFn) -> Dataset:
    made = instance(PatientID=draw(st.just("P")))
    made.SpecificCharacterSet = "ISO_IR 192"
    del made.FlipAngle
    if draw(st.booleans()):
        made.FlipAngle = draw(NUMBERS)
    if draw(st.booleans()):
        made.TimezoneOffsetFromUTC = draw(st.sampled_from(["+0100", "-0330"]))
    moment = draw(st.none() | MOMENTS)
    if moment is not None:
        made.add(DataElement(SCANNED, "DT", moment, validation_mode=IGNORE))
    items = draw(st.none() | st.lists(st.tuples(st.none() | TEXTS, st.none() | TEXTS), max_size=3))
    if items is not None:
        made.RequestAttributesSequence = [
            request(
                **{
                    k: v
                    for k, v in zip(("RequestedProcedureID", "ScheduledProcedureStepID"), item, strict=True)
                    if v is not None
                }
            )
            for item in items
        ]
    if draw(st.booleans()):
        made.add_new(0x00090010, "LO", "ACME 1.1")
        made.add_new(0x00091027, "LO", draw(st.lists(TEXTS, max_size=3)))
    if draw(st.booleans()):
        made.add_new(0x00110010, "LO", "ACME 1.1")
        made.add_new(0x00111010, "PN", draw(st.lists(NAMES, max_size=2)))
    return made


PATTERNS = st.sampled_from(["A", "A*", "?B", "*b*", "A[1]", '""', "x?y", "**", " A ", "Ä*", "A\\abc"])
KEYS = st.one_of(
    st.builds(lambda v: key(FLIP, "DS", v), NUMBERS | st.just('""')),
    st.builds(
        lambda v: key(SCANNED, "DT", v),
        st.sampled_from(["2020", "20200131-", "-20200131091500+0100", "20200131081500+0000-20200131", '""']),
    ),
    st.builds(lambda v: key((REQUESTS, PROCEDURE), "SH", *v.split("\\")), PATTERNS),
    st.builds(lambda v: key((REQUESTS, STEP), "SH", *v.split("\\")), PATTERNS),
    st.builds(lambda v: key(GEMS, "LO", *v.split("\\")), PATTERNS),
    st.builds(
        lambda v: key(0x00111010, "PN", v),
        st.sampled_from(
            ["doe*", "Doe^Jane", "=山田*", "山田^太郎", "ja* ja*", "jan jan", "jan jane", '""', "d?e*^j*="]
        ),
    ),
)


async def test_the_index_finds_what_looking_at_each_instance_finds(tmp_path: Path) -> None:
    runs = []
    async with archive_at(tmp_path / "data") as archive:
        await named(archive)
        loop = asyncio.get_running_loop()

        @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
        @given(
            st.lists(data_sets(), min_size=1, max_size=4),
            st.lists(KEYS, min_size=1, max_size=3),
            st.booleans(),
            st.booleans(),
        )
        def same(stored: Sequence[Dataset], keys: Sequence[Key], fuzzy: bool, narrow: bool) -> None:
            future = asyncio.run_coroutine_threadsafe(_same(archive, stored, keys, fuzzy, narrow), loop)
            runs.append(future.result(30))

        await asyncio.to_thread(same)
    assert any(runs)


async def _same(archive: Archive, stored: Sequence[Dataset], keys: Sequence[Key], fuzzy: bool, narrow: bool) -> bool:
    study = new_uid()
    for one in stored:
        one.StudyInstanceUID, one.SOPInstanceUID = study, new_uid()
        one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID
    await store(archive, *stored)
    keys = tuple({one.path: one for one in keys}.values())
    in_study = key(0x0020000D, "UI", study) if narrow else key(0x0020000D, "UI")
    found = {
        one["00080018"]["Value"][0]
        for one in await answers(archive, Level.IMAGE, *keys, in_study, fuzzy=fuzzy)
        if one["0020000D"]["Value"] == [study]
    }
    expected = {
        str(one.SOPInstanceUID)
        for one in stored
        if matches(json.loads(one.to_json(bulk_data_element_handler=lambda _: "")), keys, fuzzy=fuzzy)
    }
    assert found == expected
    above = await answers(archive, Level.STUDY, *keys, in_study, fuzzy=fuzzy)
    assert any(one["0020000D"]["Value"] == [study] for one in above) >= bool(expected)
    return bool(expected)
