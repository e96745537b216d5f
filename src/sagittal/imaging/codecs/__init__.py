"""Frames to arrays and back: one table by Transfer Syntax, through imagecodecs."""

from sagittal.imaging.codecs.encoding import ENCODERS, Encoded, encode_frame
from sagittal.imaging.codecs.samples import Array, Samples
from sagittal.imaging.codecs.table import codec_of, decode_frame, decode_samples, is_decodable

__all__ = [
    "ENCODERS",
    "Array",
    "Encoded",
    "Samples",
    "codec_of",
    "decode_frame",
    "decode_samples",
    "encode_frame",
    "is_decodable",
]
