"""In which attributes two instances differ, for people who look at both side by side."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec
from blake3 import blake3

from sagittal.dicom.json_model.encoding import encode
from sagittal.dicom.json_model.instance import Parts, Path
from sagittal.dicom.json_model.walk import Bulk
from sagittal.dicom.registry import keyword_of

MAX_DIFFERENCES: Final = 500
MAX_VALUE: Final = 400
"""Characters of a value that are shown; all of it is compared."""

_MAX_ATTRIBUTES: Final = 50_000
_MAX_DEPTH: Final = 16


class Difference(NamedTuple):
    """An attribute that is not the same in both.

    Attributes:
        path: tags as `(gggg,eeee)`, with the numbers of items, from 1, behind those of sequences.
        keyword: of the last; `""` for a private one.
        vr: as the first has it, or the other.
        one, other: the values as text, cut to MAX_VALUE characters; None where the attribute is missing.
    """

    path: str
    keyword: str
    vr: str
    one: str | None
    other: str | None


class Differences(NamedTuple):
    """All of them.

    Attributes:
        found: in the order of the data sets, at most MAX_DIFFERENCES.
        is_all: whether there are no more.
    """

    found: tuple[Difference, ...]
    is_all: bool


class _Said(NamedTuple):
    """An attribute as one of the two has it."""

    tag: int
    vr: str
    text: str
    exact: str


def differences(one: Parts, other: Parts) -> Differences:
    """What differs outside of the pixels, sequences gone through item by item.

    Raises:
        Invalid, Exhausted: one of them cannot be read as a data set.
    """
    first, second = _said(one), _said(other)
    found: list[Difference] = []
    for path in sorted(first.keys() | second.keys()):
        here, there = first.get(path), second.get(path)
        if here is not None and there is not None and here.exact == there.exact:
            continue
        if len(found) == MAX_DIFFERENCES:
            return Differences(tuple(found), is_all=False)
        found.append(_difference(path, here, there))
    return Differences(tuple(found), is_all=True)


def _difference(path: Path, one: _Said | None, other: _Said | None) -> Difference:
    said = one or other
    tag, vr = (said.tag, said.vr) if said is not None else (0, "")
    texts = [None if one is None else _cut(one.text) for one in (one, other)]
    return Difference(_written(path), keyword_of(tag), vr, *texts)


def _written(path: Path) -> str:
    r"""A path for people.

    >>> _written((0x00081140, 0, 0x00081155))
    '(0008,1140)[1] (0008,1155)'
    """
    parts: list[str] = []
    for place, number in enumerate(path):
        if place % 2:
            parts[-1] += f"[{number + 1}]"
        else:
            parts.append(f"({number >> 16:04X},{number & 0xFFFF:04X})")
    return " ".join(parts)


def _said(parts: Parts) -> dict[Path, _Said]:
    """Every attribute that is no sequence, and every sequence without items, by path."""
    said: dict[Path, _Said] = {}
    for data in filter(None, (parts.data, parts.trailer)):
        text = encode(data, parts.transfer_syntax_uid, bulk=_digests(data))
        for path, one in _walk(msgspec.json.decode(text), ()):
            said[path] = one
            if len(said) == _MAX_ATTRIBUTES:
                return said
    return said


def _digests(data: bytes) -> Bulk:
    """Large values are their lengths and digests."""

    def bulk(_path: Path, _vr: str, offset: int, length: int) -> str:
        return f"{length} {blake3(data[offset : offset + length]).hexdigest()}"

    return bulk


def _walk(dataset: Mapping[str, dict[str, Any]], above: Path) -> Iterator[tuple[Path, _Said]]:  # Any: DICOM JSON
    for key, element in dataset.items():
        tag = int(key, 16)
        path, vr, values = (*above, tag), str(element.get("vr", "")), element.get("Value") or []
        if vr != "SQ" or not values or len(path) > 2 * _MAX_DEPTH:
            yield path, _Said(tag, vr, _text(element, values), msgspec.json.encode(element).decode())
            continue
        for number, item in enumerate(values):
            yield from _walk(item or {}, (*path, number))


def _text(element: Mapping[str, Any], values: list[Any]) -> str:  # Any: as above
    if "BulkDataURI" in element:
        return f"… {str(element['BulkDataURI']).partition(' ')[0]} B"
    if "InlineBinary" in element:
        return f"… {len(element['InlineBinary']) * 3 // 4} B"
    return " \\ ".join(_value(value) for value in values)


def _value(value: object) -> str:
    if isinstance(value, dict):
        return "=".join(str(group) for group in value.values())
    return "" if value is None else str(value)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 1] + "…"
