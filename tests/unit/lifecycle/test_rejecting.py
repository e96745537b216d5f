"""Rejected instances are in no answer, come back as they were, and a rebuilt index knows of all that was done."""

import asyncio
import os
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagittal.archive import journalled
from sagittal.archive.archive import Archive
from sagittal.archive.index.writer import IndexWriter
from sagittal.archive.reindex import reindex
from sagittal.archive.verify import verify
from sagittal.errors import Conflict, Corrupt, Exhausted, Invalid, NotFound, Refused
from sagittal.lifecycle.purging import purge
from sagittal.lifecycle.rejecting import MAX_NOTE, Rejection, reject, rejection_of, rejections, restore
from sagittal.runtime.actor import Actor, Grant
from sagittal.runtime.deadline import Deadline
from support.data_sets import RLE, data_set, encapsulated
from support.puts import ACTOR, Clock, crash, dump, put
from support.rejecting import PERSON, kept, names_found, purge_all, rows, take, undo

Opened = Callable[..., Archive]


async def fill(archive: Archive) -> None:
    """Two series of a study, another study of the same patient, one of another, and something kept beside."""
    session = archive.session(ACTOR)
    for number in (1, 2, 3):
        await put(session, data_set(number))
        await put(session, data_set(number, series="1.2.3.2", more={0x00080060: b"MR"}))
    await put(session, data_set(1, study="1.2.4", series="1.2.4.1"))
    await put(
        session, data_set(1, study="1.2.5", series="1.2.5.1", more={0x00100020: b"OTHER", 0x00100010: b"Other^One"})
    )
    await put(session, data_set(2, pixels=b"other bytes!"))
    frames = [bytes(20), bytes(30)]
    await put(session, encapsulated(frames, series="1.2.3.9", more={0x00280008: b"2"}), syntax=RLE)
    await session.close()


async def study_row(archive: Archive, uid: str = "1.2.3") -> dict[str, object]:
    found = [dict(row._mapping) for row in await rows(archive, "studies") if row.study_instance_uid == uid]
    return found[0]


async def test_a_rejected_series_is_in_no_answer_and_in_no_count(opened: Opened) -> None:
    archive = opened()
    await fill(archive)
    rejection = await take(archive, study="1.2.3", series="1.2.3.2")
    assert (rejection.instances, rejection.restorable, rejection.reason) == (3, 3, "113001")
    assert await archive.locate(series="1.2.3.2") == ()
    study = await study_row(archive)
    assert (study["series"], study["instances"], study["modalities"]) == (2, 4, "CT")
    (patient,) = [row for row in await rows(archive, "patients") if row.patient_id != "OTHER"]
    assert (patient.studies, patient.series, patient.instances) == (2, 3, 5)


async def test_what_was_kept_beside_an_instance_goes_and_comes_with_it(opened: Opened) -> None:
    archive = opened()
    await fill(archive)
    before = await dump(archive)
    rejection = await take(archive, instance="1.2.3.1.2")
    assert await rows(archive, "conflicts") == []
    assert rejection.instances == 1
    await undo(archive, rejection)
    after = await dump(archive)
    assert {**after, "events": []} == {**before, "events": []}


@pytest.mark.parametrize(
    "named",
    [{"study": "1.2.3"}, {"series": "1.2.3.2"}, {"series": "1.2.3.9"}, {"study": "1.2.5"}, {"instance": "1.2.3.1.1"}],
    ids=str,
)
async def test_restoring_gives_the_rows_the_bytes_and_the_names_as_they_were(
    opened: Opened, named: dict[str, str]
) -> None:
    archive = opened()
    await fill(archive)
    before, files = await kept(archive), await files_of(archive)
    found = await names_found(archive, "oe")
    rejection = await take(archive, **named)
    assert await kept(archive) != before
    restored = await undo(archive, rejection)
    assert (restored.restorable, restored.restored_ns > restored.at_ns) == (0, True)
    assert await kept(archive) == before
    assert await files_of(archive) == files
    assert await names_found(archive, "oe") == found


