"""What an Actor may see, as a condition of the index."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import select, text

from sagittal.access import accounts, permits, policy, shares
from sagittal.access.shares import NewShare
from sagittal.archive.archive import Archive
from sagittal.archive.index import schema
from sagittal.errors import Refused
from sagittal.ingest import Part10Receiver
from sagittal.runtime.actor import EVERYTHING, EVERYWHERE, LOCAL, Action, Actor, Grant, Role
from support.archives import archive_at, file_bytes, instance, soon

NORTH, SOUTH, REFERRED = "1.2.1", "1.2.2", "1.2.3"
DAY_NS = 24 * 3600 * 10**9


class Site(NamedTuple):
    archive: Archive
    ann: int  # the number of an account


async def sent(archive: Archive, facility: str, **attributes: str) -> None:
    session = archive.session(Actor(door="dimse", name="CT", facility=facility, grants=EVERYTHING))
    receiver = Part10Receiver(session)
    receiver.write(file_bytes(instance(**attributes)))
    await receiver.commit(soon())
    await session.close()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with archive_at(tmp_path) as archive:
        await sent(archive, "north", StudyInstanceUID=NORTH, SeriesInstanceUID=f"{NORTH}.1")
        await sent(archive, "north", StudyInstanceUID=NORTH, SeriesInstanceUID=f"{NORTH}.2")
        await sent(archive, "south", StudyInstanceUID=SOUTH, SeriesInstanceUID=f"{SOUTH}.1")
        await sent(archive, "south", StudyInstanceUID=REFERRED, ReferringPhysicianName="Müller^Ann")
        ann = await archive.records.write(
            lambda c: accounts.create(c, accounts.NewAccount(name="ann"), [], archive.now_ns())
        )
        yield Site(archive, ann)


def actor(role: Role, facility: str = "north", **more: object) -> Actor:
    grants = policy.grants_of(policy.DEFAULT, [(role, facility)])
    return Actor(door="dicomweb", name="ann", kind="person", roles=(role,), grants=grants, **more)  # type: ignore[arg-type]  # fields of Actor


async def seen(site: Site, who: Actor, action: Action = "query") -> set[str]:
    allowed = permits.restriction(who, action, site.archive.now_ns(), has_series=False)
    statement = select(schema.studies.c.study_instance_uid)
    if allowed is not None:
        statement = statement.where(allowed.clause())
        raw = await site.archive.fetch(f"SELECT study_instance_uid FROM studies WHERE {allowed.sql}", allowed.values)
        assert {row[0] for row in raw} == {row[0] for row in await site.archive.select(statement)}
    return {row[0] for row in await site.archive.select(statement)}


async def series_seen(site: Site, who: Actor) -> set[str]:
    allowed = permits.restriction(who, "read", site.archive.now_ns())
    assert allowed is not None
    sql = f"SELECT series_instance_uid FROM series JOIN studies ON studies.id = series.study WHERE {allowed.sql}"
    return {row[0] for row in await site.archive.fetch(sql, allowed.values)}


async def test_who_has_no_grants_sees_nothing(site: Site) -> None:
    assert await seen(site, Actor(door="dicomweb")) == set()


async def test_the_command_line_sees_everything(site: Site) -> None:
    assert permits.restriction(LOCAL, "query", 0) is None


async def test_a_radiologist_sees_what_was_performed_at_their_facility(site: Site) -> None:
    assert await seen(site, actor("radiologist", "north")) == {NORTH}
    assert await seen(site, actor("radiologist", "*")) == {NORTH, SOUTH, REFERRED}


async def test_a_referring_clinician_sees_what_was_referred_by_them_at_their_facility(site: Site) -> None:
    folded = (
        await site.archive.fetch("SELECT referring_folded FROM studies WHERE study_instance_uid = ?", (REFERRED,))
    )[0][0]
    assert await seen(site, actor("referring clinician", "south", names=(folded,))) == {REFERRED}
    assert await seen(site, actor("referring clinician", "north", names=(folded,))) == set()
    assert await seen(site, actor("referring clinician", "south")) == set()


@pytest.mark.parametrize("role", ["teacher", "researcher", "technologist", "radiologist"])
async def test_a_share_opens_a_study_to_an_account_until_it_ends_or_is_taken_back(site: Site, role: Role) -> None:
    ann = actor(role, "elsewhere", account=site.ann)
    now_ns = site.archive.now_ns()
    records = site.archive.records
    assert await seen(site, ann) == set()
    number = await records.write(
        lambda c: shares.give(c, NewShare("shared", SOUTH, to_account=site.ann), "bob", now_ns)
    )
    over = NewShare("shared", NORTH, to_account=site.ann, expires_ns=now_ns - 1)
    await records.write(lambda c: shares.give(c, over, "bob", now_ns - DAY_NS))
    assert await seen(site, ann) == {SOUTH}
    await records.write(lambda c: shares.revoke(c, number, now_ns))
    assert await seen(site, ann) == set()


async def test_a_share_of_a_series_opens_that_series_only(site: Site) -> None:
    ann = actor("teacher", "elsewhere", account=site.ann)
    one = NewShare("shared", NORTH, f"{NORTH}.2", to_account=site.ann)
    number = await site.archive.records.write(lambda c: shares.give(c, one, "bob", 1))
    assert await series_seen(site, ann) == {f"{NORTH}.2"}
    await site.archive.records.write(lambda c: shares.revoke(c, number, 2))


async def test_a_share_to_a_facility_opens_it_to_its_people(site: Site) -> None:
    number = await site.archive.records.write(
        lambda c: shares.give(c, NewShare("shared", SOUTH, to_facility="north"), "bob", 1)
    )
    assert await seen(site, actor("technologist", "north")) == {NORTH, SOUTH}
    assert await seen(site, actor("technologist", "west")) == set()
    assert await seen(site, actor("technologist", "north"), "change") == {NORTH}
    await site.archive.records.write(lambda c: shares.revoke(c, number, 2))


async def test_what_is_assigned_is_seen_by_whom_it_is_assigned_to(site: Site) -> None:
    number = await site.archive.records.write(
        lambda c: shares.give(c, NewShare("assigned", SOUTH, to_account=site.ann), "bob", 1)
    )
    assert await seen(site, actor("radiologist", "west", account=site.ann)) == {SOUTH}
    assert await seen(site, actor("radiologist", "west", account=site.ann + 1)) == set()
    await site.archive.records.write(lambda c: shares.revoke(c, number, 2))


async def test_a_link_opens_its_study_or_its_series_and_nothing_else(site: Site) -> None:
    grants = (Grant(frozenset({"query", "read"}), "linked", EVERYWHERE),)
    study = Actor(door="dicomweb", kind="link", grants=grants, link=(NORTH, ""))
    series = Actor(door="dicomweb", kind="link", grants=grants, link=(NORTH, f"{NORTH}.1"))
    assert await seen(site, study) == {NORTH}
    assert await seen(site, study, "export") == set()
    assert await series_seen(site, series) == {f"{NORTH}.1"}


async def test_a_broken_glass_opens_its_study_to_look_at(site: Site) -> None:
    ann = actor("radiologist", "north", broken_glass=(SOUTH,))
    assert await seen(site, ann, "read") == {NORTH, SOUTH}
    assert await seen(site, ann, "export") == {NORTH}


def test_what_no_grant_allows_is_refused() -> None:
    permits.require(actor("auditor"), "audit")
    with pytest.raises(Refused, match="may not purge"):
        permits.require(actor("auditor"), "purge")
    assert not permits.may(Actor(door="web"), "query")


def test_a_permission_at_a_facility_is_one_there_only() -> None:
    assert permits.may_at(actor("radiologist", "north"), "store", "north")
    assert not permits.may_at(actor("radiologist", "north"), "store", "south")
    assert permits.may_at(Actor(door="cli", grants=EVERYTHING), "store", "south")


def test_a_condition_has_as_many_values_as_marks() -> None:
    who = actor("referring clinician", "north", names=("a", "b"), account=3, broken_glass=("1", "2"))
    allowed = permits.restriction(who, "read", 5)
    assert allowed is not None
    assert allowed.sql.count("?") == len(allowed.values)
    assert isinstance(allowed.clause(), type(text("")))
