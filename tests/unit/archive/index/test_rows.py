"""What the index says of instances."""

import asyncio
import json
from collections.abc import Callable

import pytest
from sqlalchemy import Table, select

from sagittal.archive.archive import Archive
from sagittal.archive.index import attributes, schema
from sagittal.archive.index.readers import AnyRow
from sagittal.archive.index.statements import (
    INSERT_CONFLICT,
    INSERT_EVENT,
    INSERT_INSTANCE,
    INSERT_PACK,
    RESTORE_INSTANCE,
    columns_of,
)
from sagittal.archive.index.writer import PackRow
from sagittal.archive.settings import ArchiveSettings
from sagittal.dicom.registry import vr_of
from support.data_sets import data_set, element
from support.puts import ACTOR, put

Opened = Callable[..., Archive]


async def all_of(archive: Archive, table: Table) -> list[AnyRow]:
    return await archive.select(select(table).order_by(table.c[0]))


def attributes_of(row: AnyRow) -> dict[str, object]:
    decoded: dict[str, object] = json.loads(row.attributes)
    return {key: value.get("Value") for key, value in decoded.items()}  # type: ignore[attr-defined]  # JSON of ours


async def test_each_level_says_what_the_standard_asks_for(opened: Opened) -> None:
    request = element(0x00400009, b"STEP1", "SH") + element(0x00401001, b"REQ1", "SH")
    item = b"\xfe\xff\x00\xe0" + len(request).to_bytes(4, "little") + request
    more: dict[int, bytes | None] = {0x00080090: b"Ref^Doc", 0x00081030: b"Head CT", 0x0008103E: b"axial"}
    data = data_set(7, more=more, pixels=b"")
    data += b""
    archive = opened()
    tail = element(0x00400275, item, "SQ")
    await put(archive.session(ACTOR), data + tail)
    (study,), (series,), (instance,) = [
        await all_of(archive, table) for table in (schema.studies, schema.series, schema.instances)
    ]
    assert (study.patient_name, study.study_date, study.study_description) == ("Doe^Jane", "20240229", "Head CT")
    assert (study.modalities, study.sop_classes) == ("CT", "1.2.840.10008.5.1.4.1.1.2")
    assert (series.modality, series.series_description) == ("CT", "axial")
    assert (instance.instance_number, instance.frames) == ("7", 0)
    assert attributes_of(study)["00100010"] == [{"Alphabetic": "Doe^Jane"}]
    assert attributes_of(series)["00400275"] == [
        {"00400009": {"vr": "SH", "Value": ["STEP1"]}, "00401001": {"vr": "SH", "Value": ["REQ1"]}}
    ]
    assert attributes_of(instance) == {
        "00080016": ["1.2.840.10008.5.1.4.1.1.2"],
        "00080018": ["1.2.3.1.7"],
        "00200013": [7],
        "00280002": [1],
        "00280004": ["MONOCHROME2"],
        "00280010": [8],
        "00280011": [8],
        "00280100": [16],
    }


async def test_text_is_decoded_whatever_character_set_it_came_in(opened: Opened) -> None:
    archive = opened()
    session = archive.session(ACTOR)
    names = {b"ISO_IR 100": "Müller^Jörg", b"ISO_IR 192": "山田^太郎", b"ISO_IR 144": "Люкceмбypг"}
    codecs = {b"ISO_IR 100": "latin_1", b"ISO_IR 192": "utf-8", b"ISO_IR 144": "iso8859_5"}
    for number, (term, name) in enumerate(names.items()):
        encoded = name.encode(codecs[term])
        await put(
            session,
            data_set(1, study=f"1.8.{number}", series=f"1.8.{number}.1", more={0x00080005: term, 0x00100010: encoded}),
        )
    assert [row.patient_name for row in await all_of(archive, schema.studies)] == list(names.values())
    assert (await all_of(archive, schema.studies))[0].name_folded == "muller jorg"