async def test_the_last_instance_takes_its_series_study_patient_and_their_names_along(opened: Opened) -> None:
    archive = opened()
    await fill(archive)
    assert await names_found(archive, "other") == (1, 1)
    await take(archive, instance="1.2.5.1.1")
    assert await names_found(archive, "other") == (0, 0)
    assert "1.2.5" not in {row.study_instance_uid for row in await rows(archive, "studies")}
    assert "OTHER" not in {row.patient_id for row in await rows(archive, "patients")}


async def test_what_an_instance_of_another_patient_said_of_the_study_goes_with_it(opened: Opened) -> None:
    archive = opened()
    session = archive.session(ACTOR)
    wrong = {0x00100020: b"WRONG", 0x00100010: b"Wrong^Person", 0x00100030: b"19010101", 0x00081030: b"Wrong"}
    right = {0x00100020: b"RIGHT", 0x00100010: b"Right^Person", 0x00081030: b"Head"}
    await put(session, data_set(1, more=wrong))
    for number in (2, 3):
        await put(session, data_set(number, more=right))
    assert (await study_row(archive))["patient_id"] == "WRONG"
    rejection = await take(archive, instance="1.2.3.1.1")
    study = await study_row(archive)
    assert (study["patient_id"], study["patient_name"], study["patient_birth_date"], study["study_description"]) == (
        "RIGHT", "Right^Person", "", "Head",
    )  # fmt: skip
    assert "Wrong" not in str(study["attributes"])
    assert [row.patient_id for row in await rows(archive, "patients")] == ["RIGHT"]
    assert (await names_found(archive, "wrong"), await names_found(archive, "right")) == ((0, 0), (1, 1))
    await undo(archive, rejection)
    assert (await study_row(archive))["patient_id"] == "WRONG"


async def test_a_rejected_instance_that_is_sent_again_is_stored_anew(opened: Opened) -> None:
    archive = opened()
    session = archive.session(ACTOR)
    await put(session, data_set(1))
    rejection = await take(archive, instance="1.2.3.1.1")
    assert (await put(session, data_set(1))).outcome == "stored"
    with pytest.raises(Conflict, match="nothing of rejection"):
        await undo(archive, rejection)
    assert len(await archive.locate(instance="1.2.3.1.1")) == 1


async def test_restored_beside_other_bytes_that_came_meanwhile_it_is_a_conflict(opened: Opened) -> None:
    archive = opened()
    session = archive.session(ACTOR)
    await put(session, data_set(1))
    rejection = await take(archive, instance="1.2.3.1.1")
    await put(session, data_set(1, pixels=b"other"))
    (before,) = await archive.locate(instance="1.2.3.1.1")
    await undo(archive, rejection)
    (after,) = await archive.locate(instance="1.2.3.1.1")
    assert after.digest == before.digest
    assert len(await rows(archive, "conflicts")) == 1
    assert await rows(archive, "rejected") == []


async def test_what_is_rejected_is_verified_too_and_comes_back_marked(opened: Opened, tmp_path: Path) -> None:
    archive = opened()
    session = archive.session(ACTOR)
    await put(session, data_set(1))
    await session.close()
    rejection = await take(archive, instance="1.2.3.1.1")
    (path,) = [Path(folder, name) for folder, _, names in os.walk(tmp_path / "packs") for name in names]
    path.chmod(0o640)
    raw = bytearray(path.read_bytes())  # a small file of the test
    raw[raw.rfind(b"\1\2" * 64)] ^= 1
    path.write_bytes(raw)  # likewise
    assert (await verify(archive)).corrupt == ("1.2.3.1.1",)
    await undo(archive, rejection)
    (one,) = await archive.locate(instance="1.2.3.1.1")
    assert one.is_corrupt


