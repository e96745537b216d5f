"""Which Transfer Syntax a video is of, by its profile and level (PS3.5 Sections 8.2.5 to 8.2.11).

A video of a profile or level that no Transfer Syntax has is refused: a viewer that takes the syntax could not show it.
"""

from collections.abc import Mapping
from typing import NamedTuple

from sagittal.errors import Invalid, Unsupported
from sagittal.ingest.bulk_images import Pixels
from sagittal.ingest.mp4 import Movie, Read, read_movie

_J = "1.2.840.10008.1.2.4."
_AVC_41, _AVC_41_BD, _AVC_42, _AVC_42_3D, _AVC_STEREO = (f"{_J}{n}" for n in (102, 103, 104, 105, 106))
_HEVC, _HEVC_10 = f"{_J}107", f"{_J}108"
_MAIN, _HIGH = f"{_J}100", f"{_J}101"
_HEAD_BYTES = 1024 * 1024

SYNTAXES = frozenset(f"{_J}{number}{part}" for number in range(100, 109) for part in ("", ".1"))
"""Of video; those that end in .1 may be in several fragments, and one is allowed."""

# PS3.5 Table 8-4: columns, rows, frames a second
_BLU_RAY = {
    (1920, 1080): (25.0, 29.97, 24.0, 23.976),
    (1280, 720): (50.0, 59.94, 24.0, 23.976),
}
_MPEG2_LEVELS: Mapping[int, tuple[str, ...]] = {0x48: (_MAIN,), 0x4A: (_MAIN,), 0x44: (_HIGH,)}
_AVC_PROFILES: Mapping[int, str] = {
    66: "Baseline Profile",
    77: "Main Profile",
    88: "Extended Profile",
    100: "High Profile",
    110: "High 10 Profile",
    122: "High 4:2:2 Profile",
    128: "Stereo High Profile",
    244: "High 4:4:4 Predictive Profile",
}
"""ITU-T H.264 Annex A and H, by profile_idc."""
_MPEG2_RATES = (0.0, 23.976, 24.0, 25.0, 29.97, 30.0, 50.0, 59.94, 60.0)
_MP4_TYPES = ("video/mp4",)
_MPEG2_TYPES = ("video/mpeg", "video/mpeg2")


class _Found(NamedTuple):
    """Transfer Syntaxes that a video may be called by, the one it is given first."""

    syntaxes: tuple[str, ...]
    method: str
    precision: int = 8


def is_video(essence: str, transfer_syntax_uid: str) -> bool:
    """Whether bulk data of a media type, or said to be of a Transfer Syntax, is a video."""
    return essence in (*_MP4_TYPES, *_MPEG2_TYPES) or transfer_syntax_uid in SYNTAXES


async def video_of(essence: str, transfer_syntax_uid: str, is_stereo: bool, read: Read, length: int) -> Pixels:
    """What a video says of its pixels.

    Args:
        essence, transfer_syntax_uid: as its media type says; the second is "" where it does not.
        is_stereo: whether the metadata says that stereo pairs are in it.
        read, length: its bytes.

    Raises:
        Unsupported: no Transfer Syntax has such a video.
        Invalid: it is of another kind than its media type says.
    """
    is_mpeg2 = essence in _MPEG2_TYPES or transfer_syntax_uid.removesuffix(".1") in (_MAIN, _HIGH)
    if is_mpeg2:
        return _chosen(*_mpeg2(await read(0, min(length, _HEAD_BYTES))), transfer_syntax_uid)
    movie = await read_movie(read, length)
    if not movie.is_square:
        raise Unsupported("video is to have square pixels (PS3.5 Section 8.2.7)")
    return _chosen(movie, _coded(movie, is_stereo=is_stereo), transfer_syntax_uid)


def _chosen(movie: Movie, found: _Found, said: str) -> Pixels:
    syntaxes = (*found.syntaxes, *(f"{uid}.1" for uid in found.syntaxes if uid not in (_HEVC, _HEVC_10)))
    if said and said not in syntaxes:
        raise Invalid(f"the video is one of {found.syntaxes[0]}, and is said to be of {said}")
    return Pixels(
        said or syntaxes[0],
        movie.rows,
        movie.columns,
        3,
        found.precision,
        ("YBR_PARTIAL_420",),
        found.method,
        frames=movie.frames,
        frame_time_ms=movie.frame_time_ms,
        is_stream=True,
    )


