"""QIDO-RS against a running door: httpx and dicomweb-client as peers."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from dicomweb_client.api import DICOMwebClient

from sagittal.dicomweb.context import WebLimits
from support.instances import instance
from support.web import WebServer, serving, stow

NAMES = ["Müller^Jürgen", "Иванов^Иван", "محمد^علي", "山田^太郎", "Doe^Jane"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    """Five studies of one patient each; the first has 3 series of 2 instances."""
    with serving(tmp_path_factory.mktemp("search") / "data", WebLimits(max_answers=4)) as running:
        files = [
            instance(study="1.1", series=f"1.1.{s}", uid=f"1.1.{s}.{i}", number=i, name=NAMES[0], patient_id="P0")
            for s in range(1, 4)
            for i in range(1, 3)
        ]
        files += [instance(study=f"1.{n + 1}", name=name, patient_id=f"P{n}") for n, name in enumerate(NAMES[1:], 1)]
        assert stow(running, files).status_code == 200
        yield running


def get(server: WebServer, path: str, **parameters: str) -> httpx.Response:
    return httpx.get(f"{server.dicom_web}{path}", params=parameters)


def values(answer: httpx.Response, tag: str) -> list[Any]:
    assert answer.status_code == 200
    return [dataset[tag]["Value"][0] for dataset in answer.json()]


@pytest.mark.parametrize("number", range(len(NAMES)))
def test_a_name_in_any_script_is_found_and_given_back(server: WebServer, number: int) -> None:
    answer = get(server, "/studies", PatientName=NAMES[number])
    assert values(answer, "00100010") == [{"Alphabetic": NAMES[number]}]
    assert values(answer, "00100020") == [f"P{number}"]


def test_dicomweb_client_finds_the_same(server: WebServer) -> None:
    client = DICOMwebClient(server.dicom_web)
    (study,) = client.search_for_studies(search_filters={"PatientName": "山田*"}, fields=["PatientID"])
    assert study["00100020"]["Value"] == ["P3"]
    assert len(client.search_for_series("1.1")) == 3
    assert len(client.search_for_instances("1.1")) == 4
    assert len(client.search_for_instances("1.1", "1.1.1")) == 2
    assert client.search_for_studies(search_filters={"PatientID": "nobody"}) == []


def test_nothing_found_is_an_empty_list(server: WebServer) -> None:
    answer = get(server, "/studies", PatientID="nobody")
    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize(
    ("path", "count", "tag"),
    [
        ("/studies/1.1/series", 3, "0020000E"),
        ("/studies/1.1/series/1.1.2/instances", 2, "00080018"),
        ("/studies/9.9/series", 0, "0020000E"),
        ("/studies/1.2/series/1.1.1/instances", 0, "00080018"),
    ],
)
def test_a_path_names_where_to_look(server: WebServer, path: str, count: int, tag: str) -> None:
    assert len(values(get(server, path), tag)) == count


@pytest.mark.parametrize("path", ["/studies", "/series", "/instances", "/studies/1.1/series/1.1.1/instances"])
def test_every_answer_names_its_entity_and_where_to_retrieve_it(server: WebServer, path: str) -> None:
    for dataset in get(server, path).json():
        assert dataset["0020000D"]["Value"][0]
        assert httpx.get(dataset["00081190"]["Value"][0]).status_code == 200


def test_an_attribute_comes_once_in_an_answer(server: WebServer) -> None:
    answer = get(server, "/studies/1.1/series/1.1.1/instances", limit="1", includefield="all")
    names: list[str] = []
    json.loads(answer.text, object_pairs_hook=lambda pairs: names.extend(name for name, _ in pairs))
    tags = [name for name in names if len(name) == 8]
    assert len(tags) > 10
    assert sorted(tags) == sorted(set(tags))


def test_answers_come_in_pages_that_join_to_the_whole(server: WebServer) -> None:
    pages = [get(server, "/instances", limit="3", offset=str(offset)) for offset in (0, 3, 6, 9, 12)]
    uids = [uid for page in pages for uid in values(page, "00080018")]
    assert [len(page.json()) for page in pages] == [3, 3, 3, 1, 0]
    assert len(set(uids)) == 10


def test_answers_beyond_the_sites_limit_are_announced(server: WebServer) -> None:
    answer = get(server, "/studies")
    assert len(answer.json()) == 4
    assert answer.headers["warning"].startswith("299 ")
    assert "offset=4" in answer.headers["warning"]
    assert "warning" not in get(server, "/studies", offset="4").headers
    assert "warning" not in get(server, "/studies", limit="2").headers


def test_a_limit_of_zero_gives_nothing(server: WebServer) -> None:
    assert get(server, "/studies", limit="0").json() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("PatientNme", "x"), ("includefield", "Nonsense"), ("limit", "-3"), ("PixelSpacing", "1"), ("StudyDate", "2026")],
)
def test_a_bad_query_is_400_and_named(server: WebServer, name: str, value: str) -> None:
    answer = get(server, "/studies", **{name: value})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert (value if name == "includefield" else name) in answer.json()["detail"]


def test_a_parameter_of_others_is_passed_over_with_a_warning(server: WebServer) -> None:
    answer = get(server, "/studies", sortby="StudyDate", PatientID="P1")
    assert values(answer, "00100020") == ["P1"]
    assert "sortby" in answer.headers["warning"]


def test_the_path_goes_with_the_query(server: WebServer) -> None:
    assert get(server, "/studies/1.1/series", StudyInstanceUID="1.2").status_code == 400
    assert len(get(server, "/studies/1.1/series", SeriesInstanceUID="1.1.2,1.1.3").json()) == 2


def test_series_across_studies_tell_of_their_study_and_patient(server: WebServer) -> None:
    answer = get(server, "/series", SeriesInstanceUID="1.1.1")
    assert values(answer, "00100020") == ["P0"]


def test_fuzzy_matching_finds_a_name_by_a_word_without_accents(server: WebServer) -> None:
    assert values(get(server, "/studies", PatientName="jurgen", fuzzymatching="true"), "00100020") == ["P0"]


@pytest.mark.parametrize("accept", ["application/dicom+json", "application/json", "*/*", "text/html, */*;q=0.1"])
def test_the_answer_is_json_as_the_client_calls_it(server: WebServer, accept: str) -> None:
    answer = httpx.get(f"{server.dicom_web}/studies", headers={"accept": accept})
    assert answer.headers["content-type"] == (accept if accept.startswith("application") else "application/dicom+json")


def test_another_form_is_not_acceptable(server: WebServer) -> None:
    answer = httpx.get(f"{server.dicom_web}/studies", headers={"accept": "text/html"})
    assert answer.status_code == 406


def test_the_clients_request_id_is_told_back_if_it_is_harmless(server: WebServer) -> None:
    url = f"{server.dicom_web}/studies"
    assert httpx.get(url, headers={"x-request-id": "abc-1"}).headers["x-request-id"] == "abc-1"
    assert httpx.get(url, headers={"x-request-id": "a<b"}).headers["x-request-id"] != "a<b"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/patient", 404),
        ("DELETE", "/studies", 405),
        ("POST", "/series", 405),
        ("GET", "/studies/1/2/3", 404),
    ],
)
def test_what_is_not_there_is_a_problem(server: WebServer, method: str, path: str, status: int) -> None:
    answer = httpx.request(method, f"{server.dicom_web}{path}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_head_tells_of_an_answer_without_giving_it(server: WebServer) -> None:
    answer = httpx.head(f"{server.dicom_web}/studies")
    assert answer.status_code == 200
    assert int(answer.headers["content-length"]) > 100
    assert answer.content == b""


def test_a_long_answer_asked_for_again_has_what_came_meanwhile(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as running:
        files = [instance(study="1.1", series="1.1.1", uid=f"1.1.1.{n}", number=n) for n in range(1, 22)]
        assert stow(running, files[:20]).status_code == 200
        first = get(running, "/studies/1.1/instances")
        assert len(first.content) > 8192
        assert get(running, "/studies/1.1/instances").content == first.content
        assert stow(running, files[20:]).status_code == 200
        assert len(get(running, "/studies/1.1/instances").json()) == 21
