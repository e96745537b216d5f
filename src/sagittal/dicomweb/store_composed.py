"""STOW-RS of metadata and bulk data: instances that are made here of what the client knows (PS3.18 Section 10.5.2).

Metadata is JSON (one part, an array) or XML (a part an instance); bulk data follows in parts that its BulkDataURIs name
by Content-Location. Several parts of one location are the frames of one pixel data. Nothing can be stored before its
bulk data is here, so parts wait in a file without a name in the data folder.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping
from typing import IO, NamedTuple
from urllib.parse import urlsplit

from sagittal.dicom import json_model, xml_model
from sagittal.dicom.json_model import JsonDataset
from sagittal.dicom.web.content_type import MediaType, parse_content_type
from sagittal.dicom.web.multipart import MultipartLimits, MultipartReader, PartBegin, PartData
from sagittal.dicomweb.context import Context
from sagittal.dicomweb.exchange import ClientGone
from sagittal.dicomweb.problems import TooLarge, UnsupportedMediaType
from sagittal.errors import Exhausted, Invalid, SagittalError
from sagittal.ingest.bulk_video import is_video
from sagittal.ingest.composed import Bulk, Stretch, compose
from sagittal.ingest.png import IMAGE_PNG, unpacked
from sagittal.runtime.deadline import Deadline

JSON = "application/dicom+json"
XML = "application/dicom+xml"
METADATA = frozenset({JSON, XML})
_GENERAL = {"application/json": JSON, "application/xml": XML, "text/xml": XML}

_OCTETS = "application/octet-stream"
_MAX_METADATA_BYTES = 64 * 1024**2
_IN_MEMORY_BYTES = 4 * 1024**2
_PIECE_BYTES = 256 * 1024


class Received(NamedTuple):
    """A whole request.

    Attributes:
        datasets: the metadata, one data set an instance.
        bulk: bulk data by Content-Location; only whole parts.
        broken: why the body ended before its end, if it did.
        last: the bulk data whose part came last.
    """

    datasets: tuple[JsonDataset, ...]
    bulk: Mapping[str, "StoredBulk"]
    broken: SagittalError | ClientGone | None = None
    last: "StoredBulk | None" = None

    def find(self, uri: str) -> "StoredBulk | None":
        """The bulk data of a BulkDataURI: the same text, or else the same path."""
        found = self.bulk.get(uri) or self.bulk.get(_path(uri))
        return found if found is not None and found.spans else None

    def check_all_came(self, dataset: JsonDataset) -> None:
        """Raises Invalid where frames of an instance may be missing since the body broke off before they came."""
        bulk = self.find(_pixel_uri(dataset))
        if self.broken is None or bulk is None:
            return
        element = dataset.get("00280008")
        said = element.get("Value") if isinstance(element, dict) else None
        is_all = str(said[0]) == str(len(bulk.spans)) if isinstance(said, list) and said else bulk is not self.last
        is_checked = bulk.essence == _OCTETS and not bulk.transfer_syntax_uid  # by its length, when it is composed
        is_all = is_all or is_checked or is_video(bulk.essence, bulk.transfer_syntax_uid)
        if not is_all:
            raise Invalid("the body broke off, and more frames may have been on their way")


class Spool:
    """Where bulk data waits. To be closed."""

    def __init__(self, context: Context) -> None:
        folder = str(context.archive.root)  # on the disk that is made for patients' data
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES, dir=folder)  # noqa: SIM115  # see close
        self._max_bytes = context.limits.max_object_bytes
        self.length = 0

    async def write(self, data: bytes | memoryview) -> None:
        """Takes more bytes; TooLarge beyond what one object may have."""
        self.length += len(data)
        if self.length > self._max_bytes:
            raise TooLarge(f"the bulk data is more than max_object_bytes={self._max_bytes}")
        if self.length <= _IN_MEMORY_BYTES:
            self._file.write(data)
        else:
            await asyncio.to_thread(self._file.write, bytes(data))

    async def read(self, start: int, stop: int) -> bytes:
        """Bytes `[start, stop)`."""
        if self.length <= _IN_MEMORY_BYTES:
            return self._read(start, stop)
        return await asyncio.to_thread(self._read, start, stop)

    def _read(self, start: int, stop: int) -> bytes:
        self._file.seek(start)
        return self._file.read(stop - start)

    def close(self) -> None:
        """Lets the file go, which has no name any more."""
        self._file.close()


class StoredBulk:
    """Bulk data in a spool."""

    def __init__(self, spool: Spool, media_type: MediaType) -> None:
        self.essence = media_type.essence
        self.transfer_syntax_uid = media_type.parameters.get("transfer-syntax", "")
        self.spans: list[tuple[int, int]] = []
        self._spool = spool

    @property
    def lengths(self) -> tuple[int, ...]:
        """Of its parts, bytes."""
        return tuple(length for _, length in self.spans)

    async def read(self, part: int, start: int, stop: int) -> bytes:
        """Bytes `[start, stop)` of a part."""
        at = self.spans[part][0]
        return await self._spool.read(at + start, at + stop)


async def receive(context: Context, body: AsyncIterator[bytes], media_type: MediaType, spool: Spool) -> Received:
    """The request's body, taken apart; what came whole of one that breaks off after metadata.

    Raises:
        Invalid: the body or the metadata is malformed.
        TooLarge: there is more than this site takes.
        Exhausted, ClientGone: it stopped before there was metadata.
    """
    reception = _Reception(spool)
    try:
        await _take_apart(context, body, media_type, reception)
    except (Invalid, Exhausted, ClientGone) as error:
        if not reception.has_metadata:
            raise
        return reception.finish(error)
    return reception.finish()


async def _take_apart(
    context: Context, body: AsyncIterator[bytes], media_type: MediaType, reception: "_Reception"
) -> None:
    if media_type.essence in METADATA:
        reception.begin({"content-type": media_type.essence})
        async for data in body:
            await reception.write(data)
        reception.end()
        return
    reader = MultipartReader(media_type.boundary, MultipartLimits(max_parts=context.limits.max_parts))
    async for data in body:
        for event in reader.feed(data):
            if isinstance(event, PartData):
                await reception.write(event.data)
            elif isinstance(event, PartBegin):
                reception.begin(event.headers)
            else:
                reception.end()
    reader.close()


class _Reception:
    """The parts of one body."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._datasets: list[JsonDataset] = []
        self._bulk: dict[str, StoredBulk] = {}
        self._essence = ""
        self._metadata: bytearray | None = None
        self._metadata_bytes = 0
        self._current: StoredBulk | None = None
        self._last: StoredBulk | None = None
        self._start = 0

    def begin(self, headers: Mapping[str, str]) -> None:
        """A part begins."""
        media_type = parse_content_type(headers.get("content-type", _OCTETS))
        location = headers.get("content-location", "")
        # Some clients call metadata by the general name of its form; what has no location can be nothing else.
        essence = media_type.essence if location else _GENERAL.get(media_type.essence, media_type.essence)
        if essence in METADATA:
            self._essence, self._metadata = essence, bytearray()
            return
        if not location:
            raise Invalid("a part of bulk data says in Content-Location which BulkDataURI it is; one does not")
        bulk = self._bulk.setdefault(location, StoredBulk(self._spool, media_type))
        self._bulk.setdefault(_path(location), bulk)
        if bulk.essence != media_type.essence:
            raise UnsupportedMediaType("parts of one Content-Location are of one media type; got several")
        self._current, self._start = bulk, self._spool.length
        self._last = bulk

    async def write(self, data: bytes | memoryview) -> None:
        """More bytes of the part."""
        if self._metadata is None:
            await self._spool.write(data)
            return
        self._metadata_bytes += len(data)
        if self._metadata_bytes > _MAX_METADATA_BYTES:
            raise TooLarge(f"the metadata of one request is more than {_MAX_METADATA_BYTES} bytes")
        self._metadata += data

    def end(self) -> None:
        """The part is complete."""
        if self._metadata is not None:
            text, self._metadata = bytes(self._metadata), None
            self._datasets += json_model.loads(text) if self._essence == JSON else (xml_model.decode(text),)
        elif self._current is not None:
            self._current.spans.append((self._start, self._spool.length - self._start))
            self._current = None

    @property
    def has_metadata(self) -> bool:
        """Whether that of an instance came whole."""
        return bool(self._datasets)

    def finish(self, broken: SagittalError | ClientGone | None = None) -> Received:
        """All of it, or what there is before it broke off."""
        return Received(tuple(self._datasets), self._bulk, broken, self._last)


