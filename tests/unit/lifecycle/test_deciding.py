"""Decisions about what came under a UID that another has: what each gives, undoing, crashes, and a rebuilt index."""

import asyncio
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagittal.archive import journalled
from sagittal.archive.archive import Archive
from sagittal.archive.reindex import reindex
from sagittal.errors import Conflict, Corrupt, Exhausted, Invalid, NotFound, Refused
from sagittal.lifecycle.deciding import CHOICES, Choice, Decision, decide, decision_of, decisions, undo
from sagittal.lifecycle.rejecting import Rejection
from sagittal.retrieve.frames import locate_frame
from sagittal.runtime.actor import Actor, Grant
from sagittal.runtime.deadline import Deadline
from support.data_sets import CT, RLE, data_set, encapsulated
from support.puts import ACTOR, Clock, crash, dump, put
from support.quarantine import choose, content, history, take_back, waiting
from support.rejecting import PERSON, kept, names_found, purge_all, rows, take
from support.rejecting import undo as restore

Opened = Callable[..., Archive]
UID = "1.2.3.1.1"
FIRST, SECOND, THIRD = (data_set(1, pixels=bytes([n]) * 128, more={0x00081030: b"S%d" % n}) for n in (1, 2, 3))
IMPLICIT = "1.2.840.10008.1.2"
HERE = Actor(door="web", name="here", grants=(Grant(frozenset({"change"}), "performed_here", ("local",)),))
THERE = Actor(door="web", name="there", grants=(Grant(frozenset({"change"}), "performed_here", ("there",)),))
NOBODY = Actor(door="web", name="nobody")


async def two_of_one_uid(archive: Archive, *more: bytes) -> int:
    """One instance, another beside it, and one of another series; the number of the second."""
    session = archive.session(ACTOR)
    for data in (FIRST, data_set(5, series="1.2.3.2"), SECOND, *more):
        await put(session, data)
    await session.close()
    return (await waiting(archive))[len(more)].number


async def test_the_archives_is_kept_and_the_newcomer_rejected(opened: Opened) -> None:
    archive = opened()
    number = await two_of_one_uid(archive)
    made = await choose(archive, number, "keep", reason="worklist", note="sent twice")
    assert (made.choice, made.reason, made.note, made.can_be_undone) == ("keep", "113038", "sent twice", True)
    assert await content(archive, UID) == FIRST
    assert await waiting(archive) == ()
    (aside,) = await rows(archive, "rejected")
    assert (aside.received_ns, aside.is_conflict) == (number, 1)


async def test_the_newcomer_is_taken_and_the_former_rejected(opened: Opened) -> None:
    archive = opened()
    number = await two_of_one_uid(archive)
    await choose(archive, number, "take")
    assert await content(archive, UID) == SECOND
    assert await waiting(archive) == ()
    (study,) = await rows(archive, "studies")
    assert (study.study_description, study.instances, study.series) == ("S2", 2, 2)
    assert len(await archive.locate(study="1.2.3")) == 2


async def test_what_is_taken_may_be_of_another_study_and_patient(opened: Opened) -> None:
    archive = opened()
    session = archive.session(ACTOR)
    await put(session, FIRST)
    other = {0x00100020: b"P2", 0x00100010: b"Other^One", 0x00080018: UID.encode()}
    await put(session, data_set(1, study="1.2.9", series="1.2.9.1", more=other))
    (one,) = await waiting(archive)
    made = await choose(archive, one.number, "take")
    assert [row.study_instance_uid for row in await rows(archive, "studies")] == ["1.2.9"]
    assert [row.patient_id for row in await rows(archive, "patients")] == ["P2"]
    assert (await names_found(archive, "doe"), await names_found(archive, "other")) == ((0, 0), (1, 1))
    await take_back(archive, made.id)
    assert [row.study_instance_uid for row in await rows(archive, "studies")] == ["1.2.3"]
    assert (await names_found(archive, "doe"), await names_found(archive, "other")) == ((1, 1), (0, 0))


@pytest.mark.parametrize("choice", CHOICES)
async def test_undoing_gives_what_was_before_row_for_row(opened: Opened, choice: Choice) -> None:
    archive = opened()
    number = await two_of_one_uid(archive, THIRD)
    before = await dump(archive)
    made = await choose(archive, number, choice)
    assert await dump(archive) != before
    undone = await take_back(archive, made.id)
    assert (undone.undone_by, undone.can_be_undone) == ("cli:somebody", False)
    after = await dump(archive)
    assert {**after, "events": [], "packs": []} == {**before, "events": [], "packs": []}
    with pytest.raises(Conflict, match="undone already"):
        await take_back(archive, made.id)


