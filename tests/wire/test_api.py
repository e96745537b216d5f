"""The API about studies, over a socket: what is found, given out, sent and kept of how somebody likes the list."""

import io
import json
import zipfile
from collections.abc import Iterator

import httpx
import pytest

from sagittal.runtime.settings import RoleAt
from support.archives import instance
from support.deployment import NORTH, SOUTH, Deployment, deployed, destinations
from support.server import free_port

STUDY = "1.2.826.0.1.3680043.8.498.7"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    gone = destinations(GONE=free_port())
    with deployed(tmp_path_factory.mktemp("site") / "data", destinations=gone) as deployment:
        of_one = {"StudyInstanceUID": STUDY, "PatientName": "Müller^Jörg", "PatientID": "A-1", "StudyDate": "20240517"}
        series = {"SeriesInstanceUID": f"{STUDY}.1", "SeriesDescription": "thorax"}
        deployment.keep(
            NORTH,
            instance(**of_one, **series, SOPInstanceUID=f"{STUDY}.1.1", InstanceNumber="1"),
            instance(**of_one, **series, SOPInstanceUID=f"{STUDY}.1.2", InstanceNumber="2"),
            *(instance(PatientName=f"Doe^{number}", PatientID="B-2", StudyDate="20230101") for number in range(4)),
        )
        deployment.keep(SOUTH, instance(PatientName="Roe^South", PatientID="C-3"))
        yield deployment


@pytest.fixture
def client(site: Deployment) -> httpx.Client:
    return site.client(token=site.token(1))


