"""Attributes that the index does not hold, from the header of an instance (PS3.18 Section 8.3.4.3)."""

from collections.abc import Iterable

from sagittal.access.asking import ask
from sagittal.archive.index.locate import instance_from, locate_sql
from sagittal.archive.model import StoredInstance
from sagittal.archive.reader import ArchiveReader
from sagittal.dicom import json_model
from sagittal.dicom.json_model import JsonDataset
from sagittal.dicom.json_model.instance import Path
from sagittal.dicom.registry import is_private
from sagittal.dicom.transfer_syntax import EXPLICIT_VR_LITTLE_ENDIAN, encoding_of
from sagittal.retrieve.header import read_header, read_inflated
from sagittal.retrieve.scope import Scope
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline


async def attributes(
    archive: ArchiveReader, actor: Actor, scope: Scope, paths: Iterable[Path], deadline: Deadline
) -> JsonDataset:
    """What `paths` name in the first instance of `scope`, without value where it has none; private ones with creator.

    Of a series or a study one instance stands for all: what differs among them is no attribute of theirs. Empty if
    the scope is, or if that instance is damaged.

    Args:
        paths: tags from the top, all but the last of sequences. Large binary values are left out.
    """
    deadline.check("reading attributes")
    instance = await _first(archive, actor, scope, deadline)
    if instance is None or instance.is_corrupt:
        return {}
    if encoding_of(instance.transfer_syntax_uid).is_deflated:
        data, syntax = await read_inflated(archive, instance), str(EXPLICIT_VR_LITTLE_ENDIAN)
    else:
        data, syntax = (await read_header(archive, instance)).data, instance.transfer_syntax_uid
    text = json_model.encode(data, syntax, bulk=lambda *_: "")
    wanted = [path for given in paths for path in (given, *_creators(given))]
    return _without_references(json_model.project(json_model.loads(text)[0], wanted, fill=True))


async def _first(archive: ArchiveReader, actor: Actor, scope: Scope, deadline: Deadline) -> StoredInstance | None:
    """The first that they may ask for: of a study that was shared in part, one of that part."""
    allowed, values = ask(archive.witness, actor, "query") or ("", ())
    uids = (scope.study, scope.series, scope.instance)
    sql = locate_sql(*(uid is not None for uid in uids), allowed) + " LIMIT 1"
    async with deadline.timeout():
        rows = await archive.fetch(sql, (*(uid for uid in uids if uid is not None), *values))
    return instance_from(rows[0]) if rows else None


def _creators(path: Path) -> tuple[Path, ...]:
    """The element that says whose a private attribute at the top is (PS3.5 Section 7.8.1)."""
    tag = path[0]
    if not is_private(tag) or tag & 0xFFFF < 0x1000:
        return ()
    return (((tag & 0xFFFF0000) | (tag >> 8 & 0xFF),),)


def _without_references(dataset: JsonDataset) -> JsonDataset:
    return {tag: element for tag, element in dataset.items() if "BulkDataURI" not in element}
