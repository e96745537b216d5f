"""An operator names attributes on a server that has data already; peers find by them when they are ready."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pydicom
import pytest
from dicomweb_client import DICOMwebClient
from pydicom.dataset import Dataset
from pynetdicom import AE

from support.archives import archive_at, file_bytes, instance, store
from support.peers import require
from support.server import Server, running, start, stop

STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
NAMED = (
    '0029,"ACME 2.0",31:LO',
    "PerformedProtocolCodeSequence.CodeMeaning",
    "DateOfSecondaryCapture",
    "ScheduledPerformingPhysicianName",
    "RequestAttributesSequence.RequestedProcedureID",
)
COUNT = 120


def numbered(number: int) -> Dataset:
    made = instance(PatientID=f"P{number:03}", PatientName=f"Somebody^{number}")
    made.SpecificCharacterSet = "ISO_IR 192"
    block = 0x10 + number % 3  # a creator has whatever block was free
    made.add_new(0x00290000 | block, "LO", "ACME 2.0")
    made.add_new(0x00290031 | block << 8, "LO", f"needle {number}")
    meaning = Dataset()
    meaning.CodeMeaning = f"protocol {number}"
    made.PerformedProtocolCodeSequence = [Dataset(), meaning]
    made.DateOfSecondaryCapture = f"2020{number // 28 + 1:02}{number % 28 + 1:02}"
    made.ScheduledPerformingPhysicianName = f"Müller^Jörg {number}"
    request = Dataset()
    request.RequestedProcedureID = f"RP{number}"
    made.RequestAttributesSequence = [request]
    return made


async def keep(data: Path) -> None:
    async with archive_at(data) as archive:
        await store(archive, *map(numbered, range(COUNT)))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With instances that came before their attributes were named, indexed by a process that was killed and the next."""
    folder = tmp_path_factory.mktemp("named")
    asyncio.run(keep(folder / "data"))
    environment = {"SAGITTAL_QUERY_ATTRIBUTES": json.dumps(NAMED)}
    stop(start(folder / "data", environment=environment), signal.SIGKILL)
    with running(folder / "data", environment=environment) as started:
        wait_until_ready(started)
        yield started


def sagittal(*words: str | Path) -> str:
    command = [sys.executable, "-m", "sagittal", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def wait_until_ready(server: Server) -> None:
    """Until a query is not told to come again later: it says how far the index is, and is never answered halfway."""
    until = time.monotonic() + 30
    with httpx.Client(timeout=30) as client:
        while True:
            answer = client.get(f"{server.web}/instances", params={"DateOfSecondaryCapture": "20200101-"})
            if answer.status_code == 200:
                return
            assert answer.status_code == 503
            assert f"of {COUNT} instances are indexed by DateOfSecondaryCapture" in answer.json()["detail"]
            assert time.monotonic() < until
            time.sleep(0.05)


def found(server: Server, query: Dataset, level: str = "STUDY") -> list[Dataset]:
    client = AE()
    client.add_requested_context(STUDY_ROOT_FIND)
    association = client.associate("127.0.0.1", server.dicom_port)
    assert association.is_established
    query.QueryRetrieveLevel = level
    query.SpecificCharacterSet = "ISO_IR 192"
    query.PatientID = ""
    answers = list(association.send_c_find(query, STUDY_ROOT_FIND))
    association.release()
    assert answers[-1][0].Status == 0x0000
    assert {status.Status for status, _ in answers[:-1]} <= {0xFF00}
    return [answer for _, answer in answers if answer is not None]


def test_the_operator_sees_how_far_it_is(server: Server) -> None:
    shown = sagittal("attributes", "--data", server.data)
    assert shown.count("ready") == len(NAMED)
    assert shown.count(f"{COUNT} of {COUNT}") == len(NAMED)
    assert "attribute can be searched by" in server.log.read_text()


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("PerformedProtocolCodeSequence[0].CodeMeaning=protocol 7", ["P007"]),
        ("RequestAttributesSequence[0].RequestedProcedureID=RP11", ["P011"]),
        ("DateOfSecondaryCapture=20200103-20200105", ["P002", "P003", "P004"]),
        ("ScheduledPerformingPhysicianName=MULLER^jorg 1?", [f"P{number:03}" for number in range(10, 20)]),
    ],
)
def test_findscu_finds(server: Server, tmp_path: Path, key: str, expected: list[str]) -> None:
    require("findscu")
    command = ["findscu", "-S", "-X", "-od", str(tmp_path), "-aec", "SAGITTAL", "-k", "QueryRetrieveLevel=STUDY"]
    command += ["-k", "PatientID", "-k", key, "127.0.0.1", str(server.dicom_port)]
    subprocess.run(command, check=True, timeout=30)
    answers = [pydicom.dcmread(file, force=True) for file in tmp_path.iterdir()]
    assert sorted(str(answer.PatientID) for answer in answers) == expected


