"""Frames that we write, read back."""

import subprocess
import sys
from typing import Any

import msgspec
import numpy as np
import openjpeg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sagittal.errors import Unsupported
from sagittal.imaging.codecs import ENCODERS, LOSSY_ENCODERS, Samples, decode_samples, encode_frame
from sagittal.imaging.codecs.lossy import near_of
from sagittal.imaging.codecs.table import DECODERS
from sagittal.imaging.pixels import FrameShape
from sagittal.imaging.syntaxes import READ, WRITTEN, is_lossless

LOSSLESS = sorted(uid for uid in WRITTEN if is_lossless(uid))
LOSSY = sorted(set(WRITTEN) - set(LOSSLESS))

_BITS = [(1, 1), (8, 6), (8, 8), (16, 10), (16, 12), (16, 16), (32, 20), (32, 32), (64, 64)]


def test_what_is_said_to_be_read_and_written_is_what_there_is_code_for() -> None:
    assert set(DECODERS) == READ
    assert set(ENCODERS) == set(LOSSLESS)
    assert set(LOSSY_ENCODERS) == set(LOSSY)
    assert {uid for uid, codec in DECODERS.items() if codec.is_lossless} & set(WRITTEN) == set(LOSSLESS)


def test_the_servers_own_process_loads_neither_numpy_nor_codecs() -> None:
    program = "import sys, sagittal.retrieve.transcoded, sagittal.retrieve.pixels; print('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout == b"False\n"


@st.composite
def frames(draw: st.DrawFn) -> tuple[Samples, FrameShape]:
    """Noise of every kind of sample."""
    allocated, stored = draw(st.sampled_from(_BITS))
    name = draw(st.sampled_from(["MONOCHROME1", "PALETTE COLOR", "RGB", "YBR_FULL"]))
    is_signed = draw(st.booleans()) and allocated > 1 and name.startswith("M")
    shape = FrameShape(
        rows=draw(st.integers(1, 40)),
        columns=draw(st.integers(1, 40)),
        samples_per_pixel=3 if name in ("RGB", "YBR_FULL") else 1,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=stored - 1,
        is_signed=is_signed,
        photometric_interpretation=name,
    )
    low, high = (-(1 << stored - 1), (1 << stored - 1) - 1) if is_signed else (0, (1 << stored) - 1)
    noise = np.random.default_rng(draw(st.integers(0, 1000)))
    array = noise.integers(low, high, shape.array_shape, dtype=shape.dtype, endpoint=True)
    return Samples(array, name), shape


@pytest.mark.parametrize("syntax", [*LOSSLESS, "1.2.840.10008.1.2.1"])
@given(frame=frames())
@settings(max_examples=60, deadline=None)
def test_a_lossless_frame_comes_back_to_the_bit_or_is_refused(syntax: str, frame: tuple[Samples, FrameShape]) -> None:
    samples, shape = frame
    try:
        encoded = encode_frame(samples, shape, syntax)
    except Unsupported:
        return
    written = msgspec.structs.replace(
        shape, transfer_syntax_uid=syntax, photometric_interpretation=encoded.photometric_interpretation
    )
    back = decode_samples(encoded.data, written)
    assert back.array.dtype == samples.array.dtype
    assert np.array_equal(back.array, samples.array)
    assert back.photometric_interpretation == samples.photometric_interpretation


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202"])
@given(frame=frames())
@settings(max_examples=60, deadline=None)
def test_openjpeg_reads_our_jpeg_2000_and_htj2k(syntax: str, frame: tuple[Samples, FrameShape]) -> None:
    samples, shape = frame
    try:
        encoded = encode_frame(samples, shape, syntax)
    except Unsupported:
        return
    if shape.bits_stored > 16:
        return  # OpenJPEG holds up to 26 bits or so
    theirs = np.asarray(openjpeg.decode(encoded.data)).reshape(samples.array.shape)
    assert np.array_equal(theirs.astype(np.int64), samples.array.astype(np.int64))


@pytest.mark.parametrize(
    ("syntax", "name", "most"),
    [
        ("1.2.840.10008.1.2.4.90", "YBR_RCT", 0),
        ("1.2.840.10008.1.2.4.91", "YBR_ICT", 8),
        ("1.2.840.10008.1.2.4.201", "YBR_RCT", 0),
        ("1.2.840.10008.1.2.4.203", "YBR_ICT", 8),
    ],
)
def test_colours_go_through_the_transform_that_the_data_set_names(syntax: str, name: str, most: int) -> None:
    array = np.stack([smooth(8), smooth(8)[::-1], 255 - smooth(8)], axis=-1)
    shape = FrameShape(rows=64, columns=80, samples_per_pixel=3, photometric_interpretation="RGB")
    encoded = encode_frame(Samples(array, "RGB"), shape, syntax)
    assert encoded.photometric_interpretation == name
    theirs = np.asarray(openjpeg.decode(encoded.data))
    assert np.abs(theirs.astype(int) - array.astype(int)).max() <= most
    ours = decode_samples(
        encoded.data, msgspec.structs.replace(shape, transfer_syntax_uid=syntax, photometric_interpretation=name)
    )
    assert np.abs(ours.array.astype(int) - array.astype(int)).max() <= most
    assert ours.photometric_interpretation == "RGB"


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_every_lossless_syntax_takes_eight_bits(syntax: str) -> None:
    shape = FrameShape(rows=2, columns=2, photometric_interpretation="MONOCHROME2")
    assert encode_frame(Samples(np.zeros((2, 2), np.uint8), "MONOCHROME2"), shape, syntax).data


