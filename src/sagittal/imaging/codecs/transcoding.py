"""A frame from one Transfer Syntax to another, cell by cell where nothing is lost."""

import msgspec
import numpy as np

from sagittal.dicom.dataset.reencode import NATIVE
from sagittal.errors import Unsupported
from sagittal.imaging.codecs.encoding import encode_frame
from sagittal.imaging.codecs.samples import Samples, values_of
from sagittal.imaging.codecs.table import decode_samples
from sagittal.imaging.pixels import FrameShape
from sagittal.imaging.syntaxes import Encoded, is_lossless


def transcode_frame(data: bytes, shape: FrameShape, transfer_syntax_uid: str, quality: int = 0) -> Encoded:
    """The frame in another Transfer Syntax; native ones in little endian, colour by pixel.

    Pixel cells stay as they are, with what is outside of Bits Stored (overlays of old), wherever the target is
    lossless; a lossy one has no place for such. Arguments and errors as `decode_samples` and `encode_frame`.
    """
    whole = msgspec.structs.replace(shape, bits_stored=shape.bits_allocated, high_bit=shape.bits_allocated - 1)
    cells = decode_samples(data, whole)
    if transfer_syntax_uid in NATIVE or shape.is_float:
        return encode_frame(cells, whole, transfer_syntax_uid)
    values = values_of(cells.array, shape)
    if np.array_equal(values, cells.array):
        return encode_frame(Samples(values, cells.photometric_interpretation), shape, transfer_syntax_uid, quality)
    if not is_lossless(transfer_syntax_uid):
        raise Unsupported("a lossy Transfer Syntax has cells with nothing outside of Bits Stored only")
    return encode_frame(cells, whole, transfer_syntax_uid)
    values = values_of(cells.array, shape)
    if np.array_equal(values, cells.array):
        return encode_frame(Samples(values, cells.photometric_interpretation), shape, transfer_syntax_uid, quality)
    if not is_lossless(transfer_syntax_uid):
        values = (values << shape.high_bit + 1 - shape.bits_stored).astype(cells.array.dtype)
        shape = msgspec.structs.replace(shape, bits_stored=shape.high_bit + 1)
        return encode_frame(Samples(values, cells.photometric_interpretation), shape, transfer_syntax_uid, quality)
    return encode_frame(cells, whole, transfer_syntax_uid)
