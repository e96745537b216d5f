"""Letters of other scripts."""

from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFont

from sagittal.imaging.render import lettering
from sagittal.imaging.render.annotation import annotate
from sagittal.imaging.render.lettering import font_for


def needs(*names: str) -> None:
    for name in names:
        try:
            ImageFont.truetype(name, 10)
        except OSError:
            continue
        return
    pytest.skip(f"none of the fonts {', '.join(names)} is on this system")


@pytest.fixture(autouse=True)
def forgotten() -> None:
    lettering._fonts_here.cache_clear()


def test_latin_is_written_in_the_font_that_is_always_there() -> None:
    assert font_for("DOE JOHN 1970", 12).getbbox("DOE") == ImageFont.load_default(12).getbbox("DOE")


@pytest.mark.parametrize("name", ["Иванов Иван", "محمد علي", "כהן דוד", "Ελένη", "Müller"])
def test_other_letters_are_written_in_a_font_that_has_them(name: str) -> None:
    needs("DejaVuSans.ttf", "NotoSans-Regular.ttf")
    font = font_for(name, 12)
    missing = bytes(font.getmask("\U0010fffe"))
    assert all(bytes(font.getmask(letter)) != missing for letter in name if letter != " ")


def test_without_any_font_that_has_them_they_are_still_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lettering, "FONTS", ())
    plain = Image.fromarray(np.full((100, 100), 90, np.uint8))
    json: Any = {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "山田^太郎"}]}}
    assert (np.asarray(annotate(plain, json, ("patient",))) != 90).any()
