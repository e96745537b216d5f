"""Names that are markup, that turn letters around, control a terminal or go on for ever: harmless wherever they come out."""

import io
import json
import re
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from pydicom.dataset import Dataset

from sagittal.audit.exporting import as_csv
from sagittal.runtime.settings import RoleAt
from support.archives import file_bytes, instance
from support.crawling import Page, crawl, routes
from support.deployment import NORTH, Deployment, answers, deployed
from support.peers import require

pytestmark = pytest.mark.filterwarnings("ignore")  # pydicom's, about values that are not what they ought to be

MARK: Final = "Ƶ"
MARKUP: Final = f"{MARK}<img src=x id=evil onerror=alert(1)>\"'><script id=evil>alert(2)</script>{{{{7*7}}}}"
HOSTILE: Final = {
    "markup": MARKUP,
    "bidi": f"{MARK}\u202eevil\u2066abc\u202d",
    "control": f"{MARK}\x1b[31mred\x07\x00\x9b2J",
    "long": MARK + "x" * 4000,
    "invisible": f"{MARK}\u200b\ufeff\u00ad" + "\u200d" * 300,
    "flood": MARK + "a" + "\u0336\u0489" * 500,
    "formula": f'=HYPERLINK("http://evil.example","{MARK}")',
    "groups": f"{MARK}^a=<b id=evil>^=\u202e",
}
ATTRIBUTES: Final = (
    *("PatientName", "PatientID", "StudyDescription", "SeriesDescription", "InstitutionName", "AccessionNumber"),
    *("ReferringPhysicianName", "StationName", "BodyPartExamined", "Modality", "PatientSex", "StudyID"),
)
CODES: Final = ("BodyPartExamined", "Modality", "PatientSex")
RAW: Final = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069\\u200b\\ufeff]")
ISOLATED: Final = ("bdi", "title", "textarea", "option", "@")
OF_ONE_LINE: Final = 700


def hostile(value: str) -> Dataset:
    """An instance that says it wherever there is room for a word; lone surrogates and the like are bytes in a file."""
    made = instance()
    made.SpecificCharacterSet = "ISO_IR 192"
    for keyword in ATTRIBUTES:
        is_code = keyword in CODES  # of the default repertoire only
        setattr(made, keyword, value.encode("ascii", "replace").decode() if is_code else value)
    return made


def made_at(made: Dataset, uid: str) -> Dataset:
    """The same under other UIDs."""
    made.StudyInstanceUID, made.SeriesInstanceUID, made.SOPInstanceUID = uid, f"{uid}.1", f"{uid}.1.1"
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    return made


def of_wrong_characters() -> bytes:
    """A file whose text is not of the character set that it names."""
    made = hostile("Y" * 40)
    return file_bytes(made).replace(
        b"Y" * 40, b"\xff\xfe\xed\xa0\x80\xc0\xaf" + MARK.encode() + b"\x1b$B" + b"\x80" * 28
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("hostile") / "data") as site:
        for value in HOSTILE.values():
            site.keep(NORTH, hostile(value))
        for value in (HOSTILE["markup"], HOSTILE["bidi"], HOSTILE["long"]):  # other bytes under the same UID: set aside
            site.keep(NORTH, made_at(hostile(value), "1.2.7"))
        yield site


@pytest.fixture(scope="module")
def admin(site: Deployment) -> httpx.Client:
    """Somebody whose own names are no better, and who has sent the file of wrong characters."""
    account = site.account("mallory", RoleAt("administrator", "*"), full_name=MARKUP)
    client = site.client(cookie=site.session(account))
    client.headers["user-agent"] = MARKUP.replace(MARK, "")
    client.post("/account/tokens", data={"label": MARKUP[:90], "may": "query", "facility": "*", "days": "3"})
    client.post("/admin/network/facilities", data={"name": "west", "title": MARKUP, "called": "WEST"})
    client.post("/studies/saved", data={"name": MARKUP[:50], "q": MARKUP})
    body = b"--x\r\nContent-Type: application/dicom\r\n\r\n%s\r\n--x--\r\n" % of_wrong_characters()
    related = {"content-type": 'multipart/related; type="application/dicom"; boundary=x'}
    assert client.post("/dicom-web/studies", content=body, headers=related).status_code == 200
    gone = hostile(HOSTILE["markup"])
    site.keep(NORTH, gone)
    note = {"reason": "quality", "note": MARKUP + HOSTILE["bidi"]}
    assert client.post(f"/studies/{gone.StudyInstanceUID}/reject", data=note).status_code == 303
    return client


@pytest.fixture(scope="module")
def pages(site: Deployment, admin: httpx.Client) -> list[Page]:
    return list(crawl(admin, [*routes(site.app.asgi), f"/studies/{MARKUP}", f"/nowhere/{MARKUP}", f"/link/{MARKUP}"]))


def test_every_page_is_reached_and_says_the_names(pages: list[Page]) -> None:
    of = {page.address.partition("?")[0].split("/")[1] for page in pages if MARK in page.text}
    assert {"studies", "patients", "view", "account", "admin", "rejections", "quarantine"} <= of
    assert len([page for page in pages if re.fullmatch(r"/quarantine/\d+", page.address)]) == 2
    assert len([page for page in pages if page.address.endswith("/tags")]) >= len(HOSTILE)


