"""WADO-RS in other Transfer Syntaxes than stored, read by dicomweb-client, pydicom and DCMTK."""

import subprocess
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
import pydicom
import pytest
from dicomweb_client.api import DICOMwebClient
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.pixels import pixel_array

from sagittal.imaging.syntaxes import WRITTEN, is_lossless
from support.peers import require
from support.web import WebServer, parts_of, serving, stow

EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
RELATED = 'multipart/related; type="application/dicom"'
OCTETS = "application/octet-stream"
NAMES = ("CT_small.dcm", "SC_rgb_small_odd.dcm", "emri_small_jpeg_ls_lossless.dcm", "MR_small_RLE.dcm")
DCMTK = {
    "1.2.840.10008.1.2.4.57": "dcmdjpeg",
    "1.2.840.10008.1.2.4.70": "dcmdjpeg",
    "1.2.840.10008.1.2.4.50": "dcmdjpeg",
    "1.2.840.10008.1.2.4.80": "dcmdjpls",
    "1.2.840.10008.1.2.5": "dcmdrle",
}


def sample(name: str) -> bytes:
    path = get_testdata_file(name, download=False)
    if path is None:
        pytest.skip(f"this pydicom does not ship {name}")
    return Path(str(path)).read_bytes()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    with serving(tmp_path_factory.mktemp("transcoded") / "data") as running:
        assert stow(running, [sample(name) for name in NAMES]).status_code == 200
        yield running


def url_of(server: WebServer, name: str) -> str:
    dataset = pydicom.dcmread(BytesIO(sample(name)), stop_before_pixels=True)
    uids = dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID
    return "{}/studies/{}/series/{}/instances/{}".format(server.dicom_web, *uids)


def got(server: WebServer, name: str, syntax: str) -> Dataset:
    answer = httpx.get(url_of(server, name), headers={"accept": f"{RELATED}; transfer-syntax={syntax}"}, timeout=60)
    assert answer.status_code == 200, answer.text
    ((headers, data),) = parts_of(answer)
    dataset = pydicom.dcmread(BytesIO(data))
    assert headers["content-type"].endswith(f"transfer-syntax={dataset.file_meta.TransferSyntaxUID}")
    return dataset


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, *(uid for uid in WRITTEN if is_lossless(uid))])
def test_an_instance_comes_in_the_transfer_syntax_asked_for(server: WebServer, name: str, syntax: str) -> None:
    dataset, original = got(server, name, syntax), pydicom.dcmread(BytesIO(sample(name)))
    has_no_place = syntax == "1.2.840.10008.1.2.4.110" and original.PixelRepresentation == 1
    assert dataset.file_meta.TransferSyntaxUID == (EXPLICIT if has_no_place else syntax)
    assert dataset.SOPInstanceUID == original.SOPInstanceUID
    assert dataset.PatientName == original.PatientName
    if syntax in (EXPLICIT, IMPLICIT):
        assert np.array_equal(pixel_array(dataset, raw=True), pixel_array(original, raw=True))


@pytest.mark.peer("dcmtk")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("syntax", sorted(DCMTK))
def test_dcmtk_decodes_what_we_encode(server: WebServer, tmp_path: Path, name: str, syntax: str) -> None:
    require(DCMTK[syntax])
    dataset, original = got(server, name, syntax), pydicom.dcmread(BytesIO(sample(name)))
    if dataset.file_meta.TransferSyntaxUID != syntax:
        pytest.skip("this syntax has no place for such pixels")
    dataset.save_as(tmp_path / "ours.dcm")
    subprocess.run([DCMTK[syntax], tmp_path / "ours.dcm", tmp_path / "theirs.dcm"], check=True, timeout=60)
    theirs = pixel_array(pydicom.dcmread(tmp_path / "theirs.dcm"), raw=True)
    ours = pixel_array(original, raw=True)
    limit = 0 if is_lossless(syntax) else 60  # JPEG on 3 x 3 pixels of pure colours
    assert np.abs(theirs.astype(int) - ours.astype(int)).max() <= limit


@pytest.mark.parametrize("name", NAMES)
def test_dicomweb_client_gets_frames_uncompressed(server: WebServer, name: str) -> None:
    original = pydicom.dcmread(BytesIO(sample(name)))
    uids = original.StudyInstanceUID, original.SeriesInstanceUID, original.SOPInstanceUID
    client = DICOMwebClient(server.dicom_web)
    numbers = list(range(1, int(original.get("NumberOfFrames", 1)) + 1))
    frames = client.retrieve_instance_frames(*uids, numbers, media_types=(OCTETS,))
    assert b"".join(frames) == np.ascontiguousarray(pixel_array(original, raw=True)).tobytes()


