import xml.etree.ElementTree as ET

import msgspec
import pytest
from pydicom import Dataset

from sagittal.archive.model import Stored
from sagittal.dicom.identifiers import InstanceUID, SeriesUID, SOPClassUID, StudyUID
from sagittal.dicomweb.exchange import Answer
from sagittal.dicomweb.store_answer import Outcome, answer_stored, failed, kept
from sagittal.errors import Exhausted, Invalid, Refused

BASE = "http://h/dicom-web"


def stored(outcome: str, study: str = "1.2") -> Outcome:
    return kept(
        Stored(
            outcome=outcome,  # type: ignore[arg-type]  # a literal, from the tests' parameters
            study_instance_uid=StudyUID(study),
            series_instance_uid=SeriesUID("1.3"),
            sop_instance_uid=InstanceUID("1.4"),
            sop_class_uid=SOPClassUID("1.5"),
        )
    )


def answer(*outcomes: Outcome, study: str = "", broken: Exception | None = None) -> Answer:
    return answer_stored(outcomes, BASE, study, "application/dicom+json", broken, "id")


def dataset(answer: Answer) -> Dataset:
    assert isinstance(answer.body, bytes)
    return Dataset.from_json(answer.body.decode())


@pytest.mark.parametrize("outcome", ["stored", "duplicate"])
def test_what_is_here_now_or_was_before_is_referenced(outcome: str) -> None:
    found = answer(stored(outcome))
    assert found.status == 200
    item = dataset(found).ReferencedSOPSequence[0]
    assert (item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID) == ("1.5", "1.4")
    assert item.RetrieveURL == f"{BASE}/studies/1.2/series/1.3/instances/1.4"
    assert dataset(found).RetrieveURL == f"{BASE}/studies/1.2"


def test_another_object_under_a_known_uid_is_kept_beside_with_a_warning_and_no_url() -> None:
    found = answer(stored("conflict"))
    assert found.status == 202
    item = dataset(found).ReferencedSOPSequence[0]
    assert item.WarningReason == 0xB000
    assert "RetrieveURL" not in item


def test_some_kept_and_some_not_is_202_with_both_lists() -> None:
    found = answer(stored("stored"), failed(Invalid("x"), "1.5", "1.6"), failed(Refused("x")))
    assert found.status == 202
    assert [item.ReferencedSOPInstanceUID for item in dataset(found).ReferencedSOPSequence] == ["1.4"]
    item = dataset(found).FailedSOPSequence[0]
    assert (item.ReferencedSOPInstanceUID, item.FailureReason) == ("1.6", 0xC000)
    assert dataset(found)["OtherFailuresSequence"][0].FailureReason == 0xA700


def test_nothing_kept_is_409_or_503_when_only_room_is_missing() -> None:
    assert answer(failed(Invalid("x")), failed(Exhausted("x"))).status == 409
    assert answer(failed(Exhausted("x"))).status == 503


def test_a_body_without_instances_is_400() -> None:
    assert answer().status == 400
    assert answer(broken=Exhausted("slow")).status == 503


def test_a_body_that_broke_off_after_an_instance_is_202_with_a_warning() -> None:
    found = answer(stored("stored"), broken=Invalid('no "boundary"'))
    assert found.status == 202
    assert dict(found.headers)["warning"] == '299 sagittal "the body broke off: no boundary"'


def test_instances_of_several_studies_have_no_common_url() -> None:
    assert "RetrieveURL" not in dataset(answer(stored("stored"), stored("stored", study="1.9")))


def test_the_answer_in_xml_says_the_same() -> None:
    outcomes = [stored("stored"), failed(Invalid("x"), "1.5", "a<b")]
    found = answer_stored(outcomes, BASE, "1.2", "application/dicom+xml", None, "id")
    assert isinstance(found.body, bytes)
    root = ET.fromstring(found.body)
    assert root.tag.endswith("}NativeDicomModel")
    url = root.find("{*}DicomAttribute[@tag='00081190'][@vr='UR'][@keyword='RetrieveURL']/{*}Value[@number='1']")
    assert url is not None
    assert url.text == f"{BASE}/studies/1.2"
    failure = root.find(
        "{*}DicomAttribute[@tag='00081198']/{*}Item[@number='1']/{*}DicomAttribute[@tag='00081155']/{*}Value"
    )
    assert failure is not None
    assert failure.text == "a<b"


def test_the_answer_is_json_of_attributes_in_ascending_order() -> None:
    found = answer(stored("stored"), failed(Invalid("x"), "1.5", "1.6"))
    assert isinstance(found.body, bytes)
    tags = list(msgspec.json.decode(found.body))
    assert tags == sorted(tags)