@pytest.mark.parametrize("syntax", LOSSY)
def test_a_lossy_frame_of_a_smooth_picture_stays_near(syntax: str) -> None:
    rows, columns = np.mgrid[:64, :80]
    array = ((np.sin(rows / 9) + np.cos(columns / 7) + 2) * 60).astype(np.uint8)
    shape = FrameShape(rows=64, columns=80, photometric_interpretation="MONOCHROME2")
    encoded = encode_frame(Samples(array, "MONOCHROME2"), shape, syntax)
    back = decode_samples(encoded.data, msgspec.structs.replace(shape, transfer_syntax_uid=syntax))
    assert np.abs(back.array.astype(int) - array.astype(int)).max() <= 6
    assert len(encoded.data) < array.nbytes / 3


def smooth(bits: int) -> NDArray[Any]:  # Any: of one byte or two
    rows, columns = np.mgrid[:64, :80]
    waves = (np.sin(rows / 9) + np.cos(columns / 7) + 2) / 4
    values: NDArray[Any] = (waves * ((1 << bits) - 1)).astype(np.uint8 if bits <= 8 else np.uint16)
    return values


@pytest.mark.parametrize("syntax", LOSSY)
def test_a_lower_quality_is_smaller_and_further_from_the_original(syntax: str) -> None:
    array = smooth(8) ^ np.random.default_rng(0).integers(0, 16, (64, 80), dtype=np.uint8)
    shape = FrameShape(rows=64, columns=80, photometric_interpretation="MONOCHROME2", transfer_syntax_uid=syntax)
    coded = [encode_frame(Samples(array, "MONOCHROME2"), shape, syntax, quality).data for quality in (100, 80, 40, 5)]
    errors = [np.abs(decode_samples(one, shape).array.astype(int) - array).mean() for one in coded]
    assert sorted(map(len, coded), reverse=True) == list(map(len, coded))
    assert sorted(errors) == errors
    assert errors[0] < 1 < errors[-1]


@pytest.mark.parametrize("quality", [0, 1, 50, 100])
@pytest.mark.parametrize("syntax", LOSSY)
@given(frame=frames())
@settings(max_examples=20, deadline=None)
def test_a_lossy_frame_stays_within_the_bits_that_are_stored(
    syntax: str, quality: int, frame: tuple[Samples, FrameShape]
) -> None:
    samples, shape = frame
    try:
        encoded = encode_frame(samples, shape, syntax, quality)
    except Unsupported:
        return
    written = msgspec.structs.replace(
        shape, transfer_syntax_uid=syntax, photometric_interpretation=encoded.photometric_interpretation
    )
    whole = msgspec.structs.replace(written, bits_stored=shape.bits_allocated, high_bit=shape.bits_allocated - 1)
    assert np.array_equal(decode_samples(encoded.data, whole).array, decode_samples(encoded.data, written).array)


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("quality", [1, 50, 92, 100])
def test_near_lossless_keeps_every_sample_as_near_as_it_says(bits: int, quality: int) -> None:
    array, near = smooth(bits), near_of(quality, bits)
    allocated = 8 if bits == 8 else 16
    shape = FrameShape(rows=64, columns=80, bits_allocated=allocated, bits_stored=bits, high_bit=bits - 1)
    encoded = encode_frame(Samples(array, "MONOCHROME2"), shape, "1.2.840.10008.1.2.4.81", quality)
    back = decode_samples(encoded.data, msgspec.structs.replace(shape, transfer_syntax_uid="1.2.840.10008.1.2.4.81"))
    inner = array <= (1 << bits) - 1 - near  # above, the range is made narrower
    assert np.abs(back.array.astype(int) - array)[inner].max() <= near
    assert np.abs(back.array.astype(int) - array).max() <= 2 * near


@pytest.mark.parametrize("syntax", sorted(WRITTEN))
def test_floats_are_never_encapsulated(syntax: str) -> None:
    shape = FrameShape(rows=1, columns=1, bits_allocated=32, bits_stored=32, high_bit=31, pixel_tag=0x7FE00008)
    with pytest.raises(Unsupported):
        encode_frame(Samples(np.zeros((1, 1), np.float32), "MONOCHROME2"), shape, syntax)


@pytest.mark.parametrize("syntax", LOSSY)
def test_indices_of_a_palette_are_never_coded_lossy(syntax: str) -> None:
    samples = Samples(np.zeros((8, 8), np.uint8), "PALETTE COLOR")
    with pytest.raises(Unsupported):
        encode_frame(samples, FrameShape(rows=8, columns=8, photometric_interpretation="PALETTE COLOR"), syntax)
