"""STOW-RS of metadata and bulk data: what is stored is a sound DICOM file, by pydicom's reading."""

import json
import socket
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import httpx
import imagecodecs
import numpy as np
import pydicom
import pytest

from sagittal.dicom import xml_model
from sagittal.dicom.web.multipart import MultipartWriter
from sagittal.runtime.deadline import Deadline
from support.video import video
from support.web import WebServer, serving

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
VIDEO_ENDOSCOPIC = "1.2.840.10008.5.1.4.1.1.77.1.1.1"
ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
JSON, XML = "application/dicom+json", "application/dicom+xml"
GREY = np.arange(24 * 16, dtype=np.uint8).reshape(24, 16)
COLOUR = np.stack([GREY, GREY[::-1], 255 - GREY], axis=-1)


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    with serving(tmp_path_factory.mktemp("composed") / "data") as running:
        yield running


def metadata(sop_class: str = SECONDARY_CAPTURE, **more: Any) -> dict[str, Any]:
    values = {
        "00080016": ("UI", sop_class),
        "00080018": ("UI", "1.2.3.1.1"),
        "00080060": ("CS", "OT"),
        "00100010": ("PN", {"Alphabetic": "Müller^Jörg"}),
        "00100020": ("LO", "P1"),
        "0020000D": ("UI", "1.2.3"),
        "0020000E": ("UI", "1.2.3.1"),
    }
    made: dict[str, Any] = {tag: {"vr": vr, "Value": [value]} for tag, (vr, value) in values.items()}
    return made | more


def pixels(uri: str = "bulk/1", vr: str = "OB") -> dict[str, Any]:
    return {"7FE00010": {"vr": vr, "BulkDataURI": uri}}


def numbers(**values: Any) -> dict[str, Any]:
    """Attributes of the Image Pixel Module by keyword."""
    dataset = pydicom.Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    made: dict[str, Any] = dataset.to_json_dict()
    return made


def send(
    server: WebServer, datasets: list[dict[str, Any]], *bulk: tuple[str, str, bytes | bytearray], kind: str = JSON
) -> httpx.Response:
    """A request with a part of metadata (XML: one an instance) and a part for each (location, media type, data)."""
    writer = MultipartWriter("b")
    if kind == JSON:
        body = writer.begin_part({"Content-Type": JSON}) + json.dumps(datasets).encode()
    else:
        body = b"".join(writer.begin_part({"Content-Type": XML}) + xml_model.encode(one) for one in datasets)
    for location, media_type, data in bulk:
        body += writer.begin_part({"Content-Type": media_type, "Content-Location": location}) + data
    headers = {"content-type": f'multipart/related; type="{kind}"; boundary=b'}
    return httpx.post(f"{server.dicom_web}/studies", content=body + writer.end(), headers=headers, timeout=30)


def stored(server: WebServer) -> pydicom.Dataset:
    answer = httpx.get(f"{server.dicom_web}/instances/1.2.3.1.1", headers={"accept": "application/dicom"})
    assert answer.status_code == 200
    return pydicom.dcmread(BytesIO(answer.content))


NATIVE = numbers(
    Rows=24,
    Columns=16,
    SamplesPerPixel=1,
    PhotometricInterpretation="MONOCHROME2",
    BitsAllocated=8,
    BitsStored=8,
    HighBit=7,
    PixelRepresentation=0,
)


@pytest.mark.parametrize("kind", [JSON, XML])
def test_raw_pixels_make_an_uncompressed_instance(server: WebServer, kind: str) -> None:
    dataset = metadata(**NATIVE, **pixels())
    answer = send(server, [dataset], ("bulk/1", "application/octet-stream", GREY.tobytes()), kind=kind)
    assert answer.status_code == 200, answer.text
    file = stored(server)
    assert file.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
    assert file.SpecificCharacterSet == "ISO_IR 192"
    assert str(file.PatientName) == "Müller^Jörg"
    assert np.array_equal(file.pixel_array, GREY)


