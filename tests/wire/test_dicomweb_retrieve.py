"""WADO-RS against a running door: httpx, dicomweb-client and bare sockets as peers."""

import gzip
import socket
import time
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pydicom
import pytest
from dicomweb_client.api import DICOMwebClient
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from sagittal.archive.verify import verify
from support.instances import instance
from support.web import WebServer, parts_of, serving, stow

JPEG_LS = "1.2.840.10008.1.2.4.80"
EXPLICIT = "1.2.840.10008.1.2.1"
IMPLICIT = "1.2.840.10008.1.2"
FRAMES = [b"\xff\xd8" + bytes([n]) * (100 + n) + b"\xff\xd9" for n in range(3)]
NATIVE = bytes(range(200)) * 3
RELATED = 'multipart/related; type="application/dicom"'
OCTETS = "application/octet-stream"


def bulky() -> Dataset:
    dataset = Dataset()
    dataset.add_new(0x00091010, "OB", bytes(range(250)) * 20)
    dataset.add_new(0x00090010, "LO", "SAGITTAL TEST")
    item = Dataset()
    item.WaveformBitsAllocated = 16
    item.WaveformData = np.arange(3000, dtype="<u2").tobytes()
    item["WaveformData"].VR = "OW"
    dataset.WaveformSequence = [Dataset(), item]
    return dataset


FILES = {
    "native": instance(study="1.1", series="1.1.1", uid="1.1.1.1", pixels=NATIVE, rows=10, columns=20),
    "encapsulated": instance(
        study="1.1",
        series="1.1.1",
        uid="1.1.1.2",
        number=2,
        fragments=FRAMES,
        rows=1,
        columns=1,
        transfer_syntax=JPEG_LS,
    ),
    "bulky": instance(study="1.1", series="1.1.2", uid="1.1.2.1", more=bulky(), name="山田^太郎"),
}
URLS = {
    "native": "/studies/1.1/series/1.1.1/instances/1.1.1.1",
    "encapsulated": "/studies/1.1/series/1.1.1/instances/1.1.1.2",
    "bulky": "/studies/1.1/series/1.1.2/instances/1.1.2.1",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    with serving(tmp_path_factory.mktemp("retrieve") / "data") as running:
        assert stow(running, list(FILES.values())).status_code == 200
        yield running


def get(server: WebServer, path: str, accept: str = "*/*", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.get(server.dicom_web + path, headers={"accept": accept, **named})


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/studies/1.1", ["native", "encapsulated", "bulky"]),
        ("/studies/1.1/series/1.1.1", ["native", "encapsulated"]),
        (URLS["bulky"], ["bulky"]),
    ],
)
@pytest.mark.parametrize("accept", ["*/*", RELATED, f"{RELATED}; transfer-syntax=*", "multipart/related"])
def test_instances_are_given_byte_for_byte(server: WebServer, path: str, names: list[str], accept: str) -> None:
    answer = get(server, path, accept)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(RELATED)
    assert [data for _, data in parts_of(answer)] == [FILES[name] for name in names]


def test_a_part_tells_its_transfer_syntax_and_length(server: WebServer) -> None:
    ((headers, data),) = parts_of(get(server, URLS["encapsulated"]))
    assert headers == {
        "content-type": f"application/dicom; transfer-syntax={JPEG_LS}",
        "content-length": str(len(data)),
    }


def test_one_instance_is_given_bare_to_who_wants_it_so(server: WebServer) -> None:
    answer = get(server, URLS["native"], "application/dicom; transfer-syntax=*")
    assert answer.headers["content-type"].startswith("application/dicom;")
    assert answer.content == FILES["native"]
    assert get(server, "/studies/1.1", "application/dicom").status_code == 406


def test_another_transfer_syntax_than_stored_is_not_acceptable_and_the_stored_one_is_named(server: WebServer) -> None:
    answer = get(server, URLS["encapsulated"], f"{RELATED}; transfer-syntax={EXPLICIT}")
    assert answer.status_code == 406
    assert JPEG_LS in answer.json()["detail"]


