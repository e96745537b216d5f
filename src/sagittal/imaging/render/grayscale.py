"""Stored values of one sample to 8-bit grey: modality, VOI, polarity (PS3.4 Section N.2.1)."""

from typing import NamedTuple, cast

import msgspec
import numpy as np
import numpy.typing as npt

from sagittal.dicom.json_model import JsonDataset
from sagittal.imaging.render.attributes import items, number, text, words
from sagittal.imaging.render.lookup import Lookup, read_lookup
from sagittal.imaging.render.recipe import Window
from sagittal.imaging.render.voi import (
    Values,
    default_window,
    stored_lookups,
    stored_windows,
    windowed,
)

Stored = npt.NDArray[np.generic]
Grey = npt.NDArray[np.uint8]


class Rescale(NamedTuple):
    """Output units = slope * stored value + intercept (PS3.3 Section C.11.1)."""

    slope: float
    intercept: float

    def apply(self, values: Stored) -> Values:
        """Modality values."""
        return values.astype(np.float64) * self.slope + self.intercept


class VoiChoice(msgspec.Struct, frozen=True, kw_only=True):
    """Which values of interest are shown.

    Attributes:
        window: this one, whatever the instance says.
        number: which of the stored windows, from 1; one that is not there means the first.
        prefers_lookup: a stored VOI LUT, of that number, goes before a stored window.
    """

    window: Window | None = None
    number: int = 1
    prefers_lookup: bool = False


AS_STORED = VoiChoice()


class Stages(NamedTuple):
    """The stages of the pipeline for one frame; `voi` is None until the values say what they need."""

    modality: Rescale | Lookup
    voi: Window | Lookup
    presentation: Lookup | None
    is_inverted: bool


def modality_of(dataset: JsonDataset) -> Rescale | Lookup:
    """The modality LUT, or the rescaling that stands in for it; each excludes the other (PS3.3 Section C.11.1)."""
    sequence = items(dataset, "00283000")
    if sequence:
        is_signed = number(dataset, "00280103", 0) == 1
        return read_lookup(sequence[0], "00283002", "00283006", is_signed=is_signed)
    return Rescale(number(dataset, "00281053", 1.0), number(dataset, "00281052", 0.0))


def stages_of(dataset: JsonDataset, frame: Stored, choice: VoiChoice = AS_STORED) -> Stages:
    """What the attributes, the choice and, without a window in either, the frame's values make the stages be.

    Raises:
        Invalid: a lookup table cannot be read.
    """
    modality = modality_of(dataset)
    sequence = items(dataset, "20500010")
    presentation = read_lookup(sequence[0], "00283002", "00283006", is_signed=False) if sequence else None
    shape = text(dataset, "20500020").upper()
    is_inverted = text(dataset, "00280004") == "MONOCHROME1" or shape == "INVERSE"
    return Stages(modality, _voi(dataset, frame, modality, choice), presentation, is_inverted)


def to_grey(frame: Stored, stages: Stages) -> Grey:
    """8-bit grey of the shape of `frame`.

    Integers of a range no wider than the frame has pixels, or than 16 bits, go through one table of the whole pipeline.
    """
    if frame.dtype.kind not in "iu" or frame.size == 0:
        return _direct(frame, stages)
    low, high = int(frame.min()), int(frame.max())
    if high - low > max(frame.size, 65535):
        return _direct(frame, stages)
    table = _direct(np.arange(low, high + 1), stages)
    if frame.dtype.itemsize > 2:
        from_table: Grey = table[frame.astype(np.int64) - low]
        return from_table
    whole = np.zeros(65536 if frame.dtype.itemsize == 2 else 256, np.uint8)
    unsigned = np.dtype(f"u{frame.dtype.itemsize}")
    whole[np.arange(low, high + 1).astype(unsigned)] = table
    native = np.ascontiguousarray(frame, frame.dtype.newbyteorder("="))
    return np.take(whole, native.view(unsigned))  # in half of the time of indexing


def shades_of(values: Stored, stages: Stages) -> Values:
    """Shades from 0.0 (black) to 1.0 (white), of the shape of `values`; each value on its own, which takes longer."""
    shades = _shades(stages.modality.apply(values), stages.voi)
    if stages.presentation is not None:
        table = stages.presentation
        shades = table.apply(shades * (len(table.entries) - 1) + table.first) / float((1 << table.bits) - 1)
    if stages.is_inverted and stages.presentation is None:
        shades = 1.0 - shades
    return cast("Values", np.nan_to_num(shades))


def _direct(values: Stored, stages: Stages) -> Grey:
    return np.rint(shades_of(values, stages) * 255.0).astype(np.uint8)


def _shades(values: npt.NDArray[np.generic], voi: Window | Lookup) -> Values:
    if isinstance(voi, Window):
        return windowed(values.astype(np.float64), voi)
    return voi.apply(values) / float((1 << voi.bits) - 1)


def _voi(dataset: JsonDataset, frame: Stored, modality: Rescale | Lookup, choice: VoiChoice) -> Window | Lookup:
    if choice.window is not None:
        return choice.window
    windows = stored_windows(dataset)
    if windows and not (choice.prefers_lookup and "00283010" in dataset):
        return windows[choice.number - 1 if choice.number <= len(windows) else 0]
    lookups = stored_lookups(dataset, is_signed=_can_be_negative(dataset, modality))
    if lookups:
        return lookups[choice.number - 1 if choice.number <= len(lookups) else 0]
    return default_window(dataset, modality_values(dataset, frame, modality))


def _can_be_negative(dataset: JsonDataset, modality: Rescale | Lookup) -> bool:
    if isinstance(modality, Lookup):
        return False
    return number(dataset, "00280103", 0) == 1 or modality.intercept < 0 or modality.slope < 0


def modality_values(dataset: JsonDataset, frame: Stored, modality: Rescale | Lookup) -> Values:
    """Finite modality values of the pixels that are no padding (0028,0120) to (0028,0121), in no shape."""
    shown = frame.ravel()
    if frame.dtype.kind == "f":
        shown = shown[np.isfinite(frame.ravel())]
    padding = words(dataset, "00280120")
    if len(padding) and frame.dtype.kind in "iu":
        limit = words(dataset, "00280121")
        ends = [int(value[0]) for value in (padding, limit) if len(value)]
        if frame.dtype.kind == "i":
            ends = [end - 0x10000 if end >= 0x8000 else end for end in ends]
        signed = shown.astype(np.int64)
        kept = shown[(signed < min(ends)) | (signed > max(ends))]
        shown = kept if kept.size else shown
    return modality.apply(shown).astype(np.float64)
