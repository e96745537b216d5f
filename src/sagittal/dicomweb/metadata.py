"""WADO-RS metadata: the attributes of instances as DICOM JSON or XML (PS3.18 Section 10.4.1.1.2)."""

import asyncio
import itertools
import zlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import NamedTuple

from sagittal.archive.model import StoredInstance
from sagittal.dicom.web.accept import Offer, negotiate
from sagittal.dicomweb.context import Context
from sagittal.dicomweb.exchange import Answer, Headers, Request
from sagittal.dicomweb.kept_metadata import SeriesKey, state_of
from sagittal.dicomweb.metadata_text import GZIP_LEVEL, GZIP_WINDOW, format_path
from sagittal.dicomweb.pieces import joined
from sagittal.dicomweb.problems import NotAcceptable
from sagittal.dicomweb.settling import FEWEST
from sagittal.dicomweb.urls import resource_url, scope_of
from sagittal.dicomweb.validators import REVALIDATED, etag_of, is_fresh
from sagittal.dicomweb.xml_parts import XML_OFFERS, is_xml, xml_body
from sagittal.retrieve.metadata import metadata
from sagittal.retrieve.scope import intact, locate
from sagittal.runtime.deadline import Deadline

_ANSWERS = (Offer("application/dicom+json"), Offer("application/json"), *XML_OFFERS)
_WHOLE_INSTANCES = 8  # so few are one message with a length, and an error in them still gets its status
_FORM = "1"  # part of the entity tag: to be raised when the same instances give other text


async def retrieve(context: Context, request: Request, names: tuple[str, ...]) -> Answer:
    """`GET .../metadata` of a study, a series or an instance."""
    choice = negotiate(request.accept(), _ANSWERS)
    if choice is None:
        raise NotAcceptable("metadata is application/dicom+json or application/dicom+xml")
    actor = request.actor()
    located = await locate(context.archive, actor, scope_of(names), request.deadline)
    instances = intact(located)
    status = 200 if len(instances) == len(located) else 206  # some are damaged (PS3.18 Table 10.4.3-1)
    making = _Making(context, request, instances)
    if is_xml(choice.offer):
        return _as_xml(making, status)
    is_packed = request.takes_gzip
    etag = etag_of(instances, _FORM, request.base_url, "gzip" if is_packed else "plain")
    headers: Headers = (
        ("content-type", choice.offer.essence),
        ("etag", etag),
        ("cache-control", REVALIDATED),
        ("vary", "accept, accept-encoding"),
    )
    if is_fresh(request, etag):
        return Answer(304, headers[1:])
    if is_packed:
        headers += (("content-encoding", "gzip"),)
    known = context.metadata_cache.get(etag)
    if known is not None:
        return Answer(status, headers, known)
    if settled := await making.settled():
        body = await asyncio.to_thread(zlib.compress, settled, GZIP_LEVEL, GZIP_WINDOW) if is_packed else settled
        context.metadata_cache.put(etag, body)
        return Answer(status, headers, body)
    pieces = _remembered(joined(_packed(making.plain()) if is_packed else making.plain()), context, etag)
    if len(instances) <= _WHOLE_INSTANCES:
        return Answer(status, headers, b"".join([piece async for piece in pieces]))
    return Answer(status, headers, pieces)


def _as_xml(making: "_Making", status: int) -> Answer:
    """The same as XML: rarely asked for, so not kept."""
    is_packed = making.request.takes_gzip
    etag = etag_of(making.instances, _FORM, making.request.base_url, "xml gzip" if is_packed else "xml")
    headers: Headers = (("etag", etag), ("cache-control", REVALIDATED), ("vary", "accept, accept-encoding"))
    if is_fresh(making.request, etag):
        return Answer(304, headers)
    content_type, body = xml_body(making.texts())
    if is_packed:
        headers += (("content-encoding", "gzip"),)
        body = _packed(body)
    return Answer(status, (("content-type", content_type), *headers), joined(body))


class _Making(NamedTuple):
    """Metadata being made, an instance at a time."""

    context: Context
    request: Request
    instances: Sequence[StoredInstance]

    async def plain(self) -> AsyncGenerator[bytes, None]:
        """The JSON text."""
        before = b"["
        for key, group in itertools.groupby(self.instances, _key_of):
            members = list(group)
            kept = await self._kept(key, members)
            if kept is not None:
                yield before + kept[1:-1]
                before = b","
                continue
            for instance in members:
                yield before + await self._one(instance)
                before = b","
        yield b"]"

    async def settled(self) -> bytes | None:
        """The JSON text, if it is that of one series that has come to rest."""
        key = _key_of(self.instances[0])
        if key != _key_of(self.instances[-1]):
            return None
        return await self._kept(key, self.instances)

    async def _kept(self, key: SeriesKey, members: Sequence[StoredInstance]) -> bytes | None:
        """The JSON text of a whole series, if it is kept; else it will be, for the next who asks."""
        if len(members) < FEWEST:
            return None
        context, base_url = self.context, self.request.base_url
        context.settler.base_url = base_url
        text = await asyncio.to_thread(context.kept_metadata.read, key, state_of(members), base_url)
        if text is None:
            context.settler.ask(key)
        return text

    async def texts(self) -> AsyncGenerator[str, None]:
        """Each instance as a JSON object."""
        for instance in self.instances:
            yield (await self._one(instance)).decode()

    async def _one(self, instance: StoredInstance) -> bytes:
        url = resource_url(
            self.request.base_url,
            instance.study_instance_uid,
            instance.series_instance_uid,
            instance.sop_instance_uid,
        )

        def uri_of(path: tuple[int, ...]) -> str:
            return f"{url}/bulkdata/{format_path(path)}"

        deadline = Deadline.after(self.context.limits.request_timeout_s)
        return await metadata(self.context.archive, self.request.actor(), instance, uri_of, deadline)


def _key_of(instance: StoredInstance) -> SeriesKey:
    return SeriesKey(instance.study_instance_uid, instance.series_instance_uid)


async def _packed(pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The pieces, gzipped."""
    packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, GZIP_WINDOW)
    async with aclosing(pieces):
        async for piece in pieces:
            packed = packer.compress(piece)
            if packed:
                yield packed
    yield packer.flush()


async def _remembered(pieces: AsyncGenerator[bytes, None], context: Context, etag: str) -> AsyncGenerator[bytes, None]:
    """The pieces; when all have gone out and are few enough, they are kept for the next who asks."""
    kept: list[bytes] = []
    size = 0
    try:
        async for piece in pieces:
            size += len(piece)
            if size <= context.metadata_cache.max_bytes // 4:
                kept.append(piece)
            yield piece
    finally:
        await pieces.aclose()
    if size <= context.metadata_cache.max_bytes // 4:
        context.metadata_cache.put(etag, b"".join(kept))
