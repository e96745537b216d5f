"""QIDO-RS beyond finding: required and included attributes, order, totals, XML, ranges of instants, big answers."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator

import httpx
import pytest
from pydicom.dataset import Dataset

from support.instances import instance
from support.web import WebServer, parts_of, serving, stow

NATIVE = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"
STUDY_TAGS = [
    "00080020",
    "00080030",
    "00080050",
    "00080061",
    "00080090",
    "00100010",
    "00100020",
    "00100030",
    "00100040",
    "0020000D",
    "00200010",
    "00201206",
    "00201208",
    "00080056",
    "00081190",
]
SERIES_TAGS = [
    "00080060",
    "0008103E",
    "0020000E",
    "00200011",
    "00201209",
    "00400244",
    "00400245",
    "00400275",
    "00081190",
]
INSTANCE_TAGS = [
    "00080016",
    "00080018",
    "00080056",
    "00200013",
    "00280008",
    "00280010",
    "00280011",
    "00280100",
    "00081190",
]


def dataset(**values: object) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    """Three studies, the first with a private attribute, a sequence and attributes that the index does not hold."""
    first = dataset(StudyDate="20260105", StudyTime="180000", BodyPartThickness="12", ExposureTime="7")
    first.private_block(0x0009, "ACME 1", create=True).add_new(0x01, "LO", "secret")
    first.AnatomicRegionSequence = [dataset(CodeValue="T-1", CodeMeaning="Knee")]
    first.RequestAttributesSequence = [dataset(StudyDate="19990101", AccessionNumber="in the item")]
    second = dataset(StudyDate="20260106", StudyTime="070000")
    third = dataset(StudyDate="20260106", StudyTime="190000")
    with serving(tmp_path_factory.mktemp("full") / "data") as running:
        files = [
            instance(study="1.1", uid="1.1.1.1", patient_id="A", name="N^A", more=first),
            instance(study="1.2", uid="1.2.1.1", patient_id="B", name="N^C", more=second),
            instance(study="1.3", uid="1.3.1.1", patient_id="C", name="N^B", more=third),
        ]
        assert stow(running, files).status_code == 200
        yield running


def get(server: WebServer, path: str, accept: str = "application/dicom+json", **parameters: str) -> httpx.Response:
    return httpx.get(f"{server.dicom_web}{path}", params=parameters, headers={"accept": accept})


def patients(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return "".join(one["00100020"]["Value"][0] for one in answer.json())


@pytest.mark.parametrize(
    ("path", "tags"),
    [
        ("/studies", STUDY_TAGS),
        ("/studies/1.1/series", SERIES_TAGS),
        ("/series", [*SERIES_TAGS, *STUDY_TAGS[:-2]]),
        ("/studies/1.2/series/1.2.1/instances", INSTANCE_TAGS),
        ("/instances", [*INSTANCE_TAGS, *SERIES_TAGS[:-1], *STUDY_TAGS[:-2]]),
    ],
)
def test_required_attributes_are_there_without_value_where_it_is_not_known(
    server: WebServer, path: str, tags: list[str]
) -> None:
    for answer in get(server, path).json():
        assert set(tags) <= set(answer)


def test_an_attribute_in_an_item_does_not_stand_for_one_at_the_top(server: WebServer) -> None:
    (answer,) = get(server, "/series", PatientID="A").json()
    assert answer["00400275"]["Value"][0]["00080050"]["Value"] == ["in the item"]
    assert answer["00080050"] == {"vr": "SH"}


def test_attributes_that_the_index_does_not_hold_come_from_the_headers(server: WebServer) -> None:
    fields = "ExposureTime,00091001,AnatomicRegionSequence.CodeMeaning,PixelData"
    (answer,) = get(server, "/instances", PatientID="A", includefield=fields).json()
    assert answer["00181150"]["Value"] == [7]
    assert answer["00091001"]["Value"] == ["secret"]
    assert answer["00090010"]["Value"] == ["ACME 1"]
    assert answer["00082218"]["Value"] == [{"00080104": {"vr": "LO", "Value": ["Knee"]}}]
    assert list(answer["7FE00010"]) == ["vr"]
    assert list(answer) == sorted(answer)


def test_an_included_attribute_that_an_instance_lacks_comes_without_value(server: WebServer) -> None:
    (answer,) = get(server, "/studies/1.2/instances", includefield="ExposureTime").json()
    assert answer["00181150"] == {"vr": "IS"}


def test_attributes_of_a_level_below_are_not_in_an_answer(server: WebServer) -> None:
    (answer,) = get(server, "/studies", PatientID="A", includefield="InstanceNumber,SeriesNumber").json()
    assert not {"00200013", "00200011"} & set(answer)


@pytest.mark.parametrize(
    ("orderby", "order"), [("StudyDate,-PatientName", "ABC"), ("-StudyDate,PatientName", "CBA"), ("-00100020", "CBA")]
)
def test_answers_are_sorted_as_asked(server: WebServer, orderby: str, order: str) -> None:
    assert patients(get(server, "/studies", orderby=orderby)) == order


@pytest.mark.parametrize("orderby", ["PixelSpacing", "Nonsense"])
def test_an_order_that_cannot_be_is_400_and_named(server: WebServer, orderby: str) -> None:
    answer = get(server, "/studies", orderby=orderby)
    assert answer.status_code == 400
    assert orderby in answer.json()["detail"]


@pytest.mark.parametrize(
    ("parameters", "total"),
    [({}, "3"), ({"limit": "1"}, "3"), ({"offset": "2"}, "3"), ({"offset": "9"}, "3"), ({"limit": "0"}, "3")],
)
def test_the_total_is_told_whatever_page_is_asked_for(
    server: WebServer, parameters: dict[str, str], total: str
) -> None:
    assert get(server, "/studies", **parameters).headers["x-total-count"] == total


def test_a_total_that_is_not_known_is_not_told(server: WebServer) -> None:
    answer = get(server, "/studies", PatientName="N^*", limit="1")
    assert "x-total-count" not in answer.headers


def test_a_date_range_and_a_time_range_of_one_form_are_one_range(server: WebServer) -> None:
    assert (
        patients(get(server, "/studies", StudyDate="20260105-20260106", StudyTime="1700-0800", orderby="PatientID"))
        == "AB"
    )
    assert patients(get(server, "/studies", StudyDate="20260105-", StudyTime="1830-", orderby="PatientID")) == "BC"


def test_ranges_of_other_forms_are_each_for_itself(server: WebServer) -> None:
    assert patients(get(server, "/studies", StudyDate="20260105-", StudyTime="1700-1900", orderby="PatientID")) == "AC"


def test_a_search_in_xml_says_the_same_in_a_part_each(server: WebServer) -> None:
    for accept in ('multipart/related; type="application/dicom+xml"', "application/dicom+xml"):
        answer = get(server, "/studies", accept, orderby="PatientID")
        assert answer.headers["content-type"].startswith('multipart/related; type="application/dicom+xml"')
        documents = [ET.fromstring(data) for _, data in parts_of(answer)]
        path = f"{NATIVE}DicomAttribute[@keyword='PatientID']/{NATIVE}Value"
        assert [document.findtext(path) for document in documents] == ["A", "B", "C"]


def test_nothing_found_is_200_without_parts_in_xml(server: WebServer) -> None:
    answer = get(server, "/studies", "application/dicom+xml", PatientID="nobody")
    assert (answer.status_code, parts_of(answer)) == (200, [])


def test_metadata_in_xml_has_the_attributes_that_json_has(server: WebServer) -> None:
    answer = get(server, "/studies/1.1/metadata", "application/dicom+xml")
    ((headers, data),) = parts_of(answer)
    assert headers["content-type"] == "application/dicom+xml"
    (as_json,) = get(server, "/studies/1.1/metadata").json()
    assert [node.attrib["tag"] for node in ET.fromstring(data)] == sorted(as_json)
    etag = {"if-none-match": answer.headers["etag"], "accept": "application/dicom+xml"}
    assert httpx.get(f"{server.dicom_web}/studies/1.1/metadata", headers=etag).status_code == 304


def test_an_empty_value_and_several_values_match_as_the_parameters_say(server: WebServer) -> None:
    assert (
        patients(get(server, "/studies", AccessionNumber='""', emptyvaluematching="true", orderby="PatientID")) == "ABC"
    )
    assert get(server, "/studies", AccessionNumber='""', emptyvaluematching="false").status_code == 400
    assert (
        patients(get(server, "/studies", PatientID="A\\C", multiplevaluematching="true", orderby="PatientID")) == "AC"
    )


def test_patients_are_found_too(server: WebServer) -> None:
    assert patients(get(server, "/patients", orderby="PatientID")) == "ABC"


def test_a_big_answer_is_whole_when_it_is_streamed(server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = get(server, "/studies", orderby="PatientID")
    monkeypatch.setattr("sagittal.dicomweb.search._WHOLE_ANSWERS", 2)
    streamed = get(server, "/studies", orderby="PatientID")
    assert streamed.json() == whole.json()
    assert "content-length" not in streamed.headers
    assert streamed.headers["x-total-count"] == "3"
    assert patients(get(server, "/studies", PatientName="N^*", orderby="PatientID")) == "ABC"
