"""ICC profiles: of instances, and of the well-known colour spaces (PS3.3 Section C.11.15, PS3.18 Section 8.3.5.1.5)."""

import math
import struct
from collections.abc import Mapping
from functools import lru_cache
from io import BytesIO
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from sagittal.dicom.json_model import JsonDataset
from sagittal.imaging.render.attributes import binary, items
from sagittal.imaging.render.recipe import ADOBE_RGB, DISPLAY_P3, ROMM_RGB, SRGB

Colour = npt.NDArray[np.uint8]
MAX_PROFILE_BYTES = 4 * 1024**2
_MAX_TRANSFORM_UNITS = 8


class _Space(NamedTuple):
    """A colour space: places of white, red, green and blue in CIE xy, and a parametric curve of ICC.1 Section 10.18."""

    title: str
    white: tuple[float, float]
    primaries: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    curve: tuple[float, ...]


_D50 = (0.3457, 0.3585)
_D65 = (0.3127, 0.3290)
_SPACES: Mapping[str, _Space] = {
    ADOBE_RGB: _Space("Adobe RGB (1998)", _D65, ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), (563 / 256,)),
    DISPLAY_P3: _Space(
        "Display P3",
        _D65,
        ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
        (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045),
    ),
    ROMM_RGB: _Space(
        "ROMM RGB", _D50, ((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)), (1.8, 1.0, 0.0, 1 / 16, 1 / 32)
    ),
}
"""Adobe RGB (1998) Version 2005-05, Display P3 as Apple and SMPTE EG 432-1 have it, ISO 22028-2."""


def icc_profile(dataset: JsonDataset) -> bytes:
    """The ICC profile of the instance or of its first optical path; empty if there is none."""
    here = binary(dataset, "00282000")
    paths = items(dataset, "00480105")
    profile = here or (binary(paths[0], "00282000") if paths else b"")
    return profile if len(profile) <= MAX_PROFILE_BYTES else b""


def converted(frame: Colour, profile: bytes, space: str) -> Colour:
    """The frame in one of SPACES, from the colours of `profile` or, without one, sRGB.

    A frame whose profile is none for RGB or cannot be used is taken for sRGB.
    """
    if not profile and space == SRGB:
        return frame
    transform = _transform(profile, space) or _transform(b"", space)
    if transform is None:
        return frame
    shown = ImageCms.applyTransform(Image.fromarray(frame), transform)
    return frame if shown is None else np.asarray(shown, np.uint8)


@lru_cache(maxsize=_MAX_TRANSFORM_UNITS)  # one takes 5 ms to make; the profiles of a site's devices are few
def _transform(profile: bytes, space: str) -> ImageCms.ImageCmsTransform | None:
    if not profile and space == SRGB:
        return None
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile or profile_of(SRGB)))
        wanted = ImageCms.ImageCmsProfile(BytesIO(profile_of(space)))
        return ImageCms.buildTransform(source, wanted, "RGB", "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


@lru_cache(maxsize=4)
def profile_of(space: str) -> bytes:
    """The ICC profile of one of SPACES."""
    if space == SRGB:
        made = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
        made[24:36] = _DATE  # else the time of making: the same picture would be other bytes each time
        return bytes(made)
    return _written(_SPACES[space])


_DATE = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
_D50_XYZ = (0.9642, 1.0, 0.8249)
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def _written(space: _Space) -> bytes:
    """A display profile of version 4 with a matrix and curves (ICC.1:2010 Sections 7, 8.4 and 9.2)."""
    adaptation, columns = _colorants(space)
    curve = struct.pack(">4sI2H", b"para", 0, 0 if len(space.curve) == 1 else 3, 0) + _fixed(*space.curve)
    tags: dict[bytes, bytes] = {
        b"desc": _text(space.title),
        b"cprt": _text("No copyright: made from the published definition of the colour space."),
        b"wtpt": b"XYZ \0\0\0\0" + _fixed(*_D50_XYZ),
        b"chad": b"sf32\0\0\0\0" + _fixed(*adaptation.ravel()),
        **{name: b"XYZ \0\0\0\0" + _fixed(*columns[:, at]) for at, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))},
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += struct.pack(">4s2I", name, start + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    size = start + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"\0\0\0\0", 0x04200000, b"mntr", b"RGB ", b"XYZ ") + _DATE
    head += b"acsp" + b"\0" * 28 + _fixed(*_D50_XYZ)
    return head.ljust(128, b"\0") + table + body


def _colorants(space: _Space) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The adaptation of its white to D50 (Bradford), and the XYZ of red, green and blue under D50 as columns."""
    white = np.array(_xyz(space.white))
    primaries = np.array([_xyz(primary) for primary in space.primaries]).T
    scaled = primaries * np.linalg.solve(primaries, white)
    seen, wanted = _BRADFORD @ white, _BRADFORD @ np.array(_D50_XYZ)
    adaptation = np.linalg.inv(_BRADFORD) @ np.diag(wanted / seen) @ _BRADFORD
    return adaptation, adaptation @ scaled


def _xyz(place: tuple[float, float]) -> tuple[float, float, float]:
    x, y = place
    return x / y, 1.0, (1.0 - x - y) / y


def _fixed(*values: float) -> bytes:
    """s15Fixed16Number each."""
    return struct.pack(f">{len(values)}i", *(math.floor(value * 65536 + 0.5) for value in values))


def _text(text: str) -> bytes:
    """A text in English, of type mluc."""
    data = text.encode("utf-16-be")
    return struct.pack(">4s3I4s2I", b"mluc", 0, 1, 12, b"enUS", len(data), 28) + data
