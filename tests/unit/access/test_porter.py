import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import Connection

from sagittal.access import accounts, links, sessions, throttle, tokens, totp
from sagittal.access.accounts import NewAccount
from sagittal.access.links import NewLink
from sagittal.access.passwords import Passwords, hash_password
from sagittal.access.porter import WRONG, Porter
from sagittal.access.resolving import Rules
from sagittal.access.secrets import new_secret
from sagittal.access.sessions import Opening
from sagittal.access.throttle import TooManyAttempts
from sagittal.access.tokens import NewToken
from sagittal.access.visitor import Happening, Visitor
from sagittal.archive.records.records import Records
from sagittal.errors import NotFound, Refused
from sagittal.runtime.actor import EVERYWHERE, Grant
from sagittal.runtime.settings import RoleAt, Settings
from support.records import SEAL, Clock

READER = RoleAt("radiologist", "north")
PASSWORD = "correct horse battery"
HASH = hash_password(PASSWORD)
VISITOR = Visitor("dicomweb", "pacs.example.org", "192.0.2.1", "Browser/1")
SETTINGS = Settings(session_idle_timeout_s=600, session_lifetime_s=3600)


def grants_of(_connection: Connection, roles: tuple[RoleAt, ...]) -> tuple[Grant, ...]:
    return tuple(Grant(frozenset({"query", "read"}), "any", (role.facility,)) for role in roles)


class Site:
    """A porter, and what is told of its visitors."""

    def __init__(self, records: Records, passwords: Passwords, clock: Clock) -> None:
        self.records, self.clock = records, clock
        self.told: list[Happening] = []
        self.looked_up = 0
        self.porter = Porter(
            records,
            SETTINGS,
            passwords,
            rules=Rules(self.grants),
            noted=lambda _, what: self.told.append(what),
            clock=clock,
        )

    def grants(self, connection: Connection, roles: tuple[RoleAt, ...]) -> tuple[Grant, ...]:
        self.looked_up += 1
        return grants_of(connection, roles)

    async def write(self, run: Callable[[Connection], Any]) -> Any:
        return await self.records.write(run)

    async def person(self, name: str = "jo", **how: object) -> int:
        new = NewAccount(name, person_names=("DOE^JÖ",), password=HASH, **how)  # type: ignore[arg-type]  # by name
        return int(await self.write(lambda c: accounts.create(c, new, (READER,), self.clock())))

    async def session(self, account: int) -> str:
        secret = new_secret()
        await self.write(lambda c: sessions.create(c, Opening(account, method="password"), secret, self.clock(), 3600))
        return secret

    async def is_in(self, secret: str) -> bool:
        try:
            await self.porter.admit_session(secret, VISITOR)
        except Refused:
            return False
        return True


@pytest.fixture
def site(records: Records, passwords: Passwords, clock: Clock) -> Iterator[Site]:
    site = Site(records, passwords, clock)
    yield site
    site.porter.close()


async def test_a_session_is_of_its_person_with_what_the_policy_grants(site: Site) -> None:
    jo = await site.person(facility="north")
    actor = (await site.porter.admit_session(await site.session(jo), VISITOR)).actor
    assert (actor.door, actor.called, actor.address) == VISITOR[:3]
    assert (actor.kind, actor.account, actor.name, actor.facility) == ("person", jo, "jo", "north")
    assert actor.grants == (Grant(frozenset({"query", "read"}), "any", ("north",)),)
    assert (actor.roles, actor.names) == (("radiologist",), ("doe jo",))


async def test_the_actor_names_the_session_without_its_secret(site: Site) -> None:
    jo = await site.person()
    secret = await site.session(jo)
    actor = (await site.porter.admit_session(secret, VISITOR)).actor
    (listed,) = await site.records.read(lambda c: sessions.of_account(c, jo, site.clock()))
    assert actor.session == listed.public
    assert secret not in repr(actor)


@pytest.mark.parametrize("secret", ["", "x", "A" * 43, "x" * 100_000])
async def test_what_is_no_session_is_refused(site: Site, secret: str) -> None:
    with pytest.raises(Refused):
        await site.porter.admit_session(secret, VISITOR)


async def test_a_session_ends_when_it_is_not_used(site: Site) -> None:
    secret = await site.session(await site.person())
    for _ in range(5):
        site.clock.pass_s(500)
        assert await site.is_in(secret)
    site.clock.pass_s(601)
    assert not await site.is_in(secret)


