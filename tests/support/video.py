"""Tiny videos, and the same with another profile or level said."""

from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "data" / "video"


def video(name: str) -> bytes:
    """A file of tests/data/video."""
    return (FOLDER / name).read_bytes()


def avc_of(profile: int, level: int, columns: int = 64, rows: int = 48) -> bytes:
    """H.264 in MP4 that says to be of another profile, level and size; the coded frames stay what they are."""
    data = bytearray(video("h264_high.mp4"))
    record = data.index(b"avcC") + 4
    data[record + 1], data[record + 3] = profile, level
    entry = data.index(b"avc1", data.index(b"stsd")) + 4
    data[entry + 24 : entry + 28] = columns.to_bytes(2, "big") + rows.to_bytes(2, "big")
    return bytes(data)


def hevc_of(profile: int, level: int, *, is_high_tier: bool = False) -> bytes:
    """HEVC in MP4 that says to be of another profile, level or tier."""
    data = bytearray(video("hevc_main.mp4"))
    record = data.index(b"hvcC") + 4
    data[record + 1], data[record + 12] = profile | 0x20 * is_high_tier, level
    return bytes(data)
