"""What storescu sends under a UID that is taken waits, is decided about, and is what getscu and DICOMweb then give."""

import copy
import subprocess
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset

from support.archives import file_bytes, instance
from support.dciodvfy import errors_of
from support.dcmtk import data_set_of
from support.peers import require
from support.server import Server, running
from support.web import parts_of


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("quarantine") / "data") as server:
        yield server


def api(server: Server, path: str = "") -> str:
    return server.web.removesuffix("/dicom-web") + "/api/quarantine" + path


def send(server: Server, folder: Path, *datasets: Dataset) -> None:
    require("storescu")
    folder.mkdir()
    for number, one in enumerate(datasets):
        (folder / f"{number}.dcm").write_bytes(file_bytes(one))
    to = ["-aet", "CT7", "-aec", "SAGITTAL", "127.0.0.1", str(server.dicom_port)]
    subprocess.run(["storescu", "-xe", *to, "+sd", str(folder)], check=True, capture_output=True, timeout=30)


def got(server: Server, one: Dataset, folder: Path) -> bytes:
    """The data set that getscu gets of an instance; WADO-RS has to give the same."""
    require("getscu")
    folder.mkdir()
    keys = {
        "QueryRetrieveLevel": "IMAGE",
        "StudyInstanceUID": one.StudyInstanceUID,
        "SeriesInstanceUID": one.SeriesInstanceUID,
        "SOPInstanceUID": one.SOPInstanceUID,
    }
    command = ["getscu", "+x=", "+B", "-od", str(folder), "-S", "-aec", "SAGITTAL"]
    command += [word for name, value in keys.items() for word in ("-k", f"{name}={value}")]
    command += ["127.0.0.1", str(server.dicom_port)]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    (path,) = folder.iterdir()
    found = data_set_of(path.read_bytes())
    where = f"{server.web}/studies/{one.StudyInstanceUID}/series/{one.SeriesInstanceUID}"
    accept = {"accept": "application/dicom; transfer-syntax=*"}
    answer = httpx.get(f"{where}/instances/{one.SOPInstanceUID}", headers=accept)
    assert answer.status_code == 200
    assert found in answer.content
    return found


def waiting(server: Server, uid: str) -> list[dict[str, Any]]:
    return [one for one in httpx.get(api(server)).json()["waiting"] if one["instance"] == uid]


@pytest.fixture
def two(server: Server, tmp_path: Path) -> tuple[Dataset, Dataset]:
    """An instance that is in the archive, and another of its UID that is kept beside."""
    one = instance()
    del one[0xFFFCFFFC]  # storescu does not send padding
    other = copy.deepcopy(one)
    other.PatientName, other.PixelData = "Other^One", bytes(len(one.PixelData))
    send(server, tmp_path / "one", one)
    send(server, tmp_path / "other", other)
    return one, other


def content(dataset: Dataset) -> bytes:
    return data_set_of(file_bytes(dataset))


def test_what_is_decided_is_what_every_door_gives_until_it_is_undone(
    server: Server, two: tuple[Dataset, Dataset], tmp_path: Path
) -> None:
    one, other = two
    (waits,) = waiting(server, one.SOPInstanceUID)
    assert (waits["why"], waits["newcomer"]["source"], waits["newcomer"]["door"]) == ("conflict", "CT7", "dimse")
    assert got(server, one, tmp_path / "a") == content(one)
    path = api(server, f"/{waits['number']}")
    decided = httpx.post(f"{path}/decide", json={"choice": "take", "note": "corrected at the scanner"})
    assert decided.status_code == 200
    assert got(server, one, tmp_path / "b") == content(other)
    assert waiting(server, one.SOPInstanceUID) == []
    undo = api(server, f"/decisions/{decided.json()['id']}/undo")
    assert httpx.post(undo).json()["undone_at"]
    assert got(server, one, tmp_path / "c") == content(one)
    assert len(waiting(server, one.SOPInstanceUID)) == 1
    assert httpx.post(undo).status_code == 409
    assert httpx.post(f"{path}/decide", json={"choice": "keep"}).status_code == 200
    assert got(server, one, tmp_path / "d") == content(one)
    assert httpx.post(f"{path}/decide", json={"choice": "take"}).status_code == 404


