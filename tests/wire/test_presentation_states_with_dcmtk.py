"""Presentation states look as DCMTK's dcmp2pgm shows them, within one grey level.

It applies the grayscale transformations (windows as linear ones only), rotation and flip; displayed areas it leaves to the display, and shutters,
overlays and graphics to the program around it: those have tests of their own.
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from sagittal.imaging.render.presentation.presenting import Asked, present
from support.peers import require
from support.presentation_states import state, table, window
from support.shared import SHARED, shared


def said(**more: object) -> Dataset:
    dataset = Dataset()
    for name, value in more.items():
        setattr(dataset, name, value)
    return dataset


def voi_lut() -> Dataset:
    item = Dataset()
    item.VOILUTSequence = [table([min(255, entry) for entry in range(512)], first=900)]
    return item


HOUNSFIELD = {"RescaleSlope": 1, "RescaleIntercept": -1024, "RescaleType": "HU"}
TISSUE = {**HOUNSFIELD, "SoftcopyVOILUTSequence": [window(40, 400)]}
STORED = {"SoftcopyVOILUTSequence": [window(1064, 400)]}
CURVE = [table([round((entry / 4095) ** 1.2 * 65535) for entry in range(4096)], bits=16)]
STATES: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "nothing": ("CT_small.dcm", {}),
    "rescale": ("CT_small.dcm", HOUNSFIELD),
    "window": ("CT_small.dcm", TISSUE),
    "inverse": ("CT_small.dcm", {**TISSUE, "PresentationLUTShape": "INVERSE"}),
    "voi lut": ("CT_small.dcm", {"SoftcopyVOILUTSequence": [voi_lut()]}),
    "presentation lut": ("CT_small.dcm", {**STORED, "PresentationLUTSequence": CURVE}),
    "modality lut": (
        "CT_small.dcm",
        {
            "ModalityLUTSequence": [table([min(4095, 4 * entry) for entry in range(2000)], bits=12)],
            "SoftcopyVOILUTSequence": [window(2000, 3000)],
        },
    ),
    "MR": ("MR-SIEMENS-DICOM-WithOverlays.dcm", {"SoftcopyVOILUTSequence": [window(600, 1200)]}),
    "MONOCHROME1": ("RG1_UNCR.dcm", {"SoftcopyVOILUTSequence": [window(500, 800)]}),
    **{
        f"turned {turn} {flip}": ("CT_small.dcm", {**STORED, "ImageRotation": turn, "ImageHorizontalFlip": flip})
        for turn in (90, 180, 270)
        for flip in "NY"
    },
}


@pytest.mark.parametrize("name", STATES)
def test_a_state_looks_as_in_dcmtk(name: str, tmp_path: Path) -> None:
    require("dcmp2pgm")
    file, more = STATES[name]
    path = str(get_testdata_file(file))
    image = pydicom.dcmread(path)
    made = state([image], more=said(**more))
    if "PresentationLUTSequence" in made:
        del made.PresentationLUTShape
    made.save_as(tmp_path / "state.dcm", enforce_file_format=True)
    assert difference(image, made, path, tmp_path) <= 1


@shared
def test_states_that_dcmtk_makes_of_real_images_look_as_it_shows_them(tmp_path: Path) -> None:
    require("dcmpsmk", "dcmp2pgm")
    compared, differing = 0, []
    for path in sorted((SHARED / "dicom").rglob("*.dcm")):
        image = _greyscale(path)
        if image is None:
            continue
        made = tmp_path / "state.dcm"
        done = subprocess.run(["dcmpsmk", "-o", str(path), str(made)], capture_output=True, check=False)
        if done.returncode != 0:
            continue  # attributes that DCMTK asks for are missing
        state_made = pydicom.dcmread(made)
        for item in state_made.DisplayedAreaSelectionSequence:
            item.PresentationPixelSpacing = [1, 1]  # else pixels become square, which dcmp2pgm leaves to the display
        worst = difference(image, state_made, str(path), tmp_path)
        compared += 1
        if worst > 1:
            differing.append((path.name, worst))
    assert differing == []
    assert compared > 50


def difference(image: Dataset, made: Dataset, path: str, folder: Path) -> int:
    """How far the pictures of the first frame are apart; the state is in `state.dcm` of the folder."""
    picture = folder / "picture.pgm"
    command = ["dcmp2pgm", "-p", str(folder / "state.dcm"), path, str(picture)]
    subprocess.run(command, check=True, capture_output=True)
    theirs = np.asarray(Image.open(picture)).astype(np.int64)
    attributes = [one.to_json_dict(bulk_data_threshold=1 << 30) for one in (image, made)]
    frames = np.asarray(image.pixel_array)
    ours = present(frames if frames.ndim == 2 else frames[0], *attributes, index=0, asked=Asked())
    assert ours.shape == theirs.shape
    return int(np.abs(theirs - ours).max())


_FINEST_SLOPE = 0.1  # DCMTK rounds rescaled values to whole units: of finer ones little is left


def _greyscale(path: Path) -> Dataset | None:
    """A native greyscale image of a file that pydicom reads whole; None for others."""
    try:
        dataset = pydicom.dcmread(path)
        is_shown = dataset.PhotometricInterpretation.startswith("MONOCHROME") and dataset.BitsAllocated in (8, 16)
        if (
            not is_shown
            or dataset.file_meta.TransferSyntaxUID.is_compressed
            or dataset.Rows * dataset.Columns > 1 << 20
        ):
            return None
        dataset.pixel_array  # noqa: B018  # read to see whether it can be
        if float(dataset.get("RescaleSlope") or 1) < _FINEST_SLOPE:
            return None
    except Exception:
        return None
    return dataset
