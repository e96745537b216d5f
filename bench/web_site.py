"""The site that `bench.web` looks at: Sagittal with accounts, a CT, a radiograph and a page full of studies."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pydicom
from pydicom.data import get_testdata_file

from bench.archive_corpus import SHARED, make_archive
from bench.peers import free_port, started

NAME, PASSWORD = "reader", "seven geese over the lake"  # of an account that lives for minutes
_SMALL = 700  # MR instances: two studies of a hundred and more small ones than a page of the list has
_RADIOGRAPH = "dicom/pydicom/pydicom-data/744d01372f_RG1_J2KI.dcm"


class Site(NamedTuple):
    """A running site.

    Attributes:
        root: where browsers find it.
        ct: the Study Instance UID of a hundred slices of 512 x 512.
        radiograph: that of a radiograph.
    """

    root: str
    ct: str
    radiograph: str


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    """`sagittal serve` with an account for people of one facility, as a hospital would have them."""
    corpus = make_archive(folder / "corpus", _SMALL, 100)
    radiograph = _radiograph()
    data = folder / "data"
    _sagittal(data, "user", "add", "root", "--role", "administrator", "--no-password")
    _sagittal(data, "user", "add", NAME, "--role", "radiologist@local", "--password-file", "-", said=PASSWORD)
    _sagittal(data, "import", str(corpus.folder), str(radiograph))
    dicom, http = free_port(), free_port()
    command = [sys.executable, "-m", "sagittal", "serve", "--data", str(data)]
    command += ["--dicom", f"127.0.0.1:{dicom}", "--http", f"127.0.0.1:{http}"]
    with started("sagittal", command, dicom, http, folder / "log"):
        shown = str(pydicom.dcmread(radiograph, stop_before_pixels=True).StudyInstanceUID)
        yield Site(f"http://localhost:{http}", corpus.of("CT")[0].study, shown)


def _radiograph() -> Path:
    """A real one, of 1955 x 1841; pydicom-data ships the same."""
    shared = SHARED / _RADIOGRAPH
    return shared if shared.exists() else Path(str(get_testdata_file("RG1_J2KI.dcm")))


def _sagittal(data: Path, *arguments: str, said: str = "") -> None:
    command: Sequence[str] = [sys.executable, "-m", "sagittal", *arguments, "--data", str(data)]
    subprocess.run(command, input=said, check=True, capture_output=True, text=True)