@pytest.mark.parametrize("syntax", [IMPLICIT, "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"])
def test_a_native_instance_is_converted_to_the_native_encoding_asked_for(server: WebServer, syntax: str) -> None:
    answer = get(server, URLS["native"], f"{RELATED}; transfer-syntax={syntax}")
    ((headers, data),) = parts_of(answer)
    assert headers["content-type"] == f"application/dicom; transfer-syntax={syntax}"
    converted, stored = pydicom.dcmread(BytesIO(data)), pydicom.dcmread(BytesIO(FILES["native"]))
    assert converted.file_meta.TransferSyntaxUID == syntax
    assert converted.file_meta.MediaStorageSOPInstanceUID == "1.1.1.1"
    assert [(element.tag, element.value) for element in converted] == [(e.tag, e.value) for e in stored]
    assert get(server, URLS["native"], f"application/dicom; transfer-syntax={syntax}").content == data


def test_stored_goes_before_converted_where_both_are_wanted_alike(server: WebServer) -> None:
    syntaxes = f"{RELATED}; transfer-syntax={IMPLICIT}", f"{RELATED}; transfer-syntax={EXPLICIT}"
    assert parts_of(get(server, URLS["native"], ", ".join(syntaxes)))[0][1] == FILES["native"]
    assert parts_of(get(server, URLS["native"], f"{syntaxes[0]}, {syntaxes[1]};q=0.5"))[0][1] != FILES["native"]


def test_where_only_some_instances_are_acceptable_they_come_as_206(server: WebServer) -> None:
    native = instance(study="1.3", uid="1.3.1", pixels=NATIVE)
    video = instance(study="1.3", uid="1.3.2", number=2, fragments=FRAMES, transfer_syntax="1.2.840.10008.1.2.4.102")
    assert stow(server, [native, video]).status_code == 200
    answer = get(server, "/studies/1.3", f"{RELATED}; transfer-syntax={EXPLICIT}")
    assert answer.status_code == 206
    assert [data for _, data in parts_of(answer)] == [native]


@pytest.mark.parametrize("path", ["/studies/9", "/studies/1.1/series/9", "/studies/1.1/series/1.1.2/instances/1.1.1.1"])
@pytest.mark.parametrize("what", ["", "/metadata"])
def test_what_is_not_kept_is_not_found(server: WebServer, path: str, what: str) -> None:
    assert get(server, path + what).status_code == 404


def test_a_path_with_no_possible_uid_is_a_bad_request(server: WebServer) -> None:
    assert get(server, f"/studies/{'1' * 65}").status_code == 400
    assert get(server, "/studies/1%0a2/metadata").status_code == 400


def test_metadata_is_that_of_pydicom_but_for_the_bulk(server: WebServer) -> None:
    (found,) = get(server, URLS["bulky"] + "/metadata").json()
    theirs = pydicom.dcmread(BytesIO(FILES["bulky"])).to_json_dict(bulk_data_threshold=1, bulk_data_element_handler=str)
    assert {tag: value for tag, value in found.items() if "BulkDataURI" not in value and value["vr"] != "SQ"} == {
        tag: value for tag, value in theirs.items() if "BulkDataURI" not in value and value["vr"] != "SQ"
    }
    assert found["00100010"]["Value"] == [{"Alphabetic": "山田^太郎"}]


