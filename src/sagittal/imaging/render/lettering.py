"""Letters of any script: fonts that the system has, else the Latin one that Pillow ships.

Departs from the rule that nothing here reads files: Pillow opens the fonts, by name, in the folders where the system
keeps them. Nothing that came from outside has a part in which.
"""

import unicodedata
from functools import lru_cache
from typing import TypeAlias

from PIL import ImageFont

Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont

FONTS = (
    "NotoSans-Regular.ttf",
    "DejaVuSans.ttf",
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKsc-Regular.otf",
    "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf",
    "NotoSansArabic-Regular.ttf",
    "NotoNaskhArabic-Regular.ttf",
    "NotoSansHebrew-Regular.ttf",
    "NotoSansThai-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf",
    "NotoSansBengali-Regular.ttf",
    "NotoSansTamil-Regular.ttf",
    "NotoSansTelugu-Regular.ttf",
    "NotoSansGujarati-Regular.ttf",
    "NotoSansGeorgian-Regular.ttf",
    "NotoSansArmenian-Regular.ttf",
    "NotoSansEthiopic-Regular.ttf",
    "NotoSansKhmer-Regular.ttf",
    "NotoSansMyanmar-Regular.ttf",
    "NotoSansSinhala-Regular.ttf",
    "LiberationSans-Regular.ttf",
    "FreeSans.ttf",
    "unifont.ttf",
    "Arial Unicode.ttf",
    "Arial.ttf",
)
"""In the order in which they are asked for letters that are not Latin; those of a system are few of them."""

_PROBE_SIZE = 16
_NO_LETTER = "\U0010fffe"


def font_for(line: str, size: int) -> Font:
    """The font that has most of the letters of a line; Pillow's own for Latin, and where no other has more.

    Args:
        size: of the letters, pixels.
    """
    if line.isascii():
        return _opened("", size)
    letters = frozenset(letter for letter in line if not (letter.isascii() or unicodedata.combining(letter)))
    best, most = "", _known("", letters)
    for name in _fonts_here():
        if most == len(letters):
            break
        known = _known(name, letters)
        if known > most:
            best, most = name, known
    return _opened(best, size)


@lru_cache(maxsize=1)
def _fonts_here() -> tuple[str, ...]:
    """Those of FONTS that the system has."""
    return tuple(name for name in FONTS if _is_here(name))


def _is_here(name: str) -> bool:
    try:
        _opened(name, _PROBE_SIZE)
    except OSError:
        return False
    return True


@lru_cache(maxsize=512)
def _known(name: str, letters: frozenset[str]) -> int:
    """How many of the letters a font has."""
    font = _opened(name, _PROBE_SIZE)
    missing = _drawn(font, _NO_LETTER)
    return sum(_drawn(font, letter) != missing for letter in letters)


def _drawn(font: Font, letter: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(letter)
    return mask.size, bytes(mask)


@lru_cache(maxsize=64)  # to open one takes 1 ms, to look for it in the system's folders up to 10
def _opened(name: str, size: int) -> Font:
    return ImageFont.truetype(name, size) if name else ImageFont.load_default(size)
