"""What is kept aside is listed for whoever may decide about it, page by page, and read again where it is damaged."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sagittal.archive.archive import Archive
from sagittal.archive.damage import Looked, note_verified
from sagittal.archive.verify import verify
from sagittal.errors import Conflict, Corrupt, Exhausted, Invalid, NotFound, Refused
from sagittal.lifecycle.quarantine import aside_of, how_many, kept_aside, pair_of, verify_again
from sagittal.runtime.actor import Actor, Grant
from sagittal.runtime.deadline import Deadline
from support.data_sets import data_set
from support.puts import ACTOR, put
from support.quarantine import choose, waiting
from support.rejecting import PERSON, rows, take

Opened = Callable[..., Archive]
UID = "1.2.3.1.1"
NORTH, SOUTH = (Actor(door="dimse", name="CT", address="192.0.2.9", facility=name) for name in ("north", "south"))


def may(*facilities: str, relation: str = "performed_here") -> Actor:
    grant = Grant(frozenset({"change"}), relation, facilities)  # type: ignore[arg-type]  # a relation
    return Actor(door="web", name="somebody", grants=(grant,))


def soon() -> Deadline:
    return Deadline.after(30)


async def come(archive: Archive, *data: bytes, actor: Actor = ACTOR) -> None:
    session = archive.session(actor)
    for one in data:
        await put(session, one)
    await session.close()


def other(number: int) -> bytes:
    """Other bytes under the UID of the first instance."""
    return data_set(1, pixels=bytes([number]) * 128)


def break_file(folder: Path, marker: bytes) -> bytes:
    """Changes a byte of the pixels that begin so; gives what the pack was."""
    (path,) = [Path(above, name) for above, _, names in os.walk(folder / "packs") for name in names]
    whole = path.read_bytes()
    raw = bytearray(whole)
    raw[raw.rfind(marker)] ^= 0x80
    path.chmod(0o640)
    path.write_bytes(raw)
    return whole


async def test_what_waits_is_listed_newest_first_page_by_page(opened: Opened) -> None:
    archive = opened()
    await come(archive, data_set(1), *map(other, range(3, 8)))
    every = await waiting(archive)
    assert [one.why for one in every] == ["conflict"] * 5
    numbers = [one.number for one in every]
    assert numbers == sorted(numbers, reverse=True)
    first = await kept_aside(archive, PERSON, limit=2, deadline=soon())
    rest = await kept_aside(archive, PERSON, before=first[-1].number, limit=9, deadline=soon())
    assert (*first, *rest) == every
    assert await how_many(archive, PERSON, soon()) == {"conflict": 5, "damaged": 0}


async def test_it_says_from_whom_each_came_and_when_and_how_large_it_is(opened: Opened) -> None:
    archive = opened()
    await come(archive, data_set(1), actor=NORTH)
    await come(archive, other(9), actor=SOUTH)
    (one,) = await waiting(archive)
    assert one.newcomer is not None
    assert (one.kept.facility, one.newcomer.facility, one.newcomer.source) == ("north", "south", "CT")
    assert (one.patient_name, one.patient_id, one.modality) == ("Doe^Jane", "P1", "CT")
    assert one.kept.received_ns < one.newcomer.received_ns
    assert one.kept.digest != one.newcomer.digest
    (located,) = await archive.locate(instance=UID)
    pair = await pair_of(archive, PERSON, one.number, soon())
    assert pair.kept == located
    assert pair.newcomer is not None
    assert (await archive.read(pair.newcomer, pair.newcomer.file_length - 128, 128)) == bytes([9]) * 128
    assert (pair.newcomer.frames, pair.newcomer.native_frame_bits) == (1, 8 * 8 * 16)


@pytest.mark.parametrize(
    ("who", "sees"),
    [
        (may("*"), 2),
        (may("north", "south"), 2),
        (may("north"), 1),  # of its own study what it sent itself
        (may("south"), 0),  # another's study
        (may("north", relation="shared_with_me"), 0),
    ],
    ids=["everywhere", "both", "its own", "the other", "shared"],
)
async def test_who_may_change_both_may_see_them(opened: Opened, who: Actor, sees: int) -> None:
    archive = opened()
    await come(archive, data_set(1), other(3), actor=NORTH)
    await come(archive, other(4), actor=SOUTH)
    found = await kept_aside(archive, who, deadline=soon())
    assert len(found) == sees
    assert (await how_many(archive, who, soon()))["conflict"] == sees
    for one in await waiting(archive):
        if one in found:
            assert await aside_of(archive, who, one.number, soon()) == one
        else:
            with pytest.raises(NotFound):
                await pair_of(archive, who, one.number, soon())


async def test_who_may_change_nothing_is_refused(opened: Opened) -> None:
    archive, nobody = opened(), Actor(door="web")
    for asked in (kept_aside(archive, nobody, deadline=soon()), how_many(archive, nobody, soon())):
        with pytest.raises(Refused):
            await asked
    with pytest.raises(Invalid, match="page"):
        await kept_aside(archive, PERSON, limit=201, deadline=soon())
    with pytest.raises(Exhausted):
        await kept_aside(archive, PERSON, deadline=Deadline.after(0))


async def test_what_is_rejected_waits_for_nobody(opened: Opened) -> None:
    archive = opened()
    await come(archive, data_set(1), other(3))
    await take(archive, instance=UID)
    assert await waiting(archive) == ()


async def test_what_is_damaged_waits_until_it_is_whole_again(opened: Opened, tmp_path: Path) -> None:
    archive = opened()
    await come(archive, data_set(1), data_set(2, pixels=b"\5\6" * 64))
    whole = break_file(tmp_path, b"\5\6" * 64)
    await verify(archive)
    (one,) = await waiting(archive)
    assert (one.why, one.newcomer, one.kept.sop_instance_uid) == ("damaged", None, "1.2.3.1.2")
    assert one.damaged_ns > one.kept.received_ns
    with pytest.raises(Conflict):
        await choose(archive, one.number, "keep")
    assert not await verify_again(archive, PERSON, one.number, soon())
    ((path,),) = [[Path(above, name) for name in names] for above, _, names in os.walk(tmp_path / "packs") if names]
    path.write_bytes(whole)
    assert await verify_again(archive, PERSON, one.number, soon())
    assert await waiting(archive) == ()
    told = [(event.kind, event.actor) for event in await archive.events(3, 9)]
    assert told == [("instance.intact", "cli:somebody@")]


async def test_what_is_damaged_and_sent_again_waits_no_more(opened: Opened, tmp_path: Path) -> None:
    archive = opened()
    await come(archive, data_set(1))
    break_file(tmp_path, b"\1\2" * 64)
    await verify(archive)
    await come(archive, data_set(1))
    assert await waiting(archive) == ()


async def test_a_damaged_newcomer_is_not_taken_but_for_a_damaged_one_a_newcomer_is(
    opened: Opened, tmp_path: Path
) -> None:
    archive = opened()
    await come(archive, data_set(1), other(7), other(8))
    break_file(tmp_path, bytes([7]) * 128)
    await verify(archive)
    third, second = await waiting(archive)
    with pytest.raises(Corrupt):
        await choose(archive, second.number, "take")
    break_file(tmp_path, b"\1\2" * 64)
    await verify(archive)
    await choose(archive, third.number, "take")
    (taken,) = await archive.locate(instance=UID)
    assert not taken.is_corrupt
    await choose(archive, second.number, "keep")


async def test_a_verification_marks_no_row_that_got_another_file_meanwhile(opened: Opened) -> None:
    archive = opened()
    await come(archive, data_set(1), other(7))
    (before,) = await archive.locate(instance=UID)
    ((row,),) = [await rows(archive, "instances")]
    looked = Looked("instances", row.id, before.file_offset, is_corrupt=True)
    (one,) = await waiting(archive)
    await choose(archive, one.number, "take")
    pack = before.pack_id
    noted = await archive.change(lambda i: note_verified(i, archive.records, archive.packs, pack, 1, [looked]))
    assert noted == []
    (after,) = await archive.locate(instance=UID)
    assert not after.is_corrupt
