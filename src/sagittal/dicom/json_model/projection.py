"""Parts of data sets and data sets of parts, for answers to queries (PS3.4 Section C.4.1.1.3, PS3.18 Section 8.3.4)."""

from collections.abc import Iterable

from sagittal.dicom.json_model.model import JsonDataset, JsonElement
from sagittal.dicom.registry import vr_of


def project(dataset: JsonDataset, paths: Iterable[tuple[int, ...]], *, fill: bool = False) -> JsonDataset:
    """The attributes of `dataset` that `paths` name, in order of tag.

    Args:
        dataset: left as it is; values are shared, not copied.
        paths: tags from the top; a path that ends at a sequence takes all of its items, a longer one what it names in
            each item. Order and duplicates do not matter.
        fill: attributes that are not there come without value, as a C-FIND response has every key of its request.

    >>> project({"00100010": {"vr": "PN"}, "00100020": {"vr": "LO", "Value": ["1"]}}, [(0x00100020,)])
    {'00100020': {'vr': 'LO', 'Value': ['1']}}
    """
    wanted: dict[int, list[tuple[int, ...]]] = {}
    for path in paths:
        wanted.setdefault(path[0], []).append(path[1:])
    out: JsonDataset = {}
    for tag in sorted(wanted):
        key = f"{tag:08X}"
        element = dataset.get(key)
        inner = wanted[tag]
        if element is None:
            if fill:
                out[key] = {"vr": "SQ" if any(inner) else vr_of(tag)}
        elif () in inner or element["vr"] != "SQ":
            out[key] = element
        else:
            out[key] = _project_items(element, inner, fill=fill)
    return out


def _project_items(element: JsonElement, paths: list[tuple[int, ...]], *, fill: bool) -> JsonElement:
    items = [item for item in element.get("Value", []) if isinstance(item, dict)]
    if not items:
        return {"vr": "SQ"}
    # The dictionaries of an SQ are data sets: JsonValue cannot say so.
    return {"vr": "SQ", "Value": [project(item, paths, fill=fill) for item in items]}  # type: ignore[arg-type]


def merge(*datasets: JsonDataset) -> JsonDataset:
    """One data set of all attributes, in order of tag; where several have an attribute the last one counts.

    >>> merge({"00100020": {"vr": "LO"}}, {"00080005": {"vr": "CS"}})
    {'00080005': {'vr': 'CS'}, '00100020': {'vr': 'LO'}}
    """
    out: JsonDataset = {}
    for dataset in datasets:
        out |= dataset
    return dict(sorted(out.items()))