def test_decisions_and_their_undoing_are_in_the_ledger(server: Server, two: tuple[Dataset, Dataset]) -> None:
    (waits,) = waiting(server, two[0].SOPInstanceUID)
    decided = httpx.post(api(server, f"/{waits['number']}/decide"), json={"choice": "take"}).json()
    httpx.post(api(server, f"/decisions/{decided['id']}/undo"))
    ledger = server.web.removesuffix("/dicom-web") + "/api/ledger/search"
    asked = {"study": str(two[0].StudyInstanceUID)}
    until, kinds = time.monotonic() + 30, set[str]()
    while not {"decision", "undo decision"} <= kinds and time.monotonic() < until:
        kinds = {line["kind"] for line in httpx.post(ledger, json=asked).json()["lines"]}
        time.sleep(0.1)
    assert {"store", "decision", "undo decision"} <= kinds


def test_it_is_told_what_differs_and_shown(server: Server, two: tuple[Dataset, Dataset]) -> None:
    (waits,) = waiting(server, two[0].SOPInstanceUID)
    path = api(server, f"/{waits['number']}")
    compared = httpx.get(path).json()
    assert compared["pixels"] == "different"
    differing = {one["keyword"]: (one["archive"], one["newcomer"]) for one in compared["attributes"]}
    assert differing == {"PatientName": (str(two[0].PatientName), "Other^One")}
    pictures = [Image.open(BytesIO(httpx.get(f"{path}/{which}/picture").content)) for which in ("archive", "newcomer")]
    extremes = [picture.convert("L").getextrema() for picture in pictures]
    assert extremes[0] != extremes[1]
    assert httpx.get(f"{path}/nothing/picture").status_code == 404


@pytest.mark.parametrize("number", ["7", str(10**25)])
def test_numbers_that_nothing_has_are_not_found(server: Server, number: str) -> None:
    pages = server.web.removesuffix("/dicom-web") + "/quarantine"
    assert httpx.get(f"{pages}/{number}").status_code == 404
    assert httpx.get(f"{pages}?before={number}&decided={number}&done={number}").status_code == 200
    for act in (f"{number}/decide", f"{number}/verify", f"{number}/reject", f"decisions/{number}/undo"):
        answer = httpx.post(f"{pages}/{act}", data={"choice": "keep"}, headers={"sec-fetch-site": "same-origin"})
        assert answer.status_code == 404
    assert httpx.get(api(server, f"/{number}")).status_code in (400, 404)


def test_both_are_given_and_the_second_is_as_valid_as_before(
    server: Server, two: tuple[Dataset, Dataset], tmp_path: Path
) -> None:
    one, other = two
    (waits,) = waiting(server, one.SOPInstanceUID)
    decided = httpx.post(api(server, f"/{waits['number']}/decide"), json={"choice": "both"}).json()
    renamed = copy.deepcopy(other)
    renamed.SOPInstanceUID = decided["new_uid"]
    copied = got(server, renamed, tmp_path / "a")
    found = pydicom.dcmread(BytesIO(copied), force=True)
    assert found.PixelData == other.PixelData
    assert found.OriginalAttributesSequence[0].ModifiedAttributesSequence[0].SOPInstanceUID == one.SOPInstanceUID
    assert got(server, one, tmp_path / "b") == content(one)


def test_dciodvfy_finds_nothing_wrong_with_the_copy_that_was_not_wrong_before(
    server: Server, two: tuple[Dataset, Dataset], tmp_path: Path
) -> None:
    (waits,) = waiting(server, two[0].SOPInstanceUID)
    decided = httpx.post(api(server, f"/{waits['number']}/decide"), json={"choice": "both"}).json()
    where = f"{server.web}/studies/{two[1].StudyInstanceUID}/series/{two[1].SeriesInstanceUID}/instances"
    accept = {"accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
    ((_, file),) = parts_of(httpx.get(f"{where}/{decided['new_uid']}", headers=accept))
    assert pydicom.dcmread(BytesIO(file)).file_meta.MediaStorageSOPInstanceUID == decided["new_uid"]
    assert errors_of(file, tmp_path) <= errors_of(file_bytes(two[1]), tmp_path)
