"""The picture of a frame as a presentation state shows it (PS3.4 Section N.2).

stored values ─ modality ─ mask ─ VOI ─ presentation LUT or palette ─ shutter      in the image's pixels
              ─ turned, flipped, cut to the displayed area, scaled                 `placement`
              ─ layer by layer: overlays, graphics, texts                          in the picture's pixels
"""

import msgspec
import numpy as np
import numpy.typing as npt

from sagittal.dicom.json_model import JsonDataset
from sagittal.imaging.render.attributes import text
from sagittal.imaging.render.colour import palette_shades
from sagittal.imaging.render.grayscale import shades_of, stages_of
from sagittal.imaging.render.overlays import overlay_plane
from sagittal.imaging.render.pipeline import Choice, Picture, corrected, picture_of, shuttered
from sagittal.imaging.render.presentation.attributes import (
    PALETTE,
    activated,
    first_applying,
    seen_attributes,
    voi_choice,
    without_mask,
    without_modality,
)
from sagittal.imaging.render.presentation.drawing import Ink, draw_shapes, paint
from sagittal.imaging.render.presentation.graphics import WHITE, Layer, labels_of, layers_of, shapes_of
from sagittal.imaging.render.presentation.labels import draw_label
from sagittal.imaging.render.presentation.placement import Placement, placement_of
from sagittal.imaging.render.presentation.references import PSEUDO_COLOUR, VARIABLE_MODALITY, mask_of
from sagittal.imaging.render.recipe import SRGB, Viewport, Window
from sagittal.imaging.render.shutter import shutter_mask

Frame = npt.NDArray[np.generic]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a client asked for, beside the state: it goes before what the state says."""

    window: Window | None = None
    viewport: Viewport | None = None
    space: str = SRGB


def present(
    frame: Frame,
    image: JsonDataset,
    state: JsonDataset,
    *,
    index: int,
    asked: Asked,
    words: Frame | None = None,
    masks: list[Frame] | None = None,
) -> Picture:
    """The picture, (rows, columns) grey or (rows, columns, 3) RGB.

    Args:
        frame: decoded, as `pipeline.render_frame` takes it.
        image, state: the attributes of both.
        index: of the frame, from 0.
        words: the pixel words as stored, for overlays in their unused bits.
        masks: decoded frames whose mean is subtracted.

    Raises:
        Invalid: the attributes contradict each other or the frame.
        Exhausted: the picture would be too large.
    """
    seen = seen_attributes(image, state, index)
    picture = _values(frame, seen, state, index, asked, masks or [])
    rows, columns = picture.shape[:2]
    closed = shutter_mask(seen, rows, columns)
    if closed is not None:
        picture = shuttered(picture, seen, closed)
    uid = text(image, "00080018")
    area = first_applying(state, "0070005A", uid, index + 1)
    placement = placement_of(state, area, image, rows, columns, asked.viewport)
    shown = placement.place(picture)
    planes = {group: overlay_plane(seen, group, rows, columns, index, words) for group in activated(state)}
    return _drawn(shown, state, placement, planes, (uid, index + 1))


def _values(
    frame: Frame, seen: JsonDataset, state: JsonDataset, index: int, asked: Asked, masks: list[Frame]
) -> Picture:
    is_grey = frame.ndim == 2 and text(seen, "00280004") != "PALETTE COLOR"
    if is_grey and masks:
        window = voi_choice(seen, frame, asked.window)
        mask = mask_of(state, index + 1)
        shift = mask.shift if mask is not None else (0.0, 0.0)
        frame, seen = without_mask(frame, masks, shift, seen), without_modality(seen)
        choice = Choice(voi=window, space=asked.space)
    else:
        choice = Choice(voi=voi_choice(seen, frame, asked.window), space=asked.space)
    palettes = {tag: state[tag] for tag in PALETTE if tag in state}
    if is_grey and palettes and text(state, "00080016") in (PSEUDO_COLOUR, VARIABLE_MODALITY):
        shades = shades_of(frame, stages_of(seen, frame, choice.voi))
        return corrected(palette_shades(shades, palettes), seen, choice)
    return picture_of(frame, seen, choice)


def _drawn(
    picture: Picture,
    state: JsonDataset,
    placement: Placement,
    planes: dict[int, npt.NDArray[np.bool_] | None],
    frame: tuple[str, int],
) -> Picture:
    shapes, labels, overlays = shapes_of(state, *frame), labels_of(state, *frame), activated(state)
    painted = 0
    named = [*overlays.values(), *(one.layer for one in shapes), *(one.layer for one in labels)]
    for layer in _all_layers(state, named):
        for group in (group for group, name in overlays.items() if name == layer.name):
            plane = planes.get(group)
            if plane is not None:
                coverage = placement.place(plane.astype(np.uint8) * 255, is_bitmap=True)
                picture = paint(picture, Ink(coverage), layer.colour)
        drawn = [one for one in shapes if one.layer == layer.name]
        picture, painted = draw_shapes(picture, drawn, placement, layer.colour, painted)
        for label in labels:
            if label.layer == layer.name:
                picture = draw_label(picture, label, placement, layer.colour)
    return picture


def _all_layers(state: JsonDataset, named: list[str]) -> list[Layer]:
    """The layers of the state, lowest first; then those that are named and not described."""
    layers = list(layers_of(state))
    known = {layer.name for layer in layers}
    return [*layers, *(Layer(name, 0, WHITE) for name in dict.fromkeys(named) if name not in known)]
