"""Presentation states: what they show, found in the archive and made into pictures (PS3.18 Section 9.5.2)."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from sagittal.access.asking import ask
from sagittal.archive.model import StoredInstance
from sagittal.archive.reader import ArchiveReader
from sagittal.dicom import json_model
from sagittal.dicom.identifiers import InstanceUID, SeriesUID
from sagittal.dicom.json_model import JsonDataset
from sagittal.dicom.transfer_syntax import EXPLICIT_VR_LITTLE_ENDIAN, encoding_of
from sagittal.errors import Exhausted, NotFound, Unsupported
from sagittal.imaging.render.presentation.references import (
    ShownImage,
    check_supported,
    is_presentation_state,
    mask_of,
    shown_images,
)
from sagittal.imaging.render.recipe import EncodedFrame, EncodedState, Recipe
from sagittal.retrieve.frames import locate_frames, read_frame
from sagittal.retrieve.header import read_inflated
from sagittal.retrieve.rendered import rendered
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.pools import WorkerPool

MAX_STATE_BYTES = 64 * 1024**2
MAX_MASKS = 256
"""Frames subtracted within one moving picture."""


class State(NamedTuple):
    """A presentation state, read.

    Attributes:
        data, transfer_syntax_uid: its data set, no longer deflated, and how it is written.
        said: its attributes without large binary values.
    """

    instance: StoredInstance
    data: bytes
    transfer_syntax_uid: str
    said: JsonDataset


class Shown(NamedTuple):
    """An instance that a state shows; no `frames` means all of them."""

    instance: StoredInstance
    frames: tuple[int, ...]


async def read_state(archive: ArchiveReader, actor: Actor, instance: StoredInstance, deadline: Deadline) -> State:
    """The state that an instance holds.

    Raises:
        Unsupported: it holds none, or one of a kind whose pictures are not made.
        Exhausted: it is too large.
    """
    del actor  # who was asked about when the instance was located
    uid = instance.sop_instance_uid
    if not is_presentation_state(instance.sop_class_uid):
        raise Unsupported(f"instance {uid} is no presentation state but of SOP Class {instance.sop_class_uid}")
    check_supported(instance.sop_class_uid)
    if instance.data_set_length > MAX_STATE_BYTES:
        raise Exhausted(f"presentation state {uid} is larger than {MAX_STATE_BYTES} bytes")
    deadline.check("reading a presentation state")
    data = await read_inflated(archive, instance)
    is_deflated = encoding_of(instance.transfer_syntax_uid).is_deflated
    syntax = str(EXPLICIT_VR_LITTLE_ENDIAN) if is_deflated else instance.transfer_syntax_uid
    return State(instance, data, syntax, await asyncio.to_thread(_parsed, data, syntax))


async def shown_by(
    archive: ArchiveReader, actor: Actor, state: State, deadline: Deadline
) -> tuple[tuple[Shown, ...], int]:
    """The instances that a state shows, as far as they are kept here, and how many are not.

    Raises:
        NotFound: none of them is.
    """
    allowed = ask(archive.witness, actor, "read")
    wanted = shown_images(state.said)
    found: list[Shown] = []
    for images in _by_series(wanted):
        deadline.check("looking for the images of a presentation state")
        series = images[0].series_instance_uid
        one = images[0].sop_instance_uid if len(images) == 1 else None
        async with deadline.timeout():
            kept = await archive.locate(
                series=SeriesUID(series) if series else None,
                instance=InstanceUID(one) if one else None,
                allowed=allowed,
            )
            await archive.witness.accessed(actor, "read", {instance.study_instance_uid for instance in kept})
        here = {instance.sop_instance_uid: instance for instance in kept if not instance.is_corrupt}
        found.extend(
            Shown(here[InstanceUID(image.sop_instance_uid)], image.frames)
            for image in images
            if image.sop_instance_uid in here
        )
    if not found:
        uid = state.instance.sop_instance_uid
        raise NotFound(f"none of the {len(wanted)} images that presentation state {uid} shows is kept here")
    return tuple(found), len(wanted) - len(found)


async def presented(
    archive: ArchiveReader,
    actor: Actor,
    pool: WorkerPool,
    state: State,
    instance: StoredInstance,
    numbers: Sequence[int],
    recipe: Recipe,
    deadline: Deadline,
) -> bytes:
    """A picture of frame `numbers[0]` as a state shows it, or a moving one of several; raises as `rendered` does."""
    masks = await _masks(archive, actor, state.said, instance, numbers, deadline)
    encoded = EncodedState(state.data, state.transfer_syntax_uid, masks)
    return await rendered(archive, actor, pool, instance, numbers, recipe, deadline, encoded)


def _by_series(images: Sequence[ShownImage]) -> list[list[ShownImage]]:
    """Images of one series together; those that name no series each for itself."""
    found: dict[str, list[ShownImage]] = {}
    for image in images:
        found.setdefault(image.series_instance_uid or image.sop_instance_uid, []).append(image)
    return list(found.values())


async def _masks(
    archive: ArchiveReader,
    actor: Actor,
    said: JsonDataset,
    instance: StoredInstance,
    numbers: Sequence[int],
    deadline: Deadline,
) -> tuple[EncodedFrame, ...]:
    """The frames that are subtracted from others; one that is not there is not subtracted."""
    masks = [mask for number in numbers if (mask := mask_of(said, number)) is not None]
    wanted = dict.fromkeys(frame for mask in masks for frame in mask.frames if frame <= instance.frames)
    if len(wanted) > MAX_MASKS:
        raise Exhausted(f"more than {MAX_MASKS} frames are to be subtracted in one moving picture")
    located = await locate_frames(archive, actor, instance, wanted, deadline)
    return tuple(
        [
            EncodedFrame(number - 1, await read_frame(archive, instance, frame))
            for number, frame in zip(wanted, located, strict=True)
        ]
    )


def _parsed(data: bytes, transfer_syntax_uid: str) -> JsonDataset:
    return json_model.loads(json_model.encode(data, transfer_syntax_uid, bulk=lambda *_: ""))[0]
