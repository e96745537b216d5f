"""Every real file at hand goes in by STOW-RS and comes back by WADO-RS: bytes, metadata, bulk data, frames."""

from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import pytest

from support.dicom_files import dicom_files
from support.web import WebServer, parts_of, serving, stow


class Kept(NamedTuple):
    """The files that are kept under a SOP Instance UID (the first of each UID), and why others are not."""

    server: WebServer
    client: httpx.Client
    files: dict[str, bytes]
    refused: dict[str, int]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with serving(tmp_path_factory.mktemp("real") / "data") as server, httpx.Client(timeout=30) as client:
        files: dict[str, bytes] = {}
        refused: dict[str, int] = {}
        for path in dicom_files():
            answer = stow(server, [path.read_bytes()], client=client).json()
            if "00081199" in answer:
                item = answer["00081199"]["Value"][0]
                if "00081190" in item:  # not kept beside another one of its UID
                    files.setdefault(item["00081190"]["Value"][0], path.read_bytes())
            else:
                failures = answer["00081198" if "00081198" in answer else "0008119A"]["Value"]
                refused[str(path)] = failures[0]["00081197"]["Value"][0]
        yield Kept(server, client, files, refused)


AS_STORED = 'multipart/related; type="application/dicom"; transfer-syntax=*'


def test_most_files_are_taken_and_the_others_have_a_reason(kept: Kept) -> None:
    assert len(kept.files) > 100
    assert set(kept.refused.values()) <= {0xC000, 0x0122}


def test_each_comes_back_byte_for_byte(kept: Kept) -> None:
    for url, file in kept.files.items():
        ((_, data),) = parts_of(kept.client.get(url, headers={"accept": AS_STORED}))
        has_sound_header = file[128:132] == b"DICM"
        assert data == file if has_sound_header else data.endswith(file[-1000:]), url


def bulk_uris(dataset: dict[str, Any]) -> Iterator[str]:
    for element in dataset.values():
        if "BulkDataURI" in element:
            yield element["BulkDataURI"]
        if element["vr"] == "SQ":
            for item in element.get("Value", []):
                yield from bulk_uris(item)


def test_each_has_metadata_whose_bulk_data_is_there(kept: Kept) -> None:
    count = 0
    for url in kept.files:
        answer = kept.client.get(f"{url}/metadata")
        assert answer.status_code == 200, (url, answer.text)
        for uri in bulk_uris(answer.json()[0]):
            bulk = kept.client.get(uri)
            assert bulk.status_code in ((200, 404, 501) if uri.endswith("7FE00010") else (200,)), (uri, bulk.text)
            count += 1
    assert count > 100


def test_each_answers_to_a_search_by_its_uid(kept: Kept) -> None:
    for url in kept.files:
        uid = url.rpartition("/")[2]
        answer = kept.client.get(f"{kept.server.dicom_web}/instances?SOPInstanceUID={quote(uid)}")
        assert answer.status_code == 200, (url, answer.text)
        assert [dataset["00081190"]["Value"][0] for dataset in answer.json()] == [url]