async def test_each_act_is_told_in_the_feed_with_who_did_it(opened: Opened) -> None:
    archive = opened()
    await put(archive.session(ACTOR), data_set(1))
    rejection = await take(archive, instance="1.2.3.1.1")
    await undo(archive, rejection)
    await take(archive, instance="1.2.3.1.1")
    await purge_all(archive)
    told = [(event.kind, event.actor, event.sop_instance_uid) for event in await archive.events(1, 10)]
    uid = "1.2.3.1.1"
    kinds = ("instance.rejected", "instance.restored", "instance.rejected", "instance.purged")
    assert told == [(kind, "cli:somebody@", uid) for kind in kinds]


async def test_rejections_are_listed_page_by_page_newest_first(opened: Opened) -> None:
    archive = opened()
    await fill(archive)
    made = [await take(archive, instance=f"1.2.3.1.{number}") for number in (1, 2, 3)]
    first = await rejections(archive, PERSON, limit=2, deadline=Deadline.after(5))
    rest = await rejections(archive, PERSON, before=first[-1].id, limit=2, deadline=Deadline.after(5))
    assert [*first, *rest] == made[::-1]
    assert await rejection_of(archive, PERSON, made[1].id, Deadline.after(5)) == made[1]


async def test_what_cannot_be_done_is_told_apart(opened: Opened) -> None:
    archive = opened()
    await fill(archive)
    soon = Deadline.after(5)
    with pytest.raises(NotFound):
        await take(archive, study="9.9")
    with pytest.raises(NotFound):
        await take(archive, study="1.2.4", series="1.2.3.1")
    with pytest.raises(Invalid, match="needs a study"):
        await take(archive)
    with pytest.raises(Invalid, match="reason"):
        await take(archive, study="1.2.3", reason="whim")
    with pytest.raises(Invalid, match="note"):
        await take(archive, study="1.2.3", note="x" * (MAX_NOTE + 1))
    with pytest.raises(NotFound):
        await restore(archive, PERSON, 77, deadline=soon)
    with pytest.raises(Invalid, match="page"):
        await rejections(archive, PERSON, limit=501, deadline=soon)
    with pytest.raises(Exhausted):
        await reject(archive, PERSON, study="1.2.3", deadline=Deadline.after(0))
    assert await rejections(archive, PERSON, deadline=soon) == ()


NOBODY = Actor(door="web", name="nobody")
HERE = Actor(door="web", name="here", grants=(Grant(frozenset({"change", "purge"}), "performed_here", ("local",)),))
THERE = Actor(door="web", name="there", grants=(Grant(frozenset({"change", "purge"}), "performed_here", ("there",)),))


async def test_who_may_not_change_what_a_facility_performs_neither_rejects_nor_restores_nor_sees(
    opened: Opened,
) -> None:
    archive = opened()
    await fill(archive)
    soon = Deadline.after(5)
    with pytest.raises(Refused):
        await reject(archive, NOBODY, study="1.2.3", deadline=soon)
    with pytest.raises(NotFound):
        await reject(archive, THERE, study="1.2.3", deadline=soon)
    rejection = await reject(archive, HERE, study="1.2.3", deadline=soon)
    assert rejection.instances == 7
    assert await rejections(archive, HERE, limit=1, deadline=soon) == (rejection,)
    assert await rejections(archive, THERE, deadline=soon) == ()
    with pytest.raises(Refused):
        await rejections(archive, NOBODY, deadline=soon)
    with pytest.raises(Refused):
        await restore(archive, NOBODY, rejection.id, deadline=soon)
    with pytest.raises(NotFound):
        await restore(archive, THERE, rejection.id, deadline=soon)
    with pytest.raises(Refused):
        await purge(archive, NOBODY, rejected_before_ns=2**62)
    await purge(archive, THERE, rejected_before_ns=2**62)
    assert (await restore(archive, HERE, rejection.id, deadline=soon)).restorable == 0


# Failures in between


