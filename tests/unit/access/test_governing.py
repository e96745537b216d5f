"""Sharing, broken glass, holds and consents, decided at a door."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from sagittal.access import accounts, break_glass, permits, policy
from sagittal.access.governing import Governing
from sagittal.access.shares import NewShare
from sagittal.archive.archive import Archive
from sagittal.audit.chronicle import Chronicle
from sagittal.errors import Invalid, NotFound, Refused
from sagittal.ingest import Part10Receiver
from sagittal.runtime.actor import EVERYTHING, LOCAL, Actor, Role
from sagittal.runtime.settings import RoleAt
from support.archives import archive_at, file_bytes, instance, soon

NORTH, SOUTH = "1.2.1", "1.2.2"
REASON = "the patient is unconscious"


class Site(NamedTuple):
    archive: Archive
    governing: Governing
    ann: int
    tom: int

    async def lines(self, kind: str) -> list[tuple[str, str, str]]:
        sql = "SELECT actor, subject, detail FROM ledger WHERE kind = ? ORDER BY seq"
        return [tuple(row) for row in await self.archive.records.fetch(sql, (kind,))]

    async def seen(self, who: Actor) -> set[str]:
        allowed = permits.restriction(who, "read", self.archive.now_ns(), has_series=False)
        assert allowed is not None
        sql = f"SELECT study_instance_uid FROM studies WHERE {allowed.sql}"
        return {uid for (uid,) in await self.archive.fetch(sql, allowed.values)}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with archive_at(tmp_path) as archive:
        for facility, uid in (("north", NORTH), ("south", SOUTH)):
            session = archive.session(Actor(door="dimse", name="CT", facility=facility, grants=EVERYTHING))
            receiver = Part10Receiver(session)
            receiver.write(file_bytes(instance(StudyInstanceUID=uid, SeriesInstanceUID=f"{uid}.1", PatientID=facility)))
            await receiver.commit(soon())
            await session.close()

        def people(connection: object) -> tuple[int, int]:
            now_ns = archive.now_ns()
            return tuple(  # type: ignore[return-value]  # two of them
                accounts.create(connection, accounts.NewAccount(name=name), [RoleAt(role, "*")], now_ns)  # type: ignore[arg-type]  # a connection and a role
                for name, role in (("ann", "radiologist"), ("tom", "teacher"))
            )

        ann, tom = await archive.records.write(people)
        yield Site(archive, Governing(archive, archive.records, Chronicle(bytes(32))), ann, tom)


def actor(role: Role, facility: str = "north", **more: object) -> Actor:
    grants = policy.grants_of(policy.DEFAULT, [(role, facility)])
    return Actor(door="api", name=f"a {role}", kind="person", roles=(role,), grants=grants, **more)  # type: ignore[arg-type]  # fields of Actor


async def test_what_is_shared_is_seen_until_it_is_taken_back(site: Site) -> None:
    radiologist, teacher = actor("radiologist"), actor("teacher", "west", account=site.ann)
    number = await site.governing.share(radiologist, NewShare("shared", NORTH), "ann")
    assert await site.seen(teacher) == {NORTH}
    assert [one.id for one in await site.governing.shares_of(radiologist, NORTH)] == [number]
    await site.governing.take_back(radiologist, number)
    assert await site.seen(teacher) == set()
    assert await site.lines("share") == [
        ("a radiologist", f"share {number}", "shared to account ann"),
        ("a radiologist", f"share {number}", "taken back"),
    ]


async def test_a_study_that_is_not_theirs_and_one_that_is_not_there_cannot_be_shared_alike(site: Site) -> None:
    said = []
    for uid in (SOUTH, "1.2.99"):
        with pytest.raises(NotFound) as error:
            await site.governing.share(actor("radiologist"), NewShare("shared", uid), "ann")
        said.append(str(error.value))
    assert said[0] == said[1]


async def test_a_share_of_a_study_that_is_not_theirs_is_not_taken_back(site: Site) -> None:
    number = await site.governing.share(LOCAL, NewShare("shared", SOUTH, to_facility="local"))
    with pytest.raises(NotFound):
        await site.governing.take_back(actor("radiologist"), number)


async def test_a_technologist_shares_nothing(site: Site) -> None:
    with pytest.raises(Refused):
        await site.governing.share(actor("technologist"), NewShare("shared", NORTH), "ann")


async def test_a_teacher_is_given_what_the_patient_consented_to(site: Site) -> None:
    with pytest.raises(Refused):
        await site.governing.share(LOCAL, NewShare("shared", NORTH), "tom")
    await site.governing.record(actor("technologist"), "north", "", "teaching", is_given=True)
    await site.governing.share(LOCAL, NewShare("shared", NORTH), "tom")
    await site.governing.record(LOCAL, "north", "", "share", is_given=False)
    with pytest.raises(Refused):
        await site.governing.share(LOCAL, NewShare("shared", NORTH), "ann")


async def test_consent_is_recorded_of_ones_own_patients(site: Site) -> None:
    with pytest.raises(NotFound):
        await site.governing.record(actor("technologist"), "south", "", "teaching", is_given=True)


async def test_broken_glass_opens_the_study_is_told_and_is_reviewed_by_somebody_else(site: Site) -> None:
    ann = actor("radiologist", "north", account=site.ann)
    number = await site.governing.break_glass(ann, SOUTH, REASON)
    opened = await site.archive.records.read(lambda c: break_glass.opened(c, site.ann, site.archive.now_ns()))
    assert opened == (SOUTH,)
    assert await site.lines("break glass") == [("a radiologist", f"glass {number}", "")]
    assert await site.governing.to_review(actor("auditor", "north")) == ()  # the study is of the south
    auditor = actor("auditor", "south", account=site.ann)
    assert [(one.id, name) for one, name in await site.governing.to_review(auditor)] == [(number, "ann")]
    with pytest.raises(Refused):
        await site.governing.review(auditor, number, "fine")  # their own
    with pytest.raises(NotFound):
        await site.governing.review(actor("auditor", "north"), number, "fine")
    await site.governing.review(actor("auditor", "south"), number, "fine")
    assert await site.governing.to_review(actor("auditor", "south")) == ()
    assert await site.archive.records.read(lambda c: break_glass.opened(c, site.ann, site.archive.now_ns())) == ()


async def test_glass_is_broken_with_a_reason_by_those_who_may_and_for_studies_that_are_there(site: Site) -> None:
    with pytest.raises(Invalid):
        await site.governing.break_glass(actor("radiologist", account=site.ann), SOUTH, "because")
    with pytest.raises(Refused):
        await site.governing.break_glass(actor("technologist", account=site.ann), SOUTH, REASON)
    with pytest.raises(NotFound):
        await site.governing.break_glass(actor("radiologist", account=site.ann), "1.2.99", REASON)


async def test_administrators_hold_what_is_of_their_facility(site: Site) -> None:
    north, south = actor("administrator", "north"), actor("administrator", "south")
    number = await site.governing.hold(north, NORTH, "", "", "a case in court")
    of_patient = await site.governing.hold(south, "", "south", "", "another")
    assert [one.id for one in await site.governing.holds(north)] == [number]
    assert [one.id for one in await site.governing.holds(south)] == [of_patient]
    with pytest.raises(NotFound):
        await site.governing.hold(north, SOUTH, "", "", "not mine")
    with pytest.raises(NotFound):
        await site.governing.lift(south, number)
    await site.governing.lift(north, number)
    assert await site.governing.holds(north) == ()
    with pytest.raises(Refused):
        await site.governing.holds(actor("radiologist"))