def bulk_uris(dataset: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for tag, element in dataset.items():
        if "BulkDataURI" in element:
            yield tag, element["BulkDataURI"]
        if element["vr"] == "SQ":
            for item in element.get("Value", []):
                yield from bulk_uris(item)


def test_every_bulk_data_uri_of_metadata_leads_to_the_value(server: WebServer) -> None:
    uris = {tag: uri for dataset in get(server, "/studies/1.1/metadata").json() for tag, uri in bulk_uris(dataset)}
    assert set(uris) == {"00091010", "54001010", "7FE00010"}
    expected = {"00091010": bytes(range(250)) * 20, "54001010": np.arange(3000, dtype="<u2").tobytes()}
    for tag, value in expected.items():
        assert httpx.get(uris[tag], headers={"accept": OCTETS}).content == value
        assert [data for _, data in parts_of(httpx.get(uris[tag]))] == [value]


def test_pixel_data_by_reference_is_the_value_if_native_and_the_frames_if_encapsulated(server: WebServer) -> None:
    native = get(server, URLS["native"] + "/bulkdata/7FE00010")
    assert [data for _, data in parts_of(native)] == [NATIVE]
    encapsulated = get(server, URLS["encapsulated"] + "/bulkdata/7FE00010")
    assert [data.rstrip(b"\0") for _, data in parts_of(encapsulated)] == FRAMES


@pytest.mark.parametrize("path", ["00100010", "00091011", "54000100.0.54001010", "nonsense", "54000100.1"])
def test_bulk_data_that_metadata_does_not_name_is_not_found(server: WebServer, path: str) -> None:
    assert get(server, f"{URLS['bulky']}/bulkdata/{path}").status_code == 404


def test_metadata_as_xml_is_gzipped_for_who_takes_it(server: WebServer) -> None:
    url, accept = f"{server.dicom_web}/studies/1.1/series/1.1.1/instances/1.1.1.1/metadata", "application/dicom+xml"
    plain = httpx.get(url, headers={"accept": accept, "accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    packed = httpx.get(url, headers={"accept": accept, "accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["etag"] != plain.headers["etag"]
    assert b"NativeDicomModel" in packed.content
    again = httpx.get(
        url, headers={"accept": accept, "accept-encoding": "gzip", "if-none-match": packed.headers["etag"]}
    )
    assert again.status_code == 304


def test_metadata_is_gzipped_for_who_takes_it(server: WebServer) -> None:
    plain = get(server, "/studies/1.1/metadata", accept_encoding="identity")
    assert "content-encoding" not in plain.headers
    with httpx.stream("GET", f"{server.dicom_web}/studies/1.1/metadata", headers={"accept-encoding": "gzip"}) as packed:
        assert packed.headers["content-encoding"] == "gzip"
        assert gzip.decompress(b"".join(packed.iter_raw())) == plain.content
    assert "content-encoding" not in get(server, "/studies/1.1/metadata", accept_encoding="gzip;q=0").headers


def test_metadata_asked_for_again_comes_from_the_cache_and_is_the_same(server: WebServer) -> None:
    first, second = (get(server, "/studies/1.1/series/1.1.1/metadata", accept_encoding="identity") for _ in range(2))
    assert first.content == second.content
    assert "content-length" in second.headers


@pytest.mark.parametrize("what", ["", "/metadata", "/frames/1", "/bulkdata/7FE00010"])
def test_what_the_client_has_already_is_not_sent_again(server: WebServer, what: str) -> None:
    etag = get(server, URLS["native"] + what).headers["etag"]
    again = get(server, URLS["native"] + what, if_none_match=f'"other", W/{etag}')
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == etag
    assert get(server, URLS["native"] + what, if_none_match='"other"').status_code == 200


def test_the_entity_tag_of_a_series_changes_when_it_grows(tmp_path_factory: pytest.TempPathFactory) -> None:
    with serving(tmp_path_factory.mktemp("etag") / "data") as server:
        stow(server, [instance(study="1.1", uid="1.1.1.1")])
        before = get(server, "/studies/1.1/metadata")
        stow(server, [instance(study="1.1", uid="1.1.1.2")])
        after = get(server, "/studies/1.1/metadata", if_none_match=before.headers["etag"])
        assert (len(before.json()), len(after.json())) == (1, 2)


@pytest.mark.parametrize("numbers", ["1", "2", "3,1", "1,2,3", "2%2C2"])
def test_frames_are_given_in_the_order_asked(server: WebServer, numbers: str) -> None:
    wanted = [int(number) - 1 for number in numbers.replace("%2C", ",").split(",")]
    native = parts_of(get(server, f"{URLS['native']}/frames/{numbers}"))
    assert [data for _, data in native] == [NATIVE[200 * n : 200 * n + 200] for n in wanted]
    assert {headers["content-type"] for headers, _ in native} == {f"{OCTETS}; transfer-syntax={EXPLICIT}"}
    encapsulated = parts_of(get(server, f"{URLS['encapsulated']}/frames/{numbers}"))
    assert [data.rstrip(b"\0") for _, data in encapsulated] == [FRAMES[n] for n in wanted]
    assert {headers["content-type"] for headers, _ in encapsulated} == {f"image/jls; transfer-syntax={JPEG_LS}"}


@pytest.mark.parametrize(
    ("numbers", "status"), [("0", 400), ("4", 404), ("1,4", 404), ("a", 400), ("", 400), ("1,", 400), ("-1", 400)]
)
def test_a_frame_that_is_not_there_is_not_found(server: WebServer, numbers: str, status: int) -> None:
    answers = [get(server, f"{URLS[name]}/frames/{numbers}") for name in ("native", "encapsulated")]
    assert [answer.status_code for answer in answers] == ([404, 404] if numbers == "" else [status, status])


def test_an_instance_without_pixels_has_no_frames(server: WebServer) -> None:
    assert get(server, f"{URLS['bulky']}/frames/1").status_code == 404


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (f"multipart/related; type={OCTETS}; transfer-syntax=*", "multipart/related"),
        ("multipart/related; type=image/jls", "multipart/related"),
        (f"multipart/related; type=image/jls; transfer-syntax={JPEG_LS}", "multipart/related"),
        ("image/jls", f"image/jls; transfer-syntax={JPEG_LS}"),
        ("image/*", f"image/jls; transfer-syntax={JPEG_LS}"),
        (f"{OCTETS}; transfer-syntax=*", f"{OCTETS}; transfer-syntax={JPEG_LS}"),
    ],
)
def test_a_compressed_frame_comes_in_the_form_asked_for(server: WebServer, accept: str, content_type: str) -> None:
    answer = get(server, f"{URLS['encapsulated']}/frames/2", accept)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(content_type)
    data = parts_of(answer)[0][1] if content_type.startswith("multipart") else answer.content
    assert data.rstrip(b"\0") == FRAMES[1]


@pytest.mark.parametrize(
    "accept", [f"multipart/related; type={OCTETS}", OCTETS, "image/jpeg", "multipart/related; type=image/jp2"]
)
def test_a_compressed_frame_is_not_passed_off_as_something_else(server: WebServer, accept: str) -> None:
    answer = get(server, f"{URLS['encapsulated']}/frames/1", accept)
    assert answer.status_code == 406
    assert JPEG_LS in answer.json()["detail"]


def test_the_accept_query_parameter_goes_before_the_field(server: WebServer) -> None:
    answer = get(server, f"{URLS['encapsulated']}/frames/1?accept=image%2Fjls", "text/html")
    assert answer.headers["content-type"].startswith("image/jls")


@pytest.mark.parametrize(
    ("headers", "base"),
    [
        ({"host": "pacs.example"}, "http://pacs.example"),
        ({"host": "pacs.example:8443"}, "http://pacs.example:8443"),
        ({"host": "pacs.example", "x-forwarded-host": "evil.example"}, "http://pacs.example"),
        ({"host": "pacs.example", "x-forwarded-proto": "https"}, "http://pacs.example"),
        ({"host": "a!b"}, "SERVER"),
        ({"host": "127.0.0.1"}, "SERVER"),
    ],
)
def test_urls_begin_as_the_client_sees_the_server(server: WebServer, headers: dict[str, str], base: str) -> None:
    answer = httpx.get(f"{server.dicom_web}/studies", headers=headers)
    url = answer.json()[0]["00081190"]["Value"][0]
    assert url.startswith(f"{server.url if base == 'SERVER' else base}/dicom-web/studies/")


def test_dicomweb_client_retrieves_everything(server: WebServer) -> None:
    client = DICOMwebClient(server.dicom_web)
    names = ("1.1", "1.1.1", "1.1.1.1")
    native = pydicom.dcmread(BytesIO(FILES["native"]))
    assert client.retrieve_instance(*names) == native
    assert len(client.retrieve_study("1.1")) == 3
    assert len(client.retrieve_series("1.1", "1.1.1")) == 2
    assert client.retrieve_instance_metadata(*names)["00080018"]["Value"] == ["1.1.1.1"]
    assert len(client.retrieve_study_metadata("1.1")) == 3
    assert client.retrieve_instance_frames(*names, [2]) == [NATIVE[200:400]]
    uri = client.retrieve_instance_metadata(*names)["7FE00010"]["BulkDataURI"]
    assert client.retrieve_bulkdata(uri) == [NATIVE]


@pytest.mark.parametrize(
    "name",
    ["CT_small.dcm", "liver_1frame.dcm", "SC_rgb_jpeg_gdcm.dcm", "image_dfl.dcm", "emri_small_jpeg_2k_lossless.dcm"],
)
def test_frames_of_real_files_are_those_of_pydicom(server: WebServer, name: str) -> None:
    path = get_testdata_file(name)
    dataset = pydicom.dcmread(path)
    with open(path, "rb") as file:
        assert stow(server, [file.read()]).status_code == 200
    url = f"/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}/instances/{dataset.SOPInstanceUID}"
    count = int(dataset.get("NumberOfFrames", 1))
    answer = get(server, f"{url}/frames/{','.join(map(str, range(1, count + 1)))}")
    found = [data for _, data in parts_of(answer)]
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        assert found == list(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=count))
    else:
        assert b"".join(found) == dataset.PixelData[: sum(map(len, found))]
        assert sum(map(len, found)) >= len(dataset.PixelData) - 1


