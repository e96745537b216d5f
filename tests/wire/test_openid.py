"""Signing in with an OpenID provider that runs as a process of its own."""

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from sagittal.access import accounts, provider, sessions
from sagittal.access.accounts import NewAccount
from sagittal.access.passkeys import relying_party
from sagittal.access.passwords import Passwords
from sagittal.access.provider import Provider, Returned
from sagittal.access.secrets import new_secret
from sagittal.access.signin import SignedIn, SignIn
from sagittal.access.signin_oidc import OidcSignIn
from sagittal.access.visitor import Happening, Visitor
from sagittal.errors import PeerFailed, Refused
from sagittal.runtime.settings import RoleAt, Settings
from support.openid_provider import CLIENT_ID, CLIENT_SECRET, OpenIDProvider, openid_provider
from support.records import SEAL, records_in

BACK = "https://pacs.example.org/sign-in/oidc"
VISITOR = Visitor("web", "pacs.example.org", "192.0.2.1")
JO = {"sub": "248289761001", "preferred_username": "jo", "name": "Jo Doe", "groups": ["doctors"]}
ROLES = {"doctors": ("radiologist@north", "teacher"), "it": ("administrator",)}


@pytest.fixture(scope="module")
def running() -> Iterator[OpenIDProvider]:
    with openid_provider() as running:
        yield running


class Site:
    """We, as the provider's relying party. The clock is the machine's, plus what a test adds."""

    def __init__(self, folder: Path, peer: OpenIDProvider, **told: object) -> None:
        self.later_s = 0
        settings = Settings(
            public_url="https://pacs.example.org",
            oidc_issuer=peer.issuer,
            oidc_client_id=CLIENT_ID,
            oidc_roles=ROLES,
        )
        self.settings = type(settings)(**{**{f: getattr(settings, f) for f in settings.__struct_fields__}, **told})
        self.peer = peer
        self.records = records_in(folder)
        self.passwords = Passwords()
        self.told: list[Happening] = []
        self.provider = Provider(self.settings, CLIENT_SECRET, self.clock)
        sign_in = SignIn(
            self.records,
            self.settings,
            self.passwords,
            relying_party(self.settings),
            SEAL,
            noted=self.note,
            clock=self.clock,
        )
        self.sign_in = sign_in
        self.oidc = OidcSignIn(self.records, self.settings, self.provider, sign_in, noted=self.note, clock=self.clock)

    def clock(self) -> int:
        return time.time_ns() + self.later_s * 10**9

    def note(self, _connection: object, happening: Happening) -> None:
        self.told.append(happening)

    async def go(self, **bent: str) -> SignedIn:
        """Through all of it, as a browser; `bent` changes the query it comes back with."""
        away = await self.oidc.send_away(BACK, "/studies?limit=5")
        back = {**self.peer.browse(away.url), **bent}
        return await self.oidc.take_back(away.ticket, Returned(**back), VISITOR)

    async def account(self, number: int) -> accounts.Account:
        return await self.records.read(lambda c: accounts.get(c, number))

    async def close(self) -> None:
        await self.provider.close()
        self.records.close()
        self.passwords.close()


@pytest.fixture
async def site(tmp_path: Path, running: OpenIDProvider) -> AsyncIterator[Site]:
    running.bend(claims=JO, bent={}, userinfo={}, header={})
    site = Site(tmp_path, running)
    yield site
    await site.close()


async def test_the_first_time_makes_an_account_with_the_roles_of_its_groups(site: Site) -> None:
    signed_in = await site.go()
    account = await site.account(signed_in.account)
    assert (account.name, account.full_name, account.has_password) == ("jo", "Jo Doe", False)
    assert account.oidc == (site.peer.issuer, JO["sub"])
    assert account.roles == (RoleAt("radiologist", "north"), RoleAt("teacher", "*"))
    assert (signed_in.method, signed_in.return_to) == ("oidc", "/studies?limit=5")
    assert [what.what for what in site.told] == ["account made", "signed in"]


async def test_the_browser_is_sent_with_pkce_a_state_and_a_nonce(site: Site) -> None:
    away = await site.oidc.send_away(BACK, "/")
    query = parse_qs(urlsplit(away.url).query)
    assert query["code_challenge_method"] == ["S256"]
    assert all(len(query[name][0]) == 43 for name in ("state", "nonce", "code_challenge"))
    assert query["redirect_uri"] == [BACK]
    assert away.ticket not in away.url


async def test_the_second_time_it_is_the_same_account_and_the_groups_of_that_day(site: Site) -> None:
    first = await site.go()
    site.peer.bend(claims={**JO, "preferred_username": "jo.newname", "groups": ["it"]})
    second = await site.go()
    assert second.account == first.account
    assert (await site.account(second.account)).roles == (RoleAt("administrator", "*"),)


