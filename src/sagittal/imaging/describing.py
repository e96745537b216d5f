"""What a viewer has to know of an instance to place, show and measure its frames, out of its attributes.

Lengths are in mm only where the object says how large its pixels are (PS3.3 Sections 10.7, C.8.5.5 and C.7.6.16.2.1);
`spacing_of` says from where, since a spacing at the detector is none in the patient.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sagittal.dicom import json_model
from sagittal.dicom.json_model import JsonDataset
from sagittal.dicom.json_model.instance import Parts, encode_parts
from sagittal.imaging.render.attributes import attributes_of_frame, items, number, numbers, text, texts
from sagittal.imaging.render.cine import frame_times
from sagittal.imaging.uptake import uptake

Described = dict[str, object]
"""Names and values as the viewer reads them; what is not said, or is as usual, is left out."""

MAX_FRAMES: Final = 4096
"""Of one instance, whose planes are told one by one."""

_CENTIMETRES, _MM_PER_CM = 3, 10.0
_VIEWS: Final = {
    "399162004": "CC",
    "399368009": "MLO",
    "399260004": "ML",
    "399352003": "LM",
    "399099002": "LMO",
    "R-10242": "CC",
    "R-10226": "MLO",
    "R-10224": "ML",
    "R-10228": "LM",
    "R-10230": "LMO",
}
"""Views of a breast by code (PS3.16 CID 4014), SNOMED CT and what it was before."""

_PROJECTIONS = frozenset({"CR", "DX", "MG", "RF", "XA", "RG", "IO", "PX"})


class Spacing(NamedTuple):
    """Size of a pixel, mm between rows and between columns, and the attribute that says so."""

    row_mm: float
    column_mm: float
    origin: str


def describe(parts: Sequence[tuple[Parts, int]]) -> list[Described]:
    """Each instance, given without its pixels and with its number of frames."""
    return [described(json_model.loads(encode_parts(part, lambda _: "bulk"))[0], frames) for part, frames in parts]


def described(dataset: JsonDataset, frames: int) -> Described:
    """One instance.

    >>> described({"00280010": {"vr": "US", "Value": [512]}}, 1)["rows"]
    512
    """
    view = _merged(dataset, 0)
    found: Described = {
        "number": int(number(dataset, "00200013", 0)),
        "rows": int(number(dataset, "00280010", 0)),
        "columns": int(number(dataset, "00280011", 0)),
        "samples": int(number(dataset, "00280002", 1)),
        "photometric": text(dataset, "00280004"),
        "allocated": int(number(dataset, "00280100", 0)),
        "bits": int(number(dataset, "00280101", 0)),
        "high": int(number(dataset, "00280102", 0)),
        "signed": number(dataset, "00280103", 0) == 1,
        "inverse": text(dataset, "20500020") == "INVERSE",
        "modality": text(dataset, "00080060"),
        "at": list(texts(dataset, "00200020")),
        **_side(dataset),
        "reference": text(dataset, "00200052"),
        "thickness": number(view, "00180050", 0.0),
        "lossy": text(dataset, "00282110") == "01",
        "padding": list(numbers(dataset, "00280120") + numbers(dataset, "00280121")),
        "title": text(dataset, "00420010") or text(dataset, "00700081") or text(dataset, "0008103E"),
        **_plane(view),
        **_values(dataset, view),
        **_size(view),
    }
    if frames > 1:
        found |= _many(dataset, min(frames, MAX_FRAMES), found)
    regions = list(_regions(dataset))
    if regions:
        found["regions"] = regions
    return {name: value for name, value in found.items() if value not in ("", [], False, 0, None)}


def spacing_of(view: JsonDataset) -> Spacing | None:
    """How large a pixel is, and by which attribute; None where nothing says so.

    Of a projection PixelSpacing (0028,0030) that only repeats ImagerPixelSpacing (0018,1164) is at the detector
    (PS3.3 Section 10.7.1.3); with a magnification that is known it is in the patient.
    """
    pixel, imager = _pair(view, "00280030"), _pair(view, "00181164")
    is_projection = text(view, "00080060") in _PROJECTIONS
    if pixel and not (is_projection and pixel == imager and not text(view, "00280A02")):
        return Spacing(*pixel, "PixelSpacing")
    if imager:
        factor = number(view, "00181114", 0.0)
        if factor > 1:
            return Spacing(imager[0] / factor, imager[1] / factor, "Magnification")
        return Spacing(*imager, "ImagerPixelSpacing")
    nominal = _pair(view, "00182010")
    return Spacing(*nominal, "NominalScannedPixelSpacing") if nominal else None


def _side(dataset: JsonDataset) -> Described:
    """Which side of the body, and of a mammogram which view, and whether it is raw or of a part only."""
    anatomy = next((one for group in items(dataset, "52009229")[:1] for one in items(group, "00209071")), {})
    view = next(iter(items(dataset, "00540220")), {})
    return {
        "laterality": text(dataset, "00200062") or text(dataset, "00200060") or text(anatomy, "00209072"),
        "view": text(dataset, "00185101") or _VIEWS.get(text(view, "00080100"), ""),
        "partial": bool(items(view, "00540222")),
        "raw": text(dataset, "00080068") == "FOR PROCESSING",
    }


def _pair(view: JsonDataset, tag: str) -> tuple[float, float] | None:
    found = numbers(view, tag)
    return (found[0], found[1]) if len(found) == 2 and min(found) > 0 else None


def _size(view: JsonDataset) -> Described:
    spacing = spacing_of(view)
    found: Described = {"aspect": list(numbers(view, "00280034"))}
    if spacing is not None:
        found |= {"spacing": [spacing.row_mm, spacing.column_mm], "spacing_of": spacing.origin}
    return found


def _plane(view: JsonDataset) -> Described:
    position, orientation = numbers(view, "00200032"), numbers(view, "00200037")
    return {
        "position": list(position) if len(position) == 3 else [],
        "orientation": list(orientation) if len(orientation) == 6 else [],
    }


def _values(dataset: JsonDataset, view: JsonDataset) -> Described:
    """What stored values become, and how they are to be shown at first."""
    slope = number(view, "00281053", 1.0)
    suv = uptake(dataset) if text(dataset, "00080060") == "PT" else None
    return {
        "slope": slope if slope != 1.0 else None,
        "intercept": number(view, "00281052", 0.0),
        "unit": _unit(dataset, view),
        "suv": suv.factor if suv is not None else None,
        "no_suv": suv.missing if suv is not None else "",
        "windows": _windows(view),
        "names": list(texts(view, "00281055")),
        "function": text(view, "00281056").upper(),
        "table": bool(items(view, "00283000")) or "00281101" in dataset,
        "curve": bool(items(view, "00283010")) and not _windows(view),
    }


def _windows(view: JsonDataset) -> list[list[float]]:
    """Center and width of each; those with no possible width are left out, as in what the server shows."""
    pairs = zip(numbers(view, "00281050"), numbers(view, "00281051"), strict=False)
    return [[center, width] for center, width in pairs if width > 0]


def _unit(dataset: JsonDataset, view: JsonDataset) -> str:
    said = text(view, "00281054")
    modality = text(dataset, "00080060")
    if said in ("", "US") and modality == "CT" and "00281052" in view and "LOCALIZER" not in texts(dataset, "00080008"):
        return "HU"
    if modality == "PT":
        return {"BQML": "Bq/ml", "GML": "g/ml", "CNTS": "counts"}.get(text(dataset, "00541001"), "")
    return "" if said == "US" else said


def _many(dataset: JsonDataset, frames: int, first: Described) -> Described:
    """What frames have of their own."""
    times = frame_times(dataset, frames)
    found: Described = {"times": [times[0]] if len(set(times)) == 1 else [round(time, 2) for time in times]}
    if not items(dataset, "52009230"):
        return found
    views = [_merged(dataset, index) for index in range(frames)]
    for name in ("position", "orientation"):
        planes = [_plane(view)[name] for view in views]
        if any(plane != first[name] for plane in planes):
            found[f"{name}s"] = planes
    windows = [_windows(view) for view in views]
    if any(window != windows[0] for window in windows):
        found["windows_of_frames"] = windows
    rescales = [[number(view, "00281053", 1.0), number(view, "00281052", 0.0)] for view in views]
    if any(rescale != rescales[0] for rescale in rescales):
        found["rescales"] = rescales
    return found


def _merged(dataset: JsonDataset, index: int) -> JsonDataset:
    """The data set with what functional groups say of a frame, planes included (PS3.3 Section C.7.6.16.2.3)."""
    view = attributes_of_frame(dataset, index)
    groups = (*items(dataset, "52009229")[:1], *items(dataset, "52009230")[index : index + 1])
    more = {key: one[key] for group in groups for one in _planes_in(group) for key in one}
    return {**view, **more} if more else view


def _planes_in(group: JsonDataset) -> list[JsonDataset]:
    return [item for tag in ("00209113", "00209116") for item in items(group, tag)[:1]]


def _regions(dataset: JsonDataset) -> list[list[float]]:
    """Parts of an ultrasound picture whose pixels have a size (PS3.3 Section C.8.5.5): edges, then mm a pixel."""
    found: list[list[float]] = []
    for region in items(dataset, "00186011"):
        is_length = number(region, "00186024", 0) == _CENTIMETRES and number(region, "00186026", 0) == _CENTIMETRES
        edges = [number(region, tag, -1.0) for tag in ("00186018", "0018601A", "0018601C", "0018601E")]
        across, down = abs(number(region, "0018602C", 0.0)), abs(number(region, "0018602E", 0.0))
        if is_length and min(edges) >= 0 and across > 0 and down > 0:
            found.append([*edges, across * _MM_PER_CM, down * _MM_PER_CM])
    return found
