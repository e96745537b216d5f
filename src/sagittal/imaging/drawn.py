"""What others drew over pictures, as the work of worker processes: named here without loading what it needs."""

import gzip
import zlib
from collections.abc import Sequence

import msgspec

from sagittal.dicom.json_model.instance import Parts
from sagittal.imaging.pixels import FrameShape

_LEVEL = 6


def outlined(parts: Parts) -> bytes:
    """What a structure set says to a viewer: JSON, gzipped."""
    from sagittal.imaging.structures import structure_set  # for workers only

    return gzip.compress(msgspec.json.encode(structure_set(parts)), _LEVEL, mtime=0)


def segmented(parts: Parts, frames: int) -> bytes:
    """What a segmentation of so many frames says to a viewer without its pixels: JSON, gzipped."""
    from sagittal.imaging.segments import segmentation  # for workers only

    return gzip.compress(msgspec.json.encode(segmentation(parts, frames)), _LEVEL, mtime=0)


def runs(frames: Sequence[bytes], shape: FrameShape) -> tuple[bytes, int]:
    """What `segments.runs_of` gives of the first frames, joined and gzipped, and how many they are."""
    from sagittal.imaging.segments import runs_of  # for workers only

    found = runs_of(frames, shape)
    packer = zlib.compressobj(_LEVEL, wbits=31)
    return b"".join([*(packer.compress(one) for one in found), packer.flush()]), len(found)
