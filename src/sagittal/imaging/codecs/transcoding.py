"""A frame from one Transfer Syntax to another, cell by cell where nothing is lost."""

import msgspec
import numpy as np

from sagittal.dicom.dataset.reencode import NATIVE
from sagittal.imaging.codecs.encoding import encode_frame
from sagittal.imaging.codecs.samples import Samples, values_of
from sagittal.imaging.codecs.table import decode_samples
from sagittal.imaging.pixels import FrameShape
from sagittal.imaging.syntaxes import Encoded


def transcode_frame(data: bytes, shape: FrameShape, transfer_syntax_uid: str) -> Encoded:
    """The frame in another Transfer Syntax; native ones in little endian, colour by pixel.

    Pixel cells stay as they are, with what is outside of Bits Stored (overlays of old), wherever the target is
    lossless. Arguments and errors as `decode_samples` and `encode_frame`.
    """
    whole = msgspec.structs.replace(shape, bits_stored=shape.bits_allocated, high_bit=shape.bits_allocated - 1)
    cells = decode_samples(data, whole)
    if transfer_syntax_uid in NATIVE or shape.is_float:
        return encode_frame(cells, whole, transfer_syntax_uid)
    values = values_of(cells.array, shape)
    if np.array_equal(values, cells.array):
        return encode_frame(Samples(values, cells.photometric_interpretation), shape, transfer_syntax_uid)
    return encode_frame(cells, whole, transfer_syntax_uid)
