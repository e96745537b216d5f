"""Lookup tables: descriptors, data, and the segments of palettes (PS3.3 Sections C.11, C.7.6.3.1.5, C.7.9.2)."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sagittal.dicom.json_model import JsonDataset
from sagittal.errors import Invalid
from sagittal.imaging.render.attributes import binary, words

MAX_ENTRIES = 65536
_DISCRETE, _LINEAR, _INDIRECT = 0, 1, 2


class Lookup(NamedTuple):
    """A table.

    Attributes:
        first: the input value that the first entry is for; what is below gets the first entry too.
        entries: the output values.
        bits: of an output value.
    """

    first: int
    entries: npt.NDArray[np.uint16]
    bits: int

    def apply(self, values: npt.NDArray[np.generic]) -> npt.NDArray[np.uint16]:
        """The entries for `values`; beyond either end, the entry at that end."""
        offset = np.rint(np.nan_to_num(values.astype(np.float64))) - self.first
        found: npt.NDArray[np.uint16] = self.entries[np.clip(offset, 0, len(self.entries) - 1).astype(np.intp)]
        return found


class Descriptor(NamedTuple):
    """The three values of a LUT Descriptor."""

    entries: int
    first: int
    bits: int


def read_descriptor(dataset: JsonDataset, tag: str, *, is_signed: bool) -> Descriptor:
    """A LUT Descriptor.

    Args:
        is_signed: whether the table's input can be negative, which decides how its second value is read.

    Raises:
        Invalid: it does not have three values.
    """
    values = words(dataset, tag)
    if len(values) < 3:
        raise Invalid(f"the LUT Descriptor {tag} has 3 values; got {len(values)}")
    first = int(values[1])
    if is_signed and first >= 0x8000:
        first -= 0x10000
    return Descriptor(int(values[0]) or MAX_ENTRIES, first, int(values[2]))


def read_lookup(dataset: JsonDataset, descriptor_tag: str, data_tag: str, *, is_signed: bool) -> Lookup:
    """A table of a descriptor and data.

    Raises:
        Invalid: there is no data.
    """
    descriptor = read_descriptor(dataset, descriptor_tag, is_signed=is_signed)
    entries = _entries(dataset, data_tag, descriptor)
    bits = descriptor.bits if 1 <= descriptor.bits <= 16 else 16
    most = int(entries.max())
    # Descriptors that announce fewer bits than the data have are in the field; the data decide.
    return Lookup(descriptor.first, entries, max(bits, most.bit_length()))


def _entries(dataset: JsonDataset, tag: str, descriptor: Descriptor) -> npt.NDArray[np.uint16]:
    data = words(dataset, tag)
    if len(data) == 0:
        raise Invalid(f"the LUT Data {tag} are empty; {descriptor.entries} entries were announced")
    if len(data) < descriptor.entries and len(data) * 2 >= descriptor.entries:
        data = data.astype("<u2").view(np.uint8).astype(np.uint16)  # two 8-bit entries in a word
    return data[: descriptor.entries]


def read_palette(dataset: JsonDataset, colour: int, *, is_signed: bool) -> Lookup:
    """The palette of one colour: 0 red, 1 green, 2 blue.

    Raises:
        Invalid: it is not there, or its segments make no table.
    """
    descriptor_tag, data_tag, segments_tag = (f"0028{base + colour:04X}" for base in (0x1101, 0x1201, 0x1221))
    if data_tag in dataset or segments_tag not in dataset:
        return read_lookup(dataset, descriptor_tag, data_tag, is_signed=is_signed)
    descriptor = read_descriptor(dataset, descriptor_tag, is_signed=is_signed)
    data = binary(dataset, segments_tag)
    units = np.frombuffer(data, np.uint8).astype(np.uint16) if descriptor.bits == 8 else words(dataset, segments_tag)
    entries = expand_segments(units, descriptor.entries, has_bytes=descriptor.bits == 8)
    return Lookup(descriptor.first, entries, max(descriptor.bits, int(entries.max()).bit_length()))


def expand_segments(units: npt.NDArray[np.uint16], most: int, *, has_bytes: bool = False) -> npt.NDArray[np.uint16]:
    """The table that discrete, linear and indirect segments describe (PS3.3 Section C.7.9.2), at most `most` entries.

    Args:
        has_bytes: the units are bytes, so that the offset of an indirect segment takes four of them, not two.

    >>> [int(entry) for entry in expand_segments(np.array([0, 2, 5, 6, 1, 2, 10], np.uint16), 9)]
    [5, 6, 8, 10]

    Raises:
        Invalid: a segment is of no kind, is cut off, or refers to what is not there.
    """
    made: list[int] = []
    starts: list[int] = []
    at = 0
    while at + 1 < len(units) and len(made) < most:
        starts.append(at)
        if int(units[at]) == _INDIRECT:
            width = 4 if has_bytes else 2
            if at + 2 + width > len(units):
                raise Invalid("an indirect segment of a palette is cut off")
            offset = units[at + 2 : at + 2 + width].astype("u1" if has_bytes else "<u2").tobytes()
            _expand_indirect(units, int(units[at + 1]), int.from_bytes(offset, "little"), starts[:-1], made, most)
            at += 2 + width
        else:
            at = _expand_one(units, at, made, most)
    if not made:
        raise Invalid("a segmented palette has no entries")
    return np.array(made[:most], np.uint16)


def _expand_one(units: npt.NDArray[np.uint16], at: int, made: list[int], most: int) -> int:
    """Adds a discrete or linear segment; gives where the next begins."""
    kind, length = int(units[at]), int(units[at + 1])
    if kind == _DISCRETE:
        end = at + 2 + length
        if end > len(units):
            raise Invalid("a discrete segment of a palette is cut off")
        made.extend(int(value) for value in units[at + 2 : min(end, at + 2 + most)])
        return end
    if kind != _LINEAR:
        raise Invalid(f"a palette's segment is discrete (0), linear (1) or indirect (2); got {kind}")
    if at + 2 >= len(units) or not made:
        raise Invalid("a linear segment of a palette needs a value to begin at and one to end at")
    start, stop = made[-1], int(units[at + 2])
    made.extend(round(start + (stop - start) * step / length) for step in range(1, length + 1))
    return at + 3


def _expand_indirect(
    units: npt.NDArray[np.uint16], count: int, begin: int, starts: list[int], made: list[int], most: int
) -> None:
    """Adds again the `count` segments from `begin` on, which is among the `starts` of those before."""
    if begin not in starts:
        raise Invalid("an indirect segment of a palette refers to what is no segment before it")
    at = starts.index(begin)
    for start in starts[at : at + count]:
        if int(units[start]) == _INDIRECT:
            raise Invalid("an indirect segment of a palette refers to another")
        if len(made) >= most:
            return
        _expand_one(units, start, made, most)
