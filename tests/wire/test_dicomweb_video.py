"""Video over DICOMweb: stored as MP4, given back as MP4, in ranges as players ask for it."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sagittal.dicom.web.multipart import MultipartWriter
from support.instances import instance
from support.video import video
from support.web import WebServer, parts_of, serving, stow

VIDEO_ENDOSCOPIC = "1.2.840.10008.5.1.4.1.1.77.1.1.1"
DATA = video("h264_high.mp4")
PADDED = DATA + b"\0" * (len(DATA) % 2)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    """An MP4 (1.2), two in one series beside an image (1.3), a bare stream (1.4), MPEG-2 (1.5)."""
    with serving(tmp_path_factory.mktemp("video") / "data") as running:
        store(running, "1.2", "1.2.1.1", "video/mp4", DATA)
        store(running, "1.3", "1.3.1.1", "video/mp4", DATA)
        store(running, "1.3", "1.3.1.2", "video/mp4", video("h264_fragmented.mp4"))
        store(running, "1.5", "1.5.1.1", "video/mpeg", video("mpeg2.m2v"), frames=5)
        bare = instance(
            study="1.4",
            uid="1.4.1.1",
            rows=48,
            columns=64,
            fragments=[b"\0\0\0\1\x67bare"],
            transfer_syntax="1.2.840.10008.1.2.4.102",
        )
        image = instance(study="1.3", uid="1.3.2.1", series="1.3.2", pixels=bytes(4096), rows=64, columns=64)
        assert stow(running, [bare, image]).status_code == 200
        yield running


def store(server: WebServer, study: str, uid: str, media_type: str, data: bytes, frames: int = 0) -> None:
    values = {"00080016": VIDEO_ENDOSCOPIC, "00080018": uid, "0020000D": study, "0020000E": f"{study}.1"}
    dataset: dict[str, Any] = {tag: {"vr": "UI", "Value": [value]} for tag, value in values.items()}
    if frames:
        dataset["00280008"] = {"vr": "IS", "Value": [frames]}
    dataset["7FE00010"] = {"vr": "OB", "BulkDataURI": "video"}
    writer = MultipartWriter("b")
    body = writer.begin_part({"Content-Type": "application/dicom+json"}) + json.dumps([dataset]).encode()
    body += writer.begin_part({"Content-Type": media_type, "Content-Location": "video"}) + data + writer.end()
    headers = {"content-type": 'multipart/related; type="application/dicom+json"; boundary=b'}
    answer = httpx.post(f"{server.dicom_web}/studies", content=body, headers=headers)
    assert answer.status_code == 200, answer.text


def get(server: WebServer, path: str, accept: str, **headers: str) -> httpx.Response:
    return httpx.get(f"{server.dicom_web}/studies/{path}", headers={"accept": accept, **headers})


ONE = "1.2/series/1.2.1/instances/1.2.1.1"


@pytest.mark.parametrize("accept", ["video/mp4", "video/*", "*/*", "image/png;q=0.5, video/mp4"])
@pytest.mark.parametrize("path", [f"{ONE}/rendered", "1.2/rendered", "1.2/series/1.2.1/rendered"])
def test_a_video_is_rendered_as_the_mp4_that_it_is(server: WebServer, path: str, accept: str) -> None:
    answer = get(server, path, accept)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4")
    assert answer.content == PADDED
    assert answer.headers["content-length"] == str(len(PADDED))
    assert answer.headers["accept-ranges"] == "bytes"


def test_a_player_seeks_by_ranges(server: WebServer) -> None:
    whole = get(server, f"{ONE}/rendered", "*/*", range="bytes=0-")
    assert (whole.status_code, whole.content) == (206, PADDED)
    part = get(server, f"{ONE}/rendered", "*/*", range="bytes=700-799")
    assert (part.status_code, part.content) == (206, PADDED[700:800])
    assert part.headers["content-range"] == f"bytes 700-799/{len(PADDED)}"
    assert get(server, f"{ONE}/rendered", "*/*", range=f"bytes={len(PADDED)}-").status_code == 416
    known = {"if-none-match": whole.headers["etag"]}
    assert get(server, f"{ONE}/rendered", "*/*", **known).status_code == 304


def test_the_head_of_a_video_says_how_long_it_is(server: WebServer) -> None:
    answer = httpx.head(f"{server.dicom_web}/studies/{ONE}/rendered", headers={"accept": "video/mp4"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(PADDED))


@pytest.mark.parametrize("accept", ["image/jpeg", "application/pdf"])
def test_no_single_picture_is_made_of_a_video(server: WebServer, accept: str) -> None:
    assert get(server, f"{ONE}/rendered", accept).status_code == 406


def test_several_videos_come_in_parts_and_images_beside_them_as_pictures(server: WebServer) -> None:
    for accept in ("video/mp4", 'multipart/related; type="video/mp4"'):
        answer = get(server, "1.3/rendered", accept)
        assert [headers["content-type"] for headers, _ in parts_of(answer)] == ["video/mp4"] * 2
        assert parts_of(answer)[0][1] == PADDED
    assert get(server, "1.3/rendered", "image/jpeg").headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize(("numbers", "status"), [("1", 200), ("5", 200), ("1,2,3", 200), ("6", 404), ("1,9", 404)])
def test_the_frames_of_a_video_are_its_stream_once(server: WebServer, numbers: str, status: int) -> None:
    path = f"{ONE}/frames/{numbers}"
    answer = get(server, path, "video/mp4; transfer-syntax=1.2.840.10008.1.2.4.102", range="bytes=4-7")
    assert answer.status_code == (206 if status == 200 else status)
    if status == 200:
        assert (answer.headers["content-type"], answer.content) == (
            "video/mp4; transfer-syntax=1.2.840.10008.1.2.4.102",
            b"ftyp",
        )
        (part,) = parts_of(get(server, path, 'multipart/related; type="video/mp4"'))
        assert part[1] == PADDED


def test_the_bulk_data_of_a_video_is_its_stream_once(server: WebServer) -> None:
    metadata = get(server, f"{ONE}/metadata", "application/dicom+json").json()[0]
    answer = httpx.get(metadata["7FE00010"]["BulkDataURI"], headers={"accept": "*/*; transfer-syntax=*"})
    (part,) = parts_of(answer)
    assert part[1] == PADDED
    assert get(server, f"{ONE}/frames/1", "video/mp4; transfer-syntax=1.2.840.10008.1.2.4.107").status_code == 406


def test_a_stream_in_several_fragments_is_joined(server: WebServer) -> None:
    fragments = [PADDED[:600], PADDED[600:1200], PADDED[1200:]]
    kind = "1.2.840.10008.1.2.4.102.1"
    file = instance(study="1.6", uid="1.6.1.1", rows=48, columns=64, fragments=fragments, transfer_syntax=kind)
    assert stow(server, [file]).status_code == 200
    path = "1.6/series/1.6.1/instances/1.6.1.1"
    assert get(server, f"{path}/rendered", "video/mp4").content == PADDED
    assert get(server, f"{path}/rendered", "video/mp4", range="bytes=590-1210").content == PADDED[590:1211]
    frames = get(server, f"{path}/frames/1", f"video/mp4; transfer-syntax={kind}")
    assert (frames.content, frames.headers["content-type"]) == (PADDED, f"video/mp4; transfer-syntax={kind}")


def test_what_is_in_no_mp4_is_called_what_it_is(server: WebServer) -> None:
    mpeg2 = get(server, "1.5/rendered", "video/*")
    assert (mpeg2.headers["content-type"], mpeg2.content[:4]) == ("video/mpeg", b"\0\0\1\xb3")
    assert get(server, "1.5/rendered", "video/mp4").status_code == 406
    bare = get(server, "1.4/rendered", "*/*")
    assert (bare.status_code, bare.headers["content-type"]) == (200, "application/octet-stream")
    assert get(server, "1.4/rendered", "video/mp4").status_code == 406


def test_wado_uri_gives_video_to_who_names_it(server: WebServer) -> None:
    asked = {"requestType": "WADO", "studyUID": "1.2", "seriesUID": "1.2.1", "objectUID": "1.2.1.1"}
    url = f"{server.url}/wado"
    answer = httpx.get(url, params=asked | {"contentType": "video/mp4"}, headers={"range": "bytes=4-7"})
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (206, "video/mp4", b"ftyp")
    assert httpx.get(url, params=asked | {"contentType": "image/jpeg"}).status_code == 406
    assert httpx.get(url, params=asked | {"contentType": "video/mpeg"}).status_code == 406
