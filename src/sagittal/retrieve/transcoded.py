"""Instances in a Transfer Syntax that asks for other codestreams than are stored, frame by frame.

    header as stored -> Explicit VR Little Endian -> attributes that change -> out
    frame 1, 2, ...  -> decoded and encoded in the pool, a few at a time    -> out     (fragments, or cells)
                                                   └─ Reencoder, if the target is another native encoding

A lossless rendition is the instance: it keeps its SOP Instance UID. A lossy one is another (PS3.3 Section
C.7.6.1.1.5): it gets a UID made from its source's, the Transfer Syntax and the quality, so that asking twice gives the
same, and says what was done. Basic Offset Tables are empty, as lengths are not known before the last frame (PS3.5
Section A.4). What follows the pixels (signatures, padding) does not go along: it would no longer be true.
"""

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing
from struct import pack
from typing import Final, NamedTuple

from sagittal.archive.model import StoredInstance
from sagittal.archive.reader import ArchiveReader
from sagittal.dicom.dataset import Reencoder, is_reencodable, make_file_header
from sagittal.dicom.dataset.reencode import NATIVE
from sagittal.dicom.identifiers import InstanceUID
from sagittal.dicom.transfer_syntax import EXPLICIT_VR_LITTLE_ENDIAN, encoding_of
from sagittal.errors import Invalid, Unsupported
from sagittal.imaging.job import transcode
from sagittal.imaging.pixels import FrameShape
from sagittal.imaging.syntaxes import WRITTEN, Encoded, is_decodable, is_lossless
from sagittal.retrieve.header import read_header
from sagittal.retrieve.pixels import frame_bytes, read_shape, undecodable
from sagittal.retrieve.rendition import Rendition, changed_header
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.pools import WorkerPool

_AHEAD: Final = 4  # frames in work or waiting to go out
_AHEAD_BYTES: Final = 64 * 1024**2  # of them together, decoded; one frame may be larger
_MAX_NATIVE_BYTES: Final = 0xFFFFFFFE
_UUID_FIXED: Final = 0xF << 76 | 0x3 << 62
_UUID_VERSION_8: Final = 0x8 << 76 | 0x2 << 62  # RFC 9562 Section 5.8: a hash of the maker's choice


class Source(NamedTuple):
    """Where an instance comes from, for whom, and what does the work."""

    archive: ArchiveReader
    actor: Actor
    instance: StoredInstance
    deadline: Deadline
    pool: WorkerPool


class Target(NamedTuple):
    """A Transfer Syntax, and of a lossy one the quality, 1 to 100 or 0 for the codec's default."""

    transfer_syntax_uid: str
    quality: int = 0


def is_transcodable(instance: StoredInstance, transfer_syntax_uid: str) -> bool:
    """Whether it can be asked for; frames of a kind that the target has no place for are refused when they are met.

    What converting the encoding alone can do (`is_reencodable`) is not counted.
    """
    stored = instance.transfer_syntax_uid
    is_written = transfer_syntax_uid in NATIVE or transfer_syntax_uid in WRITTEN
    has_frames = instance.pixel_offset is not None and instance.frames > 0
    is_other = stored != transfer_syntax_uid and not is_reencodable(stored, transfer_syntax_uid)
    return has_frames and is_written and is_other and is_decodable(stored)


def rendition_uid(instance: StoredInstance, target: Target) -> InstanceUID:
    """The SOP Instance UID of the instance in that Transfer Syntax; its own if nothing is lost (PS3.5 Section B.2)."""
    if is_lossless(target.transfer_syntax_uid):
        return instance.sop_instance_uid
    quality = f" {target.quality}" if target.quality else ""
    named = f"{instance.sop_instance_uid} {instance.digest.hex()} {target.transfer_syntax_uid}{quality}"
    number = int.from_bytes(hashlib.sha256(named.encode()).digest()[:16], "big")
    return InstanceUID(f"2.25.{number & ~_UUID_FIXED | _UUID_VERSION_8}")


async def stream_transcoded(source: Source, transfer_syntax_uid: str, quality: int = 0) -> AsyncGenerator[bytes, None]:
    """The data set in the Transfer Syntax wanted; memory does not grow with the number of frames.

    Raises:
        Unsupported: the target has no place for such frames, or what is kept cannot be decoded.
        Exhausted: a frame is too large or took too long.
    """
    if transfer_syntax_uid not in NATIVE or transfer_syntax_uid == EXPLICIT_VR_LITTLE_ENDIAN:
        async with aclosing(_explicit(source, Target(transfer_syntax_uid, quality))) as pieces:
            async for piece in pieces:
                yield piece
        return
    reencoder = Reencoder(EXPLICIT_VR_LITTLE_ENDIAN, transfer_syntax_uid)
    async with aclosing(_explicit(source, Target(EXPLICIT_VR_LITTLE_ENDIAN))) as pieces:
        async for piece in pieces:
            for out in reencoder.feed(piece):
                yield bytes(out)
    for out in reencoder.close():
        yield bytes(out)


async def stream_transcoded_file(
    source: Source, transfer_syntax_uid: str, quality: int = 0
) -> AsyncGenerator[bytes, None]:
    """The same as a DICOM file."""
    header = make_file_header(
        sop_class_uid=source.instance.sop_class_uid,
        sop_instance_uid=rendition_uid(source.instance, Target(transfer_syntax_uid, quality)),
        transfer_syntax_uid=transfer_syntax_uid,
    )
    async with aclosing(stream_transcoded(source, transfer_syntax_uid, quality)) as pieces:
        async for piece in pieces:
            yield header + piece
            header = b""