async def test_who_left_every_group_is_refused_and_keeps_neither_role_nor_session(site: Site) -> None:
    number = (await site.go()).account
    site.peer.bend(claims={**JO, "groups": ["others"]})
    with pytest.raises(Refused, match="no group"):
        await site.go()
    assert site.told[-1].what == "sign-in refused"
    assert (await site.account(number)).roles == ()
    assert await sessions_left(site, number) == 0


async def test_roles_given_here_let_in_whom_no_group_does(site: Site) -> None:
    number = (await site.go()).account
    await site.records.write(lambda c: accounts.set_roles(c, number, (RoleAt("auditor", "*"),)))
    site.peer.bend(claims={**JO, "groups": []})
    assert (await site.account((await site.go()).account)).roles == (RoleAt("auditor", "*"),)


async def test_an_account_of_this_site_is_never_taken_over_by_its_name(site: Site) -> None:
    local = await site.records.write(lambda c: accounts.create(c, NewAccount("Jo"), (), site.clock()))
    signed_in = await site.go()
    assert signed_in.account != local
    assert (await site.account(signed_in.account)).name == "jo (2)"


async def test_a_disabled_account_is_refused(site: Site) -> None:
    number = (await site.go()).account
    await site.records.write(lambda c: accounts.set_disabled(c, number, True))
    with pytest.raises(Refused, match="disabled"):
        await site.go()


async def test_groups_that_the_id_token_does_not_tell_are_asked_for(site: Site) -> None:
    claims = {name: value for name, value in JO.items() if name != "groups"}
    site.peer.bend(claims=claims, userinfo={"sub": JO["sub"], "groups": ["it"]})
    assert (await site.account((await site.go()).account)).roles == (RoleAt("administrator", "*"),)


async def test_userinfo_of_somebody_else_is_refused(site: Site) -> None:
    claims = {name: value for name, value in JO.items() if name != "groups"}
    site.peer.bend(claims=claims, userinfo={"sub": "another", "groups": ["it"]})
    with pytest.raises(Refused, match="somebody else"):
        await site.go()


async def test_groups_may_lie_in_an_object(tmp_path: Path, site: Site) -> None:
    folder = tmp_path / "nested"
    folder.mkdir()
    site.peer.bend(claims={**JO, "groups": None, "realm_access": {"roles": ["it"]}})
    nested = Site(folder, site.peer, oidc_groups_claim="realm_access.roles")
    try:
        assert (await nested.account((await nested.go()).account)).roles == (RoleAt("administrator", "*"),)
    finally:
        await nested.close()


NOW = int(time.time())


@pytest.mark.parametrize(
    ("bent", "named"),
    [
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"iss": "https://evil.example"}, "iss"),
        ({"iss": None}, "iss"),
        ({"aud": "another"}, "aud"),
        ({"aud": ["another", "third"]}, "aud"),
        ({"aud": [CLIENT_ID, "another"]}, "azp"),
        ({"azp": "another"}, "azp"),
        ({"exp": NOW - 120}, "exp"),
        ({"exp": None}, "exp"),
        ({"exp": "never"}, "exp"),
        ({"iat": NOW + 600}, "iat"),
        ({"iat": NOW - 3600}, "iat"),
        ({"iat": None}, "iat"),
        ({"nbf": NOW + 600}, "nbf"),
        ({"sub": None}, "sub"),
        ({"at_hash": "AAAA"}, "at_hash"),
    ],
)
async def test_a_claim_that_is_not_as_it_should_be_is_named_and_refused(
    site: Site, bent: dict[str, Any], named: str
) -> None:
    site.peer.bend(bent=bent)
    with pytest.raises(Refused, match=named):
        await site.go()
    assert await site.records.fetch("SELECT id FROM accounts", ()) == []


async def test_clocks_may_be_a_little_apart(site: Site) -> None:
    site.peer.bend(bent={"exp": int(time.time()) - 30, "iat": int(time.time()) - 330})
    assert (await site.go()).method == "oidc"


@pytest.mark.parametrize("header", [{"alg": "none"}, {"kid": "another"}, {"alg": "none", "kid": None}])
async def test_a_token_that_nobody_known_signed_is_refused(site: Site, header: dict[str, Any]) -> None:
    site.peer.bend(header=header)
    with pytest.raises(Refused):
        await site.go()


async def test_a_key_that_is_new_there_is_fetched_once(site: Site) -> None:
    await site.go()
    before = site.peer.keys_fetched()
    await site.go()
    assert site.peer.keys_fetched() == before
    site.peer.rotate()
    site.later_s += 31
    await site.go()
    await site.go()
    assert site.peer.keys_fetched() == before + 1


async def test_unknown_keys_do_not_have_the_provider_asked_without_end(site: Site) -> None:
    await site.go()
    before = site.peer.keys_fetched()
    site.later_s += 31
    site.peer.bend(header={"kid": "another"})
    for _ in range(5):
        with pytest.raises(Refused):
            await site.go()
    assert site.peer.keys_fetched() == before + 1


