"""Certificates that are replaced while Sagittal runs, as a site does whose certificates last three months."""

import shutil
import signal
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from support.certificates import certificate
from support.server import running


def shown(port: int, trusted: ssl.SSLContext) -> str:
    """The common name of the certificate that a new connection meets."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        trusted.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        told = connection.getpeercert()
        assert told is not None
        return str(told["subject"][0][0][1])


def becomes(name: str, port: int, trusted: ssl.SSLContext) -> bool:
    for _ in range(600):
        if shown(port, trusted) == name:
            return True
        time.sleep(0.05)
    return False


class InUse(NamedTuple):
    """Files that a server is told of, which hold the first of two certificates that clients trust."""

    kept: Path
    key: Path
    made: dict[str, tuple[Path, Path]]
    trusted: ssl.SSLContext
    environment: dict[str, str]


def in_use(folder: Path) -> InUse:
    kept, key = folder / "in-use.pem", folder / "in-use.key"
    trusted = ssl.create_default_context()
    made = {name: certificate(folder, name) for name in ("first", "second")}
    for one in made.values():
        trusted.load_verify_locations(one[0])
    shutil.copy(made["first"][0], kept)
    shutil.copy(made["first"][1], key)
    environment = {
        f"SAGITTAL_{door}_TLS_{what}": str(path)
        for door in ("HTTP", "DICOM")
        for what, path in (("CERTIFICATE", kept), ("KEY", key))
    }
    return InUse(kept, key, made, trusted, environment)


def test_sighup_renews_both_listeners_and_one_that_cannot_be_used_stays(tmp_path: Path) -> None:
    kept, key, made, trusted, environment = in_use(tmp_path)
    with running(tmp_path / "data", environment=environment) as server, httpx.Client(verify=trusted) as before:
        ports = (int(urlsplit(server.web).port or 0), server.dicom_port)
        assert before.get(f"{server.web}/studies").json() == []
        assert {shown(port, trusted) for port in ports} == {"first"}
        shutil.copy(made["second"][0], kept)
        server.process.send_signal(signal.SIGHUP)  # the certificate is new, its key is not there yet
        while "certificate not renewed" not in server.log.read_text():
            time.sleep(0.02)
        assert {shown(port, trusted) for port in ports} == {"first"}
        shutil.copy(made["second"][1], key)
        server.process.send_signal(signal.SIGHUP)
        assert all(becomes("second", port, trusted) for port in ports)
        assert before.get(f"{server.web}/studies").json() == []


def test_files_that_are_replaced_are_read_without_a_word_and_connections_stay(tmp_path: Path) -> None:
    kept, key, made, trusted, environment = in_use(tmp_path)
    with running(tmp_path / "data", environment=environment) as server:
        ports = (int(urlsplit(server.web).port or 0), server.dicom_port)
        with kept_open(ports[0], trusted) as before:
            assert asked(before) == 200
            shutil.copy(made["second"][0], kept)
            shutil.copy(made["second"][1], key)
            assert all(becomes("second", port, trusted) for port in ports)
            assert asked(before) == 200


@contextmanager
def kept_open(port: int, trusted: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    """One connection, which is not opened again."""
    plain = socket.create_connection(("127.0.0.1", port), timeout=30)
    with plain, trusted.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
        yield connection


def asked(connection: ssl.SSLSocket) -> int:
    """The status of an answer."""
    connection.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    answer = b""
    while not answer.endswith(b"}"):
        answer += connection.recv(65536) or b"}"
    return int(answer.split(b" ", 2)[1])
