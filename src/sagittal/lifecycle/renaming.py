"""A copy of what came under a UID that another has, under one of its own; the bytes as they came stay as they are."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final

import msgspec

from sagittal.archive.archive import Archive
from sagittal.archive.index.aside import Kept
from sagittal.archive.model import Arrival, StoredInstance
from sagittal.dicom.dataset import HeaderReader, Reencoder, is_reencodable
from sagittal.dicom.dataset.renaming import renamed, renamed_uid
from sagittal.dicom.identifiers import TransferSyntaxUID
from sagittal.dicom.transfer_syntax import EXPLICIT_VR_LITTLE_ENDIAN, encoding_of
from sagittal.errors import Exhausted, Invalid, Unsupported
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline

_MAX_HEADER_BYTES: Final = 64 << 20
_PIXEL_HEAD_BYTES: Final = 12  # tag, VR, two zero bytes and length (PS3.5 Section 7.1.2)


async def store_renamed(
    archive: Archive, actor: Actor, newcomer: StoredInstance, kept: Kept, deadline: Deadline
) -> str:
    """Stores the copy, unless it is there already, and returns its UID; it is durable then and can be found.

    Args:
        newcomer, kept: what came, as what reads its bytes knows it, and how it came.

    Raises:
        Unsupported: its data set cannot be written in Explicit VR Little Endian without touching a pixel.
        Corrupt: it is damaged.
        Exhausted: there is no room for it, or the deadline passed.
    """
    uid = renamed_uid(kept.digest_data_set)
    if await archive.locate(instance=uid):
        return uid  # by an attempt that was cut short
    syntax = _syntax_of(newcomer)
    at = datetime.fromtimestamp(archive.now_ns() / 1e9, UTC)
    session = archive.session(msgspec.structs.replace(actor, facility=kept.facility or actor.facility))
    try:
        incoming = session.begin(Arrival(transfer_syntax_uid=syntax, sop_class_uid=newcomer.sop_class_uid))
        try:
            async with deadline.timeout():
                async for piece in _pieces(archive, newcomer, uid, at, kept.source):
                    if incoming.write(piece):
                        await incoming.drain()
            incoming.complete()
            await incoming.commit(deadline)
        except BaseException:
            await incoming.abort()
            raise
    except Invalid as error:
        raise Unsupported(f"instance {newcomer.sop_instance_uid} cannot get another UID: {error}") from error
    except TimeoutError as error:
        raise Exhausted("out of time while a copy was made; nothing was decided") from error
    finally:
        await session.close()
    return uid


def _syntax_of(instance: StoredInstance) -> TransferSyntaxUID:
    """The Transfer Syntax of the copy. Raises Unsupported."""
    stored = instance.transfer_syntax_uid
    encoding = encoding_of(stored)
    if encoding.is_little_endian and not encoding.is_implicit_vr and not encoding.is_deflated:
        return stored
    if not is_reencodable(stored, EXPLICIT_VR_LITTLE_ENDIAN):
        raise Unsupported(f"what is in Transfer Syntax {stored} cannot get another UID")
    return EXPLICIT_VR_LITTLE_ENDIAN


async def _pieces(
    archive: Archive, instance: StoredInstance, uid: str, at: datetime, source: str
) -> AsyncIterator[bytes]:
    """The data set of the copy."""
    reader = HeaderReader(_syntax_of(instance), frozenset())
    head: bytearray | None = bytearray()
    async for piece in _explicit(archive, instance):
        if head is None:
            yield piece
            continue
        head += piece
        if len(head) > _MAX_HEADER_BYTES:
            raise Unsupported(f"more than {_MAX_HEADER_BYTES} bytes before the pixels cannot get another UID")
        if reader.feed(piece):
            pixels = reader.header.pixel_data
            end = pixels.offset - _PIXEL_HEAD_BYTES if pixels is not None else len(head)
            yield await asyncio.to_thread(renamed, bytes(head[:end]), uid, at, source)
            yield bytes(head[end:])
            head = None
    if head is not None:
        yield await asyncio.to_thread(renamed, bytes(head), uid, at, source)


async def _explicit(archive: Archive, instance: StoredInstance) -> AsyncIterator[bytes]:
    stored = archive.stream(instance, instance.data_set_offset)
    if _syntax_of(instance) == instance.transfer_syntax_uid:
        async for chunk in stored:
            yield chunk
        return
    reencoder = Reencoder(instance.transfer_syntax_uid, EXPLICIT_VR_LITTLE_ENDIAN)
    async for chunk in stored:
        for piece in reencoder.feed(chunk):
            yield piece
    for piece in reencoder.close():
        yield piece
