"""WADO-RS beyond parts: ranges, ZIP, capabilities, WADO-URI, short paths; with httpx as the peer."""

import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterator
from io import BytesIO

import httpx
import pytest
from PIL import Image
from pydicom.uid import JPEGBaseline8Bit

from support.instances import instance
from support.web import WebServer, serving, stow

PIXELS = bytes(range(256)) * 12
FRAMES = [b"\xff\xd8" + bytes([n]) * 1000 + b"\xff\xd9" for n in range(3)]
FILES = {
    "1.1.1.1": instance(study="1.1", series="1.1.1", uid="1.1.1.1", pixels=PIXELS, rows=32, columns=32),
    "1.1.2.1": instance(study="1.1", series="1.1.2", uid="1.1.2.1", fragments=FRAMES, transfer_syntax=JPEGBaseline8Bit),
}
ONE = "/studies/1.1/series/1.1.1/instances/1.1.1.1"
OCTETS = "application/octet-stream"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    with serving(tmp_path_factory.mktemp("forms") / "data") as running:
        assert stow(running, list(FILES.values())).status_code == 200
        yield running


def get(server: WebServer, path: str, accept: str = "*/*", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.get(f"{server.dicom_web}{path}", headers={"accept": accept, **named})


SINGLE = [
    (f"{ONE}/bulkdata/7FE00010", OCTETS, PIXELS),
    (f"{ONE}/frames/2", OCTETS, PIXELS[1024:2048]),
    ("/studies/1.1/series/1.1.2/instances/1.1.2.1/frames/2", "image/jpeg", FRAMES[1]),
    (ONE, "application/dicom", FILES["1.1.1.1"]),
]


@pytest.mark.parametrize(("path", "accept", "whole"), SINGLE)
@pytest.mark.parametrize(("field", "cut"), [("bytes=10-19", slice(10, 20)), ("bytes=-7", slice(-7, None))])
def test_a_range_of_a_single_representation_is_given(
    server: WebServer, path: str, accept: str, whole: bytes, field: str, cut: slice
) -> None:
    answer = get(server, path, accept, range=field)
    assert answer.status_code == 206
    assert answer.content == whole[cut]
    start = cut.start % len(whole)
    end = start + len(whole[cut]) - 1
    assert answer.headers["content-range"] == f"bytes {start}-{end}/{len(whole)}"


@pytest.mark.parametrize(("path", "accept", "whole"), SINGLE)
def test_ranges_joined_are_the_whole(server: WebServer, path: str, accept: str, whole: bytes) -> None:
    cuts = [get(server, path, accept, range=f"bytes={at}-{at + 332}").content for at in range(0, len(whole), 333)]
    assert b"".join(cuts) == whole == get(server, path, accept).content


def test_a_range_beyond_the_end_is_416_with_the_length(server: WebServer) -> None:
    answer = get(server, f"{ONE}/frames/1", OCTETS, range="bytes=1024-")
    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */1024")


def test_a_range_of_another_version_is_not_given(server: WebServer) -> None:
    first = get(server, f"{ONE}/frames/1", OCTETS)
    assert first.headers["accept-ranges"] == "bytes"
    same = get(server, f"{ONE}/frames/1", OCTETS, range="bytes=0-9", if_range=first.headers["etag"])
    other = get(server, f"{ONE}/frames/1", OCTETS, range="bytes=0-9", if_range='"other"')
    assert (same.status_code, other.status_code, len(other.content)) == (206, 200, 1024)


@pytest.mark.parametrize(("path", "count"), [("/studies/1.1", 2), ("/studies/1.1/series/1.1.2", 1), (ONE, 1)])
def test_a_zip_holds_every_instance_as_it_was_stored(server: WebServer, path: str, count: int) -> None:
    answer = get(server, path, "application/zip")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == count
        for name in archive.namelist():
            assert archive.read(name) == FILES[name.split("/")[-1].removesuffix(".dcm")]
    assert get(server, path, "application/zip", if_none_match=answer.headers["etag"]).status_code == 304


def test_options_tells_the_methods_of_a_resource(server: WebServer) -> None:
    answer = httpx.options(f"{server.dicom_web}/studies")
    assert answer.status_code == 200
    assert {"GET", "POST", "OPTIONS"} <= set(answer.headers["allow"].split(", "))
    assert httpx.options(f"{server.dicom_web}/nothing").status_code == 404


def test_the_capabilities_name_the_resources_in_json_and_wadl(server: WebServer) -> None:
    as_json = get(server, "/", "application/json").json()
    paths = {resource["path"] for resource in as_json["resources"]}
    assert {"/studies", "/studies/{study}/series/{series}/instances/{instance}/frames/{frames}"} <= paths
    wadl = get(server, "/", "application/vnd.sun.wadl+xml")
    assert wadl.headers["content-type"] == "application/vnd.sun.wadl+xml"
    namespace = "{http://wadl.dev.java.net/2009/02}"
    found = ET.fromstring(wadl.content).iter(f"{namespace}resource")
    assert {f"/{one.attrib['path']}" for one in found} == paths


WADO = "?requestType=WADO&studyUID=1.1&seriesUID=1.1.1&objectUID=1.1.1.1"


@pytest.mark.parametrize("base", ["/wado", "/dicom-web/wado"])
def test_wado_uri_gives_the_instance_as_stored(server: WebServer, base: str) -> None:
    answer = httpx.get(f"{server.url}{base}{WADO}&contentType=application/dicom")
    assert answer.status_code == 200
    assert answer.content == FILES["1.1.1.1"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("?requestType=X", 400),
        ("?requestType=WADO&studyUID=1.1", 400),
        (f"{WADO.replace('1.1.1.1', '9')}&contentType=application/dicom", 404),
        (f"{WADO}&contentType=text/html", 406),
        (f"{WADO}&windowCenter=1", 400),
        (f"{WADO}&anonymize=yes", 501),
        (f"{WADO}&region=0,0,2,1", 400),
        (f"{WADO}&presentationUID=1.2", 400),
        (f"{WADO}&presentationUID=1.2&presentationSeriesUID=1.3", 404),
        (f"{WADO}&frameNumber=9", 404),
    ],
)
def test_a_wado_request_that_cannot_be_answered_says_why(server: WebServer, query: str, status: int) -> None:
    answer = httpx.get(f"{server.url}/wado{query}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("query", "accept", "size"),
    [
        ("", "image/jpeg", (32, 32)),
        ("&contentType=image/png&rows=16&columns=16", "image/png", (16, 16)),
        ("&contentType=image/png,application/dicom;q=0.5&rows=64&frameNumber=2", "image/png", (64, 64)),
        ("&windowCenter=128&windowWidth=64&imageQuality=50", "image/jpeg", (32, 32)),
        ("&region=0.25,0.5,0.75,1&contentType=image/png", "image/png", (16, 16)),
    ],
)
def test_wado_uri_gives_pictures_as_the_rendered_resource_does(
    server: WebServer, query: str, accept: str, size: tuple[int, int]
) -> None:
    answer = httpx.get(f"{server.url}/wado{WADO}{query}", timeout=30)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == accept
    with Image.open(BytesIO(answer.content)) as picture:
        assert picture.size == size


@pytest.mark.parametrize(
    ("short", "full", "accept"),
    [
        ("/instances/1.1.1.1", ONE, "application/dicom"),
        ("/instances/1.1.1.1/metadata", f"{ONE}/metadata", "application/json"),
        ("/instances/1.1.1.1/frames/1", f"{ONE}/frames/1", OCTETS),
        ("/series/1.1.1/metadata", "/studies/1.1/series/1.1.1/metadata", "application/json"),
    ],
)
def test_a_short_path_leads_to_the_same(server: WebServer, short: str, full: str, accept: str) -> None:
    assert get(server, short, accept).content == get(server, full, accept).content
    assert get(server, short.replace("1.1.1", "9.9"), accept).status_code == 404
