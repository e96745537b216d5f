"""Uploads over HTTP: the clients of tus in Python and JavaScript, and the IETF draft as a client of it speaks."""

import base64
import hashlib
import json
import os
import shutil
import socket
import subprocess
import time
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError
from tusclient.uploader import Uploader

from support.archives import file_bytes, instance
from support.node import install
from support.server import Server, running

IETF = {"upload-draft-interop-version": "9"}
PARTIAL = {**IETF, "content-type": "application/partial-upload"}
TUS = {"tus-resumable": "1.0.0"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("uploads") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def root(server: Server) -> str:
    return server.web.removesuffix("/dicom-web")


@pytest.fixture(scope="module")
def client(root: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=root, timeout=20) as client:
        yield client


def ended(client: httpx.Client, location: str) -> dict[str, Any]:
    """The report once it is final."""
    for _ in range(1000):
        report: dict[str, Any] = client.get(f"{location}/report").json()
        if report["state"] == "done":
            return report
        time.sleep(0.01)
    raise AssertionError(report)


def zipped(count: int) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(count):
            archive.writestr(f"{number}.dcm", file_bytes(instance()))
    return buffer.getvalue()


# tus 1.0.0


def test_tuspy_uploads_in_chunks_with_checksums(root: str, client: httpx.Client) -> None:
    data = zipped(3)
    tus = TusClient(f"{root}/api/uploads")
    uploader: Uploader = tus.uploader(
        file_stream=BytesIO(data), chunk_size=10_000, metadata={"filename": "cd.zip"}, upload_checksum=True
    )
    uploader.upload()
    report = ended(client, uploader.url.removeprefix(root))
    assert (report["stored"], report["name"], report["refused"]) == (3, "cd.zip", [])


def test_tuspy_goes_on_where_it_stood(root: str, client: httpx.Client) -> None:
    data = zipped(2)
    tus = TusClient(f"{root}/api/uploads")
    first: Uploader = tus.uploader(file_stream=BytesIO(data), chunk_size=5000)
    first.upload(stop_at=10_000)
    second = tus.uploader(file_stream=BytesIO(data), url=first.url, chunk_size=7000)
    assert second.offset == 10_000
    second.upload()
    assert ended(client, first.url.removeprefix(root))["stored"] == 2


def test_tuspy_is_told_that_an_upload_is_gone(root: str, client: httpx.Client) -> None:
    tus = TusClient(f"{root}/api/uploads")
    first: Uploader = tus.uploader(file_stream=BytesIO(b"x" * 100), chunk_size=50)
    first.upload(stop_at=50)
    assert client.delete(first.url, headers=TUS).status_code == 204
    with pytest.raises(TusCommunicationError, match="404"):
        tus.uploader(file_stream=BytesIO(b"x" * 100), url=first.url)


def test_tus_js_client_uploads_pauses_resumes_and_terminates(root: str, client: httpx.Client, tmp_path: Path) -> None:
    node = install.node_program("node")
    if node is None or not install.installed():
        line = "needs Node and its tus client: `make node-peers` installs them"
        if os.environ.get("CI"):
            pytest.fail(line)
        pytest.skip(line)
    (tmp_path / "cd.zip").write_bytes(zipped(3))
    script = shutil.copy(install.HERE / "uploads.mjs", install.FOLDER)  # modules are looked for beside the script
    done = subprocess.run(
        [*node, str(script), f"{root}/api/uploads", str(tmp_path / "cd.zip")],
        capture_output=True, timeout=60, check=False, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert ended(client, told["tus"].removeprefix(root))["stored"] == 3
    assert told["resumedFrom"] > 0
    assert client.head(told["terminated"]).status_code == 404
    for name in ("ietf03", "ietf05"):
        assert ended(client, told[name].removeprefix(root))["duplicates"] == 3


def test_the_server_says_what_it_speaks(client: httpx.Client) -> None:
    said = client.options("/api/uploads").headers
    assert said["tus-version"] == "1.0.0"
    assert {"creation", "creation-with-upload", "expiration", "checksum", "termination"} <= set(
        said["tus-extension"].split(",")
    )
    assert "application/partial-upload" in said["accept-patch"]
    assert "max-size=" in said["upload-limit"]


def test_another_version_of_tus_is_told_which_we_speak(client: httpx.Client) -> None:
    answer = client.post("/api/uploads", headers={"tus-resumable": "0.2.2", "upload-length": "4"})
    assert (answer.status_code, answer.headers["tus-version"]) == (412, "1.0.0")


def test_creation_with_upload_needs_one_request(client: httpx.Client) -> None:
    data = file_bytes(instance())
    headers = {**TUS, "upload-length": str(len(data)), "content-type": "application/offset+octet-stream"}
    answer = client.post("/api/uploads", headers=headers, content=data)
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, str(len(data)))
    assert ended(client, answer.headers["location"])["stored"] == 1


def test_a_wrong_offset_or_checksum_changes_nothing(client: httpx.Client) -> None:
    where = client.post("/api/uploads", headers={**TUS, "upload-length": "8"}).headers["location"]
    piece = {**TUS, "content-type": "application/offset+octet-stream"}
    answer = client.patch(where, headers={**piece, "upload-offset": "4"}, content=b"efgh")
    assert (answer.status_code, answer.headers["upload-offset"]) == (409, "0")
    wrong = base64.b64encode(hashlib.sha1(b"else").digest()).decode()
    answer = client.patch(
        where, headers={**piece, "upload-offset": "0", "upload-checksum": f"sha1 {wrong}"}, content=b"abcd"
    )
    assert answer.status_code == 460
    answer = client.patch(where, headers={**TUS, "upload-offset": "0"}, content=b"abcd")
    assert answer.status_code == 415
    assert client.head(where, headers=TUS).headers["upload-offset"] == "0"


def test_a_length_may_come_later(client: httpx.Client) -> None:
    where = client.post("/api/uploads", headers={**TUS, "upload-defer-length": "1"}).headers["location"]
    assert client.head(where, headers=TUS).headers["upload-defer-length"] == "1"
    piece = {**TUS, "content-type": "application/offset+octet-stream"}
    client.patch(where, headers={**piece, "upload-offset": "0"}, content=b"abcd").raise_for_status()
    answer = client.patch(where, headers={**piece, "upload-offset": "4", "upload-length": "6"}, content=b"ef")
    assert answer.headers["upload-complete"] == "?1"


# draft-ietf-httpbis-resumable-upload


def test_the_draft_takes_all_in_one_request(client: httpx.Client) -> None:
    data = file_bytes(instance())
    answer = client.post(
        "/api/uploads",
        headers={**IETF, "upload-complete": "?1", "content-disposition": "inline; filename*=UTF-8''%C3%A9t%C3%A9.dcm"},
        content=data,
    )
    assert (answer.status_code, answer.headers["upload-complete"]) == (201, "?1")
    report = ended(client, answer.headers["location"])
    assert (report["stored"], report["name"]) == (1, "été.dcm")


def test_the_draft_appends_until_it_says_that_is_all(client: httpx.Client) -> None:
    data = file_bytes(instance())
    begun = client.post("/api/uploads", headers={**IETF, "upload-complete": "?0"}, content=data[:1000])
    where = begun.headers["location"]
    assert (begun.status_code, begun.headers["upload-complete"]) == (201, "?0")
    looked = client.head(where, headers=IETF)
    assert (looked.status_code, looked.headers["upload-offset"]) == (204, "1000")
    assert looked.headers["cache-control"] == "no-store"
    assert "upload-length" not in looked.headers
    more = client.patch(
        where, headers={**PARTIAL, "upload-offset": "1000", "upload-complete": "?0"}, content=data[1000:5000]
    )
    assert (more.status_code, more.headers["upload-complete"]) == (204, "?0")
    last = client.patch(
        where, headers={**PARTIAL, "upload-offset": "5000", "upload-complete": "?1"}, content=data[5000:]
    )
    assert (last.status_code, last.headers["upload-complete"]) == (200, "?1")
    assert ended(client, where)["stored"] == 1
    again = client.patch(where, headers={**PARTIAL, "upload-offset": "0", "upload-complete": "?1"}, content=b"x")
    assert again.json()["type"].endswith("#completed-upload")
    assert client.head(where).headers["upload-complete"] == "?1"


def test_the_draft_is_told_of_wrong_offsets_and_lengths(client: httpx.Client) -> None:
    headers = {**IETF, "upload-complete": "?0", "upload-length": "8"}
    where = client.post("/api/uploads", headers=headers, content=b"abcd").headers["location"]
    wrong = client.patch(where, headers={**PARTIAL, "upload-offset": "2", "upload-complete": "?0"}, content=b"x")
    assert wrong.status_code == 409
    assert (wrong.json()["expected-offset"], wrong.json()["provided-offset"]) == (4, 2)
    short = client.patch(where, headers={**PARTIAL, "upload-offset": "4", "upload-complete": "?1"}, content=b"x")
    assert short.status_code == 400
    assert short.json()["type"].endswith("#inconsistent-upload-length")
    wrong_digest = {**PARTIAL, "upload-offset": "4", "upload-complete": "?1", "content-digest": "sha-256=:AAAA:"}
    assert client.patch(where, headers=wrong_digest, content=b"efgh").status_code == 460
    assert client.head(where).headers["upload-offset"] == "4"


def test_what_came_before_the_line_broke_is_kept(root: str, client: httpx.Client) -> None:
    """Begun by one protocol, gone on with by the other."""
    where = client.post("/api/uploads", headers={**TUS, "upload-length": "10"}).headers["location"]
    host, _, port = root.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as line:
        fields = "Upload-Offset: 0\r\nUpload-Complete: ?1\r\nContent-Type: application/partial-upload\r\n"
        line.sendall(f"PATCH {where} HTTP/1.1\r\nHost: {host}\r\n{fields}Content-Length: 10\r\n\r\nabcdef".encode())
        time.sleep(0.1)
    assert client.head(where).headers["upload-offset"] == "6"
    piece = {**TUS, "content-type": "application/offset+octet-stream", "upload-offset": "6"}
    assert client.patch(where, headers=piece, content=b"ghij").headers["upload-complete"] == "?1"


def test_a_plain_body_is_an_upload(client: httpx.Client) -> None:
    answer = client.post("/api/uploads", content=file_bytes(instance()), headers={"content-type": "application/dicom"})
    assert ended(client, answer.headers["location"])["stored"] == 1


def test_a_list_of_ones_own_uploads(client: httpx.Client) -> None:
    listed = client.get("/api/uploads").json()["uploads"]
    assert listed
    assert listed[0]["report"].endswith("/report")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("PUT", "/api/uploads", 405), ("GET", "/api/uploads/nothing/report", 404), ("GET", "/api/uploads/a/b/c", 404)],
)
def test_what_is_not_there_is_told(client: httpx.Client, method: str, path: str, status: int) -> None:
    assert client.request(method, path).status_code == status
