"""Instances made up for tests, as DICOM files; written by pydicom, not by the code under test."""

from io import BytesIO

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def instance(
    *,
    study: str,
    series: str = "",
    uid: str = "",
    number: int = 1,
    pixels: bytes = b"",
    rows: int = 0,
    columns: int = 0,
    fragments: list[bytes] | None = None,
    transfer_syntax: str = ExplicitVRLittleEndian,
    name: str = "Test^Case",
    patient_id: str = "T1",
    description: str = "",
    more: Dataset | None = None,
) -> bytes:
    """A file. Without `rows` and `columns` the pixels are one row of bytes; `fragments` are one frame each."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = SECONDARY_CAPTURE
    dataset.SOPInstanceUID = uid or generate_uid()
    dataset.Modality = "OT"
    dataset.StudyDescription = description
    dataset.PatientName = name
    dataset.PatientID = patient_id
    dataset.StudyInstanceUID = study
    dataset.SeriesInstanceUID = series or f"{study}.1"
    dataset.InstanceNumber = number
    if more is not None:
        dataset.update(more)
    if pixels or fragments:
        _add_pixels(dataset, pixels, rows, columns, fragments)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = transfer_syntax
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def _add_pixels(dataset: Dataset, pixels: bytes, rows: int, columns: int, fragments: list[bytes] | None) -> None:
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    rows = rows or (1 if len(pixels) < 60_000 else 1000)
    dataset.Rows = rows
    dataset.Columns = columns or len(pixels) // rows
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PixelRepresentation = 0
    frames = len(fragments) if fragments else len(pixels) // (dataset.Rows * dataset.Columns)
    if frames != 1:
        dataset.NumberOfFrames = frames
    dataset.PixelData = encapsulate(fragments) if fragments else pixels
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = bool(fragments)
