"""Signing in, in Chromium: first start, password, code, passkey, OpenID provider; one's own account; share links."""

import base64
import json
import re
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import unquote

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pydicom.dataset import Dataset

from sagittal.access import accounts, totp
from sagittal.access.accounts import NewAccount
from sagittal.access.passwords import hash_password
from sagittal.archive.records.records import Records
from sagittal.runtime.settings import parse_role
from support import phantom
from support.archives import file_bytes, instance
from support.openid_provider import CLIENT_ID, CLIENT_SECRET, OpenIDProvider, openid_provider
from support.server import Server, running
from support.viewer import ARTIFACTS, SETTLED

pytestmark = [pytest.mark.xdist_group("browser-sign-in"), pytest.mark.timeout(120)]

PASSWORD = "four words in a row"
LONG = 20_000


class Site(NamedTuple):
    """A running archive with accounts; `root` is where browsers find it."""

    server: Server
    root: str
    provider: OpenIDProvider
    open: Callable[..., BrowserContext]

    def person(self, name: str, *roles: str, must_change: bool = False) -> str:
        """Makes an account; gives its name."""
        records = Records(self.server.data / "records.db")
        new = NewAccount(name, password=HASHED, must_change_password=must_change)
        given = [parse_role(role, "role") for role in roles]
        try:
            records.write_now(lambda c: accounts.create(c, new, given, time.time_ns()))
        finally:
            records.close()
        return name

    def enter(self, page: Page, name: str, password: str = PASSWORD, to: str = "/account") -> None:
        """Signs in by the form."""
        page.goto(f"{self.root}/sign-in?next={to}")
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(password)
        with page.expect_navigation():
            page.get_by_role("button", name="Sign in", exact=True).click()


HASHED = hash_password(PASSWORD)


def shot(page: Page, name: str) -> None:
    """Keeps a picture of the page."""
    ARTIFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"sign-in-{name}.png", full_page=True)


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenIDProvider]:
    with openid_provider() as started:
        yield started


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, browser: Browser, provider: OpenIDProvider) -> Iterator[Site]:
    environment = {
        "SAGITTAL_OIDC_ISSUER": provider.issuer,
        "SAGITTAL_OIDC_CLIENT_ID": CLIENT_ID,
        "SAGITTAL_OIDC_CLIENT_SECRET": CLIENT_SECRET,
        "SAGITTAL_OIDC_ROLES": json.dumps({"doctors": ["radiologist"]}),
    }
    opened: list[BrowserContext] = []
    wrong: list[str] = []

    def look(page: Page) -> None:
        page.set_default_timeout(LONG)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if "Content Security" in said.text else None)

    def open_browser(**how: object) -> BrowserContext:
        context = browser.new_context(viewport={"width": 1024, "height": 800}, **how)  # type: ignore[arg-type]  # as it takes them
        context.add_init_script(f"try {{ {SETTLED} }} catch {{}}")
        context.on("page", look)
        opened.append(context)
        return context

    folder = tmp_path_factory.mktemp("sign-in") / "data"
    with running(folder, environment=environment, is_open=False) as server:
        root = server.web.removesuffix("/dicom-web").replace("127.0.0.1", "localhost")
        site = Site(server, root, provider, open_browser)
        first_start(site)
        store(site, phantom.ct_series(phantom.study("PHANTOM", "Phantom^Known", "CT of a phantom"))[0])
        store(site, instance(PatientID="OTHER", PatientName="Other^Person", StudyDescription="Not shared"))
        yield site
        for context in opened:
            context.close()
    assert wrong == []


def first_start(site: Site) -> None:
    """The first administrator, by the link that was printed."""
    page = site.open().new_page()
    assert site.server.first_start.startswith(f"{site.root}/first-start/")
    page.goto(site.server.first_start)
    page.get_by_label("Name to sign in with").fill("ada")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("The password again").fill("five words in a row")
    page.get_by_role("button", name="Make the administrator").click()
    expect(page.get_by_label("The password again")).to_have_accessible_description(
        "The two passwords are not the same."
    )
    shot(page, "first-start")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("The password again").fill(PASSWORD)
    page.get_by_role("button", name="Make the administrator").click()
    expect_in(page, "ada")
    page.goto(site.server.first_start)
    expect(page.get_by_role("heading", name="You may not do that")).to_be_visible()


def store(site: Site, *datasets: Dataset) -> None:
    with httpx.Client(headers={"content-type": "application/dicom"}, auth=("ada", PASSWORD), timeout=30) as client:
        for one in datasets:
            answer = client.post(f"{site.server.web}/studies", content=file_bytes(one))
            assert answer.status_code == 200, answer.text


