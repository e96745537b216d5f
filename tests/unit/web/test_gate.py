"""The gate and the pages behind it: who is let in to what, and what becomes of those who are not."""

import base64
import html
import re
import time
from functools import partial
from typing import TYPE_CHECKING

import httpx

from sagittal.access import accounts, links, sessions, tokens, totp
from sagittal.access.links import NewLink
from sagittal.access.passwords import hash_password
from sagittal.access.sealing import seal_of
from sagittal.access.tokens import NewToken
from sagittal.runtime.settings import Settings
from support.archives import instance, store

if TYPE_CHECKING:
    from .conftest import Site

PASSWORD = "four words in a row"
SECURE = re.compile(r"__Host-sagittal=([\w-]{43}); HttpOnly; Path=/; SameSite=lax; Secure", re.IGNORECASE)


async def enter(browser: httpx.AsyncClient, name: str, password: str = PASSWORD, **more: str) -> httpx.Response:
    return await browser.post("/sign-in", data={"name": name, "password": password, **more})


def secret_of(answer: httpx.Response) -> str:
    return answer.cookies.get("__Host-sagittal") or ""


async def test_nobody_sees_more_than_the_ways_in(site: "Site") -> None:
    browser = site.browser()
    for path in ("/", "/account", "/account/password", "/shared", "/no-such-page", "/dicom-web/studies"):
        answer = await browser.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?next={path.replace('/', '%2F')}")
    for path in ("/account/tokens", "/account/links", "/account/passkeys/begin", "/account/sessions/end-others"):
        answer = await browser.post(path, data={"label": "x"})
        assert (answer.status_code, "Sign in first" in answer.text) == (401, True)
    script = site.browser(accept="application/json")
    assert (await script.get("/account")).json()["status"] == 401


async def test_the_cookie_is_of_this_host_over_tls_and_of_no_script(site: "Site") -> None:
    await site.person("jo", "radiologist")
    answer = await enter(site.browser(), "jo", next="/account")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    assert SECURE.fullmatch(answer.headers["set-cookie"])


async def test_signing_in_ends_the_session_that_the_browser_had(site: "Site") -> None:
    await site.person("jo", "radiologist")
    browser = site.browser()
    before = secret_of(await enter(browser, "jo"))
    after = secret_of(await enter(browser, "jo"))
    assert before != after
    stale = site.browser(cookie=f"__Host-sagittal={before}")
    assert (await stale.get("/account")).status_code == 303
    assert (await browser.get("/account")).status_code == 200


async def test_nobody_is_sent_to_another_site_after_signing_in(site: "Site") -> None:
    await site.person("jo", "radiologist")
    for to in ("//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", ""):
        assert (await enter(site.browser(), "jo", next=to)).headers["location"] == "/"


async def test_a_form_of_another_site_signs_nobody_in_or_out(site: "Site") -> None:
    await site.person("jo", "radiologist")
    browser = site.browser()
    await enter(browser, "jo")
    for said in ({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "https://evil.example"}):
        headers = {"sec-fetch-site": "", **said}
        for path in ("/sign-in", "/sign-out", "/account/sessions/end-others", "/account/password"):
            assert (await browser.post(path, headers=headers)).status_code == 403
    assert (await browser.get("/account")).status_code == 200


async def test_a_site_without_an_openid_provider_has_no_ways_of_one(site: "Site") -> None:
    browser = site.browser()
    assert "OpenID" not in (await browser.get("/sign-in")).text
    for path in ("/sign-in/oidc", "/sign-in/oidc/back?code=1"):
        assert (await browser.get(path)).status_code == 404
    by_the_provider = {"sec-fetch-site": "", "accept": ""}  # no browser sends it, so no page need be ours
    assert (await browser.post("/sign-in/oidc/over", headers=by_the_provider)).status_code == 404


