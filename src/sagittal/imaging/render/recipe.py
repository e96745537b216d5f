"""What picture is to be made. Light: a process that only asks for pictures does not load what makes them."""

from typing import Literal

import msgspec

JPEG, PNG, GIF, WEBP = "image/jpeg", "image/png", "image/gif", "image/webp"
MEDIA_TYPES = (JPEG, PNG, GIF, WEBP)
"""In our order of preference; PS3.18 Table 8.7.4-1 asks for the first three."""

DEFAULT_QUALITY = 90

PATIENT, TECHNIQUE = "patient", "technique"
ANNOTATIONS = (PATIENT, TECHNIQUE)

SRGB, ADOBE_RGB, ROMM_RGB, DISPLAY_P3 = "srgb", "adobergb", "rommrgb", "displayp3"
SPACES = (SRGB, ADOBE_RGB, ROMM_RGB, DISPLAY_P3)
"""The colour spaces that PS3.18 Section 8.3.5.1.5 names."""

Function = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]
FUNCTIONS: tuple[Function, ...] = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


class Window(msgspec.Struct, frozen=True):
    """A range of modality values that is spread over black to white (PS3.3 Section C.11.2.1.2)."""

    center: float
    width: float
    function: Function = "LINEAR"

    @property
    def is_valid(self) -> bool:
        """Whether the width is one that the function has (PS3.3 Sections C.11.2.1.2.1 and C.11.2.1.3)."""
        return self.width >= 1 if self.function == "LINEAR" else self.width > 0


class Viewport(msgspec.Struct, frozen=True, kw_only=True):
    """What of a picture is shown, and how large.

    Attributes:
        width, height: of the viewport, pixels; the picture is scaled to fit in, keeping its aspect ratio.
        left, top: of the region shown, pixels of the picture.
        region_width, region_height: its size; 0 means up to the edge; negative flips the picture, left to right or
            upside down.
        only_shrinks: a smaller picture stays as small as it is.
    """

    width: int
    height: int
    left: float = 0.0
    top: float = 0.0
    region_width: float = 0.0
    region_height: float = 0.0
    only_shrinks: bool = False


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be made.

    Attributes:
        media_type: of the result.
        quality: 1 to 100.
        viewport: region and size; the whole picture with square pixels if None.
        region: the part that is shown, before the viewport looks at it: left, top, right, bottom as fractions.
        window: instead of those of the instance.
        annotations: of ANNOTATIONS.
        icc: `""` or `"no"` embeds no profile, one of SPACES that of the space to which colours are converted, `"yes"`
            the instance's own with its colours left as they are (PS3.18 Section 8.3.5.1.5).
    """

    media_type: str = JPEG
    quality: int = DEFAULT_QUALITY
    viewport: Viewport | None = None
    region: tuple[float, float, float, float] | None = None
    window: Window | None = None
    annotations: tuple[str, ...] = ()
    icc: str = ""

    @property
    def space(self) -> str:
        """The colour space of the picture; `""` for that of the instance."""
        if self.icc == "yes":
            return ""
        return self.icc if self.icc in SPACES else SRGB


class EncodedFrame(msgspec.Struct, frozen=True):
    """A frame as stored; `index` counts from 0."""

    index: int
    data: bytes


class EncodedState(msgspec.Struct, frozen=True):
    """A presentation state to show frames by: its data set as stored, and the frames that it subtracts."""

    data: bytes
    transfer_syntax_uid: str
    masks: tuple[EncodedFrame, ...] = ()