async def test_both_are_kept_and_the_second_says_what_it_was_called(opened: Opened) -> None:
    archive = opened()
    number = await two_of_one_uid(archive)
    made = await choose(archive, number, "both")
    assert made.new_uid.startswith("2.25.")
    assert await content(archive, UID) == FIRST
    (one,) = await archive.locate(instance=made.new_uid)
    assert (one.study_instance_uid, one.series_instance_uid) == ("1.2.3", "1.2.3.1")
    copy = pydicom.dcmread(BytesIO(b"".join([piece async for piece in archive.stream(one)])))
    assert copy.file_meta.MediaStorageSOPInstanceUID == copy.SOPInstanceUID == made.new_uid
    (item,) = copy.OriginalAttributesSequence
    (former,) = item.ModifiedAttributesSequence
    assert (former.SOPInstanceUID, item.ReasonForTheAttributeModification) == (UID, "CORRECT")
    assert (item.ModifyingSystem, item.SourceOfPreviousValues) == ("Sagittal", "CT1")
    assert copy.PixelData == b"\2" * 128
    (aside,) = await rows(archive, "rejected")
    assert aside.received_ns == number


async def test_the_bytes_of_which_there_is_a_copy_are_purged_only_after_it(opened: Opened) -> None:
    archive = opened()
    made = await choose(archive, await two_of_one_uid(archive), "both")
    assert (await purge_all(archive)).instances == 0
    assert len(await rows(archive, "rejected")) == 1
    await take(archive, instance=made.new_uid)
    assert (await purge_all(archive)).instances == 2
    with pytest.raises(Conflict, match="purged"):
        await take_back(archive, made.id)


async def test_a_copy_is_made_of_every_encoding(opened: Opened) -> None:
    archive = opened()
    session = archive.session(ACTOR)
    await put(session, FIRST)
    plain = pydicom.dcmread(BytesIO(SECOND), force=True)
    buffer = BytesIO()
    pydicom.dcmwrite(buffer, plain, implicit_vr=True, little_endian=True, overwrite=True)
    await put(session, buffer.getvalue(), syntax=IMPLICIT)
    await put(session, encapsulated([bytes(20), bytes(30)], more={0x00280008: b"2"}), syntax=RLE)
    found = {}
    for one in await waiting(archive):
        made = await choose(archive, one.number, "both")
        (copy,) = await archive.locate(instance=made.new_uid)
        found[copy.transfer_syntax_uid] = copy.frames
    assert found == {"1.2.840.10008.1.2.1": 1, RLE: 2}


async def test_frames_of_what_is_taken_are_found_without_looking_for_them(opened: Opened) -> None:
    archive = opened()
    session = archive.session(ACTOR)
    await put(session, FIRST)
    await put(session, encapsulated([bytes(20), bytes(30)], more={0x00280008: b"2"}), syntax=RLE)
    (one,) = await waiting(archive)
    made = await choose(archive, one.number, "take")
    (taken,) = await archive.locate(instance=UID)
    assert taken.frame_table is not None
    await take_back(archive, made.id)
    assert (await waiting(archive))[0].newcomer == one.newcomer


async def test_what_lay_beside_before_its_class_and_frames_were_kept_is_taken_all_the_same(
    opened: Opened, tmp_path: Path
) -> None:
    archive = opened()
    session = archive.session(ACTOR)
    await put(session, FIRST)
    await put(session, encapsulated([bytes(20), bytes(30)], more={0x00280008: b"2"}), syntax=RLE)
    await archive.close()
    with closing(sqlite3.connect(tmp_path / "index.db")) as index, index:
        index.execute("UPDATE conflicts SET sop_class_uid = '', frame_table = NULL")
    archive = opened()
    (one,) = await waiting(archive)
    await choose(archive, one.number, "take")
    (taken,) = await archive.locate(instance=UID)
    assert (taken.sop_class_uid, taken.frames) == (CT, 2)
    frame = await locate_frame(archive, PERSON, taken, 2, Deadline.after(5))
    assert frame.length == 30


async def test_what_is_sent_again_after_a_decision_waits_again(opened: Opened) -> None:
    archive = opened()
    first = await choose(archive, await two_of_one_uid(archive), "keep")
    session = archive.session(ACTOR)
    assert (await put(session, SECOND)).outcome == "conflict"
    with pytest.raises(Conflict, match="sent again"):
        await take_back(archive, first.id)
    (again,) = await waiting(archive)
    await choose(archive, again.number, "take")
    assert (await put(session, SECOND)).outcome == "duplicate"
    assert (await put(session, FIRST)).outcome == "conflict"


