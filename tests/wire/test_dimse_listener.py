"""The driver as acceptor: real peers, and peers that are not nice."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.filebase import DicomBytesIO
from pynetdicom import AE

from sagittal.dicom.messages.assembly import CommandReceived
from sagittal.dicom.messages.command_set import encode_command
from sagittal.dicom.messages.commands import CEchoRequest, CFindResponse, CStoreRequest
from sagittal.dicom.upper_layer.items import ProposedContext, UserInformation
from sagittal.dicom.upper_layer.pdu import AssociateRequest, encode
from sagittal.dimse.watch import Pace
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.settings import Caller, Settings
from support.dimse import Box, listening, run
from support.peers import require

VERIFICATION = "1.2.840.10008.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT = "1.2.840.10008.1.2"
JPEG = "1.2.840.10008.1.2.4.50"


def file(name: str) -> Path:
    path = get_testdata_file(name)
    assert path is not None
    return Path(path)


def data_set_of(path: Path) -> bytes:
    """What follows the file meta information."""
    data = path.read_bytes()
    stream = DicomBytesIO(data)
    pydicom.filereader.read_preamble(stream, False)
    pydicom.filereader._read_file_meta_info(stream)
    return data[stream.tell() :]


async def test_dcmtk_gets_an_echo() -> None:
    require("echoscu")
    async with listening(Box()) as listener:
        ran = await run("echoscu", "--repeat", 5, "127.0.0.1", listener.port)
    assert ran.status == 0, ran.output


def without_padding(path: Path, folder: Path, pixels: bytes | None = None) -> Path:
    """A copy without Data Set Trailing Padding, which DCMTK does not send."""
    dataset = pydicom.dcmread(path)
    dataset.pop(0xFFFCFFFC, None)
    if pixels is not None:
        dataset.PixelData = pixels
    dataset.save_as(folder / path.name)
    return folder / path.name


async def test_dcmtk_stores_data_sets_byte_for_byte(tmp_path: Path) -> None:
    require("storescu")
    box = Box()
    path = without_padding(file("MR_small.dcm"), tmp_path)
    async with listening(box) as listener:
        ran = await run("storescu", "-R", "--repeat", 3, "127.0.0.1", listener.port, path)
    assert ran.status == 0, ran.output
    assert [kept.data for kept in box.instances] == [data_set_of(path)] * 3
    assert box.requests[0].called_aet == "ANY-SCP"


async def test_a_large_data_set_is_handed_on_in_parts(tmp_path: Path) -> None:
    require("storescu")
    path = without_padding(file("CT_small.dcm"), tmp_path, bytes(range(256)) * 40_000)
    box = Box()
    async with listening(box) as listener:
        ran = await run("storescu", "-R", "127.0.0.1", listener.port, path)
    assert ran.status == 0, ran.output
    (kept,) = box.instances
    assert kept.data == data_set_of(path)
    assert box.parts > 20


async def test_compressed_data_is_taken_in_the_syntax_that_the_sender_names_first() -> None:
    require("storescu")
    box = Box()
    path = file("JPEG2000.dcm")
    async with listening(box) as listener:
        ran = await run("storescu", "-R", "-xw", "127.0.0.1", listener.port, path)
    assert ran.status == 0, ran.output
    (kept,) = box.instances
    assert kept.transfer_syntax == "1.2.840.10008.1.2.4.91"
    assert pydicom.dcmread(path).PixelData in kept.data


async def test_pynetdicom_is_told_which_contexts_it_gets() -> None:
    ae = AE("TESTER")
    proposals = [
        (VERIFICATION, [IMPLICIT]),
        ("1.2.276.0.7230010.3.1.0.1", ["1.2.276.0.7230010.3.1.0.2"]),  # private storage, private syntax
        (CT, [JPEG, IMPLICIT]),
        ("1.2.840.10008.5.1.4.31", [IMPLICIT]),  # worklist
        ("1.2.840.10008.1.20.1", [IMPLICIT]),  # storage commitment
        ("1.2.840.10008.5.1.4.1.2.2.1", [JPEG, IMPLICIT]),  # study root find
        ("1.2.840.10008.5.1.4.1.2.2.2", [JPEG]),  # study root move in no native syntax
    ]
    for abstract, syntaxes in proposals:
        ae.add_requested_context(abstract, syntaxes)
    async with listening(Box()) as listener:
        association = await asyncio.to_thread(ae.associate, "127.0.0.1", listener.port)
        assert association.is_established
        accepted = {
            str(context.abstract_syntax): str(context.transfer_syntax[0]) for context in association.accepted_contexts
        }
        rejected = {str(context.abstract_syntax): context.result for context in association.rejected_contexts}
        await asyncio.to_thread(association.release)
    assert accepted == {
        VERIFICATION: IMPLICIT,
        "1.2.276.0.7230010.3.1.0.1": "1.2.276.0.7230010.3.1.0.2",
        CT: JPEG,
        "1.2.840.10008.5.1.4.1.2.2.1": IMPLICIT,
    }
    assert rejected == {"1.2.840.10008.5.1.4.31": 3, "1.2.840.10008.1.20.1": 3, "1.2.840.10008.5.1.4.1.2.2.2": 4}


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (Settings(called_aets=("OTHER",)), "Called AE Title Not Recognized"),
        (Settings(callers={"CT1": Caller()}), "Calling AE Title Not Recognized"),
        (Settings(callers={"TESTER": Caller(addresses=("192.0.2.1",))}), "Calling AE Title Not Recognized"),
        (Settings(callers={"TESTER": Caller(addresses=("127.0.0.1",))}, called_aets=("SAGITTAL",)), ""),
    ],
)
async def test_titles_and_addresses_decide_who_may_associate(settings: Settings, reason: str) -> None:
    require("echoscu")
    async with listening(Box(), settings) as listener:
        ran = await run("echoscu", "-aet", "TESTER", "-aec", "SAGITTAL", "127.0.0.1", listener.port)
    assert (ran.status != 0) is bool(reason)
    assert reason in ran.output


async def test_associations_beyond_the_cap_of_a_title_are_rejected_and_come_back() -> None:
    ae = AE("CT1")
    ae.add_requested_context(VERIFICATION)
    async with listening(Box(), Settings(max_associations_per_ae=1)) as listener:
        first = await asyncio.to_thread(ae.associate, "127.0.0.1", listener.port)
        second = await asyncio.to_thread(ae.associate, "127.0.0.1", listener.port)
        assert (first.is_established, second.is_rejected) == (True, True)
        assert (second.acceptor.primitive.result_source, second.acceptor.primitive.diagnostic) == (3, 2)
        await asyncio.to_thread(first.release)
        await _until(lambda: listener.associations == 0)
        third = await asyncio.to_thread(ae.associate, "127.0.0.1", listener.port)
        assert third.is_established
        await asyncio.to_thread(third.release)


async def test_half_open_connections_do_not_keep_an_echo_out() -> None:
    require("echoscu")
    silent: list[socket.socket] = []
    async with listening(Box(), Settings(max_associations=100, max_associations_per_address=90)) as listener:
        try:
            for index in range(300):
                sock = socket.socket()
                sock.bind((f"127.0.0.{2 + index % 2}", 0))
                sock.connect(("127.0.0.1", listener.port))
                silent.append(sock)
            began = time.monotonic()
            ran = await run("echoscu", "127.0.0.1", listener.port)
            assert ran.status == 0, ran.output
            assert time.monotonic() - began < 5
        finally:
            for sock in silent:
                sock.close()


async def test_a_silent_connection_is_closed_when_its_time_is_over() -> None:
    async with listening(Box(), Settings(association_request_timeout_s=1)) as listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()


async def test_garbage_is_answered_with_an_abort() -> None:
    async with listening(Box(), Settings(association_request_timeout_s=1)) as listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        async with asyncio.timeout(5):
            assert (await reader.read())[:1] == b"\7"
        writer.close()


async def test_an_idle_association_is_aborted() -> None:
    ae = AE("CT1")
    ae.add_requested_context(VERIFICATION)
    async with listening(Box(), Settings(association_idle_timeout_s=1)) as listener:
        association = await asyncio.to_thread(ae.associate, "127.0.0.1", listener.port)
        await _until(lambda: listener.associations == 0)
        await _until(lambda: association.is_aborted)


async def test_data_before_the_association_is_accepted_is_the_peers_mistake() -> None:
    async with listening(Box(), Settings(association_request_timeout_s=1)) as listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(REQUEST + p_data(1, encode_command(CEchoRequest(message_id=1)), is_command=True))
        async with asyncio.timeout(5):
            assert (await reader.read())[:1] == b"\7"
        writer.close()


async def test_a_sender_that_stalls_in_the_middle_of_a_message_is_aborted() -> None:
    box = Box()
    async with listening(box, Settings(association_request_timeout_s=1)) as listener:
        listener._pace = Pace(window_s=0.5, min_rate_bytes_s=1000)
        async with stalled_sender(listener.port) as reader:
            async with asyncio.timeout(5):
                assert (await reader.read())[:1] == b"\7"
        await _until(lambda: listener.associations == 0)
    assert box.instances == []


async def test_a_receiver_that_takes_nothing_is_dropped() -> None:
    box = Box()

    async def talk_without_end(received: CommandReceived) -> None:
        request = received.command
        assert isinstance(request, CEchoRequest)
        while True:
            await box.links[0].send(
                received.context_id,
                CFindResponse(message_id_being_responded_to=1, status=0xFF00, has_data_set=True),
                bytes(100_000),
            )

    box.more = {CEchoRequest: talk_without_end}
    async with listening(box, Settings(association_request_timeout_s=1)) as listener:
        listener._pace = Pace(window_s=0.5, min_rate_bytes_s=1000)
        with await asyncio.to_thread(associated_socket, listener.port) as sock:
            sock.sendall(p_data(1, encode_command(CEchoRequest(message_id=1)), is_command=True))
            await _until(lambda: listener.associations == 0)


async def test_what_a_service_does_not_take_is_not_read() -> None:
    box = Box()
    go_on = asyncio.Event()

    async def wait_first(_received: CommandReceived) -> None:
        await go_on.wait()

    box.more = {CStoreRequest: wait_first}
    async with listening(box) as listener:
        with await asyncio.to_thread(associated_socket, listener.port) as sock:
            request = CStoreRequest(message_id=1, affected_sop_class_uid=CT, affected_sop_instance_uid="1.2")
            sock.sendall(p_data(1, encode_command(request), is_command=True))
            sock.setblocking(False)
            loop = asyncio.get_running_loop()
            sent = 0
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1.5):
                    while True:
                        await loop.sock_sendall(sock, p_data(1, bytes(100_000), is_command=False, is_last=False))
                        sent += 100_000
            assert sent < 30_000_000  # what the kernel holds, and a little of ours
            assert box.links[0]._inbox._bytes < 2_000_000
            go_on.set()
            async with asyncio.timeout(5):
                await loop.sock_sendall(sock, bytes(1))


@asynccontextmanager
async def stalled_sender(port: int) -> AsyncIterator[asyncio.StreamReader]:
    """Someone who associates, begins a C-STORE and stops."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(REQUEST)
    async with asyncio.timeout(5):
        header = await reader.readexactly(6)
        await reader.readexactly(int.from_bytes(header[2:]))
    request = CStoreRequest(message_id=1, affected_sop_class_uid=CT, affected_sop_instance_uid="1.2")
    writer.write(p_data(1, encode_command(request), is_command=True) + p_data(1, bytes(500), is_command=False)[:200])
    try:
        yield reader
    finally:
        writer.close()


