"""PNG as pixel data: unpacked, since no Transfer Syntax has it, with nothing lost."""

from typing import NamedTuple

from sagittal.dicom.json_model import JsonDataset
from sagittal.errors import Exhausted, Invalid, Unsupported
from sagittal.ingest.bulk_images import MONOCHROME, Pixels
from sagittal.ingest.composed import Bulk
from sagittal.ingest.pixel_module import fill_pixels
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.pools import WorkerPool

IMAGE_PNG = "image/png"
MAX_UNPACKED_BYTES = 512 * 1024**2

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SAMPLES = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}  # by colour type; a palette is unpacked to red, green and blue
_HEAD_BYTES = 33


class _Unpacked(NamedTuple):
    """Pixels in memory, as bulk data."""

    frames: tuple[bytes, ...]
    essence: str = "application/octet-stream"
    transfer_syntax_uid: str = ""

    @property
    def lengths(self) -> tuple[int, ...]:
        """Of each frame, bytes."""
        return tuple(map(len, self.frames))

    async def read(self, part: int, start: int, stop: int) -> bytes:
        """Bytes `[start, stop)` of a frame."""
        return self.frames[part][start:stop]


async def unpacked(dataset: JsonDataset, bulk: Bulk, pool: WorkerPool, deadline: Deadline) -> tuple[JsonDataset, Bulk]:
    """The metadata with what the images say, and their pixels uncompressed, one part a frame.

    Raises:
        Invalid: a part is no PNG.
        Unsupported: it has transparent pixels or fewer than 8 bits a sample that are no palette.
        Conflict: the metadata says other things of the pixels.
        Exhausted: unpacked they are more than is held in memory.
    """
    found: Pixels | None = None
    frames, size = [], 0
    for part, length in enumerate(bulk.lengths):
        data = await bulk.read(part, 0, length)
        pixels = _read_head(data)
        if found is not None and pixels != found:
            raise Invalid("the frames are not all of one size, depth and colour")
        found = pixels
        size += pixels.rows * pixels.columns * 4 * (pixels.precision // 8)
        if size > MAX_UNPACKED_BYTES:
            raise Exhausted(f"PNG images are unpacked up to {MAX_UNPACKED_BYTES} bytes")
        frames.append(await pool.run(_decode, data, pixels, deadline=deadline))
    if found is None:
        raise Invalid("pixel data of media type image/png has no part")
    dataset = {**dataset, "7FE00010": {**dataset["7FE00010"], "vr": "OW" if found.precision > 8 else "OB"}}
    fill_pixels(dataset, found, bulk.lengths)
    return dataset, _Unpacked(tuple(frames))


def _read_head(data: bytes) -> Pixels:
    """What IHDR says (ISO/IEC 15948 Section 11.2.2)."""
    if data[:8] != _SIGNATURE or data[12:16] != b"IHDR" or len(data) < _HEAD_BYTES:
        raise Invalid("a PNG image begins with its signature and IHDR; this one does not")
    columns, rows = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    depth, colour = data[24], data[25]
    if colour not in _SAMPLES or depth not in (1, 2, 4, 8, 16) or not rows or not columns:
        raise Invalid("the IHDR of a PNG image describes no image")
    if depth < 8 and colour != 3:
        raise Unsupported(f"PNG of 8 or 16 bits a sample is taken as pixel data; got {depth}")
    is_grey = colour in (0, 4)
    colours = MONOCHROME if is_grey else ("RGB",)
    return Pixels("", rows, columns, 1 if is_grey else 3, max(8, depth), colours)


def _decode(data: bytes, pixels: Pixels) -> bytes:
    # Imported here: a store of DICOM files needs neither, and both take long to load.
    import imagecodecs
    import numpy as np

    try:
        array = imagecodecs.png_decode(data)
    except (RuntimeError, ValueError) as error:
        raise Invalid("a PNG image is damaged") from error
    channels = array.shape[2] if array.ndim == 3 else 1
    if channels in (2, 4):
        if int(array[..., -1].min()) != np.iinfo(array.dtype).max:
            raise Unsupported("a PNG image with transparent pixels is not taken as pixel data")
        array = array[..., :-1]
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    if little.size != pixels.rows * pixels.columns * pixels.samples or little.itemsize * 8 != pixels.precision:
        raise Invalid("a PNG image is of another form than its IHDR says")
    return little.tobytes()