def test_no_markup_of_a_name_is_an_element_or_attribute(pages: list[Page]) -> None:
    wrong = []
    for page in pages:
        for tag, attributes in page.elements:
            if attributes.get("id") == "evil" or any(name.startswith("on") for name in attributes):
                wrong.append((page.address, tag, attributes))
        wrong += [(page.address, "template", {})] if f">{MARK}49" in page.text or "}}49" in page.text else []
    assert wrong == []


def test_no_page_holds_a_character_that_controls_or_turns_around(pages: list[Page]) -> None:
    assert [(page.address, hex(ord(found[0]))) for page in pages if (found := RAW.search(page.text))] == []


def test_a_name_is_isolated_from_what_is_around_it(pages: list[Page]) -> None:
    wrong = [
        (page.address, said.within[-1], said.text[:60])
        for page in pages
        for said in page.said
        if MARK in said.text and not any(mark.startswith(ISOLATED) for mark in said.within)
    ]
    assert wrong == []


def test_a_name_is_clipped_and_all_of_it_is_in_the_attributes(pages: list[Page]) -> None:
    longest = {page.address: max((len(said.text) for said in page.said), default=0) for page in pages}
    whole = [page for page in pages if "/tags" in page.address and "x" * 4000 in page.text]
    assert whole
    assert {at: size for at, size in longest.items() if size > OF_ONE_LINE and "/tags" not in at} == {}


def test_marks_do_not_pile_up(pages: list[Page]) -> None:
    assert [page.address for page in pages if "\u0336\u0489" * 4 in page.text] == []


def test_downloads_are_named_by_us(site: Deployment, admin: httpx.Client, pages: list[Page]) -> None:
    taken = sorted({link for page in pages for link in page.links if link.partition("?")[0].endswith(".zip")})
    assert len(taken) > len(HOSTILE)
    for link in taken[:6]:
        answer = admin.get(link)
        if answer.status_code != 200:
            continue
        assert re.fullmatch(r'attachment; filename="[\w-]+\.zip"', answer.headers["content-disposition"])
        with zipfile.ZipFile(io.BytesIO(answer.content)) as file:
            assert [name for name in file.namelist() if not re.fullmatch(r"[\w./-]+", name) or ".." in name] == []


def test_answers_of_the_doors_are_json_that_says_all_of_it(admin: httpx.Client) -> None:
    answer = admin.get("/dicom-web/studies", params={"includefield": "StudyDescription", "limit": "50"})
    said = {value for one in answers(answer) for value in one.get("00081030", {}).get("Value", [])}
    assert HOSTILE["markup"] in said
    assert HOSTILE["long"] in said
    assert answer.headers["content-type"].startswith("application/dicom+json")


def test_an_event_of_the_list_is_one_line_of_json_without_names(site: Deployment, admin: httpx.Client) -> None:
    with admin.stream("GET", "/studies/changes", params={"after": "0"}) as stream:
        for line in stream.iter_lines():
            if line.startswith("data: ["):
                changes: list[dict[str, Any]] = json.loads(line.removeprefix("data: "))
                break
    assert changes
    assert MARK not in json.dumps(changes, ensure_ascii=False)


def test_a_table_for_a_spreadsheet_holds_no_formula(site: Deployment, admin: httpx.Client) -> None:
    async def table() -> str:
        return b"".join([row async for row in as_csv(site.archive.records)]).decode()

    admin.post("/admin/ledger", data={"actor": HOSTILE["formula"]})
    cells = re.split(r",|\r\n", site.run(table()))
    assert len(cells) > 20
    assert [cell for cell in cells if cell[:1] in ("=", "+", "@", "\t")] == []


def test_no_name_is_in_the_log(site: Deployment, admin: httpx.Client, capfd: pytest.CaptureFixture[str]) -> None:
    for value in HOSTILE.values():
        site.keep(NORTH, hostile(value))
    admin.get("/studies/1.2.3.4.5")
    admin.post("/account/tokens", data={"label": HOSTILE["control"] * 30})
    said = "".join(capfd.readouterr())
    assert MARK not in said
    assert not RAW.search(said)


def test_a_file_with_such_names_comes_in_by_dimse(site: Deployment, tmp_path: Path, admin: httpx.Client) -> None:
    require("storescu")
    site.device("EVIL<B>", NORTH, role="technologist")
    made = hostile(HOSTILE["markup"])
    (tmp_path / "one.dcm").write_bytes(file_bytes(made))
    command = ["storescu", "-aet", "EVIL<B>", "-aec", "NORTH", "127.0.0.1", str(site.listener.port)]
    subprocess.run([*command, str(tmp_path / "one.dcm")], check=True, timeout=30)
    for path in (f"/studies/{made.StudyInstanceUID}", "/admin/network", "/admin/ledger"):
        text = admin.get(path, headers={"accept": "text/html"}).text
        assert "EVIL<B>" not in text
        assert "<img src=x" not in text
