"""Many associations at a time: idle ones cost nothing to speak of, half-open ones keep nobody out."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pynetdicom import AE
from pynetdicom.association import Association

from support.peers import require
from support.server import Server, running

VERIFICATION = "1.2.840.10008.1.1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("crowd") / "data") as started:
        yield started


def echo_from(address: str, server: Server) -> None:
    """A C-ECHO from another loopback address, failing the test unless it succeeds."""
    with socket.socket() as probe:
        probe.bind((address, 0))
    client = AE()
    client.add_requested_context(VERIFICATION)
    association = client.associate("127.0.0.1", server.dicom_port, bind_address=(address, 0))
    assert association.is_established
    assert association.send_c_echo().Status == 0x0000
    association.release()


def association_request() -> bytes:
    """The bytes of an A-ASSOCIATE-RQ for Verification, as pynetdicom writes them."""
    from pynetdicom.pdu import A_ASSOCIATE_RQ
    from pynetdicom.pdu_primitives import (
        A_ASSOCIATE,
        ImplementationClassUIDNotification,
        MaximumLengthNotification,
    )
    from pynetdicom.presentation import build_context

    request = A_ASSOCIATE()
    request.application_context_name = "1.2.840.10008.3.1.1.1"
    request.calling_ae_title = "IDLE"
    request.called_ae_title = "SAGITTAL"
    context = build_context(VERIFICATION)
    context.context_id = 1
    request.presentation_context_definition_list = [context]
    length = MaximumLengthNotification()
    length.maximum_length_received = 16384
    implementation = ImplementationClassUIDNotification()
    implementation.implementation_class_uid = "1.2.3"
    request.user_information = [length, implementation]
    pdu = A_ASSOCIATE_RQ()
    pdu.from_primitive(request)
    return bytes(pdu.encode())


def test_two_hundred_idle_associations_cost_less_than_one_percent_of_a_core(server: Server) -> None:
    request = association_request()
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            peer = stack.enter_context(socket.create_connection(("127.0.0.1", server.dicom_port)))
            peer.sendall(request)
            assert peer.recv(1) == b"\x02", "the association is to be accepted"
        time.sleep(0.5)
        cpu, begun = server.cpu_s(), time.monotonic()
        time.sleep(4)
        assert (server.cpu_s() - cpu) / (time.monotonic() - begun) < 0.01


def test_five_hundred_half_open_sockets_do_not_stop_an_echo_from_another_address(server: Server) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(500):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.dicom_port)))
        echo_from("127.0.0.2", server)


def test_a_stock_echoscu_is_answered(server: Server) -> None:
    require("echoscu")
    subprocess.run(["echoscu", "-aec", "SAGITTAL", "127.0.0.1", str(server.dicom_port)], check=True, timeout=20)


def test_the_server_stops_within_seconds_while_associations_are_open(tmp_path: Path) -> None:
    with running(tmp_path / "data") as own:
        client = AE()
        client.add_requested_context(VERIFICATION)
        association: Association = client.associate("127.0.0.1", own.dicom_port)
        assert association.is_established
        begun = time.monotonic()
        own.process.terminate()
        assert own.process.wait(15) == 0
        assert time.monotonic() - begun < 12
        association.abort()