def expect_in(page: Page, name: str) -> None:
    """Waits until the page's head names somebody."""
    expect(page.get_by_role("navigation", name="Your account").get_by_role("link", name=name)).to_be_visible()


def session_cookie(context: BrowserContext) -> str:
    return "".join(str(one["value"]) for one in context.cookies() if one["name"] == "sagittal")


@pytest.fixture
def context(site: Site) -> BrowserContext:
    return site.open()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def test_wrong_names_and_passwords_are_told_alike_and_right_ones_lead_where_one_wanted(
    site: Site, page: Page, context: BrowserContext
) -> None:
    name = site.person("grace", "radiologist")
    page.goto(f"{site.root}/account?done=token")
    assert page.url == f"{site.root}/sign-in?next=%2Faccount"
    shot(page, "asks")
    told = set()
    for who, password in ((name, "wrong words in a row"), ("nobody", PASSWORD)):
        page.get_by_label("Name").fill(who)
        page.get_by_label("Password").fill(password)
        page.keyboard.press("Enter")
        told.add(page.get_by_role("alert").first.inner_text())
    assert told == {"The name or the password is wrong."}
    expect(page.get_by_label("Name")).to_have_value("nobody")
    assert session_cookie(context) == ""
    shot(page, "wrong")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("The token is revoked.")
    (cookie,) = [one for one in context.cookies() if one["name"] == "sagittal"]
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/")


def test_who_signs_out_is_out_and_gets_another_session_next_time(
    site: Site, page: Page, context: BrowserContext
) -> None:
    name = site.person("rosalind", "radiologist")
    site.enter(page, name)
    before = session_cookie(context)
    expect_in(page, name)
    shot(page, "front")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert session_cookie(context) == ""
    context.add_cookies([{"name": "sagittal", "value": before, "url": site.root}])
    page.goto(f"{site.root}/account")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    site.enter(page, name, to="//evil.example/")
    expect_in(page, "rosalind")
    assert "evil" not in page.url
    assert session_cookie(context) not in ("", before)


def test_too_many_attempts_are_told_when_the_next_is_looked_at(site: Site) -> None:
    said = {"name": "nobody else", "password": "x"}
    headers = {"accept": "text/html", "sec-fetch-site": "same-origin"}
    url = f"{site.server.web.removesuffix('/dicom-web')}/sign-in"
    for _ in range(5):
        httpx.post(url, data=said, headers=headers)
    answer = httpx.post(url, data=said, headers=headers)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert "The next one is looked at in 1 s." in answer.text


def test_a_password_that_was_given_is_changed_before_anything_else(site: Site, page: Page) -> None:
    name = site.person("temp", "radiologist", must_change=True)
    site.enter(page, name)
    expect(page.get_by_text("Before anything else")).to_be_visible()
    page.goto(f"{site.root}/ohif/")
    assert page.url == f"{site.root}/account/password"
    page.get_by_label("Your password now").fill(PASSWORD)
    page.get_by_label("The new one", exact=True).fill("temp temp temp")
    page.get_by_label("The new one again").fill("temp temp temp")
    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_label("The new one", exact=True)).to_have_accessible_description(
        re.compile("not to hold the name")
    )
    shot(page, "password")
    page.get_by_label("Your password now").fill(PASSWORD)
    page.get_by_label("The new one", exact=True).fill("another five words here")
    page.get_by_label("The new one again").fill("another five words here")
    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_role("status")).to_contain_text("Your password is changed.")
    page.goto(f"{site.root}/account")
    expect_in(page, "temp")


def test_a_code_is_asked_for_once_an_authenticator_app_is_set_up(site: Site, page: Page) -> None:
    name = site.person("hedy", "radiologist")
    site.enter(page, name)
    page.get_by_role("link", name=name).click()
    page.get_by_role("link", name="Set it up").click()
    expect(page.locator("svg.qr")).to_be_visible()
    secret = base64.b32decode(page.locator("#secret").inner_text().replace(" ", ""))
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Turn it on").click()
    expect(page.get_by_role("alert")).to_contain_text("not the one expected")
    shot(page, "totp")
    now = int(time.time()) // totp.STEP_S
    page.get_by_label("Code").fill(totp.code_at(secret, now - 1))
    page.get_by_role("button", name="Turn it on").click()
    codes = page.locator(".codes li").all_inner_texts()
    shot(page, "recovery-codes")
    page.get_by_role("button", name="Sign out").click()
    for code in (totp.code_at(secret, now), codes[0]):
        site.enter(page, name)
        page.get_by_label("Code").fill("123")
        page.keyboard.press("Enter")
        expect(page.get_by_label("Code")).to_have_accessible_description("the code is wrong, or was used")
        page.get_by_label("Code").fill(code)
        page.keyboard.press("Enter")
        expect_in(page, "hedy")
        page.get_by_role("button", name="Sign out").click()
    site.enter(page, name)
    page.get_by_label("Code").fill(codes[1])
    page.keyboard.press("Enter")
    expect_in(page, "hedy")
    page.goto(f"{site.root}/account/totp")
    expect(page.get_by_text("8 recovery codes are left")).to_be_visible()
    page.get_by_label("Code").fill(codes[2])
    page.get_by_role("button", name="Turn the second factor off").click()
    expect(page.get_by_role("status")).to_have_text("The second factor is off.")


