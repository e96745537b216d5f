"""Instances as a viewer needs to know them: the attributes that place and measure their frames."""

from collections.abc import Sequence

from sagittal.archive.model import StoredInstance
from sagittal.archive.reader import ArchiveReader
from sagittal.dicom.json_model.instance import Parts
from sagittal.dicom.transfer_syntax import encoding_of
from sagittal.errors import Corrupt
from sagittal.imaging.describing import Described, describe
from sagittal.retrieve.metadata import read_parts
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.pools import WorkerPool

_BATCH_BYTES = 4 * 1024**2


async def described(
    archive: ArchiveReader,
    actor: Actor,
    pool: WorkerPool,
    instances: Sequence[StoredInstance],
    deadline: Deadline,
) -> list[Described]:
    """Each of `instances`, in their order, as `imaging.describing` has it, with its UIDs; damaged ones are left out."""
    found: list[Described] = []
    batch: list[tuple[StoredInstance, Parts]] = []
    size = 0
    for instance in instances:
        deadline.check("describing instances")
        try:
            parts = await read_parts(archive, actor, instance, deadline)
        except Corrupt:
            continue
        batch.append((instance, parts))
        size += len(parts.data)
        if size > _BATCH_BYTES:
            found += await _described(pool, batch, deadline)
            batch, size = [], 0
    return found + (await _described(pool, batch, deadline) if batch else [])


async def _described(
    pool: WorkerPool, batch: Sequence[tuple[StoredInstance, Parts]], deadline: Deadline
) -> list[Described]:
    made = await pool.run(describe, [(parts, instance.frames) for instance, parts in batch], deadline=deadline)
    return [_named(instance) | one for (instance, _), one in zip(batch, made, strict=True)]


def _named(instance: StoredInstance) -> Described:
    return {
        "uid": instance.sop_instance_uid,
        "class": instance.sop_class_uid,
        "syntax": instance.transfer_syntax_uid,
        "frames": instance.frames,
        "digest": instance.digest.hex()[:12],
        "pixels": instance.pixel_offset is not None or encoding_of(instance.transfer_syntax_uid).is_deflated,
    }
