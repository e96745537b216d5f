"""A small hospital's archive, to read from: MR in studies of 10 and of 100, CT in studies of 100, one long US.

The pixels are real where the shared folder is there: CT heads of 512 x 512 and an ultrasound loop in baseline JPEG, its
frames over again until there are 200. Without it they come from what pydicom ships, the CT enlarged fourfold. Every
instance has its own UID; names, dates and numbers are made up.
"""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pydicom
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.filebase import DicomBytesIO

from sagittal.dicom.identifiers import new_uid

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
LARGE_STUDY, SMALL_STUDY = 100, 10
US_FRAMES = 200
DAYS = 3650
_US = "dicom/grailbio/go-dicom/2dafa4b7a1_I_000032.dcm"
_FAMILIES = """Adams Bakker Costa Dubois Eriksen Fischer Garcia Haddad Ivanova Jansen Kowalski Lindqvist Moreau Nakamura
Okafor Petrov Quispe Rossi Schmidt Tanaka Ulrich Vargas Weber Xu Yilmaz Zimmermann"""
_GIVEN = "Alma Bruno Chiara David Elena Felix Greta Hugo Ines Jonas Karla Luis Mara Nils Olga Pablo"
_MARK = "2.25.10000000000000000000000000000000000000"  # stands for the SOP Instance UID until it is known
_NUMBER = "-199999999"  # likewise for the Instance Number


class Study(NamedTuple):
    """A study of the corpus, of one series."""

    study: str
    series: str
    instances: tuple[str, ...]
    patient_id: str
    patient_name: str
    date: str
    modality: str


class Corpus(NamedTuple):
    """Where the files are, and what is in them."""

    folder: Path
    studies: tuple[Study, ...]

    def of(self, modality: str, length: int | None = None) -> list[Study]:
        """The studies of a modality, of so many instances."""
        return [one for one in self.studies if one.modality == modality and length in (None, len(one.instances))]


def make_archive(folder: Path, small: int, ct: int) -> Corpus:
    """Writes about `small` MR (40 in 100 of them in studies of 100), about `ct` CT and the US under `folder`."""
    chance = random.Random(7)
    sizes = [LARGE_STUDY] * max(1, small * 2 // 5 // LARGE_STUDY)
    sizes += [SMALL_STUDY] * max(1, (small - sum(sizes)) // SMALL_STUDY)
    studies = [_write_study(folder, chance, "MR", _mr(), size) for size in sizes]
    slices = _ct_slices()
    studies += [_write_study(folder, chance, "CT", slices, LARGE_STUDY) for _ in range(max(1, ct // LARGE_STUDY))]
    studies.append(_write_study(folder, chance, "US", [_us()], 1))
    return Corpus(folder, tuple(studies))


def _mr() -> list[Dataset]:
    return [pydicom.dcmread(str(get_testdata_file("MR_small.dcm")))]


def _ct_slices() -> list[Dataset]:
    """The slices that a CT study is made of, 512 x 512 of 16 bits."""
    files = sorted(path for path in (SHARED / "series/ct-head-philips").rglob("*") if path.is_file())
    slices = [one for one in map(pydicom.dcmread, files) if one.Modality == "CT" and one.get("Rows") == 512]
    slices = [one for one in slices if one.SOPClassUID == "1.2.840.10008.5.1.4.1.1.2" and one.SeriesNumber == 201]
    if slices:
        return slices
    enlarged = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    enlarged.PixelData = np.kron(enlarged.pixel_array, np.ones((4, 4), dtype="<i2")).tobytes()
    enlarged.Rows = enlarged.Columns = 512
    return [enlarged]


def _us() -> Dataset:
    """One loop of US_FRAMES frames in baseline JPEG."""
    file = SHARED / _US
    dataset = pydicom.dcmread(file if file.exists() else str(get_testdata_file("examples_ybr_color.dcm")))
    frames = list(generate_frames(dataset.PixelData, number_of_frames=int(dataset.NumberOfFrames)))
    dataset.PixelData = encapsulate([frames[number % len(frames)] for number in range(US_FRAMES)])
    dataset["PixelData"].VR = "OB"
    dataset.NumberOfFrames = US_FRAMES
    dataset.Modality = "US"
    for keyword in ("FrameTimeVector", "RWaveTimeVector"):
        if keyword in dataset:
            del dataset[keyword]
    return dataset


def _write_study(folder: Path, chance: random.Random, modality: str, sources: Sequence[Dataset], size: int) -> Study:
    day = np.datetime64("2015-01-01") + chance.randrange(DAYS)
    family = chance.choice(_FAMILIES.split())
    study = Study(
        study=new_uid(),
        series=new_uid(),
        instances=tuple(f"2.25.1{chance.randrange(10**37):037}" for _ in range(size)),
        patient_id=f"H{chance.randrange(10**8):08}",
        patient_name=f"{family}^{chance.choice(_GIVEN.split())}",
        date=str(day).replace("-", ""),
        modality=modality,
    )
    place = folder / study.study
    place.mkdir(parents=True)
    templates = [_template(study, source) for source in sources[:size]]
    for number, file in enumerate(_files(study, templates)):
        (place / f"{number:04}.dcm").write_bytes(file)
    return study


def _template(study: Study, dataset: Dataset) -> tuple[bytes, bytes]:
    """The file of an instance of the study, up to its pixels and from there on."""
    dataset.PatientID, dataset.PatientName = study.patient_id, study.patient_name
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study.study, study.series
    dataset.StudyDate, dataset.AccessionNumber = study.date, study.patient_id[1:]
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = _MARK
    dataset.InstanceNumber = _NUMBER
    if "DataSetTrailingPadding" in dataset:
        del dataset.DataSetTrailingPadding
    buffer = DicomBytesIO()
    dataset.save_as(buffer)
    file = bytes(buffer.getvalue())
    pixels = file.rindex(b"\xe0\x7f\x10\x00O", 0, file.index(dataset.PixelData[:64]))
    return file[:pixels], file[pixels:]


def _files(study: Study, templates: Sequence[tuple[bytes, bytes]]) -> Iterator[bytes]:
    for number, uid in enumerate(study.instances):
        head, pixels = templates[number % len(templates)]
        head = head.replace(_MARK.encode(), uid.encode()).replace(_NUMBER.encode(), f"{number + 1:<10}".encode())
        yield head + pixels
