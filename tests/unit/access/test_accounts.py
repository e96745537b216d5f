from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import Connection

from sagittal.access import accounts, sessions
from sagittal.access.accounts import NewAccount
from sagittal.access.secrets import new_secret
from sagittal.access.sessions import Opening
from sagittal.archive.records.records import Records
from sagittal.errors import Conflict, Invalid, NotFound, Refused
from sagittal.runtime.settings import RoleAt
from support.records import Clock

ADMINISTRATOR, READER = RoleAt("administrator", "*"), RoleAt("radiologist", "north")


async def make(records: Records, clock: Clock, name: str, *roles: RoleAt) -> int:
    return await records.write(lambda c: accounts.create(c, NewAccount(name, password="$hash"), roles, clock()))


async def version(records: Records) -> int:
    return int((await records.fetch("SELECT version FROM access_state", ()))[0][0])


async def test_an_account_is_as_it_was_made(records: Records, clock: Clock) -> None:
    new = NewAccount("Jo", "Jo Doe", ("DOE^JO", "Doe^J"), "north", "$hash", must_change_password=True)
    number = await records.write(lambda c: accounts.create(c, new, (READER, ADMINISTRATOR), clock()))
    kept = await records.read(lambda c: accounts.get(c, number))
    assert (kept.name, kept.full_name, kept.person_names, kept.facility) == new[:4]
    assert kept.roles == (ADMINISTRATOR, READER)
    assert (kept.has_password, kept.must_change_password, kept.is_disabled) == (True, True, False)
    assert "$hash" not in repr(kept)


@pytest.mark.parametrize("said", ["JO", "jo", "ｊｏ"])
async def test_names_are_compared_without_case_and_form(records: Records, clock: Clock, said: str) -> None:
    number = await make(records, clock, "Jo")
    assert (await records.read(lambda c: accounts.find(c, said))).id == number
    with pytest.raises(Conflict):
        await make(records, clock, said)


@pytest.mark.parametrize("name", ["", " jo", "jo ", "a:b", "a\nb", "x" * 65, "a\0b"])
async def test_a_name_that_no_one_could_type_is_refused(records: Records, clock: Clock, name: str) -> None:
    with pytest.raises(Invalid):
        await make(records, clock, name)


async def test_nobody_is_found_under_another_name(records: Records, clock: Clock) -> None:
    await make(records, clock, "jo")
    with pytest.raises(NotFound):
        await records.read(lambda c: accounts.find(c, "joe"))
    assert await records.read(lambda c: accounts.verifiable(c, "joe")) == accounts.Verifiable()


async def test_the_last_administrator_stays_one(records: Records, clock: Clock) -> None:
    first = await make(records, clock, "first", ADMINISTRATOR)
    with pytest.raises(Refused):
        await records.write(lambda c: accounts.set_disabled(c, first, True))
    with pytest.raises(Refused):
        await records.write(lambda c: accounts.set_roles(c, first, (READER,)))
    await make(records, clock, "second", ADMINISTRATOR)
    await records.write(lambda c: accounts.set_roles(c, first, (READER,)))
    assert (await records.read(lambda c: accounts.get(c, first))).roles == (READER,)


async def test_an_administrator_of_one_facility_is_not_the_last_one(records: Records, clock: Clock) -> None:
    first = await make(records, clock, "first", ADMINISTRATOR)
    await make(records, clock, "second", RoleAt("administrator", "north"))
    with pytest.raises(Refused):
        await records.write(lambda c: accounts.set_disabled(c, first, True))


async def test_roles_of_the_provider_and_of_this_site_stand_beside_each_other(records: Records, clock: Clock) -> None:
    number = await make(records, clock, "jo", READER)
    teacher = RoleAt("teacher", "*")
    await records.write(lambda c: accounts.set_roles(c, number, (teacher, READER), "provider"))
    assert (await records.read(lambda c: accounts.get(c, number))).roles == (READER, teacher)
    await records.write(lambda c: accounts.set_roles(c, number, (), "provider"))
    assert (await records.read(lambda c: accounts.get(c, number))).roles == (READER,)


async def test_another_password_ends_the_sessions_but_the_one_it_was_changed_in(records: Records, clock: Clock) -> None:
    number = await make(records, clock, "jo")
    secrets = [new_secret() for _ in range(3)]
    for secret in secrets:
        await records.write(
            partial(sessions.create, opening=Opening(number), secret=secret, now_ns=clock(), lifetime_s=600)
        )
    kept = secrets[1]
    await records.write(lambda c: accounts.set_password(c, number, "$other", clock(), but=kept))
    left = await records.read(lambda c: sessions.of_account(c, number, clock()))
    assert len(left) == 1
    assert (await records.read(lambda c: accounts.verifiable(c, "jo"))).password == "$other"


async def test_a_disabled_account_has_no_sessions(records: Records, clock: Clock) -> None:
    number = await make(records, clock, "jo")
    await records.write(lambda c: sessions.create(c, Opening(number), new_secret(), clock(), 600))
    await records.write(lambda c: accounts.set_disabled(c, number, True))
    assert await records.read(lambda c: sessions.of_account(c, number, clock())) == ()


async def test_every_change_is_counted(records: Records, clock: Clock) -> None:
    number = await make(records, clock, "jo")
    changes: list[Callable[[Connection], None]] = [
        lambda c: accounts.set_roles(c, number, (READER,)),
        lambda c: accounts.set_password(c, number, "$other", clock()),
        lambda c: accounts.describe(c, number, person_names=("DOE^JO",)),
        lambda c: accounts.set_disabled(c, number, True),
        lambda c: accounts.set_disabled(c, number, False),
    ]
    for change in changes:
        before = await version(records)
        await records.write(change)
        assert await version(records) > before


async def test_what_has_no_account_cannot_be_changed(records: Records) -> None:
    with pytest.raises(NotFound):
        await records.write(lambda c: accounts.set_disabled(c, 99, False))
