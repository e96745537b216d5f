"""First frames of DICOM files, as bytes and shape, found with our own readers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.pixels import get_decoder

from sagittal.dicom.dataset import FileMeta, read_file_meta, read_header
from sagittal.dicom.frames import FragmentScanner, cut_bits, native_frame, native_frame_bits, number_of_frames
from sagittal.dicom.frames.fragments import NUMBER_OF_FRAMES
from sagittal.errors import Unsupported
from sagittal.imaging.pixels import SHAPE_TAGS, FrameShape

PYDICOM_FILES = Path(pydicom.__file__).parent / "data" / "test_files"


def files_with_pixels(*roots: Path) -> Iterator[Path]:
    """Files that pydicom reads, has pixels of, and that are not deflated as a whole."""
    for root in roots:
        for path in sorted(root.rglob("*.dcm")):
            try:
                dataset = pydicom.dcmread(path, stop_before_pixels=False, force=True)
            except Exception:
                continue
            syntax = dataset.file_meta.get("TransferSyntaxUID")
            names = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
            if syntax and syntax != "1.2.840.10008.1.2.1.99" and any(name in dataset for name in names):
                yield path


def first_frame(path: Path) -> tuple[bytes, FrameShape]:
    """The first frame of a file and its shape."""
    content = path.read_bytes()
    meta = read_file_meta(content)
    assert isinstance(meta, FileMeta)
    data = content[meta.data_set_offset :]
    header = read_header(data, meta.transfer_syntax_uid, SHAPE_TAGS | {NUMBER_OF_FRAMES})
    pixels, shape = header.pixel_data, FrameShape.of(header)
    assert pixels is not None
    if pixels.length is None:
        scanner = FragmentScanner(meta.transfer_syntax_uid, number_of_frames(header) or 1)
        scanner.feed(memoryview(data)[pixels.offset :])
        spans = scanner.close().frame(0)
        return b"".join(data[pixels.offset + at : pixels.offset + at + size] for at, size in spans), shape
    bits = native_frame_bits(
        shape.rows,
        shape.columns,
        shape.samples_per_pixel,
        shape.bits_allocated,
        shape.photometric_interpretation,
    )
    found = native_frame(pixels.length, bits, 0)
    value = data[pixels.offset : pixels.offset + pixels.length]
    frame = value[found.start : found.stop + (found.stop & 1)]
    return (cut_bits(frame[: found.stop], 0, bits) if bits % 8 else frame), shape


def as_pydicom_decodes(path: Path) -> NDArray[np.generic]:
    """The first frame by pydicom's own decoders; Unsupported where it has none."""
    dataset: Any = pydicom.dcmread(path, force=True)  # pydicom is not typed to the end
    try:
        array: NDArray[np.generic] = get_decoder(dataset.file_meta.TransferSyntaxUID).as_array(dataset, index=0)[0]
    except Exception as error:
        raise Unsupported(str(error)) from error
    return array
