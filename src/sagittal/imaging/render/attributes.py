"""The attributes that the display pipeline reads, out of DICOM JSON."""

import base64
import binascii
import math
from typing import TYPE_CHECKING

from sagittal.dicom.json_model import JsonDataset, JsonElement
from sagittal.errors import Invalid

if TYPE_CHECKING:  # the server's own process reads attributes too, and stays without numpy
    import numpy as np
    import numpy.typing as npt

_SHARED_GROUPS = "52009229"
_PER_FRAME_GROUPS = "52009230"
_MACROS = ("00289145", "00289132", "00289110")
"""Pixel Value Transformation, Frame VOI LUT and Pixel Measures (PS3.3 Sections C.7.6.16.2.9, .10 and .1)."""


def numbers(dataset: JsonDataset, tag: str) -> tuple[float, ...]:
    """The finite numbers of an attribute, empty if it is absent; what is no number is left out.

    >>> numbers({"00281050": {"vr": "DS", "Value": [40, "35.5", None]}}, "00281050")
    (40.0, 35.5)
    """
    found: list[float] = []
    for value in _values(dataset, tag):
        if isinstance(value, int | float | str):
            try:
                number = float(value)
            except ValueError:
                continue
            if math.isfinite(number):
                found.append(number)
    return tuple(found)


def number(dataset: JsonDataset, tag: str, default: float) -> float:
    """The first number of an attribute."""
    found = numbers(dataset, tag)
    return found[0] if found else default


def texts(dataset: JsonDataset, tag: str) -> tuple[str, ...]:
    """The text values of an attribute; of person names the first component group that is there."""
    found: list[str] = []
    for value in _values(dataset, tag):
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, dict):
            found.append(next((group for group in value.values() if isinstance(group, str)), ""))
    return tuple(found)


def text(dataset: JsonDataset, tag: str) -> str:
    """The first text value, "" if there is none."""
    found = texts(dataset, tag)
    return found[0] if found else ""


def items(dataset: JsonDataset, tag: str) -> tuple[JsonDataset, ...]:
    """The items of a sequence."""
    return tuple(value for value in _values(dataset, tag) if isinstance(value, dict))


def binary(dataset: JsonDataset, tag: str) -> bytes:
    """The bytes of a binary attribute, little endian words where it has words; empty if it is absent.

    Raises:
        Invalid: what is there is no base64.
    """
    element = dataset.get(tag)
    inline = element.get("InlineBinary") if element is not None else None
    if inline is None:
        return b""
    try:
        return base64.b64decode(inline, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid(f"the binary value of {tag} is to be base64; it is not") from error


def words(dataset: JsonDataset, tag: str) -> "npt.NDArray[np.uint16]":
    """The 16-bit words of an attribute with a VR of US, SS or OW; a last odd byte of OB is a word of its own."""
    import numpy as np

    data = binary(dataset, tag)
    if data:
        return np.frombuffer(data + b"\0" * (len(data) % 2), "<u2").astype(np.uint16)
    return np.array([int(value) & 0xFFFF for value in numbers(dataset, tag)], np.uint16)


def vr(dataset: JsonDataset, tag: str) -> str:
    """The VR of an attribute, "" if it is absent."""
    element: JsonElement | None = dataset.get(tag)
    return element["vr"] if element is not None else ""


def attributes_of_frame(dataset: JsonDataset, index: int) -> JsonDataset:
    """The data set with what the functional groups say of frame `index`, from 0, as if it stood at the top level."""
    shared = items(dataset, _SHARED_GROUPS)
    per_frame = items(dataset, _PER_FRAME_GROUPS)
    if not shared and not per_frame:
        return dataset
    merged = dict(dataset)
    for group in (*shared[:1], *per_frame[index : index + 1]):
        for macro in _MACROS:
            for item in items(group, macro)[:1]:
                merged.update(item)
    return merged


def _values(dataset: JsonDataset, tag: str) -> list[object]:
    element = dataset.get(tag)
    return list(element.get("Value", ())) if element is not None else []
