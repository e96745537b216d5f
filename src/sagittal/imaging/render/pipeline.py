"""The display pipeline: a decoded frame and the attributes to an 8-bit picture (PS3.4 Annex N)."""

import msgspec
import numpy as np
import numpy.typing as npt

from sagittal.dicom.json_model import JsonDataset
from sagittal.errors import Invalid
from sagittal.imaging.render.attributes import attributes_of_frame, numbers, text
from sagittal.imaging.render.colour import palette_colour, sampled_colour, supplemental_colour
from sagittal.imaging.render.grayscale import AS_STORED, VoiChoice, stages_of, to_grey
from sagittal.imaging.render.icc import converted, icc_profile
from sagittal.imaging.render.overlays import overlay_mask
from sagittal.imaging.render.recipe import SRGB
from sagittal.imaging.render.shutter import shutter_colour, shutter_grey, shutter_mask

Picture = npt.NDArray[np.uint8]
"""(rows, columns) grey or (rows, columns, 3) RGB."""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """How a frame is to be shown.

    Attributes:
        voi: which values of interest.
        shows_overlays: whether graphics overlays are drawn, white.
        space: of recipe.SPACES, to which colours are converted; `""` leaves them as they are.
    """

    voi: VoiChoice = AS_STORED
    shows_overlays: bool = True
    space: str = SRGB


DEFAULT_CHOICE = Choice()


def render_frame(
    frame: npt.NDArray[np.generic],
    dataset: JsonDataset,
    *,
    index: int = 0,
    choice: Choice = DEFAULT_CHOICE,
    words: npt.NDArray[np.generic] | None = None,
) -> Picture:
    """The picture of a frame.

    Args:
        frame: decoded, (rows, columns) or (rows, columns, samples), colour as RGB.
        dataset: the attributes of the instance.
        index: of the frame, from 0: decides its functional groups and overlay.
        choice: how it is shown.
        words: the pixel words as stored, for overlays in their unused bits.

    Raises:
        Invalid: the attributes contradict each other or the frame.
    """
    view = attributes_of_frame(dataset, index)
    picture = picture_of(frame, view, choice)
    rows, columns = picture.shape[:2]
    closed = shutter_mask(view, rows, columns)
    if closed is not None:
        picture = shuttered(picture, view, closed)
    drawn = overlay_mask(dataset, rows, columns, index, words) if choice.shows_overlays else None
    if drawn is not None:
        picture = picture.copy()
        picture[drawn] = 255
    return picture


def shuttered(picture: Picture, view: JsonDataset, closed: npt.NDArray[np.bool_]) -> Picture:
    """The picture with its closed part in the shutter's grey or, of colour pictures and where it is said, colour."""
    colour = shutter_colour(view)
    if picture.ndim == 2 and (colour is None or len(set(colour)) == 1):
        grey = shutter_grey(view) if colour is None or "00181622" in view else colour[0]
        return np.where(closed, np.uint8(grey), picture)
    if picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, axis=-1)
    return np.where(closed[..., None], np.array(colour or (shutter_grey(view),) * 3, np.uint8), picture)


def picture_of(frame: npt.NDArray[np.generic], view: JsonDataset, choice: Choice) -> Picture:
    """The values of a frame as shades or colours, without shutter and overlays."""
    photometric = text(view, "00280004")
    if photometric == "PALETTE COLOR" and frame.ndim == 2:
        return corrected(palette_colour(frame, view), view, choice)
    if frame.ndim == 3 and frame.shape[2] == 1:
        frame = frame[..., 0]
    if frame.ndim == 3:
        return corrected(sampled_colour(frame, view), view, choice)
    if frame.ndim != 2:
        raise Invalid(f"a frame has 2 or 3 dimensions; got {frame.ndim}")
    grey = to_grey(frame, stages_of(view, frame, choice.voi))
    coloured = supplemental_colour(frame, view) if "00089205" in view else None
    if coloured is None:
        return grey
    colours, where = coloured
    return corrected(np.where(where[..., None], colours, grey[..., None]), view, choice)


def corrected(picture: Picture, view: JsonDataset, choice: Choice) -> Picture:
    """A picture in colour in the space that is wanted, by the profile that the attributes have."""
    return converted(picture, icc_profile(view), choice.space) if choice.space else picture


def pixel_aspect(dataset: JsonDataset) -> float:
    """Height of a pixel over its width; 1.0 where nothing is said (PS3.3 Section C.7.6.3.1.7).

    >>> pixel_aspect({"00280034": {"vr": "IS", "Value": [2, 1]}})
    2.0
    """
    for tag in ("00280034", "00280030", "00181164", "00182010"):
        values = numbers(dataset, tag)
        if len(values) >= 2 and values[0] > 0 and values[1] > 0:
            ratio = values[0] / values[1]
            return ratio if 1 / _MAX_ASPECT <= ratio <= _MAX_ASPECT else 1.0
    return 1.0


_MAX_ASPECT = 32.0
