"""Frames transcoded as the work of worker processes: named here without loading what it needs.

The server's own process stays without numpy and the codecs (11 MB, and OpenBLAS's threads).
"""

from sagittal.imaging.pixels import FrameShape
from sagittal.imaging.syntaxes import Encoded


def transcode(data: bytes, shape: FrameShape, transfer_syntax_uid: str, quality: int = 0) -> Encoded:
    """What `codecs.transcoding.transcode_frame` gives."""
    from sagittal.imaging.codecs.transcoding import transcode_frame  # for workers only

    return transcode_frame(data, shape, transfer_syntax_uid, quality)
