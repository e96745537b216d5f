"""Instances as a ZIP, written while they are read (PS3.18 Section 8.7.3.6: `application/zip`).

Files are stored, not packed: compressed pixels would not become smaller, and a client on a fast line would wait. Names
are made of the UIDs, times are the oldest that ZIP knows, so that the same instances always give the same bytes.
"""

import re
import zipfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from typing import NamedTuple

from sagittal.archive.model import StoredInstance
from sagittal.dicomweb.pieces import ending
from sagittal.retrieve.media import Outlet

_NOT_A_NAME = re.compile(r"[^0-9A-Za-z._-]")


class ZipFile(NamedTuple):
    """A file of the ZIP; its bytes are read when its turn comes."""

    name: str
    data: AsyncIterator[bytes]


def name_of(instance: StoredInstance) -> str:
    """Where an instance lies: study/series/instance."""
    uids = (instance.study_instance_uid, instance.series_instance_uid, instance.sop_instance_uid)
    return "/".join(_NOT_A_NAME.sub("_", uid).strip(".") or "_" for uid in uids) + ".dcm"


async def zip_body(files: Iterable[ZipFile]) -> AsyncGenerator[bytes, None]:
    """The ZIP in pieces; ZIP64 wherever a size may need it."""
    sink = Outlet()
    names: set[str] = set()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for file in files:
            name = file.name if file.name not in names else f"{len(names)}-{file.name}"  # UIDs made alike
            names.add(name)
            with archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as member:
                async with ending(file.data):
                    async for piece in file.data:
                        member.write(piece)
                        yield sink.taken()
            yield sink.taken()
    yield sink.taken()
