"""A picture of each instance, in a ZIP that is made while it is sent."""

import zipfile
from collections.abc import AsyncIterator, Sequence
from typing import Final, Literal

from sagittal.archive.model import StoredInstance
from sagittal.archive.reader import ArchiveReader
from sagittal.errors import Invalid, NotFound, SagittalError
from sagittal.imaging.render.recipe import JPEG, PNG, Recipe
from sagittal.retrieve.media import Outlet
from sagittal.retrieve.rendered import has_pixels, middle_frame, rendered
from sagittal.retrieve.video import is_video
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.pools import WorkerPool

Kind = Literal["jpeg", "png"]
MOST_PICTURES: Final = 2000
_TIMEOUT_S: Final = 60.0
_KINDS: Final = {"jpeg": (JPEG, "jpg"), "png": (PNG, "png")}


def pictured(instances: Sequence[StoredInstance]) -> list[StoredInstance]:
    """Those that have a picture. Raises NotFound if none has, Invalid if there are more than MOST_PICTURES."""
    found = [one for one in instances if has_pixels(one) and not is_video(one)]
    if not found:
        raise NotFound("there is nothing in it that could be a picture")
    if len(found) > MOST_PICTURES:
        raise Invalid(f"at most {MOST_PICTURES} pictures are given at once; take one series after the other")
    return found


async def zipped_pictures(
    archive: ArchiveReader, actor: Actor, pool: WorkerPool, instances: Sequence[StoredInstance], kind: Kind
) -> AsyncIterator[bytes]:
    """The ZIP, piece by piece: of each instance its middle frame, or a text that says why there is no picture."""
    media_type, ending = _KINDS[kind]
    outlet = Outlet()
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_STORED) as file:
        for number, instance in enumerate(instances, 1):
            deadline, frame = Deadline.after(_TIMEOUT_S), [middle_frame(instance)]
            try:
                made = await rendered(archive, actor, pool, instance, frame, Recipe(media_type=media_type), deadline)
            except SagittalError as error:
                made, name = str(error).encode(), f"{number:05d}.txt"
            else:
                name = f"{number:05d}.{ending}"
            file.writestr(name, made)
            yield outlet.taken()
    yield outlet.taken()
