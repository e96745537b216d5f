"""The attributes of an instance as rows of a table, from its DICOM JSON (PS3.18 Annex F)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from sagittal.dicom.registry import keyword_of
from sagittal.web.showing import clean

MOST_ROWS: Final = 4000
_MOST_DEPTH: Final = 12
_MOST_VALUE: Final = 400


class TagRow(NamedTuple):
    """An attribute, `depth` sequences down."""

    depth: int
    tag: str
    keyword: str
    vr: str
    value: str


def rows_of(text: bytes) -> list[TagRow]:
    r"""Every attribute in order, items of sequences below them; no more than MOST_ROWS.

    >>> rows_of(b'{"00100020":{"vr":"LO","Value":["A","B"]}}')
    [TagRow(depth=0, tag='(0010,0020)', keyword='PatientID', vr='LO', value='A \\ B')]
    """
    dataset: Mapping[str, dict[str, Any]] = msgspec.json.decode(text)  # Any: values of DICOM JSON
    rows = []
    for row in _rows(dataset, 0):
        rows.append(row)
        if len(rows) == MOST_ROWS:
            break
    return rows


def _rows(dataset: Mapping[str, dict[str, Any]], depth: int) -> Iterator[TagRow]:  # Any: as above
    for tag, element in dataset.items():
        vr, values = str(element.get("vr", "")), element.get("Value") or []
        keyword = keyword_of(int(tag, 16))
        shown = f"({tag[:4]},{tag[4:]})"
        if vr != "SQ":
            yield TagRow(depth, shown, keyword, vr, _value(element, values))
            continue
        yield TagRow(depth, shown, keyword, vr, f"{len(values)}")
        if depth < _MOST_DEPTH:
            for item in values:
                yield from _rows(item or {}, depth + 1)


def _value(element: Mapping[str, Any], values: list[Any]) -> str:  # Any: as above
    if "BulkDataURI" in element or "InlineBinary" in element:
        return "…"
    return clean(" \\ ".join(_text(value) for value in values), _MOST_VALUE)


def _text(value: object) -> str:
    if isinstance(value, dict):
        return "=".join(str(group) for group in value.values())
    return "" if value is None else str(value)
