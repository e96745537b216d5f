"""How a picture was shown, as a Grayscale Softcopy Presentation State (PS3.3 Section A.33.1)."""

from typing import Final, Literal

import msgspec

from sagittal.dicom.findings import content, reading
from sagittal.dicom.findings.content import Image, Making, element, items
from sagittal.dicom.json_model import JsonDataset

SOP_CLASS_UID: Final = "1.2.840.10008.5.1.4.1.1.11.1"
_QUARTER: Final = 90


class ShownState(msgspec.Struct, frozen=True, kw_only=True):
    """How a picture is shown.

    Attributes:
        window: center and width, of values after the modality transformation; None: as the image says.
        area: first and last column and row that are shown, at the corners as they are seen: column and row of the top
            left one, then of the bottom right one, from 1.
        quarters: turns by 90 degrees clockwise, before it is flipped left to right.
        shape: Presentation LUT Shape.
        aspect: vertical to horizontal size of a pixel, as whole numbers.
    """

    image: Image
    window: tuple[float, float] | None = None
    area: tuple[int, int, int, int]
    quarters: int = 0
    is_flipped: bool = False
    shape: Literal["IDENTITY", "INVERSE"] = "IDENTITY"
    spacing: tuple[float, float] | None = None
    rescale: tuple[float, float, str] | None = None


def state(making: Making, shown: ShownState, label: str = "AS SHOWN") -> JsonDataset:
    """The presentation state."""
    reference = content.referenced(shown.image)
    found = content.head(making, SOP_CLASS_UID, "PR", (992, "As shown"))
    found |= {
        "00200060": element("CS"),  # of what the image is of; asked for, as nothing here says that it is none of a pair
        "00700080": element("CS", label),
        "00700081": element("LO", "As shown in the viewer"),
        "00700082": element("DA", making.date),
        "00700083": element("TM", making.time),
        "00700084": element("PN", *([making.author] if making.author else [])),
        "00081115": items({"0020000E": element("UI", shown.image.series_instance_uid), "00081140": items(reference)}),
        "0070005A": items(_area(shown)),
        "00700042": element("US", shown.quarters * _QUARTER),
        "00700041": element("CS", "Y" if shown.is_flipped else "N"),
        "20500020": element("CS", shown.shape),
    }
    if shown.window is not None:
        center, width = (float(f"{value:.9g}") for value in shown.window)
        found["00283110"] = items({"00281050": element("DS", center), "00281051": element("DS", width)})
    if shown.rescale is not None:
        intercept, slope, unit = shown.rescale
        found |= {
            "00281052": element("DS", intercept),
            "00281053": element("DS", slope),
            "00281054": element("LO", unit or "US"),
        }
    return found


def _area(shown: ShownState) -> JsonDataset:
    left, top, right, bottom = shown.area
    area: JsonDataset = {
        "00700052": element("SL", left, top),
        "00700053": element("SL", right, bottom),
        "00700100": element("CS", "SCALE TO FIT"),
    }
    if shown.spacing is not None:
        area["00700101"] = element("DS", *shown.spacing)
    else:
        area["00700102"] = element("IS", 1, 1)
    return area


def state_in(dataset: JsonDataset) -> ShownState | None:
    """What a state of one picture says, of anybody; None where it has no displayed area or shows no picture."""
    series = reading.first(dataset, "00081115")
    image = reading.first(series, "00081140") if series else None
    area = reading.first(dataset, "0070005A")
    corners = [*reading.numbers(area, "00700052"), *reading.numbers(area, "00700053")] if area else []
    if series is None or image is None or len(corners) != 4:
        return None
    voi = reading.first(dataset, "00283110") or {}
    window = (*reading.numbers(voi, "00281050")[:1], *reading.numbers(voi, "00281051")[:1])
    turned = int(next(iter(reading.numbers(dataset, "00700042")), 0))
    left, top, right, bottom = (int(corner) for corner in corners)
    return ShownState(
        image=Image(
            reading.text(image, "00081150"),
            reading.text(image, "00081155"),
            reading.text(series, "0020000E"),
            reading.frame_of(image),
        ),
        window=(window[0], window[1]) if len(window) == 2 else None,
        area=(left, top, right, bottom),
        quarters=turned // _QUARTER % 4,
        is_flipped=reading.text(dataset, "00700041") == "Y",
        shape="INVERSE" if reading.text(dataset, "20500020") == "INVERSE" else "IDENTITY",
    )