async def test_the_first_value_that_is_not_empty_stays(opened: Opened) -> None:
    archive = opened()
    session = archive.session(ACTOR)
    await put(session, data_set(1, more={0x00081030: b"", 0x00100030: None}))
    await put(session, data_set(2, more={0x00081030: b"first", 0x00100030: b"19700101"}))
    await put(session, data_set(3, more={0x00081030: b"second", 0x00100030: b"19800101", 0x00100010: b"Other^Name"}))
    (study,) = await all_of(archive, schema.studies)
    (patient,) = await all_of(archive, schema.patients)
    assert (study.study_description, study.patient_birth_date, study.patient_name) == ("first", "19700101", "Doe^Jane")
    assert attributes_of(study)["00081030"] == ["first"]
    assert (patient.patient_birth_date, patient.patient_name) == ("19700101", "Doe^Jane")
    assert list(attributes_of(study)) == sorted(attributes_of(study))


async def test_patients_are_told_apart_by_id_and_issuer(opened: Opened) -> None:
    archive = opened()
    session = archive.session(ACTOR)
    for number, more in enumerate(
        ({0x00100021: b"A"}, {0x00100021: b"B"}, {0x00100021: b"A"}, {}, {0x00100020: b""}, {0x00100020: b""})
    ):
        await put(session, data_set(1, study=f"1.8.{number}", series=f"1.8.{number}.1", more=more))
    found = [(row.patient_id, row.issuer, row.of_study, row.studies) for row in await all_of(archive, schema.patients)]
    assert found == [
        ("P1", "A", "", 2), ("P1", "B", "", 1), ("P1", "", "", 1), ("", "", "1.8.4", 1), ("", "", "1.8.5", 1)
    ]  # fmt: skip


async def test_a_study_whose_patient_id_comes_late_moves_to_that_patient(opened: Opened) -> None:
    archive = opened()
    session = archive.session(ACTOR)
    await put(session, data_set(1, study="1.8.1", series="1.8.1.1"))
    for number in range(1, 4):
        patient_id = b"" if number < 3 else b"P1"
        await put(session, data_set(number, study="1.8.2", series=f"1.8.2.{number}", more={0x00100020: patient_id}))
    patients = await all_of(archive, schema.patients)
    assert [(row.patient_id, row.studies, row.series, row.instances) for row in patients] == [("P1", 2, 4, 4)]
    assert {row.patient for row in await all_of(archive, schema.studies)} == {patients[0].id}
    names = schema.patient_names
    found = await archive.select(select(names.c.rowid).where(names.c.name_folded.like("%doe%")))
    assert [row.rowid for row in found] == [patients[0].id]


async def test_demographics_of_another_patient_do_not_fill_gaps(opened: Opened) -> None:
    archive = opened()
    session = archive.session(ACTOR)
    await put(session, data_set(1))
    await put(session, data_set(2, more={0x00100020: b"P2", 0x00100030: b"19700101", 0x00081030: b"shared"}))
    (study,) = await all_of(archive, schema.studies)
    assert (study.patient_id, study.patient_birth_date, study.study_description) == ("P1", "", "shared")
    assert "00100030" not in attributes_of(study)


async def test_one_series_uid_in_two_studies_is_two_series(opened: Opened) -> None:
    archive = opened()
    session = archive.session(ACTOR)
    await put(session, data_set(1, study="1.8.1", series="1.9"))
    await put(session, data_set(2, study="1.8.2", series="1.9"))
    assert [row.instances for row in await all_of(archive, schema.series)] == [1, 1]
    assert len(await archive.locate(series="1.9")) == 2
    assert len(await archive.locate(series="1.9", study="1.8.2")) == 1