@pytest.mark.parametrize(
    ("kind", "syntax"),
    [
        ("image/jls", "1.2.840.10008.1.2.4.80"),
        ("image/jphc", "1.2.840.10008.1.2.4.201"),
        ("image/jp2", "1.2.840.10008.1.2.4.90"),
        ("image/jpeg", "1.2.840.10008.1.2.4.70"),
        ("image/dicom-rle", "1.2.840.10008.1.2.5"),
    ],
)
def test_a_native_frame_comes_in_the_media_type_asked_for(server: WebServer, kind: str, syntax: str) -> None:
    answer = httpx.get(f"{url_of(server, 'CT_small.dcm')}/frames/1", headers={"accept": kind}, timeout=60)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"{kind}; transfer-syntax={syntax}"
    assert 0 < len(answer.content) < 128 * 128 * 2


def test_lossy_is_given_only_to_who_names_it_and_is_another_instance(server: WebServer) -> None:
    original = pydicom.dcmread(BytesIO(sample("SC_rgb_small_odd.dcm")))
    dataset = got(server, "SC_rgb_small_odd.dcm", "1.2.840.10008.1.2.4.50")
    assert dataset.LossyImageCompression == "01"
    assert dataset.SOPInstanceUID != original.SOPInstanceUID
    frame = httpx.get(f"{url_of(server, 'SC_rgb_small_odd.dcm')}/frames/1", headers={"accept": "image/jpeg"})
    assert frame.headers["content-type"] == "image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.70"


def test_a_lower_quality_is_smaller_and_says_so(server: WebServer) -> None:
    url, accept = url_of(server, "CT_small.dcm"), "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.203"
    files = [
        pydicom.dcmread(BytesIO(httpx.get(url, params=asked, headers={"accept": accept}, timeout=60).content))
        for asked in ({}, {"quality": "92"}, {"quality": "20"})
    ]
    assert len({file.SOPInstanceUID for file in files}) == 3
    assert len(files[2].PixelData) < len(files[0].PixelData)
    assert [file.LossyImageCompressionMethod for file in files] == ["ISO_15444_15"] * 3
    assert files[2].LossyImageCompressionRatio > files[0].LossyImageCompressionRatio
    assert "quality 20" in files[2].DerivationDescription
    assert files[2].DerivationCodeSequence[0].CodeValue == "113040"


@pytest.mark.parametrize("syntax", sorted(uid for uid in WRITTEN if not is_lossless(uid)))
def test_frames_of_each_lossy_syntax_come_in_the_quality_asked_for(server: WebServer, syntax: str) -> None:
    url, accept = f"{url_of(server, 'SC_rgb_small_odd.dcm')}/frames/1", f"image/*; transfer-syntax={syntax}"
    answers = [httpx.get(url, params={"quality": q}, headers={"accept": accept}, timeout=60) for q in ("100", "5")]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].headers["content-type"].endswith(f"transfer-syntax={syntax}")
    assert answers[0].headers["etag"] != answers[1].headers["etag"]
    assert answers[0].content != answers[1].content


@pytest.mark.parametrize("quality", ["0", "101", "high", "1.5", ""])
def test_a_quality_that_is_none_is_400(server: WebServer, quality: str) -> None:
    headers = {"accept": "image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.50"}
    url = f"{url_of(server, 'SC_rgb_small_odd.dcm')}/frames/1"
    assert httpx.get(url, params={"quality": quality}, headers=headers).status_code == 400


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        ("/frames/1", "image/jls"),
        ("", "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.201"),
        ("", f"application/dicom; transfer-syntax={IMPLICIT}"),
    ],
)
def test_what_was_converted_has_a_length_and_ranges(server: WebServer, path: str, accept: str) -> None:
    url = url_of(server, "CT_small.dcm") + path
    whole = httpx.get(url, headers={"accept": accept}, timeout=60)
    assert int(whole.headers["content-length"]) == len(whole.content)
    assert httpx.head(url, headers={"accept": accept}).headers["content-length"] == str(len(whole.content))
    part = httpx.get(url, headers={"accept": accept, "range": "bytes=100-199", "if-range": whole.headers["etag"]})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"


def test_a_frame_beyond_the_last_is_not_found(server: WebServer) -> None:
    answer = httpx.get(f"{url_of(server, 'MR_small_RLE.dcm')}/frames/2", headers={"accept": OCTETS})
    assert answer.status_code == 404


def test_a_whole_study_comes_decompressed(server: WebServer) -> None:
    original = pydicom.dcmread(BytesIO(sample("emri_small_jpeg_ls_lossless.dcm")))
    client = DICOMwebClient(server.dicom_web)
    (dataset,) = client.retrieve_study(original.StudyInstanceUID, media_types=(("application/dicom", EXPLICIT),))
    assert dataset.file_meta.TransferSyntaxUID == EXPLICIT
    assert np.array_equal(pixel_array(dataset, raw=True), pixel_array(original, raw=True))