async def test_a_session_ends_however_much_it_is_used(site: Site) -> None:
    secret = await site.session(await site.person())
    for _ in range(7):
        site.clock.pass_s(500)
        assert await site.is_in(secret)
    site.clock.pass_s(101)
    assert not await site.is_in(secret)


async def test_use_is_kept_for_another_process_to_see(site: Site, passwords: Passwords) -> None:
    secret = await site.session(await site.person())
    site.clock.pass_s(590)
    assert await site.is_in(secret)
    site.clock.pass_s(590)
    another = Site(site.records, passwords, site.clock)
    assert await another.is_in(secret)
    another.porter.close()


async def test_a_hot_request_looks_nothing_up(site: Site) -> None:
    secret = await site.session(await site.person())
    for _ in range(10):
        assert await site.is_in(secret)
    assert site.looked_up == 1


async def test_a_visit_holds_until_anything_about_it_ends(site: Site) -> None:
    jo = await site.person()
    secret = await site.session(jo)
    visit = await site.porter.visit_by_session(secret, VISITOR)
    assert site.porter.would_again(visit)
    site.clock.pass_s(59)
    assert site.porter.would_again(visit)
    site.clock.pass_s(2)  # its last use is to be kept again, and what ends by itself looked up
    assert not site.porter.would_again(visit)
    again = await site.porter.visit_by_session(secret, VISITOR)
    assert site.porter.would_again(again)
    await site.write(lambda c: accounts.set_roles(c, jo, ()))
    assert not site.porter.would_again(again)


async def test_a_visit_holds_no_longer_than_its_token_or_session(site: Site, passwords: Passwords) -> None:
    jo = await site.person()
    new = NewToken(jo, "x", ("read",), expires_ns=site.clock() + 30 * 10**9)
    token = (await site.write(lambda c: tokens.create(c, new, site.clock())))[1]
    short = Porter(site.records, Settings(session_idle_timeout_s=20), passwords, clock=site.clock)
    by_token = await short.visit_by_token(token, VISITOR)
    by_session = await short.visit_by_session(await site.session(jo), VISITOR)
    site.clock.pass_s(19)
    assert [short.would_again(one) for one in (by_token, by_session)] == [True, True]
    site.clock.pass_s(2)
    assert [short.would_again(one) for one in (by_token, by_session)] == [True, False]
    site.clock.pass_s(10)
    assert not short.would_again(by_token)
    short.close()


async def test_what_ends_by_itself_is_looked_up_each_minute(site: Site) -> None:
    secret = await site.session(await site.person())
    assert await site.is_in(secret)
    site.clock.pass_s(61)
    assert await site.is_in(secret)
    assert site.looked_up == 2


async def test_a_change_of_another_process_is_in_force_at_once(site: Site) -> None:
    jo = await site.person()
    secret = await site.session(jo)
    assert await site.is_in(secret)
    with closing(sqlite3.connect(site.records.path)) as other:
        other.execute("UPDATE accounts SET is_disabled = 1")
        other.execute("UPDATE access_state SET version = version + 1")
        other.commit()
    assert not await site.is_in(secret)


async def test_a_session_that_was_ended_is_ended_at_once(site: Site) -> None:
    secret = await site.session(await site.person())
    assert await site.is_in(secret)
    await site.write(lambda c: sessions.end(c, secret))
    assert not await site.is_in(secret)


async def test_a_change_while_it_is_looked_up_is_not_missed(site: Site) -> None:
    jo = await site.person()
    secret = await site.session(jo)
    original = site.porter._memory._records.read

    async def slow(run: Callable[[Connection], Any]) -> Any:
        found = await original(run)
        await site.write(lambda c: accounts.set_disabled(c, jo, True))
        return found

    site.porter._memory._records.read = slow  # type: ignore[method-assign]  # between the read and the answer
    assert await site.is_in(secret)
    site.porter._memory._records.read = original  # type: ignore[method-assign]
    assert not await site.is_in(secret)


async def test_who_is_to_change_their_password_may_do_nothing_else(site: Site) -> None:
    secret = await site.session(await site.person(must_change_password=True))
    admission = await site.porter.admit_session(secret, VISITOR)
    assert admission.must_change_password
    assert admission.actor.grants == ()


async def test_a_token_acts_for_its_account_within_its_scope(site: Site) -> None:
    jo = await site.person()
    _, token = await site.write(lambda c: tokens.create(c, NewToken(jo, "robot", ("query",)), site.clock()))
    actor = await site.porter.admit_token(token, VISITOR)
    assert (actor.kind, actor.account) == ("machine", jo)
    assert actor.grants == (Grant(frozenset({"query"}), "any", ("north",)),)