def test_work_stops_when_the_client_goes(tmp_path_factory: pytest.TempPathFactory) -> None:
    with serving(tmp_path_factory.mktemp("gone") / "data") as server:
        stow(server, [instance(study="1.1", uid=f"1.1.1.{n}", pixels=bytes(4_000_000)) for n in range(1, 9)])
        address = urlsplit(server.url)
        with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
            connection.sendall(b"GET /dicom-web/studies/1.1 HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(1000)
            assert server.app.door.running == 1
        deadline = time.monotonic() + 10
        while server.app.door.running and time.monotonic() < deadline:
            time.sleep(0.01)
        assert server.app.door.running == 0


def test_a_damaged_instance_breaks_the_answer_off_instead_of_giving_wrong_bytes(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    root = tmp_path_factory.mktemp("damage") / "data"
    with serving(root) as server:
        stow(server, [instance(study="1.1", uid=f"1.1.1.{n}", pixels=bytes(2_000_000)) for n in (1, 2)])
        for pack in root.glob("packs/*/*/*.tar"):
            with pack.open("r+b") as file:
                file.truncate(1_500_000)
        with pytest.raises(httpx.RemoteProtocolError):
            get(server, "/studies/1.1")
        assert get(server, "/health").status_code == 404
        assert httpx.get(f"{server.url}/health").json() == {"status": "ready"}


def test_an_instance_known_to_be_damaged_does_not_take_its_series_away(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    root = tmp_path_factory.mktemp("known") / "data"
    with serving(root) as server:
        stow(server, [instance(study="1.1", uid=f"1.1.1.{n}", pixels=bytes([n]) * 5000) for n in (1, 2)])
        (pack,) = root.glob("packs/*/*/*.tar")
        pack.chmod(0o640)
        content = bytearray(pack.read_bytes())
        content[content.find(b"\1" * 5000)] = 0
        pack.write_bytes(content)
        assert server.run(verify(server.archive)).corrupt == ("1.1.1.1",)
        whole, described = get(server, "/studies/1.1"), get(server, "/studies/1.1/metadata")
        assert (whole.status_code, len(parts_of(whole))) == (206, 1)
        assert (described.status_code, [one["00080018"]["Value"] for one in described.json()]) == (206, [["1.1.1.2"]])
        (series,) = get(server, "/studies/1.1/series").json()
        alone = get(server, f"/studies/1.1/series/{series['0020000E']['Value'][0]}/instances/1.1.1.1")
        assert (alone.status_code, alone.headers["content-type"]) == (500, "application/problem+json")
