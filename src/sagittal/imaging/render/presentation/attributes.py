"""What a presentation state says in the place of what the image says (PS3.4 Sections N.2.1 and N.2.4).

Under a state the image's own modality LUT, windows, polarity, shutter, aspect ratio and overlays do not count. Where
the state says nothing of a stage, that stage changes nothing.
"""

import numpy as np
import numpy.typing as npt

from sagittal.dicom.json_model import JsonDataset
from sagittal.imaging.render.attributes import attributes_of_frame, items, number, text
from sagittal.imaging.render.grayscale import Rescale, VoiChoice, modality_of
from sagittal.imaging.render.overlays import OVERLAY_GROUPS
from sagittal.imaging.render.presentation.references import COLOUR, applies
from sagittal.imaging.render.recipe import Window
from sagittal.imaging.render.voi import Values, stored_lookups, stored_windows

_MODALITY = ("00283000", "00281052", "00281053", "00281054")
_VOI = ("00281050", "00281051", "00281056", "00283010")
_PRESENTATION = ("20500010", "20500020")
_SHUTTER = tuple(f"001816{number:02X}" for number in (0, 2, 4, 6, 8, 0x10, 0x12, 0x20, 0x22, 0x23, 0x24))
_COLOUR = ("00282000", "00082002")
_ACTIVATION = "1001"
_VARIABLE_MODALITY, _SOFTCOPY_VOI = "00283001", "00283110"
_PIXEL_PRESENTATION = "00089205"

PALETTE = ("00281199", *(f"0028{base + colour:04X}" for base in (0x1101, 0x1201, 0x1221) for colour in range(3)))


def seen_attributes(image: JsonDataset, state: JsonDataset, index: int) -> JsonDataset:
    """The attributes of frame `index`, from 0, as the state has them.

    Overlay groups are those that the state activates: its own planes, else the image's.
    """
    frame = attributes_of_frame(image, index)
    replaced = {*_MODALITY, *_VOI, *_PRESENTATION, *_SHUTTER}
    seen = {tag: element for tag, element in frame.items() if tag not in replaced and not tag.startswith("60")}
    for tag in (*_MODALITY, *_PRESENTATION, *_SHUTTER, *_COLOUR):
        if tag in state:
            seen[tag] = state[tag]
    uid = text(image, "00080018")
    for sequence, tags in ((_VARIABLE_MODALITY, _MODALITY), (_SOFTCOPY_VOI, _VOI)):
        item = first_applying(state, sequence, uid, index + 1)
        seen.update((tag, item[tag]) for tag in tags if tag in item)
    if text(state, "00080016") != COLOUR:
        seen.pop(_PIXEL_PRESENTATION, None)  # grey states know of no supplemental palettes
    if text(frame, "00280004").startswith("MONOCHROME"):
        seen["00280004"] = {"vr": "CS", "Value": ["MONOCHROME2"]}
    seen.update(_overlays(image, state))
    return seen


def activated(state: JsonDataset) -> dict[int, str]:
    """The graphic layer of each overlay group that is to be drawn: Overlay Activation Layer (60xx,1001)."""
    found = {group: text(state, f"{group:04X}{_ACTIVATION}") for group in OVERLAY_GROUPS}
    return {group: layer for group, layer in found.items() if layer}


def voi_choice(seen: JsonDataset, frame: npt.NDArray[np.generic], asked: Window | None) -> VoiChoice:
    """What is asked, else what the state says, else all values that the modality stage can give (PS3.4 N.2.1.3)."""
    if asked is not None:
        return VoiChoice(window=asked)
    if stored_windows(seen) or stored_lookups(seen, is_signed=False):
        return VoiChoice(prefers_lookup="00283010" in seen)
    return VoiChoice(window=_all_values(seen, frame))


def first_applying(state: JsonDataset, tag: str, sop_instance_uid: str, frame: int) -> JsonDataset:
    """The first item of a sequence of the state that is about a frame, from 1; empty if there is none."""
    return next((item for item in items(state, tag) if applies(item, sop_instance_uid, frame)), {})


def without_mask(
    frame: npt.NDArray[np.generic],
    masks: list[npt.NDArray[np.generic]],
    shift: tuple[float, float],
    seen: JsonDataset,
) -> Values:
    """Modality values less the mean of those of the masks, of the same shape (PS3.4 Section N.2.1.2).

    Args:
        shift: how far the masks are moved down and to the right, pixels (PS3.3 Section C.7.6.10.1.2).
    """
    modality = modality_of(seen)
    mean = np.zeros(frame.shape, np.float64)
    for mask in masks:
        mean += modality.apply(mask)
    return modality.apply(frame).astype(np.float64) - _moved(mean / len(masks), shift)


def without_modality(seen: JsonDataset) -> JsonDataset:
    """The attributes for values that went through the modality stage already."""
    return {tag: element for tag, element in seen.items() if tag not in _MODALITY}


def _moved(values: Values, shift: tuple[float, float]) -> Values:
    """Values moved along rows and columns, between pixels linearly; the edge goes on beyond itself."""
    for axis, distance in enumerate(shift):
        if distance:
            size = values.shape[axis]
            source = np.clip(np.arange(size) - distance, 0, size - 1)
            lower = np.floor(source).astype(np.intp)
            share = (source - lower).reshape((-1, 1) if axis == 0 else (1, -1))
            upper = np.minimum(lower + 1, size - 1)
            values = values.take(lower, axis) * (1 - share) + values.take(upper, axis) * share
    return values


def _overlays(image: JsonDataset, state: JsonDataset) -> JsonDataset:
    wanted = [*activated(state), int(number(state, "00181623", 0))]
    found: JsonDataset = {}
    for group in wanted:
        prefix = f"{group:04X}"
        source = state if f"{prefix}0010" in state else image
        found.update((tag, element) for tag, element in source.items() if tag.startswith(prefix))
    return found


def _all_values(seen: JsonDataset, frame: npt.NDArray[np.generic]) -> Window:
    modality = modality_of(seen)
    if not isinstance(modality, Rescale):
        low, high = 0.0, float((1 << modality.bits) - 1)
    elif frame.dtype.kind == "f":
        finite = modality.apply(frame[np.isfinite(frame)])
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    else:
        bits = min(max(int(number(seen, "00280101", 16)), 1), 32)
        is_signed = number(seen, "00280103", 0) == 1
        ends = (-(1 << bits - 1), (1 << bits - 1) - 1) if is_signed else (0, (1 << bits) - 1)
        low, high = sorted(end * modality.slope + modality.intercept for end in ends)
    return Window((low + high) / 2, max(high - low, 1e-9), "LINEAR_EXACT")