async def transcoded_frames(
    source: Source, numbers: Iterable[int], transfer_syntax_uid: str, quality: int = 0
) -> AsyncGenerator[bytes, None]:
    """Some frames, numbered from 1, in the Transfer Syntax wanted; errors as `stream_transcoded`."""
    shape = await read_shape(source.archive, source.instance)
    async with aclosing(_frames(source, shape, Target(transfer_syntax_uid, quality), numbers)) as frames:
        async for frame in frames:
            yield frame.data


async def transcoded_frame(source: Source, number: int, transfer_syntax_uid: str) -> bytes:
    """One frame in the Transfer Syntax wanted."""
    shape = await read_shape(source.archive, source.instance)
    return (await _transcode(source, number, shape, Target(transfer_syntax_uid))).data


async def _explicit(source: Source, target: Target) -> AsyncGenerator[bytes, None]:
    """Header and frames, in Explicit VR Little Endian."""
    instance = source.instance
    shape = await read_shape(source.archive, instance)
    header = await _explicit_header(source)
    async with aclosing(_frames(source, shape, target, range(1, instance.frames + 1))) as frames:
        first = await anext(frames)
        rendition = Rendition(
            transfer_syntax_uid=target.transfer_syntax_uid,
            quality=target.quality,
            sop_instance_uid=rendition_uid(instance, target),
            photometric_interpretation=first.photometric_interpretation,
            method=WRITTEN.get(target.transfer_syntax_uid, ""),
            ratio=shape.decoded_bytes / max(1, len(first.data)),
        )
        yield changed_header(header, instance, shape, rendition)
        is_native = target.transfer_syntax_uid in NATIVE
        body = _cells(instance, shape, first, frames) if is_native else _fragments(first, frames)
        async for piece in body:
            yield piece


async def _explicit_header(source: Source) -> bytes:
    """What stands before the pixels, in Explicit VR Little Endian."""
    stored = source.instance.transfer_syntax_uid
    data = (await read_header(source.archive, source.instance)).data
    encoding = encoding_of(stored)
    if not encoding.is_implicit_vr and encoding.is_little_endian:
        return data
    reencoder = Reencoder(stored, EXPLICIT_VR_LITTLE_ENDIAN)
    pieces = [*reencoder.feed(data), *reencoder.close()]
    return b"".join(pieces)


async def _frames(
    source: Source, shape: FrameShape, target: Target, numbers: Iterable[int]
) -> AsyncGenerator[Encoded, None]:
    """Those frames in order; some are worked on ahead of the one that is taken."""
    tasks: deque[asyncio.Task[Encoded]] = deque()
    numbers = iter(numbers)
    ahead = max(1, min(_AHEAD, _AHEAD_BYTES // shape.decoded_bytes))
    try:
        while True:
            while len(tasks) < ahead and (number := next(numbers, 0)):
                tasks.append(asyncio.create_task(_transcode(source, number, shape, target)))
            if not tasks:
                return
            yield await tasks[0]
            tasks.popleft()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _transcode(source: Source, number: int, shape: FrameShape, target: Target) -> Encoded:
    archive, actor, instance, deadline, pool = source
    data = await frame_bytes(archive, actor, instance, number, deadline, shape)
    try:
        return await pool.run(transcode, data, shape, *target, deadline=deadline)
    except Invalid as error:
        raise undecodable(instance, number, error) from error


async def _fragments(first: Encoded, others: AsyncIterator[Encoded]) -> AsyncGenerator[bytes, None]:
    """Encapsulated pixel data: an empty Basic Offset Table and a fragment for each frame (PS3.5 Section A.4)."""
    yield pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF) + pack("<HHI", 0xFFFE, 0xE000, 0)
    yield _item(first)
    async for frame in others:
        yield _item(frame)
    yield pack("<HHI", 0xFFFE, 0xE0DD, 0)


def _item(frame: Encoded) -> bytes:
    padding = len(frame.data) % 2
    return pack("<HHI", 0xFFFE, 0xE000, len(frame.data) + padding) + frame.data + b"\0" * padding


async def _cells(
    instance: StoredInstance, shape: FrameShape, first: Encoded, others: AsyncIterator[Encoded]
) -> AsyncGenerator[bytes, None]:
    """Native pixel data, one frame after the other (PS3.5 Section 8.1)."""
    bits = shape.rows * shape.columns * shape.samples_per_pixel * shape.bits_allocated
    length = (bits * instance.frames + 7) // 8
    if length > _MAX_NATIVE_BYTES:
        raise Unsupported(f"{length} bytes of native pixel data are more than its length field can say")
    vr = {0x7FE00008: b"OF", 0x7FE00009: b"OD"}.get(shape.pixel_tag, b"OB" if shape.bits_allocated <= 8 else b"OW")
    tag = shape.pixel_tag
    yield pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr, 0, length + length % 2)
    carried, carried_bits = 0, 0
    async for frame in _chained(first, others):
        if bits % 8 == 0:
            yield frame.data
            continue
        carried |= (int.from_bytes(frame.data, "little") & (1 << bits) - 1) << carried_bits
        whole, rest = divmod(carried_bits + bits, 8)
        yield (carried & (1 << 8 * whole) - 1).to_bytes(whole, "little")
        carried, carried_bits = carried >> 8 * whole, rest
    yield carried.to_bytes((carried_bits + 7) // 8, "little") + b"\0" * (length % 2)


async def _chained(first: Encoded, others: AsyncIterator[Encoded]) -> AsyncGenerator[Encoded, None]:
    yield first
    async for frame in others:
        yield frame
