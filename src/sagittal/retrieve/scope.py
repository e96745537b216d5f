"""Which instances a request names."""

import time
from collections.abc import Collection

import msgspec
from sqlalchemy import Connection

from sagittal.access import consent
from sagittal.access.asking import ask
from sagittal.archive.model import StoredInstance
from sagittal.archive.reader import ArchiveReader
from sagittal.dicom.identifiers import InstanceUID, SeriesUID, StudyUID
from sagittal.errors import Corrupt, NotFound, Refused
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.witness import Access


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the archive: every given UID must hold. None of a level means all of it."""

    study: StudyUID | None = None
    series: SeriesUID | None = None
    instance: InstanceUID | None = None


async def locate(
    archive: ArchiveReader, actor: Actor, scope: Scope, deadline: Deadline, access: Access = "read"
) -> tuple[StoredInstance, ...]:
    """The instances in `scope` that the actor may have, by series, then Instance Number.

    Whoever is given them here may be given their bytes: the policy has been asked, and the ledger told.

    Args:
        archive: where they are.
        actor: who asks.
        scope: for what.
        deadline: for the answer.
        access: what is going to be done with them.

    Raises:
        Refused: the actor may do that to nothing, or a patient does not consent to an export.
        NotFound: there is none, or none that they may have.
    """
    deadline.check("looking up instances")
    allowed = ask(archive.witness, actor, access)
    async with deadline.timeout():
        found = await archive.locate(study=scope.study, series=scope.series, instance=scope.instance, allowed=allowed)
        if not found:
            raise NotFound(f"nothing is kept under {_named(scope)}")
        studies = {instance.study_instance_uid for instance in found}
        if access == "export":
            await _require_consent(archive, actor, studies)
        await archive.witness.accessed(actor, access, studies)
    return found


async def _require_consent(archive: ArchiveReader, actor: Actor, studies: Collection[str]) -> None:
    """Raises Refused if a patient has said no to exports."""
    rows = await archive.fetch(_PATIENTS, (msgspec.json.encode(sorted(studies)).decode(),))
    patients = [consent.Of(*row) for row in rows]
    now_ns = time.time_ns()

    def check(connection: Connection) -> None:
        for patient in patients:
            consent.require_consent(connection, patient, "export", now_ns)

    try:
        await archive.records.read(check)
    except Refused:
        archive.witness.refused(actor, "export")
        raise


_PATIENTS = (
    "SELECT study_instance_uid, patient_id, issuer FROM studies"
    " WHERE study_instance_uid IN (SELECT value FROM json_each(?))"
)


def intact(found: tuple[StoredInstance, ...]) -> tuple[StoredInstance, ...]:
    """Those of `found` that are not known to be damaged, for answers that can only give an instance or break off.

    Raises:
        Corrupt: every one of them is damaged.
    """
    whole = tuple(instance for instance in found if not instance.is_corrupt)
    if not whole:
        raise Corrupt(f"instance {found[0].sop_instance_uid} is damaged in pack {found[0].pack_id}")
    return whole


def _named(scope: Scope) -> str:
    levels = (("study", scope.study), ("series", scope.series), ("instance", scope.instance))
    return ", ".join(f"{level} {uid}" for level, uid in levels if uid) or "the whole archive"
