"""STOW-RS against a running door: httpx, dicomweb-client and bare sockets as peers."""

import socket
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pydicom
import pytest
from dicomweb_client.api import DICOMwebClient
from pydicom.data import get_testdata_file

from sagittal.dicomweb.context import WebLimits
from support.instances import instance
from support.web import WebServer, parts_of, serving, stow


@pytest.fixture
def server(tmp_path: Path) -> Iterator[WebServer]:
    with serving(tmp_path / "data") as running:
        yield running


def stored_files(server: WebServer, study: str) -> list[bytes]:
    return [data for _, data in parts_of(httpx.get(f"{server.dicom_web}/studies/{study}"))]


def test_instances_come_back_byte_for_byte(server: WebServer) -> None:
    files = [instance(study="1.2.3", number=number, pixels=bytes([number]) * 5000) for number in range(1, 6)]
    answer = stow(server, files)
    assert answer.status_code == 200
    assert sorted(stored_files(server, "1.2.3")) == sorted(files)


def test_what_is_stored_twice_is_here_once_and_success_both_times(server: WebServer) -> None:
    file = instance(study="1.2.3")
    assert [stow(server, [file]).status_code for _ in range(2)] == [200, 200]
    assert stow(server, [file, file]).status_code == 200
    assert stored_files(server, "1.2.3") == [file]


def test_another_object_under_the_same_uid_is_told_apart_and_the_first_stays(server: WebServer) -> None:
    first, second = (instance(study="1.2.3", uid="1.2.3.4", description=text) for text in ("one", "two"))
    stow(server, [first])
    answer = stow(server, [second])
    assert answer.status_code == 202
    assert answer.json()["00081199"]["Value"][0]["00081196"]["Value"] == [0xB000]
    assert stored_files(server, "1.2.3") == [first]


def test_a_single_instance_may_come_without_multipart(server: WebServer) -> None:
    file = instance(study="1.2.3")
    answer = httpx.post(f"{server.dicom_web}/studies", content=file, headers={"content-type": "application/dicom"})
    assert answer.status_code == 200
    assert stored_files(server, "1.2.3") == [file]


def test_good_parts_stay_when_others_are_bad(server: WebServer) -> None:
    files = [
        instance(study="1.2.3", uid="1.2.3.1"),
        b"no dicom at all" * 50,
        b"",
        instance(study="1.2.3", uid="1.2.3.2"),
    ]
    answer = stow(server, files)
    assert answer.status_code == 202
    kept = [item["00081155"]["Value"][0] for item in answer.json()["00081199"]["Value"]]
    assert kept == ["1.2.3.1", "1.2.3.2"]
    assert len(answer.json()["0008119A"]["Value"]) == 2
    assert sorted(stored_files(server, "1.2.3")) == sorted([files[0], files[3]])


def test_a_truncated_instance_is_refused_and_named(server: WebServer) -> None:
    answer = stow(server, [instance(study="1.2.3", uid="1.2.3.1")[:-1]])
    assert answer.status_code == 409
    item = answer.json()["00081198"]["Value"][0]
    assert item["00081155"]["Value"] == ["1.2.3.1"]
    assert item["00081197"]["Value"] == [0xC000]
    assert httpx.get(f"{server.dicom_web}/studies").json() == []


def test_an_instance_of_another_study_than_the_path_names_is_refused(server: WebServer) -> None:
    files = [instance(study="1.2.3", uid="1.2.3.1"), instance(study="1.2.4", uid="1.2.4.1")]
    answer = stow(server, files, study="1.2.3")
    assert answer.status_code == 202
    assert answer.json()["00081198"]["Value"][0]["00081155"]["Value"] == ["1.2.4.1"]
    assert len(httpx.get(f"{server.dicom_web}/studies").json()) == 1


def test_answers_tell_where_the_instances_are(server: WebServer) -> None:
    answer = stow(server, [instance(study="1.2.3", uid="1.2.3.1")]).json()
    url = answer["00081199"]["Value"][0]["00081190"]["Value"][0]
    assert httpx.get(url).status_code == 200
    assert httpx.get(answer["00081190"]["Value"][0]).status_code == 200


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("", 415),
        ("text/plain", 415),
        ('multipart/related; type="text/plain"; boundary=x', 415),
        ('multipart/related; type="application/dicom+json"; boundary=x', 400),
        ("multipart/related; type=application/dicom", 400),
        ("nonsense", 400),
        ('multipart/related; type="application/dicom"; boundary=x', 400),
    ],
)
def test_a_body_that_is_none_is_refused_with_a_problem(server: WebServer, content_type: str, status: int) -> None:
    answer = httpx.post(f"{server.dicom_web}/studies", content=b"x", headers={"content-type": content_type})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_an_answer_in_another_form_than_json_or_xml_is_not_acceptable(server: WebServer) -> None:
    headers = {"content-type": "application/dicom", "accept": "text/html"}
    answer = httpx.post(f"{server.dicom_web}/studies", content=instance(study="1.2.3"), headers=headers)
    assert answer.status_code == 406
    assert httpx.get(f"{server.dicom_web}/studies").json() == []


