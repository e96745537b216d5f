"""Which images a presentation state shows, and what it needs of them (PS3.3 Section C.11.11).

Light: the server's own process asks this, without numpy.
"""

from typing import NamedTuple

from sagittal.dicom.json_model import JsonDataset
from sagittal.errors import Exhausted, Unsupported
from sagittal.imaging.render.attributes import items, number, numbers, text

MAX_SHOWN = 10_000
"""Images of one state."""

MAX_MASK_FRAMES = 64
"""Averaged into one mask."""

_STATE_CLASSES = "1.2.840.10008.5.1.4.1.1.11."
GRAYSCALE, COLOUR, PSEUDO_COLOUR, XA_XRF, VARIABLE_MODALITY = (f"{_STATE_CLASSES}{last}" for last in (1, 2, 3, 5, 12))
SUPPORTED = frozenset((GRAYSCALE, COLOUR, PSEUDO_COLOUR, XA_XRF, VARIABLE_MODALITY))


class ShownImage(NamedTuple):
    """An image that a state refers to; no `frames` means all of them. Frames count from 1."""

    series_instance_uid: str
    sop_instance_uid: str
    frames: tuple[int, ...]


class Mask(NamedTuple):
    """What is taken away from a frame: the mean of these frames, moved by (rows, columns) of pixels."""

    frames: tuple[int, ...]
    shift: tuple[float, float]


def is_presentation_state(sop_class_uid: str) -> bool:
    """Whether instances of the class are softcopy presentation states of any kind."""
    return sop_class_uid.startswith(_STATE_CLASSES)


def check_supported(sop_class_uid: str) -> None:
    """Raises Unsupported for the kinds of states whose pictures are not made: blending, volumes."""
    if sop_class_uid not in SUPPORTED:
        raise Unsupported(
            f"presentation states of SOP Class {sop_class_uid} are not shown: those of one image at a time are"
            " (grey, colour, pseudo-colour, XA/XRF, variable modality LUT), those that blend or show volumes are not"
        )


def shown_images(state: JsonDataset) -> tuple[ShownImage, ...]:
    """The images of the Referenced Series Sequence (0008,1115), in its order, each named once.

    Raises:
        Exhausted: there are more than MAX_SHOWN.
    """
    found: dict[tuple[str, str], list[int]] = {}
    for series in items(state, "00081115"):
        for image in items(series, "00081140"):
            name = (text(series, "0020000E"), text(image, "00081155"))
            found.setdefault(name, []).extend(_frames(image))
            if len(found) > MAX_SHOWN:
                raise Exhausted(f"a presentation state refers to more than {MAX_SHOWN} images")
    return tuple(ShownImage(*name, tuple(dict.fromkeys(frames))) for name, frames in found.items() if name[1])


def applies(item: JsonDataset, sop_instance_uid: str, frame: int) -> bool:
    """Whether an item of a state is about a frame, from 1: one without a Referenced Image Sequence is about all."""
    images = items(item, "00081140")
    if not images:
        return True
    return any(
        text(image, "00081155") == sop_instance_uid and (not _frames(image) or frame in _frames(image))
        for image in images
    )


def mask_of(state: JsonDataset, frame: int) -> Mask | None:
    """What is subtracted from a frame, from 1 (PS3.3 Section C.7.6.10); None where nothing is."""
    for item in items(state, "00286100"):
        if not _is_in_range(numbers(item, "00286102"), frame):
            continue
        operation = text(item, "00286101").upper()
        frames: tuple[int, ...] = ()
        if operation == "AVG_SUB":
            frames = tuple(int(value) for value in numbers(item, "00286110"))[:MAX_MASK_FRAMES]
        elif operation in ("TID", "REV_TID"):
            step = int(number(item, "00286120", 1.0))
            frames = (frame + step if operation == "REV_TID" else frame - step,)
        shift = numbers(item, "00286114")
        if frames and all(value >= 1 for value in frames):
            return Mask(frames, (shift[0], shift[1]) if len(shift) >= 2 else (0.0, 0.0))
    return None


def _is_in_range(ranges: tuple[float, ...], frame: int) -> bool:
    pairs = zip(ranges[::2], ranges[1::2], strict=False)
    return not ranges or any(first <= frame <= last for first, last in pairs)


def _frames(image: JsonDataset) -> tuple[int, ...]:
    """Referenced Frame Number (0008,1160)."""
    return tuple(int(value) for value in numbers(image, "00081160") if value >= 1)
