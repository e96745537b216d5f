"""Key Object Selections that reject (IHE IOCM) are heeded once, as whoever sent them, and undone like any rejection."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from sagittal.access import accounts, devices, tokens
from sagittal.access.accounts import NewAccount
from sagittal.access.devices import NewDevice
from sagittal.access.senders import Sender, anybody, known_senders
from sagittal.access.tokens import NewToken
from sagittal.archive.archive import Archive
from sagittal.archive.records import reactions
from sagittal.archive.reindex import reindex
from sagittal.dicom.dataset import reencode
from sagittal.errors import Exhausted, Invalid, Unsupported
from sagittal.lifecycle.heeding import READER, heed, keep_heeding
from sagittal.lifecycle.rejecting import Rejection, rejections
from sagittal.lifecycle.rejection_notes import KEY_OBJECT_SELECTION, MAX_BYTES, Reference, rejection_note
from sagittal.runtime.actor import Action, Actor
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.settings import RoleAt
from support.data_sets import EXPLICIT_LITTLE, data_set, element
from support.puts import ACTOR, Clock, put
from support.rejecting import PERSON, rows, undo

Opened = Callable[..., Archive]
Reference3 = tuple[str, str, str]
DEFLATED = "1.2.840.10008.1.2.1.99"


def sequence(tag: int, *items: bytes) -> bytes:
    return element(tag, b"".join(b"\xfe\xff\x00\xe0" + len(one).to_bytes(4, "little") + one for one in items), "SQ")


def uid(tag: int, value: str) -> bytes:
    return element(tag, value.encode(), "UI")


def selection(
    references: Sequence[Reference3],
    code: str = "113001",
    scheme: str = "DCM",
    number: int = 1,
    study: str = "1.2.3",
) -> bytes:
    """A Key Object Selection with that Document Title."""
    title = element(0x00080100, code.encode(), "SH") + element(0x00080102, scheme.encode(), "SH")
    evidence = []
    for study_uid in dict.fromkeys(one[0] for one in references):
        series = [
            sequence(0x00081199, *(uid(0x00081155, one[2]) for one in references if one[:2] == (study_uid, series_uid)))
            + uid(0x0020000E, series_uid)
            for series_uid in dict.fromkeys(one[1] for one in references if one[0] == study_uid)
        ]
        evidence.append(sequence(0x00081115, *series) + uid(0x0020000D, study_uid))
    body = data_set(
        number,
        study=study,
        series="1.2.3.77",
        pixels=b"",
        more={0x00080016: KEY_OBJECT_SELECTION.encode(), 0x00080060: b"KO"},
    )
    at = body.index(b"\x28\x00\x02\x00")
    return body[:at] + sequence(0x0040A043, title) + sequence(0x0040A375, *evidence)


ONE, TWO = ("1.2.3", "1.2.3.1", "1.2.3.1.1"), ("1.2.3", "1.2.3.1", "1.2.3.1.2")
ELSEWHERE = ("1.2.4", "1.2.4.1", "1.2.4.1.1")


async def send(archive: Archive, *data: bytes, actor: Actor = ACTOR) -> None:
    session = archive.session(actor)
    for one in data:
        await put(session, one)
    await session.close()


async def images(archive: Archive) -> None:
    await send(archive, data_set(1), data_set(2), data_set(3), data_set(1, study="1.2.4", series="1.2.4.1"))


async def listed(archive: Archive) -> tuple[Rejection, ...]:
    return await rejections(archive, PERSON, deadline=Deadline.after(30))


async def left(archive: Archive) -> set[str]:
    return {row.sop_instance_uid for row in await rows(archive, "instances")}


@pytest.mark.parametrize("code", ["113001", "113037", "113038", "113039"])
async def test_a_selection_with_a_title_that_rejects_takes_what_it_names_and_stays(opened: Opened, code: str) -> None:
    archive = opened()
    await images(archive)
    await send(archive, selection([ONE, ELSEWHERE], code))
    await heed(archive, anybody)
    assert await left(archive) == {"1.2.3.1.2", "1.2.3.1.3", "1.2.3.77.1"}
    (rejection,) = await listed(archive)
    assert (rejection.reason, rejection.instances, rejection.actor) == (code, 2, "dimse:CT1")
    assert rejection.note == "Key Object Selection 1.2.3.77.1"


@pytest.mark.parametrize(("code", "scheme"), [("113000", "DCM"), ("113001", "99LOCAL")])
async def test_a_selection_of_another_title_rejects_nothing(opened: Opened, code: str, scheme: str) -> None:
    archive = opened()
    await images(archive)
    await send(archive, selection([ONE], code, scheme))
    await heed(archive, anybody)
    assert await listed(archive) == ()


async def test_what_a_selection_took_away_is_restored_like_anything_else_and_stays_restored(opened: Opened) -> None:
    archive = opened()
    await images(archive)
    before = await left(archive)
    await send(archive, selection([ONE, TWO]))
    await heed(archive, anybody)
    await undo(archive, (await listed(archive))[0])
    assert await left(archive) == before | {"1.2.3.77.1"}
    await archive.records.write(lambda connection: reactions.set_cursor(connection, READER, 0))
    await heed(archive, anybody)  # as after a crash before the cursor was kept
    assert len(await listed(archive)) == 1


async def test_the_entry_and_that_it_is_done_are_written_together(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = opened()
    await images(archive)
    await send(archive, selection([ONE]))

    def fail(*_: object) -> None:
        raise Exhausted("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(reactions, "set_done", fail)
        with pytest.raises(Exhausted):
            await heed(archive, anybody)
    assert await listed(archive) == ()
    await heed(archive, anybody)
    assert len(await listed(archive)) == 1


async def test_an_instance_in_another_series_than_it_says_is_not_rejected(opened: Opened) -> None:
    archive = opened()
    await images(archive)
    await send(archive, selection([("1.2.3", "1.2.9", "1.2.3.1.1"), TWO]))
    await heed(archive, anybody)
    assert await left(archive) == {"1.2.3.1.1", "1.2.3.1.3", "1.2.3.77.1", "1.2.4.1.1"}


async def test_after_a_reindex_the_feed_is_read_again_and_what_was_done_is_not_repeated(
    opened: Opened, tmp_path: Path, clock: Clock
) -> None:
    archive = opened()
    await images(archive)
    await send(archive, selection([ONE]))
    newest = await heed(archive, anybody)
    await undo(archive, (await listed(archive))[0])
    await send(archive, selection([TWO], number=2))
    # As if the numbers of a rebuilt index were lower than those that were read.
    await archive.records.write(lambda connection: reactions.set_cursor(connection, READER, newest + 100))
    await archive.close()
    reindex(tmp_path, clock=clock)
    rebuilt = opened()
    await heed(rebuilt, anybody)
    assert [one.note[-1] for one in await listed(rebuilt)] == ["2", "1"]
    assert "1.2.3.1.1" in await left(rebuilt)


class Refusals:
    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def refused(self, actor: Actor, action: str) -> None:
        self.told.append((actor.name, action))


async def device(archive: Archive, role: str) -> None:
    await archive.records.write(lambda connection: devices.add(connection, NewDevice("CT1", role=role), "test", 1))


async def test_a_device_that_may_not_change_rejects_nothing_and_the_ledger_is_told(opened: Opened) -> None:
    archive = opened()
    await device(archive, "service")
    await images(archive)
    archive.witness = told = Refusals()  # type: ignore[assignment]  # nothing else is told here
    await send(archive, selection([ONE]))
    await heed(archive, known_senders(archive.records))
    assert await listed(archive) == ()
    assert "1.2.3.77.1" in await left(archive)
    await heed(archive, known_senders(archive.records))
    assert told.told == [("CT1", "change")]


async def test_a_device_that_may_change_what_its_facility_performs_rejects(opened: Opened) -> None:
    archive = opened()
    await device(archive, "technologist")
    await images(archive)
    await send(archive, selection([ONE]))
    await heed(archive, known_senders(archive.records))
    assert len(await listed(archive)) == 1


async def test_nothing_is_rejected_where_some_of_it_is_of_a_facility_where_they_may_not(opened: Opened) -> None:
    archive = opened()
    await device(archive, "technologist")
    await send(archive, data_set(1))
    await send(archive, data_set(1, study="1.2.4", series="1.2.4.1"), actor=Actor(door="cli", facility="north"))
    archive.witness = told = Refusals()  # type: ignore[assignment]  # nothing else is told here
    await send(archive, selection([ONE, ELSEWHERE]))
    await heed(archive, known_senders(archive.records))
    assert await listed(archive) == ()
    assert told.told == [("CT1", "change")]


async def account(archive: Archive, *actions: Action, revoked_ns: int = 0) -> None:
    def make(connection: object) -> None:
        number = accounts.create(connection, NewAccount("jo"), [RoleAt("radiologist", "local")], 1)  # type: ignore[arg-type]
        if actions:
            token, _ = tokens.create(connection, NewToken(number, "script", actions), 1)  # type: ignore[arg-type]
            if revoked_ns:
                tokens.revoke(connection, token, revoked_ns)  # type: ignore[arg-type]

    await archive.records.write(make)


@pytest.mark.parametrize(
    ("actions", "revoked_ns", "rejected"),
    [((), 0, 1), (("store",), 0, 0), (("store", "change"), 0, 1), (("read",), 0, 1), (("store",), 5, 1)],
    ids=[
        "no token",
        "one that may only store",
        "one that may change",
        "one that cannot have sent it",
        "revoked before",
    ],
)
async def test_an_account_may_no_more_than_any_token_it_may_have_sent_it_with(
    opened: Opened, actions: tuple[Action, ...], revoked_ns: int, rejected: int
) -> None:
    archive = opened()
    await account(archive, *actions, revoked_ns=revoked_ns)
    await images(archive)
    await send(archive, selection([ONE]), actor=Actor(door="dicomweb", name="jo"))
    await heed(archive, known_senders(archive.records))
    assert len(await listed(archive)) == rejected


@pytest.mark.parametrize("door", ["dimse", "dicomweb", "elsewhere"])
async def test_who_is_nobody_any_more_may_nothing(opened: Opened, door: str) -> None:
    archive = opened()
    assert (await known_senders(archive.records)(Sender(door, "gone", "192.0.2.7", "local", 1))).grants == ()


async def test_what_comes_while_it_follows_the_feed_is_heeded_and_a_full_disk_is_waited_for(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = opened()
    await images(archive)
    waits: list[float] = []

    async def pause(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 1:  # the disk was full
            monkeypatch.undo()
        elif len(waits) == 2:
            await send(archive, selection([TWO], number=2))
        else:
            raise StopAsyncIteration

    async def full(*_: object) -> int:
        raise Exhausted("the disk is full")

    monkeypatch.setattr(archive, "newest_event", full)
    await send(archive, selection([ONE]))
    await keep_heeding(archive, anybody, gather_s=0.0, pause=pause)
    assert [one.instances for one in await listed(archive)] == [1, 1]
    assert await left(archive) & {"1.2.3.1.1", "1.2.3.1.2"} == set()


def test_a_deflated_selection_says_the_same() -> None:
    data = selection([ONE, TWO, ELSEWHERE], "113038")
    note = rejection_note(data, EXPLICIT_LITTLE)
    assert note is not None
    assert note.references == tuple(Reference(*one) for one in (ONE, TWO, ELSEWHERE))
    assert rejection_note(b"".join(reencode([data], EXPLICIT_LITTLE, DEFLATED)), DEFLATED) == note


def test_a_selection_beyond_what_is_read_is_refused() -> None:
    with pytest.raises(Unsupported):
        rejection_note(bytes(MAX_BYTES + 1), EXPLICIT_LITTLE)
    with pytest.raises(Invalid):
        rejection_note(b"\x40\x00\x43\xa0SQ\0\0\x08\0\0\0garbage!", EXPLICIT_LITTLE)
