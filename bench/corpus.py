"""Synthetic studies in the sizes that modalities send: small MR (10 KB) and CT (525 KB)."""

import random
from pathlib import Path

import pydicom
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from sagittal.dicom.identifiers import new_uid

SERIES_LENGTH = 100
MOST_WAYS = 4


def make_small_mr(folder: Path, count: int) -> list[Path]:
    """`count` MR instances of 64 x 64, 16 bits, in series of 100."""
    return _make(folder, count, "MR_small.dcm", 64)


def make_ct(folder: Path, count: int) -> list[Path]:
    """`count` CT instances of 512 x 512, 16 bits, in series of 100."""
    return _make(folder, count, "CT_small.dcm", 512)


def _make(folder: Path, count: int, template: str, size: int) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    dataset = pydicom.dcmread(str(get_testdata_file(template)))
    noise = random.Random(1).randbytes(size * size * 2)
    files = []
    for number in range(count):
        if number % series_length(count) == 0:
            _next_series(dataset, number)
        _next_instance(dataset, number, size, noise)
        files.append(folder / f"{number:06}.dcm")
        dataset.save_as(files[-1])
    return files


def series_length(count: int) -> int:
    """How many instances a series of the corpus has: 100, fewer where `count` has to go MOST_WAYS ways."""
    return max(1, min(SERIES_LENGTH, count // MOST_WAYS))


def _next_series(dataset: Dataset, number: int) -> None:
    dataset.PatientID = f"BENCH{number:06}"
    dataset.PatientName = f"Bench^Number{number}"
    dataset.StudyInstanceUID = new_uid()
    dataset.SeriesInstanceUID = new_uid()


def _next_instance(dataset: Dataset, number: int, size: int, noise: bytes) -> None:
    uid = new_uid()
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid
    dataset.InstanceNumber = number % SERIES_LENGTH + 1
    dataset.Rows = dataset.Columns = size
    cut = number % 997 * 2
    dataset.PixelData = noise[cut:] + noise[:cut]
    if "DataSetTrailingPadding" in dataset:
        del dataset.DataSetTrailingPadding


def spread(files: list[Path], folder: Path, ways: int) -> list[Path]:
    """`ways` folders of links to `files`, whole series each, for as many senders."""
    folders = [folder / str(way) for way in range(ways)]
    for way in folders:
        way.mkdir(parents=True)
    for number, file in enumerate(files):
        way = folders[number // series_length(len(files)) % ways]
        (way / file.name).symlink_to(file.resolve())
    return folders
