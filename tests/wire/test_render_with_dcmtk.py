"""Pictures equal DCMTK's within one grey level."""

import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file

from sagittal.dicom import json_model
from sagittal.dicom.dataset import FileMeta, Header, read_file_meta, read_header
from sagittal.dicom.frames import FragmentScanner, native_frame_bits
from sagittal.dicom.json_model import JsonDataset
from sagittal.imaging.codecs import decode_frame
from sagittal.imaging.pixels import SHAPE_TAGS, FrameShape
from sagittal.imaging.render.attributes import attributes_of_frame
from sagittal.imaging.render.grayscale import VoiChoice, modality_of
from sagittal.imaging.render.pipeline import Choice, render_frame
from sagittal.imaging.render.recipe import Window
from sagittal.imaging.render.voi import min_max_window, stored_windows
from support.dicom_files import dicom_files, file_id
from support.peers import require
from support.shared import SHARED, shared

# DCMTK keeps modality values as whole numbers: of values between 0 and 30 in steps of 0.001 little is left.
_FEWEST_GREYS = 256


class Frame:
    """The first frame of a file and what is said of it."""

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        meta = read_file_meta(data)
        assert isinstance(meta, FileMeta)
        body = data[meta.data_set_offset :]
        header = read_header(body, meta.transfer_syntax_uid, SHAPE_TAGS)
        assert header.pixel_data is not None
        self.shape = FrameShape.of(header)
        start = header.pixel_data.offset
        text = json_model.encode(body, meta.transfer_syntax_uid, bulk=_pixels_elsewhere)
        self.attributes: JsonDataset = json_model.loads(text)[0]
        self.seen = attributes_of_frame(self.attributes, 0)
        self.decoded = decode_frame(_first_frame(body[start:], header, self.shape), self.shape)


def _pixels_elsewhere(path: tuple[int, ...], _vr: str, _offset: int, _length: int) -> str | None:
    return "elsewhere" if path == (0x7FE00010,) else None


