"""Standardized uptake values by body weight, of PET images (PS3.3 Section C.8.9; the profile of QIBA for FDG-PET/CT).

What is not said, or is said of another kind, gives none: `Uptake.missing` names what is missing.
"""

import math
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from sagittal.dicom.json_model import JsonDataset
from sagittal.imaging.render.attributes import items, number, text, texts

Missing = Literal[
    "", "corrections", "decay", "drug", "dose", "half-life", "weight", "injection", "times", "unit", "other kind"
]
"""What stands in the way: corrections for attenuation and decay, to when decay is corrected, and so on."""

_GE, _PHILIPS = "GEMS_PETD_01", "Philips PET Private Group"
_MOST_HALF_LIVES: Final = 100


class Uptake(NamedTuple):
    """What rescaled values are multiplied by to be g/ml; None where they cannot be, and for want of what."""

    factor: float | None
    missing: Missing = ""


def uptake(dataset: JsonDataset) -> Uptake:
    """Of a PET image."""
    unit = text(dataset, "00541001")
    if unit == "GML":
        return Uptake(1.0) if text(dataset, "00541006") in ("", "BW") else Uptake(None, "other kind")
    corrections = texts(dataset, "00280051")
    if corrections and not {"ATTN", "DECY"} <= set(corrections):
        return Uptake(None, "corrections")
    if unit == "CNTS":
        return _of_counts(dataset)
    return _of_activity(dataset, 1.0) if unit == "BQML" else Uptake(None, "unit")


def _of_counts(dataset: JsonDataset) -> Uptake:
    """Philips says in private elements what its counts are worth: in SUV, else in Bq/ml."""
    direct = _private(dataset, "7053", _PHILIPS, "00")
    if direct > 0:
        return Uptake(direct)
    activity = _private(dataset, "7053", _PHILIPS, "09")
    return _of_activity(dataset, activity) if activity > 0 else Uptake(None, "unit")


def _private(dataset: JsonDataset, group: str, creator: str, element: str) -> float:
    tag = _private_tag(dataset, group, creator, element)
    return number(dataset, tag, 0.0) if tag else 0.0


def _private_tag(dataset: JsonDataset, group: str, creator: str, element: str) -> str:
    """Where a private element lies (PS3.5 Section 7.8.1); `""` without its creator."""
    blocks = (f"{block:02X}" for block in range(0x10, 0x100) if text(dataset, f"{group}00{block:02X}") == creator)
    return next((f"{group}{block}{element}" for block in blocks), "")


def _of_activity(dataset: JsonDataset, becquerel: float) -> Uptake:
    drug = next(iter(items(dataset, "00540016")), None)
    decay = text(dataset, "00541102")
    if decay not in ("START", "ADMIN"):
        return Uptake(None, "decay")
    if drug is None:
        return Uptake(None, "drug")
    weight_kg, dose_bq = number(dataset, "00101030", 0.0), number(drug, "00181074", 0.0)
    if weight_kg <= 0 or dose_bq <= 0:
        return Uptake(None, "weight" if weight_kg <= 0 else "dose")
    if decay == "START":
        remains = _remaining(dataset, drug)
        if isinstance(remains, str):
            return Uptake(None, remains)
        dose_bq *= remains
    return Uptake(becquerel * weight_kg * 1000 / dose_bq)


def _remaining(dataset: JsonDataset, drug: JsonDataset) -> float | Missing:
    """Which part of the dose is left at the time to which values are corrected."""
    half_life_s = number(drug, "00181075", 0.0)
    if half_life_s <= 0:
        return "half-life"
    scanned = _scanned(dataset, half_life_s)
    if scanned is None:
        return "times"
    given = _given(drug, scanned)
    if given is None:
        return "injection"
    waited_s = (scanned - given).total_seconds()
    return float(2 ** (-waited_s / half_life_s)) if 0 <= waited_s < _MOST_HALF_LIVES * half_life_s else "times"


def _scanned(dataset: JsonDataset, half_life_s: float) -> datetime | None:
    """When the scan began.

    That is the series time unless it is after the acquisition: then it was set anew by what made the series. GE tells
    the time in a private element; else it follows from when the frame was at its average.
    """
    begun = _moment(text(dataset, "00080021"), text(dataset, "00080031"))
    acquired = _moment(text(dataset, "00080022"), text(dataset, "00080032"))
    if begun is not None and (acquired is None or begun <= acquired):
        return begun
    said = text(dataset, _private_tag(dataset, "0009", _GE, "0D") or "0009100D")
    if said and _private_tag(dataset, "0009", _GE, "0D"):
        return _moment(said[:8], said[8:14])
    reference_s, duration_s = number(dataset, "00541300", 0.0) / 1000, number(dataset, "00181242", 0.0) / 1000
    if acquired is None or duration_s <= 0:
        return None
    constant = math.log(2) / half_life_s
    average_s = math.log(constant * duration_s / -math.expm1(-constant * duration_s)) / constant
    return acquired + timedelta(seconds=average_s - reference_s)


def _given(drug: JsonDataset, scanned: datetime) -> datetime | None:
    """When the radiopharmaceutical was given; a time without a date is of the day of the scan or the one before."""
    whole = text(drug, "00181078")
    if whole:
        return _moment(whole[:8], whole[8:14])
    given = _moment(f"{scanned:%Y%m%d}", text(drug, "00181072"))
    return given - timedelta(days=1) if given is not None and given > scanned else given


def _moment(date: str, time: str) -> datetime | None:
    if not time:
        return None
    try:
        return datetime.strptime(date + time[:6].ljust(6, "0"), "%Y%m%d%H%M%S")  # noqa: DTZ007  # differences only
    except ValueError:
        return None
