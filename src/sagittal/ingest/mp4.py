"""What an MP4 file says of its video (ISO/IEC 14496-12, -14 and -15): boxes are walked, nothing is decoded.

The movie box may stand at either end of the file and be of any size up to a cap; of a file in fragments (as browsers
record) the samples of each fragment are counted.
"""

from collections.abc import Awaitable, Callable, Iterator
from struct import unpack_from
from typing import NamedTuple

from sagittal.errors import Exhausted, Invalid, Unsupported

MAX_MOVIE_BYTES = 64 * 1024**2
"""Of the tables of one file; four hours at 60 frames a second have 20 MB."""

MAX_BOXES = 100_000

Read = Callable[[int, int], Awaitable[bytes]]
"""Gives bytes `[start, stop)` of the file."""


class Movie(NamedTuple):
    """The video track.

    Attributes:
        codec: `avc1`, `hvc1`, ...: the type of the sample entry.
        configuration: the decoder configuration record that goes with it.
        columns, rows: size of a frame.
        frames: how many samples; each is one frame.
        frame_time_ms: between frames, 0 if it is not told.
        is_square: pixels are as wide as they are high.
    """

    codec: str
    configuration: bytes
    columns: int
    rows: int
    frames: int
    frame_time_ms: float
    is_square: bool = True


async def read_movie(read: Read, length: int) -> Movie:
    """The first video track of a file.

    Raises:
        Invalid: the bytes are no MP4 file.
        Unsupported: it has no video.
        Exhausted: its tables are larger than MAX_MOVIE_BYTES.
    """
    movie, fragments, at, budget = b"", [], 0, MAX_MOVIE_BYTES
    for _ in range(MAX_BOXES):
        if at >= length:
            break
        kind, start, size = _top_box(await read(at, min(length, at + 16)), length - at)
        if at == 0 and kind != b"ftyp":
            raise Invalid("an MP4 file begins with a file type box; this one does not")
        if kind in (b"moov", b"moof"):
            budget -= size
            if budget < 0:
                raise Exhausted(f"the tables of an MP4 file are more than {MAX_MOVIE_BYTES} bytes")
            body = await read(at + start, at + size)
            if kind == b"moov":
                movie = body
            else:
                fragments.append(body)
        at += size
    if not movie:
        raise Invalid("an MP4 file has a movie box; this one does not")
    return movie_of(movie, fragments)


def _top_box(head: bytes, left: int) -> tuple[bytes, int, int]:
    """Type of a box, bytes of its head, and of all of it; the pad byte of an odd file is no box."""
    if len(head) < 8:
        return b"", len(head), left
    size, kind = unpack_from(">I4s", head)
    start = 8
    if size == 1 and len(head) >= 16:
        size, start = int.from_bytes(head[8:16], "big"), 16
    elif size == 0:
        size = left
    if not start <= size <= left:
        raise Invalid("a box of an MP4 file reaches beyond its end")
    return kind, start, size


def movie_of(movie: bytes, fragments: list[bytes]) -> Movie:
    """The first video track of a movie box, given by its content; so are the movie fragments."""
    extended = _child(movie, b"mvex")
    for track in _children(movie, b"trak"):
        media = _child(track, b"mdia")
        if _child(media, b"hdlr")[8:12] != b"vide":
            continue
        number = _number(_child(track, b"tkhd"), (12, 20), 4)
        header = _child(media, b"mdhd")
        timescale, duration = _number(header, (12, 20), 4), _number(header, (16, 24), 8 if header[:1] == b"\1" else 4)
        table = _child(_child(media, b"minf"), b"stbl")
        frames, step = _samples(table)
        counted, default = _fragmented(fragments, number, _default_duration(extended, number))
        frames, step = frames + counted, step or default or (duration / frames if frames else 0)
        return _entry(_child(table, b"stsd"), frames, 1000 * step / timescale if timescale else 0.0)
    raise Unsupported("an MP4 file without a video track")


def _entry(descriptions: bytes, frames: int, frame_time_ms: float) -> Movie:
    """The first sample entry of the track (ISO/IEC 14496-12 Section 12.1.3)."""
    kind, entry = next(_boxes(descriptions[8:]), (b"", b""))
    if len(entry) < 78:
        raise Invalid("the video track of an MP4 file does not say how it is coded")
    columns, rows = unpack_from(">HH", entry, 24)
    inner = dict(_boxes(entry[78:]))
    across, down = unpack_from(">II", inner[b"pasp"]) if len(inner.get(b"pasp", b"")) >= 8 else (1, 1)
    record = inner.get(b"avcC") or inner.get(b"hvcC") or b""
    return Movie(kind.decode("latin_1"), record, columns, rows, frames, frame_time_ms, across == down)


def _samples(table: bytes) -> tuple[int, float]:
    """How many samples, and units of time between them on average."""
    times = _child(table, b"stts")
    sizes = _child(table, b"stsz") or _child(table, b"stz2")
    frames = int.from_bytes(sizes[8:12], "big")
    entries = min(int.from_bytes(times[4:8], "big"), max(0, len(times) - 8) // 8)
    pairs = [unpack_from(">II", times, 8 + 8 * n) for n in range(entries)]
    counted = sum(count for count, _ in pairs)
    return frames, sum(count * delta for count, delta in pairs) / counted if counted else 0.0


def _default_duration(extended: bytes, track: int) -> int:
    """Units of time of a sample in a fragment that does not say (ISO/IEC 14496-12 Section 8.8.3)."""
    for box in _children(extended, b"trex"):
        if len(box) >= 16 and int.from_bytes(box[4:8], "big") == track:
            return int.from_bytes(box[12:16], "big")
    return 0


def _fragmented(fragments: list[bytes], track: int, default: int) -> tuple[int, int]:
    """Samples of a track in movie fragments, and units of time of one."""
    frames = 0
    for fragment in fragments:
        for run in _children(fragment, b"traf"):
            header = _child(run, b"tfhd")
            if int.from_bytes(header[4:8], "big") != track:
                continue
            flags = int.from_bytes(header[1:4], "big")
            at = 8 + 8 * (flags & 1) + 4 * (flags >> 1 & 1)
            default = int.from_bytes(header[at : at + 4], "big") if flags & 8 else default
            frames += sum(int.from_bytes(box[4:8], "big") for box in _children(run, b"trun"))
    return frames, default


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and content of each box; what is cut off ends them."""
    at = 0
    for _ in range(MAX_BOXES):
        if at + 8 > len(data):
            return
        size, kind = unpack_from(">I4s", data, at)
        start = 8
        if size == 1 and at + 16 <= len(data):
            size, start = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        size = size or len(data) - at
        if size < start or at + size > len(data):
            return
        yield kind, data[at + start : at + size]
        at += size


def _children(data: bytes, kind: bytes) -> Iterator[bytes]:
    return (body for name, body in _boxes(data) if name == kind)


def _child(data: bytes, kind: bytes) -> bytes:
    """The content of the first box of that type, empty if there is none."""
    return next(_children(data, kind), b"")


def _number(box: bytes, at: tuple[int, int], size: int) -> int:
    """A number of a full box, at one place in version 0 and at another in version 1."""
    start = at[1] if box[:1] == b"\1" else at[0]
    return int.from_bytes(box[start : start + size], "big")
