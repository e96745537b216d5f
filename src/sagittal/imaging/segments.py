"""Segmentations as a viewer draws them (PS3.3 Sections C.8.20 and A.51): segments, where their frames lie, and runs.

Of a frame that is BINARY a value is 0 or 1, of a FRACTIONAL one 0 to Maximum Fractional Value, of a LABELMAP the number
of the segment.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
import numpy as np

from sagittal.dicom import json_model
from sagittal.dicom.json_model import JsonDataset
from sagittal.dicom.json_model.instance import Parts
from sagittal.errors import Exhausted, Invalid
from sagittal.imaging.codecs.table import decode_frame
from sagittal.imaging.pixels import FrameShape
from sagittal.imaging.render.attributes import items, number, numbers, text
from sagittal.imaging.render.colour import from_cielab, palette_colour

MAX_FRAMES: Final = 16384
MAX_SEGMENTS: Final = 4096
MAX_PIXELS: Final = 2**25
"""Of a frame."""

MAX_RUNS_BYTES: Final = 8 * 1024**2
"""Of the frames that one answer holds, but for its first, which may be larger."""

_LONGEST: Final = 0xFFFF
_PALETTE: Final = frozenset(range(0x00281101, 0x00281104)) | frozenset(range(0x00281201, 0x00281204))
_USUAL: Final = (
    *((230, 75, 53), (77, 187, 213), (0, 160, 135), (243, 155, 127), (132, 145, 255), (145, 209, 194)),
    *((255, 214, 10), (196, 110, 220), (126, 211, 33), (255, 105, 180), (64, 156, 255), (176, 156, 133)),
)
"""Colours of segments that recommend none, in turn."""

Triple = tuple[int, int, int]


class Segment(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is outlined; `kind` is the meaning of its type, `by` who or what outlined it."""

    number: int
    label: str
    colour: Triple
    kind: str = ""
    by: str = ""


class SegmentFrame(msgspec.Struct, frozen=True, omit_defaults=True):
    """A frame.

    Attributes:
        segment: its number; 0 of a label map, whose values are numbers.
        source: index in `Segmentation.sources`, -1 if it names none; `frame` of that, 0 for all of it.
        position: Image Position (Patient); orientation: only where it is not that of `Segmentation`.
    """

    segment: int
    source: int = -1
    frame: int = 0
    position: tuple[float, ...] = ()
    orientation: tuple[float, ...] = ()


class Segmentation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="SEG", tag_field="kind"):
    """What is drawn by an instance of Segmentation Storage or Label Map Segmentation Storage.

    Attributes:
        type: Segmentation Type; `most`: the value that stands for all of a pixel.
        series: those that it is of.
        reference: Frame of Reference UID.
        spacing: between rows and between columns, mm; `gap`: between frames.
    """

    title: str = ""
    type: str
    most: int = 1
    rows: int
    columns: int
    series: list[str] = []
    reference: str = ""
    orientation: tuple[float, ...] = ()
    spacing: tuple[float, ...] = ()
    gap: float = 0.0
    segments: list[Segment]
    sources: list[str] = []
    frames: list[SegmentFrame]


def segmentation(parts: Parts, frames: int) -> Segmentation:
    """What a segmentation of so many frames says without its pixels.

    Raises:
        Exhausted: it has more frames or segments than are drawn.
        Invalid: it is not written as it should be.
    """
    dataset = _dataset(parts)
    if frames > MAX_FRAMES:
        raise Exhausted(f"a segmentation of {frames} frames has more than the {MAX_FRAMES} that are drawn")
    rows, columns = int(number(dataset, "00280010", 0)), int(number(dataset, "00280011", 0))
    if not 0 < rows * columns <= MAX_PIXELS:
        raise Exhausted(f"frames of a segmentation are drawn up to {MAX_PIXELS} pixels; got {rows} rows of {columns}")
    shared = next(iter(items(dataset, "52009229")), {})
    type_ = text(dataset, "00620001").upper() or "BINARY"
    is_label_map = type_ == "LABELMAP"
    measures = _of(shared, "00289110") or _of(next(iter(items(dataset, "52009230")), {}), "00289110")
    orientation = numbers(_of(shared, "00209116"), "00200037")
    sources: dict[str, int] = {}
    return Segmentation(
        title=text(dataset, "00700081") or text(dataset, "0008103E") or text(dataset, "00700080"),
        type=type_,
        most=int(number(dataset, "0062000E", 255.0)) if type_ == "FRACTIONAL" else 1,
        rows=rows,
        columns=columns,
        series=[uid for one in items(dataset, "00081115")[:100] if (uid := text(one, "0020000E"))],
        reference=text(dataset, "00200052"),
        orientation=orientation,
        spacing=numbers(measures, "00280030"),
        gap=number(measures, "00180088", 0.0) or number(measures, "00180050", 0.0),
        segments=[one for one in _segments(dataset) if one.number or not is_label_map],  # 0 is what is around
        frames=list(_frames(dataset, shared, frames, sources, is_label_map=is_label_map)),
        sources=list(sources),
    )


