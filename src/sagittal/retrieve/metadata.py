"""Instances without their bulk: DICOM JSON (PS3.18 Section 10.4.1.1.2) and the values it refers to."""

from array import array
from collections.abc import Callable
from typing import NamedTuple

from sagittal.archive.model import StoredInstance
from sagittal.archive.reader import ArchiveReader
from sagittal.dicom import json_model
from sagittal.dicom.json_model.instance import Parts, Path, encode_parts
from sagittal.dicom.transfer_syntax import EXPLICIT_VR_LITTLE_ENDIAN, encoding_of
from sagittal.errors import NotFound
from sagittal.retrieve.header import read_header, read_inflated, read_trailer
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline


class Span(NamedTuple):
    """Where a value lies: `offset` and `length` within `data`, or within the stored data set if `data` is None."""

    data: bytes | None
    offset: int
    length: int


async def metadata(
    archive: ArchiveReader, actor: Actor, instance: StoredInstance, uri_of: Callable[[Path], str], deadline: Deadline
) -> bytes:
    """All attributes of an instance as one DICOM JSON object; large binary values and pixels by reference.

    Args:
        uri_of: the BulkDataURI of the value at a path.

    Raises:
        Exhausted: without its pixels the instance is too large for one answer.
    """
    return encode_parts(await read_parts(archive, actor, instance, deadline), uri_of)


async def read_parts(archive: ArchiveReader, actor: Actor, instance: StoredInstance, deadline: Deadline) -> Parts:
    """An instance without its pixels, from which its JSON is made, here or in another process.

    Raises:
        Exhausted: it is too large for one answer.
    """
    del actor  # who was asked about when the instance was located
    deadline.check("reading metadata")
    if encoding_of(instance.transfer_syntax_uid).is_deflated:
        return Parts(await read_inflated(archive, instance), EXPLICIT_VR_LITTLE_ENDIAN)
    header = await read_header(archive, instance)
    if instance.pixel_tag is None:
        return Parts(header.data, instance.transfer_syntax_uid)
    trailer = await read_trailer(archive, instance)
    return Parts(header.data, instance.transfer_syntax_uid, instance.pixel_tag, header.pixel_vr, trailer)


async def list_bulk(
    archive: ArchiveReader, actor: Actor, instance: StoredInstance, deadline: Deadline
) -> tuple[tuple[Path, Span], ...]:
    """Every value that `metadata` refers to, in the order of the data set, but pixel data of frames that are told."""
    del actor
    deadline.check("looking for bulk values")
    is_deflated = encoding_of(instance.transfer_syntax_uid).is_deflated
    data = await read_inflated(archive, instance) if is_deflated else (await read_header(archive, instance)).data
    is_little = is_deflated or encoding_of(instance.transfer_syntax_uid).is_little_endian
    found: list[tuple[Path, Span]] = []

    def bulk(at: Path, vr: str, offset: int, length: int) -> str:
        found.append((at, _in_little_endian(Span(data, offset, length), vr, is_little=is_little)))
        return ""

    json_model.encode(data, EXPLICIT_VR_LITTLE_ENDIAN if is_deflated else instance.transfer_syntax_uid, bulk=bulk)
    return tuple(found)


async def locate_bulk(
    archive: ArchiveReader, actor: Actor, instance: StoredInstance, path: Path, deadline: Deadline
) -> Span:
    """Where the value at `path`, as `metadata` referred to it, lies.

    Raises:
        NotFound: there is no such value.
    """
    del actor
    deadline.check("looking for a bulk value")
    if path == (instance.pixel_tag,) and instance.pixel_offset is not None:
        end = (
            instance.data_set_length if instance.pixel_length is None else instance.pixel_offset + instance.pixel_length
        )
        return Span(None, instance.pixel_offset, end - instance.pixel_offset)
    is_deflated = encoding_of(instance.transfer_syntax_uid).is_deflated
    data = await read_inflated(archive, instance) if is_deflated else (await read_header(archive, instance)).data
    is_little = is_deflated or encoding_of(instance.transfer_syntax_uid).is_little_endian
    found: list[Span] = []

    def bulk(at: Path, vr: str, offset: int, length: int) -> str:
        if at == path:
            found.append(_in_little_endian(Span(data, offset, length), vr, is_little=is_little))
        return ""

    json_model.encode(data, EXPLICIT_VR_LITTLE_ENDIAN if is_deflated else instance.transfer_syntax_uid, bulk=bulk)
    if not found:
        raise NotFound(f"instance {instance.sop_instance_uid} has no bulk value at that path")
    return found[0]


def _in_little_endian(span: Span, vr: str, *, is_little: bool) -> Span:
    """The value with its words turned around, where they are not as bulk data has them (PS3.18 Section 8.7.3.3.1)."""
    code = _WORDS.get(vr)
    if is_little or code is None or span.data is None or span.length % array(code).itemsize:
        return span
    words = array(code, span.data[span.offset : span.offset + span.length])
    words.byteswap()
    return Span(words.tobytes(), 0, span.length)


_WORDS = {"OW": "H", "OF": "I", "OL": "I", "OD": "Q", "OV": "Q"}
