"""Bodies of many parts, read while they arrive and written piece by piece (RFC 2046 Section 5.1, PS3.18 Section 8.6).

A body is: preamble, then for each part a *delimiter line* (line break, `--`, boundary, blanks, line break), its header
lines, an empty line and its data; at the end the *closing delimiter* (line break, `--`, boundary, `--`), an epilogue.
The line break before a delimiter belongs to the delimiter. The first delimiter line shows whether the sender breaks
lines with CR LF, as the standard wants, or with a bare LF; in the latter case a CR before a delimiter is data.

    reader = MultipartReader(boundary)
    for chunk in body:
        for event in reader.feed(chunk):
            match event:
                case PartBegin(headers): ...
                case PartData(data): ...
                case PartEnd(): ...      # the part is complete; a part without this event was cut off
    reader.close()                       # Invalid if the closing delimiter has not come

Work is linear in the bytes fed, and what is kept between calls is at most one header block or one delimiter line.
"""

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec

from sagittal.errors import Invalid

MAX_BOUNDARY_LENGTH = 256
_MAX_PADDING = 64  # blanks after a boundary; more make the line data


class MultipartLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a body may have; more raises Invalid.

    Attributes:
        max_parts: number of parts.
        max_header_bytes: of the header lines of one part.
        max_preamble_bytes: before the first delimiter line.
    """

    max_parts: int = 100_000
    max_header_bytes: int = 16_384
    max_preamble_bytes: int = 16_384


class PartBegin(NamedTuple):
    """A part begins. Names are in lower case; a field that came twice has its values joined by ", "."""

    headers: Mapping[str, str]

    @property
    def content_length(self) -> int | None:
        """How many bytes the sender says will come. A hint: the boundary alone ends a part.

        >>> PartBegin({"content-length": "12"}).content_length, PartBegin({"content-length": "x"}).content_length
        (12, None)
        """
        text = self.headers.get("content-length", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


class PartData(NamedTuple):
    """More of the part's data; a view of what was fed where possible."""

    data: bytes | memoryview


class PartEnd(NamedTuple):
    """The part is complete."""


MultipartEvent = PartBegin | PartData | PartEnd
_State = Literal["preamble", "headers", "data", "epilogue"]
_Verdict = Literal["next", "last", "more", "none"]  # of a place where a delimiter may stand; "more": bytes are missing


class MultipartReader:
    """Cuts a body into its parts; how the body itself was cut makes no difference.

    Args:
        boundary: as `Content-Type` gives it, without the two hyphens.
    """

    def __init__(self, boundary: str, limits: MultipartLimits | None = None) -> None:
        check_boundary(boundary)
        self._limits = limits or MultipartLimits()
        self._dashed = b"--" + boundary.encode("ascii")
        self._mark = b"\n" + self._dashed  # a bare LF until the first delimiter line shows how lines are broken
        self._state: _State = "preamble"
        self._at_line_start = True  # a delimiter may stand right here, without a line break before it
        self._pending = b""  # bytes not decided on yet
        self._lines: list[bytes] = []  # complete header lines of the part that begins
        self._header_bytes = 0
        self._skipped = 0
        self._parts = 0

    @property
    def parts(self) -> int:
        """How many parts have begun."""
        return self._parts

    @property
    def is_complete(self) -> bool:
        """Whether the closing delimiter has come."""
        return self._state == "epilogue"

    def feed(self, data: bytes | bytearray | memoryview) -> list[MultipartEvent]:
        """What the next bytes of the body mean.

        Raises:
            Invalid: more parts, longer headers or a longer preamble than the limits say, or header lines that are none;
                the reader is of no use afterwards.
        """
        buffer = self._pending + data if self._pending else bytes(data)
        self._pending = b""
        events: list[MultipartEvent] = []
        at = 0
        while at < len(buffer) and self._state != "epilogue":
            at = self._header_line(buffer, at, events) if self._state == "headers" else self._run(buffer, at, events)
        return events

    def close(self) -> None:
        """Tells that the body has ended; raises Invalid if it was cut off before its closing delimiter."""
        if self._state == "epilogue":
            return
        where = "before the first boundary" if self._state == "preamble" else f"within part {self._parts}"
        raise Invalid(f"a multipart body ends with its closing boundary; it ended {where}")

    def _run(self, buffer: bytes, at: int, events: list[MultipartEvent]) -> int:
        """Data (or preamble) up to the next delimiter or to what may be one; where to go on."""
        if self._at_line_start:
            verdict, end = self._delimiter(buffer, at)
            if verdict == "more":
                self._pending = buffer[at:]
                return len(buffer)
            self._at_line_start = False
            if verdict != "none":
                return self._pass_delimiter(buffer, verdict, end, events)
        search = at
        while (found := buffer.find(self._mark, search)) >= 0:
            verdict, end = self._delimiter(buffer, found + len(self._mark) - len(self._dashed))
            if verdict != "none":
                self._give(buffer, at, found, events)
                if verdict == "more":
                    self._pending = buffer[found:]
                    return len(buffer)
                return self._pass_delimiter(buffer, verdict, end, events)
            search = found + 1
        keep = _start_of_partial(buffer, search, self._mark)
        self._give(buffer, at, keep, events)
        self._pending = buffer[keep:]
        return len(buffer)

    def _give(self, buffer: bytes, start: int, stop: int, events: list[MultipartEvent]) -> None:
        if self._state == "preamble":
            self._skipped += stop - start
            if self._skipped > self._limits.max_preamble_bytes:
                limit = self._limits.max_preamble_bytes
                raise Invalid(f"the first boundary of a multipart body comes within {limit} bytes; it did not")
        elif stop > start:
            events.append(PartData(memoryview(buffer)[start:stop] if stop - start < len(buffer) else buffer))

    def _delimiter(self, buffer: bytes, at: int) -> tuple[_Verdict, int]:
        """Whether the delimiter that begins with two hyphens at `at` stands there, and where it ends."""
        after = at + len(self._dashed)
        if not buffer.startswith(self._dashed, at):
            is_cut = len(buffer) < after and self._dashed.startswith(buffer[at:])
            return ("more", at) if is_cut else ("none", at)
        if buffer.startswith(b"--", after):
            return "last", after + 2
        found = _REST_OF_LINE.match(buffer, after)
        if found is not None:
            return "next", found.end()
        return ("more", at) if _CUT_REST_OF_LINE.fullmatch(buffer, after) else ("none", at)

    def _pass_delimiter(self, buffer: bytes, verdict: _Verdict, end: int, events: list[MultipartEvent]) -> int:
        if self._state == "data":
            events.append(PartEnd())
        elif self._state == "preamble" and buffer.endswith(b"\r\n", 0, end):
            self._mark = b"\r\n" + self._dashed
        self._state = "epilogue" if verdict == "last" else "headers"
        return end

    def _header_line(self, buffer: bytes, at: int, events: list[MultipartEvent]) -> int:
        """One header line, the empty line after the last one, or a delimiter in their place; where to go on."""
        verdict, end = self._delimiter(buffer, at)
        newline = buffer.find(b"\n", at)
        if verdict in ("next", "last"):
            self._begin_part(events)
            return self._pass_delimiter(buffer, verdict, end, events)
        if verdict == "more" or newline < 0:
            if verdict == "none":
                self._count_header_bytes(len(buffer) - at, so_far=True)
            self._pending = buffer[at:]
            return len(buffer)
        self._count_header_bytes(newline + 1 - at, so_far=False)
        line = buffer[at:newline].removesuffix(b"\r")
        if line:
            self._lines.append(line)
        else:
            self._begin_part(events)
        return newline + 1

    def _count_header_bytes(self, count: int, *, so_far: bool) -> None:
        total = self._header_bytes + count
        if total > self._limits.max_header_bytes:
            raise Invalid(f"the header of part {self._parts + 1} is longer than {self._limits.max_header_bytes} bytes")
        if not so_far:
            self._header_bytes = total

    def _begin_part(self, events: list[MultipartEvent]) -> None:
        self._parts += 1
        if self._parts > self._limits.max_parts:
            raise Invalid(f"a multipart body has at most {self._limits.max_parts} parts; got more")
        events.append(PartBegin(_parse_header_lines(self._lines)))
        self._lines, self._header_bytes = [], 0
        self._state, self._at_line_start = "data", True