def test_a_passkey_signs_in_without_name_or_password(site: Site, page: Page, context: BrowserContext) -> None:
    authenticator = context.new_cdp_session(page)
    authenticator.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    made = authenticator.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    name = site.person("annie", "radiologist")
    site.enter(page, name, to="/account")
    page.get_by_label("Name of a new passkey").fill("my telephone")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("status")).to_have_text("The passkey is added.")
    page.get_by_label("Name of the passkey").fill("my <b>watch</b>")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_text("my <b>watch</b>", exact=False).first).to_be_visible()
    shot(page, "account")
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{site.root}/sign-in?next=/account")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("heading", name="annie")).to_be_visible()
    page.get_by_role("button", name="Remove: my <b>watch</b>").click()
    expect(page.get_by_role("status")).to_have_text("The passkey is removed.")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.locator("[data-passkey-said]")).to_have_text("no passkey of an account here")
    authenticator.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": made["authenticatorId"]})


def test_the_viewer_shows_its_studies_to_who_is_signed_in_and_asks_whose_session_is_over(
    site: Site, page: Page, context: BrowserContext
) -> None:
    page.goto(f"{site.root}/ohif/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_text("CT of a phantom").first).to_be_visible()
    expect(page.get_by_text("Not shared").first).to_be_visible()
    context.clear_cookies()
    page.locator("tbody tr").first.locator("input").first.fill("Phantom")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible(timeout=LONG)
    assert page.url == f"{site.root}/sign-in?next=%2Fohif"


def test_a_session_that_is_ended_elsewhere_is_over_at_once(site: Site, page: Page) -> None:
    name = site.person("emmy", "radiologist")
    other = site.open(user_agent="Another Browser").new_page()
    for one in (page, other):
        site.enter(one, name)
    page.goto(f"{site.root}/account")
    expect(page.get_by_text("this one")).to_be_visible()
    page.get_by_role("listitem").filter(has_text="Another Browser").get_by_role("button").click()
    expect(page.get_by_role("status")).to_have_text("The session is ended.")
    other.reload()
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="emmy")).to_be_visible()


def test_a_token_is_shown_once_and_good_until_it_is_revoked(site: Site, page: Page) -> None:
    name = site.person("lise", "radiologist")
    site.enter(page, name, to="/account")
    page.get_by_text("New token").click()
    page.get_by_label("What it is for").fill("nightly report")
    page.get_by_role("button", name="Make the token").click()
    token = page.locator("#secret").inner_text()
    shot(page, "token")
    headers = {"authorization": f"Bearer {token}"}
    assert len(httpx.get(f"{site.server.web}/studies", headers=headers).json()) == 2
    assert httpx.get(f"{site.root}/account", headers=headers).status_code == 403
    page.get_by_role("link", name="I have copied it").click()
    assert token not in page.content()
    page.get_by_role("button", name="Revoke: nightly report").click()
    expect(page.get_by_role("status")).to_have_text("The token is revoked.")
    assert httpx.get(f"{site.server.web}/studies", headers=headers).status_code == 401


def make_link(site: Site, page: Page, **fields: str) -> str:
    """Has somebody who may share make a link to the phantom; gives its address."""
    studies = httpx.get(f"{site.server.web}/studies", params={"PatientID": "PHANTOM"}, auth=("ada", PASSWORD)).json()
    page.goto(f"{site.root}/account?study={studies[0]['0020000D']['Value'][0]}#links")
    for label, value in fields.items():
        page.get_by_label(label).fill(value)
    page.get_by_role("button", name="Make the link").click()
    return page.locator("#secret").inner_text()


