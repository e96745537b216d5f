"""Frames as stored: where each lies, and its bytes in pieces."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator

import msgspec

from sagittal.archive.model import StoredInstance
from sagittal.archive.reader import ArchiveReader
from sagittal.dicom.dataset.header import read_header
from sagittal.dicom.frames import FragmentScanner, FrameTable, cut_bits, native_frame
from sagittal.dicom.transfer_syntax import encoding_of
from sagittal.errors import NotFound, Unsupported
from sagittal.retrieve.header import read_inflated
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline

_PIECE_BYTES = 256 * 1024


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """One frame of an instance, found but not read.

    Attributes:
        spans: (offset, length) of its pieces within `data`, or within the stored data set if `data` is None; joined
            they are the frame.
        bit_shift, bits: for native frames of one-bit pixels: bits before the frame in its first byte, and its size.
        data: the data set, where it had to be inflated.
    """

    spans: tuple[tuple[int, int], ...]
    bit_shift: int = 0
    bits: int = 0
    data: bytes | None = None

    @property
    def length(self) -> int:
        """Bytes of the frame as `stream_frame` gives it."""
        return (self.bits + 7) // 8 if self.bits else sum(length for _, length in self.spans)


async def locate_frame(
    archive: ArchiveReader, actor: Actor, instance: StoredInstance, number: int, deadline: Deadline
) -> Frame:
    """Frame `number`, from 1.

    Raises:
        NotFound: there is no such frame.
        Unsupported: the instance has pixels, but frames cannot be told apart.
    """
    del actor  # who was asked about when the instance was located
    deadline.check("looking for a frame")
    if encoding_of(instance.transfer_syntax_uid).is_deflated:
        return _inflated_frame(instance, await read_inflated(archive, instance), number)
    if instance.pixel_offset is None:
        raise NotFound(f"instance {instance.sop_instance_uid} has no pixel data")
    if not 1 <= number <= instance.frames:
        raise NotFound(f"instance {instance.sop_instance_uid} has {instance.frames} frames; there is no frame {number}")
    if instance.pixel_length is not None:
        return _native(instance, instance.pixel_offset, instance.pixel_length, number)
    table = await _table(archive, instance, instance.pixel_offset)
    start = instance.pixel_offset
    return Frame(spans=tuple((start + offset, length) for offset, length in table.frame(number - 1)))


async def locate_frames(
    archive: ArchiveReader, actor: Actor, instance: StoredInstance, numbers: Iterable[int], deadline: Deadline
) -> list[Frame]:
    """Several frames, as `locate_frame` gives each; a deflated data set is inflated once."""
    if encoding_of(instance.transfer_syntax_uid).is_deflated:
        deadline.check("looking for frames")
        data = await read_inflated(archive, instance)
        return [_inflated_frame(instance, data, number) for number in numbers]
    return [await locate_frame(archive, actor, instance, number, deadline) for number in numbers]


async def stream_frame(archive: ArchiveReader, instance: StoredInstance, frame: Frame) -> AsyncIterator[bytes]:
    """The bytes of a frame, in pieces of at most 256 KiB where it can be cut."""
    if frame.bits:
        yield cut_bits(
            b"".join([piece async for piece in _pieces(archive, instance, frame)]), frame.bit_shift, frame.bits
        )
        return
    async for piece in _pieces(archive, instance, frame):
        yield piece


async def stream_part(
    archive: ArchiveReader, instance: StoredInstance, frame: Frame, start: int, stop: int
) -> AsyncGenerator[bytes, None]:
    """Bytes `[start, stop)` of what `stream_frame` gives; nothing else is read but of one-bit frames."""
    if frame.bits:
        yield (await read_frame(archive, instance, frame))[start:stop]
        return
    part = msgspec.structs.replace(frame, spans=tuple(_cut(frame.spans, start, stop)))
    async for piece in _pieces(archive, instance, part):
        yield piece


def _cut(spans: Iterable[tuple[int, int]], start: int, stop: int) -> Iterator[tuple[int, int]]:
    """What of the spans, joined, lies in `[start, stop)`."""
    at = 0
    for offset, length in spans:
        first, last = max(start, at), min(stop, at + length)
        if first < last:
            yield offset + first - at, last - first
        at += length


async def read_frame(
    archive: ArchiveReader, instance: StoredInstance, frame: Frame, before: bytes = b"", after: bytes = b""
) -> bytes:
    """The whole frame, between other bytes."""
    if not frame.bits and frame.data is None and len(frame.spans) == 1:
        offset, length = frame.spans[0]
        return await archive.read(instance, instance.data_set_offset + offset, length, before, after)
    return b"".join([before, *[piece async for piece in stream_frame(archive, instance, frame)], after])


async def _pieces(archive: ArchiveReader, instance: StoredInstance, frame: Frame) -> AsyncIterator[bytes]:
    for offset, length in frame.spans:
        if frame.data is not None:
            yield frame.data[offset : offset + length]
            continue
        for at in range(offset, offset + length, _PIECE_BYTES):
            size = min(_PIECE_BYTES, offset + length - at)
            yield await archive.read(instance, instance.data_set_offset + at, size)


def _native(instance: StoredInstance, offset: int, length: int, number: int) -> Frame:
    if not instance.native_frame_bits:
        raise Unsupported(f"instance {instance.sop_instance_uid} does not say how large a frame is")
    found = native_frame(length, instance.native_frame_bits, number - 1)
    span = (offset + found.start, found.stop - found.start)
    is_bitwise = instance.native_frame_bits % 8 != 0 or found.bit_shift != 0
    if not is_bitwise:
        return Frame(spans=(span,))
    if not encoding_of(instance.transfer_syntax_uid).is_little_endian:
        raise Unsupported("frames of one-bit pixels in big endian order that begin inside a byte")
    return Frame(spans=(span,), bit_shift=found.bit_shift, bits=instance.native_frame_bits)


async def _table(archive: ArchiveReader, instance: StoredInstance, pixel_offset: int) -> FrameTable:
    """The kept table; for a single frame, whose table is not kept, a look at its fragments."""
    if instance.frame_table is not None:
        return FrameTable.from_bytes(instance.frame_table)
    scanner = FragmentScanner(instance.transfer_syntax_uid, max(1, instance.frames))
    async for chunk in archive.stream(instance, instance.data_set_offset + pixel_offset):
        if scanner.feed(chunk):
            break
    return scanner.close()


def _inflated_frame(instance: StoredInstance, data: bytes, number: int) -> Frame:
    header = read_header(data, "1.2.840.10008.1.2.1", frozenset())
    pixels = header.pixel_data
    if pixels is None or not 1 <= number <= max(1, instance.frames):
        raise NotFound(f"instance {instance.sop_instance_uid} has no frame {number}")
    if pixels.length is None:
        scanner = FragmentScanner(instance.transfer_syntax_uid, max(1, instance.frames))
        scanner.feed(memoryview(data)[pixels.offset :])
        spans = scanner.close().frame(number - 1)
        return Frame(spans=tuple((pixels.offset + offset, length) for offset, length in spans), data=data)
    found = _native(instance, pixels.offset, pixels.length, number)
    return Frame(spans=found.spans, bit_shift=found.bit_shift, bits=found.bits, data=data)
