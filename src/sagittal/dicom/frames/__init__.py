"""Where every frame lies in the pixel data: arithmetic if native, a table of fragments if encapsulated."""

from sagittal.dicom.frames.fragments import MAX_FRAGMENTS, FragmentScanner, frames_of, number_of_frames, scanner_for
from sagittal.dicom.frames.native import NativeFrame, cut_bits, native_frame, native_frame_bits
from sagittal.dicom.frames.table import FrameTable

__all__ = [
    "MAX_FRAGMENTS",
    "FragmentScanner",
    "FrameTable",
    "NativeFrame",
    "cut_bits",
    "frames_of",
    "native_frame",
    "native_frame_bits",
    "number_of_frames",
    "scanner_for",
]
