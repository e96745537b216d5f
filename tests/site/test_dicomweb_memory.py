"""Bodies of any size pass through the HTTP door without staying in it."""

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from support.instances import instance
from support.server import Server, running

SIZE = 768 * 1024**2
ALLOWED_GROWTH = 64 * 1024**2
PATH = "/dicom-web/studies/1.1/series/1.1.1/instances"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("web-memory") / "data") as started:
        send_instance(started, 1024**2, uid="1.1.1.2")
        yield started


def connect(server: Server) -> socket.socket:
    host, _, port = server.web.removeprefix("http://").partition("/")[0].partition(":")
    return socket.create_connection((host, int(port)), timeout=60)


def send_instance(server: Server, size: int, *, uid: str) -> bytes:
    """Stores one instance with `size` bytes of pixels; the status line of the answer."""
    file = instance(study="1.1", series="1.1.1", uid=uid, pixels=bytes(1000), rows=1, columns=1000)
    start = file.rindex(b"\xe0\x7f\x10\x00OB\0\0") + 8
    head = b"--x\r\nContent-Type: application/dicom\r\n\r\n" + file[:start] + size.to_bytes(4, "little")
    tail = b"\r\n--x--\r\n"
    chunk = os.urandom(1024**2)
    with connect(server) as connection:
        connection.sendall(
            b"POST /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: multipart/related; type=application/dicom; boundary=x\r\n"
            b"Content-Length: %d\r\n\r\n" % (len(head) + size + len(tail)) + head
        )
        for _ in range(size // len(chunk)):
            connection.sendall(chunk)
        connection.sendall(tail)
        return connection.recv(12)


@contextmanager
def watched(server: Server) -> Iterator[list[int]]:
    """The highest resident memory over that at the start, bytes, as the block's only list entry."""
    before, highest, stop = server.memory_bytes(), [0], threading.Event()

    def look() -> None:
        while not stop.wait(0.01):
            highest[0] = max(highest[0], server.memory_bytes() - before)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield highest
    finally:
        stop.set()
        thread.join()


@pytest.mark.xdist_group("large")
def test_a_large_instance_is_stored_and_retrieved_within_64_mb(server: Server) -> None:
    with watched(server) as storing:
        assert send_instance(server, SIZE, uid="1.1.1.1") == b"HTTP/1.1 200"
    assert storing[0] < ALLOWED_GROWTH
    with watched(server) as retrieving, connect(server) as connection:
        connection.sendall(f"GET {PATH}/1.1.1.1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        received = 0
        while chunk := connection.recv(1024**2):
            received += len(chunk)
    assert received > SIZE
    assert retrieving[0] < ALLOWED_GROWTH


@pytest.mark.xdist_group("large")
def test_a_client_that_takes_nothing_costs_no_memory(server: Server) -> None:
    assert send_instance(server, SIZE, uid="1.1.1.3") == b"HTTP/1.1 200"
    with watched(server) as retrieving:
        connections = [connect(server) for _ in range(8)]
        for connection in connections:
            connection.sendall(f"GET {PATH}/1.1.1.3 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert connection.recv(1000)
        time.sleep(1)
        for connection in connections:
            connection.close()
    assert retrieving[0] < ALLOWED_GROWTH


def send_parts(server: Server, size: int, *, uid: str) -> bytes:
    """Stores metadata with `size` bytes of a document beside it; the status line of the answer."""
    uids = {"00080016": "1.2.840.10008.5.1.4.1.1.104.1", "00080018": uid, "0020000D": "1.1", "0020000E": "1.1.1"}
    dataset: dict[str, object] = {tag: {"vr": "UI", "Value": [value]} for tag, value in uids.items()}
    dataset["00420011"] = {"vr": "OB", "BulkDataURI": "doc"}
    head = b"--x\r\nContent-Type: application/dicom+json\r\n\r\n" + json.dumps([dataset]).encode()
    head += b"\r\n--x\r\nContent-Type: application/pdf\r\nContent-Location: doc\r\n\r\n"
    tail = b"\r\n--x--\r\n"
    chunk = os.urandom(1024**2)
    with connect(server) as connection:
        connection.sendall(
            b"POST /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\n"
            b'Content-Type: multipart/related; type="application/dicom+json"; boundary=x\r\n'
            b"Content-Length: %d\r\n\r\n" % (len(head) + size + len(tail)) + head
        )
        for _ in range(size // len(chunk)):
            connection.sendall(chunk)
        connection.sendall(tail)
        return connection.recv(12)


@pytest.mark.xdist_group("large")
def test_bulk_data_of_any_size_waits_on_the_disk_and_goes_out_in_a_zip(server: Server) -> None:
    with watched(server) as storing:
        assert send_parts(server, SIZE // 2, uid="1.1.1.4") == b"HTTP/1.1 200"
    assert storing[0] < ALLOWED_GROWTH
    with watched(server) as zipping, connect(server) as connection:
        request = (
            f"GET {PATH}/1.1.1.4 HTTP/1.1\r\nHost: localhost\r\nAccept: application/zip\r\nConnection: close\r\n\r\n"
        )
        connection.sendall(request.encode())
        received = 0
        while chunk := connection.recv(1024**2):
            received += len(chunk)
    assert received > SIZE // 2
    assert zipping[0] < ALLOWED_GROWTH
