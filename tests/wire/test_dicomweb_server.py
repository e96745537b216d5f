"""The HTTP listener: binding, TLS, HTTP/2, stopping."""

import asyncio
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from litestar.types import Receive, Scope, Send

from sagittal.dicomweb.app import create_app
from sagittal.dicomweb.server import TLS, serving_http, start_http
from sagittal.errors import Invalid, Refused
from support.certificates import certificate
from support.instances import instance
from support.peers import require
from support.web import WebServer, parts_of, serving, stow


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello", "more_body": False})


@pytest.fixture
def tls(tmp_path: Path) -> TLS:
    made, key = certificate(tmp_path, "server")
    return TLS(certificate=made, key=key)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[WebServer]:
    with serving(tmp_path / "data") as running:
        yield running


async def test_a_port_in_use_is_refused_by_name_even_where_the_other_is_one_of_us() -> None:
    async with serving_http(hello, "127.0.0.1", 0) as first:
        with pytest.raises(Refused, match=f"127.0.0.1:{first.port}.*in use"):
            await start_http(hello, "127.0.0.1", first.port)


async def test_an_address_that_is_not_ours_is_refused() -> None:
    with pytest.raises(Refused, match=r"192\.0\.2\.1:0"):
        await start_http(hello, "192.0.2.1", 0)
    with pytest.raises(Refused, match=r"nowhere\.invalid"):
        await start_http(hello, "nowhere.invalid", 0)


async def test_a_certificate_that_is_none_is_invalid_and_the_port_is_free_again(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("no certificate")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for _ in range(2):
        with pytest.raises(Invalid, match="certificate"):
            await start_http(hello, "127.0.0.1", port, TLS(certificate=tmp_path / "x.pem", key=tmp_path / "x.pem"))


async def test_after_a_stop_the_port_is_free_again() -> None:
    async with serving_http(hello, "127.0.0.1", 0) as first:
        port = first.port
    async with serving_http(hello, "127.0.0.1", port), httpx.AsyncClient() as client:
        assert (await client.get(f"http://127.0.0.1:{port}")).text == "hello"


async def test_a_stop_waits_for_what_is_in_flight() -> None:
    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.3)
        await hello(scope, receive, send)

    async with httpx.AsyncClient() as client:
        listener = await start_http(slow, "127.0.0.1", 0)
        request = asyncio.ensure_future(client.get(f"http://127.0.0.1:{listener.port}"))
        await asyncio.sleep(0.1)
        await listener.stop(timeout_s=10)
        assert (await request).text == "hello"
        with pytest.raises(httpx.ConnectError):
            await client.get(f"http://127.0.0.1:{listener.port}")


