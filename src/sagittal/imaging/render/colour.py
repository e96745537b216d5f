"""Frames in colour to 8-bit RGB: palettes, samples of any depth, ICC profiles (PS3.3 Section C.11.15)."""

import struct
from functools import lru_cache
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from sagittal.dicom.json_model import JsonDataset
from sagittal.errors import Invalid
from sagittal.imaging.render.attributes import binary, items, number
from sagittal.imaging.render.lookup import read_palette

Colour = npt.NDArray[np.uint8]
MAX_PROFILE_BYTES = 4 * 1024**2


def palette_colour(frame: npt.NDArray[np.generic], dataset: JsonDataset) -> Colour:
    """PALETTE COLOR indices, (rows, columns), to (rows, columns, 3).

    Raises:
        Invalid: a palette is missing or cannot be read.
    """
    is_signed = frame.dtype.kind == "i"
    palettes = [read_palette(dataset, colour, is_signed=is_signed) for colour in range(3)]
    # Entries announced with 16 bits of which only the low 8 are used are in the field: as 16 bits they would be black.
    is_wide = any(palette.bits > 8 and int(palette.entries.max()) > 255 for palette in palettes)
    planes = [palette.apply(frame) >> (8 if is_wide else 0) for palette in palettes]
    return np.stack(planes, axis=-1).astype(np.uint8)


def sampled_colour(frame: npt.NDArray[np.generic], dataset: JsonDataset) -> Colour:
    """RGB of any depth, (rows, columns, 3), to 8 bits; further samples are left out."""
    if frame.shape[2] < 3:
        raise Invalid(f"a colour frame has 3 samples a pixel; got {frame.shape[2]}")
    shown = frame[..., :3]
    if shown.dtype == np.uint8:
        return np.ascontiguousarray(shown).view(np.uint8)
    bits = int(number(dataset, "00280101", 8 * shown.dtype.itemsize))
    if not 1 <= bits <= 32:
        raise Invalid(f"Bits Stored (0028,0101) is 1 to 32; got {bits}")
    scaled = np.rint(np.clip(shown.astype(np.float64), 0, None) * (255.0 / ((1 << bits) - 1)))
    return np.clip(scaled, 0, 255).astype(np.uint8)


def icc_profile(dataset: JsonDataset) -> bytes:
    """The ICC profile of the instance or of its first optical path; empty if there is none."""
    here = binary(dataset, "00282000")
    paths = items(dataset, "00480105")
    profile = here or (binary(paths[0], "00282000") if paths else b"")
    return profile if len(profile) <= MAX_PROFILE_BYTES else b""


def to_srgb(frame: Colour, profile: bytes) -> Colour:
    """The frame in sRGB; as it is where the profile is none for RGB or cannot be used."""
    transform = _transform(profile)
    if transform is None:
        return frame
    converted = ImageCms.applyTransform(Image.fromarray(frame), transform)
    return frame if converted is None else np.asarray(converted, np.uint8)


@lru_cache(maxsize=8)  # a transformation takes 5 ms to make; the profiles of a site's devices are few
def _transform(profile: bytes) -> ImageCms.ImageCmsTransform | None:
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), "RGB", "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


@lru_cache(maxsize=1)
def srgb_profile() -> bytes:
    """The ICC profile of sRGB itself."""
    made = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    made[24:36] = _PROFILE_DATE  # else the time of making: the same picture would be other bytes each time
    return bytes(made)


_PROFILE_DATE = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
