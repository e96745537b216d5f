"""Two instances side by side: the attributes that differ, and whether their pixels do."""

import asyncio
from typing import Final, Literal, NamedTuple, TypeAlias

from sagittal.archive.model import StoredInstance
from sagittal.archive.reader import ArchiveReader
from sagittal.dicom.json_model.differences import Difference, differences
from sagittal.dicom.transfer_syntax import encoding_of
from sagittal.errors import Invalid, Unsupported
from sagittal.imaging.render.recipe import WEBP, Recipe, Viewport
from sagittal.retrieve.metadata import read_parts
from sagittal.retrieve.rendered import middle_frame, rendered
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.pools import WorkerPool

Pixels: TypeAlias = Literal["same", "different", "one", "none", "encoded otherwise"]
"""Byte for byte the same or not; only one has any, neither has; in two Transfer Syntaxes, which bytes cannot tell."""

_CHUNK_BYTES: Final = 1 << 20


class Comparison(NamedTuple):
    """How two instances differ.

    Attributes:
        attributes: that are not the same; those of the file meta information are not looked at.
        is_all: whether these are all.
        pixels: whether the pixel data is the same.
    """

    attributes: tuple[Difference, ...]
    is_all: bool
    pixels: Pixels


async def compare(
    archive: ArchiveReader, actor: Actor, one: StoredInstance, other: StoredInstance, deadline: Deadline
) -> Comparison:
    """How `other` differs from `one`; who may see them was asked when they were located.

    Raises:
        Corrupt: one of them is damaged.
        Unsupported: one of them cannot be read as a data set.
        Exhausted: without their pixels they are too large to be held.
    """
    try:
        parts = [await read_parts(archive, actor, instance, deadline) for instance in (one, other)]
        found = await asyncio.to_thread(differences, *parts)
    except Invalid as error:
        raise Unsupported(f"what lies under {one.sop_instance_uid} cannot be compared: {error}") from error
    return Comparison(found.found, found.is_all, await _pixels(archive, one, other, deadline))


async def _pixels(archive: ArchiveReader, one: StoredInstance, other: StoredInstance, deadline: Deadline) -> Pixels:
    has = [_has_pixels(instance) for instance in (one, other)]
    if not all(has):
        return "one" if any(has) else "none"
    if one.transfer_syntax_uid != other.transfer_syntax_uid:
        return "encoded otherwise"
    spans = [_span(instance) for instance in (one, other)]
    if spans[0][1] - spans[0][0] != spans[1][1] - spans[1][0]:
        return "different"
    for at in range(0, spans[0][1] - spans[0][0], _CHUNK_BYTES):
        deadline.check("comparing pixels")
        pieces = [
            await archive.read(instance, start + at, min(_CHUNK_BYTES, stop - start - at))
            for instance, (start, stop) in zip((one, other), spans, strict=True)
        ]
        if pieces[0] != pieces[1]:
            return "different"
    return "same"


def _has_pixels(instance: StoredInstance) -> bool:
    return instance.pixel_offset is not None or encoding_of(instance.transfer_syntax_uid).is_deflated


def _span(instance: StoredInstance) -> tuple[int, int]:
    """Where the pixel data lies in the file; of a deflated data set all of it."""
    start = instance.data_set_offset + (instance.pixel_offset or 0)
    stop = start + instance.pixel_length if instance.pixel_length is not None else instance.file_length
    return start, stop


async def preview(
    archive: ArchiveReader, actor: Actor, pool: WorkerPool, instance: StoredInstance, deadline: Deadline
) -> bytes:
    """A picture of the middle frame, as WebP. Errors as `rendered`."""
    return await rendered(archive, actor, pool, instance, [middle_frame(instance)], _RECIPE, deadline)


PREVIEW_TYPE: Final = WEBP
_RECIPE: Final = Recipe(
    media_type=PREVIEW_TYPE, quality=80, viewport=Viewport(width=640, height=640, only_shrinks=True)
)
