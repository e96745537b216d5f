"""One study and its series, as people are shown them."""

from typing import Any, Final, NamedTuple

import msgspec

from sagittal.archive.reader import ArchiveReader
from sagittal.dicom.identifiers import is_uid
from sagittal.dicom.matching import Key
from sagittal.errors import NotFound
from sagittal.find.listing import Listed, Listing, list_studies
from sagittal.find.query import Level, Query
from sagittal.find.search import find
from sagittal.runtime.actor import Actor
from sagittal.runtime.deadline import Deadline

MOST_SERIES: Final = 1000


class Series(NamedTuple):
    """A series of a study; what is not known is `""`."""

    uid: str
    number: str
    modality: str
    description: str
    body_part: str
    instances: int


async def study_of(archive: ArchiveReader, actor: Actor, uid: str, deadline: Deadline) -> Listed:
    """The study of a UID. Raises NotFound unless there is one that they may ask for."""
    found = await list_studies(archive, actor, Listing(studies=(checked(uid),), limit=1), deadline)
    if not found:
        raise NotFound("there is no such study, or none that you may see")
    return found[0]


async def series_of(archive: ArchiveReader, actor: Actor, uid: str, deadline: Deadline) -> list[Series]:
    """The series of a study that they may ask for, at most MOST_SERIES."""
    query = Query(level=Level.SERIES, keys=(Key((0x0020000D,), "UI", (uid,)),), limit=MOST_SERIES)
    return [_series(one.own) async for one in find(archive, actor, query, deadline)]


def checked(uid: str) -> str:
    """A UID that somebody names; NotFound for what cannot be one."""
    if not is_uid(uid):
        raise NotFound("nothing has a UID of that form")
    return uid


def _series(members: str) -> Series:
    tags: dict[str, dict[str, Any]] = msgspec.json.decode("{" + members + "}")  # Any: values of DICOM JSON

    def value(tag: str) -> str:
        return str((tags.get(tag, {}).get("Value") or [""])[0])

    return Series(
        value("0020000E"),
        value("00200011"),
        value("00080060"),
        value("0008103E"),
        value("00180015"),
        int(value("00201209") or 0),
    )
