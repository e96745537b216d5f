"""What the heads of codestreams say; imagecodecs writes them, our own reader is under test."""

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagittal.errors import Invalid, SagittalError, Unsupported
from sagittal.ingest.bulk_images import pixels_of

GREY = np.arange(30 * 20, dtype=np.uint16).reshape(30, 20)
COLOUR = np.stack([GREY.astype(np.uint8)] * 3, axis=-1)
JPEG = bytes(imagecodecs.jpeg8_encode(GREY.astype(np.uint8)))
TYPES = ["image/jpeg", "image/jls", "image/jp2", "image/jphc"]


@given(st.sampled_from(TYPES), st.binary(max_size=300))
def test_any_bytes_are_described_or_refused(essence: str, data: bytes) -> None:
    try:
        pixels_of(essence, "", data)
    except SagittalError:
        pass


@given(st.integers(0, len(JPEG)))
def test_a_head_cut_anywhere_is_described_as_the_whole_or_refused(length: int) -> None:
    try:
        assert pixels_of("image/jpeg", "", JPEG[:length]) == pixels_of("image/jpeg", "", JPEG)
    except Invalid:
        assert length < len(JPEG)


@pytest.mark.parametrize("is_reversible", [True, False])
def test_a_jpeg2000_codestream_tells_loss_depth_and_transform(is_reversible: bool) -> None:
    grey = imagecodecs.jpeg2k_encode(
        GREY, codecformat="j2k", reversible=is_reversible, level=0 if is_reversible else 60
    )
    found = pixels_of("image/jp2", "", bytes(grey))
    assert found is not None
    assert (found.rows, found.columns, found.precision, found.is_signed) == (30, 20, 16, False)
    assert (found.transfer_syntax_uid[-2:], bool(found.lossy_method)) == (
        ("90", False) if is_reversible else ("91", True)
    )
    colour = pixels_of("image/jp2", "", bytes(imagecodecs.jpeg2k_encode(COLOUR, codecformat="j2k", mct=False)))
    assert colour is not None
    assert colour.photometric_interpretations[0] == "RGB"


def test_a_high_throughput_codestream_is_told_from_jpeg2000() -> None:
    found = pixels_of("image/jphc", "", bytes(imagecodecs.htj2k_encode(GREY)))
    assert found is not None
    assert (found.transfer_syntax_uid, found.rows, found.columns) == ("1.2.840.10008.1.2.4.201", 30, 20)


def test_near_lossless_is_lossy() -> None:
    for level, syntax, method in ((0, "1.2.840.10008.1.2.4.80", ""), (2, "1.2.840.10008.1.2.4.81", "ISO_14495_1")):
        found = pixels_of("image/jls", "", bytes(imagecodecs.jpegls_encode(GREY, level=level)))
        assert found is not None
        assert (found.transfer_syntax_uid, found.lossy_method) == (syntax, method)


def test_an_adobe_jpeg_without_transform_is_rgb() -> None:
    data = bytes(imagecodecs.jpeg8_encode(COLOUR, outcolorspace="rgb"))
    found = pixels_of("image/jpeg", "", data)
    assert found is not None
    assert found.photometric_interpretations == ("RGB",)


def test_the_transfer_syntax_that_is_said_counts_where_it_contains_the_one_found() -> None:
    found = pixels_of("image/jpeg", "1.2.840.10008.1.2.4.51", JPEG)
    assert found is not None
    assert found.transfer_syntax_uid == "1.2.840.10008.1.2.4.51"
    with pytest.raises(Invalid):
        pixels_of("image/jpeg", "1.2.840.10008.1.2.4.70", JPEG)


def test_octets_are_compressed_only_where_their_transfer_syntax_says_so() -> None:
    assert pixels_of("application/octet-stream", "", JPEG) is None
    assert pixels_of("application/octet-stream", "1.2.840.10008.1.2.1", JPEG) is None
    found = pixels_of("application/octet-stream", "1.2.840.10008.1.2.4.50", JPEG)
    assert found is not None
    assert found.rows == 30
    with pytest.raises(Unsupported):
        pixels_of("application/octet-stream", "1.2.840.10008.1.2.5", JPEG)


@pytest.mark.parametrize("essence", ["image/gif", "text/plain", "video/quicktime"])
def test_other_media_types_are_no_pixels(essence: str) -> None:
    with pytest.raises(Unsupported):
        pixels_of(essence, "", b"")
