"""What legal holds keep from being purged: a study, or all of a patient."""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from sagittal.access import consent
from sagittal.access.consent import Of
from sagittal.archive.headers import Headers
from sagittal.archive.index.standing import Lying
from sagittal.archive.index.writer import IndexWriter
from sagittal.archive.records.records import Records
from sagittal.dicom import json_model
from sagittal.dicom.dataset import Header
from sagittal.errors import Refused

_REJECTED: Final = (
    "SELECT study_instance_uid, pack, file_offset, file_length, data_set_offset, transfer_syntax_uid, sop_class_uid"
    " FROM rejected WHERE rejection = ? AND purge IS NULL GROUP BY study_instance_uid, series_instance_uid"
)
_PATIENT_ID, _ISSUER = "00100020", "00100021"


def require_no_hold(index: IndexWriter, records: Records, packs: Path, rejection: int) -> None:
    """Raises Refused if something of a rejection is held. For the committing thread.

    What is rejected is in no row of a study or patient any more: whose it is, its files say. One that cannot be read
    might be of any patient, and stays while any patient is held.
    """
    if not records.write_now(lambda connection: consent.every_hold(connection, 1)):
        return
    with Headers(packs, lambda: index.values.wanted) as headers:
        found = {_of(study, headers.read(Lying(*where))) for study, *where in index.fetch(_REJECTED, (rejection,))}

    def check(connection: Connection) -> None:
        for of in found:
            if of.patient_id == _UNKNOWN and consent.is_a_patient_held(connection):
                raise Refused(f"study {of.study_instance_uid} may be of a patient who is held: it cannot be read")
            consent.require_no_hold(connection, of)

    records.write_now(check)


def _of(study: str, header: Header | None) -> Of:
    if header is None:
        return Of(study, _UNKNOWN, "")
    said = json_model.encode_elements(header.elements, header.encoding)
    return Of(study, _first(said, _PATIENT_ID), _first(said, _ISSUER))


def _first(said: json_model.JsonDataset, tag: str) -> str:
    element = said.get(tag)
    return "\\".join(str(value) for value in element.get("Value", [])) if element else ""


_UNKNOWN: Final = "\0"
