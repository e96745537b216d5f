"""Bulk data and pixel data of whole studies, series and instances, each part called as the metadata calls it."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.pixels import pixel_array

from support.archives import file_bytes
from support.instances import instance
from support.web import WebServer, parts_of, serving, stow

RELATED = "multipart/related"
OCTETS = f'{RELATED}; type="application/octet-stream"'
ANY = f'{OCTETS}; transfer-syntax=*, {RELATED}; type="*/*"; transfer-syntax=*'


def with_icon() -> Dataset:
    """A large private value at the top, and an icon in a sequence."""
    icon = Dataset()
    icon.SamplesPerPixel, icon.PhotometricInterpretation = 1, "MONOCHROME2"
    icon.Rows = icon.Columns = 64
    icon.BitsAllocated = icon.BitsStored = 8
    icon.HighBit, icon.PixelRepresentation = 7, 0
    icon.PixelData = b"\7" * 4096
    icon["PixelData"].VR = "OB"
    more = Dataset()
    more.IconImageSequence = [icon]
    more.private_block(0x0099, "TEST", create=True).add_new(1, "OB", b"\5" * 8000)
    return more


def sample(name: str) -> bytes:
    return Path(str(get_testdata_file(name))).read_bytes()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    """Study 1.2: two frames native; two frames in RLE; a report without pixels. Study 1.3: big endian."""
    rle = pydicom.dcmread(BytesIO(sample("emri_small_RLE.dcm")))
    rle.StudyInstanceUID, rle.SeriesInstanceUID, rle.SOPInstanceUID = "1.2", "1.2.2", "1.2.2.1"
    rle.file_meta.MediaStorageSOPInstanceUID = "1.2.2.1"
    swapped = pydicom.dcmread(BytesIO(sample("MR_small_bigendian.dcm")))
    swapped.StudyInstanceUID, swapped.SeriesInstanceUID, swapped.SOPInstanceUID = "1.3", "1.3.1", "1.3.1.1"
    swapped.file_meta.MediaStorageSOPInstanceUID = "1.3.1.1"
    files = [
        instance(study="1.2", uid="1.2.1.1", pixels=bytes(range(256)) * 32, rows=64, columns=64, more=with_icon()),
        instance(study="1.2", series="1.2.3", uid="1.2.3.1"),
        file_bytes(rle),
        file_bytes(swapped),
    ]
    with serving(tmp_path_factory.mktemp("bulk") / "data") as running:
        assert stow(running, files).status_code == 200
        yield running


def get(server: WebServer, path: str, accept: str) -> httpx.Response:
    return httpx.get(f"{server.dicom_web}/{path}", headers={"accept": accept}, timeout=60)


def references(server: WebServer, path: str) -> list[str]:
    """Every BulkDataURI in the metadata, in its order."""
    found: list[str] = []

    def walk(dataset: dict[str, dict[str, object]]) -> None:
        for element in dataset.values():
            if "BulkDataURI" in element:
                found.append(str(element["BulkDataURI"]))
            for item in element.get("Value", []) if element["vr"] == "SQ" else []:  # type: ignore[attr-defined]  # JSON
                walk(item)

    for dataset in get(server, f"{path}/metadata", "application/dicom+json").json():
        walk(dataset)
    return found


@pytest.mark.parametrize(
    "path", ["studies/1.2", "studies/1.2/series/1.2.1", "studies/1.2/series/1.2.1/instances/1.2.1.1"]
)
def test_every_bulk_value_comes_under_the_name_that_metadata_gives_it(server: WebServer, path: str) -> None:
    parts = parts_of(get(server, f"{path}/bulkdata", ANY))
    names = list(dict.fromkeys(headers["content-location"] for headers, _ in parts))
    assert names == references(server, path)
    by_name = {headers["content-location"].rpartition("/")[2]: data for headers, data in parts[:3]}
    assert by_name == {
        "00991001": b"\5" * 8000,
        "00880200.0.7FE00010": b"\7" * 4096,
        "7FE00010": bytes(range(256)) * 32,
    }


def test_pixel_data_is_that_at_the_top_and_encapsulated_frames_are_parts(server: WebServer) -> None:
    parts = parts_of(get(server, "studies/1.2/pixeldata", ANY))
    original = pydicom.dcmread(BytesIO(sample("emri_small_RLE.dcm")))
    frames = list(pydicom.encaps.generate_frames(original.PixelData, number_of_frames=10))
    assert [data for _, data in parts] == [bytes(range(256)) * 32, *frames]
    assert {headers["content-type"] for headers, _ in parts[1:]} == {
        "image/dicom-rle; transfer-syntax=1.2.840.10008.1.2.5"
    }
    assert len({headers["content-location"] for headers, _ in parts[1:]}) == 1


def test_pixel_data_is_decoded_for_a_client_that_wants_it_so(server: WebServer) -> None:
    parts = parts_of(get(server, "studies/1.2/series/1.2.2/pixeldata", OCTETS))
    pixels = pixel_array(pydicom.dcmread(BytesIO(sample("emri_small_RLE.dcm"))))
    assert b"".join(data for _, data in parts) == np.ascontiguousarray(pixels).tobytes()


def test_pixel_data_of_a_media_type_that_some_instances_can_have_is_partial(server: WebServer) -> None:
    answer = get(server, "studies/1.2/pixeldata", f'{RELATED}; type="image/jls"')
    assert answer.status_code == 200
    assert {headers["content-type"] for headers, _ in parts_of(answer)} == {
        "image/jls; transfer-syntax=1.2.840.10008.1.2.4.80"
    }
    assert get(server, "studies/1.2/pixeldata", f'{RELATED}; type="video/mp4"').status_code == 406
    assert get(server, "studies/1.2/pixeldata", "application/dicom").status_code == 406


@pytest.mark.parametrize(("path", "status"), [("studies/1.2/series/1.2.3", 404), ("studies/9", 404)])
@pytest.mark.parametrize("resource", ["bulkdata", "pixeldata"])
def test_what_has_no_bulk_is_not_found(server: WebServer, path: str, resource: str, status: int) -> None:
    assert get(server, f"{path}/{resource}", ANY).status_code == status


@pytest.mark.parametrize("resource", ["bulkdata", "pixeldata"])
def test_who_has_it_already_gets_304(server: WebServer, resource: str) -> None:
    first = get(server, f"studies/1.2/{resource}", ANY)
    known = {"accept": ANY, "if-none-match": first.headers["etag"]}
    assert httpx.get(f"{server.dicom_web}/studies/1.2/{resource}", headers=known).status_code == 304


def test_one_value_in_parts_is_called_what_metadata_calls_it(server: WebServer) -> None:
    name = references(server, "studies/1.2")[0]
    ((headers, data),) = parts_of(httpx.get(name, headers={"accept": OCTETS}))
    assert (headers["content-location"], data) == (name, b"\7" * 4096)


def test_a_range_of_one_value_in_parts_is_of_the_value(server: WebServer) -> None:
    name = references(server, "studies/1.2")[2]
    answer = httpx.get(name, headers={"accept": OCTETS, "range": "bytes=4-7"})
    ((_, data),) = parts_of(answer)
    assert (answer.status_code, data) == (206, b"\4\5\6\7")
    assert answer.headers["content-range"] == "bytes 4-7/8192"
    assert httpx.get(name, headers={"accept": OCTETS, "range": "bytes=8192-"}).status_code == 416


@pytest.mark.parametrize("path", ["frames/1", "bulkdata/7FE00010", "pixeldata"])
def test_pixels_of_big_endian_instances_come_in_little_endian(server: WebServer, path: str) -> None:
    answer = get(server, f"studies/1.3/series/1.3.1/instances/1.3.1.1/{path}", OCTETS)
    ((headers, data),) = parts_of(answer)
    pixels = pixel_array(pydicom.dcmread(BytesIO(sample("MR_small_bigendian.dcm"))), raw=True)
    assert data == np.ascontiguousarray(pixels, dtype="<i2").tobytes()
    assert headers["content-type"] == "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1"


@pytest.mark.parametrize("accept", ["*/*", 'multipart/related; type="application/dicom"'])
def test_big_endian_instances_go_out_in_little_endian_unless_they_are_asked_for_as_stored(
    server: WebServer, accept: str
) -> None:
    stored = pydicom.dcmread(BytesIO(sample("MR_small_bigendian.dcm")))
    path = "studies/1.3/series/1.3.1/instances/1.3.1.1"
    ((headers, data),) = parts_of(get(server, path, accept))
    assert headers["content-type"].endswith("1.2.840.10008.1.2.1")
    assert (pydicom.dcmread(BytesIO(data)).pixel_array == stored.pixel_array).all()
    as_it_is = f'multipart/related; type="application/dicom"; transfer-syntax=*, {accept};q=0.5'
    ((headers, data),) = parts_of(get(server, path, as_it_is))
    assert headers["content-type"].endswith("1.2.840.10008.1.2.2")
    assert pydicom.dcmread(BytesIO(data)).PixelData == stored.PixelData


def test_words_of_big_endian_instances_come_in_little_endian(server: WebServer) -> None:
    more = Dataset()
    more.private_block(0x0099, "TEST", create=True).add_new(1, "OW", b"\1\2" * 4000)
    more.private_block(0x0099, "TEST").add_new(2, "OB", b"\1\2" * 4000)
    file = instance(study="1.4", more=more, transfer_syntax="1.2.840.10008.1.2.2")
    assert stow(server, [file]).status_code == 200
    parts = parts_of(get(server, "studies/1.4/bulkdata", OCTETS))
    assert [data for _, data in parts] == [b"\2\1" * 4000, b"\1\2" * 4000]
    alone = httpx.get(parts[0][0]["content-location"], headers={"accept": OCTETS, "range": "bytes=1-2"})
    assert parts_of(alone)[0][1] == b"\1\2"


def test_paths_without_the_uids_above_lead_there_too(server: WebServer) -> None:
    assert len(parts_of(get(server, "instances/1.2.1.1/bulkdata", ANY))) == 3
    assert len(parts_of(get(server, "series/1.2.2/pixeldata", ANY))) == 10