@pytest.mark.parametrize(
    ("media_type", "data", "syntax", "colours"),
    [
        ("image/jpeg", imagecodecs.jpeg8_encode(GREY, level=95), "1.2.840.10008.1.2.4.50", "MONOCHROME2"),
        ("image/jpeg", imagecodecs.jpeg8_encode(COLOUR, level=95, subsampling="422"), "1.2.840.10008.1.2.4.50", "YBR_FULL_422"),
        ("image/jpeg", imagecodecs.jpeg8_encode(COLOUR, level=95, subsampling="444"), "1.2.840.10008.1.2.4.50", "YBR_FULL"),
        ("image/jpeg", imagecodecs.ljpeg_encode(GREY), "1.2.840.10008.1.2.4.57", "MONOCHROME2"),
        ("image/jls", imagecodecs.jpegls_encode(GREY), "1.2.840.10008.1.2.4.80", "MONOCHROME2"),
        ("image/jp2", imagecodecs.jpeg2k_encode(COLOUR, codecformat="j2k", reversible=True, mct=True), "1.2.840.10008.1.2.4.90", "YBR_RCT"),
        ("image/png", imagecodecs.png_encode(COLOUR), "1.2.840.10008.1.2.1", "RGB"),
        ("image/png", imagecodecs.png_encode(GREY.astype(np.uint16) * 200), "1.2.840.10008.1.2.1", "MONOCHROME2"),
    ],
)  # fmt: skip
def test_an_image_says_what_its_pixels_are(
    server: WebServer, media_type: str, data: bytes, syntax: str, colours: str
) -> None:
    answer = send(server, [metadata(**pixels())], ("bulk/1", media_type, data))
    assert answer.status_code == 200, answer.text
    file = stored(server)
    assert (file.file_meta.TransferSyntaxUID, file.PhotometricInterpretation) == (syntax, colours)
    assert (file.Rows, file.Columns, file.HighBit) == (24, 16, file.BitsStored - 1)
    assert file.pixel_array.shape[:2] == (24, 16)
    assert ("LossyImageCompression" in file) == (syntax == "1.2.840.10008.1.2.4.50")
    frame = httpx.get(f"{server.dicom_web}/instances/1.2.3.1.1/frames/1", headers={"accept": "*/*; transfer-syntax=*"})
    assert frame.status_code == 200


def test_several_images_of_one_location_are_frames(server: WebServer) -> None:
    frames = [imagecodecs.jpeg8_encode(GREY + shift, level=95) for shift in (0, 9, 18)]
    answer = send(server, [metadata(**pixels())], *(("bulk/1", "image/jpeg", frame) for frame in frames))
    assert answer.status_code == 200, answer.text
    file = stored(server)
    assert file.NumberOfFrames == 3
    assert [bytes(one).rstrip(b"\0") for one in pydicom.encaps.generate_frames(file.PixelData, number_of_frames=3)] == [
        frame.rstrip(b"\0") for frame in frames
    ]


@pytest.mark.parametrize("said", [{"Rows": 25}, {"PhotometricInterpretation": "RGB"}, {"BitsStored": 12}])
def test_metadata_that_contradicts_the_image_is_refused_and_named(server: WebServer, said: dict[str, Any]) -> None:
    bulk = ("bulk/1", "image/jpeg", imagecodecs.jpeg8_encode(GREY, level=95))
    answer = send(server, [metadata(**numbers(**said), **pixels())], bulk)
    assert answer.status_code == 409
    (item,) = answer.json()["00081198"]["Value"]
    assert item["00081155"]["Value"] == ["1.2.3.1.1"]
    assert item["00081197"]["Value"] == [0x0111]


@pytest.mark.parametrize("media_type", ["application/pdf", "model/stl", "text/xml"])
def test_a_document_is_kept_byte_for_byte(server: WebServer, media_type: str) -> None:
    document = b"%PDF-1.7 " + bytes(range(256)) * 9
    dataset = metadata(ENCAPSULATED_PDF, **{"00420011": {"vr": "OB", "BulkDataURI": "http://client/doc"}})
    assert send(server, [dataset], ("http://client/doc", media_type, document)).status_code == 200
    file = stored(server)
    assert file.EncapsulatedDocument[: file.EncapsulatedDocumentLength] == document
    assert file.MIMETypeOfEncapsulatedDocument.lower() == media_type


