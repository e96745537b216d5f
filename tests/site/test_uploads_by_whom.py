"""Uploads through the gate: who may, for which facility, and that nobody sees those of another."""

from collections.abc import Iterator

import httpx
import pytest

from sagittal.access.links import NewLink
from sagittal.runtime.settings import RoleAt
from support.archives import file_bytes, instance
from support.deployment import NORTH, SOUTH, Deployment, deployed

TUS = {"tus-resumable": "1.0.0"}
PIECE = {**TUS, "content-type": "application/offset+octet-stream", "upload-offset": "0"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("site") / "data") as deployment:
        yield deployment


@pytest.fixture(scope="module")
def alice(site: Deployment) -> httpx.Client:
    account = site.account("alice", RoleAt("technologist", NORTH), facility=NORTH)
    return site.client(cookie=site.session(account))


@pytest.fixture(scope="module")
def bob(site: Deployment) -> httpx.Client:
    account = site.account("bob", RoleAt("administrator", "*"), facility=NORTH)
    return site.client(token=site.token(account))


def begun(client: httpx.Client, length: int = 10) -> str:
    answer = client.post("/api/uploads", headers={**TUS, "upload-length": str(length)})
    assert answer.status_code == 201, answer.text
    return answer.headers["location"]


def ended(client: httpx.Client, where: str) -> dict[str, object]:
    for _ in range(2000):
        told: dict[str, object] = client.get(f"{where}/report").json()
        if told["state"] == "done":
            return told
    raise AssertionError(told)


def test_not_even_an_administrator_sees_the_uploads_of_another(alice: httpx.Client, bob: httpx.Client) -> None:
    where = begun(alice)
    assert bob.head(where, headers=TUS).status_code == 404
    assert bob.get(f"{where}/report").status_code == 404
    assert bob.patch(where, headers=PIECE, content=b"x").status_code == 404
    assert bob.delete(where, headers=TUS).status_code == 404
    assert where.rpartition("/")[2] not in bob.get("/api/uploads").text
    assert alice.head(where, headers=TUS).status_code == 204
    assert alice.get("/api/uploads").json()["owner"] != bob.get("/api/uploads").json()["owner"]


@pytest.mark.parametrize("role", ["referring clinician", "auditor"])
def test_who_may_not_store_may_not_upload(site: Deployment, role: str) -> None:
    account = site.account(f"a {role}", RoleAt(role, NORTH), facility=NORTH)  # type: ignore[arg-type]  # a role
    client = site.client(cookie=site.session(account))
    assert client.post("/api/uploads", headers={**TUS, "upload-length": "4"}).status_code == 403
    page = client.get("/upload")
    assert page.status_code == 200
    assert 'data-at="choose-files"' not in page.text


def test_a_share_link_does_not_upload(site: Deployment) -> None:
    client = site.client(cookie=site.link_session(NewLink("1.2.3", allows_download=True)))
    assert client.post("/api/uploads", headers={**TUS, "upload-length": "4"}).status_code == 403


def test_nobody_uploads_unsigned_or_from_another_page(site: Deployment, alice: httpx.Client) -> None:
    assert site.client().post("/api/uploads", headers={**TUS, "upload-length": "4"}).status_code == 401
    headers = {**TUS, "upload-length": "4", "sec-fetch-site": "cross-site"}
    assert alice.post("/api/uploads", headers=headers).status_code == 403


def test_what_is_brought_in_belongs_to_the_facility_of_its_sender(site: Deployment, alice: httpx.Client) -> None:
    data = file_bytes(instance(StudyInstanceUID="1.2.826.77.1"))
    where = begun(alice, len(data))
    assert alice.patch(where, headers=PIECE, content=data).status_code == 204
    assert ended(alice, where)["stored"] == 1
    south = site.account("of the south", RoleAt("radiologist", SOUTH), facility=SOUTH)
    elsewhere = site.client(token=site.token(south))
    query = "/dicom-web/studies?StudyInstanceUID=1.2.826.77.1"
    assert len(alice.get(query).json()) == 1
    assert elsewhere.get(query).status_code == 204 or elsewhere.get(query).json() == []


def test_a_study_of_another_facility_is_not_added_to(site: Deployment, alice: httpx.Client) -> None:
    site.keep(SOUTH, instance(StudyInstanceUID="1.2.826.77.2"))
    data = file_bytes(instance(StudyInstanceUID="1.2.826.77.2"))
    where = begun(alice, len(data))
    alice.patch(where, headers=PIECE, content=data).raise_for_status()
    told = ended(alice, where)
    assert (told["stored"], told["refused_count"]) == (0, 1)


def test_names_of_files_are_in_no_log(alice: httpx.Client, capfd: pytest.CaptureFixture[str]) -> None:
    name = {"content-disposition": 'inline; filename="DOE^JANE.dcm"', "upload-complete": "?1"}
    where = alice.post("/api/uploads", headers=name, content=b"no DICOM at all").headers["location"]
    told = ended(alice, where)
    assert "DOE^JANE" in str(told["refused"])
    written = capfd.readouterr()
    assert "upload brought in" in written.out + written.err
    assert "DOE" not in written.out + written.err