async def test_who_signs_out_is_out(site: "Site") -> None:
    await site.person("jo", "radiologist")
    browser = site.browser()
    secret = secret_of(await enter(browser, "jo"))
    answer = await browser.post("/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert "max-age=0" in answer.headers["set-cookie"].lower()
    assert (await site.browser(cookie=f"__Host-sagittal={secret}").get("/account")).status_code == 303
    assert [line[:2] for line in await site.lines()][-1] == ("sign-out", "jo")


async def test_who_is_to_change_their_password_does_that_first(site: "Site") -> None:
    await site.person("jo", "radiologist", must_change=True)
    browser = site.browser()
    assert (await enter(browser, "jo", next="/account")).headers["location"] == "/account/password"
    assert (await browser.get("/")).headers["location"] == "/account/password"
    answer = await browser.post("/account/tokens", data={"label": "x", "may": "read"})
    assert (answer.status_code, "before anything else" in answer.text) == (403, True)
    new = "other words in a row"
    answer = await browser.post("/account/password", data={"current": PASSWORD, "password": new, "again": new})
    assert answer.headers["location"] == "/account?done=password"
    assert (await browser.get("/account")).status_code == 200
    assert ("account changed", "jo", "", 0) in await site.lines()


async def test_no_form_is_read_beyond_its_cap(site: "Site") -> None:
    answer = await site.browser().post("/sign-in", content=b"name=" + b"x" * 200_000)
    assert (answer.status_code, "at most" in answer.text) == (400, True)


async def test_pages_have_headers_under_which_only_our_own_files_run(site: "Site") -> None:
    await site.person("jo", "radiologist")
    browser = site.browser()
    pages = [await browser.get("/sign-in"), await enter(browser, "jo", "wrong")]
    await enter(browser, "jo")
    pages += [await browser.get(path) for path in ("/account", "/account/totp", "/no-such-page")]
    for page in pages:
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; ")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert not re.search(
            r"<style|style=|<script(?! type=\"module\" src=\"/assets/)|\son\w+=|https?://(?!pacs|www\.w3)", page.text
        )


async def test_the_link_of_the_first_start_is_good_once_and_tells_nobody_where_it_is(site: "Site") -> None:
    browser, path = site.browser(), f"/first-start/{site.way_in.first_start}"
    assert (await browser.get("/first-start/" + "x" * 43)).status_code == 403
    asked = await browser.get(path)
    assert asked.headers["referrer-policy"] == "no-referrer"
    said = {"name": "ada", "password": PASSWORD, "again": PASSWORD}
    for field, wrong in (
        ("again", {"again": "x"}),
        ("password", {"password": "short", "again": "short"}),
        ("name", {"name": "a:b"}),
    ):
        answer = await browser.post(path, data={**said, **wrong})
        assert (answer.status_code, f'id="{field}-said" role="alert"' in answer.text) == (400, True)
    answer = await browser.post(path, data=said)
    assert (answer.status_code, len(secret_of(answer))) == (303, 43)
    assert (await site.browser().post(path, data={**said, "name": "eve"})).status_code == 403
    assert [line[:3] for line in await site.lines()][:2] == [
        ("account changed", "ada", "first start"),
        ("sign-in", "ada", "password"),
    ]


async def test_a_second_factor_is_asked_for_and_each_step_has_its_line(site: "Site") -> None:
    account = await site.person("jo", "radiologist")
    seal = seal_of(site.archive.records.path, Settings())
    secret = await site.archive.records.write(lambda c: totp.begin(c, account, seal))
    step = int(time.time()) // totp.STEP_S
    code, now_ns = totp.code_at(secret, step - 1), time.time_ns()
    await site.archive.records.write(lambda c: totp.confirm(c, account, code, now_ns, seal))
    browser = site.browser()
    asked = await enter(browser, "jo", next="/account")
    assert (asked.status_code, secret_of(asked)) == (200, "")
    ticket = re.findall(r'name="ticket" value="([^"]+)"', asked.text)[0]
    said = {"ticket": ticket, "next": "/account"}
    assert (await browser.post("/sign-in/code", data={**said, "code": "1"})).status_code == 403
    answer = await browser.post("/sign-in/code", data={**said, "code": totp.code_at(secret, step)})
    assert answer.headers["location"] == "/account"
    kept = [line for line in await site.lines() if line[0] == "sign-in"]
    assert [line[2:] for line in kept] == [("totp", 4), ("totp", 0)]


