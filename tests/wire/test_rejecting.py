"""What a DICOMweb client deletes is found by nobody, by no door, and comes back byte for byte when it is undone."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from dicomweb_client.api import DICOMwebClient
from pydicom.dataset import Dataset

from support.archives import file_bytes, instance
from support.peers import require
from support.server import Server, running

_OBJECTS = {"accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("rejecting") / "data") as server:
        yield server


@pytest.fixture
def stored(server: Server) -> list[Dataset]:
    """Three instances of a study, two of them of one series."""
    first = instance()
    same = {"StudyInstanceUID": first.StudyInstanceUID, "PatientID": first.PatientID}
    kept = [first, instance(SeriesInstanceUID=first.SeriesInstanceUID, **same), instance(**same)]
    DICOMwebClient(server.web).store_instances(kept)
    return kept


def found_by_findscu(server: Server, study: str, folder: Path) -> int:
    require("findscu")
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={study}"]
    command = [
        "findscu",
        "-S",
        "-X",
        "-od",
        str(folder),
        "-aec",
        "SAGITTAL",
        *keys,
        "127.0.0.1",
        str(server.dicom_port),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    return len(list(folder.glob("rsp*.dcm")))


def bytes_of(server: Server, path: str) -> list[bytes]:
    """The parts of an answer, in order."""
    answer = httpx.get(f"{server.web}{path}", headers=_OBJECTS)
    assert answer.status_code == 200
    boundary = answer.headers["content-type"].partition("boundary=")[2].strip('"').encode()
    return answer.content.split(b"--" + boundary)[1:-1]


def api(server: Server, path: str) -> str:
    return server.web.removesuffix("/dicom-web") + path


def test_a_deleted_study_is_nowhere_and_comes_back_as_it_was(
    server: Server, stored: list[Dataset], tmp_path: Path
) -> None:
    study = str(stored[0].StudyInstanceUID)
    before = bytes_of(server, f"/studies/{study}")
    assert found_by_findscu(server, study, tmp_path) == 1
    (tmp_path / "rsp0001.dcm").unlink()
    client = DICOMwebClient(server.web)
    client.delete_study(study)
    assert client.search_for_studies(search_filters={"StudyInstanceUID": study}) == []
    assert client.search_for_instances(search_filters={"StudyInstanceUID": study}) == []
    assert found_by_findscu(server, study, tmp_path) == 0
    for below in ("", "/metadata", "/rendered", "/thumbnail"):
        assert httpx.get(f"{server.web}/studies/{study}{below}").status_code == 404
    (newest,) = httpx.get(api(server, "/api/rejections?limit=1")).json()["rejections"]
    assert (newest["study"], newest["instances"], newest["restorable"]) == (study, 3, 3)
    undone = httpx.post(api(server, f"/api/rejections/{newest['id']}/undo"))
    assert (undone.status_code, undone.json()["restorable"]) == (200, 0)
    assert bytes_of(server, f"/studies/{study}") == before
    assert found_by_findscu(server, study, tmp_path) == 1


def test_series_and_instances_are_deleted_one_by_one_and_counts_follow(server: Server, stored: list[Dataset]) -> None:
    study = str(stored[0].StudyInstanceUID)
    client = DICOMwebClient(server.web)

    def counts() -> tuple[int, int]:
        fields = ["NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances"]
        (one,) = client.search_for_studies(search_filters={"StudyInstanceUID": study}, fields=fields)
        return one["00201206"]["Value"][0], one["00201208"]["Value"][0]

    assert counts() == (2, 3)
    client.delete_instance(study, str(stored[0].SeriesInstanceUID), str(stored[0].SOPInstanceUID))
    assert counts() == (2, 2)
    client.delete_series(study, str(stored[2].SeriesInstanceUID))
    assert counts() == (1, 1)


def test_the_answer_to_a_deletion_says_how_to_undo_it(server: Server, stored: list[Dataset]) -> None:
    answer = httpx.delete(f"{server.web}/studies/{stored[0].StudyInstanceUID}")
    assert answer.status_code == 200
    assert answer.json()["instances"] == 3
    assert httpx.post(api(server, answer.json()["undo"])).status_code == 200
    again = httpx.post(api(server, answer.json()["undo"]))
    assert (again.status_code, again.headers["content-type"]) == (409, "application/problem+json")


def test_what_is_not_there_cannot_be_deleted(server: Server) -> None:
    assert httpx.delete(f"{server.web}/studies/1.2.3.4.5").status_code == 404
    assert httpx.delete(f"{server.web}/studies").status_code == 405
    assert httpx.delete(f"{server.web}/studies/{'1' * 65}").status_code == 400


def test_the_capabilities_tell_of_deletion(server: Server) -> None:
    resources = httpx.get(f"{server.web}/", headers={"accept": "application/json"}).json()["resources"]
    deletable = {resource["path"] for resource in resources if "DELETE" in resource["methods"]}
    study = "/studies/{study}"
    assert deletable == {study, f"{study}/series/{{series}}", f"{study}/series/{{series}}/instances/{{instance}}"}


def test_rejecting_with_a_reason_and_a_note(server: Server, stored: list[Dataset]) -> None:
    asked = {"instance": str(stored[1].SOPInstanceUID), "reason": "worklist", "note": "wrong order"}
    done = httpx.post(api(server, "/api/rejections"), json=asked)
    assert done.status_code == 201
    one = httpx.get(api(server, f"/api/rejections/{done.json()['id']}")).json()
    assert (one["reason"], one["meaning"]) == ("113038", "Incorrect Modality Worklist Entry")
    assert (one["note"], one["instance"], one["at"][-6:]) == ("wrong order", stored[1].SOPInstanceUID, "+00:00")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"study": "1.2.3.4.5"}, 404),
        ({"study": "1.2", "reason": "whim"}, 400),
        ({"study": 7}, 400),
        ({"study": "1.2", "surprise": 1}, 400),
        ({"study": "1" * 129}, 400),
    ],
)
def test_a_request_of_another_form_is_told_so(server: Server, body: dict[str, object], status: int) -> None:
    answer = httpx.post(api(server, "/api/rejections"), json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


def test_pages_go_on_where_the_last_one_ended(server: Server, stored: list[Dataset]) -> None:
    for one in stored:
        httpx.post(api(server, "/api/rejections"), json={"instance": str(one.SOPInstanceUID)})
    first = httpx.get(api(server, "/api/rejections?limit=2")).json()
    second = httpx.get(api(server, f"/api/rejections?limit=1&before={first['before']}")).json()
    told = [one["instance"] for one in (*first["rejections"], *second["rejections"])]
    assert told == [str(one.SOPInstanceUID) for one in reversed(stored)]
    for query in ("limit=0", "limit=501", "before=x"):
        assert httpx.get(api(server, f"/api/rejections?{query}")).status_code == 400
    assert httpx.get(api(server, "/api/rejections/999999")).status_code == 404


def test_the_same_file_sent_again_after_a_deletion_is_stored(server: Server, stored: list[Dataset]) -> None:
    url = f"{server.web}/studies/{stored[0].StudyInstanceUID}"
    httpx.delete(url)
    DICOMwebClient(server.web).store_instances([stored[0]])
    assert len(json.loads(httpx.get(f"{url}/metadata").content)) == 1
    assert file_bytes(stored[0])[-64:] in bytes_of(server, f"/studies/{stored[0].StudyInstanceUID}")[0]


def key_object_selection(named: Dataset, code: str) -> Dataset:
    """As a workstation makes it that takes back an instance (IHE IOCM)."""
    title, evidence, series, one = Dataset(), Dataset(), Dataset(), Dataset()
    title.CodeValue, title.CodingSchemeDesignator, title.CodeMeaning = code, "DCM", "Rejected for Quality Reasons"
    one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID = named.SOPClassUID, named.SOPInstanceUID
    series.SeriesInstanceUID, series.ReferencedSOPSequence = named.SeriesInstanceUID, [one]
    evidence.StudyInstanceUID, evidence.ReferencedSeriesSequence = named.StudyInstanceUID, [series]
    selection = instance(StudyInstanceUID=named.StudyInstanceUID, PatientID=named.PatientID)
    for keyword in ("PixelData", "Rows", "Columns", "BitsAllocated", "SmallestImagePixelValue"):
        selection.pop(keyword, None)
    selection.SOPClassUID = selection.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.88.59"
    selection.Modality, selection.ValueType = "KO", "CONTAINER"
    selection.ConceptNameCodeSequence, selection.CurrentRequestedProcedureEvidenceSequence = [title], [evidence]
    return selection


def test_a_key_object_selection_sent_by_dimse_rejects_what_it_names(
    server: Server, stored: list[Dataset], tmp_path: Path
) -> None:
    require("storescu")
    selection = key_object_selection(stored[1], "113037")
    (tmp_path / "ko.dcm").write_bytes(file_bytes(selection))
    command = ["storescu", "-xe", "-aec", "SAGITTAL", "127.0.0.1", str(server.dicom_port), str(tmp_path / "ko.dcm")]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    path = f"{server.web}/studies/{selection.StudyInstanceUID}/instances"
    until = time.monotonic() + 20
    while len(left := httpx.get(path).json()) == 4 and time.monotonic() < until:
        time.sleep(0.05)
    uids = {one["00080018"]["Value"][0] for one in left}
    assert uids == {stored[0].SOPInstanceUID, stored[2].SOPInstanceUID, selection.SOPInstanceUID}
    api = server.web.removesuffix("/dicom-web") + "/api/rejections"
    (rejection,) = (
        one for one in httpx.get(api).json()["rejections"] if selection.SOPInstanceUID in one.get("note", "")
    )
    assert (rejection["reason"], rejection["instances"]) == ("113037", 1)
    assert httpx.post(f"{api}/{rejection['id']}/undo").status_code == 200
    assert len(httpx.get(path).json()) == 4
