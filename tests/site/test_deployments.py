"""A whole deployment: people, devices, shares and the ledger together, over the doors they use."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from dicomweb_client import DICOMwebClient
from pydicom.dataset import Dataset
from requests import HTTPError, Session

from sagittal.runtime.settings import RoleAt
from support.archives import instance
from support.deployment import NORTH, SOUTH, Deployment, answers, deployed
from support.peers import require

NORTHERN, SOUTHERN = "1.2.7.1", "1.2.7.2"
MANY = 40  # studies: so many that the answer to a search is kept


def one(study: str, **attributes: str) -> Dataset:
    uids = {"StudyInstanceUID": study, "SeriesInstanceUID": f"{study}.1", "SOPInstanceUID": f"{study}.1.1"}
    return instance(**(uids | attributes))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Deployment]:
    with deployed(tmp_path / "data") as deployment:
        deployment.keep(NORTH, one(NORTHERN))
        deployment.keep(SOUTH, one(SOUTHERN, PatientID="PARTLY"))
        yield deployment


@pytest.fixture
def shown() -> Iterator[Session]:
    with Session() as session:
        yield session


def test_a_device_sends_and_a_script_with_a_token_reads_what_is_of_its_facility(
    site: Deployment, shown: Session, tmp_path: Path
) -> None:
    require("storescu")
    site.device("MODALITY", NORTH, role="technologist", addresses=("127.0.0.1",))
    path = tmp_path / "one.dcm"
    one("1.2.7.9").save_as(path)
    command = ["storescu", "-aet", "MODALITY", "-aec", "NORTH", "127.0.0.1", str(site.listener.port), str(path)]
    subprocess.run(command, check=True, timeout=30)
    token = site.token(site.account("robot", RoleAt("service", NORTH)), "query", "read")
    shown.headers["Authorization"] = f"Bearer {token}"
    client = DICOMwebClient(f"{site.url}/dicom-web", session=shown)
    assert {study["0020000D"]["Value"][0] for study in client.search_for_studies()} == {NORTHERN, "1.2.7.9"}
    assert client.retrieve_instance("1.2.7.9", "1.2.7.9.1", "1.2.7.9.1.1").SOPInstanceUID == "1.2.7.9.1.1"
    with pytest.raises(HTTPError, match="404"):
        client.retrieve_instance(SOUTHERN, f"{SOUTHERN}.1", f"{SOUTHERN}.1.1")
    stored = site.lines(kind="store", actor="MODALITY")
    assert [(line["study_instance_uid"], line["door"]) for line in stored] == [("1.2.7.9", "dimse")]
    read = site.lines(kind="read", actor="robot")
    assert [line["study_instance_uid"] for line in read] == ["1.2.7.9"]


def test_a_kept_answer_is_given_to_nobody_else_and_not_after_a_share_was_taken_back(site: Deployment) -> None:
    site.keep(SOUTH, *(one(f"1.2.8.{number}", PatientID="SHARED") for number in range(MANY)))
    root = site.client(token=site.token(site.account("south", RoleAt("radiologist", SOUTH))))
    ann = site.client(token=site.token(site.account("ann", RoleAt("teacher", NORTH))))
    bob = site.client(token=site.token(site.account("bob", RoleAt("teacher", NORTH))))
    root.post("/api/consents", json={"patient_id": "SHARED", "purpose": "teaching", "is_given": True})
    given = [
        root.post("/api/shares", json={"study": f"1.2.8.{number}", "account": "ann"}).json()["id"]
        for number in range(MANY)
    ]
    address = "/dicom-web/instances?includefield=all"
    first = ann.get(address)
    assert len(answers(first)) == MANY
    assert len(first.content) > 8192
    assert len(answers(ann.get(address))) == MANY  # from what is kept
    assert answers(bob.get(address)) == []
    assert root.delete(f"/api/shares/{given[0]}").status_code == 204
    assert len(answers(ann.get(address))) == MANY - 1
    assert site.lines(kind="query", actor="ann")


def test_a_study_in_part_shows_nothing_of_the_rest(site: Deployment) -> None:
    site.keep(
        SOUTH,
        one(
            SOUTHERN,
            SeriesInstanceUID="1.2.7.2.2",
            SOPInstanceUID="1.2.7.2.2.1",
            ReceiveCoilName="rest",
            Modality="SR",
        ),
    )
    root = site.client(token=site.token(site.account("south", RoleAt("radiologist", SOUTH))))
    ann = site.client(token=site.token(site.account("ann", RoleAt("technologist", NORTH))))
    body = {"study": SOUTHERN, "series": "1.2.7.2.2", "account": "ann"}
    assert root.post("/api/shares", json=body).status_code == 201
    found = answers(ann.get(f"/dicom-web/studies/{SOUTHERN}/series"))
    assert [one["0020000E"]["Value"] for one in found] == [["1.2.7.2.2"]]
    assert ann.get(f"/dicom-web/studies/{SOUTHERN}/series/{SOUTHERN}.1/metadata").status_code == 404
    assert len(ann.get(f"/dicom-web/studies/{SOUTHERN}/metadata").json()) == 1
    (study,) = answers(ann.get(f"/dicom-web/studies?StudyInstanceUID={SOUTHERN}&includefield=00181250"))
    assert study["00181250"]["Value"] == ["rest"]  # of the part that is theirs
    assert study["00201206"]["Value"] == [1]
    assert study["00201208"]["Value"] == [1]
    assert study["00080061"]["Value"] == ["SR"]
    assert answers(ann.get(f"/dicom-web/studies?SeriesInstanceUID={SOUTHERN}.1")) == []
    assert len(answers(ann.get("/dicom-web/studies?ModalitiesInStudy=MR"))) == 1  # of the north
    for modality, number in (("MR", 0), ("SR", 1)):
        asked = f"/dicom-web/studies?StudyInstanceUID={SOUTHERN}&ModalitiesInStudy={modality}"
        assert len(answers(ann.get(asked))) == number
    (patient,) = answers(ann.get("/dicom-web/patients?PatientID=PARTLY"))
    assert [patient[tag]["Value"] for tag in ("00201200", "00201202", "00201204")] == [[1], [1], [1]]


def test_who_does_not_consent_is_not_exported(site: Deployment) -> None:
    radiologist = site.client(token=site.token(site.account("rad", RoleAt("radiologist", NORTH))))
    zipped = {"accept": "application/zip"}
    assert radiologist.get(f"/dicom-web/studies/{NORTHERN}", headers=zipped).status_code == 200
    patient = answers(radiologist.get("/dicom-web/studies"))[0]["00100020"]["Value"][0]
    body = {"patient_id": patient, "purpose": "export", "is_given": False}
    assert radiologist.post("/api/consents", json=body).status_code == 204
    refused = radiologist.get(f"/dicom-web/studies/{NORTHERN}", headers=zipped)
    assert refused.status_code == 403
    assert radiologist.get(f"/dicom-web/studies/{NORTHERN}").status_code == 200  # to look at, they may
    technologist = site.client(token=site.token(site.account("tec", RoleAt("technologist", NORTH))))
    assert technologist.get(f"/dicom-web/studies/{NORTHERN}", headers=zipped).status_code == 403
    assert [line["study_instance_uid"] for line in site.lines(kind="export")] == [NORTHERN]
