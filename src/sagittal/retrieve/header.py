"""The parts of an instance around its pixels."""

import asyncio
from typing import NamedTuple

from sagittal.archive.model import StoredInstance
from sagittal.archive.reader import ArchiveReader
from sagittal.dicom.dataset.inflate import Inflater
from sagittal.dicom.transfer_syntax import encoding_of
from sagittal.errors import Exhausted

MAX_HEADER_BYTES = 256 * 1024**2
_IMPLICIT_VR = {0x7FE00008: "OF", 0x7FE00009: "OD"}
_INFLATED_AT_ONCE_BYTES = 256 * 1024
_PIXEL_GROUPS = (b"\xe0\x7f", b"\x7f\xe0")


class HeaderBytes(NamedTuple):
    """What stands before the pixels.

    Attributes:
        data: the data set up to the pixel data element, as stored.
        pixel_vr: as written, or that of Implicit VR; `""` without pixels.
    """

    data: bytes
    pixel_vr: str


async def read_header(archive: ArchiveReader, instance: StoredInstance) -> HeaderBytes:
    """The data set up to the pixel data element, as stored; all of it where there are no pixels.

    Raises:
        Exhausted: it is larger than what is held in memory for one request.
    """
    if instance.pixel_offset is None:
        return HeaderBytes(await _read(archive, instance, 0, instance.data_set_length), "")
    data = await _read(archive, instance, 0, instance.pixel_offset)
    # The element's own header is 12 bytes with an explicit VR of OB, OW, OF or OD and 8 without (PS3.5 Section 7.1);
    # what was really sent decides, not the Transfer Syntax that was announced.
    if data[-12:-10] in _PIXEL_GROUPS and data[-8:-7] == b"O":
        return HeaderBytes(data[:-12], data[-8:-6].decode("ascii", "replace"))
    return HeaderBytes(data[:-8], _IMPLICIT_VR.get(instance.pixel_tag or 0, "OW"))


async def read_trailer(archive: ArchiveReader, instance: StoredInstance) -> bytes:
    """What follows native pixel data: digital signatures, padding. Empty where pixels are encapsulated or absent."""
    if instance.pixel_offset is None or instance.pixel_length is None:
        return b""
    start = instance.pixel_offset + instance.pixel_length
    return await _read(archive, instance, start, max(0, instance.data_set_length - start))


async def read_inflated(archive: ArchiveReader, instance: StoredInstance) -> bytes:
    """A deflated data set, inflated; any other as stored."""
    data = await _read(archive, instance, 0, instance.data_set_length)
    if not encoding_of(instance.transfer_syntax_uid).is_deflated:
        return data
    if len(data) < _INFLATED_AT_ONCE_BYTES:
        return _inflated(data)
    return await asyncio.to_thread(_inflated, data)  # zlib lets other threads run


def _inflated(data: bytes) -> bytes:
    return b"".join(Inflater(MAX_HEADER_BYTES).feed(data))


async def _read(archive: ArchiveReader, instance: StoredInstance, start: int, length: int) -> bytes:
    if length > MAX_HEADER_BYTES:
        uid = instance.sop_instance_uid
        raise Exhausted(f"{length} bytes around the pixels of {uid} are more than {MAX_HEADER_BYTES} at a time")
    return await archive.read(instance, instance.data_set_offset + start, length) if length else b""