async def test_what_was_journalled_but_not_applied_is_done_before_the_next_instance_comes_in(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = opened()
    session = archive.session(ACTOR)
    await put(session, data_set(1))

    def fail(*_: object) -> None:
        raise Exhausted("the disk is full")

    monkeypatch.setattr(journalled, "apply", fail)
    with pytest.raises(Exhausted):
        await take(archive, instance="1.2.3.1.1")
    with pytest.raises(Exhausted):
        await put(session, data_set(2))
    monkeypatch.undo()
    # Else it would be told "duplicate", and then be rejected with the first.
    assert (await put(session, data_set(1))).outcome == "stored"
    assert len(await archive.locate(study="1.2.3")) == 1
    assert len(await rows(archive, "rejected")) == 1


async def test_start_up_does_what_was_journalled_and_not_applied(
    opened: Opened, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = opened()
    await fill(archive)

    def fail(*_: object) -> None:
        raise Exhausted("stopped here")

    monkeypatch.setattr(journalled, "apply", fail)
    with pytest.raises(Exhausted):
        await take(archive, series="1.2.3.2")
    monkeypatch.undo()
    crashed = tmp_path_factory.mktemp("crash") / "data"
    crash(tmp_path, crashed)
    again = Archive.open(crashed, clock=Clock())
    assert await again.locate(series="1.2.3.2") == ()
    (rejection,) = await rejections(again, PERSON, deadline=Deadline.after(5))
    assert rejection.restorable == 3
    await again.close()
    third = Archive.open(crashed, clock=Clock())
    assert [event.kind for event in await third.events(0, 99)].count("instance.rejected") == 3
    await third.close()


async def test_a_power_cut_that_takes_the_index_back_loses_neither_the_rejection_nor_what_came_after_it(
    opened: Opened, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    archive = opened()
    session = archive.session(ACTOR)
    await put(session, data_set(1))
    before = sqlite3.connect(tmp_path / "index.db")
    old = sqlite3.connect(tmp_path_factory.mktemp("old") / "index.db")
    before.backup(old)
    await take(archive, instance="1.2.3.1.1")
    assert (await put(session, data_set(1))).outcome == "stored"
    expected = await dump(archive)
    crashed = tmp_path_factory.mktemp("crash") / "data"
    crash(tmp_path, crashed)
    for name in ("index.db", "index.db-wal", "index.db-shm"):
        (crashed / name).unlink(missing_ok=True)
    target = sqlite3.connect(crashed / "index.db")
    old.backup(target)
    for connection in (before, old, target):
        connection.close()
    again = Archive.open(crashed, clock=Clock())
    found = await dump(again)
    assert {**found, "packs": []} == {**expected, "packs": []}
    assert len(await rows(again, "rejected")) == 1
    await again.close()


async def test_records_that_are_older_than_the_index_are_refused_until_a_reindex(
    opened: Opened, tmp_path: Path
) -> None:
    archive = opened()
    await fill(archive)
    await take(archive, study="1.2.4")
    await archive.close()
    os.unlink(tmp_path / "records.db")
    with pytest.raises(Corrupt, match=r"records\.db"):
        opened()
    reindex(tmp_path, clock=Clock())
    assert len(await opened().locate(study="1.2.4")) == 1


async def test_a_failure_within_the_transaction_leaves_everything_as_it_was(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = opened()
    await fill(archive)
    before = await dump(archive)

    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(IndexWriter, "tell", fail)
    with pytest.raises(Exhausted):
        await take(archive, study="1.2.3")
    monkeypatch.undo()
    assert await dump(archive) == before


# A rebuilt index

_PATIENTS = st.sampled_from([b"", b"A", b"B"])
_PUT = st.tuples(
    st.just("put"),
    st.sampled_from(["1.2.3", "1.2.4"]),
    st.sampled_from(["1", "2"]),
    st.integers(1, 3),
    st.sampled_from([b"one", b"two"]),
    _PATIENTS,
    st.sampled_from([b"", b"Head", b"Chest"]),
    st.sampled_from([b"CT", b"MR"]),
)
_TAKE = st.one_of(
    st.tuples(st.just("study"), st.sampled_from(["1.2.3", "1.2.4"])),
    st.tuples(st.just("series"), st.sampled_from(["1.2.3.1", "1.2.3.2", "1.2.4.1"])),
    st.tuples(st.just("instance"), st.sampled_from(["1.2.3.1.1", "1.2.3.1.2", "1.2.3.2.1", "1.2.4.1.1"])),
)
_STEPS = st.lists(
    st.one_of(_PUT, _PUT, _PUT, _TAKE, st.tuples(st.just("undo"), st.integers(0, 5)), st.just(("purge",))), max_size=20
)


@settings(max_examples=12, deadline=None)
@given(_STEPS)
def test_whatever_was_done_a_rebuilt_index_has_the_same_rows_and_they_are_those_of_what_is_left(
    steps: list[tuple[object, ...]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(do_and_rebuild(Path(folder), steps))


async def do_and_rebuild(root: Path, steps: list[tuple[object, ...]]) -> None:
    clock = Clock()
    archive = Archive.open(root / "data", clock=clock)
    has_purged = await do(archive, steps)
    before, exact, last = await kept(archive), await dump(archive), (await archive.events(0, 1000))[-1:]
    files = await files_of(archive)
    parents = await parents_of(archive)
    await archive.close()
    report = reindex(root / "data", clock=clock)
    assert (report.corrupt, report.unreadable) == (0, {})
    rebuilt = Archive.open(root / "data", clock=clock)
    assert await kept(rebuilt) == before
    assert await files_of(rebuilt) == files
    if not has_purged:
        found = await dump(rebuilt)
        assert {**found, "packs": []} == {**exact, "packs": []}
    if last:
        await put(rebuilt.session(ACTOR), data_set(9))
        assert (await rebuilt.events(0, 1000))[-1].seq > last[0].seq
        assert (await rebuilt.events(0, 1000))[-1].at_ns > last[0].at_ns
    await rebuilt.close()
    # The rows above instances are those that would be there had nothing else ever come.
    fresh = Archive.open(root / "fresh", clock=clock)
    session = fresh.session(ACTOR)
    for syntax, file, offset in files.values():
        await put(session, file[offset:], syntax=syntax, header=file[:offset])
    assert await parents_of(fresh) == parents
    await fresh.close()


async def do(archive: Archive, steps: list[tuple[object, ...]]) -> bool:
    """Does the steps that can be done; whether something was purged."""
    made: list[Rejection] = []
    has_purged = False
    session = archive.session(ACTOR)
    for step in steps:
        try:
            if step[0] == "put":
                await put(session, one_of(*step[1:]))  # type: ignore[arg-type]  # as _PUT has them
            elif step[0] == "undo":
                if made:
                    await undo(archive, made[int(str(step[1])) % len(made)])
            elif step[0] == "purge":
                await session.close()
                has_purged |= (await purge_all(archive)).instances > 0
                session = archive.session(ACTOR)
            else:
                made.append(await take(archive, **{str(step[0]): str(step[1])}))
        except (NotFound, Conflict):
            continue
    await session.close()
    return has_purged


def one_of(study: str, series: str, number: int, pixels: bytes, patient: bytes, what: bytes, modality: bytes) -> bytes:
    more = {0x00100020: patient, 0x00081030: what, 0x00080060: modality, 0x00100030: b"1970010" + str(number).encode()}
    return data_set(number, study=study, series=f"{study}.{series}", pixels=pixels * 32, more=more)


async def files_of(archive: Archive) -> dict[str, tuple[str, bytes, int]]:
    """Every instance by UID in the order it came: Transfer Syntax, Part 10 file, where its data set begins."""
    order = [row.sop_instance_uid for row in sorted(await rows(archive, "instances"), key=lambda row: row.received_ns)]
    found = {}
    for uid in order:
        (one,) = await archive.locate(instance=uid)
        file = b"".join([piece async for piece in archive.stream(one)])
        found[uid] = (str(one.transfer_syntax_uid), file, one.data_set_offset)
    return found


async def parents_of(archive: Archive) -> dict[str, list[tuple[object, ...]]]:
    """The rows above instances, but for times."""
    ids = ("id", "patient", "study", "received_ns", "updated_ns")
    return {
        table: sorted(
            tuple(value for name, value in row._mapping.items() if name not in ids)
            for row in await rows(archive, table)
        )
        for table in ("patients", "studies", "series")
    }
