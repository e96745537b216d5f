"""DICOM JSON of a header: ours against pydicom's, microseconds, in the same run.

Ours begins with the data set up to the pixels, as the archive has it at hand; pydicom's begins with the bytes of the
file, for it has to parse them before it can say them. `back` is the other way: from objects to an encoded data set,
against pydicom's `Dataset.from_json` and writing it.

    python -m bench.json_model
"""

import io
import json
import logging
import timeit
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pydicom
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from sagittal.dicom.dataset import read_file_meta, read_header
from sagittal.dicom.json_model import JsonDataset, decode, encode
from sagittal.dicom.transfer_syntax import EXPLICIT_VR_LITTLE_ENDIAN

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "series"
SHIPPED = Path(pydicom.__file__).parent / "data" / "test_files"


class Subject(NamedTuple):
    """An instance to measure: its file, and its data set up to the pixels."""

    name: str
    file: bytes
    head: bytes
    transfer_syntax_uid: str


def subjects() -> list[Subject]:
    """Instances that a package ships, and a CT and an MR of the shared folder where it is there."""
    found = [("GE CT", SHIPPED / "CT_small.dcm"), ("MR implicit", SHIPPED / "MR_small_implicit.dcm")]
    for name, folder in (("MR series", "mr-t1"), ("Philips CT", "ct-head-philips")):
        if (SHARED / folder).is_dir():
            found.insert(0, (name, sorted(path for path in (SHARED / folder).rglob("*") if path.is_file())[20]))
    return [_subject(name, path.read_bytes()) for name, path in found]


def _subject(name: str, file: bytes) -> Subject:
    meta = read_file_meta(file, is_end=True)
    data_set = file[meta.data_set_offset :]
    header = read_header(data_set, meta.transfer_syntax_uid, frozenset())
    count = len(pydicom.dcmread(io.BytesIO(file), stop_before_pixels=True))
    return Subject(f"{name}, {count} elements", file, data_set[: header.length], meta.transfer_syntax_uid)


def rows() -> list[tuple[str, float, float, str]]:
    """(what, ours, pydicom's, unit) for each instance."""
    logging.getLogger("pydicom").setLevel(logging.ERROR)
    return [row for subject in subjects() for row in _rows(subject)]


def _rows(subject: Subject) -> list[tuple[str, float, float, str]]:
    name, file, head, syntax = subject
    dataset: JsonDataset = json.loads(encode(head, syntax))
    return [
        (
            f"{name}: to JSON",
            _us(lambda: encode(head, syntax), 1000),
            _us(lambda: pydicom.dcmread(io.BytesIO(file), stop_before_pixels=True).to_json(), 50),
            "us",
        ),
        (
            f"{name}: back",
            _us(lambda: decode(dataset, EXPLICIT_VR_LITTLE_ENDIAN, None), 500),
            _us(lambda: _back_by_pydicom(dataset), 50),
            "us",
        ),
    ]


def _back_by_pydicom(dataset: Any) -> bytes:  # pydicom's own idea of JSON
    stream = DicomBytesIO()
    stream.is_implicit_VR, stream.is_little_endian = False, True
    write_dataset(stream, Dataset.from_json(dataset))
    return bytes(stream.getvalue())


def _us(call: Callable[[], object], times: int) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return min(timeit.repeat(call, number=times // 5, repeat=5)) / (times // 5) * 1e6


def main() -> None:
    """Prints the table."""
    print(f"{'microseconds':44} {'sagittal':>9} {'pydicom':>9} {'ratio':>7}")
    for what, mine, other, unit in rows():
        print(f"{what:44} {mine:9.1f} {other:9.1f} {other / mine:6.1f}x {unit}")


if __name__ == "__main__":
    main()
