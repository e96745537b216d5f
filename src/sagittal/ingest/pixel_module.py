"""Attributes that say what bulk data is, filled in where the metadata leaves them out (PS3.18 Section 10.5.2).

What the metadata does say has to agree with the bulk data: else one of the two is another image's.
"""

from collections.abc import Sequence

from sagittal.dicom.json_model import JsonDataset, JsonValue
from sagittal.dicom.registry import keyword_of
from sagittal.errors import Conflict, Invalid
from sagittal.ingest.bulk_images import Pixels

_NUMBER_OF_FRAMES, _FRAME_INCREMENT_POINTER = "00280008", "00280009"
_FRAME_TIME, _FRAME_TIME_VECTOR, _PER_FRAME_GROUPS = "00181063", "00181065", "52009230"


def fill_pixels(dataset: JsonDataset, pixels: Pixels, lengths: Sequence[int]) -> None:
    """The attributes of the Image Pixel Module by the codestream: filled where missing, refused where contradicted.

    Args:
        dataset: filled.
        pixels: what the codestreams say.
        lengths: of the codestreams, bytes.
    """
    agree(dataset, "00280002", "US", (pixels.samples,))
    agree(dataset, "00280004", "CS", pixels.photometric_interpretations)
    agree(dataset, "00280010", "US", (pixels.rows,))
    agree(dataset, "00280011", "US", (pixels.columns,))
    agree(dataset, "00280100", "US", (8, 16) if pixels.precision <= 8 else (16, 32))
    agree(dataset, "00280101", "US", (pixels.precision, *range(1, pixels.precision)))
    stored = value_of(dataset, "00280101")
    agree(dataset, "00280102", "US", (int(str(stored)) - 1,))
    agree(dataset, "00280103", "US", (1,) if pixels.is_signed else (0, 1))
    if pixels.samples > 1:
        agree(dataset, "00280006", "US", (0, 1))
    frames = _fill_frames(dataset, pixels, len(lengths))
    if pixels.lossy_method:
        _fill_loss(dataset, pixels, frames, sum(lengths))


def _fill_frames(dataset: JsonDataset, pixels: Pixels, parts: int) -> int:
    """Number of Frames, and the time between them, where the codestream tells (PS3.3 Sections C.7.6.5 and C.7.6.6)."""
    said = value_of(dataset, _NUMBER_OF_FRAMES)
    if pixels.is_stream and not pixels.frames:
        if said is None or not str(said).strip().isdigit():
            raise Invalid("video of this kind does not say its Number of Frames (0028,0008), so the metadata has to")
        frames = int(str(said))
    else:
        frames = pixels.frames or parts
        if frames > 1 or _NUMBER_OF_FRAMES in dataset:
            agree(dataset, _NUMBER_OF_FRAMES, "IS", (frames,))
    has_pace = any(tag in dataset for tag in (_FRAME_TIME, _FRAME_TIME_VECTOR, _FRAME_INCREMENT_POINTER))
    if pixels.frame_time_ms and frames > 1 and not has_pace and _PER_FRAME_GROUPS not in dataset:
        dataset[_FRAME_TIME] = {"vr": "DS", "Value": [round(pixels.frame_time_ms, 6)]}
        dataset[_FRAME_INCREMENT_POINTER] = {"vr": "AT", "Value": [_FRAME_TIME]}
    return frames


def _fill_loss(dataset: JsonDataset, pixels: Pixels, frames: int, length: int) -> None:
    """That, how and how much an image was compressed with loss (PS3.3 Section C.7.6.1.1.5)."""
    agree(dataset, "00282110", "CS", ("01",))
    if value_of(dataset, "00282114") is None:
        dataset["00282114"] = {"vr": "CS", "Value": [pixels.lossy_method]}
        if value_of(dataset, "00282112") is None:
            stored = (pixels.rows * pixels.columns * pixels.samples * pixels.precision * frames + 7) // 8
            dataset["00282112"] = {"vr": "DS", "Value": [float(f"{stored / max(1, length):.4g}")]}


def agree(dataset: JsonDataset, tag: str, vr: str, allowed: tuple[str | int, ...]) -> None:
    """Fills in the first of the values allowed; Conflict where there is another value than those."""
    said = value_of(dataset, tag)
    if said is None:
        dataset[tag] = {"vr": vr, "Value": [allowed[0]]}
    elif str(said).strip() not in map(str, allowed):
        name = keyword_of(int(tag, 16))
        raise Conflict(f"{name} is {allowed[0]} in the bulk data, and another in the metadata")


def value_of(dataset: JsonDataset, tag: str) -> JsonValue:
    """The first value of an attribute, None without."""
    element = dataset.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return values[0] if isinstance(values, list) and values else None


def check_native(dataset: JsonDataset, length: int) -> None:
    """That uncompressed pixels are as many as the metadata says."""
    names = ("00280010", "00280011", "00280002", "00280100")
    numbers = [str(value) for tag in names if (value := value_of(dataset, tag)) is not None]
    frames = str(value_of(dataset, "00280008") or 1)
    if len(numbers) < len(names) or not all(text.strip().isdigit() and len(text) < 10 for text in (*numbers, frames)):
        raise Invalid("uncompressed pixels need Rows, Columns, SamplesPerPixel and BitsAllocated beside them")
    rows, columns, samples, bits = map(int, numbers)
    needed = (rows * columns * samples * bits * int(frames) + 7) // 8
    if str(value_of(dataset, "00280004")).strip() == "YBR_FULL_422":
        needed = needed * 2 // 3
    if not needed <= length <= needed + 1:
        raise Conflict(f"pixel data of these Rows, Columns and Bits Allocated has {needed} bytes; got {length}")
