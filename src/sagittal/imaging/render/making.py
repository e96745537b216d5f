"""Frames as stored to a finished picture, all of it in one call, for a worker process."""

import functools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from sagittal.dicom import json_model
from sagittal.dicom.dataset import HeaderReader, Limits
from sagittal.dicom.json_model import JsonDataset
from sagittal.dicom.registry.tables import elements
from sagittal.dicom.transfer_syntax import encoding_of
from sagittal.errors import Invalid, NotFound
from sagittal.imaging.codecs import decode_frame
from sagittal.imaging.pixels import SHAPE_TAGS, FrameShape
from sagittal.imaging.render.annotation import annotate
from sagittal.imaging.render.attributes import attributes_of_frame
from sagittal.imaging.render.cine import frame_times
from sagittal.imaging.render.encode import encode_cine, encode_picture
from sagittal.imaging.render.geometry import cut_region, place
from sagittal.imaging.render.grayscale import VoiChoice, stages_of
from sagittal.imaging.render.icc import icc_profile, profile_of
from sagittal.imaging.render.overlays import needs_words
from sagittal.imaging.render.pipeline import Choice, pixel_aspect, render_frame
from sagittal.imaging.render.presentation.placement import has_region
from sagittal.imaging.render.presentation.presenting import Asked, present
from sagittal.imaging.render.presentation.references import mask_of
from sagittal.imaging.render.recipe import SRGB, EncodedFrame, EncodedState, Recipe, Window
from sagittal.imaging.render.voi import stored_windows

_SHOWN_GROUPS = frozenset((0x0008, 0x0010, 0x0018, 0x0020, 0x0028, 0x0048, 0x0054, 0x0070, 0x2050, 0x5200))
_PLAIN_GROUPS = frozenset((0x0028, 0x0048, 0x0054, 0x0070, 0x2050, 0x5200))
_PLAIN_TAGS = frozenset(
    (
        0x00080005,  # in what characters the others are written
        0x00080060,  # decides the window where none is said
        0x00082144,  # rate and times of frames
        0x00089205,  # supplemental colour
        0x00180040,
        0x00181063,
        0x00181065,
        0x00181164,  # spacings, for pixels that are not square
        0x00182010,
        *range(0x00181600, 0x00181625),  # shutters
    )
)
_OVERLAYS = (0x0010, 0x0011, 0x0015, 0x0022, 0x0040, 0x0045, 0x0050, 0x0051, 0x0100, 0x0102, 0x1001, 0x1500, 0x3000)
_MAX_HEADER_BYTES = 64 << 20  # functional groups of many frames are one element
_LIMITS = Limits(max_element_bytes=_MAX_HEADER_BYTES, max_kept_bytes=_MAX_HEADER_BYTES)


@functools.cache
def shown_tags(*, is_plain: bool) -> frozenset[int]:
    """What of a data set can matter to its picture; the rest, private elements above all, is stepped over.

    Args:
        is_plain: without text on it, and as the instance itself says.
    """
    groups = _PLAIN_GROUPS if is_plain else _SHOWN_GROUPS
    named = {tag for tag in elements() if tag >> 16 in groups}
    overlays = {(0x6000 + group) << 16 | element for group in range(0, 32, 2) for element in _OVERLAYS}
    return frozenset(named | overlays | SHAPE_TAGS | _PLAIN_TAGS)


MAX_CINE_BYTES = 512 * 1024**2
"""Of the decoded frames of a moving picture; of longer ones frames are left out."""


def make_picture(
    header: bytes,
    transfer_syntax_uid: str,
    frames: Sequence[EncodedFrame],
    recipe: Recipe,
    state: EncodedState | None = None,
) -> bytes:
    """The picture of one frame, or the moving picture of several.

    Args:
        header: the data set up to its pixels, with the head of their element, as stored.
        transfer_syntax_uid: of the data set.
        state: the presentation state to show them by.

    Raises:
        Invalid, Unsupported, Exhausted: the frames or attributes cannot be read, or ask too much.
    """
    reader = HeaderReader(transfer_syntax_uid, shown_tags(is_plain=state is None and not recipe.annotations), _LIMITS)
    if not reader.feed(header):
        raise Invalid("a data set ends before its pixel data")
    found = reader.header
    shape = FrameShape.of(found)
    dataset = json_model.encode_elements(found.elements, transfer_syntax_uid)
    if not frames:
        raise NotFound("there are no frames to make a picture of")
    frames = _few_enough(frames, shape)
    if state is None:
        voi = _common_voi(dataset, shape, frames, recipe)
        images = [_image(dataset, shape, frame, recipe, voi) for frame in frames]
    else:
        images = _presented(dataset, shape, frames, recipe, state)
    if len(images) == 1:
        profile = _embedded(images[0], dataset, recipe)
        return encode_picture(images[0], recipe.media_type, quality=recipe.quality, icc_profile=profile)
    times = frame_times(dataset, frames[-1].index + 1)
    return encode_cine(images, _shown_for(times, frames), recipe.media_type, quality=recipe.quality)


