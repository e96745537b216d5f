"""How the ledger names the patient of a study: by a keyed hash of Patient ID and issuer."""

from collections.abc import Collection
from typing import Final, NamedTuple

import msgspec

from sagittal.archive.archive import Archive
from sagittal.audit.line import hash_of_patient

_REMEMBERED: Final = 4096
_STUDIES: Final = (
    "SELECT study_instance_uid, patient_id, issuer, facility FROM studies"
    " WHERE study_instance_uid IN (SELECT value FROM json_each(?))"
)
_EARLIER: Final = (
    "SELECT study_instance_uid, max(patient), max(facility) FROM ledger"
    " WHERE patient <> '' AND study_instance_uid IN (SELECT value FROM json_each(?)) GROUP BY study_instance_uid"
)


class Named(NamedTuple):
    """The patient's hash and the facility of a study; `""` where they are not known."""

    patient: str
    facility: str


class Naming:
    """Remembers the names of the studies that were asked for last."""

    def __init__(self, archive: Archive, key: bytes) -> None:
        self._archive = archive
        self._key = key
        self._known: dict[str, Named] = {}

    async def of(self, studies: Collection[str]) -> dict[str, Named]:
        """The names of studies; of those that are gone, as earlier lines have them."""
        missing = [study for study in studies if study and study not in self._known]
        if missing:
            await self._look_up(missing)
        names = {study: self._known.get(study, Named("", "")) for study in studies}
        while len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]
        return names

    async def _look_up(self, studies: Collection[str]) -> None:
        for study, patient_id, issuer, facility in await self._archive.fetch(_STUDIES, (_json(studies),)):
            self._known[study] = Named(hash_of_patient(self._key, patient_id, issuer), facility)
        gone = [study for study in studies if study not in self._known]
        if gone:
            for study, patient, facility in await self._archive.records.fetch(_EARLIER, (_json(gone),)):
                self._known[study] = Named(patient, facility)


def _json(studies: Collection[str]) -> str:
    return msgspec.json.encode(list(studies)).decode()