def test_a_stop_cuts_off_what_takes_too_long(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        stow(server, [instance(study="1.1", uid=f"1.1.{n}", pixels=bytes(8_000_000)) for n in range(3)])
        with socket.create_connection(("127.0.0.1", server.listener.port)) as connection:
            connection.sendall(b"GET /dicom-web/studies/1.1 HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(1000)
            started = time.monotonic()
            server.run(server.listener.stop(0.2, server.app.door.cancel_all))
            assert time.monotonic() - started < 5
            assert server.app.door.running == 0


def test_the_door_serves_over_tls(tmp_path: Path, tls: TLS) -> None:
    with serving(tmp_path / "data", tls=tls) as server:
        context = ssl.create_default_context(cafile=str(tls.certificate))
        answer = httpx.get(f"{server.dicom_web}/studies", verify=context)
        assert (answer.status_code, answer.json()) == (200, [])


async def test_a_certificate_is_renewed_while_an_answer_is_on_its_way_and_connections_come(
    tmp_path: Path, tls: TLS
) -> None:
    going_on = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/slow":
            await going_on.wait()
        await hello(scope, receive, send)

    made = certificate(tmp_path, "newer")
    newer = TLS(certificate=made[0], key=made[1])
    both = ssl.create_default_context(cafile=str(tls.certificate))
    both.load_verify_locations(newer.certificate)
    async with serving_http(slow, "127.0.0.1", 0, tls) as listener:
        url = f"https://127.0.0.1:{listener.port}"
        async with httpx.AsyncClient(verify=both) as before:
            request = asyncio.ensure_future(before.get(f"{url}/slow"))
            await asyncio.sleep(0.1)
            with pytest.raises(Invalid, match="certificate"):
                listener.renew(TLS(certificate=tls.certificate, key=newer.key))
            shaking = [await Handshake.begun(listener.port, both) for _ in range(5)]
            listener.renew(newer)
            for _ in range(20):
                async with httpx.AsyncClient(verify=both) as client:
                    assert (await client.get(url)).text == "hello"
            for one in shaking:
                assert (await one.finished(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")).startswith(b"HTTP/1.1 200")
            assert await name_shown(listener.port, both) == "newer"
            going_on.set()
            assert (await request).text == "hello"


class Handshake(NamedTuple):
    """A TLS connection whose handshake is in its midst: the server has answered, and waits for us."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    coming: ssl.MemoryBIO
    going: ssl.MemoryBIO
    tls: ssl.SSLObject

    @classmethod
    async def begun(cls, port: int, context: ssl.SSLContext) -> "Handshake":
        coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(coming, going, server_hostname="127.0.0.1")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        writer.write(going.read())
        coming.write(await reader.read(1))
        return cls(reader, writer, coming, going, tls)

    async def finished(self, request: bytes) -> bytes:
        """The answer to a request over the connection."""
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.writer.write(self.going.read())
                self.coming.write(await self.reader.read(65536) or pytest.fail("the server hung up"))
        self.tls.write(request)
        self.writer.write(self.going.read())
        while True:
            try:
                answer = self.tls.read(65536)
                break
            except ssl.SSLWantReadError:
                self.coming.write(await self.reader.read(65536) or pytest.fail("the server hung up"))
        self.writer.close()
        return answer


async def name_shown(port: int, context: ssl.SSLContext) -> str:
    """The common name of the certificate that a new connection meets."""
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    shown: dict[str, Any] = writer.get_extra_info("peercert")
    writer.close()
    return str(shown["subject"][0][0][1])


def test_instances_go_over_http_2_both_ways(server: WebServer, tmp_path: Path) -> None:
    require("curl")
    file = instance(study="1.1", uid="1.1.1", pixels=bytes(range(256)) * 20_000)
    (tmp_path / "file").write_bytes(file)
    common = ["curl", "-sS", "--fail", "--http2-prior-knowledge", "--max-time", "20", "-w", "%{http_version}"]
    header = ["-H", "Content-Type: application/dicom", "--data-binary", f"@{tmp_path / 'file'}"]
    up = subprocess.run([*common, *header, f"{server.dicom_web}/studies"], capture_output=True, check=True)
    assert up.stdout.endswith(b"2")
    assert f"{server.dicom_web}/studies/1.1".encode() in up.stdout
    accept = ["-H", "Accept: application/dicom", "-o", str(tmp_path / "back")]
    url = f"{server.dicom_web}/studies/1.1/series/1.1.1/instances/1.1.1"
    subprocess.run([*common, *accept, url], capture_output=True, check=True)
    assert (tmp_path / "back").read_bytes() == file


async def test_health_tells_whether_the_server_is_ready(server: WebServer) -> None:
    waiting = create_app(server.archive, is_ready=lambda: False)
    async with serving_http(waiting.asgi, "127.0.0.1", 0) as listener, httpx.AsyncClient() as client:
        assert (await client.get(f"{server.url}/health")).json() == {"status": "ready"}
        answer = await client.get(f"http://127.0.0.1:{listener.port}/health")
        assert (answer.status_code, answer.json()) == (503, {"status": "not ready"})


def test_instances_stay_readable_while_others_arrive(server: WebServer) -> None:
    stow(server, [instance(study="1.1", uid="1.1.1")])
    stow(server, [instance(study="1.1", uid="1.1.2")])
    assert len(parts_of(httpx.get(f"{server.dicom_web}/studies/1.1"))) == 2
