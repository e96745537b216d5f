"""Instances in another native encoding than they are stored in, for peers that take only that one."""

from collections.abc import AsyncGenerator

from sagittal.archive.model import StoredInstance
from sagittal.archive.reader import ArchiveReader
from sagittal.dicom.dataset.part10 import make_file_header
from sagittal.dicom.dataset.reencode import Reencoder


async def stream_data_set(
    archive: ArchiveReader, instance: StoredInstance, transfer_syntax_uid: str
) -> AsyncGenerator[bytes, None]:
    """The data set of an instance in the Transfer Syntax wanted; as stored if it is that one already.

    Raises:
        Unsupported: it cannot be had by converting the encoding alone.
    """
    stored = archive.stream(instance, instance.data_set_offset)
    if transfer_syntax_uid == instance.transfer_syntax_uid:
        async for chunk in stored:
            yield chunk
        return
    reencoder = Reencoder(instance.transfer_syntax_uid, transfer_syntax_uid)
    async for chunk in stored:
        for piece in reencoder.feed(chunk):
            yield piece
    for piece in reencoder.close():
        yield piece


async def stream_file(
    archive: ArchiveReader, instance: StoredInstance, transfer_syntax_uid: str
) -> AsyncGenerator[bytes, None]:
    """The instance as a DICOM file in the Transfer Syntax wanted; the very file that was stored if it is that one."""
    if transfer_syntax_uid == instance.transfer_syntax_uid:
        async for chunk in archive.stream(instance):
            yield chunk
        return
    yield make_file_header(
        sop_class_uid=instance.sop_class_uid,
        sop_instance_uid=instance.sop_instance_uid,
        transfer_syntax_uid=transfer_syntax_uid,
    )
    async for piece in stream_data_set(archive, instance, transfer_syntax_uid):
        yield piece