async def test_decisions_are_undone_in_the_order_that_makes_sense(opened: Opened) -> None:
    archive = opened()
    number = await two_of_one_uid(archive, THIRD)
    before = await dump(archive)
    first = await choose(archive, number, "take")
    second = await choose(archive, (await waiting(archive))[0].number, "take")
    assert await content(archive, UID) == THIRD
    with pytest.raises(Conflict, match="decided later"):
        await take_back(archive, first.id)
    await take_back(archive, second.id)
    await take_back(archive, first.id)
    assert {**await dump(archive), "events": []} == {**before, "events": []}
    assert [one.undone_ns > 0 for one in await history(archive)] == [True, True]


async def test_two_who_decide_about_the_same_do_not_both(opened: Opened) -> None:
    archive = opened()
    number = await two_of_one_uid(archive)
    done = await asyncio.gather(
        choose(archive, number, "take"), choose(archive, number, "keep"), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in done) == ["Conflict", "Decision"]


async def test_who_may_not_change_it_neither_decides_nor_sees(opened: Opened) -> None:
    archive = opened()
    number = await two_of_one_uid(archive)
    soon = Deadline.after(30)
    with pytest.raises(NotFound):
        await decide(archive, THERE, number, "take", deadline=soon)
    with pytest.raises(Refused):
        await decide(archive, NOBODY, number, "take", deadline=soon)
    made = await decide(archive, HERE, number, "take", deadline=soon)
    assert await decisions(archive, HERE, deadline=soon) == (made,)
    assert await decisions(archive, THERE, deadline=soon) == ()
    with pytest.raises(NotFound):
        await decision_of(archive, THERE, made.id, soon)
    with pytest.raises(NotFound):
        await undo(archive, THERE, made.id, deadline=soon)
    with pytest.raises(Refused):
        await undo(archive, NOBODY, made.id, deadline=soon)
    assert (await undo(archive, HERE, made.id, deadline=soon)).undone_by == "web:here"


async def test_what_cannot_be_done_is_told_apart(opened: Opened) -> None:
    archive = opened()
    number = await two_of_one_uid(archive)
    with pytest.raises(NotFound):
        await choose(archive, number + 1, "keep")
    with pytest.raises(Invalid, match="reason"):
        await choose(archive, number, "keep", reason="whim")
    with pytest.raises(Invalid, match="note"):
        await choose(archive, number, "keep", note="x" * 1001)
    rejection = await take(archive, study="1.2.3")
    with pytest.raises(NotFound):
        await take_back(archive, rejection.id)
    with pytest.raises(Invalid, match="page"):
        await decisions(archive, HERE, limit=201, deadline=Deadline.after(5))


async def test_what_cannot_be_read_is_neither_taken_nor_given_back(opened: Opened, tmp_path: Path) -> None:
    archive = opened()
    number = await two_of_one_uid(archive)
    made = await choose(archive, number, "take")
    before = await dump(archive)
    packs = list((tmp_path / "packs").rglob("*.tar"))
    for path in packs:
        path.rename(path.with_suffix(".away"))
    with pytest.raises(Corrupt):
        await take_back(archive, made.id)
    assert {**await dump(archive), "events": []} == {**before, "events": []}
    for path in packs:
        path.with_suffix(".away").rename(path)
    await take_back(archive, made.id)
    for path in packs:
        path.rename(path.with_suffix(".away"))
    with pytest.raises(Corrupt):
        await choose(archive, number, "take")
    await choose(archive, number, "keep")


async def test_each_decision_is_told_in_the_feed(opened: Opened) -> None:
    archive = opened()
    number = await two_of_one_uid(archive)
    for choice in CHOICES:
        await take_back(archive, (await choose(archive, number, choice)).id)
    told = [event for event in await archive.events(3, 99) if "stored" not in event.kind]
    kinds = ["kept", "kept_undone", *["taken"] * 2, *["taken_undone"] * 2, *["renamed"] * 2, *["renamed_undone"] * 2]
    assert [event.kind for event in told] == [f"instance.{kind}" for kind in kinds]
    assert {event.actor for event in told} == {"cli:somebody@"}


# Failures in between