def search(client: httpx.Client, **asked: object) -> dict[str, object]:
    answer = client.post("/api/studies/search", json=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


def names(found: dict[str, object]) -> list[str]:
    return [one["patient_name"] for one in found["studies"]]  # type: ignore[attr-defined]  # of JSON


def test_words_and_filters_find_studies(client: httpx.Client) -> None:
    assert names(search(client, text="jorg muller")) == ["Müller^Jörg"]
    assert names(search(client, since="20240101", until="20241231")) == ["Müller^Jörg"]
    assert names(search(client, facility="south")) == ["Roe^South"]
    assert names(search(client, modality="NM")) == []


def test_pages_by_cursor_give_every_study_once(client: httpx.Client) -> None:
    seen, cursor, pages = [], 0, 0
    while True:
        found = search(client, limit=2, cursor=cursor, sorted_by="name", is_falling=False)
        seen += names(found)
        pages += 1
        if found["next"] is None:
            break
        cursor = int(str(found["next"]))
    assert seen == sorted(seen, key=str.casefold)
    assert (len(seen), len(set(seen)), pages) == (6, 6, 3)


def test_a_total_is_told_to_those_who_ask(client: httpx.Client) -> None:
    assert search(client, text="doe", limit=1)["total"] is None
    found = search(client, text="doe", limit=1, with_total=True)
    assert (found["total"], found["is_more"], len(names(found))) == (4, False, 1)


def test_a_study_has_its_series_and_what_may_be_done(client: httpx.Client) -> None:
    found = client.get(f"/api/studies/{STUDY}").json()
    assert found["study"]["instances"] == 2
    assert [(one["series"], one["series_description"], one["instances"]) for one in found["series"]] == [
        (f"{STUDY}.1", "thorax", 2)
    ]
    assert found["may"] == {"read": True, "export": True, "send": True, "change": True, "share": True}
    assert found["destinations"] == ["GONE"]


def test_a_patient_has_their_studies(client: httpx.Client) -> None:
    number = search(client, text="B-2")["studies"][0]["patient"]  # type: ignore[index]  # of JSON
    found = client.get(f"/api/patients/{number}").json()
    assert (found["patient_id"], len(found["studies"]), found["modalities"][0]["studies"]) == ("B-2", 4, 4)
    assert client.get(f"/api/patients/{number}?modality=XX").json()["studies"] == []


def test_attributes_are_rows(client: httpx.Client) -> None:
    found = client.get(f"/api/studies/{STUDY}/tags?instance={STUDY}.1.2").json()
    assert (found["instance"], found["at"], found["of"], found["before"]) == (f"{STUDY}.1.2", 2, 2, f"{STUDY}.1.1")
    rows = {row["keyword"]: row for row in found["tags"]}
    assert rows["PatientID"] == {"depth": 0, "tag": "(0010,0020)", "keyword": "PatientID", "vr": "LO", "value": "A-1"}
    assert client.get(f"/api/studies/{STUDY}/tags?instance=1.2.3").status_code == 404


def test_files_come_with_a_dicomdir_and_pictures_as_png(client: httpx.Client) -> None:
    files = zipfile.ZipFile(io.BytesIO(client.get(f"/api/studies/{STUDY}/files.zip").content))
    assert "DICOMDIR" in files.namelist()
    assert len(files.namelist()) == 3
    answer = client.get(f"/api/studies/{STUDY}/pictures.zip?kind=png")
    pictures = zipfile.ZipFile(io.BytesIO(answer.content))
    assert [pictures.read(name)[:4] for name in pictures.namelist()] == [b"\x89PNG"] * 2
    assert answer.headers["cache-control"] == "no-store"


def test_sending_tells_how_far_it_is(client: httpx.Client, site: Deployment) -> None:
    answer = client.post(f"/api/studies/{STUDY}/send", json={"destination": "GONE"})
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert lines[0] == {"sent": 0, "failed": 0, "of": 2, "why": ""}
    assert (lines[-1]["sent"], lines[-1]["failed"]) == (0, 2)
    assert lines[-1]["why"]
    assert client.post(f"/api/studies/{STUDY}/send", json={"destination": "NOBODY"}).status_code == 404


def test_what_is_found_is_kept_as_instances_and_read_back(client: httpx.Client) -> None:
    place = {"uid": f"{STUDY}.1.1"}
    values = [{"name": "length", "value": 2, "unit": "mm"}]
    measure = {"kind": "length", "place": place, "points": [[1, 1], [3, 1]], "values": values}
    kept = client.post(f"/api/studies/{STUDY}/findings", json={"measures": [measure]})
    assert kept.status_code == 201, kept.text
    found = client.get(f"/api/studies/{STUDY}/findings").json()["measures"]
    assert [(one["kind"], one["note"]["uid"]) for one in found] == [("length", kept.json()["report"])]


def test_preferences_are_of_the_account(site: Deployment) -> None:
    client = site.client(token=site.token(site.account("ann", RoleAt("radiologist", NORTH))))
    assert client.put("/api/preferences/columns", json={"columns": ["date", "modality"]}).status_code == 200
    assert client.put("/api/preferences/language", json={"language": "sw"}).json()["columns"] == ["date", "modality"]
    asked = {"modality": "CT", "is_falling": False}
    saved = client.post("/api/preferences/filters", json={"name": "this year", "asked": asked}).json()
    found = client.get("/api/preferences").json()
    assert (found["columns"], found["language"]) == (["date", "modality"], "sw")
    assert [(one["name"], one["asked"]["modality"]) for one in found["filters"]] == [("this year", "CT")]
    assert client.delete(f"/api/preferences/filters/{saved['id']}").status_code == 204
    assert client.delete(f"/api/preferences/filters/{saved['id']}").status_code == 404
    assert site.client(token=site.token(1)).get("/api/preferences").json()["filters"] == []


def test_changes_are_told_as_they_come(client: httpx.Client, site: Deployment) -> None:
    newest = site.run(site.archive.newest_event())
    site.keep(NORTH, instance(PatientID="D-4"))
    with client.stream("GET", f"/api/studies/changes?after={newest}") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        line = next(line for line in answer.iter_lines() if line.startswith("data: "))
    assert json.loads(line.removeprefix("data: "))[0]["state"] == "arriving"


# What is not as described


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"limit": "5"}, "limit"),
        ({"limit": 0}, "limit"),
        ({"is_falling": 0}, "is_falling"),
        ({"text": "x" * 201}, "text"),
        ({"since": "2024-05-17"}, "since"),
        ({"sorted_by": "colour"}, "sorted_by"),
        ({"colour": "red"}, "the body"),
    ],
)
def test_bodies_are_taken_to_the_letter(client: httpx.Client, body: object, where: str) -> None:
    answer = client.post("/api/studies/search", json=body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == f"not as described: {where}"


def test_what_is_no_json_or_too_long_is_refused(client: httpx.Client) -> None:
    assert client.post("/api/studies/search", content=b"{").status_code == 400
    assert client.post("/api/studies/search", content=b'{"text": "\\ud800"}').status_code == 400
    assert client.post("/api/studies/search", content=b" " * 200_000 + b"{}").status_code == 413


def test_methods_that_are_not_there_are_told(client: httpx.Client) -> None:
    answer = client.put("/api/accounts", json={})
    assert (answer.status_code, answer.headers["content-type"]) == (405, "application/problem+json")
    assert set(answer.headers["allow"].split(", ")) >= {"GET", "POST"}
    assert client.options("/api/accounts").headers["allow"] == "GET, OPTIONS, POST"
    assert client.get("/api/nothing").headers["content-type"] == "application/problem+json"


def test_what_names_a_patient_is_not_kept_by_browsers(client: httpx.Client) -> None:
    for path in (f"/api/studies/{STUDY}", f"/api/studies/{STUDY}/tags", "/api/studies/nothing"):
        assert client.get(path).headers["cache-control"] == "no-store"


def test_the_document_is_openapi_and_the_page_shows_all_of_it(client: httpx.Client) -> None:
    document = client.get("/api/openapi.json").json()
    page = client.get("/api/docs", headers={"accept": "text/html"})
    assert 'href="/api/docs"' in client.get("/about").text
    assert document["openapi"] == "3.1.0"
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "<script" not in page.text
    for there in document["paths"].values():
        for method, said in there.items():
            assert method == "parameters" or f'id="{said["operationId"]}"' in page.text
