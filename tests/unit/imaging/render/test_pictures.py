"""Places, encodings, times and annotations of pictures."""

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydicom.dataset import Dataset

from sagittal.errors import Exhausted, Unsupported
from sagittal.imaging.render.annotation import annotate, patient_lines, technique_lines
from sagittal.imaging.render.cine import frame_times
from sagittal.imaging.render.encode import encode_cine, encode_picture
from sagittal.imaging.render.geometry import place
from sagittal.imaging.render.recipe import GIF, JPEG, MEDIA_TYPES, PNG, WEBP, Viewport

RAMP = np.arange(200, dtype=np.uint8).reshape(10, 20)


def shown(viewport: Viewport, aspect: float = 1.0) -> np.ndarray[Any, Any]:
    return np.asarray(place(RAMP, aspect, viewport))


def test_without_a_viewport_a_picture_of_square_pixels_is_as_it_is() -> None:
    assert (np.asarray(place(RAMP)) == RAMP).all()


@pytest.mark.parametrize(("aspect", "size"), [(2.0, (20, 20)), (0.5, (40, 10)), (1.2, (20, 12))])
def test_pixels_become_square_without_losing_any(aspect: float, size: tuple[int, int]) -> None:
    assert place(RAMP, aspect).size == size


@given(
    width=st.integers(1, 60),
    height=st.integers(1, 60),
    left=st.floats(0, 50),
    top=st.floats(0, 50),
    across=st.floats(-50, 50),
    down=st.floats(-50, 50),
)
def test_any_viewport_is_filled_in_one_direction_and_kept_in_the_other(
    width: int, height: int, left: float, top: float, across: float, down: float
) -> None:
    viewport = Viewport(width=width, height=height, left=left, top=top, region_width=across, region_height=down)
    size = place(RAMP, 1.0, viewport).size
    assert size[0] <= width
    assert size[1] <= height
    assert size[0] == width or size[1] == height


def test_a_region_is_cut_out_and_may_be_flipped() -> None:
    def region(across: float, down: float) -> Viewport:
        return Viewport(width=4, height=3, left=5, top=2, region_width=across, region_height=down)

    assert (shown(region(4, 3)) == RAMP[2:5, 5:9]).all()
    assert (shown(region(-4, 3)) == RAMP[2:5, 5:9][:, ::-1]).all()
    assert (shown(region(4, -3)) == RAMP[2:5, 5:9][::-1]).all()


def test_a_thumbnail_of_a_small_picture_is_as_small() -> None:
    assert place(RAMP, 1.0, Viewport(width=128, height=128, only_shrinks=True)).size == (20, 10)
    assert place(RAMP, 1.0, Viewport(width=128, height=128)).size == (128, 64)


def test_a_picture_larger_than_memory_allows_is_refused() -> None:
    wide = np.zeros((10000, 9000), np.uint8)
    with pytest.raises(Exhausted, match="larger than"):
        place(wide, 31.0)


@pytest.mark.parametrize("media_type", MEDIA_TYPES)
@pytest.mark.parametrize("shape", [(10, 20), (10, 20, 3)])
def test_every_encoding_is_read_back(media_type: str, shape: tuple[int, ...]) -> None:
    picture = np.broadcast_to(RAMP if len(shape) == 2 else RAMP[..., None], shape)
    image = place(np.ascontiguousarray(picture))
    read = Image.open(BytesIO(encode_picture(image, media_type, quality=100)))
    assert np.abs(np.asarray(read.convert("L")).astype(int) - RAMP).max() <= 12


def test_png_and_gif_lose_nothing_of_grey() -> None:
    for media_type in (PNG, GIF):
        read = Image.open(BytesIO(encode_picture(place(RAMP), media_type)))
        assert (np.asarray(read.convert("L")) == RAMP).all()


def test_the_same_picture_is_the_same_bytes() -> None:
    for media_type in MEDIA_TYPES:
        assert encode_picture(place(RAMP), media_type) == encode_picture(place(RAMP), media_type)


def test_what_a_format_cannot_hold_is_refused() -> None:
    with pytest.raises(Exhausted, match="image/webp"):
        encode_picture(place(np.zeros((1, 16384), np.uint8)), WEBP)
    with pytest.raises(Unsupported, match="image/tiff"):
        encode_picture(place(RAMP), "image/tiff")
    with pytest.raises(Unsupported, match="moving"):
        encode_cine([place(RAMP)] * 2, [10, 10], JPEG, quality=50)


@pytest.mark.parametrize("media_type", [GIF, WEBP])
def test_a_moving_picture_keeps_frames_and_times(media_type: str) -> None:
    images = [place(np.full((8, 8), 50 * n, np.uint8)) for n in range(4)]
    moving: Any = Image.open(BytesIO(encode_cine(images, [50, 60, 70, 80], media_type, quality=90)))
    times = []
    for index in range(moving.n_frames):
        moving.seek(index)
        moving.load()
        assert abs(int(np.asarray(moving.convert("L"))[0, 0]) - 50 * index) <= 2
        times.append(moving.info["duration"])
    assert times == [50, 60, 70, 80]


def test_colours_of_a_moving_gif_are_near_those_of_the_pictures() -> None:
    ramp = np.zeros((16, 256, 3), np.uint8)
    ramp[:, :, :] = np.arange(256)[None, :, None]
    ramp[8:, :, 1:] = 0  # grey above, red below
    images = [place(np.roll(ramp, 10 * n, 1)) for n in range(5)]
    moving: Any = Image.open(BytesIO(encode_cine(images, [50] * 5, GIF, quality=90)))
    for index in range(5):
        moving.seek(index)
        difference = np.abs(np.asarray(moving.convert("RGB")).astype(int) - np.asarray(images[index]))
        assert difference.mean() < 2
        assert difference.max() < 16


@pytest.mark.parametrize(
    ("said", "times"),
    [
        ({"FrameTime": 40}, (40.0, 40.0, 40.0)),
        ({"RecommendedDisplayFrameRate": 50, "FrameTime": 40}, (20.0, 20.0, 20.0)),
        ({"FrameTimeVector": [0, 10, 20]}, (10.0, 20.0, 20.0)),
        ({"FrameTimeVector": [0, -1, 20]}, (100.0, 100.0, 100.0)),
        ({"CineRate": 25}, (40.0, 40.0, 40.0)),
        ({"FrameTime": 1e9}, (10000.0, 10000.0, 10000.0)),
        ({}, (100.0, 100.0, 100.0)),
    ],
)
def test_frames_last_as_long_as_the_attributes_say(said: dict[str, Any], times: tuple[float, ...]) -> None:
    dataset = Dataset()
    for keyword, value in said.items():
        setattr(dataset, keyword, value)
    assert frame_times(dataset.to_json_dict(), 3) == times


def test_annotations_say_who_and_how_and_leave_the_rest() -> None:
    dataset = Dataset()
    dataset.PatientName, dataset.PatientID = "Test^Case", "T\x071"
    dataset.Modality, dataset.KVP = "CT", 120
    json = dataset.to_json_dict()
    assert patient_lines(json) == ("Test Case", "T1")
    assert technique_lines(json) == ("CT", "120 kV")
    plain = place(np.zeros((300, 300), np.uint8))
    who = np.asarray(annotate(plain, json, ("patient",)))
    how = np.asarray(annotate(plain, json, ("technique",)))
    assert who[:150].any()
    assert not who[150:].any()
    assert how[150:].any()
    assert not how[:150].any()
    assert annotate(plain, json, ()) is plain
    assert annotate(plain, {}, ("patient", "technique")) is plain
