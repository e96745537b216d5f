import json
from collections.abc import Callable

import pytest

from sagittal.access import accounts, passkeys
from sagittal.access.accounts import NewAccount
from sagittal.access.passkeys import RelyingParty, relying_party
from sagittal.archive.records.records import Records
from sagittal.errors import Conflict, Invalid, NotFound, Refused
from sagittal.runtime.settings import Settings
from support.authenticator import ATTESTED, USER_PRESENT, Authenticator
from support.records import Clock

PARTY = RelyingParty("pacs.example.org", "Sagittal", ("https://pacs.example.org",))


class Site:
    """Somebody with an authenticator, at a site."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self.records, self.clock = records, clock
        self.key = Authenticator(PARTY.origins[0])

    async def person(self, name: str = "jo") -> int:
        return await self.records.write(lambda c: accounts.create(c, NewAccount(name), (), self.clock()))

    async def register(self, account: int, key: Authenticator | None = None, label: str = "key") -> int:
        asked = await self.records.write(lambda c: passkeys.begin_registration(c, PARTY, account, self.clock()))
        answer = (key or self.key).create(asked.options)
        return await self.finish(account, asked.ticket, answer, label)

    async def finish(self, account: int, ticket: str, answer: str, label: str = "key") -> int:
        return await self.records.write(
            lambda c: passkeys.finish_registration(
                c, PARTY, ticket, answer, account=account, label=label, now_ns=self.clock()
            )
        )

    async def ask(self) -> passkeys.Asked:
        return await self.records.write(lambda c: passkeys.begin_authentication(c, PARTY, self.clock()))

    async def answer(self, ticket: str, answer: str) -> int:
        return await self.records.write(
            lambda c: passkeys.finish_authentication(c, PARTY, ticket, answer, self.clock())
        )

    async def sign_in(self, key: Authenticator | None = None) -> int:
        asked = await self.ask()
        return await self.answer(asked.ticket, (key or self.key).get(asked.options))


@pytest.fixture
def site(records: Records, clock: Clock) -> Site:
    return Site(records, clock)


async def test_a_passkey_signs_its_account_in_without_a_name(site: Site) -> None:
    await site.person("another")
    jo = await site.person()
    await site.register(jo)
    assert await site.sign_in() == jo
    assert await site.sign_in() == jo


async def test_an_account_has_several_passkeys(site: Site) -> None:
    jo = await site.person()
    keys = [Authenticator(PARTY.origins[0]) for _ in range(3)]
    for number, key in enumerate(keys):
        await site.register(jo, key, f"key {number}")
    assert [await site.sign_in(key) for key in keys] == [jo] * 3
    assert [key.label for key in await site.records.read(lambda c: passkeys.of_account(c, jo))] == [
        "key 0",
        "key 1",
        "key 2",
    ]


async def test_what_is_asked_is_a_discoverable_key_that_verifies_its_user(site: Site) -> None:
    jo = await site.person()
    await site.register(jo)
    asked = await site.records.write(lambda c: passkeys.begin_registration(c, PARTY, jo, site.clock()))
    options = json.loads(asked.options)
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert len(options["excludeCredentials"]) == 1
    signing = json.loads((await site.ask()).options)
    assert (signing["userVerification"], signing.get("allowCredentials", [])) == ("required", [])


def bent(site: Site, how: Callable[[Authenticator], None]) -> Authenticator:
    key = Authenticator(PARTY.origins[0])
    how(key)
    return key


def elsewhere(key: Authenticator) -> None:
    key.origin = "https://evil.example"


def unverified(key: Authenticator) -> None:
    key.flags = USER_PRESENT


def absent(key: Authenticator) -> None:
    key.flags = 0x04


@pytest.mark.parametrize("how", [elsewhere, unverified, absent])
async def test_a_registration_that_was_not_asked_for_so_is_refused(
    site: Site, how: Callable[[Authenticator], None]
) -> None:
    jo = await site.person()
    with pytest.raises(Refused):
        await site.register(jo, bent(site, how))
    assert await site.records.read(lambda c: passkeys.of_account(c, jo)) == ()


@pytest.mark.parametrize("how", [elsewhere, unverified, absent])
async def test_an_answer_that_was_not_asked_for_so_is_refused(site: Site, how: Callable[[Authenticator], None]) -> None:
    await site.register(await site.person())
    how(site.key)
    with pytest.raises(Refused):
        await site.sign_in()


async def test_an_answer_to_another_challenge_is_refused(site: Site) -> None:
    await site.register(await site.person())
    first, second = await site.ask(), await site.ask()
    with pytest.raises(Refused):
        await site.answer(first.ticket, site.key.get(second.options))


async def test_an_answer_is_taken_once(site: Site) -> None:
    await site.register(await site.person())
    asked = await site.ask()
    answer = site.key.get(asked.options)
    await site.answer(asked.ticket, answer)
    with pytest.raises(Refused):
        await site.answer(asked.ticket, answer)


async def test_an_answer_comes_in_time(site: Site) -> None:
    await site.register(await site.person())
    asked = await site.ask()
    site.clock.pass_s(passkeys.LIFETIME_S)
    with pytest.raises(Refused):
        await site.answer(asked.ticket, site.key.get(asked.options))


async def test_a_copied_authenticator_is_found_by_its_count(site: Site) -> None:
    await site.register(await site.person())
    for _ in range(3):
        await site.sign_in()
    site.key.sign_count = 1
    with pytest.raises(Refused):
        await site.sign_in()


async def test_the_signature_is_of_the_key_that_was_registered(site: Site) -> None:
    await site.register(await site.person())
    site.key.key = Authenticator("").key
    with pytest.raises(Refused):
        await site.sign_in()


async def test_a_passkey_answers_for_its_own_account_only(site: Site) -> None:
    await site.register(await site.person())
    other = Authenticator(PARTY.origins[0])
    await site.register(await site.person("another"), other)
    site.key.user_handle = other.user_handle
    with pytest.raises(Refused):
        await site.sign_in()


async def test_a_disabled_account_is_not_signed_in(site: Site) -> None:
    jo = await site.person()
    await site.register(jo)
    await site.records.write(lambda c: accounts.set_disabled(c, jo, True))
    with pytest.raises(Refused):
        await site.sign_in()


async def test_what_was_asked_of_one_account_is_not_kept_for_another(site: Site) -> None:
    jo, another = await site.person(), await site.person("another")
    asked = await site.records.write(lambda c: passkeys.begin_registration(c, PARTY, jo, site.clock()))
    with pytest.raises(Refused):
        await site.finish(another, asked.ticket, site.key.create(asked.options))


async def test_one_passkey_is_kept_once(site: Site) -> None:
    await site.register(await site.person())
    another = await site.person("another")
    with pytest.raises(Conflict):
        await site.register(another)


async def test_a_removed_passkey_signs_nobody_in(site: Site) -> None:
    jo = await site.person()
    number = await site.register(jo)
    with pytest.raises(NotFound):
        await site.records.write(lambda c: passkeys.remove(c, jo + 1, number))
    await site.records.write(lambda c: passkeys.rename(c, jo, number, "the blue one"))
    await site.records.write(lambda c: passkeys.remove(c, jo, number))
    with pytest.raises(Refused):
        await site.sign_in()


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "{}",
        "[]",
        "null",
        "1",
        '{"rawId": 1, "response": {}}',
        '{"rawId": "AA", "response": {"userHandle": 5}}',
        "{" * 9000,
    ],
)
async def test_what_no_authenticator_says_is_refused(site: Site, answer: str) -> None:
    jo = await site.person()
    asked = await site.ask()
    with pytest.raises(Refused):
        await site.answer(asked.ticket, answer)
    begun = await site.records.write(lambda c: passkeys.begin_registration(c, PARTY, jo, site.clock()))
    with pytest.raises(Refused):
        await site.finish(jo, begun.ticket, answer)


@pytest.mark.parametrize("field", ["clientDataJSON", "authenticatorData", "signature"])
async def test_a_piece_that_is_rubbish_is_refused(site: Site, field: str) -> None:
    await site.register(await site.person())
    for rubbish in ("", "AA", "!!!", "A" * 400):
        asked = await site.ask()
        answer = json.loads(site.key.get(asked.options))
        answer["response"][field] = rubbish
        with pytest.raises(Refused):
            await site.answer(asked.ticket, json.dumps(answer))


async def test_an_answer_without_end_is_not_read(site: Site) -> None:
    asked = await site.ask()
    with pytest.raises(Invalid):
        await site.answer(asked.ticket, "x" * 70_000)


async def test_an_attestation_that_is_rubbish_is_refused(site: Site) -> None:
    jo = await site.person()
    for rubbish in ("", "AA", "oA", "v" * 400):
        asked = await site.records.write(lambda c: passkeys.begin_registration(c, PARTY, jo, site.clock()))
        answer = json.loads(site.key.create(asked.options))
        answer["response"]["attestationObject"] = rubbish
        with pytest.raises(Refused):
            await site.finish(jo, asked.ticket, json.dumps(answer))


@pytest.mark.parametrize(
    ("told", "party"),
    [
        (Settings(), ("localhost", ("http://localhost:8080",))),
        (Settings(http="0.0.0.0:443", http_tls_certificate="c.pem"), ("localhost", ("https://localhost",))),
        (Settings(public_url="https://PACS.example.org:443"), ("pacs.example.org", ("https://pacs.example.org",))),
        (
            Settings(public_url="https://klinik-süd.example"),
            ("xn--klinik-sd-x9a.example", ("https://xn--klinik-sd-x9a.example",)),
        ),
        (Settings(http="127.0.0.1:80"), ("localhost", ("http://localhost",))),
        (Settings(public_url="https://pacs.example.org/"), ("pacs.example.org", ("https://pacs.example.org",))),
    ],
)
def test_who_we_are_to_authenticators_is_what_people_type(told: Settings, party: tuple[str, tuple[str, ...]]) -> None:
    found = relying_party(told)
    assert (found.id, found.origins) == party


def test_the_flags_of_the_authenticator_are_those_of_the_standard() -> None:
    assert (USER_PRESENT, ATTESTED) == (0b1, 0b100_0000)