def _few_enough(frames: Sequence[EncodedFrame], shape: FrameShape) -> Sequence[EncodedFrame]:
    """Every n-th frame, so that all of them decoded fit into memory."""
    step = -(-len(frames) * max(shape.decoded_bytes, 1) // MAX_CINE_BYTES)
    return frames[:: max(1, step)]


def _image(dataset: JsonDataset, shape: FrameShape, frame: EncodedFrame, recipe: Recipe, voi: VoiChoice) -> Image.Image:
    decoded = decode_frame(frame.data, shape)
    words = _words(frame.data, shape) if needs_words(dataset) else None
    choice = Choice(voi=voi, space=recipe.space)
    picture = render_frame(decoded, dataset, index=frame.index, choice=choice, words=words)
    aspect = pixel_aspect(attributes_of_frame(dataset, frame.index))
    placed = place(cut_region(picture, recipe.region), aspect, recipe.viewport)
    return annotate(placed, dataset, recipe.annotations)


def _presented(
    dataset: JsonDataset, shape: FrameShape, frames: Sequence[EncodedFrame], recipe: Recipe, state: EncodedState
) -> list[Image.Image]:
    said = json_model.loads(json_model.encode(state.data, state.transfer_syntax_uid))[0]
    is_whole = recipe.region is None and (recipe.viewport is None or not has_region(recipe.viewport))
    viewport = recipe.viewport if is_whole else None  # else the part is cut from the picture in its own size
    asked = Asked(window=recipe.window, viewport=viewport, space=recipe.space)
    masks = {mask.index + 1: decode_frame(mask.data, shape) for mask in state.masks}
    images: list[Image.Image] = []
    for frame in frames:
        mask = mask_of(said, frame.index + 1)
        picture = present(
            decode_frame(frame.data, shape),
            dataset,
            said,
            index=frame.index,
            asked=asked,
            words=_words(frame.data, shape) if needs_words(dataset) else None,
            masks=[masks[number] for number in mask.frames if number in masks] if mask is not None else [],
        )
        placed = place(cut_region(picture, recipe.region), viewport=None if is_whole else recipe.viewport)
        images.append(annotate(placed, dataset, recipe.annotations))
    return _alike(images)


def _alike(images: list[Image.Image]) -> list[Image.Image]:
    """All in colour if one of them is: a moving picture has frames of one kind."""
    is_colour = any(image.mode == "RGB" for image in images)
    return [image.convert("RGB") if is_colour else image for image in images]


def _common_voi(dataset: JsonDataset, shape: FrameShape, frames: Sequence[EncodedFrame], recipe: Recipe) -> VoiChoice:
    """Where the instance has no window, one for all frames, from the one in the middle: cine must not flicker."""
    asked = VoiChoice(window=recipe.window)
    is_grey = shape.samples_per_pixel == 1 and shape.photometric_interpretation != "PALETTE COLOR"
    if len(frames) == 1 or not is_grey or recipe.window is not None:
        return asked
    middle = frames[len(frames) // 2]
    stages = stages_of(attributes_of_frame(dataset, middle.index), decode_frame(middle.data, shape))
    has_own = bool(stored_windows(attributes_of_frame(dataset, middle.index)))
    return asked if has_own or not isinstance(stages.voi, Window) else VoiChoice(window=stages.voi)


def _shown_for(times: Sequence[float], frames: Sequence[EncodedFrame]) -> list[float]:
    """How long each frame is shown where some were left out: until the next that is there."""
    ends = [frame.index for frame in frames[1:]] + [len(times)]
    return [sum(times[frame.index : end]) for frame, end in zip(frames, ends, strict=True)]


def _words(data: bytes, shape: FrameShape) -> npt.NDArray[np.generic] | None:
    """The words of a native frame of one sample, unused bits and all; None for any other."""
    is_native = not encoding_of(shape.transfer_syntax_uid).is_encapsulated
    if not is_native or shape.samples_per_pixel != 1 or shape.bits_allocated not in (8, 16, 32):
        return None
    size = shape.rows * shape.columns
    order = "<" if shape.is_little_endian else ">"
    if len(data) < size * shape.bits_allocated // 8:
        return None
    whole = np.frombuffer(data, f"{order}u{shape.bits_allocated // 8}", size)
    return whole.reshape(shape.rows, shape.columns)


def _embedded(image: Image.Image, dataset: JsonDataset, recipe: Recipe) -> bytes:
    """The profile that goes with a picture; none with a grey one, whose values are no RGB."""
    if not recipe.icc or recipe.icc == "no" or image.mode != "RGB":
        return b""
    return profile_of(recipe.space) if recipe.space else icc_profile(dataset) or profile_of(SRGB)
