"""dicomweb-client and dcmjs, as web applications use them, against a running door."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file

from support.node import install
from support.web import WebServer, serving, stow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    with serving(tmp_path_factory.mktemp("client") / "data") as running:
        assert stow(running, [ct()]).status_code == 200
        yield running


def ct() -> bytes:
    return Path(str(get_testdata_file("CT_small.dcm"))).read_bytes()


@pytest.fixture(scope="module")
def found(server: WebServer) -> dict[str, Any]:
    """What the client tells: the one run of `client.mjs`."""
    node = install.node_program("node")
    if node is None or not install.installed():
        line = "needs Node and its DICOMweb clients: `make node-peers` installs them"
        if os.environ.get("CI"):
            pytest.fail(line)
        pytest.skip(line)
    script = shutil.copy(install.HERE / "client.mjs", install.FOLDER)  # modules are looked for beside the script
    run = [*node, str(script), server.dicom_web, "1CT1"]
    done = subprocess.run(run, capture_output=True, timeout=60, check=False, text=True)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def data(text: str) -> bytes:
    return base64.b64decode(text)


ORIGINAL = pydicom.dcmread(BytesIO(ct()))


def test_it_finds_studies_series_and_instances(found: dict[str, Any]) -> None:
    assert found["study"] == {"uid": ORIGINAL.StudyInstanceUID, "instances": 1}
    assert found["instance"] == ORIGINAL.SOPInstanceUID


def test_a_search_without_answers_is_an_empty_list(found: dict[str, Any]) -> None:
    assert found["nothing"] == []


def test_it_reads_metadata_of_each_level(found: dict[str, Any]) -> None:
    assert (found["rows"], found["metadata"]) == (128, [1, 1])


def test_it_parses_what_it_retrieves(found: dict[str, Any]) -> None:
    assert (found["parsed"], found["files"]) == (ORIGINAL.SOPInstanceUID, [1, 1])
    assert found["wado"] is True


def test_it_takes_frames_as_stored_and_compressed(found: dict[str, Any]) -> None:
    assert [data(frame) for frame in found["frames"]] == [ORIGINAL.PixelData[: 128 * 128 * 2]]
    (jls,) = found["jls"]
    assert np.array_equal(imagecodecs.jpegls_decode(data(jls)).astype(np.int16), ORIGINAL.pixel_array)


@pytest.mark.parametrize(("name", "form"), [("rendered", "PNG"), ("framesRendered", "PNG"), ("thumbnail", "JPEG")])
def test_it_shows_pictures(found: dict[str, Any], name: str, form: str) -> None:
    (shown,) = found[name]
    picture = Image.open(BytesIO(data(shown)))
    assert (picture.format, picture.size) == (form, (128, 128))


def test_it_takes_bulk_data_and_a_range_of_it(found: dict[str, Any]) -> None:
    assert [data(value) for value in found["bulk"]] == [ORIGINAL.PixelData]
    (part,) = found["bulkPart"]
    assert data(part) == ORIGINAL.PixelData[4:12]


def test_it_stores_what_it_made(found: dict[str, Any]) -> None:
    assert (found["stored"], found["after"]) == (f"{ORIGINAL.SOPInstanceUID}.1", 2)


def test_it_is_told_of_what_is_not_there(found: dict[str, Any]) -> None:
    assert found["absent"] == 404