def test_a_video_is_one_fragment_and_says_its_size_and_pace(server: WebServer) -> None:
    data = video("h264_high.mp4")
    assert send(server, [metadata(VIDEO_ENDOSCOPIC, **pixels())], ("bulk/1", "video/mp4", data)).status_code == 200
    file = stored(server)
    assert file.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.102"
    assert (file.Rows, file.Columns, file.NumberOfFrames) == (48, 64, 5)
    assert (file.FrameTime, file.FrameIncrementPointer) == (40, 0x00181063)
    assert (file.LossyImageCompression, file.LossyImageCompressionMethod) == ("01", "ISO_14496_10")
    assert file.LossyImageCompressionRatio == pytest.approx(48 * 64 * 3 * 5 / len(data), rel=1e-3)
    fragments = list(pydicom.encaps.generate_fragments(file.PixelData))
    assert [bytes(one)[: len(data)] for one in fragments[1:] or fragments] == [data]


@pytest.mark.parametrize("name", ["h264_main.mp4", "mpeg2.m2v"])
def test_a_video_that_no_transfer_syntax_has_is_refused(server: WebServer, name: str) -> None:
    answer = send(server, [metadata(VIDEO_ENDOSCOPIC, **pixels())], ("bulk/1", "video/mp4", video(name)))
    assert answer.status_code == 409
    assert httpx.get(f"{server.dicom_web}/instances").json() == []


def test_mpeg2_leaves_the_number_of_frames_to_the_metadata(server: WebServer) -> None:
    bulk = ("bulk/1", "video/mpeg", video("mpeg2.m2v"))
    assert send(server, [metadata(VIDEO_ENDOSCOPIC, **pixels())], bulk).status_code == 409
    dataset = metadata(VIDEO_ENDOSCOPIC, **numbers(NumberOfFrames=5), **pixels())
    assert send(server, [dataset], bulk).status_code == 200
    file = stored(server)
    assert (file.file_meta.TransferSyntaxUID, file.NumberOfFrames) == ("1.2.840.10008.1.2.4.100", 5)


def test_two_videos_are_no_frames_of_one(server: WebServer) -> None:
    bulk = [("bulk/1", "video/mp4", video("h264_high.mp4"))] * 2
    assert send(server, [metadata(VIDEO_ENDOSCOPIC, **pixels())], *bulk).status_code == 409


def test_what_is_good_stays_when_other_metadata_is_bad(server: WebServer) -> None:
    good = metadata(**NATIVE, **pixels())
    no_bulk = metadata() | pixels("bulk/absent") | {"00080018": {"vr": "UI", "Value": ["1.2.3.1.2"]}}
    no_name = {"0020000D": {"vr": "UI", "Value": ["1.2.3"]}}
    answer = send(server, [no_bulk, good, no_name], ("bulk/1", "application/octet-stream", GREY.tobytes()))
    assert answer.status_code == 202
    assert [item["00081155"]["Value"] for item in answer.json()["00081199"]["Value"]] == [["1.2.3.1.1"]]
    assert [item["00081155"]["Value"] for item in answer.json()["00081198"]["Value"]] == [["1.2.3.1.2"]]
    assert len(answer.json()["0008119A"]["Value"]) == 1
    assert len(httpx.get(f"{server.dicom_web}/instances").json()) == 1


@pytest.mark.parametrize(
    ("media_type", "data", "status"),
    [
        ("application/octet-stream", GREY.tobytes()[:-2], 409),
        ("image/gif", b"GIF89a", 409),
        ("image/jpeg", b"no image", 409),
        ("image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.80", imagecodecs.jpeg8_encode(GREY), 409),
        ("image/png", imagecodecs.png_encode(COLOUR)[:60], 409),
    ],
)
def test_bulk_data_that_is_not_what_it_is_said_to_be_is_refused(
    server: WebServer, media_type: str, data: bytes, status: int
) -> None:
    answer = send(server, [metadata(**NATIVE, **pixels())], ("bulk/1", media_type, data))
    assert answer.status_code == status
    assert httpx.get(f"{server.dicom_web}/instances").json() == []


def test_metadata_alone_is_taken_where_it_is_a_whole_instance(server: WebServer) -> None:
    url, headers = f"{server.dicom_web}/studies", {"content-type": JSON}
    assert httpx.post(url, content=json.dumps([metadata()]), headers=headers).status_code == 200
    assert stored(server).PatientID == "P1"
    assert httpx.post(url, content=json.dumps({"00100020": {"vr": "LO"}}), headers=headers).status_code == 409
    assert httpx.post(url, content=b"{", headers=headers).status_code == 400


