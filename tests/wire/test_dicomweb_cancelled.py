"""A client that goes away stops the work on its request: seen by what is read and by the workers that stop."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from sagittal.archive.archive import Archive
from sagittal.retrieve import transcoded
from sagittal.retrieve.pixels import frame_bytes
from support.instances import instance
from support.web import WebServer, serving, stow

FRAMES, SIDE = 48, 1024
ZIPPED, ZIPPED_BYTES = 24, 2_000_000
RELATED = "multipart/related"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    """Study 1.1: one of 48 noisy frames of a megabyte. Study 1.2: 24 instances of two megabytes."""
    noise = np.random.default_rng(0).integers(0, 256, SIDE * SIDE, dtype=np.uint8).tobytes()
    cine = instance(study="1.1", uid="1.1.1.1", pixels=noise * FRAMES, rows=SIDE, columns=SIDE)
    files = [
        instance(study="1.2", uid=f"1.2.1.{n}", pixels=bytes(ZIPPED_BYTES), rows=1000, columns=2000)
        for n in range(ZIPPED)
    ]
    with serving(tmp_path_factory.mktemp("cancelled") / "data") as running:
        assert stow(running, [cine, *files]).status_code == 200
        yield running


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Bytes of each read of the archive from now on, which is as slow as a disk, not as memory."""
    sizes: list[int] = []
    read = Archive.read

    async def counted(self: Archive, *arguments: Any) -> bytes:  # Any: those of the method
        await asyncio.sleep(0.005)
        data = await read(self, *arguments)
        sizes.append(len(data))
        return data

    monkeypatch.setattr(Archive, "read", counted)
    return sizes


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def begin(server: WebServer, path: str, accept: str) -> socket.socket:
    address = urlsplit(server.url)
    connection = socket.create_connection((address.hostname, address.port), timeout=20)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    connection.sendall(f"GET /dicom-web/{path} HTTP/1.1\r\nHost: h\r\nAccept: {accept}\r\n\r\n".encode())
    return connection


def busy(server: WebServer) -> int:
    """Workers with something to do."""
    return len(server.app.pool._busy)


@pytest.mark.parametrize(
    ("path", "accept", "most_bytes"),
    [
        ("studies/1.2", "application/zip", ZIPPED * ZIPPED_BYTES // 6),
        ("studies/1.2", f'{RELATED}; type="application/dicom"', ZIPPED * ZIPPED_BYTES // 6),
        ("studies/1.2/pixeldata", RELATED, ZIPPED * ZIPPED_BYTES // 6),
        (f"instances/1.1.1.1/frames/{','.join(map(str, range(1, FRAMES + 1)))}", RELATED, FRAMES * SIDE * SIDE // 6),
    ],
    ids=["zip", "instances", "pixel data", "frames"],
)
def test_an_answer_that_nobody_takes_is_read_no_further(
    server: WebServer, reads: list[int], path: str, accept: str, most_bytes: int
) -> None:
    with begin(server, path, accept) as connection:
        assert connection.recv(200).startswith(b"HTTP/1.1 200")
    until(lambda: server.app.door.running == 0)
    assert sum(reads) < most_bytes


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        (f"instances/1.1.1.1/frames/{','.join(map(str, range(1, FRAMES + 1)))}", f'{RELATED}; type="image/jxl"'),
        ("instances/1.1.1.1", f'{RELATED}; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.110'),
        ("instances/1.1.1.1", "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.110"),
        ("instances/1.1.1.1/pixeldata", f'{RELATED}; type="image/jxl"'),
    ],
    ids=["frames", "instance in parts", "instance", "pixel data"],
)
def test_frames_that_nobody_takes_are_not_transcoded(
    server: WebServer, monkeypatch: pytest.MonkeyPatch, path: str, accept: str
) -> None:
    begun: list[int] = []

    async def counted(*arguments: Any) -> bytes:  # Any: those of the function
        begun.append(arguments[3])
        return await frame_bytes(*arguments)

    monkeypatch.setattr(transcoded, "frame_bytes", counted)
    with begin(server, path, accept):
        until(lambda: len(begun) >= 2)
    until(lambda: server.app.door.running == 0)
    assert busy(server) == 0
    assert len(begun) < FRAMES / 2


@pytest.mark.parametrize("accept", ["image/gif", "image/webp"])
def test_a_picture_that_nobody_waits_for_is_not_made(server: WebServer, accept: str) -> None:
    with begin(server, "instances/1.1.1.1/rendered?viewport=2500,2500", accept):
        until(lambda: busy(server) == 1)
        workers = server.app.pool.processes
    until(lambda: server.app.door.running == 0)
    assert (busy(server), server.app.pool.processes) == (0, workers - 1)  # killed, not done
