"""The ledger on an archive: what becomes one line, what is durable when, what a crash leaves."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from sagittal.archive.archive import Archive
from sagittal.archive.reindex import reindex
from sagittal.audit.exporting import as_csv, as_messages, lines_after
from sagittal.audit.ledger import Ledger
from sagittal.audit.line import Act, Line, hash_of_patient
from sagittal.audit.message import Reporter
from sagittal.audit.searching import Search, search
from sagittal.audit.verifying import Anchor, Fault, verify
from sagittal.errors import Exhausted
from sagittal.runtime.actor import EVERYTHING, Actor
from sagittal.runtime.key_file import KEY_BYTES
from support.archives import archive_at, instance, soon, store

KEY = bytes(range(KEY_BYTES))
ANN = Actor(door="dicomweb", name="ann", address="192.0.2.1", kind="person", facility="north")


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[Archive]:
    async with archive_at(tmp_path) as opened:
        yield opened


async def started(archive: Archive) -> Ledger:
    ledger = Ledger(archive, KEY, gather_s=0)
    await ledger.start()
    return ledger


@pytest.fixture
async def ledger(archive: Archive) -> AsyncIterator[Ledger]:
    opened = await started(archive)
    yield opened
    await opened.close()


async def lines(archive: Archive) -> list[Line]:
    return list(await lines_after(archive.records, 0))


async def caught_up(ledger: Ledger) -> None:
    await ledger.caught_up(soon())


async def test_reads_of_one_study_by_one_actor_are_one_line_with_a_count(archive: Archive) -> None:
    ledger = await started(archive)
    for _ in range(50):
        await ledger.accessed(ANN, "read", ["1.2.3"])
    await ledger.accessed(ANN, "read", ["1.2.4"])
    await ledger.close()
    reads = [(line.study_instance_uid, line.count, line.actor) for line in await lines(archive) if line.kind == "read"]
    assert sorted(reads) == [("1.2.3", 50, "ann"), ("1.2.4", 1, "ann")]


async def test_the_first_read_is_durable_before_it_goes_on(archive: Archive, ledger: Ledger) -> None:
    await ledger.accessed(ANN, "read", ["1.2.3"])
    (line,) = await search(archive.records, Search(study_instance_uid="1.2.3"))
    assert (line.seq, line.kind, line.actor, line.count) == (0, "read", "ann", 1)


async def test_a_read_does_not_go_on_when_the_ledger_cannot_be_written(
    archive: Archive, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(run: object) -> None:
        raise Exhausted("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(archive.records, "write", full)
        with pytest.raises(Exhausted):
            await ledger.accessed(ANN, "read", ["1.2.3"])
    await ledger.accessed(ANN, "read", ["1.2.3"])
    (line,) = await search(archive.records, Search(study_instance_uid="1.2.3"))
    assert line.count == 2


async def test_stores_come_from_the_change_feed_with_patient_and_facility(archive: Archive, ledger: Ledger) -> None:
    dataset = instance(PatientID="4711", IssuerOfPatientID="north")
    second = instance(
        PatientID="4711",
        IssuerOfPatientID="north",
        StudyInstanceUID=dataset.StudyInstanceUID,
        SeriesInstanceUID=dataset.SeriesInstanceUID,
    )
    await store(archive, dataset, second)
    await caught_up(ledger)
    found = await search(archive.records, Search(patient=hash_of_patient(KEY, "4711", "north")))
    assert [(line.kind, line.count, line.facility) for line in found] == [("import", 2, "local")]


async def test_a_store_is_told_once_however_often_the_ledger_starts(archive: Archive) -> None:
    for _ in range(3):
        await store(archive, instance())
        ledger = await started(archive)
        await caught_up(ledger)
        await ledger.close()
    stores = [line for line in await lines(archive) if line.kind == "import"]
    assert sum(line.count for line in stores) == 3


async def test_what_a_crash_leaves_open_is_closed_at_the_next_start(archive: Archive) -> None:
    crashed = await started(archive)
    await crashed.accessed(ANN, "read", ["1.2.3"])
    for task in crashed._tasks:
        task.cancel()
    ledger = await started(archive)
    read = [line for line in await lines(archive) if line.kind == "read"]
    await ledger.close()
    assert [(line.study_instance_uid, line.count) for line in read] == [("1.2.3", 1)]


async def test_queries_and_refusals_are_lines_without_values(archive: Archive) -> None:
    ledger = await started(archive)
    await ledger.queried(ANN, "STUDY", ["PatientID", "StudyDate"])
    for _ in range(3):
        ledger.refused(msgspec.structs.replace(ANN, grants=EVERYTHING), "purge")
    await ledger.close()
    found = {line.kind: line for line in await lines(archive)}
    assert (found["query"].subject, found["query"].detail) == ("STUDY", "PatientID,StudyDate")
    assert (found["refusal"].subject, found["refusal"].outcome, found["refusal"].count) == ("purge", 4, 3)


async def chained(archive: Archive, count: int = 6) -> None:
    ledger = await started(archive)
    for number in range(count):
        await ledger.tell(Act(kind="sign-in", actor=ANN, detail=str(number)))
    await ledger.close()


async def tamper(archive: Archive, *statements: str) -> None:
    def run(connection: object) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement)  # type: ignore[attr-defined]  # a Connection

    await archive.records.write(run)


async def test_an_untouched_ledger_verifies(archive: Archive) -> None:
    await chained(archive)
    verdict = await verify(archive.records, KEY)
    assert (verdict.lines, verdict.faults) == (8, ())


@pytest.mark.parametrize(
    ("statements", "faults"),
    [
        (["UPDATE ledger SET actor = 'bob' WHERE seq = 3"], [Fault(3, "changed")]),
        (["DELETE FROM ledger WHERE seq = 4"], [Fault(4, "missing")]),
        (["DELETE FROM ledger WHERE seq = 1"], [Fault(1, "missing")]),
        (
            [
                "UPDATE ledger SET seq = 100 WHERE seq = 3",
                "UPDATE ledger SET seq = 3 WHERE seq = 4",
                "UPDATE ledger SET seq = 4 WHERE seq = 100",
            ],
            [Fault(3, "changed"), Fault(4, "changed"), Fault(5, "changed")],
        ),
        (
            [
                "INSERT INTO ledger (seq, kind, hash) SELECT 9, 'read', hash FROM ledger WHERE seq = 8",
            ],
            [Fault(9, "changed")],
        ),
    ],
    ids=["changed", "deleted", "first deleted", "swapped", "inserted"],
)
async def test_tampering_is_found(archive: Archive, statements: list[str], faults: list[Fault]) -> None:
    await chained(archive)
    await tamper(archive, *statements)
    assert list((await verify(archive.records, KEY)).faults) == faults


async def test_a_cut_end_is_found_by_the_anchor(archive: Archive, tmp_path: Path) -> None:
    await chained(archive)
    anchor = (await verify(archive.records, KEY)).head
    (tmp_path / "anchor").write_bytes(anchor.encode())
    await tamper(archive, "DELETE FROM ledger WHERE seq > 5")
    assert (await verify(archive.records, KEY)).faults == ()
    verdict = await verify(archive.records, KEY, Anchor.load(tmp_path / "anchor"))
    assert verdict.faults == (Fault(8, "cut off"),)


async def test_a_ledger_written_anew_is_found_by_the_anchor(archive: Archive) -> None:
    await chained(archive)
    anchor = (await verify(archive.records, KEY)).head
    await tamper(archive, "DELETE FROM ledger")
    await chained(archive, 9)
    assert (await verify(archive.records, KEY, anchor)).faults == (Fault(8, "another chain"),)


async def test_pages_of_a_search_go_on_where_the_last_one_ended(archive: Archive) -> None:
    await chained(archive)
    first = await search(archive.records, Search(actor="ann"), limit=4)
    second = await search(archive.records, Search(actor="ann", before_seq=first[-1].seq), limit=4)
    assert [line.detail for line in (*first, *second)] == ["5", "4", "3", "2", "1", "0"]


async def test_the_ledger_goes_out_as_messages_and_as_a_table(archive: Archive) -> None:
    await chained(archive)
    messages = [one async for one in as_messages(archive.records, Reporter("pacs"))]
    rows = [one async for one in as_csv(archive.records)]
    assert len(messages) == 8
    assert all(message.count(b"\n") == 1 for message in messages)
    assert len(rows) == 9


async def test_no_cell_of_the_table_is_a_formula(archive: Archive) -> None:
    ledger = await started(archive)
    await ledger.tell(Act(kind="sign-in", actor=Actor(door="web", name="=cmd()")))
    await ledger.close()
    assert b",'=cmd()," in b"".join([one async for one in as_csv(archive.records)])


def lose_all_but_one_pack(root: Path) -> None:
    """Numbers of events begin again, below those that the ledger has seen."""
    for path in [*root.glob("index.db*"), *sorted(root.glob("packs/*/*/*.tar"))[1:]]:
        path.unlink()


async def test_stores_after_a_reindex_are_in_the_ledger_where_the_old_index_is_lost(tmp_path: Path) -> None:
    async with archive_at(tmp_path) as archive:
        ledger = await started(archive)
        await store(archive, instance(), instance(), instance())
        await caught_up(ledger)
        await ledger.close()
    lose_all_but_one_pack(tmp_path)
    reindex(tmp_path)
    async with archive_at(tmp_path) as archive:
        ledger = await started(archive)
        await caught_up(ledger)
        before = await lines(archive)
        await store(archive, instance())
        await caught_up(ledger)
        await ledger.close()
        after = await lines(archive)
    assert [line.kind for line in before].count("import") + [line.kind for line in before].count("store") == 3
    assert sum(line.count for line in after if line.kind in ("import", "store")) == 4
