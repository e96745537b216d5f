"""dicomweb-client (Python): what other tests do not use it for already."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicomweb_client.api import DICOMwebClient
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.pixels import pixel_array

from support.web import WebServer, serving, stow

NAMES = ("CT_small.dcm", "emri_small_jpeg_2k_lossless.dcm")
RAW = (("application/octet-stream", "1.2.840.10008.1.2.1"),)


def sample(name: str) -> bytes:
    path = get_testdata_file(name, download=False)
    if path is None:
        pytest.skip(f"this pydicom does not ship {name}")
    return Path(str(path)).read_bytes()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    with serving(tmp_path_factory.mktemp("client") / "data") as running:
        assert stow(running, [sample(name) for name in NAMES]).status_code == 200
        yield running


@pytest.fixture(params=[None, 10_000])
def client(server: WebServer, request: pytest.FixtureRequest) -> DICOMwebClient:
    """Bodies at once, and in chunks."""
    made = DICOMwebClient(server.dicom_web)
    if request.param:
        made.set_chunk_size(request.param)
    return made


def original(name: str) -> pydicom.Dataset:
    return pydicom.dcmread(BytesIO(sample(name)))


def uids(dataset: pydicom.Dataset) -> tuple[str, str, str]:
    return dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID


def test_it_iterates_over_instances(client: DICOMwebClient) -> None:
    ct = original("CT_small.dcm")
    for found in (client.iter_study(ct.StudyInstanceUID), client.iter_series(*uids(ct)[:2])):
        assert [dataset.PixelData for dataset in found] == [ct.PixelData]


def test_it_iterates_over_frames(client: DICOMwebClient) -> None:
    cine = original("emri_small_jpeg_2k_lossless.dcm")
    frames = client.iter_instance_frames(*uids(cine), list(range(1, 11)), media_types=RAW)
    assert b"".join(frames) == np.ascontiguousarray(pixel_array(cine)).tobytes()


def test_it_iterates_over_bulk_data(client: DICOMwebClient) -> None:
    ct = original("CT_small.dcm")
    (metadata,) = client.retrieve_series_metadata(*uids(ct)[:2])
    assert list(client.iter_bulkdata(metadata["7FE00010"]["BulkDataURI"])) == [ct.PixelData]
    part = client.retrieve_bulkdata(metadata["7FE00010"]["BulkDataURI"], byte_range=(4, 11))
    assert part == [ct.PixelData[4:12]]


def test_it_shows_frames_and_series(client: DICOMwebClient) -> None:
    cine = original("emri_small_jpeg_2k_lossless.dcm")
    frame = client.retrieve_instance_frames_rendered(*uids(cine), [3], media_types=("image/png",))
    assert Image.open(BytesIO(frame)).size == (cine.Columns, cine.Rows)
    series = client.retrieve_series_rendered(*uids(cine)[:2], media_types=("image/jpeg",))
    assert Image.open(BytesIO(series)).format == "JPEG"


def test_it_finds_the_metadata_of_an_instance_and_reads_it(client: DICOMwebClient) -> None:
    cine = original("emri_small_jpeg_2k_lossless.dcm")
    read = pydicom.Dataset.from_json(
        client.retrieve_instance_metadata(*uids(cine)), bulk_data_uri_handler=lambda _: b""
    )
    assert (read.SOPInstanceUID, read.NumberOfFrames) == (cine.SOPInstanceUID, 10)
