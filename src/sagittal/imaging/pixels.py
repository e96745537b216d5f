"""What a frame looks like: the attributes that say how its bytes become an array (PS3.3 Section C.7.6.3)."""

import msgspec

from sagittal.dicom.dataset import Header, RawElement
from sagittal.dicom.dataset.elements import DOUBLE_FLOAT_PIXEL_DATA, FLOAT_PIXEL_DATA, PIXEL_DATA
from sagittal.errors import Exhausted, Invalid

SAMPLES_PER_PIXEL = 0x00280002
PHOTOMETRIC_INTERPRETATION = 0x00280004
PLANAR_CONFIGURATION = 0x00280006
ROWS = 0x00280010
COLUMNS = 0x00280011
BITS_ALLOCATED = 0x00280100
BITS_STORED = 0x00280101
HIGH_BIT = 0x00280102
PIXEL_REPRESENTATION = 0x00280103

SHAPE_TAGS = frozenset(
    (
        SAMPLES_PER_PIXEL,
        PHOTOMETRIC_INTERPRETATION,
        PLANAR_CONFIGURATION,
        ROWS,
        COLUMNS,
        BITS_ALLOCATED,
        BITS_STORED,
        HIGH_BIT,
        PIXEL_REPRESENTATION,
    )
)
"""What `FrameShape.of` wants of a header."""

MAX_FRAME_BYTES = 512 * 1024**2
"""Of one decoded frame. The largest radiographs have 60 MB; whole slides come as tiles."""

MAX_SAMPLES = 16
_FLOAT_BITS = {FLOAT_PIXEL_DATA: 32, DOUBLE_FLOAT_PIXEL_DATA: 64}
_INTEGER_BITS = (1, 8, 16, 32, 64)


class FrameShape(msgspec.Struct, frozen=True, kw_only=True):
    """How one frame of an instance is written.

    Attributes:
        rows, columns, samples_per_pixel: size of the frame.
        bits_allocated, bits_stored, high_bit: of one sample; high bit counts from 0.
        is_signed: two's complement.
        planar_configuration: 1 where a native frame has one plane after the other.
        photometric_interpretation: as written, without padding.
        pixel_tag: (7FE0,0010) for integers, (7FE0,0008) for float, (7FE0,0009) for double float.
        pixel_vr: OB or OW; it decides how bytes lie in big endian order (PS3.5 Section 7.3).
        is_little_endian: byte order of native samples.
        transfer_syntax_uid: decides the codec.
    """

    rows: int
    columns: int
    samples_per_pixel: int = 1
    bits_allocated: int = 8
    bits_stored: int = 8
    high_bit: int = 7
    is_signed: bool = False
    planar_configuration: int = 0
    photometric_interpretation: str = "MONOCHROME2"
    pixel_tag: int = PIXEL_DATA
    pixel_vr: str = "OW"
    is_little_endian: bool = True
    transfer_syntax_uid: str = "1.2.840.10008.1.2.1"

    @classmethod
    def of(cls, header: Header) -> "FrameShape":
        """The shape of each frame of a data set whose header was read with SHAPE_TAGS among those wanted.

        Raises:
            Invalid: there are no pixels, or their attributes contradict each other.
            Exhausted: a frame would be larger than MAX_FRAME_BYTES.
        """
        pixels = header.pixel_data
        if pixels is None:
            raise Invalid("a data set without pixel data has no frames")
        elements, is_little = header.elements, header.encoding.is_little_endian
        is_implied = pixels.tag in _FLOAT_BITS
        allocated = _FLOAT_BITS.get(pixels.tag) or _number(elements.get(BITS_ALLOCATED), is_little, 0)
        stored = allocated if is_implied else _number(elements.get(BITS_STORED), is_little, allocated)
        photometric = elements.get(PHOTOMETRIC_INTERPRETATION)
        return cls(
            rows=_number(elements.get(ROWS), is_little, 0),
            columns=_number(elements.get(COLUMNS), is_little, 0),
            samples_per_pixel=_number(elements.get(SAMPLES_PER_PIXEL), is_little, 1),
            bits_allocated=allocated,
            bits_stored=stored,
            high_bit=stored - 1 if is_implied else _number(elements.get(HIGH_BIT), is_little, stored - 1),
            is_signed=not is_implied and _number(elements.get(PIXEL_REPRESENTATION), is_little, 0) == 1,
            planar_configuration=_number(elements.get(PLANAR_CONFIGURATION), is_little, 0),
            photometric_interpretation=photometric.value.decode("latin_1").strip(" \0") if photometric else "",
            pixel_tag=pixels.tag,
            pixel_vr=pixels.vr,
            is_little_endian=is_little,
            transfer_syntax_uid=header.transfer_syntax_uid,
        ).checked()

    @property
    def is_float(self) -> bool:
        """Whether samples are floating point numbers."""
        return self.pixel_tag in _FLOAT_BITS

    @property
    def dtype(self) -> str:
        """Of the decoded samples, in numpy's words and native byte order."""
        kind = "f" if self.is_float else "i" if self.is_signed and self.bits_allocated > 1 else "u"
        return f"{kind}{max(8, self.bits_allocated) // 8}"

    @property
    def array_shape(self) -> tuple[int, ...]:
        """(rows, columns), or (rows, columns, samples) where there are several samples."""
        size = (self.rows, self.columns)
        return size if self.samples_per_pixel == 1 else (*size, self.samples_per_pixel)

    @property
    def decoded_bytes(self) -> int:
        """Memory of the decoded frame, bytes."""
        return self.rows * self.columns * self.samples_per_pixel * max(8, self.bits_allocated) // 8

    def checked(self) -> "FrameShape":
        """Itself; raises Invalid or Exhausted for a frame that cannot be or is too large."""
        if not 1 <= self.rows <= 65535 or not 1 <= self.columns <= 65535:
            raise Invalid(f"a frame has 1 to 65535 rows and columns; got {self.rows} and {self.columns}")
        if not 1 <= self.samples_per_pixel <= MAX_SAMPLES:
            raise Invalid(f"Samples per Pixel (0028,0002) is 1 to {MAX_SAMPLES}; got {self.samples_per_pixel}")
        if self.bits_allocated not in _INTEGER_BITS:
            raise Invalid(f"Bits Allocated (0028,0100) is one of {_INTEGER_BITS}; got {self.bits_allocated}")
        if not 1 <= self.bits_stored <= self.high_bit + 1 <= self.bits_allocated:
            raise Invalid(
                f"Bits Stored (0028,0101) and High Bit (0028,0102) fit Bits Allocated {self.bits_allocated};"
                f" got {self.bits_stored} and {self.high_bit}"
            )
        if self.decoded_bytes > MAX_FRAME_BYTES:
            raise Exhausted(f"a frame of {self.decoded_bytes} bytes is more than {MAX_FRAME_BYTES}")
        return self


def _number(element: RawElement | None, is_little_endian: bool, default: int) -> int:
    """The first value of a US element; some writers send IS or UL instead."""
    if element is None or not element.value:
        return default
    if element.vr in ("IS", "DS"):
        text = element.value.split(b"\\")[0].strip(b" \0")
        if not text.isdigit() or len(text) > 9:
            raise Invalid("an attribute of the Image Pixel Module is a number; got other text")
        return int(text)
    width = 4 if element.vr in ("UL", "SL") else 2
    return int.from_bytes(element.value[:width], "little" if is_little_endian else "big")
