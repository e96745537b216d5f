"""Segmentations and structure sets, read here and made in a worker into what a viewer draws."""

from typing import Final

from sagittal.archive.model import StoredInstance
from sagittal.archive.reader import ArchiveReader
from sagittal.errors import Invalid, NotFound, Unsupported
from sagittal.imaging import drawn as work
from sagittal.retrieve.metadata import read_parts
from sagittal.retrieve.pixels import frame_bytes, read_shape
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.pools import WorkerPool

STRUCTURE_SET: Final = "1.2.840.10008.5.1.4.1.1.481.3"
SEGMENTATIONS: Final = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
MAX_AT_ONCE: Final = 64
_MAX_DECODED_BYTES: Final = 64 * 1024**2


async def drawn(
    archive: ArchiveReader, actor: Actor, pool: WorkerPool, instance: StoredInstance, deadline: Deadline
) -> bytes:
    """What it says without its pixels, as JSON, gzipped: `imaging.segments` and `imaging.structures` tell of what.

    Raises:
        Unsupported: it is neither a segmentation nor a structure set, or cannot be read.
        Exhausted: it holds more than is drawn.
    """
    is_structure_set = instance.sop_class_uid == STRUCTURE_SET
    if not is_structure_set and instance.sop_class_uid not in SEGMENTATIONS:
        raise Unsupported(f"instance {instance.sop_instance_uid} is no segmentation and no structure set")
    parts = await read_parts(archive, actor, instance, deadline)
    try:
        if is_structure_set:
            return await pool.run(work.outlined, parts, deadline=deadline)
        return await pool.run(work.segmented, parts, instance.frames, deadline=deadline)
    except Invalid as error:
        raise Unsupported(f"instance {instance.sop_instance_uid} cannot be drawn: {error}") from error


async def runs(
    archive: ArchiveReader,
    actor: Actor,
    pool: WorkerPool,
    instance: StoredInstance,
    first: int,
    count: int,
    deadline: Deadline,
) -> tuple[bytes, int]:
    """The values of frames of a segmentation from `first` on, as runs, gzipped, and how many frames they are.

    At most `count` of them, at most MAX_AT_ONCE, and no more than one answer holds.

    Raises:
        NotFound: there is no such frame.
        Unsupported: it is no segmentation, or its frames cannot be decoded.
    """
    if instance.sop_class_uid not in SEGMENTATIONS:
        raise Unsupported(f"instance {instance.sop_instance_uid} is no segmentation")
    total = max(1, instance.frames)
    if not 1 <= first <= total:
        raise NotFound(f"instance {instance.sop_instance_uid} has {total} frames; there is no frame {first}")
    shape = await read_shape(archive, instance)
    most = max(1, _MAX_DECODED_BYTES // max(1, shape.decoded_bytes))
    last = min(total, first + max(1, min(count, MAX_AT_ONCE, most)) - 1)
    frames = [await frame_bytes(archive, actor, instance, number, deadline, shape) for number in range(first, last + 1)]
    try:
        return await pool.run(work.runs, frames, shape, deadline=deadline)
    except Invalid as error:
        raise Unsupported(f"frames of instance {instance.sop_instance_uid} cannot be drawn: {error}") from error
