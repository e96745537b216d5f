"""Two instances side by side: the attributes that differ, and whether their pixels do."""

import asyncio
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from sagittal.archive.model import StoredInstance
from sagittal.archive.reader import ArchiveReader
from sagittal.dicom.json_model.differences import Difference, differences
from sagittal.dicom.transfer_syntax import EXPLICIT_VR_LITTLE_ENDIAN
from sagittal.errors import Invalid, NotFound, Unsupported
from sagittal.imaging.render.recipe import WEBP, Recipe, Viewport
from sagittal.retrieve.metadata import read_parts
from sagittal.retrieve.rendered import has_pixels, middle_frame, rendered
from sagittal.retrieve.transcoded import Source, transcoded_frame
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.pools import WorkerPool

Pixels: TypeAlias = Literal["same", "same when decoded", "different", "one", "none", "encoded otherwise"]
"""Byte for byte the same, or after decoding, or not; only one has any, neither has; they cannot be decoded to tell."""

MAX_DECODED_FRAMES: Final = 300
"""Of instances in two Transfer Syntaxes; of more it is not told whether they are the same."""

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
    archive: ArchiveReader,
    actor: Actor,
    pool: WorkerPool,
    one: StoredInstance,
    other: StoredInstance,
    deadline: Deadline,
) -> Comparison:
    """How `other` differs from `one`; who may see them was asked when they were located.

    Args:
        pool: decodes, where the two are in two Transfer Syntaxes.

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
    has = [has_pixels(instance) for instance in (one, other)]
    if not all(has):
        return Comparison(found.found, found.is_all, "one" if any(has) else "none")
    if one.transfer_syntax_uid == other.transfer_syntax_uid:
        return Comparison(found.found, found.is_all, await _as_stored(archive, one, other, deadline))
    sources = [Source(archive, actor, instance, deadline, pool) for instance in (one, other)]
    return Comparison(found.found, found.is_all, await _as_decoded(sources))


async def _as_decoded(sources: Sequence[Source]) -> Pixels:
    """Frame by frame, each decoded."""
    one, other = (source.instance for source in sources)
    if one.frames != other.frames:
        return "different"
    if one.frames > MAX_DECODED_FRAMES:
        return "encoded otherwise"
    try:
        for number in range(1, one.frames + 1):
            first, second = [await transcoded_frame(each, number, EXPLICIT_VR_LITTLE_ENDIAN) for each in sources]
            if first != second:
                return "different"
    except (NotFound, Unsupported):
        return "encoded otherwise"
    return "same when decoded"


async def _as_stored(archive: ArchiveReader, one: StoredInstance, other: StoredInstance, deadline: Deadline) -> Pixels:
    """Byte by byte."""
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
