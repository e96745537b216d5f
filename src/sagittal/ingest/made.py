"""An instance that was made here, as one finding of a person, on its way into the archive."""

from sagittal.archive.archive import Archive
from sagittal.archive.model import Stored
from sagittal.dicom.json_model import JsonDataset
from sagittal.ingest.composed import Stretch, compose
from sagittal.ingest.part10 import Part10Receiver
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline


async def store_made(archive: Archive, actor: Actor, dataset: JsonDataset, deadline: Deadline) -> Stored:
    """Stores a data set without bulk data; when this returns it is durable and can be found.

    Raises:
        Refused: the actor may not store here.
        Invalid: the data set lacks what identifies an instance.
    """
    session = archive.session(actor)
    try:
        receiver = Part10Receiver(session)
        try:
            for piece in await compose(dataset, lambda _: None):
                if not isinstance(piece, Stretch) and receiver.write(piece):
                    async with deadline.timeout():
                        await receiver.drain()
            return await receiver.commit(deadline)
        except BaseException:
            await receiver.abort()
            raise
    finally:
        await session.close()
