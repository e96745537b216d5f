"""Frames to arrays and back: one table by Transfer Syntax, through imagecodecs."""

from sagittal.imaging.codecs.encoding import ENCODERS, encode_frame
from sagittal.imaging.codecs.lossy import LOSSY_ENCODERS
from sagittal.imaging.codecs.samples import Array, Samples
from sagittal.imaging.codecs.table import codec_of, decode_frame, decode_samples

__all__ = [
    "ENCODERS",
    "LOSSY_ENCODERS",
    "Array",
    "Samples",
    "codec_of",
    "decode_frame",
    "decode_samples",
    "encode_frame",
]