async def test_the_second_factor_is_taken_off_by_a_code_only_and_guesses_have_to_wait(site: "Site") -> None:
    await site.person("jo", "radiologist")
    browser = site.browser()
    secret_of_session = secret_of(await enter(browser, "jo"))
    shown = re.findall(r'id="secret">([A-Z2-7 ]+)<', (await browser.get("/account/totp")).text)[0].replace(" ", "")
    assert shown in (await browser.get("/account/totp")).text.replace(" ", "")  # until it is confirmed, the same
    secret, step = base64.b32decode(shown), int(time.time()) // totp.STEP_S
    answer = await browser.post("/account/totp", data={"code": totp.code_at(secret, step - 1)})
    codes = re.findall(r"<li>([a-z2-7-]{19})</li>", answer.text)
    assert len(codes) == 10
    for path in ("/account/totp/remove", "/account/totp/codes"):
        assert (await browser.post(path, data={"code": "000000"})).status_code == 403
    newer = re.findall(r"<li>([a-z2-7-]{19})</li>", (await browser.post(path, data={"code": codes[0]})).text)
    assert (await browser.post("/account/totp/remove", data={"code": codes[1]})).status_code == 403
    for status in (403, 403, 429):
        answer = await browser.post("/account/totp/remove", data={"code": "000000"})
        assert answer.status_code == status
    assert answer.headers["retry-after"] == "1"
    assert "second factor is on" not in (await browser.get("/account")).text
    elsewhere = site.browser("192.0.2.2", cookie=f"__Host-sagittal={secret_of_session}")
    assert (await elsewhere.post("/account/totp/remove", data={"code": newer[0]})).status_code == 303
    details = [line[2] for line in await site.lines() if line[0] == "account changed"]
    assert details == ["second factor on", "recovery codes made", "second factor off"]
    assert sum(line[2:] == ("totp", 4) for line in await site.lines()) == 5


async def test_a_share_link_is_not_opened_by_looking_at_its_page(site: "Site") -> None:
    await store(site.archive, instance(StudyInstanceUID="1.2.3"))
    new = NewLink("1.2.3", openings=1)
    number, name = await site.archive.records.write(lambda c: links.create(c, new, time.time_ns()))
    browser = site.browser()
    for _ in range(3):
        looked = await browser.get(f"/link/{name}")
        assert (looked.status_code, looked.headers["referrer-policy"]) == (200, "no-referrer")
        assert "1.2.3" not in looked.text
    answer = await browser.post(f"/link/{name}")
    assert answer.headers["location"] == "/view/1.2.3"
    assert (await browser.get("/shared")).text.count("/instances/") == 2
    assert (await browser.get("/account")).status_code == 403
    assert (await site.browser().get(f"/link/{name}")).status_code == 404
    assert (await site.archive.records.read(lambda c: links.get(c, number))).openings == 1
    kept = await site.archive.records.fetch("SELECT kind, actor, study_instance_uid FROM ledger ORDER BY seq", ())
    assert ("share", f"link {number}", "1.2.3") in [tuple(row) for row in kept]