def _first_frame(value: bytes, header: Header, shape: FrameShape) -> bytes:
    if header.pixel_data is not None and header.pixel_data.length is not None:
        bits = native_frame_bits(
            shape.rows,
            shape.columns,
            shape.samples_per_pixel,
            shape.bits_allocated,
            shape.photometric_interpretation,
        )
        return value[: (bits + 7) // 8]
    scanner = FragmentScanner(header.transfer_syntax_uid, 1)
    scanner.feed(value)
    return b"".join(value[offset : offset + length] for offset, length in scanner.close().frame(0))


def of_dcmtk(path: Path, folder: Path, *options: str) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    syntax = pydicom.dcmread(path, stop_before_pixels=True, force=True).file_meta.TransferSyntaxUID
    tool = "dcmj2pnm" if "JPEG" in syntax.name else "dcm2pnm"
    out = folder / "picture.pnm"
    subprocess.run([tool, "--write-raw-pnm", "+F", "1", *options, str(path), str(out)], check=True, capture_output=True)
    return np.asarray(Image.open(out)).astype(np.int64)


def difference(path: Path, folder: Path, choice: Choice, *options: str) -> int:
    frame = Frame(path)
    ours = render_frame(frame.decoded, frame.attributes, choice=choice)
    return int(np.abs(of_dcmtk(path, folder, *options) - ours).max())


def packaged(name: str) -> Path:
    return Path(str(get_testdata_file(name)))


SAMPLES = [
    ("CT_small.dcm", ("+Wm",)),
    ("MR_small.dcm", ("+Wi", "1")),
    ("MR-SIEMENS-DICOM-WithOverlays.dcm", ("+Wi", "1")),
    ("RG1_UNCR.dcm", ("+Wi", "1")),
    ("RG3_UNCR.dcm", ("+Wm",)),
    ("mlut_18.dcm", ("+Wm",)),
    ("vlut_04.dcm", ("+Wl", "1")),
    ("examples_palette.dcm", ()),
    ("examples_rgb_color.dcm", ()),
    ("examples_overlay.dcm", ("+Wi", "1")),
]


@pytest.mark.parametrize(("name", "options"), SAMPLES, ids=[name for name, _ in SAMPLES])
def test_a_sample_of_each_kind_looks_as_in_dcmtk(name: str, options: tuple[str, ...], tmp_path: Path) -> None:
    require("dcm2pnm", "dcmj2pnm")
    path = packaged(name)
    window = None
    if options == ("+Wm",):
        frame = Frame(path)
        window = min_max_window(modality_of(frame.seen).apply(frame.decoded).astype(np.float64))
    choice = Choice(voi=VoiChoice(window=window, prefers_lookup="+Wl" in options), space="")
    assert difference(path, tmp_path, choice, *options) <= 1


@pytest.mark.parametrize(("function", "option"), [("LINEAR", "+Wfl"), ("SIGMOID", "+Wfs")])
def test_an_asked_window_looks_as_in_dcmtk(function: str, option: str, tmp_path: Path) -> None:
    require("dcm2pnm")
    window = Window(150, 700, "SIGMOID" if function == "SIGMOID" else "LINEAR")
    choice = Choice(voi=VoiChoice(window=window))
    assert difference(packaged("CT_small.dcm"), tmp_path, choice, "+Ww", "150", "700", option) <= 1


def _real_files() -> list[Path]:
    return [path for path in dicom_files() if SHARED in path.parents] if SHARED.is_dir() else []


@shared
def test_every_real_greyscale_file_that_dcmtk_shows_looks_the_same(tmp_path: Path) -> None:
    require("dcm2pnm", "dcmj2pnm")
    compared, differing = 0, []
    for path in _real_files():
        choice = _choice(path)
        if choice is None:
            continue
        options = ("+Wi", "1") if choice.voi.window is None else ("+Wm",)
        try:
            worst = difference(path, tmp_path, choice, *options)
        except subprocess.CalledProcessError:
            continue  # a Transfer Syntax that DCMTK does not read
        compared += 1
        if worst > 1:
            differing.append((file_id(path), worst))
    assert differing == []
    assert compared > 50


@shared
def test_rescaling_to_a_few_units_does_not_change_the_picture(tmp_path: Path) -> None:
    """DCMTK rounds them to whole units; it shows the same file without rescaling as we do the file itself."""
    require("dcm2pnm")
    compared, differing = 0, []
    for path in _real_files():
        dataset = _finely_rescaled(path)
        if dataset is None:
            continue
        frame = Frame(path)
        window = min_max_window(modality_of(frame.seen).apply(frame.decoded).astype(np.float64))
        ours = render_frame(frame.decoded, frame.attributes, choice=Choice(voi=VoiChoice(window=window)))
        del dataset.RescaleSlope, dataset.RescaleIntercept
        plain = tmp_path / "plain.dcm"
        dataset.save_as(plain)
        compared += 1
        worst = int(np.abs(of_dcmtk(plain, tmp_path, "+Wm") - ours).max())
        if worst > 1:
            differing.append((file_id(path), worst))
    assert differing == []
    assert compared >= 3


def _finely_rescaled(path: Path) -> pydicom.Dataset | None:
    """A greyscale file without window whose values are rescaled to a range in which whole numbers say little."""
    try:
        dataset = pydicom.dcmread(path)
        slope = float(dataset.get("RescaleSlope") or 1)
        if not dataset.PhotometricInterpretation.startswith("MONOCHROME") or "WindowCenter" in dataset or slope >= 0.1:
            return None
        frame = Frame(path)
    except Exception:  # what pydicom or our codecs do not read is another test's
        return None
    values = modality_of(frame.seen).apply(frame.decoded).astype(np.float64)
    return dataset if 0 < float(values.max() - values.min()) < _FEWEST_GREYS else None


def _choice(path: Path) -> Choice | None:
    """The file's first window, or one over all values; None for what is not compared."""
    try:
        dataset = pydicom.dcmread(path)
        if dataset.Modality not in ("CT", "MR", "CR", "DX", "US", "PT", "NM"):
            return None
        if not dataset.PhotometricInterpretation.startswith("MONOCHROME") or "PixelData" not in dataset:
            return None
        frame = Frame(path)
    except Exception:  # what pydicom or our codecs do not read is another test's
        return None
    if stored_windows(frame.seen):
        return Choice()
    values = modality_of(frame.seen).apply(frame.decoded).astype(np.float64)
    if float(values.max() - values.min()) < _FEWEST_GREYS:
        return None
    return Choice(voi=VoiChoice(window=min_max_window(values)))
