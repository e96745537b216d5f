"""Which instances a request names."""

import msgspec

from sagittal.archive.model import StoredInstance
from sagittal.archive.reader import ArchiveReader
from sagittal.dicom.identifiers import InstanceUID, SeriesUID, StudyUID
from sagittal.errors import Corrupt, NotFound
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the archive: every given UID must hold. None of a level means all of it."""

    study: StudyUID | None = None
    series: SeriesUID | None = None
    instance: InstanceUID | None = None


async def locate(archive: ArchiveReader, actor: Actor, scope: Scope, deadline: Deadline) -> tuple[StoredInstance, ...]:
    """The instances in `scope`, by series, then Instance Number.

    Raises:
        NotFound: there is none.
    """
    del actor  # becomes a question to the policy and a line in the ledger
    deadline.check("looking up instances")
    async with deadline.timeout():
        found = await archive.locate(study=scope.study, series=scope.series, instance=scope.instance)
    if not found:
        raise NotFound(f"nothing is kept under {_named(scope)}")
    return found


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
