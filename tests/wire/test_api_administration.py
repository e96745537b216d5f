"""The API of administration and of one's own account, over a socket: each change is in force at once."""

import time
from base64 import b32decode
from collections.abc import Iterator

import httpx
import pytest

from sagittal.access import accounts
from sagittal.access.passkeys import relying_party
from sagittal.access.passwords import hash_password
from sagittal.access.totp import STEP_S, code_at
from sagittal.runtime.actor import Role
from sagittal.runtime.settings import RoleAt
from support.archives import instance
from support.authenticator import Authenticator
from support.deployment import NORTH, Deployment, deployed, destinations
from support.server import free_port

STUDY = "1.2.826.0.1.3680043.8.498.7"
PASSWORD = "four words in a row"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    gone = destinations(GONE=free_port())
    with deployed(tmp_path_factory.mktemp("site") / "data", destinations=gone) as deployment:
        deployment.keep(NORTH, instance(StudyInstanceUID=STUDY))
        yield deployment


@pytest.fixture
def admin(site: Deployment) -> httpx.Client:
    return site.client(token=site.token(1))


def person(site: Deployment, name: str, role: Role = "administrator") -> httpx.Client:
    """Somebody in a browser, with a password."""
    account = site.account(name, RoleAt(role, "*"), password=hash_password(PASSWORD))
    return site.client(cookie=site.session(account))


# People


def test_an_account_is_made_used_changed_and_taken_out_of_use(site: Deployment, admin: httpx.Client) -> None:
    roles = [{"role": "technologist", "facility": NORTH}]
    new = {"name": "tim", "password": PASSWORD, "full_name": "Tim Doe", "facility": NORTH, "roles": roles}
    made = admin.post("/api/accounts", json=new)
    assert (made.status_code, made.headers["location"]) == (201, f"/api/accounts/{made.json()['id']}")
    where = made.headers["location"]
    assert admin.get(where).json()["roles"] == roles
    assert admin.get(where).json()["must_change_password"]
    assert admin.post("/api/accounts", json=new).status_code == 409

    token = site.token(made.json()["id"])
    site.change(lambda c: accounts.set_password(c, made.json()["id"], hash_password("five words in a row now"), 1))
    tim = site.client(token=token)
    assert tim.get("/api/account").json()["roles"] == ["technologist"]
    assert admin.put(f"{where}/roles", json={"roles": [{"role": "teacher"}]}).status_code == 204
    assert tim.get("/api/account").json()["roles"] == ["teacher"]
    assert admin.patch(where, json={"is_disabled": True}).status_code == 204
    assert tim.get("/api/account").status_code == 401
    assert admin.patch(where, json={"is_disabled": False}).status_code == 204
    assert admin.put(f"{where}/password", json={"password": "123"}).status_code == 400
    assert admin.put(f"{where}/password", json={"password": "six words in a row by now"}).status_code == 204
    assert site.lines(kind="account changed", subject="tim")


def test_an_account_belongs_to_a_facility_that_is_there(admin: httpx.Client) -> None:
    new = {"name": "una", "password": PASSWORD}
    assert admin.post("/api/accounts", json={**new, "facility": "nowhere"}).status_code == 400
    assert admin.post("/api/accounts", json={**new, "facility": "*"}).status_code == 400
    assert (
        admin.post("/api/accounts", json={**new, "roles": [{"role": "teacher", "facility": "no"}]}).status_code == 400
    )


def test_nobody_takes_the_last_administrator_away(admin: httpx.Client) -> None:
    assert admin.patch("/api/accounts/1", json={"is_disabled": True}).status_code == 403
    assert admin.patch("/api/accounts/999999", json={"is_disabled": True}).status_code == 404


def test_lists_come_in_pages(site: Deployment, admin: httpx.Client) -> None:
    for number in range(3):
        site.account(f"page {number}")
    seen: list[int] = []
    cursor: int | None = 0
    while cursor is not None:
        found = admin.get(f"/api/accounts?limit=2&cursor={cursor}").json()
        seen += [one["id"] for one in found["accounts"]]
        cursor = found["next"]
    assert seen == sorted(set(seen))
    assert len(seen) == len(admin.get("/api/accounts").json()["accounts"])


def test_a_role_may_what_is_said(site: Deployment, admin: httpx.Client) -> None:
    client = site.client(token=site.token(site.account("eve", RoleAt("researcher", "*"))))
    assert client.post("/api/studies/search", json={"text": "x"}).json()["studies"] == []
    assert client.get("/api/storage").status_code == 403
    assert admin.put("/api/roles/researcher/any", json={"may": ["configure"]}).status_code == 204
    assert client.get("/api/storage").status_code == 200
    rules = {(one["role"], one["relation"]): one["may"] for one in admin.get("/api/roles").json()["rules"]}
    assert rules["researcher", "any"] == ["configure"]
    assert admin.put("/api/roles/referring%20clinician/linked", json={"may": []}).status_code == 400