def _dataset(parts: Parts) -> JsonDataset:
    """The data set with its palette; no other value is as long as they may be."""

    def bulk(path: tuple[int, ...], *_: object) -> str | None:
        return None if path[0] in _PALETTE else ""

    return json_model.loads(json_model.encode(parts.data, parts.transfer_syntax_uid, bulk=bulk))[0]


def _of(group: JsonDataset, tag: str) -> JsonDataset:
    """The only item of a functional group macro."""
    return next(iter(items(group, tag)), {})


def _segments(dataset: JsonDataset) -> Iterator[Segment]:
    found = items(dataset, "00620002")
    if len(found) > MAX_SEGMENTS:
        raise Exhausted(f"a segmentation of {len(found)} segments has more than the {MAX_SEGMENTS} that are drawn")
    for one in found:
        of = int(number(one, "00620004", 0.0))
        yield Segment(
            number=of,
            label=text(one, "00620005") or text(_of(one, "0062000F"), "00080104"),
            colour=_colour(one, dataset, of) or _USUAL[(of - 1) % len(_USUAL)],
            kind=text(_of(one, "0062000F"), "00080104"),
            by=text(one, "00620009") or text(one, "00620008"),
        )


def _colour(segment: JsonDataset, dataset: JsonDataset, of: int) -> Triple | None:
    """As it is recommended (PS3.3 Section C.10.7.1.1), or in the palette of a label map."""
    lab = numbers(segment, "0062000D")
    if len(lab) >= 3:
        return from_cielab(lab)
    if text(dataset, "00280004") != "PALETTE COLOR" or not 0 <= of <= _LONGEST:
        return None
    try:
        red, green, blue = (int(value) for value in palette_colour(np.array([[of]], np.uint16), dataset)[0, 0])
    except Invalid:
        return None
    return red, green, blue


def _frames(
    dataset: JsonDataset, shared: JsonDataset, frames: int, sources: dict[str, int], *, is_label_map: bool
) -> Iterator[SegmentFrame]:
    per_frame = items(dataset, "52009230")
    common = numbers(_of(shared, "00209116"), "00200037")
    for index in range(max(1, frames)):
        own = per_frame[index] if index < len(per_frame) else {}
        identified = _of(own, "0062000A") or _of(shared, "0062000A")
        position = _of(own, "00209113") or _of(shared, "00209113")
        orientation = numbers(_of(own, "00209116"), "00200037")
        derived = _of(own, "00089124") or _of(shared, "00089124")
        source = _of(derived, "00082112")
        uid = text(source, "00081155")
        yield SegmentFrame(
            segment=0 if is_label_map else int(number(identified, "0062000B", 1.0)),
            source=sources.setdefault(uid, len(sources)) if uid else -1,
            frame=int(number(source, "00081160", 0.0)),
            position=numbers(position, "00200032"),
            orientation=() if orientation == common else orientation,
        )


def runs_of(frames: Sequence[bytes], shape: FrameShape) -> list[bytes]:
    """The values of each frame, row by row, as runs: how many there are (UL), their lengths, their values (US each).

    Little endian. Of what is more than MAX_RUNS_BYTES the frames at the end are left out.

    Raises:
        Invalid: a frame cannot be decoded.
    """
    found: list[bytes] = []
    size = 0
    for data in frames:
        runs = _runs(np.asarray(decode_frame(data, shape)))
        size += len(runs)
        if found and size > MAX_RUNS_BYTES:
            break
        found.append(runs)
    return found


def _runs(values: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> bytes:
    if values.ndim != 2 or values.dtype.kind not in "iu":
        raise Invalid("a frame of a segmentation has one whole number a pixel")
    flat = np.clip(values.ravel(), 0, _LONGEST).astype(np.uint16)
    starts = np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]) + 1)).astype(np.int64)
    lengths, of = np.diff(np.append(starts, flat.size)), flat[starts]
    pieces = -(-lengths // _LONGEST)
    if pieces.max() > 1:  # a run that is longer than its number can say is said in pieces
        last = np.cumsum(pieces) - 1
        rest = lengths - (pieces - 1) * _LONGEST
        of, lengths = np.repeat(of, pieces), np.full(int(pieces.sum()), _LONGEST, np.int64)
        lengths[last] = rest
    count = int(lengths.size).to_bytes(4, "little")
    return b"".join((count, lengths.astype("<u2").tobytes(), of.astype("<u2").tobytes()))
