"""An instance made of metadata and bulk data, as STOW-RS may send it (PS3.18 Section 10.5.2): a DICOM file in pieces.

Attributes of pixels that the metadata leaves out are filled from the codestream; where it contradicts the codestream
the instance is refused, since one of the two is another image's. Text is written in UTF-8.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, Protocol

from sagittal.dicom import json_model
from sagittal.dicom.dataset import make_file_header
from sagittal.dicom.json_model import JsonDataset, JsonElement
from sagittal.dicom.transfer_syntax import EXPLICIT_VR_LITTLE_ENDIAN
from sagittal.errors import Conflict, Exhausted, Invalid, Refused, Unsupported
from sagittal.ingest.bulk_images import Pixels, pixels_of
from sagittal.ingest.bulk_video import is_video, video_of
from sagittal.ingest.documents import HEAD_BYTES, fill_document
from sagittal.ingest.pixel_module import check_native, fill_pixels, value_of
from sagittal.ingest.receive import NotAnInstance

MAX_NESTED_BYTES = 64 * 1024**2
"""Of bulk values within sequences, which are held in memory."""

_HEAD_BYTES = 1024 * 1024
_MAX_LENGTH = 0xFFFFFFFE
_PIXEL_DATA, _DOCUMENT = "7FE00010", "00420011"
_STEREO_PAIRS = "00220028"
_NOT_STORED = frozenset({"00083002", "00081190", "00080056"})  # of retrieval: what PS3.18 adds to metadata
_TAG = re.compile("[0-9A-F]{8}")
_LONG_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN", "UT", "UC", "UR"})


class Bulk(Protocol):
    """Bulk data of one URI: one part, or one part a frame."""

    @property
    def essence(self) -> str:
        """Its media type."""

    @property
    def transfer_syntax_uid(self) -> str:
        """As the media type says; "" if it does not."""

    @property
    def lengths(self) -> tuple[int, ...]:
        """Of its parts, bytes."""

    async def read(self, part: int, start: int, stop: int) -> bytes:
        """Bytes `[start, stop)` of a part."""


class Stretch(NamedTuple):
    """A whole part of bulk data, to be read when its turn comes."""

    bulk: Bulk
    part: int


Piece = bytes | Stretch


async def compose(dataset: JsonDataset, find: Callable[[str], Bulk | None]) -> tuple[Piece, ...]:
    """The file, from its preamble on.

    Args:
        dataset: the metadata.
        find: the bulk data of a BulkDataURI, None if it did not come.

    Raises:
        NotAnInstance: what identifies an instance is missing.
        Invalid: the metadata is malformed, or bulk data did not come or is not what it is said to be.
        Conflict: the metadata says other things of the pixels than they do.
        Unsupported: bulk data of a media type that is not taken.
    """
    dataset = {tag.upper(): element for tag, element in dataset.items() if tag.upper() not in _NOT_STORED}
    nested = await _nested(dataset, find)
    syntax = str(EXPLICIT_VR_LITTLE_ENDIAN)
    large: dict[str, tuple[Piece, ...]] = {}
    for tag, element in tuple(dataset.items()):
        bulk = _bulk_of(tag, element, find)
        if bulk is None:
            continue
        if tag == _PIXEL_DATA:
            pixels = await _described(dataset, bulk)
            if pixels is not None:
                syntax = pixels.transfer_syntax_uid
                fill_pixels(dataset, pixels, bulk.lengths)
            else:
                check_native(dataset, sum(bulk.lengths))
            large[tag] = tuple(_encapsulated(bulk) if pixels is not None else _native(tag, element, bulk))
        else:
            if tag == _DOCUMENT:
                head = await bulk.read(0, 0, min(bulk.lengths[0], HEAD_BYTES))
                fill_document(dataset, bulk.essence, sum(bulk.lengths), head)
            large[tag] = tuple(_native(tag, element, bulk))
    return (_file_header(dataset, syntax), *_encoded(dataset, large, nested))


def _bulk_of(tag: str, element: JsonElement, find: Callable[[str], Bulk | None]) -> Bulk | None:
    uri = element.get("BulkDataURI") if isinstance(element, dict) else None
    if uri is None:
        return None
    if not _TAG.fullmatch(tag):
        raise Invalid("a tag in metadata is eight hexadecimal digits; one is not")
    bulk = find(uri) if isinstance(uri, str) else None
    if bulk is None:
        raise Invalid(f"{tag} has a BulkDataURI, and no part of the request has that Content-Location")
    if sum(bulk.lengths) + 8 * len(bulk.lengths) > _MAX_LENGTH:
        raise Refused(f"{tag} has {sum(bulk.lengths)} bytes, more than a length field can say")
    return bulk


async def _nested(dataset: JsonDataset, find: Callable[[str], Bulk | None]) -> Mapping[str, bytes]:
    """The bulk values within sequences, by URI."""
    found: dict[str, bytes] = {}
    for uri in _nested_uris(dataset, 0):
        bulk = find(uri)
        if bulk is not None and uri not in found:
            if sum(map(len, found.values())) + sum(bulk.lengths) > MAX_NESTED_BYTES:
                raise Exhausted(f"bulk data within sequences is more than {MAX_NESTED_BYTES} bytes")
            parts = [await bulk.read(part, 0, length) for part, length in enumerate(bulk.lengths)]
            found[uri] = b"".join(parts)
    return found


def _nested_uris(dataset: JsonDataset, depth: int) -> Iterator[str]:
    for element in dataset.values():
        if not isinstance(element, dict):
            continue
        if depth and isinstance(element.get("BulkDataURI"), str):
            yield element["BulkDataURI"]
        values = element.get("Value")
        if element.get("vr") == "SQ" and isinstance(values, list) and depth < 64:
            for item in values:
                if isinstance(item, dict):
                    yield from _nested_uris(item, depth + 1)  # type: ignore[arg-type]  # an item is a data set


async def _described(dataset: JsonDataset, bulk: Bulk) -> Pixels | None:
    """What the codestreams say; all have to say the same."""
    if is_video(bulk.essence, bulk.transfer_syntax_uid):
        return await _described_video(dataset, bulk)
    found: Pixels | None = None
    for part, length in enumerate(bulk.lengths):
        head = await bulk.read(part, 0, min(length, _HEAD_BYTES))
        pixels = pixels_of(bulk.essence, bulk.transfer_syntax_uid, head)
        if pixels is None:
            return None
        if found is not None and found != pixels:
            raise Conflict("the frames are not all of one size, depth, colour and Transfer Syntax")
        found = pixels
    return found


async def _described_video(dataset: JsonDataset, bulk: Bulk) -> Pixels:
    if len(bulk.lengths) != 1:
        raise Conflict(f"a video is one part, which holds all frames; got {len(bulk.lengths)}")

    async def read(start: int, stop: int) -> bytes:
        return await bulk.read(0, start, stop)

    is_stereo = value_of(dataset, _STEREO_PAIRS) == "YES"
    return await video_of(bulk.essence, bulk.transfer_syntax_uid, is_stereo, read, bulk.lengths[0])


def _native(tag: str, element: JsonElement, bulk: Bulk) -> Iterator[Piece]:
    """An element of defined length, in little endian order as it came (PS3.18 Section 8.7.3.3)."""
    vr = element.get("vr", "UN")
    if not isinstance(vr, str) or vr not in _LONG_VRS:
        raise Unsupported(f"{tag} of VR {vr} cannot be bulk data")
    length = sum(bulk.lengths)
    yield _tag(tag) + vr.encode() + b"\0\0" + (length + length % 2).to_bytes(4, "little")
    for part in range(len(bulk.lengths)):
        yield Stretch(bulk, part)
    yield b"\0" * (length % 2)


def _encapsulated(bulk: Bulk) -> Iterator[Piece]:
    """Pixel data as fragments, one a part, behind a Basic Offset Table (PS3.5 Section A.4)."""
    offsets, at = [], 0
    for length in bulk.lengths:
        offsets.append(at.to_bytes(4, "little"))
        at += 8 + length + length % 2
    table = b"".join(offsets) if len(offsets) > 1 else b""
    yield _tag(_PIXEL_DATA) + b"OB\0\0\xff\xff\xff\xff" + _item(len(table)) + table
    for part, length in enumerate(bulk.lengths):
        yield _item(length + length % 2)
        yield Stretch(bulk, part)
        yield b"\0" * (length % 2)
    yield b"\xfe\xff\xdd\xe0\0\0\0\0"


def _item(length: int) -> bytes:
    return b"\xfe\xff\x00\xe0" + length.to_bytes(4, "little")


def _tag(tag: str) -> bytes:
    number = int(tag, 16)
    return (number >> 16).to_bytes(2, "little") + (number & 0xFFFF).to_bytes(2, "little")


def _file_header(dataset: JsonDataset, syntax: str) -> bytes:
    sop_class, sop_instance = (str(value_of(dataset, tag) or "").strip() for tag in ("00080016", "00080018"))
    for uid, name in ((sop_class, "SOPClassUID (0008,0016)"), (sop_instance, "SOPInstanceUID (0008,0018)")):
        if not uid or len(uid) > 64:
            raise NotAnInstance(f"{name} is missing or no UID")
    return make_file_header(sop_class_uid=sop_class, sop_instance_uid=sop_instance, transfer_syntax_uid=syntax)


def _encoded(
    dataset: JsonDataset, large: Mapping[str, tuple[Piece, ...]], nested: Mapping[str, bytes]
) -> Iterator[Piece]:
    """The data set in order of tag: what is in the metadata encoded, large values between."""

    def fetch(uri: str, _path: tuple[int, ...], _vr: str) -> bytes:
        if uri not in nested:
            raise Invalid("a BulkDataURI within a sequence has no part of that Content-Location in the request")
        return nested[uri]

    def encode(elements: JsonDataset) -> bytes:
        return json_model.decode(elements, EXPLICIT_VR_LITTLE_ENDIAN, fetch_bulk=fetch)

    character_set = len(encode({}))
    waiting: JsonDataset = {}
    is_first = True
    for tag in (*sorted(dataset), ""):
        if tag and tag not in large:
            waiting[tag] = dataset[tag]
            continue
        yield encode(waiting)[0 if is_first else character_set :]
        is_first, waiting = False, {}
        yield from large.get(tag, ())