async def test_a_token_is_void_when_revoked_expired_or_its_account_disabled(site: Site) -> None:
    jo = await site.person()
    end_ns = site.clock() + 10**10
    made = [
        await site.write(lambda c: tokens.create(c, NewToken(jo, "robot", ("query",), expires_ns=end_ns), site.clock()))
        for _ in range(3)
    ]
    (first, revoked), (_, disabled), (_, expired) = made
    await site.porter.admit_token(revoked, VISITOR)
    await site.write(lambda c: tokens.revoke(c, first, site.clock()))
    said = set()
    for token, change in (
        (revoked, lambda: None),
        (disabled, lambda: site.records.write_now(lambda c: accounts.set_disabled(c, jo, True))),
        (expired, lambda: site.clock.pass_s(10)),
        ("sgt_" + "x" * 43, lambda: None),
        ("x", lambda: None),
    ):
        await asyncio.to_thread(change)
        with pytest.raises(Refused) as raised:
            await site.porter.admit_token(token, VISITOR)
        said.add(str(raised.value))
    assert len(said) == 1


async def test_a_token_that_was_good_a_moment_ago_ends_in_its_time(site: Site) -> None:
    jo = await site.person()
    new = NewToken(jo, "robot", ("query",), expires_ns=site.clock() + 10**10)
    _, token = await site.write(lambda c: tokens.create(c, new, site.clock()))
    site.clock.pass_s(9)
    await site.porter.admit_token(token, VISITOR)
    site.clock.pass_s(1)
    with pytest.raises(Refused):
        await site.porter.admit_token(token, VISITOR)


async def test_the_use_of_a_token_is_kept_to_the_minute(site: Site) -> None:
    jo = await site.person()
    _, token = await site.write(lambda c: tokens.create(c, NewToken(jo, "robot", ("query",)), site.clock()))
    first_ns = site.clock()
    await site.porter.admit_token(token, VISITOR)
    site.clock.pass_s(30)
    await site.porter.admit_token(token, VISITOR)
    (kept,) = await site.records.read(tokens.every)
    assert (kept.used_ns, kept.used_address) == (first_ns, VISITOR.address)


async def test_basic_takes_a_name_and_its_password(site: Site) -> None:
    jo = await site.person()
    actor = await site.porter.admit_basic("JO", PASSWORD, VISITOR)
    assert (actor.account, actor.kind) == (jo, "person")
    assert [what.what for what in site.told] == ["signed in"]


async def test_basic_verifies_once_until_the_password_is_another(site: Site) -> None:
    jo = await site.person()
    for _ in range(3):
        await site.porter.admit_basic("jo", PASSWORD, VISITOR)
        await site.person(f"somebody {len(site.told)} {site.looked_up}")
    assert len(site.told) == 1
    await site.write(lambda c: accounts.set_password(c, jo, hash_password("another long one"), site.clock()))
    with pytest.raises(Refused):
        await site.porter.admit_basic("jo", PASSWORD, VISITOR)