@pytest.mark.parametrize("choice", CHOICES)
async def test_start_up_does_what_was_journalled_and_not_applied(
    opened: Opened,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    choice: Choice,
) -> None:
    archive = opened()
    number = await two_of_one_uid(archive)

    def fail(*_: object) -> None:
        raise Exhausted("stopped here")

    for act in ("decide", "undo"):
        monkeypatch.setattr(journalled, "apply", fail)
        with pytest.raises(Exhausted):
            await (choose(archive, number, choice) if act == "decide" else take_back(archive, 1))
        monkeypatch.undo()
        crashed = tmp_path_factory.mktemp(act) / "data"
        crash(tmp_path, crashed)
        again = Archive.open(crashed, clock=Clock())
        (made,) = await history(again)
        assert bool(made.undone_ns) == (act == "undo")
        assert bool(await waiting(again)) == (act == "undo")
        assert await content(again, UID) == (SECOND if (choice, act) == ("take", "decide") else FIRST)
        await again.close()
        await put(archive.session(ACTOR), data_set(7))  # what was journalled is done before anything comes in


async def test_a_copy_that_was_stored_before_a_crash_is_the_one_that_is_decided_about(opened: Opened) -> None:
    archive = opened()
    number = await two_of_one_uid(archive)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sagittal.lifecycle.deciding.carry_out", _fail)
        with pytest.raises(Exhausted):
            await choose(archive, number, "both")
    assert len(await waiting(archive)) == 1
    made = await choose(archive, number, "both")
    assert len(await archive.locate(study="1.2.3")) == 3
    assert len(await archive.locate(instance=made.new_uid)) == 1


def _fail(*_: object) -> None:
    raise Exhausted("stopped here")


# A rebuilt index

_STEP = st.one_of(
    st.tuples(st.just("put"), st.integers(1, 2), st.integers(0, 3), st.sampled_from(["1.2.3", "1.2.4"])),
    st.tuples(st.just("put"), st.integers(1, 2), st.integers(0, 3), st.just("1.2.3")),
    st.tuples(st.sampled_from(CHOICES), st.integers(0, 5)),
    st.tuples(st.just("take back"), st.integers(0, 5)),
    st.tuples(st.just("reject"), st.sampled_from(["1.2.3.1.1", "1.2.3.1.2"])),
    st.tuples(st.just("restore"), st.integers(0, 5)),
    st.just(("purge",)),
)


@settings(max_examples=12, deadline=None)
@given(st.lists(_STEP, max_size=25))
def test_whatever_was_decided_a_rebuilt_index_has_the_same_rows(steps: list[tuple[object, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(do_and_rebuild(Path(folder) / "data", steps))


async def do_and_rebuild(root: Path, steps: list[tuple[object, ...]]) -> None:
    clock = Clock()
    archive = Archive.open(root, clock=clock)
    has_purged = await do(archive, steps)
    before, exact = await kept(archive), await dump(archive)
    await archive.close()
    report = reindex(root, clock=clock)
    assert (report.corrupt, report.unreadable) == (0, {})
    rebuilt = Archive.open(root, clock=clock)
    assert await kept(rebuilt) == before
    if not has_purged:
        assert {**await dump(rebuilt), "packs": []} == {**exact, "packs": []}
    await rebuilt.close()


async def do(archive: Archive, steps: list[tuple[object, ...]]) -> bool:
    """Does the steps that can be done; whether something was purged."""
    decided: list[Decision] = []
    rejected: list[Rejection] = []
    has_purged = False
    session = archive.session(ACTOR)
    for what, *how in steps:
        try:
            if what == "put":
                number, pixels, study = how
                more = {0x00080018: f"1.2.3.1.{number}".encode(), 0x00100020: str(study).encode()}
                more[0x00081030] = f"of {pixels}".encode()
                data = data_set(int(str(number)), study=str(study), pixels=bytes([int(str(pixels))]) * 128, more=more)
                await put(session, data)
            elif what == "take back" and decided:
                await take_back(archive, decided[int(str(how[0])) % len(decided)].id)
            elif what == "reject":
                rejected.append(await take(archive, instance=str(how[0])))
            elif what == "restore" and rejected:
                await restore(archive, rejected[int(str(how[0])) % len(rejected)])
            elif what == "purge":
                await session.close()
                has_purged |= (await purge_all(archive)).instances > 0
                session = archive.session(ACTOR)
            elif what in CHOICES:
                found = await waiting(archive)
                if found:
                    one = found[int(str(how[0])) % len(found)]
                    decided.append(await choose(archive, one.number, what))
        except (NotFound, Conflict):
            continue
    await session.close()
    return has_purged
