"""Which Transfer Syntax a video is of: real files, and the same files with another profile or level said."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagittal.errors import Exhausted, Invalid, SagittalError, Unsupported
from sagittal.ingest import mp4
from sagittal.ingest.bulk_images import Pixels
from sagittal.ingest.bulk_video import video_of
from support.video import avc_of, hevc_of, video

J = "1.2.840.10008.1.2.4."


def described(data: bytes, essence: str = "video/mp4", said: str = "", is_stereo: bool = False) -> Pixels:
    async def read(start: int, stop: int) -> bytes:
        return data[start:stop]

    return asyncio.run(video_of(essence, said, is_stereo, read, len(data)))


@pytest.mark.parametrize(
    ("name", "essence", "syntax", "rows", "frames", "method"),
    [
        ("h264_high.mp4", "video/mp4", "102", 48, 5, "ISO_14496_10"),
        ("h264_fragmented.mp4", "video/mp4", "102", 48, 5, "ISO_14496_10"),
        ("hevc_main.mp4", "video/mp4", "107", 64, 5, "ISO_23008_2"),
        ("mpeg2.m2v", "video/mpeg", "100", 48, 0, "ISO_13818_2"),
    ],
)
def test_a_video_says_its_transfer_syntax_size_frames_and_pace(
    name: str, essence: str, syntax: str, rows: int, frames: int, method: str
) -> None:
    found = described(video(name), essence)
    assert found.transfer_syntax_uid == J + syntax
    assert (found.rows, found.columns, found.samples, found.precision) == (rows, 64, 3, 8)
    assert (found.frames, round(found.frame_time_ms, 3), found.lossy_method) == (frames, 40.0, method)
    assert found.photometric_interpretations == ("YBR_PARTIAL_420",)


@pytest.mark.parametrize(
    ("profile", "level", "is_stereo", "syntax"),
    [
        (100, 30, False, "102"),
        (100, 41, False, "102"),
        (100, 42, False, "104"),
        (100, 42, True, "105"),
        (100, 41, True, "105"),
        (128, 42, True, "106"),
    ],
)
def test_the_profile_and_level_of_h264_choose_the_transfer_syntax(
    profile: int, level: int, is_stereo: bool, syntax: str
) -> None:
    assert described(avc_of(profile, level), is_stereo=is_stereo).transfer_syntax_uid == J + syntax


@pytest.mark.parametrize(("profile", "level"), [(66, 30), (77, 41), (100, 50), (110, 41), (122, 41), (128, 51)])
def test_h264_that_no_transfer_syntax_has_is_refused_with_what_it_is(profile: int, level: int) -> None:
    with pytest.raises(Unsupported, match=f"profile_idc {profile}, level_idc {level}"):
        described(avc_of(profile, level))


def test_a_real_video_of_main_profile_is_refused() -> None:
    with pytest.raises(Unsupported, match=r"encode it so; this one is of Main Profile, Level \d"):
        described(video("h264_main.mp4"))


@pytest.mark.parametrize(
    ("data", "said", "is_taken"),
    [
        (avc_of(100, 41), "102.1", True),
        (avc_of(100, 41), "104", True),
        (avc_of(100, 42), "102", False),
        (avc_of(100, 41), "103", False),
        (avc_of(100, 41, 1920, 1080), "103", True),
        (avc_of(100, 41, 1280, 720), "103", False),  # 25 frames a second are not in PS3.5 Table 8-4
        (hevc_of(1, 153), "108", False),
        (hevc_of(1, 153), "107.1", False),
        (avc_of(100, 41), "107", False),
    ],
)
def test_a_transfer_syntax_that_is_said_counts_where_the_video_is_of_it(data: bytes, said: str, is_taken: bool) -> None:
    if is_taken:
        assert described(data, said=J + said).transfer_syntax_uid == J + said
    else:
        with pytest.raises(Invalid):
            described(data, said=J + said)


def test_octets_of_a_video_transfer_syntax_are_a_video() -> None:
    assert described(avc_of(100, 41), "application/octet-stream", f"{J}102").frames == 5


def test_hevc_of_ten_bits_is_of_main_10() -> None:
    found = described(hevc_of(2, 153))
    assert (found.transfer_syntax_uid, found.precision) == (f"{J}108", 10)


@pytest.mark.parametrize("data", [hevc_of(4, 153), hevc_of(1, 156), hevc_of(1, 153, is_high_tier=True)])
def test_hevc_that_no_transfer_syntax_has_is_refused(data: bytes) -> None:
    with pytest.raises(Unsupported):
        described(data)


@pytest.mark.parametrize(("code", "syntax"), [(0x48, "100"), (0x44, "101"), (0x46, ""), (0x85, "")])
def test_the_level_of_mpeg2_chooses_the_transfer_syntax(code: int, syntax: str) -> None:
    data = bytearray(video("mpeg2.m2v"))
    at = data.index(b"\0\0\1\xb5")
    data[at + 4] = 0x10 | code >> 4
    data[at + 5] = (code & 15) << 4 | data[at + 5] & 15
    if syntax:
        assert described(bytes(data), "video/mpeg").transfer_syntax_uid == J + syntax
    else:
        with pytest.raises(Unsupported):
            described(bytes(data), "video/mpeg")


def test_pixels_that_are_not_square_are_refused() -> None:
    data = avc_of(100, 41)
    at = data.index(b"btrt")  # a box of bit rates becomes one of the shape of pixels
    with pytest.raises(Unsupported, match="square"):
        described(data[:at] + b"pasp\0\0\0\4\0\0\0\3" + data[at + 12 :])


def test_the_pad_byte_of_an_odd_file_is_no_box() -> None:
    assert described(avc_of(100, 41) + b"\0").frames == 5


def test_tables_beyond_the_cap_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mp4, "MAX_MOVIE_BYTES", 100)
    with pytest.raises(Exhausted):
        described(avc_of(100, 41))


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_described_or_refused(data: bytes, is_file: bool) -> None:
    try:
        described((video("h264_high.mp4")[:24] if is_file else b"") + data)
    except SagittalError:
        pass


@given(
    st.integers(0, 2000),
    st.integers(0, 255),
    st.sampled_from(["h264_high.mp4", "h264_fragmented.mp4", "hevc_main.mp4"]),
)
def test_a_byte_that_changed_raises_only_our_errors(at: int, value: int, name: str) -> None:
    data = bytearray(video(name))
    data[at % len(data)] = value
    try:
        described(bytes(data))
    except SagittalError:
        pass


@given(st.integers(0, 1800))
def test_a_file_cut_anywhere_is_refused_or_described_as_the_whole(length: int) -> None:
    whole = video("h264_high.mp4")
    try:
        assert described(whole[:length]).rows == 48
    except SagittalError:
        assert length < len(whole)
