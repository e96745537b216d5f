"""Grey WebP by libwebp itself."""

from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from sagittal.imaging.render import webp
from sagittal.imaging.render.encode import encode_picture
from sagittal.imaging.render.recipe import WEBP
from sagittal.imaging.render.webp import encode_grey


def read(content: bytes | None) -> NDArray[np.int16]:
    assert content is not None
    return np.asarray(Image.open(BytesIO(content), formats=["WEBP"]).convert("L")).astype(np.int16)


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (64, 33), (512, 512)])
def test_pictures_of_any_size_come_back_as_they_were_but_for_little(size: tuple[int, int]) -> None:
    across, down = np.meshgrid(np.linspace(0, 1, size[0]), np.linspace(0, 1, size[1]))
    shades = np.rint(255 * (across + down) / 2).astype(np.uint8)
    found = read(encode_grey(Image.fromarray(shades), 90))
    assert found.shape == shades.shape
    assert np.abs(found - shades).max() <= 12


@pytest.mark.parametrize("shade", [0, 1, 128, 254, 255])
def test_a_shade_is_that_shade(shade: int) -> None:
    found = read(encode_grey(Image.new("L", (32, 32), shade), 90))
    assert np.abs(found - shade).max() <= 1


def test_a_higher_quality_is_nearer_and_longer() -> None:
    noise = np.random.default_rng(3).integers(0, 255, (64, 64)).astype(np.uint8)
    low, high = (encode_grey(Image.fromarray(noise), quality) for quality in (20, 95))
    assert low is not None
    assert high is not None
    assert len(low) < len(high)
    assert np.abs(read(high) - noise).mean() < np.abs(read(low) - noise).mean()


def test_without_the_library_it_is_pillows_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webp, "_library", lambda: None)
    image = Image.new("L", (16, 16), 77)
    assert encode_grey(image, 50) is None
    assert np.abs(read(encode_picture(image, WEBP, quality=50)) - 77).max() <= 1