def _path(uri: str) -> str:
    try:
        return urlsplit(uri).path or uri
    except ValueError:
        return uri


async def composed(context: Context, dataset: JsonDataset, received: Received) -> AsyncIterator[bytes]:
    """The DICOM file of one instance, in pieces."""
    dataset, images = await _with_images(context, dataset, received)

    def find(uri: str) -> Bulk | None:
        return images.get(uri) or received.find(uri)

    for piece in await compose(dataset, find):
        if not isinstance(piece, Stretch):
            yield piece
            continue
        length = piece.bulk.lengths[piece.part]
        for at in range(0, length, _PIECE_BYTES):
            yield await piece.bulk.read(piece.part, at, min(length, at + _PIECE_BYTES))


async def _with_images(
    context: Context, dataset: JsonDataset, received: Received
) -> tuple[JsonDataset, Mapping[str, Bulk]]:
    """PNG pixel data unpacked, since no Transfer Syntax has it, and the metadata with what the PNG says."""
    uri = _pixel_uri(dataset)
    bulk = received.find(uri)
    if bulk is None or bulk.essence != IMAGE_PNG:
        return dataset, {}
    deadline = Deadline.after(context.limits.request_timeout_s)
    dataset, pixels = await unpacked(dataset, bulk, context.pool, deadline)
    return dataset, {uri: pixels}


def _pixel_uri(dataset: JsonDataset) -> str:
    element = dataset.get("7FE00010")
    uri = element.get("BulkDataURI") if isinstance(element, dict) else None
    return uri if isinstance(uri, str) else ""


def names_of(dataset: JsonDataset) -> tuple[str, str]:
    """SOP Class and SOP Instance UID as the metadata says them; "" where it does not."""
    uids = []
    for tag in ("00080016", "00080018"):
        element = dataset.get(tag)
        values = element.get("Value") if isinstance(element, dict) else None
        uids.append(str(values[0])[:64] if isinstance(values, list) and values else "")
    return uids[0], uids[1]
