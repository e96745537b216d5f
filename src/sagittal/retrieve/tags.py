"""The attributes of an instance as rows of a table, from its DICOM JSON (PS3.18 Annex F)."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from sagittal.archive.model import StoredInstance
from sagittal.archive.reader import ArchiveReader
from sagittal.dicom.identifiers import InstanceUID
from sagittal.dicom.registry import keyword_of
from sagittal.retrieve.metadata import metadata
from sagittal.retrieve.scope import Scope, intact, locate
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline

MOST_ROWS: Final = 4000
_MOST_DEPTH: Final = 12


class TagRow(NamedTuple):
    """An attribute, `depth` sequences down; of a sequence the value is how many items it has."""

    depth: int
    tag: str
    keyword: str
    vr: str
    value: str


class Tagged(NamedTuple):
    """The attributes of an instance.

    Attributes:
        at, of: which one it is of how many, from 1.
        before, after: the instances beside it.
    """

    instance: StoredInstance
    rows: list[TagRow]
    at: int
    of: int
    before: StoredInstance | None
    after: StoredInstance | None


async def tags_of(archive: ArchiveReader, actor: Actor, scope: Scope, instance: str, deadline: Deadline) -> Tagged:
    """The attributes of an instance in `scope`; of the first where none of them has the UID. Raises NotFound."""
    located = intact(await locate(archive, actor, scope, deadline))
    names = [one.sop_instance_uid for one in located]
    at = names.index(InstanceUID(instance)) if instance in names else 0
    text = await metadata(archive, actor, located[at], lambda _path: "", deadline)
    return Tagged(
        located[at],
        await asyncio.to_thread(rows_of, text),
        at + 1,
        len(located),
        located[at - 1] if at else None,
        located[at + 1] if at + 1 < len(located) else None,
    )


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
    return " \\ ".join(_text(value) for value in values)


def _text(value: object) -> str:
    if isinstance(value, dict):
        return "=".join(str(group) for group in value.values())
    return "" if value is None else str(value)
