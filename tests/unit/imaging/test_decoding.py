"""Frames of real files against pydicom with its own decoders."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagittal.errors import Exhausted, Invalid, SagittalError, Unsupported
from sagittal.imaging.codecs import decode_frame, decode_samples
from sagittal.imaging.codecs.table import DECODERS
from sagittal.imaging.pixels import FrameShape
from support.frames import PYDICOM_FILES, as_pydicom_decodes, files_with_pixels, first_frame
from support.shared import SHARED, shared

# Every kind of pixel that the field sends, by the attributes that tell; segments of palettes have test_lookup.py.
KINDS = frozenset(
    (
        *(f"{bits} bits stored" for bits in (1, 8, 10, 12, 16, 32)),
        *("signed", "odd size", "planar", "samples 3", "float", "double float"),
        *("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"),
        *(f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 57, 70, 80, 81, 90, 91)),
        *("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.5"),
    )
)


def kinds_of(shape: FrameShape) -> set[str]:
    kinds = {shape.photometric_interpretation, shape.transfer_syntax_uid, f"{shape.bits_stored} bits stored"}
    marks = {
        "signed": shape.is_signed,
        "odd size": shape.rows % 2 == 1 and shape.columns % 2 == 1,
        "planar": shape.planar_configuration == 1,
        "samples 3": shape.samples_per_pixel == 3,
        "float": shape.pixel_tag == 0x7FE00008,
        "double float": shape.pixel_tag == 0x7FE00009,
    }
    return kinds | {name for name, is_so in marks.items() if is_so}


def differences(*roots: Path) -> tuple[set[str], int, list[str]]:
    """The kinds of frames that were compared, how many, and those that differ."""
    warnings.simplefilter("ignore")
    kinds: set[str] = set()
    compared, wrong = 0, []
    for path in files_with_pixels(*roots):
        try:
            wanted = as_pydicom_decodes(path)
        except Unsupported:
            continue
        try:
            data, shape = first_frame(path)
            got = decode_frame(data, shape)
        except SagittalError as error:
            wrong.append(f"{path.name}: {error}")
            continue
        compared += 1
        kinds |= kinds_of(shape)
        # Lossy JPEG in YCbCr: libjpeg rounds in integers, pydicom converts in floating point.
        allowed = 1 if shape.photometric_interpretation.startswith("YBR") else 0
        if got.shape != wanted.shape or np.abs(got.astype(float) - wanted.astype(float)).max() > allowed:
            wrong.append(f"{path.name}: {got.shape} {got.dtype}, expected {wanted.shape} {wanted.dtype}")
    return kinds, compared, wrong


def test_files_that_pydicom_ships_give_the_same_pixels() -> None:
    _, compared, wrong = differences(PYDICOM_FILES)
    assert wrong == []
    assert compared > 40


@shared
def test_shared_files_give_the_same_pixels() -> None:
    kinds, compared, wrong = differences(SHARED / "dicom", PYDICOM_FILES)
    assert wrong == []
    assert compared > 220
    assert KINDS - kinds == set()


SHAPE = FrameShape(rows=4, columns=4, transfer_syntax_uid="1.2.840.10008.1.2.4.90")


@pytest.mark.parametrize("syntax", sorted(DECODERS))
@given(data=st.binary(max_size=200), head=st.sampled_from([b"", b"\xff\xd8\xff\xc0", b"\xff\x4f\xff\x51", b"\xff\x0a"]))
@settings(max_examples=60, deadline=None)
def test_arbitrary_bytes_raise_only_our_errors(syntax: str, data: bytes, head: bytes) -> None:
    shape = FrameShape(rows=4, columns=4, transfer_syntax_uid=syntax)
    try:
        array = decode_frame(head + data, shape)
    except SagittalError:
        return
    assert array.shape == (4, 4)


@pytest.mark.parametrize("name", ["JPEG2000.dcm", "SC_rgb_jpeg_dcmtk.dcm", "MR_small_RLE.dcm", "JPEG-LL.dcm"])
def test_a_codestream_cut_or_bent_anywhere_raises_only_our_errors(name: str) -> None:
    path = PYDICOM_FILES / name
    if not path.exists():
        pytest.skip(f"this pydicom does not ship {name}")
    data, shape = first_frame(path)
    for at in range(0, len(data), max(1, len(data) // 40)):
        for bent in (data[:at], data[:at] + b"\xff" + data[at + 1 :]):
            try:
                array = decode_frame(bent, shape)
            except SagittalError:
                continue
            assert array.shape == shape.array_shape


def test_a_codestream_of_another_size_is_refused_before_it_is_decoded() -> None:
    size = b"\xff\xd8\xff\xc0\x00\x0b\x08\xff\xff\xff\xff\x01\x01\x11\x00"
    shape = FrameShape(rows=4, columns=4, transfer_syntax_uid="1.2.840.10008.1.2.4.50")
    with pytest.raises(Invalid, match="the codestream has"):
        decode_frame(size, shape)


def test_a_frame_beyond_the_cap_is_refused() -> None:
    with pytest.raises(Exhausted):
        FrameShape(rows=65535, columns=65535, samples_per_pixel=3).checked()


def test_video_is_not_decoded() -> None:
    with pytest.raises(Unsupported):
        decode_frame(b"", FrameShape(rows=4, columns=4, transfer_syntax_uid="1.2.840.10008.1.2.4.102"))


def test_bits_outside_of_bits_stored_are_dropped_and_signs_extended() -> None:
    cells = np.array([[0xF801, 0x07FF]], "<u2")
    signed = FrameShape(rows=1, columns=2, bits_allocated=16, bits_stored=12, high_bit=11, is_signed=True)
    assert decode_frame(cells.tobytes(), signed).tolist() == [[-2047, 2047]]
    high = FrameShape(rows=1, columns=2, bits_allocated=16, bits_stored=12, high_bit=15)
    assert decode_frame(cells.tobytes(), high).tolist() == [[0xF80, 0x07F]]


def test_one_bit_pixels_begin_at_the_least_significant_bit() -> None:
    shape = FrameShape(rows=1, columns=10, bits_allocated=1, bits_stored=1, high_bit=0)
    assert decode_frame(b"\x01\x02", shape).tolist() == [[1, 0, 0, 0, 0, 0, 0, 0, 0, 1]]


def test_bytes_in_big_endian_words_are_swapped_back() -> None:
    shape = FrameShape(rows=1, columns=3, is_little_endian=False, transfer_syntax_uid="1.2.840.10008.1.2.2")
    assert decode_frame(b"\2\1\4\3", shape).tolist() == [[1, 2, 3]]


def test_shared_chroma_is_given_to_both_pixels() -> None:
    shape = FrameShape(rows=1, columns=2, samples_per_pixel=3, photometric_interpretation="YBR_FULL_422")
    samples = decode_samples(bytes([10, 20, 128, 130]), shape)
    assert samples.array.tolist() == [[[10, 128, 130], [20, 128, 130]]]
    assert samples.photometric_interpretation == "YBR_FULL"


def test_planes_become_pixels() -> None:
    shape = FrameShape(rows=1, columns=2, samples_per_pixel=3, planar_configuration=1, photometric_interpretation="RGB")
    assert decode_frame(bytes([1, 2, 3, 4, 5, 6]), shape).tolist() == [[[1, 3, 5], [2, 4, 6]]]


@pytest.mark.parametrize(("bits", "tag"), [(32, 0x7FE00008), (64, 0x7FE00009)])
def test_floats_stay_as_they_are(bits: int, tag: int) -> None:
    values = np.array([[0.5, -1.25]], f"<f{bits // 8}")
    shape = FrameShape(rows=1, columns=2, bits_allocated=bits, bits_stored=bits, high_bit=bits - 1, pixel_tag=tag)
    assert decode_frame(values.tobytes(), shape).tolist() == [[0.5, -1.25]]


@pytest.mark.parametrize("order", ["as PS3.5 has it", "turned around"])
def test_big_endian_cells_of_32_bits_are_read_in_either_order_of_their_words(order: str) -> None:
    values = np.linspace(0, 3_000_000, 64).astype(np.uint32).reshape(8, 8)
    by_word = values.astype("<u4").view("<u2").astype(">u2").tobytes()
    data = by_word if order == "as PS3.5 has it" else values.astype(">u4").tobytes()
    shape = FrameShape(
        rows=8,
        columns=8,
        bits_allocated=32,
        bits_stored=32,
        high_bit=31,
        is_little_endian=False,
        transfer_syntax_uid="1.2.840.10008.1.2.2",
    )
    assert np.array_equal(decode_frame(data, shape), values)