async def test_counts_and_lists_are_kept_over_a_restart(opened: Opened) -> None:
    archive = opened()
    await put(archive.session(ACTOR), data_set(1))
    await archive.close()
    again = opened()
    session = again.session(ACTOR)
    await put(session, data_set(2, more={0x00100010: b"Other"}))
    await put(session, data_set(1, series="1.2.3.2", more={0x00080060: b"AR", 0x00080016: b"1.2.9"}))
    (study,) = await all_of(again, schema.studies)
    (patient,) = await all_of(again, schema.patients)
    assert (study.series, study.instances, study.modalities) == (2, 3, "AR\\CT")
    assert study.sop_classes == "1.2.840.10008.5.1.4.1.1.2\\1.2.9"
    assert (patient.studies, patient.series, patient.instances) == (1, 2, 3)
    assert [row.instances for row in await all_of(again, schema.series)] == [2, 1]
    assert study.received_ns < study.updated_ns


async def test_counts_go_on_after_a_rest(opened: Opened) -> None:
    archive = opened(settings=ArchiveSettings(rest_s=0.0))
    session = archive.session(ACTOR)
    for number in (1, 2, 3):
        await put(session, data_set(number))
        async with asyncio.timeout(30):
            while archive._committer._index._parents._series:  # noqa: ASYNC110  # nobody is told of a rest
                await asyncio.sleep(0)
    (study,) = await all_of(archive, schema.studies)
    assert (study.series, study.instances) == (1, 3)


async def test_names_are_searched_inside(opened: Opened) -> None:
    archive = opened()
    session = archive.session(ACTOR)
    for number, name in enumerate((b"Anderson^Ann", b"Sanders^Bob", b"Miller^Cat")):
        await put(session, data_set(1, study=f"1.8.{number}", series=f"1.8.{number}.1", more={0x00100010: name}))
    names = schema.study_names
    query = select(schema.studies.c.study_instance_uid).where(
        schema.studies.c.id.in_(select(names.c.rowid).where(names.c.name_folded.like("%ander%")))
    )
    assert [row.study_instance_uid for row in await archive.select(query)] == ["1.8.0", "1.8.1"]


async def test_a_value_that_cannot_be_read_hides_no_instance(opened: Opened) -> None:
    archive = opened()
    broken = element(0x00081032, b"\xfe\xff\x00\xe0\xff\x00\x00\x00torn", "SQ")
    data = data_set(1, more={0x00280010: b"\1\2\3\4\5\6"}).replace(
        element(0x0020000D, b"1.2.3"), broken[:0] + element(0x0020000D, b"1.2.3")
    )
    at = data.find(element(0x00100010, b"Doe^Jane"))
    stored = await put(archive.session(ACTOR), data[:at] + broken + data[at:])
    assert stored.outcome == "stored"
    (study,) = await all_of(archive, schema.studies)
    assert "00081032" not in attributes_of(study)


def test_rows_have_the_order_of_their_tables() -> None:
    for statement, table in (
        (INSERT_INSTANCE, schema.instances),
        (INSERT_CONFLICT, schema.conflicts),
        (INSERT_EVENT, schema.events),
        (INSERT_PACK, schema.packs),
    ):
        assert statement.names == columns_of(table)
    assert PackRow._fields == columns_of(schema.packs)
    assert RESTORE_INSTANCE.names == (
        "pack", "file_offset", "file_length", "data_set_offset", "digest", "is_corrupt", "sop_instance_uid_"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("level", "table"),
    [
        (attributes.PATIENT, schema.patients),
        (attributes.STUDY, schema.studies),
        (attributes.SERIES, schema.series),
        (attributes.INSTANCE, schema.instances),
    ],
)
def test_the_tables_of_attributes_name_real_columns_and_attributes(level: attributes.Attributes, table: Table) -> None:
    assert list(level) == sorted(level) or table is not schema.studies
    for tag, column in level.items():
        assert vr_of(tag) != "UN", f"{tag:08X}"
        assert column is None or column in table.c or (tag in attributes.PATIENT and column in schema.patients.c)