def _coded(movie: Movie, *, is_stereo: bool) -> _Found:
    if movie.codec in ("avc1", "avc3"):
        return _avc(movie, is_stereo=is_stereo)
    if movie.codec in ("hvc1", "hev1"):
        return _hevc(movie.configuration)
    raise Unsupported("an MP4 file has H.264 or HEVC video here; this one is coded otherwise")


def _avc(movie: Movie, *, is_stereo: bool) -> _Found:
    """H.264 by its decoder configuration record (ISO/IEC 14496-15 Section 5.3.3)."""
    if len(movie.configuration) < 4:
        raise Invalid("H.264 video in an MP4 file says its profile and level; this one does not")
    profile, level = movie.configuration[1], movie.configuration[3]
    method = "ISO_14496_10"
    if profile == 128 and level <= 42:
        return _Found((_AVC_STEREO,), method)
    if profile != 100 or level > 42:
        raise Unsupported(
            "H.264 video is of High Profile up to Level 4.2 (PS3.5 Section 8.2.7): encode it so; this one is of"
            f" {_AVC_PROFILES.get(profile, 'another profile')}, Level {level / 10:g}"
            f" (profile_idc {profile}, level_idc {level})"
        )
    if is_stereo:
        return _Found((_AVC_42_3D,), method)
    if level > 41:
        return _Found((_AVC_42,), method)
    rate = 1000 / movie.frame_time_ms if movie.frame_time_ms else 0.0
    is_blu_ray = any(abs(rate - one) < 0.01 for one in _BLU_RAY.get((movie.columns, movie.rows), ()))
    return _Found((_AVC_41, _AVC_42, *((_AVC_41_BD,) if is_blu_ray else ())), method)


def _hevc(configuration: bytes) -> _Found:
    """HEVC by its decoder configuration record (ISO/IEC 14496-15 Section 8.3.3)."""
    if len(configuration) < 13:
        raise Invalid("HEVC video in an MP4 file says its profile and level; this one does not")
    is_high_tier, profile, level = bool(configuration[1] & 0x20), configuration[1] & 0x1F, configuration[12]
    if profile not in (1, 2) or level > 153 or is_high_tier:
        raise Unsupported(
            f"HEVC video is of Main or Main 10 Profile up to Level 5.1, Main tier; this one has"
            f" general_profile_idc {profile}, general_level_idc {level}{', High tier' if is_high_tier else ''}"
        )
    return _Found((_HEVC if profile == 1 else _HEVC_10,), "ISO_23008_2", 8 if profile == 1 else 10)


def _mpeg2(head: bytes) -> tuple[Movie, _Found]:
    """An MPEG-2 elementary or program stream: its first sequence header and extension (ISO/IEC 13818-2)."""
    at = head.find(b"\0\0\1\xb3")
    extension = head.find(b"\0\0\1\xb5", at)
    if at < 0 or len(head) < at + 8 or extension < 0 or len(head) < extension + 6:
        raise Invalid("an MPEG-2 video stream has a sequence header with an extension; this one does not")
    columns, rows = head[at + 4] << 4 | head[at + 5] >> 4, (head[at + 5] & 15) << 8 | head[at + 6]
    level = (head[extension + 4] & 15) << 4 | head[extension + 5] >> 4
    if level not in _MPEG2_LEVELS:
        raise Unsupported(
            f"MPEG-2 video is of Main Profile, Main or High Level; this one has profile and level {level:02X}H"
        )
    code = head[at + 7] & 15
    rate = _MPEG2_RATES[code] if code < len(_MPEG2_RATES) else 0.0
    movie = Movie("mpeg2", b"", columns, rows, 0, 1000 / rate if rate else 0.0)
    return movie, _Found(_MPEG2_LEVELS[level], "ISO_13818_2")
