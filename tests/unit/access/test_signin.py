from collections.abc import Callable
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Connection

from sagittal.access import accounts, first_start, passkeys, sessions, throttle, totp
from sagittal.access.accounts import NewAccount
from sagittal.access.passkeys import RelyingParty
from sagittal.access.passwords import Passwords, hash_password, is_outdated
from sagittal.access.porter import WRONG
from sagittal.access.signin import SECOND_FACTOR_S, SecondFactorAsked, SignedIn, SignIn
from sagittal.access.throttle import TooManyAttempts
from sagittal.access.visitor import Happening, Visitor
from sagittal.archive.records.records import Records
from sagittal.errors import Invalid, Refused
from sagittal.runtime.settings import Settings
from support.authenticator import Authenticator
from support.records import SEAL, Clock

PARTY = RelyingParty("pacs.example.org", "Sagittal", ("https://pacs.example.org",))
PASSWORD = "correct horse battery"
HASH = hash_password(PASSWORD)
VISITOR = Visitor("web", "pacs.example.org", "192.0.2.1", "Browser/1")
ELSEWHERE = Visitor("web", "pacs.example.org", "198.51.100.1")


class Site:
    """Where people sign in, and what is told of it."""

    def __init__(self, records: Records, passwords: Passwords, clock: Clock) -> None:
        self.records, self.clock = records, clock
        self.told: list[Happening] = []
        self.sign_in = SignIn(
            records, Settings(), passwords, PARTY, SEAL, noted=lambda _, what: self.told.append(what), clock=clock
        )

    async def write(self, run: Callable[[Connection], Any]) -> Any:
        return await self.records.write(run)

    async def person(self, name: str = "jo", password: str = HASH, **how: object) -> int:
        new = NewAccount(name, password=password, **how)  # type: ignore[arg-type]  # fields by name
        return int(await self.write(lambda c: accounts.create(c, new, (), self.clock())))

    async def with_second_factor(self) -> tuple[int, bytes, tuple[str, ...]]:
        jo = await self.person()
        secret = await self.write(lambda c: totp.begin(c, jo, SEAL))
        codes = await self.write(lambda c: totp.confirm(c, jo, self.code(secret), self.clock(), SEAL))
        self.clock.pass_s(totp.STEP_S)
        return jo, secret, codes

    def code(self, secret: bytes) -> str:
        return totp.code_at(secret, self.clock() // 10**9 // totp.STEP_S)

    async def first_step(self, visitor: Visitor = VISITOR) -> str:
        asked = await self.sign_in.password("jo", PASSWORD, visitor)
        assert isinstance(asked, SecondFactorAsked)
        return asked.ticket

    async def sessions_of(self, account: int) -> tuple[sessions.Session, ...]:
        return await self.records.read(lambda c: sessions.of_account(c, account, self.clock()))


@pytest.fixture
def site(records: Records, passwords: Passwords, clock: Clock) -> Site:
    return Site(records, passwords, clock)


async def test_the_right_password_begins_a_session(site: Site) -> None:
    jo = await site.person()
    signed_in = await site.sign_in.password("JO", PASSWORD, VISITOR)
    assert isinstance(signed_in, SignedIn)
    (session,) = await site.sessions_of(jo)
    assert (session.public, session.method, session.agent) == (signed_in.session.public, "password", "Browser/1")
    assert site.told == [Happening("signed in", VISITOR, jo, "jo", "password")]
    assert (await site.records.read(lambda c: accounts.get(c, jo))).signed_in_ns == site.clock()


async def test_whatever_is_wrong_the_answer_is_the_same(site: Site) -> None:
    await site.person()
    disabled = await site.person("disabled")
    await site.write(lambda c: accounts.set_disabled(c, disabled, True))
    await site.person("without", "")
    for name, password in (("jo", "wrong"), ("nobody", PASSWORD), ("disabled", PASSWORD), ("without", ""), ("", "")):
        with pytest.raises(Refused) as raised:
            await site.sign_in.password(name, password, VISITOR)
        assert str(raised.value) == WRONG
    assert [(what.what, what.name) for what in site.told] == [
        ("sign-in refused", name) for name in ("jo", "", "disabled", "without", "")
    ]


async def test_a_password_in_the_place_of_the_name_is_told_to_nobody(site: Site) -> None:
    await site.person()
    with pytest.raises(Refused) as raised:
        await site.sign_in.password(PASSWORD, "", VISITOR)
    assert PASSWORD not in repr(site.told) + str(raised.value)
    rows = await site.records.fetch("SELECT * FROM attempts", ())
    assert PASSWORD not in repr(rows)


async def test_for_nobody_and_for_somebody_as_much_is_computed(
    site: Site, passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.person()
    compared: list[str] = []
    original = passwords.verify

    async def verify(kept: str, password: str) -> bool:
        compared.append(password)
        return await original(kept, password)

    monkeypatch.setattr(passwords, "verify", verify)
    for name in ("jo", "nobody"):
        with pytest.raises(Refused):
            await site.sign_in.password(name, "wrong", VISITOR)
    assert compared == ["wrong", "wrong"]


async def test_a_name_of_nobody_is_slowed_down_as_one_of_somebody(site: Site) -> None:
    await site.person()
    for name in ("jo", "nobody"):
        for _ in range(5):
            with pytest.raises(Refused, match="password"):
                await site.sign_in.password(name, "wrong", VISITOR)
        with pytest.raises(TooManyAttempts):
            await site.sign_in.password(name, PASSWORD, VISITOR)


async def test_an_administrator_signs_in_from_the_usual_place_whatever_others_try(site: Site) -> None:
    await site.person()
    await site.sign_in.password("jo", PASSWORD, VISITOR)
    for _ in range(30):
        with pytest.raises(Refused):
            await site.sign_in.password("jo", "wrong", ELSEWHERE)
    assert isinstance(await site.sign_in.password("jo", PASSWORD, VISITOR), SignedIn)


async def test_no_session_survives_a_sign_in(site: Site) -> None:
    jo = await site.person()
    first = await site.sign_in.password("jo", PASSWORD, VISITOR)
    assert isinstance(first, SignedIn)
    second = await site.sign_in.password("jo", PASSWORD, VISITOR, replacing=first.session.secret)
    assert isinstance(second, SignedIn)
    assert second.session.secret != first.session.secret
    assert [session.public for session in await site.sessions_of(jo)] == [second.session.public]


async def test_a_hash_of_other_parameters_is_made_anew(site: Site) -> None:
    older = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    await site.person(password=older)
    await site.sign_in.password("jo", PASSWORD, VISITOR)
    kept = (await site.records.read(lambda c: accounts.verifiable(c, "jo"))).password
    assert kept != older
    assert not is_outdated(kept)
    assert isinstance(await site.sign_in.password("jo", PASSWORD, VISITOR), SignedIn)


async def test_who_is_to_change_their_password_is_told_so(site: Site) -> None:
    await site.person(must_change_password=True)
    signed_in = await site.sign_in.password("jo", PASSWORD, VISITOR)
    assert isinstance(signed_in, SignedIn)
    assert signed_in.must_change_password


async def test_with_a_second_factor_the_password_alone_begins_nothing(site: Site) -> None:
    jo, _, _ = await site.with_second_factor()
    await site.first_step()
    assert await site.sessions_of(jo) == ()
    assert site.told == []


async def test_the_code_comes_after_the_password(site: Site) -> None:
    jo, secret, _ = await site.with_second_factor()
    ticket = await site.first_step()
    signed_in = await site.sign_in.second_factor(ticket, site.code(secret), VISITOR)
    assert (signed_in.account, signed_in.method) == (jo, "totp")
    assert len(await site.sessions_of(jo)) == 1


async def test_a_recovery_code_takes_the_place_of_the_telephone_once(site: Site) -> None:
    _, _, codes = await site.with_second_factor()
    assert (await site.sign_in.second_factor(await site.first_step(), codes[0], VISITOR)).method == "recovery code"
    with pytest.raises(Refused):
        await site.sign_in.second_factor(await site.first_step(), codes[0], VISITOR)


async def test_a_wrong_code_leaves_the_ticket_and_a_right_one_takes_it(site: Site) -> None:
    _, secret, _ = await site.with_second_factor()
    ticket = await site.first_step()
    with pytest.raises(Refused):
        await site.sign_in.second_factor(ticket, "000000x", VISITOR)
    await site.sign_in.second_factor(ticket, site.code(secret), VISITOR)
    site.clock.pass_s(totp.STEP_S)
    with pytest.raises(Refused, match="begin again"):
        await site.sign_in.second_factor(ticket, site.code(secret), VISITOR)
    assert [what.what for what in site.told] == ["sign-in refused", "signed in"]


async def test_the_code_comes_in_time(site: Site) -> None:
    _, secret, _ = await site.with_second_factor()
    ticket = await site.first_step()
    site.clock.pass_s(SECOND_FACTOR_S)
    with pytest.raises(Refused, match="begin again"):
        await site.sign_in.second_factor(ticket, site.code(secret), VISITOR)


async def test_who_has_the_password_does_not_try_codes_without_end(site: Site) -> None:
    await site.with_second_factor()
    looked_at = 0
    for _ in range(20):
        try:
            ticket = await site.first_step(ELSEWHERE)
            await site.sign_in.second_factor(ticket, "000000x", ELSEWHERE)
        except TooManyAttempts:
            break
        except Refused:
            looked_at += 1
    assert looked_at == throttle.BY_NAME.free


async def test_a_passkey_needs_no_password_and_no_code(site: Site) -> None:
    jo, _, _ = await site.with_second_factor()
    key = Authenticator(PARTY.origins[0])
    asked = await site.write(lambda c: passkeys.begin_registration(c, PARTY, jo, site.clock()))
    answer = key.create(asked.options)
    await site.write(
        lambda c: passkeys.finish_registration(
            c, PARTY, asked.ticket, answer, account=jo, label="", now_ns=site.clock()
        )
    )
    signing = await site.sign_in.begin_passkey()
    signed_in = await site.sign_in.passkey(signing.ticket, key.get(signing.options), VISITOR)
    assert (signed_in.account, signed_in.method) == (jo, "passkey")


async def test_a_passkey_of_nobody_is_refused_told_and_slowed_down(site: Site) -> None:
    for _ in range(throttle.BY_NAME.free):
        signing = await site.sign_in.begin_passkey()
        with pytest.raises(Refused):
            await site.sign_in.passkey(signing.ticket, Authenticator(PARTY.origins[0]).get(signing.options), VISITOR)
    assert {(what.what, what.method) for what in site.told} == {("sign-in refused", "passkey")}


async def test_a_challenge_is_answered_once_even_when_wrong(site: Site) -> None:
    jo, key = await site.person(), Authenticator(PARTY.origins[0])
    asked = await site.write(lambda c: passkeys.begin_registration(c, PARTY, jo, site.clock()))
    made = key.create(asked.options)
    await site.write(
        lambda c: passkeys.finish_registration(c, PARTY, asked.ticket, made, account=jo, label="", now_ns=site.clock())
    )
    signing = await site.sign_in.begin_passkey()
    for answer in ("{}", key.get(signing.options)):
        with pytest.raises(Refused):
            await site.sign_in.passkey(signing.ticket, answer, VISITOR)


async def test_passkeys_of_nobody_elsewhere_slow_nobody_down_here(site: Site) -> None:
    for _ in range(30):
        signing = await site.sign_in.begin_passkey()
        with pytest.raises(Refused):
            await site.sign_in.passkey(signing.ticket, "{}", ELSEWHERE)
    signing = await site.sign_in.begin_passkey()
    with pytest.raises(Refused) as raised:
        await site.sign_in.passkey(signing.ticket, "{}", VISITOR)
    assert not isinstance(raised.value, TooManyAttempts)


async def test_signing_out_ends_the_session_and_is_told(site: Site) -> None:
    jo = await site.person()
    signed_in = await site.sign_in.password("jo", PASSWORD, VISITOR)
    assert isinstance(signed_in, SignedIn)
    ended = await site.sign_in.sign_out(signed_in.session.secret, VISITOR)
    assert (ended.account, ended.oidc_id_token) == (jo, "")
    assert await site.sessions_of(jo) == ()
    assert site.told[-1] == Happening("signed out", VISITOR, jo, "jo")
    assert await site.sign_in.sign_out(signed_in.session.secret, VISITOR) == sessions.Ended()


async def signed_in(site: Site) -> SignedIn:
    found = await site.sign_in.password("jo", PASSWORD, VISITOR)
    assert isinstance(found, SignedIn)
    return found


async def test_another_password_is_taken_for_the_current_one_and_ends_the_other_sessions(site: Site) -> None:
    jo = await site.person(must_change_password=True)
    here, _ = await signed_in(site), await signed_in(site)
    await site.sign_in.change_password(jo, PASSWORD, "another long one", VISITOR, keeping=here.session.secret)
    assert [session.public for session in await site.sessions_of(jo)] == [here.session.public]
    again = await site.sign_in.password("jo", "another long one", VISITOR)
    assert isinstance(again, SignedIn)
    assert not again.must_change_password
    assert "password changed" in {what.what for what in site.told}


async def test_without_the_current_password_it_stays(site: Site) -> None:
    jo = await site.person()
    for _ in range(throttle.BY_NAME.free):
        with pytest.raises(Refused):
            await site.sign_in.change_password(jo, "wrong", "another long one", VISITOR, keeping="")
    with pytest.raises(TooManyAttempts):
        await site.sign_in.change_password(jo, PASSWORD, "another long one", VISITOR, keeping="")
    site.clock.pass_s(60)
    await signed_in(site)


@pytest.mark.parametrize("new", ["short", PASSWORD, "jo" * 10])
async def test_a_new_password_is_not_the_old_one_nor_easy_to_guess(site: Site, new: str) -> None:
    jo = await site.person()
    with pytest.raises(Invalid):
        await site.sign_in.change_password(jo, PASSWORD, new, VISITOR, keeping="")
    await signed_in(site)


async def test_the_link_of_the_first_start_signs_its_administrator_in(site: Site) -> None:
    secret = await site.write(lambda c: first_start.invite(c, site.clock()))
    for name, password in (("jo", "short"), ("a:b", PASSWORD)):
        with pytest.raises(Invalid):
            await site.sign_in.first_administrator(secret, NewAccount(name), password, VISITOR)
    made = await site.sign_in.first_administrator(secret, NewAccount("jo"), PASSWORD, VISITOR)
    assert (await site.records.read(lambda c: accounts.get(c, made.account))).roles == (first_start.ADMINISTRATOR,)
    assert len(await site.sessions_of(made.account)) == 1
    await signed_in(site)
    with pytest.raises(Refused):
        await site.sign_in.first_administrator(secret, NewAccount("second"), PASSWORD, VISITOR)
