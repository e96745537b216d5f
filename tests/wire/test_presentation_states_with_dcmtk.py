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
    command = ["dcmp2pgm", "-p", str(tmp_path / "state.dcm"), path, str(tmp_path / "picture.pgm")]
    subprocess.run(command, check=True, capture_output=True)
    theirs = np.asarray(Image.open(tmp_path / "picture.pgm")).astype(np.int64)
    attributes = [one.to_json_dict(bulk_data_threshold=1 << 30) for one in (image, made)]
    ours = present(np.asarray(image.pixel_array), *attributes, index=0, asked=Asked())
    assert ours.shape == theirs.shape
    assert int(np.abs(theirs - ours).max()) <= 1
