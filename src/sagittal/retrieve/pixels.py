"""What a codec needs of a kept frame: its shape, and its bytes whole."""

from sagittal.archive.model import StoredInstance
from sagittal.archive.reader import ArchiveReader
from sagittal.dicom.dataset import HeaderReader
from sagittal.dicom.transfer_syntax import encoding_of
from sagittal.errors import Exhausted, Invalid, NotFound, Unsupported
from sagittal.imaging.pixels import MAX_FRAME_BYTES, SHAPE_TAGS, FrameShape
from sagittal.retrieve.frames import Frame, locate_frame, read_frame
from sagittal.retrieve.header import MAX_HEADER_BYTES, read_inflated
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline


def undecodable(instance: StoredInstance, number: int, error: Invalid) -> Unsupported:
    """What a client is told of a kept frame that no codec takes: its request was right."""
    return Unsupported(f"frame {number} of instance {instance.sop_instance_uid} cannot be decoded: {error}")


async def read_shape(archive: ArchiveReader, instance: StoredInstance) -> FrameShape:
    """What the data set says of its frames.

    Raises:
        NotFound: it has no pixels.
        Unsupported: what it says contradicts itself.
    """
    uid = instance.sop_instance_uid
    if encoding_of(instance.transfer_syntax_uid).is_deflated:
        data = await read_inflated(archive, instance)
        reader = HeaderReader("1.2.840.10008.1.2.1", SHAPE_TAGS)
    elif instance.pixel_offset is None:
        raise NotFound(f"instance {uid} has no pixel data")
    elif instance.pixel_offset > MAX_HEADER_BYTES:
        raise Exhausted(f"{instance.pixel_offset} bytes before the pixels of {uid} are more than {MAX_HEADER_BYTES}")
    else:
        data = await archive.read(instance, instance.data_set_offset, instance.pixel_offset)
        reader = HeaderReader(instance.transfer_syntax_uid, SHAPE_TAGS)
    if not reader.feed(data):
        raise NotFound(f"instance {uid} has no pixel data")
    try:
        return FrameShape.of(reader.header)
    except Invalid as error:
        raise Unsupported(f"the frames of instance {uid} cannot be read: {error}") from error


async def frame_bytes(
    archive: ArchiveReader,
    actor: Actor,
    instance: StoredInstance,
    number: int,
    deadline: Deadline,
    shape: FrameShape,
) -> bytes:
    """The whole frame as stored, for a codec."""
    frame = await locate_frame(archive, actor, instance, number, deadline)
    if frame.length > MAX_FRAME_BYTES:
        raise Exhausted(f"a frame of {frame.length} bytes is more than {MAX_FRAME_BYTES}")
    return await read_frame(archive, instance, _in_words(frame, instance, shape))


def _in_words(frame: Frame, instance: StoredInstance, shape: FrameShape) -> Frame:
    """With the other half of its last word, where bytes lie in big endian words (PS3.5 Section 7.3)."""
    is_swapped = not shape.is_little_endian and shape.pixel_vr == "OW" and shape.bits_allocated <= 8
    if not is_swapped or frame.length % 2 == 0:
        return frame
    ((offset, length),) = frame.spans
    if (offset - (instance.pixel_offset or 0)) % 2:
        raise Unsupported("frames of an odd number of bytes, in big endian words, that begin inside one")
    return Frame(spans=((offset, length + 1),), data=frame.data)
