"""Instances as pictures (PS3.18 Section 10.4.1.1.3): read here, made in a worker."""

from collections.abc import Sequence
from contextlib import suppress

from sagittal.archive.model import StoredInstance
from sagittal.archive.reader import ArchiveReader
from sagittal.dicom.dataset import read_header
from sagittal.dicom.transfer_syntax import EXPLICIT_VR_LITTLE_ENDIAN, encoding_of
from sagittal.errors import Exhausted, Invalid, NotFound, Unsupported
from sagittal.imaging.render.job import make
from sagittal.imaging.render.recipe import EncodedFrame, EncodedState, Recipe
from sagittal.retrieve.frames import Frame, locate_frames, read_frame
from sagittal.retrieve.header import read_inflated
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.pools import WorkerPool
from sagittal.runtime.stretches import Misplaced

MAX_CINE_FRAMES = 256
"""Of one moving picture; of more, every n-th is shown, as long as those between would be."""

MAX_CINE_READ_BYTES = 256 * 1024**2
_MAX_HEADER_BYTES = 64 * 1024**2


async def rendered(
    archive: ArchiveReader,
    actor: Actor,
    pool: WorkerPool,
    instance: StoredInstance,
    numbers: Sequence[int],
    recipe: Recipe,
    deadline: Deadline,
    state: EncodedState | None = None,
) -> bytes:
    """A picture of frame `numbers[0]`, or a moving one of several; numbers count from 1 and rise.

    Args:
        state: the presentation state to show them by.

    Raises:
        NotFound: there is no such frame.
        Unsupported: it cannot be shown: no pixels, or pixels that cannot be read.
        Exhausted: it would take too much time or memory.
    """
    if not has_pixels(instance):
        raise Unsupported(f"instance {instance.sop_instance_uid} has no pixels that could be shown")
    located = await locate_frames(archive, actor, instance, numbers, deadline)
    try:
        if _is_whole(instance, located):
            with suppress(Misplaced):  # else below, where what has moved is followed
                header, data = _places(archive, instance, located[0])
                frame = EncodedFrame(numbers[0] - 1, data)
                stored_as = instance.transfer_syntax_uid
                return await pool.run(make, header, stored_as, [frame], recipe, state, deadline=deadline)
        frames = await _frames(archive, instance, numbers, located)
        header, syntax = await _header(archive, instance)
        return await pool.run(make, header, syntax, frames, recipe, state, deadline=deadline)
    except Invalid as error:  # what is kept is not fit to be shown; the request itself was right
        raise Unsupported(f"instance {instance.sop_instance_uid} cannot be shown: {error}") from error


def has_pixels(instance: StoredInstance) -> bool:
    """Whether there may be something to show; of deflated instances only reading tells."""
    return instance.pixel_offset is not None or encoding_of(instance.transfer_syntax_uid).is_deflated


def cine_numbers(frames: int) -> range:
    """The frames of a moving picture of an instance with so many."""
    return range(1, frames + 1, -(-frames // MAX_CINE_FRAMES))


def representative(shown: Sequence[StoredInstance]) -> StoredInstance:
    """The instance in the middle of the first series of `shown`, which is not empty."""
    first_series = [one for one in shown if one.series_instance_uid == shown[0].series_instance_uid]
    return first_series[len(first_series) // 2]


def middle_frame(instance: StoredInstance) -> int:
    """The number of the frame that stands for an instance."""
    return max(1, instance.frames) // 2 + instance.frames % 2 if instance.frames > 1 else 1


def _is_whole(instance: StoredInstance, located: Sequence[Frame]) -> bool:
    """Whether it is one frame, and lies in one piece as it is wanted, as nearly every picture's does."""
    first = located[0]
    is_as_stored = first.data is None and not first.bits and len(first.spans) == 1
    return len(located) == 1 and is_as_stored and 0 < (instance.pixel_offset or 0) <= _MAX_HEADER_BYTES


def _places(archive: ArchiveReader, instance: StoredInstance, frame: Frame) -> tuple[bytes, bytes]:
    """The data set up to its pixels and the frame, to be read where the picture is made."""
    start, ((offset, length),) = instance.data_set_offset, frame.spans
    header = archive.place(instance, start, instance.pixel_offset or 0)
    return header, archive.place(instance, start + offset, length)


async def _frames(
    archive: ArchiveReader, instance: StoredInstance, numbers: Sequence[int], located: Sequence[Frame]
) -> list[EncodedFrame]:
    """The frames; of more than can be held, taking all to be as long as the first, every n-th."""
    first = located[0]
    step = max(1, -(-len(numbers) * first.length // MAX_CINE_READ_BYTES))
    read = [EncodedFrame(numbers[0] - 1, await read_frame(archive, instance, first))]
    size = first.length
    for number, frame in list(zip(numbers, located, strict=True))[step::step]:
        size += frame.length
        if size > 2 * MAX_CINE_READ_BYTES:
            raise Exhausted(f"the frames of one moving picture are at most {2 * MAX_CINE_READ_BYTES} bytes")
        read.append(EncodedFrame(number - 1, await read_frame(archive, instance, frame)))
    return read


async def _header(archive: ArchiveReader, instance: StoredInstance) -> tuple[bytes, str]:
    """The data set up to the first byte of its pixels, and how it is written."""
    if encoding_of(instance.transfer_syntax_uid).is_deflated:
        data = await read_inflated(archive, instance)
        pixels = read_header(data, EXPLICIT_VR_LITTLE_ENDIAN, frozenset()).pixel_data
        if pixels is None:
            raise NotFound(f"instance {instance.sop_instance_uid} has no pixels")
        return data[: pixels.offset], EXPLICIT_VR_LITTLE_ENDIAN
    length = instance.pixel_offset or 0
    if length > _MAX_HEADER_BYTES:
        raise Exhausted(f"{length} bytes before the pixels are more than {_MAX_HEADER_BYTES} at a time")
    return await archive.read(instance, instance.data_set_offset, length), instance.transfer_syntax_uid
