"""Every page of a site, walked through by who administers it: all that a page says is in the reader's language."""

import json
import re
from collections.abc import Iterator
from typing import Final

import httpx
import pytest

from sagittal.access import links
from sagittal.access.links import NewLink
from sagittal.access.passwords import hash_password
from sagittal.runtime.settings import Destination, RoleAt
from sagittal.web import wording
from support.archives import instance
from support.catalogue import texts
from support.crawling import Page, crawl, routes
from support.deployment import NORTH, Deployment, deployed

WORD: Final = re.compile(r"[A-Za-z]{2,}")
BRACKETS: Final = re.compile(r"⟦[^⟦⟧]*⟧")
SAME: Final = {
    *("Sagittal", "OHIF", "Weasis", "Slicer", "UTC", "VR", "AE", "TLS", "URL", "BLAKE", "ko"),
    *("English", "Français", "Español", "Português", "Kiswahili"),
}
"""What is called so in every language."""
DATA: Final = ("bdi", "time", "code", "option", "textarea", "dd")
"""Elements whose text is of the archive, not of the page."""
STUDY: Final = "1.2.3.4"
PASSWORD: Final = "four words in a row"
VALUES: Final = re.compile(
    r"[\d.:@/*-]+|CT|MR|CompressedSamples|of a test|août|(?i:north|south)|local|root|NEAR|cli|dimse|web"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    destinations = {"NEAR": Destination("127.0.0.1", 1)}
    with deployed(tmp_path_factory.mktemp("languages") / "data", destinations=destinations) as site:
        uids = {"StudyInstanceUID": STUDY, "SeriesInstanceUID": f"{STUDY}.1", "SOPInstanceUID": f"{STUDY}.1.1"}
        site.keep(NORTH, instance(**uids, BodyPartExamined="", SeriesNumber="3"))
        site.keep(NORTH, instance(StudyInstanceUID="1.2.5", SeriesInstanceUID="1.2.5.1", SOPInstanceUID="1.2.5.1.1"))
        site.keep(NORTH, instance(**uids, StudyDescription="x"), instance(**uids, StudyDescription="xx"))  # set aside
        site.device("CT", NORTH)
        yield site


@pytest.fixture
def in_brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    """A language in which everything that the catalogue has stands in brackets."""
    single = {one: f"⟦{one}⟧" for one in texts() if isinstance(one, str)}
    plural = {one[0]: (f"⟦{one[0]}⟧", f"⟦{one[1]}⟧") for one in texts() if not isinstance(one, str)}
    monkeypatch.setattr(wording, "_catalogue", lambda _language: single)
    monkeypatch.setattr(wording, "_plurals", lambda _language: plural)


def left_over(page: Page) -> list[str]:
    """What a page says that is neither translated nor data."""
    found = []
    for said in page.said:
        if any(mark.split()[0] in DATA or ("lang=" in mark and "html" not in mark) for mark in said.within):
            continue
        if said.within[-1] != "span dir=auto" and any(
            "class=tags" in mark or "class=secret" in mark for mark in said.within
        ):
            continue
        rest = VALUES.sub(" ", BRACKETS.sub(" ", said.text))
        if [word for word in WORD.findall(rest) if word not in SAME]:
            found.append(f"{page.address} {said.within[-1]}: {said.text[:80]}")
    return found


def test_all_that_pages_say_is_in_the_catalogue(site: Deployment, in_brackets: None) -> None:
    account = site.account("ada", RoleAt("administrator", "*"))
    site.token(account, "query")
    site.change(lambda c: links.create(c, NewLink(STUDY, account=account), site.archive.now_ns()))
    client = site.client(cookie=site.session(account))
    client.headers["accept-language"] = "fr"
    client.post("/studies/1.2.5/reject", data={"reason": "quality", "note": "."})
    starts = [
        *routes(site.app.asgi),
        "/nowhere",
        "/studies/1.2.9",
        "/link/nothing",
        "/studies?saved=9",
        "/rejections?done=1",
    ]
    pages = list(crawl(client, starts))
    addresses = {page.address.partition("?")[0] for page in pages}
    assert {"/studies", f"/studies/{STUDY}/tags", "/account/totp", "/admin/ledger", "/upload", "/about"} <= addresses
    assert [one for one in addresses if re.fullmatch(r"/quarantine/\d+", one)]
    assert len(pages) > 25
    wrong = sorted({one for page in pages for one in left_over(page)})
    assert wrong == [], "\n".join(wrong)


def browser(site: Deployment, **headers: str) -> httpx.Client:
    """A browser that keeps its cookies, on a page of ours."""
    client = site.client()
    client.headers.update({"sec-fetch-site": "same-origin", "accept": "text/html", **headers})
    return client


def test_the_language_that_is_chosen_goes_with_the_account_into_another_browser(site: Deployment) -> None:
    site.account("grace", RoleAt("radiologist", "*"), password=hash_password(PASSWORD))
    said = {"name": "grace", "password": PASSWORD, "next": "/studies"}
    first, second = browser(site), browser(site, **{"accept-language": "fr"})
    assert first.post("/sign-in", data=said).status_code == 303
    answer = first.post("/language", data={"language": "ar"}, headers={"referer": f"{site.url}/account"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    first.post("/studies/columns", data={"column": "date"})
    assert 'lang="fr"' in second.get("/sign-in").text
    assert second.post("/sign-in", data=said).status_code == 303
    assert '<html lang="ar" dir="rtl">' in second.get("/studies").text


def test_why_a_study_was_not_sent_is_told_in_the_language_of_who_sends_it(site: Deployment) -> None:
    client = site.client(cookie=site.session(site.account("hedy", RoleAt("administrator", "*"))))
    client.headers["accept-language"] = "es"
    lines = client.post(f"/studies/{STUDY}/send", data={"destination": "NEAR"}).text.splitlines()
    assert json.loads(lines[-1])["why"].startswith("sin conexión con ")


def test_who_is_not_signed_in_chooses_a_language_too(site: Deployment) -> None:
    guest = browser(site)
    assert 'action="/sign-in/language"' in guest.get("/sign-in").text
    back = {"referer": f"{site.url}/sign-in?next=/studies"}
    assert guest.post("/sign-in/language", data={"language": "sw"}, headers=back).headers["location"] == "/sign-in"
    assert '<html lang="sw" dir="ltr">' in guest.get("/sign-in").text
    assert guest.post("/sign-in/language", data={"language": "xx"}).status_code == 400
    away = {"language": "fr", "back": "//evil.example/"}
    assert guest.post("/sign-in/language", data=away).headers["location"] == "/"