async def test_what_people_change_of_their_account_has_a_line_each(site: "Site") -> None:
    await site.person("jo", "radiologist")
    await store(site.archive, instance(StudyInstanceUID="1.2.3"))
    browser = site.browser()
    await enter(browser, "jo")
    made = await browser.post("/account/tokens", data={"label": "x", "may": ["query", "read"], "days": "3"})
    assert "sgt_" in made.text
    assert (await browser.post("/account/tokens", data={"label": "x", "may": "manage"})).status_code == 400
    assert (await browser.post("/account/links", data={"study": "1.2.4"})).status_code == 404
    assert (await browser.post("/account/links", data={"study": "1.2.3", "days": "x"})).status_code == 400
    assert "https://pacs.example.org/link/" in (await browser.post("/account/links", data={"study": "1.2.3"})).text
    for path in ("tokens/1/revoke", "links/1/revoke", "sessions/end-others"):
        assert (await browser.post(f"/account/{path}")).status_code == 303
    missing = (1, 0, -1, 2**70)
    for path in ("sessions/x/end", *(f"{kind}/{one}/revoke" for kind in ("tokens", "links") for one in missing)):
        assert (await browser.post(f"/account/{path}")).status_code == 404
    assert [line[2] for line in await site.lines() if line[1] == "jo"][1:] == [
        "token made: query read at *",
        "link 1 made",
        "token 1 revoked",
        "link 1 revoked",
        "0 other sessions ended",
    ]


async def test_nobody_changes_what_is_of_another_account(site: "Site") -> None:
    await site.person("jo", "radiologist")
    await site.person("eve", "administrator")
    jo, eve = site.browser(), site.browser()
    await enter(jo, "jo")
    await enter(eve, "eve")
    await jo.post("/account/tokens", data={"label": "x", "may": "read"})
    assert (await eve.post("/account/tokens/1/revoke")).status_code == 404
    public = (await site.archive.records.fetch("SELECT public FROM sessions WHERE account = 1", ()))[0][0]
    assert (await eve.post(f"/account/sessions/{public}/end")).status_code == 404
    assert (await jo.get("/account")).status_code == 200


async def test_behind_a_named_proxy_the_attempts_of_others_do_not_count(site: "Site") -> None:
    await site.person("jo", "radiologist")
    for number in range(7):
        forwarded = {"x-forwarded-for": "198.51.100.9", "x-forwarded-proto": "https"}
        told = await enter(site.browser("10.0.0.1", **forwarded), f"nobody {number % 2}", "wrong")
    rows = await site.archive.records.fetch("SELECT DISTINCT address FROM ledger WHERE outcome > 0", ())
    assert [tuple(row) for row in rows] == [("198.51.100.9",)]
    assert told.status_code == 403


async def test_what_was_asked_for_before_signing_in_is_in_no_address(site: "Site") -> None:
    await site.person("jo", "radiologist")
    browser = site.browser()
    away = await browser.get("/account?name=DOE%5EJANE&done=token")
    assert away.headers["location"] == "/sign-in?next=%2Faccount"
    assert re.fullmatch(
        r"__Host-sagittal-next=[\w=-]+; HttpOnly; Max-Age=600; Path=/; SameSite=lax; Secure", away.headers["set-cookie"]
    )
    asked = await browser.get(away.headers["location"])
    wanted = html.unescape(re.findall(r'name="next" value="([^"]+)"', asked.text)[0])
    assert wanted == "/account?name=DOE%5EJANE&done=token"
    assert all("DOE" not in address for address in re.findall(r'(?:href|action)="([^"]+)"', asked.text))
    again = await site.browser(cookie=f"__Host-sagittal-next={away.cookies['__Host-sagittal-next']}").get("/account")
    assert "__Host-sagittal-next=; HttpOnly; Max-Age=0" in again.headers["set-cookie"]
    assert (await enter(browser, "jo", next=wanted)).headers["location"] == wanted
    assert "__Host-sagittal-next" not in browser.cookies
    elsewhere = await site.browser(cookie=f"__Host-sagittal-next={away.cookies['__Host-sagittal-next']}").get(
        "/sign-in"
    )
    assert "DOE" not in elsewhere.text


async def test_no_cookie_sends_anybody_to_another_site(site: "Site") -> None:
    for evil in ("//evil.example?a", "https://evil.example/?a", "/\\evil.example?a", "/account\n?a", "\xff"):
        kept = base64.urlsafe_b64encode(evil.encode("latin-1")).decode()
        for path in ("/", "//evil.example", "/account"):
            page = await site.browser(cookie=f"__Host-sagittal-next={kept}").get("/sign-in", params={"next": path})
            assert "evil" not in page.text