async def test_basic_answers_the_same_for_whatever_is_wrong(site: Site) -> None:
    await site.person()
    second = await site.person("second")
    secret = await site.write(lambda c: totp.begin(c, second, SEAL))
    code = totp.code_at(secret, site.clock() // 10**9 // totp.STEP_S)
    await site.write(lambda c: totp.confirm(c, second, code, site.clock(), SEAL))
    disabled = await site.person("disabled")
    await site.write(lambda c: accounts.set_disabled(c, disabled, True))
    await site.person("new", must_change_password=True)
    tries = [("jo", "wrong"), ("nobody", PASSWORD), ("second", PASSWORD), ("disabled", PASSWORD), ("new", PASSWORD)]
    for name, password in tries:
        with pytest.raises(Refused) as raised:
            await site.porter.admit_basic(name, password, VISITOR)
        assert str(raised.value) == WRONG
    assert {what.what for what in site.told} == {"sign-in refused"}


async def test_basic_is_slowed_down_by_failures(site: Site) -> None:
    await site.person()
    for _ in range(5):
        with pytest.raises(Refused):
            await site.porter.admit_basic("jo", "wrong", VISITOR)
    with pytest.raises(TooManyAttempts) as raised:
        await site.porter.admit_basic("jo", PASSWORD, VISITOR)
    assert raised.value.retry_after_s == 1


async def test_basic_takes_a_token_of_the_account_in_the_place_of_a_password(site: Site) -> None:
    jo = await site.person()
    _, token = await site.write(lambda c: tokens.create(c, NewToken(jo, "robot", ("query",)), site.clock()))
    assert (await site.porter.admit_basic("jo", token, VISITOR)).kind == "machine"
    with pytest.raises(Refused):
        await site.porter.admit_basic("another", token, VISITOR)


async def link(site: Site, **how: object) -> tuple[int, str]:
    new = NewLink("1.2.3", "1.2.3.4", **how)  # type: ignore[arg-type]  # fields by name
    made: tuple[int, str] = await site.write(lambda c: links.create(c, new, site.clock()))
    return made


async def test_a_link_opens_what_it_names_and_no_more(site: Site) -> None:
    number, name = await link(site)
    opened = await site.porter.admit_link(name, "", VISITOR)
    again = (await site.porter.admit_session(opened.session.secret, VISITOR)).actor
    assert again == opened.actor
    assert (again.kind, again.link, again.account, again.roles) == ("link", ("1.2.3", "1.2.3.4"), 0, ())
    assert again.grants == (Grant(frozenset({"query", "read"}), "linked", EVERYWHERE),)
    assert [(what.what, what.link) for what in site.told] == [("link opened", number)]


async def test_openings_are_counted_not_what_is_seen_after_them(site: Site) -> None:
    _, name = await link(site, openings=1)
    opened = await site.porter.admit_link(name, "", VISITOR)
    with pytest.raises(NotFound):
        await site.porter.admit_link(name, "", VISITOR)
    for _ in range(3):
        assert await site.is_in(opened.session.secret)


async def test_openings_at_one_time_are_not_more_than_there_are(site: Site) -> None:
    _, name = await link(site, openings=3)
    tries = [site.porter.admit_link(name, "", VISITOR) for _ in range(10)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(result, NotFound) for result in results) == 7


async def test_a_revoked_link_closes_what_it_opened(site: Site) -> None:
    number, name = await link(site)
    opened = await site.porter.admit_link(name, "", VISITOR)
    assert await site.is_in(opened.session.secret)
    await site.write(lambda c: links.revoke(c, number, site.clock()))
    assert not await site.is_in(opened.session.secret)


async def test_a_link_is_not_good_while_who_made_it_is_disabled(site: Site) -> None:
    jo = await site.person()
    _, name = await link(site, account=jo)
    opened = await site.porter.admit_link(name, "", VISITOR)
    await site.write(lambda c: accounts.set_disabled(c, jo, True))
    assert not await site.is_in(opened.session.secret)
    with pytest.raises(NotFound):
        await site.porter.admit_link(name, "", VISITOR)
    await site.write(lambda c: accounts.set_disabled(c, jo, False))
    assert await site.is_in(opened.session.secret)


async def test_what_a_link_opened_ends_with_the_link(site: Site) -> None:
    _, name = await link(site, expires_ns=site.clock() + 60 * 10**9)
    opened = await site.porter.admit_link(name, "", VISITOR)
    site.clock.pass_s(59)
    assert await site.is_in(opened.session.secret)
    site.clock.pass_s(1)
    assert not await site.is_in(opened.session.secret)


async def test_a_pin_is_asked_for_and_slowed_down(site: Site) -> None:
    _, name = await link(site, pin=hash_password("2468"))
    for pin in ("", "1", "2", "3", "4"):
        with pytest.raises(Refused):
            await site.porter.admit_link(name, pin, VISITOR)
    with pytest.raises(TooManyAttempts):
        await site.porter.admit_link(name, "2468", VISITOR)
    site.clock.pass_s(throttle.BY_NAME.longest_s)
    assert (await site.porter.admit_link(name, "2468", VISITOR)).actor.kind == "link"


async def test_opening_a_link_ends_the_session_the_browser_had(site: Site) -> None:
    secret = await site.session(await site.person())
    _, name = await link(site)
    await site.porter.admit_link(name, "", VISITOR, replacing=secret)
    assert not await site.is_in(secret)


async def test_without_a_policy_nobody_may_do_anything(records: Records, passwords: Passwords, clock: Clock) -> None:
    porter = Porter(records, SETTINGS, passwords, clock=clock)
    site = Site(records, passwords, clock)
    secret = await site.session(await site.person())
    assert (await porter.admit_session(secret, VISITOR)).actor.grants == ()
    porter.close()
    site.porter.close()
