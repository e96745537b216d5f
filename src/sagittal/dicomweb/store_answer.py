"""What STOW-RS answers: which instances are kept, which are not and why (PS3.18 Section 10.5.3, Annex I)."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from sagittal.archive.model import Stored
from sagittal.dicom import xml_model
from sagittal.dicom.json_model import JsonDataset, JsonElement
from sagittal.dicomweb.exchange import Answer
from sagittal.dicomweb.problems import problem, status_of
from sagittal.dicomweb.urls import resource_url
from sagittal.errors import Invalid
from sagittal.ingest import NotAnInstance

_COERCION_OF_DATA_ELEMENTS = 0xB000  # the warning nearest to "kept, but a person has to look", as DIMSE gives it too

_REFERENCED_SOP_CLASS_UID = "00081150"
_REFERENCED_SOP_INSTANCE_UID = "00081155"
_RETRIEVE_URL = "00081190"
_WARNING_REASON = "00081196"
_FAILURE_REASON = "00081197"
_FAILED_SOP_SEQUENCE = "00081198"
_REFERENCED_SOP_SEQUENCE = "00081199"
_OTHER_FAILURES_SEQUENCE = "0008119A"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one part.

    Attributes:
        state: `kept` also for what was here already; `kept beside` for another object under a UID that is here.
        sop_class_uid, sop_instance_uid: "" where the part could not be read so far.
        failure_reason: Failure Reason (0008,1197); 0 if kept.
        status: the HTTP status that the failure alone would have.
    """

    state: Literal["kept", "kept beside", "failed"]
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    series_instance_uid: str = ""
    study_instance_uid: str = ""
    failure_reason: int = 0
    status: int = 200


def kept(stored: Stored) -> Outcome:
    """The outcome of a commit."""
    return Outcome(
        state="kept beside" if stored.outcome == "conflict" else "kept",
        sop_class_uid=stored.sop_class_uid,
        sop_instance_uid=stored.sop_instance_uid,
        series_instance_uid=stored.series_instance_uid,
        study_instance_uid=stored.study_instance_uid,
    )


def failed(error: BaseException, sop_class_uid: str = "", sop_instance_uid: str = "") -> Outcome:
    """The outcome of a part that was not kept."""
    status = status_of(error)
    # What can be read and named is no bad syntax (PS3.18 Table 10.5.3-1): the instance is what is wrong.
    is_readable = bool(sop_instance_uid) or isinstance(error, NotAnInstance)
    code = 409 if status.code == 400 and is_readable else status.code
    return Outcome(
        state="failed",
        sop_class_uid=sop_class_uid,
        sop_instance_uid=sop_instance_uid,
        failure_reason=status.failure_reason,
        status=code,
    )


def answer_stored(
    outcomes: Sequence[Outcome], base_url: str, study: str, essence: str, broken: BaseException | None, request_id: str
) -> Answer:
    """The answer to a store request (PS3.18 Table 10.5.3-1).

    200 if all was kept, 202 if some was or a person has to look at it, 409 if nothing was for what the instances are,
    400 if nothing was DICOM at all, 415 if nothing was of a media type that is taken, 503 if nothing was for want of
    room. `broken` says why the body ended early; it is told in a Warning.
    """
    if not outcomes:
        return problem(broken or Invalid("a store brings at least one instance; the body has none"), request_id)
    dataset = _dataset(outcomes, base_url, study)
    is_json = "json" in essence
    body = msgspec.json.encode(dataset) if is_json else xml_model.encode(dataset)
    headers = [("content-type", essence)]
    if broken is not None:
        headers.append(("warning", f'299 sagittal "the body broke off: {_quotable(str(broken))}"'))
    return Answer(_status(outcomes, broken), tuple(headers), body)


def _status(outcomes: Sequence[Outcome], broken: BaseException | None) -> int:
    states = {outcome.state for outcome in outcomes}
    if states == {"failed"}:
        codes = {outcome.status for outcome in outcomes}
        return codes.pop() if codes in ({400}, {415}, {503}) else 409
    return 200 if states == {"kept"} and broken is None else 202


def _dataset(outcomes: Sequence[Outcome], base_url: str, study: str) -> JsonDataset:
    referenced = [_referenced(outcome, base_url) for outcome in outcomes if outcome.state != "failed"]
    refused = [outcome for outcome in outcomes if outcome.state == "failed"]
    named = [_failed_item(outcome) for outcome in refused if outcome.sop_instance_uid]
    unnamed: list[JsonDataset] = [_reason(outcome) for outcome in refused if not outcome.sop_instance_uid]
    dataset: JsonDataset = {}
    studies = {outcome.study_instance_uid for outcome in outcomes if outcome.state != "failed"}
    if study or len(studies) == 1:
        dataset[_RETRIEVE_URL] = _one("UR", resource_url(base_url, study or studies.pop()))
    if named:
        dataset[_FAILED_SOP_SEQUENCE] = {"vr": "SQ", "Value": [*named]}
    if referenced:
        dataset[_REFERENCED_SOP_SEQUENCE] = {"vr": "SQ", "Value": [*referenced]}
    if unnamed:
        dataset[_OTHER_FAILURES_SEQUENCE] = {"vr": "SQ", "Value": [*unnamed]}
    return dataset


def _referenced(outcome: Outcome, base_url: str) -> JsonDataset:
    """Where the instance is, or that it lies beside the one that is under its URL."""
    if outcome.state == "kept beside":
        return {**_names(outcome), _WARNING_REASON: _one("US", _COERCION_OF_DATA_ELEMENTS)}
    url = resource_url(base_url, outcome.study_instance_uid, outcome.series_instance_uid, outcome.sop_instance_uid)
    return {**_names(outcome), _RETRIEVE_URL: _one("UR", url)}


def _failed_item(outcome: Outcome) -> JsonDataset:
    return {**_names(outcome), **_reason(outcome)}


def _names(outcome: Outcome) -> JsonDataset:
    return {
        _REFERENCED_SOP_CLASS_UID: _one("UI", outcome.sop_class_uid),
        _REFERENCED_SOP_INSTANCE_UID: _one("UI", outcome.sop_instance_uid),
    }


def _reason(outcome: Outcome) -> JsonDataset:
    return {_FAILURE_REASON: _one("US", outcome.failure_reason)}


def _one(vr: str, value: str | int) -> JsonElement:
    return {"vr": vr, "Value": [value]}


def _quotable(text: str) -> str:
    return "".join(c for c in text[:200] if c.isascii() and c.isprintable() and c not in '"\\')
