"""The query parameters of rendered resources (PS3.18 Section 8.3.5)."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from sagittal.dicom.web.query_string import Parameter
from sagittal.errors import Invalid
from sagittal.imaging.render.recipe import ANNOTATIONS, DEFAULT_QUALITY, FUNCTIONS, SPACES, Recipe, Viewport, Window

MAX_VIEWPORT = 8192
THUMBNAIL_SIDE = 128
_THUMBNAIL_QUALITY = 75
_MOST = 1e9
_PROFILES = ("no", "yes", *SPACES)


class Rendering(NamedTuple):
    """How a picture is to be made.

    Attributes:
        recipe: all but the media type.
        ignored: annotations that we do not draw, to be warned of.
    """

    recipe: Recipe
    ignored: tuple[str, ...] = ()


def parse_rendering(parameters: Iterable[Parameter]) -> Rendering:
    """What `viewport`, `window`, `quality`, `annotation` and `iccprofile` ask for; other names are passed over.

    `region` is WADO-URI's (PS3.18 Section 9.4.1.2.6): xmin,ymin,xmax,ymax as fractions of the picture.

    Raises:
        Invalid: one is malformed; the message names it.
    """
    said = _said(parameters, ("viewport", "window", "quality", "annotation", "iccprofile", "region"))
    annotations = tuple(word.strip().lower() for word in said.get("annotation", "").split(",") if word.strip())
    recipe = Recipe(
        viewport=_viewport(said["viewport"]) if "viewport" in said else None,
        window=_window(said["window"]) if "window" in said else None,
        quality=_quality(said["quality"]) if "quality" in said else DEFAULT_QUALITY,
        annotations=tuple(word for word in ANNOTATIONS if word in annotations),
        region=_region(said["region"]) if "region" in said else None,
        icc=_profile(said["iccprofile"]) if "iccprofile" in said else "",
    )
    unknown = [word for word in annotations if word not in ANNOTATIONS]
    return Rendering(recipe, ("annotation",) if unknown else ())


def parse_thumbnail(parameters: Iterable[Parameter]) -> Recipe:
    """The recipe of a thumbnail: `viewport` with width and height is all it takes (PS3.18 Section 8.3.5.1.3)."""
    said = _said(parameters, ("viewport",))
    asked = _viewport(said["viewport"]) if "viewport" in said else Viewport(width=THUMBNAIL_SIDE, height=THUMBNAIL_SIDE)
    shown = Viewport(width=asked.width, height=asked.height, only_shrinks="viewport" not in said)
    return Recipe(viewport=shown, quality=_THUMBNAIL_QUALITY)


def _said(parameters: Iterable[Parameter], names: tuple[str, ...]) -> Mapping[str, str]:
    said: dict[str, str] = {}
    for parameter in parameters:
        name = parameter.name.lower()
        if name in names and said.setdefault(name, parameter.value) != parameter.value:
            raise Invalid(f"{name} may be given once; it is there twice")
    return said


def _viewport(text: str) -> Viewport:
    """`vw,vh[,sx,sy,sw,sh]`; of the region each may be left empty."""
    parts = text.split(",")
    if not 2 <= len(parts) <= 6:
        raise Invalid(f"viewport is vw,vh[,sx,sy,sw,sh]; got {len(parts)} members")
    width, height = (_number("viewport", part, float) for part in parts[:2])
    if not (1 <= width <= MAX_VIEWPORT and 1 <= height <= MAX_VIEWPORT):
        raise Invalid(f"viewport has a width and height of 1 to {MAX_VIEWPORT} pixels; got others")
    region = [_number("viewport", part, float) if part.strip() else 0.0 for part in parts[2:]]
    left, top, across, down = (*region, 0.0, 0.0, 0.0, 0.0)[:4]
    if left < 0 or top < 0:
        raise Invalid("viewport begins within the image: sx and sy are not negative")
    if any(part.strip() and not size for part, size in zip(parts[4:], region[2:], strict=False)):
        raise Invalid("viewport shows a region that is not empty: sw and sh are not zero")
    return Viewport(width=int(width), height=int(height), left=left, top=top, region_width=across, region_height=down)


def _region(text: str) -> tuple[float, float, float, float]:
    parts = [_number("region", part, float) for part in text.split(",")]
    if len(parts) != 4 or not (0 <= parts[0] < parts[2] <= 1 and 0 <= parts[1] < parts[3] <= 1):
        raise Invalid("region is xmin,ymin,xmax,ymax, rising, each from 0.0 to 1.0; got others")
    return parts[0], parts[1], parts[2], parts[3]


def _window(text: str) -> Window:
    """`center,width[,function]`, the function linear, linear-exact or sigmoid.

    Departs from PS3.18 Section 8.3.5.1.4: the function may be left out, as clients do, and is linear then.
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) not in (2, 3):
        raise Invalid(f"window is center,width,function; got {len(parts)} members")
    center, width = (_number("window", part, float) for part in parts[:2])
    name = (parts[2] if len(parts) == 3 else "linear").upper().replace("-", "_")
    function = next((known for known in FUNCTIONS if known == name), None)
    if function is None:
        raise Invalid("window has a function of linear, linear-exact or sigmoid; got another")
    window = Window(center, width, function)
    if not window.is_valid:
        raise Invalid(f"window has a width of {'at least 1' if function == 'LINEAR' else 'more than 0'}; got less")
    return window


def _quality(text: str) -> int:
    quality = _number("quality", text, int)
    if not 1 <= quality <= 100:
        raise Invalid("quality is a whole number from 1 to 100; got another")
    return int(quality)


def _profile(text: str) -> str:
    if text.lower() not in _PROFILES:
        raise Invalid(f"iccprofile is given here as one of {', '.join(_PROFILES)}; got another value")
    return text.lower()


def _number(name: str, text: str, kind: Callable[[str], float]) -> float:
    try:
        number = kind(text)
    except ValueError as error:
        raise Invalid(f"{name} is made of numbers; got another form") from error
    if not math.isfinite(number) or abs(number) > _MOST:
        raise Invalid(f"{name} is made of numbers up to {_MOST:g}; got a larger one")
    return number