def test_an_instance_larger_than_the_site_takes_is_refused_and_the_others_stay(tmp_path: Path) -> None:
    with serving(tmp_path / "data", WebLimits(max_object_bytes=10_000)) as server:
        files = [instance(study="1.2.3", uid="1.2.3.1", pixels=bytes(20_000)), instance(study="1.2.3", uid="1.2.3.2")]
        answer = stow(server, files)
        assert answer.status_code == 202
        assert answer.json()["00081198"]["Value"][0]["00081197"]["Value"] == [0xA700]
        single = {"content-type": "application/dicom"}
        assert httpx.post(f"{server.dicom_web}/studies", content=files[0], headers=single).status_code == 413


def test_complete_parts_stay_when_the_connection_breaks(server: WebServer) -> None:
    files = [instance(study="1.2.3", uid=f"1.2.3.{n}", pixels=bytes(3000)) for n in range(3)]
    body = b"".join(b"\r\n--x\r\nContent-Type: application/dicom\r\n\r\n" + file for file in files)
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port)) as connection:
        head = "POST /dicom-web/studies HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n"
        head += "Content-Type: multipart/related; type=application/dicom; boundary=x\r\n\r\n"
        connection.sendall(head.encode() + body)
        server.run(wait_for_events(server, 2))
    assert sorted(stored_files(server, "1.2.3")) == sorted(files[:2])


async def wait_for_events(server: WebServer, count: int) -> None:
    from sagittal.runtime.deadline import Deadline

    deadline = Deadline.after(10)
    while len(await server.archive.events(0, 100)) < count:
        events = await server.archive.events(0, 100)
        assert await server.archive.changed(events[-1].seq if events else 0, deadline)


def test_a_body_that_ends_without_its_boundary_keeps_what_was_complete_and_warns(server: WebServer) -> None:
    file = instance(study="1.2.3")
    body = b"--x\r\n\r\n" + file + b"\r\n--x\r\n\r\n" + file[:200]
    headers = {"content-type": "multipart/related; type=application/dicom; boundary=x"}
    answer = httpx.post(f"{server.dicom_web}/studies", content=body, headers=headers)
    assert answer.status_code == 202
    assert "broke off" in answer.headers["warning"]
    assert stored_files(server, "1.2.3") == [file]


def test_a_client_that_sends_nothing_more_is_told_and_let_go(tmp_path: Path) -> None:
    with serving(tmp_path / "data", WebLimits(idle_timeout_s=0.2)) as server:
        address = urlsplit(server.url)
        with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
            connection.sendall(
                b"POST /dicom-web/studies HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
                b"Content-Type: application/dicom\r\n\r\nDI"
            )
            assert connection.recv(100).startswith(b"HTTP/1.1 503")


def test_a_client_that_sends_a_byte_now_and_then_is_let_go(tmp_path: Path) -> None:
    limits = WebLimits(idle_timeout_s=0.3, min_rate_bytes_s=1000)
    with serving(tmp_path / "data", limits) as server:
        address = urlsplit(server.url)
        with socket.create_connection((address.hostname, address.port), timeout=0.1) as connection:
            connection.sendall(
                b"POST /dicom-web/studies HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
                b"Content-Type: application/dicom\r\n\r\n"
            )
            answer = b""
            for _ in range(50):
                connection.sendall(b"D")
                try:
                    answer = connection.recv(100)
                    break
                except TimeoutError:
                    continue
            assert answer.startswith(b"HTTP/1.1 503")


def test_dicomweb_client_stores_and_is_told(server: WebServer) -> None:
    client = DICOMwebClient(server.dicom_web)
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    answer = client.store_instances([dataset])
    assert answer.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == dataset.SOPInstanceUID
    back = client.retrieve_instance(dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID)
    assert back == dataset


def test_a_file_without_preamble_and_meta_information_is_taken(server: WebServer) -> None:
    file = instance(study="1.2.3", uid="1.2.3.1")
    meta_length = int.from_bytes(file[140:144], "little")  # File Meta Information Group Length, the first element
    assert stow(server, [file[144 + meta_length :]]).status_code == 200
    assert pydicom.dcmread(BytesIO(stored_files(server, "1.2.3")[0])).SOPInstanceUID == "1.2.3.1"