def associated_socket(port: int) -> socket.socket:
    """A socket with an association; nobody reads what comes after."""
    sock = socket.create_connection(("127.0.0.1", port), 5)
    sock.sendall(REQUEST)
    header = sock.recv(6, socket.MSG_WAITALL)
    sock.recv(int.from_bytes(header[2:]), socket.MSG_WAITALL)
    return sock


def p_data(context_id: int, data: bytes, *, is_command: bool, is_last: bool = True) -> bytes:
    control = is_command | is_last << 1
    return b"\4\0" + (len(data) + 6).to_bytes(4) + (len(data) + 2).to_bytes(4) + bytes((context_id, control)) + data


REQUEST = encode(
    AssociateRequest(
        called_aet="SAGITTAL",
        calling_aet="SLOW",
        contexts=(ProposedContext(1, CT, (IMPLICIT,)),),
        user=UserInformation(implementation_class_uid="1.2"),
    )
)


async def test_idle_associations_are_aborted_at_once_when_told_to_stop() -> None:
    ae = AE("CT1")
    ae.add_requested_context(VERIFICATION)
    began = time.monotonic()
    async with listening(Box()) as listener:
        association = await asyncio.to_thread(ae.associate, "127.0.0.1", listener.port)
        assert association.is_established
        began = time.monotonic()
    assert time.monotonic() - began < 1.5
    await _until(lambda: association.is_aborted)


async def test_what_is_in_flight_is_finished_when_told_to_stop(tmp_path: Path) -> None:
    require("storescu")
    path = without_padding(file("CT_small.dcm"), tmp_path, bytes(50_000_000))
    box = Box()
    async with listening(box) as listener:
        sending = asyncio.create_task(run("storescu", "127.0.0.1", listener.port, path))
        await _until(lambda: box.parts > 10)
        await listener.close(Deadline.after(20))
        ran = await sending
    assert len(box.instances) == 1
    assert ran.status == 0, ran.output


async def _until(condition: object, timeout_s: float = 10) -> None:
    """Waits for something that only looking can tell."""
    assert callable(condition)
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.02)
