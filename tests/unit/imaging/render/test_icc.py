"""Colour spaces and their profiles."""

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import ImageCms

from sagittal.imaging.render.icc import Colour, converted, profile_of
from sagittal.imaging.render.recipe import ADOBE_RGB, DISPLAY_P3, ROMM_RGB, SPACES, SRGB


def one(*colour: int) -> Colour:
    return np.array([[colour]], np.uint8)


@pytest.mark.parametrize(
    ("space", "colour", "expected"),
    [
        (ADOBE_RGB, (255, 0, 0), (219, 0, 0)),
        (ADOBE_RGB, (0, 255, 0), (144, 255, 60)),
        (DISPLAY_P3, (255, 0, 0), (234, 51, 35)),
        (DISPLAY_P3, (0, 0, 255), (0, 0, 245)),
        (ROMM_RGB, (255, 0, 0), (179, 70, 27)),
        (ROMM_RGB, (0, 255, 0), (138, 237, 77)),
        (SRGB, (12, 34, 56), (12, 34, 56)),
    ],
)
def test_colours_of_srgb_have_their_published_values_elsewhere(space: str, colour: Any, expected: Any) -> None:
    shown = converted(one(*colour), b"", space)[0, 0].astype(int)
    assert np.abs(shown - np.array(expected)).max() <= 1


@pytest.mark.parametrize("space", SPACES)
def test_greys_stay_greys_and_the_way_back_leads_to_the_same(space: str) -> None:
    ramp = np.repeat(np.arange(0, 256, 5, dtype=np.uint8)[None, :, None], 3, axis=-1)
    there = converted(ramp, b"", space)
    assert int(there.max(axis=-1).astype(int).__sub__(there.min(axis=-1)).max()) <= 1
    back = converted(there, profile_of(space), SRGB).astype(int)
    assert np.abs(back - ramp).max() <= 3


@pytest.mark.parametrize("space", SPACES)
def test_a_profile_is_read_by_others_and_always_the_same(space: str) -> None:
    profile = profile_of(space)
    read = ImageCms.ImageCmsProfile(BytesIO(profile)).profile
    assert (read.xcolor_space, read.connection_space, read.device_class) == ("RGB ", "XYZ ", "mntr")
    profile_of.cache_clear()
    assert profile_of(space) == profile


def test_a_profile_that_is_none_is_taken_for_srgb() -> None:
    assert converted(one(255, 0, 0), b"no profile", ADOBE_RGB)[0, 0].tolist() == [219, 0, 0]
