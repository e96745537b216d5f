"""findscu, pynetdicom and dicomweb-client are told the same, whatever script a name is written in."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pydicom
import pytest
from dicomweb_client import DICOMwebClient
from pydicom.dataset import Dataset
from pynetdicom import AE

from support.archives import file_bytes, instance
from support.peers import require
from support.server import Server, running

STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
SHOWN = (
    "PatientID",
    "PatientName",
    "StudyInstanceUID",
    "StudyDate",
    "ModalitiesInStudy",
    "NumberOfStudyRelatedInstances",
)
Answer = tuple[tuple[str, ...], ...]

PEOPLE = {
    "LATIN1": ("ISO_IR 100", "Äneas^Rüdiger"),
    "GREEK": ("ISO_IR 126", "Διονυσιος"),
    "CYRILLIC": ("ISO_IR 144", "Люкceмбypг"),
    "ARABIC": ("ISO_IR 127", "قباني^لنزار"),
    "HEBREW": ("ISO_IR 138", "שרון^דבורה"),
    "JAPANESE": (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    "KOREAN": (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
    "CHINESE": ("GB18030", "Wang^XiaoDong=王^小东"),
    "UTF8": ("ISO_IR 192", "Wang^XiaoDong=王^小東"),
    "ASCII": (None, "Doe^Jane"),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("answers") / "data") as started:
        with httpx.Client(timeout=30) as client:
            for number, (patient_id, (character_set, name)) in enumerate(PEOPLE.items()):
                dataset = instance(PatientID=patient_id, StudyDate=f"202001{number + 1:02}")
                if character_set is not None:
                    dataset.SpecificCharacterSet = character_set
                dataset.PatientName = name
                answer = client.post(
                    f"{started.web}/studies",
                    content=file_bytes(dataset),
                    headers={"content-type": "application/dicom"},
                )
                assert answer.status_code == 200, answer.text
        yield started


def shown(dataset: Dataset) -> tuple[str, ...]:
    return tuple(str(dataset.get(keyword, "")).rstrip("=^") for keyword in SHOWN)


def by_findscu(server: Server, keys: dict[str, str], folder: Path) -> Answer:
    require("findscu")
    command = ["findscu", "-S", "-X", "-od", str(folder), "-aec", "SAGITTAL", "-k", "QueryRetrieveLevel=STUDY"]
    command += ["-k", "SpecificCharacterSet=ISO_IR 192"]
    for keyword in SHOWN:
        command += ["-k", f"{keyword}={keys.get(keyword, '')}"]
    subprocess.run([*command, "127.0.0.1", str(server.dicom_port)], check=True, timeout=30)
    return tuple(sorted(shown(pydicom.dcmread(file, force=True)) for file in folder.iterdir()))


def by_pynetdicom(server: Server, keys: dict[str, str], _: Path) -> Answer:
    client = AE()
    client.add_requested_context(STUDY_ROOT_FIND)
    association = client.associate("127.0.0.1", server.dicom_port)
    assert association.is_established
    query = Dataset()
    query.SpecificCharacterSet = "ISO_IR 192"
    query.QueryRetrieveLevel = "STUDY"
    for keyword in SHOWN:
        setattr(query, keyword, keys.get(keyword, ""))
    answers = [answer for _, answer in association.send_c_find(query, STUDY_ROOT_FIND) if answer is not None]
    association.release()
    return tuple(sorted(map(shown, answers)))


def by_dicomweb(server: Server, keys: dict[str, str], _: Path) -> Answer:
    client = DICOMwebClient(server.web)
    found = client.search_for_studies(search_filters=keys, fields=list(SHOWN))
    return tuple(sorted(shown(Dataset.from_json(answer)) for answer in found))


PEERS: dict[str, Callable[[Server, dict[str, str], Path], Answer]] = {
    "findscu": by_findscu,
    "pynetdicom": by_pynetdicom,
    "dicomweb-client": by_dicomweb,
}


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("patient_id", PEOPLE)
def test_a_name_is_told_as_it_was_written(server: Server, tmp_path: Path, peer: str, patient_id: str) -> None:
    (answer,) = PEERS[peer](server, {"PatientID": patient_id}, tmp_path)
    assert answer[1] == PEOPLE[patient_id][1]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"PatientName": "*"}, set(PEOPLE)),
        ({"PatientName": "aneas*"}, {"LATIN1"}),
        ({"PatientName": "山田*"}, {"JAPANESE"}),
        ({"PatientName": "люк*"}, {"CYRILLIC"}),
        ({"PatientName": "ΔΙΟΝΥΣ*"}, {"GREEK"}),
        ({"PatientName": "Wang*"}, {"CHINESE", "UTF8"}),
        ({"StudyDate": "20200103-20200105"}, {"CYRILLIC", "ARABIC", "HEBREW"}),
        ({"PatientID": "?REEK"}, {"GREEK"}),
        ({"ModalitiesInStudy": "CT"}, set()),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_all_peers_are_told_the_same(server: Server, tmp_path: Path, keys: dict[str, str], expected: set[str]) -> None:
    answers = {}
    for name, ask in PEERS.items():
        folder = tmp_path / name
        folder.mkdir()
        answers[name] = ask(server, keys, folder)
    assert {answer[0] for answer in answers["pynetdicom"]} == expected
    assert answers["findscu"] == answers["pynetdicom"] == answers["dicomweb-client"]