def test_metadata_called_plain_json_is_metadata(server: WebServer) -> None:
    writer = MultipartWriter("b")
    body = writer.begin_part({"Content-Type": "application/json"}) + json.dumps([metadata()]).encode() + writer.end()
    headers = {"content-type": f'multipart/related; type="{JSON}"; boundary=b'}
    assert httpx.post(f"{server.dicom_web}/studies", content=body, headers=headers).status_code == 200


def test_bulk_data_without_a_location_is_400(server: WebServer) -> None:
    writer = MultipartWriter("b")
    body = writer.begin_part({"Content-Type": "image/jpeg"}) + b"x" + writer.end()
    headers = {"content-type": f'multipart/related; type="{JSON}"; boundary=b'}
    assert httpx.post(f"{server.dicom_web}/studies", content=body, headers=headers).status_code == 400


def three_of(*, frames: int) -> bytes:
    """Metadata of three instances of so many JPEG frames, and their parts."""
    writer = MultipartWriter("b")
    datasets = [
        metadata(**pixels(f"bulk/{n}")) | {"00080018": {"vr": "UI", "Value": [f"1.2.3.1.{n}"]}} for n in (1, 2, 3)
    ]
    if frames > 1:
        datasets = [dataset | {"00280008": {"vr": "IS", "Value": [frames]}} for dataset in datasets]
    body = writer.begin_part({"Content-Type": JSON}) + json.dumps(datasets).encode()
    frame = bytes(imagecodecs.jpeg8_encode(GREY, level=95))
    for number in (1, 2, 3):
        for _ in range(frames):
            body += writer.begin_part({"Content-Type": "image/jpeg", "Content-Location": f"bulk/{number}"}) + frame
    return body + writer.end()


def kept(server: WebServer) -> list[str]:
    return sorted(one["00080018"]["Value"][0] for one in httpx.get(f"{server.dicom_web}/instances").json())


async def wait_for_events(server: WebServer, count: int) -> None:
    deadline = Deadline.after(10)
    while len(events := await server.archive.events(0, 100)) < count:
        assert await server.archive.changed(events[-1].seq if events else 0, deadline)


@pytest.mark.parametrize("frames", [1, 2])
def test_what_was_complete_stays_when_the_connection_breaks(server: WebServer, frames: int) -> None:
    body = three_of(frames=frames)
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port)) as connection:
        head = f"POST /dicom-web/studies HTTP/1.1\r\nHost: h\r\nContent-Length: {len(body)}\r\n"
        head += f'Content-Type: multipart/related; type="{JSON}"; boundary=b\r\n\r\n'
        connection.sendall(head.encode() + body[:-100])  # within the last part
    server.run(wait_for_events(server, 2))
    assert kept(server) == ["1.2.3.1.1", "1.2.3.1.2"]


@pytest.mark.parametrize(("frames", "found"), [(1, ["1.2.3.1.1"]), (2, ["1.2.3.1.1", "1.2.3.1.2"])])
def test_frames_that_may_be_missing_are_not_made_an_instance(server: WebServer, frames: int, found: list[str]) -> None:
    """Cut behind the second instance's last frame: only metadata that counts the frames tells that it was the last."""
    body = three_of(frames=frames)
    begin = f"Content-Location: bulk/{3}".encode()
    cut = body.rindex(b"--b", 0, body.index(begin)) + 4
    headers = {"content-type": f'multipart/related; type="{JSON}"; boundary=b'}
    answer = httpx.post(f"{server.dicom_web}/studies", content=body[:cut] + b"\n", headers=headers)
    assert answer.status_code == 202
    assert "broke off" in answer.headers["warning"]
    assert kept(server) == found
    refused = [item["00081155"]["Value"][0] for item in answer.json()["00081198"]["Value"]]
    assert sorted([*found, *refused]) == ["1.2.3.1.1", "1.2.3.1.2", "1.2.3.1.3"]


def test_a_body_that_breaks_off_before_any_metadata_is_400(server: WebServer) -> None:
    headers = {"content-type": f'multipart/related; type="{JSON}"; boundary=b'}
    assert (
        httpx.post(f"{server.dicom_web}/studies", content=three_of(frames=1)[:200], headers=headers).status_code == 400
    )