# Network


def test_facilities_and_devices_come_and_go(admin: httpx.Client) -> None:
    west = {"name": "west", "title": "West", "called_aets": ["WEST"]}
    assert admin.post("/api/facilities", json=west).status_code == 201
    assert admin.post("/api/facilities", json=west).status_code == 409
    assert west in admin.get("/api/facilities").json()["facilities"]
    made = admin.post("/api/devices", json={"aet": "CT7", "facility": "west", "addresses": ["192.0.2.0/24"]})
    where = made.headers["location"]
    (device,) = (one for one in admin.get("/api/devices").json()["devices"] if one["aet"] == "CT7")
    assert (device["addresses"], device["is_disabled"]) == (["192.0.2.0/24"], False)
    assert admin.patch(where, json={"is_disabled": True}).status_code == 204
    assert admin.delete("/api/facilities/west").status_code == 409
    assert admin.delete(where).status_code == 204
    assert admin.delete(where).status_code == 404
    assert admin.delete("/api/facilities/west").status_code == 204
    assert admin.post("/api/devices", json={"aet": "CT7", "addresses": ["here"]}).status_code == 400


def test_a_destination_is_asked_whether_it_is_there(site: Deployment, admin: httpx.Client) -> None:
    (one,) = admin.get("/api/destinations").json()["destinations"]
    assert (one["aet"], one["host"]) == ("GONE", "127.0.0.1")
    answer = admin.post("/api/destinations/GONE/echo").json()
    assert answer["is_there"] is False
    assert answer["why"]
    assert admin.post("/api/destinations/NOBODY/echo").status_code == 404


# The site


def test_storage_settings_and_ledger_are_shown(admin: httpx.Client) -> None:
    assert admin.get("/api/storage").json()["instances"] == 1
    settings = {one["name"]: one["value"] for one in admin.get("/api/settings").json()["settings"]}
    assert settings["aet"] == '"SAGITTAL"'
    assert admin.get("/api/about").json()["counts"]["studies"] == 1


def test_the_ledger_is_searched_in_pages_and_says_so(site: Deployment, admin: httpx.Client) -> None:
    site.lines()
    seen: list[int] = []
    cursor: int | None = 0
    while cursor is not None:
        found = admin.post("/api/ledger/search", json={"limit": 3, "cursor": cursor}).json()
        seen += [one["seq"] for one in found["lines"] if one["seq"]]
        cursor = found["next"]
    assert seen == sorted(set(seen), reverse=True)
    assert seen[-1] == 1
    found = admin.post("/api/ledger/search", json={"kind": "ledger read", "since": "2026-01-01T00:00:00Z"}).json()
    assert found["lines"][0]["actor"] == "root"
    far = {"since": "0001-01-01T00:00:00Z", "until": "9999-12-31T23:59:59Z"}
    assert admin.post("/api/ledger/search", json=far).status_code == 200


# One's own account


def test_a_token_is_handed_out_listed_and_void_at_once(site: Deployment, admin: httpx.Client) -> None:
    owner = person(site, "gil")
    made = owner.post("/api/account/tokens", json={"label": "night job", "may": ["query"], "days": 1})
    assert made.status_code == 201
    client = site.client(token=made.json()["token"])
    assert client.get("/api/account").json()["may"] == ["query"]
    (listed,) = owner.get("/api/account/tokens").json()["tokens"]
    assert (listed["label"], listed["may"]) == ("night job", ["query"])
    assert made.json()["token"] not in owner.get("/api/account/tokens").text
    assert client.post("/api/account/tokens", json={"label": "more", "may": ["query"]}).status_code == 403
    assert listed["id"] in [one["id"] for one in admin.get("/api/tokens").json()["tokens"]]
    assert owner.delete(f"/api/account/tokens/{listed['id']}").status_code == 204
    assert client.get("/api/account").status_code == 401


def test_a_share_link_opens_what_it_is_to(site: Deployment, admin: httpx.Client) -> None:
    owner = site.client(token=site.token(1, "share", "query"))
    wanted = {"study": STUDY, "days": 1, "openings": 1, "pin": "2468"}
    made = owner.post("/api/account/links", json=wanted)
    assert made.status_code == 201, made.text
    assert made.json()["address"].startswith(f"{site.url}/link/")
    opened = httpx.post(made.json()["address"], data={"pin": "2468"}, headers={"sec-fetch-site": "same-origin"})
    guest = site.client(cookie=opened.cookies["sagittal"])
    assert guest.get("/api/account").json()["kind"] == "link"
    assert guest.get(f"/api/studies/{STUDY}").status_code == 200
    assert guest.get("/api/account/links").status_code == 403
    (link,) = owner.get("/api/account/links").json()["links"]
    assert (link["openings"], link["has_pin"]) == (1, True)
    assert link["id"] in [one["id"] for one in admin.get("/api/links").json()["links"]]
    assert site.client(token=site.token(1, "query")).delete(f"/api/account/links/{link['id']}").status_code == 403
    assert admin.delete(f"/api/links/{link['id']}").status_code == 204
    assert guest.get("/api/account").status_code == 401
    assert owner.post("/api/account/links", json={**wanted, "study": "1.2.3"}).status_code == 404


