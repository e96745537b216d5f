"""No object is ever whole in memory."""

import contextlib
import http.client
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pydicom
import pytest
from pydicom.data import get_testdata_file

from support.peers import require
from support.server import Server, running

GIB = 1024**3
ALLOWED_GROWTH = 64 * 1024**2


class Watch:
    """The highest resident memory of a server while the block runs."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._stop = threading.Event()
        self.before = server.memory_bytes()
        self.highest = self.before

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(0.02):
            self.highest = max(self.highest, self._server.memory_bytes())


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A valid instance of 2 GiB: one Secondary Capture with many native frames, sparse on disk."""
    file = tmp_path_factory.mktemp("large") / "large.dcm"
    frames, rows, columns = 2048, 1024, 1024
    dataset = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    for tag in [element.tag for element in dataset if element.tag.group >= 0x7FE0]:
        del dataset[tag]
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = frames, rows, columns
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.save_as(file)
    size = frames * rows * columns
    with file.open("ab") as sink:
        sink.write(struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, size))
        sink.truncate(sink.tell() + size)
    assert size == 2 * GIB
    return file


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("memory") / "data") as started:
        yield started


@pytest.mark.xdist_group("large")
@pytest.mark.timeout(300)
def test_an_instance_of_two_gib_goes_in_and_out_within_64_mb(server: Server, large: Path, tmp_path: Path) -> None:
    require("storescu", "getscu")
    port = str(server.dicom_port)
    warm = str(get_testdata_file("MR_small.dcm"))
    subprocess.run(["storescu", "-R", "-aec", "SAGITTAL", "127.0.0.1", port, warm], check=True, timeout=60)
    time.sleep(0.2)
    uid = pydicom.dcmread(large, stop_before_pixels=True).SOPInstanceUID
    with Watch(server) as storing:
        subprocess.run(["storescu", "-R", "-aec", "SAGITTAL", "127.0.0.1", port, str(large)], check=True, timeout=280)
    with Watch(server) as retrieving:
        received = read_over_web(server, uid)
    assert received > 2 * GIB
    with Watch(server) as getting:
        key = f"SOPInstanceUID={uid}"
        levels = ["-k", "QueryRetrieveLevel=IMAGE", "-k", key]
        command = ["getscu", "-aec", "SAGITTAL", "-S", *levels, "+B", "-od", str(tmp_path), "127.0.0.1", port]
        subprocess.run(command, check=True, timeout=280)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) > 2 * GIB
    assert max(storing.highest, retrieving.highest, getting.highest) - storing.before < ALLOWED_GROWTH


def read_over_web(server: Server, uid: str) -> int:
    """Reads the instance by WADO-RS and throws it away; gives the number of bytes."""
    host, _, root = server.web.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=120)
    dataset = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")), stop_before_pixels=True)
    path = f"/{root}/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}/instances/{uid}"
    accept = 'multipart/related; type="application/dicom"; transfer-syntax=*'
    with contextlib.closing(connection):
        connection.request("GET", path, headers={"Accept": accept})
        with connection.getresponse() as answer:
            assert answer.status == 200
            return sum(len(chunk) for chunk in iter(lambda: answer.read(1 << 20), b""))