async def test_who_was_let_in_a_moment_ago_is_out_as_soon_as_that_ends(site: "Site") -> None:
    jo = await site.person("jo", "radiologist")
    records, now_ns = site.archive.records, time.time_ns()
    for what in ("token", "session", "account"):
        await records.write(lambda c: accounts.set_disabled(c, jo, False))
        number, token = await records.write(lambda c: tokens.create(c, NewToken(jo, "x", ("read",)), now_ns))
        script, browser = site.browser(authorization=f"Bearer {token}", accept="*/*"), site.browser()
        await enter(browser, "jo")
        for _ in range(3):
            assert [(await one.get("/account")).status_code for one in (script, browser)] == [403, 200]
        if what == "token":
            await records.write(partial(tokens.revoke, number=number, now_ns=now_ns))
        elif what == "session":
            await records.write(lambda c: sessions.end_all(c, jo))
        else:
            await records.write(lambda c: accounts.set_disabled(c, jo, True))
        now = [(await one.get("/account")).status_code for one in (script, browser)]
        assert now == {"token": [401, 200], "session": [403, 303], "account": [401, 303]}[what]


async def test_who_was_let_in_a_moment_ago_is_to_change_their_password_now(site: "Site") -> None:
    jo = await site.person("jo", "radiologist")
    browser = site.browser()
    secret = secret_of(await enter(browser, "jo"))
    assert (await browser.get("/account")).status_code == 200
    new, now_ns = hash_password("x" * 20), time.time_ns()
    await site.archive.records.write(lambda c: accounts.set_password(c, jo, new, now_ns, must_change=True, but=secret))
    for _ in range(2):
        assert (await browser.get("/account")).headers["location"] == "/account/password"
        assert (await browser.get("/account/password")).status_code == 200


async def test_nobody_is_taken_for_who_came_before_from_the_same_place(site: "Site") -> None:
    await site.person("jo", "radiologist")
    await site.person("eve", "radiologist")
    names = {}
    for name in ("jo", "eve", "jo"):
        browser = site.browser()
        secret = secret_of(await enter(browser, name))
        names[secret] = name
    for _ in range(2):
        for secret, name in names.items():
            other = site.browser(cookie=f"__Host-sagittal={secret}")
            assert name in (await other.get("/account")).text
        assert (await site.browser().get("/account")).status_code == 303


async def test_each_of_a_browsers_requests_is_answered_in_the_language_it_asks_for(site: "Site") -> None:
    await site.person("jo", "radiologist")
    secret = secret_of(await enter(site.browser(), "jo"))
    said = {"cookie": f"__Host-sagittal={secret}"}
    for language in ("fr", "es", "fr", "en"):
        page = await site.browser(**said, **{"accept-language": language}).get("/account")
        assert f'lang="{language}"' in page.text


async def test_a_form_of_another_site_does_nothing_for_who_was_let_in_a_moment_ago(site: "Site") -> None:
    await site.person("jo", "radiologist")
    browser = site.browser()
    await enter(browser, "jo")
    for _ in range(2):
        assert (await browser.get("/account")).status_code == 200
        stray = {"sec-fetch-site": "cross-site"}
        assert (await browser.post("/account/sessions/end-others", headers=stray)).status_code == 403


async def test_assets_are_kept_for_good_under_the_name_of_their_content(site: "Site") -> None:
    browser = site.browser()
    page = (await browser.get("/sign-in")).text
    addresses = re.findall(r"/assets/[\w./-]+", page)
    assert {one.rpartition(".")[2] for one in addresses} >= {"css", "js", "svg"}
    for address in addresses:
        answer = await browser.get(address)
        assert (answer.status_code, answer.headers["content-encoding"]) == (200, "br")
        assert "immutable" in answer.headers["cache-control"]
    assert (await browser.get("/assets/sagittal.css")).status_code == 404
