"""Attributes that were named after instances came: their values are read from the packs, in the background.

A few instances at a time, with three times as much rest after each as it took, so that those who store and ask come
first. How far it is stands in the index: whatever ends the process, the next one goes on there.
"""

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from sagittal.archive.archive import Archive
from sagittal.archive.index.named import Named, NamedAttribute
from sagittal.archive.index.naming import Instance, fill_in, forget_some
from sagittal.archive.index.values import Row, ValueReader
from sagittal.archive.packs.names import pack_path
from sagittal.dicom.dataset import Header, HeaderReader
from sagittal.errors import SagittalError
from sagittal.runtime.log import get_logger

log = get_logger(__name__)

BATCH: Final = 50
_REST: Final = 3.0  # times what a batch took
_TOLD_EVERY_S: Final = 30.0
_CHUNK_BYTES: Final = 256 * 1024
_NEXT_SQL: Final = (
    "SELECT id, pack, file_offset, file_length, data_set_offset, transfer_syntax_uid, pixel_offset FROM instances"
    " WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"
)


class _Lying(NamedTuple):
    """A row of `_NEXT_SQL`."""

    id: int
    pack: str
    file_offset: int
    file_length: int
    data_set_offset: int
    transfer_syntax_uid: str
    pixel_offset: int | None


class _Stretch(NamedTuple):
    """What is to be done next: these attributes for the instances beyond one row and up to another."""

    attributes: tuple[NamedAttribute, ...]
    after: int
    up_to: int


async def fill_attributes(archive: Archive) -> None:
    """Reads what is missing until nothing is; then takes out what is no longer wanted."""
    told_s = time.monotonic()
    while (stretch := _next_stretch(archive.named)) is not None:
        begun_s = time.monotonic()
        ready = await _do_some(archive, stretch)
        now_s = time.monotonic()
        for attribute in ready:
            log.info("attribute can be searched by", attribute=attribute.path.name, instances=attribute.of)
        if now_s - told_s > _TOLD_EVERY_S:
            told_s = now_s
            for attribute in archive.named.unready:
                log.info("attribute being indexed", attribute=attribute.path.name, done=attribute.done, of=attribute.of)
        await asyncio.sleep(_REST * (now_s - begun_s))
    is_more = True
    while is_more:
        begun_s = time.monotonic()
        is_more = await archive.change(forget_some)
        await asyncio.sleep(_REST * (time.monotonic() - begun_s))


def _next_stretch(named: Named) -> _Stretch | None:
    """The attributes that are least far, up to where the next ones are: from there on they go together."""
    unready = named.unready
    if not unready:
        return None
    after = min(attribute.filled_to for attribute in unready)
    least = tuple(attribute for attribute in unready if attribute.filled_to == after)
    further = [attribute.filled_to for attribute in unready if attribute.filled_to > after]
    return _Stretch(least, after, min([*further, *(attribute.fill_to for attribute in least)]))


async def _do_some(archive: Archive, stretch: _Stretch) -> tuple[NamedAttribute, ...]:
    """Fills in the next few instances; returns the attributes that are ready by that."""
    rows = [_Lying(*row) for row in await archive.fetch(_NEXT_SQL, (stretch.after, stretch.up_to, BATCH))]
    up_to = rows[-1].id if len(rows) == BATCH else stretch.up_to
    found = await asyncio.to_thread(_read, archive.packs, stretch.attributes, rows)
    ids = [attribute.id for attribute in stretch.attributes]
    named = await archive.change(lambda index: fill_in(index, ids, up_to, found))
    if named is None:
        return ()
    archive.named = named
    return tuple(attribute for attribute in named.attributes if attribute.id in ids and attribute.is_ready)


def _read(
    packs: Path, attributes: Sequence[NamedAttribute], rows: Sequence[_Lying]
) -> list[tuple[Instance, tuple[Row, ...]]]:
    values = ValueReader(Named(tuple(attributes)), alone=True)
    found = []
    for row in rows:
        try:
            header = _header(packs, row, values)
            said = tuple(values.rows(row.id, header))
        except (SagittalError, OSError) as error:
            log.warning("attributes of an instance cannot be read", pack=row.pack, error=type(error).__name__)
            said = ()
        found.append((Instance(row.id, row.pack, row.file_offset), said))
    return found


def _header(packs: Path, row: _Lying, values: ValueReader) -> Header:
    """The header of an instance, read from its pack as far as is needed."""
    wanted = values.wanted
    reader = HeaderReader(row.transfer_syntax_uid, wanted.tags, optional=wanted.optional)
    start, stop = row.file_offset + row.data_set_offset, row.file_offset + row.file_length
    size = row.pixel_offset or _CHUNK_BYTES
    descriptor = os.open(pack_path(packs, row.pack), os.O_RDONLY | os.O_CLOEXEC)
    try:
        while start < stop:
            chunk = os.pread(descriptor, min(size, stop - start), start)
            if not chunk or reader.feed(chunk):
                break
            start += len(chunk)
            size = _CHUNK_BYTES
    finally:
        os.close(descriptor)
    return reader.close()
