"""Video as it is kept: which instances are video, and what container their stream is in."""

import re

from sagittal.archive.model import StoredInstance
from sagittal.archive.reader import ArchiveReader
from sagittal.retrieve.frames import Frame, locate_frame, stream_part
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline

MP4, MPEG, TRANSPORT_STREAM = "video/mp4", "video/mpeg", "video/mp2t"
_SYNTAXES = re.compile(r"1\.2\.840\.10008\.1\.2\.4\.10[0-8](\.1)?")
_PACKET_BYTES = 188  # of a transport stream (ISO/IEC 13818-1 Section 2.4.3.2)


def is_video(instance: StoredInstance) -> bool:
    """Whether all frames of an instance are one stream (PS3.5 Sections 8.2.5 to 8.2.11)."""
    return _SYNTAXES.fullmatch(instance.transfer_syntax_uid) is not None and instance.pixel_offset is not None


async def locate_video(
    archive: ArchiveReader, actor: Actor, instance: StoredInstance, deadline: Deadline
) -> tuple[str, Frame]:
    """The media type of the container, "" if it is none that is known, and where its bytes are.

    The standard allows MP4 and transport streams for H.264 and HEVC, and any container for MPEG-2; archives of old hold
    bare streams too. The first bytes tell.
    """
    frame = await locate_frame(archive, actor, instance, 1, deadline)
    wanted = min(frame.length, _PACKET_BYTES + 1)
    head = b"".join([piece async for piece in stream_part(archive, instance, frame, 0, wanted)])
    return container_of(head), frame


def container_of(head: bytes) -> str:
    r"""The media type of a video by its first 189 bytes.

    >>> container_of(b"\0\0\0\x18ftypisom"), container_of(b"\0\0\1\xba"), container_of(b"\0\0\0\1\x67")
    ('video/mp4', 'video/mpeg', '')
    """
    if head[4:8] == b"ftyp":
        return MP4
    if head[:4] in (b"\0\0\1\xb3", b"\0\0\1\xba"):
        return MPEG
    if head[:1] == b"G" and head[_PACKET_BYTES : _PACKET_BYTES + 1] in (b"G", b""):
        return TRANSPORT_STREAM
    return ""