_REST_OF_LINE = re.compile(rb"[ \t]{0,%d}\r?\n" % _MAX_PADDING)
_CUT_REST_OF_LINE = re.compile(rb"-?|[ \t]{0,%d}\r?" % _MAX_PADDING)


def check_boundary(boundary: str) -> None:
    """Raises Invalid unless `boundary` can separate parts; wider than RFC 2046, which allows 70 of fewer characters."""
    if not 0 < len(boundary) <= MAX_BOUNDARY_LENGTH or not boundary.isascii() or not boundary.isprintable():
        raise Invalid(f"a boundary is 1 to {MAX_BOUNDARY_LENGTH} printable ASCII characters; got {len(boundary)}")


def _start_of_partial(buffer: bytes, start: int, mark: bytes) -> int:
    """Where the longest tail of the buffer begins that `mark` begins with; the buffer's length if there is none."""
    at = max(start, len(buffer) - len(mark) + 1)
    while (at := buffer.find(mark[:1], at)) >= 0:
        if mark.startswith(buffer[at:]):
            return at
        at += 1
    return len(buffer)


def _parse_header_lines(lines: list[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    name = ""
    for line in lines:
        text = line.decode("latin-1")
        if text[0] in " \t" and name:
            headers[name] += " " + text.strip()
            continue
        name, colon, value = text.partition(":")
        name = name.strip().lower()
        if not colon or not name:
            raise Invalid("a header line of a part is a name, a colon and a value; got another form")
        headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
    return headers


class MultipartWriter:
    r"""Writes the frame around the parts of a body.

    >>> writer = MultipartWriter("xyz")
    >>> writer.begin_part({"Content-Type": "text/plain"}) + b"hello" + writer.end()
    b'--xyz\r\nContent-Type: text/plain\r\n\r\nhello\r\n--xyz--\r\n'
    """

    def __init__(self, boundary: str) -> None:
        check_boundary(boundary)
        self._boundary = boundary
        self._is_first = True

    def begin_part(self, headers: Mapping[str, str]) -> bytes:
        """What stands before a part's data; ends the part before it."""
        line_break = "" if self._is_first else "\r\n"
        self._is_first = False
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{line_break}--{self._boundary}\r\n{lines}\r\n".encode("latin-1")

    def end(self) -> bytes:
        """What stands after the last part's data."""
        line_break = "" if self._is_first else "\r\n"
        return f"{line_break}--{self._boundary}--\r\n".encode("latin-1")


def related_content_type(related_type: str, boundary: str) -> str:
    """The `Content-Type` of a multipart/related body whose parts are of `related_type`.

    >>> related_content_type("application/dicom", "xyz")
    'multipart/related; type="application/dicom"; boundary=xyz'
    """
    return f'multipart/related; type="{related_type}"; boundary={boundary}'
