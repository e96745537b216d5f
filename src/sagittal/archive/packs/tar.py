"""Tar blocks as packs need them (POSIX.1-2017 pax, "ustar Interchange Format" and "pax Extended Header").

A member is

    [x header 512][pax records, padded to 512][file header 512][file, padded to 512]

and a sealed pack ends with two blocks of zeros.
"""

from typing import NamedTuple

BLOCK = 512
END_OF_ARCHIVE = bytes(2 * BLOCK)
STREAM_BODY_BYTES = 2048
"""Room left for the pax records of a member whose size and digests are not known yet."""
STREAM_ROOM_BYTES = 2 * BLOCK + STREAM_BODY_BYTES
MAX_BODY_BYTES = 65536
"""No pax body of ours comes near; a longer one is not ours."""
MAX_USTAR_BYTES = 0o77777777777

_MAGIC = b"ustar\x0000"
_PADS = tuple(bytes(n) for n in range(BLOCK))


def padded(length: int) -> int:
    """`length` rounded up to whole blocks."""
    return (length + 511) & ~511


def padding(length: int) -> bytes:
    """The zeros that fill up the last block of `length` bytes."""
    return _PADS[-length & 511]


def _template(typeflag: bytes) -> tuple[bytes, bytes, int]:
    """The fixed middle and end of a header block, and the sum of all bytes that never change."""
    owner = b"0000444\x000000000\x000000000\x00"
    end = typeflag + bytes(100) + _MAGIC + bytes(32 + 32) + b"0000000\x000000000\x00" + bytes(155 + 12)
    # The checksum field counts as eight spaces; size and time end with a NUL each, which adds nothing.
    return owner, end, sum(owner) + sum(end) + 8 * 0x20


_FILE = _template(b"0")
_PAX = _template(b"x")


def _header(template: tuple[bytes, bytes, int], name: bytes, length: int, mtime_s: int) -> bytes:
    owner, end, fixed = template
    numbers = b"%011o\0%011o\0" % (length, mtime_s)
    checksum = fixed + sum(name) + sum(numbers)
    return b"".join((name.ljust(100, b"\0"), owner, numbers, b"%06o\0 " % checksum, end))


def _record(keyword: bytes, value: bytes) -> bytes:
    """A pax record: its own length in decimal, a space, keyword=value, a newline."""
    rest = len(keyword) + len(value) + 3
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %b=%b\n" % (length, keyword, value)


def member_headers(name: str, comment: bytes, length: int, mtime_s: int, *, body_bytes: int | None = None) -> bytes:
    """Everything in front of a member's file.

    Args:
        name: of the member, ASCII, at most 100 characters.
        comment: JSON text; blanks are added behind it where `body_bytes` asks for more.
        length: of the file, bytes.
        mtime_s: seconds since 1970-01-01 UTC.
        body_bytes: the room left for the pax records, in whole blocks; None for as little as they need.
    """
    size = b"" if length <= MAX_USTAR_BYTES else _record(b"size", b"%d" % length)
    if body_bytes is not None:
        # A record of 1000 bytes and more tells its length in four digits; the room is always that large.
        comment = comment.ljust(body_bytes - len(size) - len(b"dddd comment=\n"))
    body = size + _record(b"comment", comment)
    encoded = name.encode("ascii")
    return b"".join(
        (
            _header(_PAX, b"PaxHeaders/" + encoded[:6], len(body), mtime_s),
            body,
            padding(len(body)),
            _header(_FILE, encoded, length if not size else 0, mtime_s),
        )
    )


class MemberHead(NamedTuple):
    """What the headers in front of a member say.

    Attributes:
        name: of the member.
        comment: of the pax header, with its padding.
        length: of the file, bytes.
        head_length: of all that stands in front of the file, bytes.
    """

    name: str
    comment: bytes
    length: int
    head_length: int


def parse_headers(data: bytes) -> MemberHead | int | None:
    """Reads the headers at the start of `data`.

    Returns:
        the head; or how many bytes are needed to read it, when `data` is shorter; or None when these are not the
        headers of a member.
    """
    if len(data) < BLOCK:
        return BLOCK
    pax = _parse_block(data[:BLOCK], b"x")
    if pax is None or pax[1] > MAX_BODY_BYTES:
        return None
    body_end = BLOCK + padded(pax[1])
    if len(data) < body_end + BLOCK:
        return body_end + BLOCK
    records = _parse_records(data[BLOCK : BLOCK + pax[1]])
    file = _parse_block(data[body_end : body_end + BLOCK], b"0")
    if records is None or file is None or b"comment" not in records:
        return None
    size = records.get(b"size")
    if size is not None and not size.isdigit():
        return None
    return MemberHead(
        file[0].decode("ascii", "replace"),
        records[b"comment"],
        file[1] if size is None else int(size),
        body_end + BLOCK,
    )


def _parse_block(block: bytes, typeflag: bytes) -> tuple[bytes, int] | None:
    """Name and size in a header block, or None when it is not one of this type or its checksum is wrong."""
    if block[156:157] != typeflag or block[257:265] != _MAGIC:
        return None
    try:
        announced = int(block[148:154], 8)
        size = int(block[124:135], 8)
    except ValueError:
        return None
    if announced != sum(block) - sum(block[148:156]) + 8 * 0x20 or size < 0:
        return None
    return block[:100].rstrip(b"\0"), size


def _parse_records(body: bytes) -> dict[bytes, bytes] | None:
    """The pax records of a body, or None when it is not made of records."""
    records: dict[bytes, bytes] = {}
    position = 0
    while position < len(body):
        digits, space, _ = body[position : position + 8].partition(b" ")
        if not space or not digits.isdigit():
            return None
        end = position + int(digits)
        keyword, equals, value = body[position + len(digits) + 1 : end - 1].partition(b"=")
        if end > len(body) or end <= position or not equals or body[end - 1 : end] != b"\n":
            return None
        records[keyword] = value
        position = end
    return records
