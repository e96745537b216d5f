"""Standardized uptake by body weight: where it may be told, and how much it is."""

import math

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from sagittal.dicom import json_model
from sagittal.imaging.describing import described
from sagittal.imaging.uptake import Uptake, uptake
from support.shared import SHARED, shared

PER_HALF = 70_000 / (350e6 / 2)


def pet(**said: object) -> Dataset:
    """An hour, one half-life, after the injection."""
    one, drug = Dataset(), Dataset()
    one.Modality, one.Units, one.DecayCorrection = "PT", "BQML", "START"
    one.CorrectedImage = ["ATTN", "DECY", "SCAT"]
    one.PatientWeight = 70
    one.SeriesDate, one.SeriesTime = "20260101", "110000"
    one.AcquisitionDate, one.AcquisitionTime = "20260101", "110500"
    drug.RadiopharmaceuticalStartTime = "100000"
    drug.RadionuclideTotalDose, drug.RadionuclideHalfLife = 350e6, 3600
    one.RadiopharmaceuticalInformationSequence = Sequence([drug])
    for keyword, value in said.items():
        setattr(one if keyword in one or keyword not in drug else drug, keyword, value)
    return one


def of(one: Dataset) -> Uptake:
    return uptake(json_model.loads(one.to_json().encode())[0])


def factor_of(one: Dataset) -> float:
    found = of(one)
    assert found.missing == ""
    assert found.factor is not None
    return found.factor


def test_decay_is_counted_from_the_injection_to_the_series() -> None:
    assert factor_of(pet()) == pytest.approx(PER_HALF)


def test_values_corrected_to_the_injection_are_of_the_whole_dose() -> None:
    assert factor_of(pet(DecayCorrection="ADMIN")) == pytest.approx(PER_HALF / 2)


@pytest.mark.parametrize(
    ("keyword", "value", "missing"),
    [
        ("DecayCorrection", "NONE", "decay"),
        ("CorrectedImage", ["DECY"], "corrections"),
        ("PatientWeight", None, "weight"),
        ("RadiopharmaceuticalInformationSequence", Sequence([]), "drug"),
        ("RadionuclideTotalDose", 0, "dose"),
        ("RadionuclideHalfLife", None, "half-life"),
        ("RadiopharmaceuticalStartTime", "", "injection"),
        ("SeriesTime", "120000", "times"),
        ("Units", "PROPCPS", "unit"),
        ("Units", "CNTS", "unit"),
    ],
)
def test_it_is_not_told_where_something_is_missing_which_is_named(keyword: str, value: object, missing: str) -> None:
    assert of(pet(**{keyword: value})) == Uptake(None, missing)  # type: ignore[arg-type]  # one of those that are


def test_values_that_are_uptake_already_stay_as_they_are_where_they_are_by_weight() -> None:
    assert of(pet(Units="GML")) == Uptake(1.0)
    assert of(pet(Units="GML", SUVType="BW")) == Uptake(1.0)
    assert of(pet(Units="GML", SUVType="LBM")) == Uptake(None, "other kind")


def test_of_a_series_dated_anew_the_scan_begins_when_a_private_element_of_ge_says() -> None:
    one = pet(SeriesTime="120000")
    one.private_block(0x0009, "GEMS_PETD_01", create=True).add_new(0x0D, "DT", "20260101110000.00")
    assert factor_of(one) == pytest.approx(PER_HALF)


def test_of_a_series_dated_anew_the_scan_begins_as_far_before_its_frame_as_that_says() -> None:
    one = pet(SeriesTime="120000")
    one.FrameReferenceTime, one.ActualFrameDuration = 420_000, 240_000
    constant = math.log(2) / 3600
    average_s = math.log(constant * 240 / (1 - math.exp(-constant * 240))) / constant
    assert average_s == pytest.approx(119.54, abs=0.01), "somewhat before the middle"
    waited_s = 3600 + 300 + average_s - 420
    assert factor_of(one) == pytest.approx(70_000 / (350e6 * 2 ** (-waited_s / 3600)))


def test_counts_of_philips_are_worth_what_its_private_elements_say() -> None:
    one = pet(Units="CNTS")
    block = one.private_block(0x7053, "Philips PET Private Group", create=True)
    block.add_new(0x09, "DS", "2.5")
    assert factor_of(one) == pytest.approx(2.5 * PER_HALF)
    block.add_new(0x00, "DS", "0.0003")
    assert factor_of(one) == pytest.approx(0.0003)


def test_the_day_before_counts_for_an_injection_before_midnight() -> None:
    one = pet(SeriesTime="003000", AcquisitionTime="003500", RadiopharmaceuticalStartTime="233000")
    assert factor_of(one) == pytest.approx(PER_HALF)


def test_viewers_are_told_the_factor_or_why_there_is_none() -> None:
    as_json = json_model.loads(pet(PatientWeight=None).to_json().encode())[0]
    assert described(as_json, 1)["no_suv"] == "weight"
    assert "suv" not in described(as_json, 1)


@shared
def test_a_real_image_without_attenuation_correction_has_none() -> None:
    one = dcmread(SHARED / "dicom/microsoft/Tools-for-Health-Data-Anonymization/1419e4feba_lung.dcm")
    assert of(Dataset({element.tag: element for element in one if element.tag.group < 0x7FE0})) == Uptake(
        None, "corrections"
    )