def test_a_share_link_shows_one_study_to_who_has_it_and_its_pin(site: Site, page: Page) -> None:
    site.enter(page, site.person("marie", "radiologist"))
    address = make_link(site, page, PIN="4711", **{"How often it opens": "1"})
    shot(page, "link-made")
    assert re.fullmatch(re.escape(site.root) + r"/link/[\w-]{43}", address)
    guest = site.open().new_page()
    assert guest.goto(address).headers["referrer-policy"] == "no-referrer"  # type: ignore[union-attr]  # it answers
    guest.get_by_label("PIN").fill("4712")
    guest.keyboard.press("Enter")
    expect(guest.get_by_label("PIN")).to_have_accessible_description("The PIN is wrong.")
    shot(guest, "link-asks")
    guest.get_by_label("PIN").fill("4711")
    guest.keyboard.press("Enter")
    guest.wait_for_url(f"{site.root}/view/**")
    guest.locator("canvas").first.wait_for()
    guest.get_by_role("toolbar").first.wait_for()
    shot(guest, "shared-viewer")
    guest.goto(f"{site.root}/ohif/")
    expect(guest.get_by_text("CT of a phantom").first).to_be_visible()
    expect(guest.get_by_text("Not shared")).to_have_count(0)
    guest.goto(f"{site.root}/shared")
    drawn = guest.locator(".pictures img").first.evaluate("img => img.decode().then(() => img.naturalWidth)")
    assert drawn > 0
    shot(guest, "shared")
    guest.goto(f"{site.root}/account")
    expect(guest.get_by_role("heading", name="You may not do that")).to_be_visible()
    second = site.open().new_page()
    second.goto(address)
    expect(second.get_by_role("heading", name="There is nothing here")).to_be_visible()
    shot(second, "link-used-up")


def test_a_share_link_that_is_revoked_is_over_at_once_for_who_opened_it(site: Site, page: Page) -> None:
    site.enter(page, site.person("chien", "radiologist"))
    address = make_link(site, page)
    guest = site.open().new_page()
    guest.goto(address)
    guest.get_by_role("button", name="Open it").click()
    guest.wait_for_url(f"{site.root}/view/**")
    guest.goto(f"{site.root}/")
    expect(guest.get_by_text("By a share link")).to_be_visible()
    page.goto(f"{site.root}/account")
    page.get_by_role("listitem").filter(has_text="opened 1 time").get_by_role("button").click()
    expect(page.get_by_role("status")).to_contain_text("The link is revoked")
    guest.reload()
    expect(guest.get_by_role("heading", name="Sign in")).to_be_visible()


def test_what_one_may_not_share_is_not_there(site: Site, page: Page) -> None:
    site.enter(page, site.person("otto", "radiologist"), to="/account")
    page.get_by_text("New share link").click()
    page.get_by_label("Study Instance UID").fill("1.2.3")
    page.get_by_role("button", name="Make the link").click()
    expect(page.get_by_role("alert").first).to_contain_text("there is no such study")
    expect(page.get_by_label("Study Instance UID")).to_have_value("1.2.3")


def test_people_of_the_provider_come_in_by_it_and_go_out_of_it(site: Site, page: Page) -> None:
    jo = {"sub": "1", "preferred_username": "jo", "name": "Jo Doe", "sid": "s1"}
    site.provider.bend(claims={**jo, "groups": ["visitors"]})
    page.goto(f"{site.root}/sign-in?next=/account")
    page.get_by_role("link", name="Sign in with 127.0.0.1").click()
    expect(page.get_by_role("alert")).to_have_text("you are in no group that may use this site")
    shot(page, "oidc-refused")
    site.provider.bend(claims={**jo, "groups": ["doctors"]})
    for _ in range(2):
        page.goto(f"{site.root}/sign-in?next=/account")
        page.get_by_role("link", name="Sign in with 127.0.0.1").click()
        expect(page.get_by_role("heading", name="Jo Doe")).to_be_visible()
        assert page.url == f"{site.root}/account"
        if not _:
            page.get_by_role("button", name="Sign out").click()
            page.wait_for_url(f"{site.provider.issuer}/end-session?**")
            assert f"post_logout_redirect_uri={site.root}/sign-in" in unquote(page.url)
    token = site.provider.logout_token(sub="1", sid="s1")
    answer = httpx.post(f"{site.root}/sign-in/oidc/over", data={"logout_token": token})
    assert answer.status_code == 200
    page.reload()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert httpx.post(f"{site.root}/sign-in/oidc/over", data={"logout_token": "x"}).status_code == 400


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_telephone_in_both_themes(site: Site, scheme: str) -> None:
    context = site.open(color_scheme=scheme)
    page = context.new_page()
    page.set_viewport_size({"width": 360, "height": 740})
    name = site.person(f"narrow-{scheme}", "radiologist")
    for path in ("/sign-in", "/account", "/account/password", "/account/totp", "/nowhere"):
        if path == "/account":
            site.enter(page, name)
        page.goto(f"{site.root}{path}")
        for one in page.locator("summary").all():
            one.click()
        shot(page, f"360-{scheme}-{path.strip('/').replace('/', '-')}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


def test_the_keyboard_alone_signs_in(site: Site, page: Page) -> None:
    name = site.person("keys", "radiologist")
    page.goto(f"{site.root}/sign-in")
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect_in(page, "keys")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
