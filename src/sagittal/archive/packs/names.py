"""What a pack and its members are called, and where a pack lies. Nothing from outside becomes a path."""

import re
import secrets
from pathlib import Path

from blake3 import blake3

from sagittal.dicom.identifiers import is_uid
from sagittal.errors import Invalid

SUFFIX = ".tar"
_PACK_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def new_pack_id(now_ns: int) -> str:
    """A UUIDv7 (RFC 9562 Section 5.7): ordered by time, not to be guessed.

    Args:
        now_ns: nanoseconds since 1970-01-01 UTC.

    >>> len(new_pack_id(1_700_000_000_000_000_000)), new_pack_id(1_700_000_000_000_000_000)[:13]
    (36, '018bcfe5-6800')
    """
    random = secrets.randbits(74)
    value = ((now_ns // 1_000_000) & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76 | (random >> 62) << 64 | 0b10 << 62 | random & 0x3FFF_FFFF_FFFF_FFFF
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def is_pack_id(text: str) -> bool:
    """Whether `text` is the name of a pack."""
    return _PACK_ID.fullmatch(text) is not None


def pack_path(root: Path, pack_id: str) -> Path:
    """Where the pack lies: two levels of folders named by the last of its random part.

    >>> pack_path(Path("packs"), "018bcfe5-6800-7abc-8def-0123456789ab").as_posix()
    'packs/ab/89/018bcfe5-6800-7abc-8def-0123456789ab.tar'
    """
    if not is_pack_id(pack_id):
        raise Invalid(f"a pack is named by a UUIDv7; got {len(pack_id)} characters of another form")
    return root / pack_id[-2:] / pack_id[-4:-2] / (pack_id + SUFFIX)


def member_name(number: int, sop_instance_uid: str) -> str:
    """The file name of a member: safe on every file system, whatever the UID holds.

    >>> member_name(7, "1.2.3"), member_name(8, "../../etc/passwd")
    ('000007-1.2.3.dcm', '000008-h58374639e1651454.dcm')
    """
    stem = sop_instance_uid if is_uid(sop_instance_uid) else "h" + blake3(sop_instance_uid.encode()).hexdigest(8)
    return f"{number:06d}-{stem}.dcm"