async def test_only_the_browser_that_was_sent_comes_back(site: Site) -> None:
    away = await site.oidc.send_away(BACK, "/")
    back = Returned(**site.peer.browse(away.url))
    with pytest.raises(Refused):
        await site.oidc.take_back(new_secret(), back, VISITOR)
    with pytest.raises(Refused, match="not begun here"):
        await site.go(state=new_secret())


async def test_a_sign_in_is_ended_once_and_in_time(site: Site) -> None:
    away = await site.oidc.send_away(BACK, "/")
    back = Returned(**site.peer.browse(away.url))
    await site.oidc.take_back(away.ticket, back, VISITOR)
    with pytest.raises(Refused, match="begin again"):
        await site.oidc.take_back(away.ticket, back, VISITOR)
    late = await site.oidc.send_away(BACK, "/")
    site.later_s += 601
    with pytest.raises(Refused, match="begin again"):
        await site.oidc.take_back(late.ticket, Returned(**site.peer.browse(late.url)), VISITOR)


@pytest.mark.parametrize(
    "bent", [{"iss": "https://evil.example"}, {"iss": ""}, {"error": "access_denied"}, {"code": ""}]
)
async def test_an_answer_that_is_another_is_refused(site: Site, bent: dict[str, str]) -> None:
    with pytest.raises(Refused):
        await site.go(**bent)


async def test_a_code_of_another_sign_in_is_refused(site: Site) -> None:
    other = site.peer.browse((await site.oidc.send_away(BACK, "/")).url)
    with pytest.raises(Refused, match="did not let you in"):
        await site.go(code=other["code"])


async def test_a_wrong_client_secret_lets_nobody_in_and_is_told_to_nobody(
    tmp_path: Path, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "wrong"
    folder.mkdir()
    wrong = Site(folder, site.peer)
    wrong.provider._secret = "wrong canary"
    with pytest.raises(Refused) as raised:
        await wrong.go()
    captured = capsys.readouterr()
    assert "canary" not in str(raised.value) + captured.out + captured.err
    await wrong.close()


async def test_a_provider_that_does_not_answer_is_the_peers_failure(site: Site) -> None:
    site.provider._settings = Settings(oidc_issuer="http://127.0.0.1:9", oidc_client_id=CLIENT_ID)
    with pytest.raises(PeerFailed):
        await site.oidc.send_away(BACK, "/")


async def test_an_answer_without_end_is_not_read(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider, "_MOST_BYTES", 100)
    with pytest.raises(PeerFailed):
        await site.oidc.send_away(BACK, "/")


async def test_signing_out_here_leads_to_the_providers_sign_out(site: Site) -> None:
    signed_in = await site.go()
    ended = await site.sign_in.sign_out(signed_in.session.secret, VISITOR)
    url = urlsplit(await site.oidc.sign_out_url(ended, "https://pacs.example.org/"))
    query = parse_qs(url.query)
    assert url.path == "/end-session"
    assert query["post_logout_redirect_uri"] == ["https://pacs.example.org/"]
    assert query["id_token_hint"] == [ended.oidc_id_token]


async def sessions_left(site: Site, number: int) -> int:
    return len(await site.records.read(lambda c: sessions.of_account(c, number, site.clock())))


async def test_signing_out_there_ends_that_session_here(site: Site) -> None:
    site.peer.bend(bent={"sid": "one"})
    number = (await site.go()).account
    site.peer.bend(bent={"sid": "two"})
    await site.go()
    assert await site.oidc.signed_out_there(site.peer.logout_token(sid="one", sub=JO["sub"])) == 1
    assert await sessions_left(site, number) == 1


async def test_signing_out_there_everywhere_ends_all_sessions_of_the_subject(site: Site) -> None:
    number = (await site.go()).account
    await site.go()
    site.peer.bend(claims={**JO, "sub": "another"})
    another = (await site.go()).account
    assert await site.oidc.signed_out_there(site.peer.logout_token(sub=JO["sub"])) == 2
    assert (await sessions_left(site, number), await sessions_left(site, another)) == (0, 1)


@pytest.mark.parametrize(
    "bent",
    [
        {"sub": None},
        {"sub": "248289761001", "nonce": "x"},
        {"sub": "248289761001", "events": {}},
        {"sub": "248289761001", "events": "x"},
        {"sub": "248289761001", "aud": "another"},
        {"sub": "248289761001", "iss": "https://evil.example"},
        {"sub": "248289761001", "exp": NOW - 120},
        {"sub": 5},
    ],
)
async def test_what_is_no_logout_token_ends_nothing(site: Site, bent: dict[str, Any]) -> None:
    number = (await site.go()).account
    with pytest.raises(Refused):
        await site.oidc.signed_out_there(site.peer.logout_token(**bent))
    assert await sessions_left(site, number) == 1


async def test_an_id_token_is_no_logout_token(site: Site) -> None:
    signed_in = await site.go()
    ended = await site.sign_in.sign_out(signed_in.session.secret, VISITOR)
    with pytest.raises(Refused):
        await site.oidc.signed_out_there(ended.oidc_id_token)
