"""Rendered resources and thumbnails against a running door."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pydicom
import pytest
from dicomweb_client.api import DICOMwebClient
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from sagittal.imaging.render.icc import profile_of
from sagittal.retrieve import rendered
from support.archives import file_bytes
from support.instances import instance
from support.web import WebServer, parts_of, serving, stow

JPEG_LS = "1.2.840.10008.1.2.4.80"
STUDY, SERIES = "9.1", "9.1.1"


def sample(name: str, uid: str, number: int, series: str = SERIES) -> bytes:
    dataset = pydicom.dcmread(str(get_testdata_file(name)))
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID = STUDY, series, uid
    dataset.file_meta.MediaStorageSOPInstanceUID = uid
    dataset.InstanceNumber = number
    return file_bytes(dataset)


def ramp() -> bytes:
    """Three frames of 20 x 10, each brighter than the one before, 40 ms each."""
    more = Dataset()
    more.FrameTime = 40
    pixels = b"".join(bytes([60 * n + 10]) * 200 for n in range(3))
    return instance(study=STUDY, series=SERIES, uid="9.1.1.2", number=2, pixels=pixels, rows=10, columns=20, more=more)


FILES = {
    "ct": sample("CT_small.dcm", "9.1.1.1", 1),
    "cine": ramp(),
    "broken": instance(
        study=STUDY,
        series="9.1.3",
        uid="9.1.3.1",
        fragments=[b"\xff\xd8 no codestream \xff\xd9"],
        rows=8,
        columns=8,
        transfer_syntax=JPEG_LS,
    ),
    "report": instance(study=STUDY, series="9.1.4", uid="9.1.4.1"),
    "palette": sample("examples_palette.dcm", "9.1.5.1", 1, series="9.1.5"),
}
CT = f"/studies/{STUDY}/series/{SERIES}/instances/9.1.1.1"
CINE = f"/studies/{STUDY}/series/{SERIES}/instances/9.1.1.2"
BROKEN = f"/studies/{STUDY}/series/9.1.3/instances/9.1.3.1"
REPORT = f"/studies/{STUDY}/series/9.1.4/instances/9.1.4.1"
PALETTE = f"/studies/{STUDY}/series/9.1.5/instances/9.1.5.1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    with serving(tmp_path_factory.mktemp("rendered") / "data") as running:
        assert stow(running, list(FILES.values())).status_code == 200
        yield running


def get(server: WebServer, path: str, accept: str = "*/*", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.get(server.dicom_web + path, headers={"accept": accept, **named}, timeout=30)


def picture(response: httpx.Response) -> Image.Image:
    assert response.status_code == 200, response.text
    return Image.open(BytesIO(response.content))


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png", "image/gif", "image/webp"])
def test_an_instance_is_shown_in_the_form_that_is_asked_for(server: WebServer, media_type: str) -> None:
    response = get(server, f"{CT}/rendered", media_type)
    assert response.headers["content-type"] == media_type
    shown = picture(response)
    assert shown.format == media_type.partition("/")[2].upper()
    assert shown.size == (128, 128)
    assert np.asarray(shown.convert("L")).std() > 20


def test_anything_is_jpeg_and_a_multipart_has_one_part(server: WebServer) -> None:
    assert get(server, f"{CT}/rendered").headers["content-type"] == "image/jpeg"
    related = get(server, f"{CT}/rendered", 'multipart/related; type="image/png"')
    ((headers, data),) = parts_of(related)
    assert headers["content-type"] == "image/png"
    assert data == get(server, f"{CT}/rendered", "image/png").content


def test_a_client_of_the_field_gets_a_picture(server: WebServer) -> None:
    client = DICOMwebClient(server.dicom_web)
    data = client.retrieve_instance_rendered(STUDY, SERIES, "9.1.1.1", media_types=("image/png",))
    assert Image.open(BytesIO(data)).size == (128, 128)


def test_cine_moves_in_its_own_time(server: WebServer) -> None:
    moving: Any = picture(get(server, f"{CINE}/rendered", "image/gif"))  # Any: n_frames is that of one format
    assert moving.n_frames == 3
    assert moving.info["duration"] == 40
    still = np.asarray(picture(get(server, f"{CINE}/rendered", "image/png")))
    assert (still == 70).all()  # the frame in the middle


def test_cine_of_more_than_can_be_held_is_thinned(server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendered, "MAX_CINE_READ_BYTES", 450)
    moving: Any = picture(get(server, f"{CINE}/rendered?quality=77", "image/gif"))  # Any: n_frames is of one format
    assert moving.n_frames == 2
    assert moving.info["duration"] == 80


def test_frames_are_shown_in_the_order_of_the_list(server: WebServer) -> None:
    response = get(server, f"{CINE}/frames/3,1/rendered", 'multipart/related; type="image/png"')
    greys = [int(np.asarray(Image.open(BytesIO(data)))[0, 0]) for _, data in parts_of(response)]
    assert greys == [130, 10]
    assert len(parts_of(get(server, f"{CINE}/frames/3,1/rendered", "image/png"))) == 2
    assert np.asarray(picture(get(server, f"{CINE}/frames/3/rendered", "image/png")))[0, 0] == 130


def test_a_study_gives_a_picture_of_everything_that_can_be_shown(server: WebServer) -> None:
    response = get(server, f"/studies/{STUDY}/rendered", 'multipart/related; type="image/jpeg"')
    assert len(parts_of(response)) == 3
    assert len(parts_of(get(server, f"/studies/{STUDY}/series/{SERIES}/rendered", "image/jpeg"))) == 2


@pytest.mark.parametrize("path", [f"/studies/{STUDY}", f"/studies/{STUDY}/series/{SERIES}", CT, f"{CINE}/frames/2"])
def test_every_level_has_a_thumbnail(server: WebServer, path: str) -> None:
    response = get(server, f"{path}/thumbnail")
    assert response.headers["content-type"] == "image/jpeg"
    assert max(picture(response).size) <= 128
    assert max(picture(get(server, f"{path}/thumbnail?viewport=64,32", "image/png")).size) in (32, 64)


def test_window_viewport_and_quality_are_heeded(server: WebServer) -> None:
    plain = get(server, f"{CT}/rendered", "image/png").content
    windowed = np.asarray(picture(get(server, f"{CT}/rendered?window=3000,1,linear", "image/png")))
    assert (windowed == 0).all()
    half = picture(get(server, f"{CT}/rendered?viewport=64,64", "image/png"))
    assert half.size == (64, 64)
    flipped = picture(get(server, f"{CT}/rendered?viewport=128,128,,,-128,", "image/png"))
    assert (np.asarray(flipped) == np.asarray(Image.open(BytesIO(plain)))[:, ::-1]).all()
    sizes = [len(get(server, f"{CT}/rendered?quality={q}", "image/jpeg").content) for q in (10, 50, 95)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2] / 2


def test_annotation_and_profile_are_heeded(server: WebServer) -> None:
    plain = np.asarray(picture(get(server, f"{CT}/rendered", "image/png")))
    marked = np.asarray(picture(get(server, f"{CT}/rendered?annotation=patient,technique", "image/png")))
    assert (plain != marked).any()
    warned = get(server, f"{CT}/rendered?annotation=rulers", "image/png")
    assert "annotation" in warned.headers["warning"]
    with_profile = picture(get(server, f"{PALETTE}/rendered?iccprofile=srgb", "image/png"))
    assert with_profile.info["icc_profile"] == profile_of("srgb")
    assert "icc_profile" not in picture(get(server, f"{PALETTE}/rendered?iccprofile=no", "image/png")).info


@pytest.mark.parametrize(
    "query",
    [
        "window=40",
        "window=40,x,linear",
        "window=40,0,linear",
        "window=40,400,cubic",
        "window=nan,400,linear",
        "viewport=1",
        "viewport=0,10",
        "viewport=99999,10",
        "viewport=10,10,-1",
        "viewport=10,10,0,0,0,5",
        "viewport=a,b",
        "quality=0",
        "quality=101",
        "quality=high",
        "iccprofile=prophoto",
        "quality=5&quality=6",
    ],
)
def test_a_malformed_parameter_is_named(server: WebServer, query: str) -> None:
    response = get(server, f"{CT}/rendered?{query}")
    assert response.status_code == 400
    assert query.partition("=")[0] in response.json()["detail"]


@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [
        (f"{CT}/rendered", "image/tiff", 406),
        (f"{CT}/rendered", "application/dicom", 406),
        (f"{REPORT}/rendered", "*/*", 406),
        (f"{REPORT}/thumbnail", "*/*", 406),
        (f"{BROKEN}/rendered", "*/*", 406),
        (f"{CINE}/frames/4/rendered", "*/*", 404),
        (f"{CINE}/frames/4/thumbnail", "*/*", 404),
        (f"{REPORT}/frames/1/rendered", "*/*", 404),
        (f"/studies/{STUDY}/series/{SERIES}/instances/1.2/rendered", "*/*", 404),
        (f"{CINE}/frames/x/rendered", "*/*", 400),
    ],
)
def test_what_cannot_be_shown_is_said(server: WebServer, path: str, accept: str, status: int) -> None:
    response = get(server, path, accept)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert response.json()["detail"]


def test_a_picture_that_the_client_has_is_not_made_again(server: WebServer) -> None:
    first = get(server, f"{CT}/rendered?window=40,400,linear")
    again = get(server, f"{CT}/rendered?window=40,400,linear", if_none_match=first.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
    other = get(server, f"{CT}/rendered?window=40,401,linear", if_none_match=first.headers["etag"])
    assert other.status_code == 200
    assert "private" in first.headers["cache-control"]


def test_a_hostile_codestream_costs_one_request(server: WebServer) -> None:
    assert get(server, f"{BROKEN}/rendered").status_code == 406
    assert get(server, f"{CT}/rendered").status_code == 200


def test_head_tells_what_get_would(server: WebServer) -> None:
    answer = httpx.head(f"{server.dicom_web}{CT}/rendered", headers={"accept": "image/jpeg"}, timeout=30)
    got = get(server, f"{CT}/rendered", "image/jpeg")
    assert (answer.status_code, answer.headers["etag"]) == (200, got.headers["etag"])
    assert answer.headers["content-length"] == str(len(got.content))


def test_deflated_instances_are_shown(tmp_path: Path) -> None:
    file = Path(str(get_testdata_file("image_dfl.dcm"))).read_bytes()
    dataset = pydicom.dcmread(BytesIO(file))
    dataset.SOPInstanceUID = generate_uid()
    with serving(tmp_path / "data") as running:
        assert stow(running, [file]).status_code == 200
        response = get(running, f"/studies/{dataset.StudyInstanceUID}/rendered", "image/png")
        assert picture(response).size == (dataset.Columns, dataset.Rows)
