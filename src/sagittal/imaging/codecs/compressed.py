"""Frames of compressed Transfer Syntaxes: JPEG, JPEG-LS, JPEG 2000, HTJ2K, JPEG XL, RLE, deflate."""

import zlib

import imagecodecs
import numpy as np

from sagittal.errors import Invalid
from sagittal.imaging.codecs.codestreams import Codestream, read_jpeg, read_jpeg2000, read_jpeg_xl
from sagittal.imaging.codecs.native import decode_native
from sagittal.imaging.codecs.rle import decode_rle
from sagittal.imaging.codecs.samples import Array, Samples, shaped, values_of
from sagittal.imaging.pixels import FrameShape


def decode_jpeg(data: bytes, shape: FrameShape) -> Samples:
    """JPEG of 8 and 12 bits, and lossless JPEG of 2 to 16 (PS3.5 Section 8.2.1).

    Lossless samples are given as they are coded. Lossy YCbCr becomes RGB: whether three components are YCbCr is said
    by the Adobe marker, else by JFIF, else by Photometric Interpretation.
    """
    head = read_jpeg(data)
    _fits(head, shape)
    name = shape.photometric_interpretation
    if head.is_lossless or head.samples != 3:
        space = {1: "GRAYSCALE", 3: "RGB", 4: "CMYK"}.get(head.samples)
        array = imagecodecs.jpeg8_decode(data, colorspace=space, outcolorspace=space)
        return Samples(values_of(shaped(array, shape), shape, head.precision), name)
    space = "YCBCR" if _is_ycbcr(head, name) else "RGB"
    array = imagecodecs.jpeg8_decode(data, colorspace=space, outcolorspace="RGB")
    return Samples(values_of(shaped(array, shape), shape, head.precision), "RGB")


def _is_ycbcr(head: Codestream, photometric_interpretation: str) -> bool:
    if head.adobe_transform is not None:
        return head.adobe_transform == 1
    return head.is_jfif or photometric_interpretation.startswith("YBR")


def decode_jpeg_ls(data: bytes, shape: FrameShape) -> Samples:
    """JPEG-LS, lossless or not (PS3.5 Section 8.2.3)."""
    head = read_jpeg(data)
    _fits(head, shape)
    array = imagecodecs.jpegls_decode(data)
    return Samples(values_of(shaped(array, shape), shape, head.precision), shape.photometric_interpretation)


def decode_jpeg2000(data: bytes, shape: FrameShape) -> Samples:
    """JPEG 2000 (PS3.5 Section 8.2.4); the codestream's own component transform is undone."""
    head = read_jpeg2000(data)
    _fits(head, shape)
    array = imagecodecs.jpeg2k_decode(data, numthreads=1)
    return _of_wavelets(shaped(array, shape), head, shape)


def decode_htj2k(data: bytes, shape: FrameShape) -> Samples:
    """High-throughput JPEG 2000 (PS3.5 Section 8.2.14)."""
    head = read_jpeg2000(data)
    _fits(head, shape)
    return _of_wavelets(shaped(imagecodecs.htj2k_decode(data, planar=False), shape), head, shape)


def _of_wavelets(array: Array, head: Codestream, shape: FrameShape) -> Samples:
    name = shape.photometric_interpretation
    coded = shape.photometric_interpretation if name not in ("YBR_RCT", "YBR_ICT") else "RGB"
    if not head.is_signed and array.dtype.kind == "i":
        array = array.view(array.dtype.str.replace("i", "u"))
    return Samples(values_of(array, shape, head.precision), coded)


def decode_jpeg_xl(data: bytes, shape: FrameShape) -> Samples:
    """JPEG XL, and JPEG recompressed with it (PS3.5 Section 8.2.17); three samples are RGB."""
    size = read_jpeg_xl(data)
    if size != (shape.rows, shape.columns):
        raise Invalid(f"a frame of {shape.rows} rows and {shape.columns} columns; the codestream has {size}")
    array = shaped(imagecodecs.jpegxl_decode(data, keeporientation=True, numthreads=1), shape)
    if array.dtype.kind == "f":
        raise Invalid("a JPEG XL codestream of floating point samples in integer pixel data")
    name = "RGB" if shape.samples_per_pixel == 3 else shape.photometric_interpretation
    return Samples(values_of(array, shape, array.dtype.itemsize * 8), name)


def decode_rle_lossless(data: bytes, shape: FrameShape) -> Samples:
    """RLE Lossless (PS3.5 Annex G)."""
    cells = decode_rle(data, shape)
    return Samples(values_of(cells, shape), shape.photometric_interpretation)


def decode_deflated(data: bytes, shape: FrameShape) -> Samples:
    """Deflated Image Frame: each fragment is one deflate stream of a native frame (PS3.5 Section 8.2.16)."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    most = shape.decoded_bytes + 1
    return decode_native(inflater.decompress(data, most), shape)


def _fits(head: Codestream, shape: FrameShape) -> None:
    """Raises Invalid where the codestream is not of the size that the data set says."""
    said = (shape.rows, shape.columns, shape.samples_per_pixel)
    if (head.rows, head.columns, head.samples) != said:
        raise Invalid(f"a frame of {said} rows, columns and samples; the codestream has {head[:3]}")
    if head.precision > max(8, shape.bits_allocated):
        raise Invalid(f"samples of {head.precision} bits do not fit Bits Allocated {shape.bits_allocated}")
    if np.dtype(shape.dtype).kind == "f":
        raise Invalid("float pixel data is not compressed by a codec for integers")
