"""The header fields of uploads: tus 1.0.0 and draft-ietf-httpbis-resumable-upload (interop versions 5 to 9)."""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from email.utils import formatdate
from typing import Final, Literal, NamedTuple
from urllib.parse import unquote

from sagittal.errors import Invalid
from sagittal.ingest.uploads.model import Limits, Piece, Shown

TUS: Final = "1.0.0"
EXTENSIONS: Final = "creation,creation-defer-length,creation-with-upload,expiration,checksum,termination"
ALGORITHMS: Final = "sha1,sha256,sha512,md5"
INTEROP: Final = range(5, 10)
"""Interop versions of the draft that this server speaks; the newest is what draft -12 and later say."""

PARTIAL: Final = "application/partial-upload"
TUS_PIECE: Final = "application/offset+octet-stream"

Protocol = Literal["tus", "ietf", "plain"]
"""Which way a request speaks; `plain`: an ordinary body with neither."""

_CONTENT_DIGEST: Final = {"sha-256": "sha256", "sha-512": "sha512"}
_DIGEST_MEMBER: Final = re.compile(r"\s*(sha-256|sha-512)=:([A-Za-z0-9+/=]{0,128}):")
_FILENAME: Final = re.compile(r"""filename="((?:[^"\\]|\\.){0,1024})"|filename=([^;\s"]{1,1024})""", re.IGNORECASE)
_FILENAME_EXTENDED: Final = re.compile(r"filename\*=utf-8''([^;\s]{1,3072})", re.IGNORECASE)

Fields = Mapping[str, str]
"""Header fields of a request by name in lower case."""


class Said(NamedTuple):
    """What a request says of an upload.

    Attributes:
        protocol: which way it speaks.
        length: of the whole upload, bytes.
        is_deferred: the length will be said later (tus: Upload-Defer-Length).
        completes: what its Upload-Complete says; None without one.
        interop: the draft's interop version to answer in.
    """

    protocol: Protocol
    length: int | None
    is_deferred: bool
    completes: bool | None
    interop: int


def said_by(fields: Fields) -> Said:
    """What a request says. Raises Invalid."""
    completes = {"?1": True, "?0": False}.get(fields.get("upload-complete", "").strip())
    protocol: Protocol = "tus" if "tus-resumable" in fields else "plain" if completes is None else "ietf"
    interop = _number(fields.get("upload-draft-interop-version", ""), "Upload-Draft-Interop-Version")
    return Said(
        protocol,
        _number(fields.get("upload-length", ""), "Upload-Length"),
        fields.get("upload-defer-length") == "1",
        completes,
        interop if interop is not None and interop in INTEROP else INTEROP[-1],
    )


def piece_of(fields: Fields, said: Said, offset: int) -> Piece:
    """The piece that a request brings. Raises Invalid."""
    size = _number(fields.get("content-length", ""), "Content-Length")
    completes = {"tus": None, "ietf": said.completes, "plain": True}[said.protocol]
    return Piece(offset, size, said.length, completes, _digest(fields))


def offset_in(fields: Fields) -> int:
    """Where the piece begins. Raises Invalid."""
    offset = _number(fields.get("upload-offset", ""), "Upload-Offset")
    if offset is None:
        raise Invalid("Upload-Offset is missing: it is to be the number of bytes that are here already")
    return offset


def name_in(fields: Fields) -> str:
    """What the sender calls the file: `filename` of Upload-Metadata, or of Content-Disposition; `""` for nothing."""
    name = metadata_of(fields.get("upload-metadata", "")).get("filename", "")
    disposition = fields.get("content-disposition", "")
    if not name and (extended := _FILENAME_EXTENDED.search(disposition)):
        name = unquote(extended[1], errors="replace")
    elif not name and (plain := _FILENAME.search(disposition)):
        name = re.sub(r"\\(.)", r"\1", plain[1] or plain[2] or "")
    return "".join(letter for letter in name if letter.isprintable())[:1024]


def metadata_of(text: str) -> dict[str, str]:
    """The pairs of tus' Upload-Metadata. Raises Invalid.

    >>> metadata_of("filename Zm9v,is_whole")
    {'filename': 'foo', 'is_whole': ''}
    """
    found: dict[str, str] = {}
    for pair in text.split(",") if text.strip() else ():
        key, _, value = pair.strip().partition(" ")
        try:
            found[key] = base64.b64decode(value.strip(), validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError) as error:
            raise Invalid("Upload-Metadata is to hold values in base64") from error
    return found


def described(shown: Shown, said: Said, limits: Limits, now_ns: int) -> list[tuple[str, str]]:
    """The fields that say how far an upload is, of both protocols at once: what shares a name means the same."""
    fields = [
        ("upload-offset", str(shown.offset)),
        ("upload-complete", "?1" if shown.is_complete else "?0"),
        ("upload-limit", limits_of(limits, max(0, (shown.expires_ns - now_ns) // 10**9))),
        ("upload-expires", formatdate(shown.expires_ns / 1e9, usegmt=True)),
        ("cache-control", "no-store"),
    ]
    fields += common(said)
    if shown.length is not None:
        fields.append(("upload-length", str(shown.length)))
    else:
        fields.append(("upload-defer-length", "1"))
    if shown.metadata:
        fields.append(("upload-metadata", shown.metadata))
    return fields


def common(said: Said) -> list[tuple[str, str]]:
    """What every answer says."""
    return [("tus-resumable", TUS), ("upload-draft-interop-version", str(said.interop))]


def limits_of(limits: Limits, age_s: int) -> str:
    """The draft's Upload-Limit."""
    return f"max-size={limits.max_bytes}, max-age={age_s}"


def options(limits: Limits) -> list[tuple[str, str]]:
    """What a client finds out by OPTIONS."""
    return [
        ("tus-version", TUS),
        ("tus-extension", EXTENSIONS),
        ("tus-max-size", str(limits.max_bytes)),
        ("tus-checksum-algorithm", ALGORITHMS),
        ("accept-patch", f"{PARTIAL}, {TUS_PIECE}"),
        ("upload-limit", limits_of(limits, limits.expiry_s)),
    ]


def by_name(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Header fields by name in lower case; of several of one name the first."""
    found: dict[str, str] = {}
    for name, value in headers:
        found.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    return found


def _digest(fields: Fields) -> tuple[str, bytes] | None:
    """Of this piece: tus' Upload-Checksum, or Content-Digest (RFC 9530)."""
    if "upload-checksum" in fields:
        name, _, value = fields["upload-checksum"].partition(" ")
        if name not in ALGORITHMS.split(","):
            raise Invalid(f"Upload-Checksum is to be of one of {ALGORITHMS}")
        return name, _decoded(value, "Upload-Checksum")
    member = _DIGEST_MEMBER.search(fields.get("content-digest", ""))
    return None if member is None else (_CONTENT_DIGEST[member[1]], _decoded(member[2], "Content-Digest"))


def _decoded(text: str, field: str) -> bytes:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid(f"{field} is to be in base64") from error


def _number(text: str, field: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Invalid(f"{field} is to be a number")
    return int(text)
