"""Uploads through kill -9, while bytes come and while they are brought in: nothing acknowledged lost, nothing twice."""

import signal
import time
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx

from sagittal.ingest.importing import COMMITS_IN_FLIGHT
from support.archives import file_bytes, instance
from support.server import Server, start, stop

TUS = {"tus-resumable": "1.0.0"}
PIECE = {**TUS, "content-type": "application/offset+octet-stream"}


def root(server: Server) -> str:
    return f"{server.web.removesuffix('/dicom-web')}/api/uploads"


def zipped(count: int) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(count):
            archive.writestr(f"{number}.dcm", file_bytes(instance("CT_small.dcm")))
        archive.writestr("letter.txt", b"Dear colleague")
    return buffer.getvalue()


def report(server: Server, upload: str) -> dict[str, Any]:
    told: dict[str, Any] = httpx.get(f"{root(server)}/{upload}/report", timeout=20).json()
    return told


def ended(server: Server, upload: str) -> dict[str, Any]:
    for _ in range(2000):
        if (told := report(server, upload))["state"] == "done":
            return told
        time.sleep(0.01)
    raise AssertionError(told)


def kept(server: Server) -> list[str]:
    answer = httpx.get(f"{server.web}/instances", params={"limit": "1000"}, timeout=20)
    return [one["00080018"]["Value"][0] for one in answer.json()] if answer.status_code == 200 else []


def test_what_was_acknowledged_is_there_after_kill_nine(tmp_path: Path) -> None:
    data = zipped(20)
    server = start(tmp_path / "data")
    headers = {**TUS, "upload-length": str(len(data)), "upload-metadata": "filename Y2Quemlw"}
    upload = httpx.post(root(server), headers=headers).headers["location"].rpartition("/")[2]
    acknowledged = 0
    for _ in range(2):
        for _ in range(2):
            piece = data[acknowledged : acknowledged + 100_000]
            where = {**PIECE, "upload-offset": str(acknowledged)}
            answer = httpx.patch(f"{root(server)}/{upload}", headers=where, content=piece, timeout=20)
            acknowledged = int(answer.headers["upload-offset"])
        stop(server, signal.SIGKILL)
        server = start(tmp_path / "data")
        looked = httpx.head(f"{root(server)}/{upload}", headers=TUS).headers
        assert (int(looked["upload-offset"]), looked["upload-metadata"]) == (acknowledged, "filename Y2Quemlw")
    rest = {**PIECE, "upload-offset": str(acknowledged)}
    assert httpx.patch(f"{root(server)}/{upload}", headers=rest, content=data[acknowledged:]).status_code == 204
    told = ended(server, upload)
    assert (told["stored"], [one["name"] for one in told["refused"]]) == (20, ["letter.txt"])
    stop(server)


def test_a_whole_upload_is_brought_in_once_through_kill_nine(tmp_path: Path) -> None:
    count = 150
    data = zipped(count)
    server = start(tmp_path / "data")
    headers = {**PIECE, "upload-length": str(len(data))}
    upload = httpx.post(root(server), headers=headers, content=data, timeout=20).headers["location"].rpartition("/")[2]
    for _ in range(1000):
        told = report(server, upload)
        if told["state"] == "done" or told["stored"] > 2 * COMMITS_IN_FLIGHT:
            break
    assert told["state"] == "working"
    stop(server, signal.SIGKILL)

    server = start(tmp_path / "data")
    told = ended(server, upload)
    # What was committed and not yet noted when the power went is read again, and is a duplicate then.
    assert told["stored"] + told["duplicates"] == count
    assert told["duplicates"] <= COMMITS_IN_FLIGHT
    assert (told["conflicts"], told["refused_count"], told["files"]) == (0, 1, count + 1)
    found = kept(server)
    assert len(found) == len(set(found)) == count
    assert not (tmp_path / "data" / "uploads" / upload / "bytes").exists()

    stop(server)