def test_a_password_is_changed_and_other_sessions_end(site: Deployment) -> None:
    account = site.account("hal", RoleAt("teacher", "*"), password=hash_password(PASSWORD))
    here, there = site.client(cookie=site.session(account)), site.client(cookie=site.session(account))
    new = "five words in a row now"
    assert here.put("/api/account/password", json={"current": "wrong", "new": new}).status_code == 403
    assert here.put("/api/account/password", json={"current": PASSWORD, "new": new}).status_code == 204
    assert there.get("/api/account").status_code == 401
    assert httpx.get(f"{site.url}/api/account/sessions", auth=("hal", new)).status_code == 200


def test_sessions_are_listed_and_ended(site: Deployment) -> None:
    account = site.account("ida", RoleAt("teacher", "*"))
    here, there, far = (site.client(cookie=site.session(account)) for _ in range(3))
    listed = here.get("/api/account/sessions").json()["sessions"]
    assert [one["is_this"] for one in listed].count(True) == 1
    other = there.get("/api/account/sessions").json()["sessions"]
    (public,) = (one["session"] for one in other if one["is_this"])
    assert here.delete(f"/api/account/sessions/{public}").status_code == 204
    assert there.get("/api/account").status_code == 401
    assert here.delete("/api/account/sessions").json() == {"ended": 1}
    assert far.get("/api/account").status_code == 401
    assert here.get("/api/account").status_code == 200


def test_a_second_factor_is_put_on_renewed_and_taken_off(site: Deployment) -> None:
    client = person(site, "jan")
    begun = client.post("/api/account/totp").json()
    secret = b32decode(begun["secret"] + "=" * (-len(begun["secret"]) % 8))
    assert client.put("/api/account/totp", json={"code": "000000x"}).status_code == 403
    codes = client.put("/api/account/totp", json={"code": code_at(secret, int(time.time()) // STEP_S)})
    assert len(codes.json()["recovery_codes"]) == 10
    assert client.get("/api/account/totp").json() == {"is_on": True, "recovery_codes": 10}
    first, second = codes.json()["recovery_codes"][:2]
    renewed = client.post("/api/account/totp/recovery-codes", json={"code": first}).json()["recovery_codes"]
    assert client.post("/api/account/totp/remove", json={"code": second}).status_code == 403
    assert client.post("/api/account/totp/remove", json={"code": renewed[0]}).status_code == 204
    assert client.get("/api/account/totp").json()["is_on"] is False


def test_wrong_codes_make_the_next_one_wait(site: Deployment) -> None:
    client = person(site, "kim")
    secret = client.post("/api/account/totp").json()["secret"]
    code = code_at(b32decode(secret + "=" * (-len(secret) % 8)), int(time.time()) // STEP_S)
    assert client.put("/api/account/totp", json={"code": code}).status_code == 200
    answers = [client.post("/api/account/totp/remove", json={"code": "none"}) for _ in range(8)]
    last = answers[-1]
    assert (last.status_code, last.headers["content-type"]) == (429, "application/problem+json")
    assert int(last.headers["retry-after"]) >= 1


def test_a_passkey_is_made_renamed_and_forgotten(site: Deployment) -> None:
    client = person(site, "lea")
    begun = client.post("/api/account/passkeys/begin").json()
    (origin,) = relying_party(site.settings).origins
    response = Authenticator(origin).create(begun["options"])
    body = {"ticket": begun["ticket"], "response": response, "label": "phone"}
    assert client.post("/api/account/passkeys", json=body).status_code == 204
    (kept,) = client.get("/api/account/passkeys").json()["passkeys"]
    assert kept["label"] == "phone"
    assert client.patch(f"/api/account/passkeys/{kept['id']}", json={"label": "key"}).status_code == 204
    assert client.get("/api/account/passkeys").json()["passkeys"][0]["label"] == "key"
    assert client.delete(f"/api/account/passkeys/{kept['id']}").status_code == 204
    assert client.get("/api/account/passkeys").json()["passkeys"] == []


def test_what_changes_something_is_sent_by_our_own_pages(site: Deployment) -> None:
    client = person(site, "max")
    body = {"columns": ["date"]}
    elsewhere = client.put("/api/preferences/columns", json=body, headers={"sec-fetch-site": "cross-site"})
    assert elsewhere.status_code == 403
    assert client.put("/api/preferences/columns", json=body).status_code == 200
