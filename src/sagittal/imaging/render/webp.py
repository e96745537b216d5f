"""Grey pictures as WebP, by the libwebp that Pillow stands on, called itself.

Pillow makes RGB of grey, libwebp luma of that, and looks for up to four parts of a picture to be treated differently;
for a CT of 512 x 512 that is 1.3 of 3.8 ms. Here luma is a table, and one treatment is for all: as good as four at a
quality of two thirds, of the same size (measured on CT heads of two makers).

The layouts are those of libwebp's `encode.h`; its own functions refuse another major version of them.
"""

import ctypes
from functools import cache
from typing import Any, Final

from PIL import Image

_ABI: Final = 0x0210  # WEBP_ENCODER_ABI_VERSION; a library with another upper byte says no
_METHOD: Final = 2
_NEUTRAL: Final = b"\x80"
_LUMA: Final = bytes(((16839 + 33059 + 6420) * grey + (16 << 16) + (1 << 15)) >> 16 for grey in range(256))
"""Luma of each shade of grey, from 16 to 235, as decoders turn it back (ITU-R BT.601)."""

_INTS: Final = """segments sns_strength filter_strength filter_sharpness filter_type autofilter alpha_compression
alpha_filtering alpha_quality pass show_compressed preprocessing partitions partition_limit emulate_jpeg_size
thread_level low_memory near_lossless exact use_delta_palette use_sharp_yuv qmin qmax"""


class _Config(ctypes.Structure):
    _fields_ = (
        ("lossless", ctypes.c_int),
        ("quality", ctypes.c_float),
        ("method", ctypes.c_int),
        ("image_hint", ctypes.c_int),
        ("target_size", ctypes.c_int),
        ("target_psnr", ctypes.c_float),
        *((name, ctypes.c_int) for name in _INTS.split()),
    )


class _Picture(ctypes.Structure):
    _fields_ = (
        ("use_argb", ctypes.c_int),
        ("colorspace", ctypes.c_int),
        ("width", ctypes.c_int),
        ("height", ctypes.c_int),
        ("y", ctypes.c_void_p),
        ("u", ctypes.c_void_p),
        ("v", ctypes.c_void_p),
        ("y_stride", ctypes.c_int),
        ("uv_stride", ctypes.c_int),
        ("a", ctypes.c_void_p),
        ("a_stride", ctypes.c_int),
        ("pad1", ctypes.c_uint32 * 2),
        ("argb", ctypes.c_void_p),
        ("argb_stride", ctypes.c_int),
        ("pad2", ctypes.c_uint32 * 3),
        ("writer", ctypes.c_void_p),
        ("custom_ptr", ctypes.c_void_p),
        ("extra_info_type", ctypes.c_int),
        ("extra_info", ctypes.c_void_p),
        ("stats", ctypes.c_void_p),
        ("error_code", ctypes.c_int),
        ("progress_hook", ctypes.c_void_p),
        ("user_data", ctypes.c_void_p),
        ("pad3", ctypes.c_uint32 * 3),
        ("pad4", ctypes.c_void_p * 2),
        ("pad6", ctypes.c_uint32 * 8),
        ("memory", ctypes.c_void_p * 2),
        ("pad7", ctypes.c_void_p * 2),
    )


class _Writer(ctypes.Structure):
    _fields_ = (
        ("mem", ctypes.c_void_p),
        ("size", ctypes.c_size_t),
        ("max_size", ctypes.c_size_t),
        ("pad", ctypes.c_uint32),
    )


@cache
def _library() -> Any:  # Any: functions of C, found by name
    """What Pillow's module for WebP is linked to; None where its functions cannot be reached from outside."""
    try:
        from PIL import _webp  # where Pillow was made without WebP there is none

        library = ctypes.CDLL(_webp.__file__)
        library.WebPConfigInitInternal.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_float, ctypes.c_int)
        library.WebPPictureInitInternal.argtypes = (ctypes.c_void_p, ctypes.c_int)
        for name in ("WebPMemoryWriterInit", "WebPMemoryWriterClear"):
            getattr(library, name).argtypes = (ctypes.c_void_p,)
            getattr(library, name).restype = None
        library.WebPEncode.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
        ctypes.cast(library.WebPMemoryWrite, ctypes.c_void_p)
    except (ImportError, OSError, AttributeError):
        return None
    return library


def encode_grey(image: Image.Image, quality: int) -> bytes | None:
    """A picture of mode L, at most 16383 on a side, of a quality of 1 to 100.

    None where it cannot be done so, and is Pillow's to do.
    """
    library, config, picture = _library(), _Config(), _Picture()
    if library is None or not library.WebPConfigInitInternal(ctypes.byref(config), 0, quality, _ABI):
        return None
    if not library.WebPPictureInitInternal(ctypes.byref(picture), _ABI):
        return None
    config.method, config.segments = _METHOD, 1
    columns, rows = image.size
    luma = image.tobytes().translate(_LUMA)
    chroma = _NEUTRAL * ((rows + 1) // 2 * ((columns + 1) // 2))
    picture.width, picture.height = columns, rows
    picture.y, picture.y_stride = _address(luma), columns
    picture.u = picture.v = _address(chroma)
    picture.uv_stride = (columns + 1) // 2
    return _encoded(library, config, picture)


def _address(data: bytes) -> ctypes.c_void_p:
    """Where bytes lie, as long as somebody holds them."""
    return ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p)


def _encoded(library: Any, config: _Config, picture: _Picture) -> bytes | None:  # Any: as above
    writer = _Writer()
    library.WebPMemoryWriterInit(ctypes.byref(writer))
    picture.writer = ctypes.cast(library.WebPMemoryWrite, ctypes.c_void_p)
    picture.custom_ptr = ctypes.cast(ctypes.pointer(writer), ctypes.c_void_p)
    try:
        is_done = library.WebPEncode(ctypes.byref(config), ctypes.byref(picture))
        return ctypes.string_at(writer.mem, writer.size) if is_done else None
    finally:
        library.WebPMemoryWriterClear(ctypes.byref(writer))