def test_pynetdicom_finds_by_a_private_element_and_is_given_it(server: Server) -> None:
    query = Dataset()
    query.add_new(0x00290010, "LO", "ACME 2.0")
    query.add_new(0x00291031, "LO", "needle 4?")
    answers = found(server, query, "IMAGE")
    assert sorted(answer.PatientID for answer in answers) == [f"P{number:03}" for number in range(40, 50)]
    told = [bytes(answer[0x00291031].value).decode().strip() for answer in answers]  # without VR pydicom has bytes
    assert sorted(told) == [f"needle {number}" for number in range(40, 50)]
    assert {answer[0x00290010].value for answer in answers} == {"ACME 2.0"}


def test_pynetdicom_finds_by_an_item_and_is_given_it(server: Server) -> None:
    wanted = Dataset()
    wanted.CodeMeaning = "protocol 99"
    query = Dataset()
    query.PerformedProtocolCodeSequence = [wanted]
    query.DateOfSecondaryCapture = ""
    (answer,) = found(server, query)
    assert answer.PatientID == "P099"
    assert answer.DateOfSecondaryCapture == "20200416"


def test_a_private_key_without_its_creator_is_not_of_another_creator(server: Server) -> None:
    query = Dataset()
    query.add_new(0x00290010, "LO", "NOT ACME")
    query.add_new(0x00291031, "LO", "needle 4")
    client = AE()
    client.add_requested_context(STUDY_ROOT_FIND)
    association = client.associate("127.0.0.1", server.dicom_port)
    query.QueryRetrieveLevel = "STUDY"
    statuses = {status.Status for status, _ in association.send_c_find(query, STUDY_ROOT_FIND)}
    association.release()
    assert statuses == {0xFF01, 0x0000}  # told that a key was not matched


def test_dicomweb_client_finds(server: Server) -> None:
    client = DICOMwebClient(server.web)

    def ids(level: str, **filters: str) -> list[str]:
        search = {"study": client.search_for_studies, "instance": client.search_for_instances}[level]
        return sorted(one["00100020"]["Value"][0] for one in search(search_filters=filters, fields=["PatientID"]))

    assert ids("study", **{"00291031": "needle 5"}) == ["P005"]
    assert ids("instance", **{"00291031": "needle 5", "00290010": "ACME 2.0"}) == ["P005"]
    assert ids("study", **{"00400260.00080104": "protocol 8"}) == ["P008"]
    assert ids("study", DateOfSecondaryCapture="20200401-20200402") == ["P084", "P085"]
    assert ids("study", ScheduledPerformingPhysicianName="müller^jörg 3") == ["P003"]


def test_qido_gives_what_was_matched_and_included(server: Server) -> None:
    answer = httpx.get(
        f"{server.web}/instances", params={"00291031": "needle 5", "includefield": "ScheduledPerformingPhysicianName"}
    )
    (one,) = answer.json()
    assert one["00291031"] == {"vr": "LO", "Value": ["needle 5"]}
    assert one["00290010"] == {"vr": "LO", "Value": ["ACME 2.0"]}
    assert one["00400006"]["Value"] == [{"Alphabetic": "Müller^Jörg 5"}]


def test_what_is_not_named_is_refused_by_its_name(server: Server) -> None:
    answer = httpx.get(f"{server.web}/studies", params={"00291032": "x"})
    assert answer.status_code == 400
    assert "00291032" in answer.json()["detail"]


def test_what_comes_now_is_found_at_once(server: Server) -> None:
    file = file_bytes(numbered(199))
    stored = httpx.post(f"{server.web}/studies", content=file, headers={"content-type": "application/dicom"})
    assert stored.status_code == 200
    answer = httpx.get(f"{server.web}/studies", params={"00291031": "needle 199"})
    assert [one["00100020"]["Value"] for one in answer.json()] == [["P199"]]
