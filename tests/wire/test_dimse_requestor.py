"""The driver as requestor: DCMTK and pynetdicom as SCP, TLS, and peers that are not nice."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt

from sagittal.dicom import json_model
from sagittal.dicom.messages.assembly import CommandReceived
from sagittal.dicom.messages.commands import CStoreRequest, CStoreResponse
from sagittal.dicom.upper_layer.framing import Buffer
from sagittal.dicom.upper_layer.items import RoleSelection
from sagittal.dimse import scu
from sagittal.dimse.link import Link
from sagittal.dimse.negotiation import VERIFICATION
from sagittal.dimse.requestor import AssociationRejected, Proposal, Requestor
from sagittal.dimse.scu import Outgoing
from sagittal.dimse.sending import Sent, send
from sagittal.dimse.tls import client_context, server_context
from sagittal.errors import PeerFailed, Unsupported
from sagittal.runtime.settings import Caller, Destination, Settings
from support.certificates import certificate
from support.dimse import Box, listening, run
from support.peers import require

CT = "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT, EXPLICIT, JPEG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.50"
FIND, MOVE, GET = (f"1.2.840.10008.5.1.4.1.2.2.{number}" for number in (1, 2, 3))
ECHO = [Proposal(VERIFICATION, (IMPLICIT,))]
DATA = bytes.fromhex("10002000 4c4f0400") + b"ID 1"  # PatientID, Explicit VR Little Endian


def at(port: int, *, tls: bool = False) -> Destination:
    return Destination("127.0.0.1", port, tls)


def outgoing(uid: str = "1.2.3.4", sop_class: str = CT, syntax: str = EXPLICIT, data: bytes = DATA) -> Outgoing:
    async def open_data() -> AsyncIterator[Buffer]:
        for start in range(0, len(data), 100_000):
            yield data[start : start + 100_000]

    return Outgoing(sop_class_uid=sop_class, sop_instance_uid=uid, transfer_syntax_uid=syntax, open=open_data)


async def each(*instances: Outgoing) -> AsyncIterator[Outgoing]:
    for instance in instances:
        yield instance


async def all_sent(port: int, *instances: Outgoing, settings: Settings | None = None) -> list[Sent]:
    requestor = Requestor(settings or Settings())
    return [sent async for sent in send(requestor, "DEST", at(port), each(*instances))]


@contextmanager
def pynetdicom_scp(ae: AE, *handlers: tuple[object, object]) -> Iterator[int]:
    """A pynetdicom server in threads of its own; its port."""
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=list(handlers))
    try:
        yield server.socket.getsockname()[1]
    finally:
        server.shutdown()
        server.server_close()


# -- association -------------------------------------------------------------------------------------------------------


async def test_an_echo_is_answered() -> None:
    box = Box()
    me = Requestor(Settings(aet="ME"))
    async with listening(box) as listener, me.associate("YOU", at(listener.port), ECHO) as peer:
        statuses = [await scu.echo(peer, 5) for _ in range(3)]
    assert statuses == [0, 0, 0]
    assert (box.requests[0].calling_aet, box.requests[0].called_aet) == ("ME", "YOU")


async def test_a_rejection_says_why() -> None:
    async with listening(Box(), Settings(callers={"CT1": Caller()})) as listener:
        with pytest.raises(AssociationRejected, match="does not know our AE title"):
            async with Requestor(Settings()).associate("YOU", at(listener.port), ECHO):
                pass


async def test_nobody_there_is_a_failure_of_the_peer() -> None:
    with pytest.raises(PeerFailed, match=r"no connection to 127\.0\.0\.1:9"):
        async with Requestor(Settings()).associate("YOU", at(9), ECHO):
            pass


async def test_a_peer_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the kernel connects; nobody reads
        port = silent.getsockname()[1]
        with pytest.raises(PeerFailed, match="does not answer"):
            async with Requestor(Settings(dimse_timeout_s=1)).associate("YOU", at(port), ECHO):
                pass


async def test_what_the_peer_does_not_accept_cannot_be_asked() -> None:
    async with listening(Box()) as listener:
        proposals = [*ECHO, Proposal("1.2.840.10008.5.1.4.31", (IMPLICIT,))]
        async with Requestor(Settings()).associate("YOU", at(listener.port), proposals) as peer:
            with pytest.raises(Unsupported):
                peer.context_for("1.2.840.10008.5.1.4.31")
            assert await scu.echo(peer, 5) == 0


# -- TLS ---------------------------------------------------------------------------------------------------------------


async def test_tls_with_certificates_of_both_sides_carries_echo_and_data(tmp_path: Path) -> None:
    ours, theirs = certificate(tmp_path, "ours"), certificate(tmp_path, "theirs")
    box = Box()
    async with listening(box, tls=server_context(*ours, authorities=theirs[0])) as listener:
        requestor = Requestor(Settings(), client_context(ours[0], *theirs))
        destination = at(listener.port, tls=True)
        data = DATA + bytes(300_000)
        sent = [one async for one in send(requestor, "YOU", destination, each(outgoing(data=data)))]
    assert [one.status for one in sent] == [0]
    assert box.instances[0].data == data


async def test_a_caller_without_certificate_or_without_tls_is_turned_away(tmp_path: Path) -> None:
    ours, theirs = certificate(tmp_path, "ours"), certificate(tmp_path, "theirs")
    settings = Settings(association_request_timeout_s=2)
    async with listening(Box(), settings, server_context(*ours, authorities=theirs[0])) as listener:
        with pytest.raises(PeerFailed):
            async with Requestor(Settings(), client_context(ours[0])).associate(
                "YOU", at(listener.port, tls=True), ECHO
            ):
                pass
        with pytest.raises(PeerFailed):
            async with Requestor(Settings()).associate("YOU", at(listener.port), ECHO):
                pass
        with pytest.raises(PeerFailed, match="no connection"):
            stranger = client_context(theirs[0], *theirs)
            async with Requestor(Settings(), stranger).associate("YOU", at(listener.port, tls=True), ECHO):
                pass
        assert listener.associations == 0


async def test_certificates_are_renewed_and_associations_that_are_open_go_on(tmp_path: Path) -> None:
    first, second = certificate(tmp_path, "first"), certificate(tmp_path, "second")
    async with listening(Box(), tls=server_context(*first)) as listener:
        destination = at(listener.port, tls=True)
        trusting_first, trusting_second = (Requestor(Settings(), client_context(one[0])) for one in (first, second))
        async with trusting_first.associate("YOU", destination, ECHO) as before:
            listener.renew(server_context(*second))
            async with trusting_second.associate("YOU", destination, ECHO) as after:
                assert (await scu.echo(before, 5), await scu.echo(after, 5)) == (0, 0)
        with pytest.raises(PeerFailed, match="no connection"):
            async with trusting_first.associate("YOU", destination, ECHO):
                pass


async def test_echoscu_of_dcmtk_talks_tls(tmp_path: Path) -> None:
    require("echoscu")
    ours, theirs = certificate(tmp_path, "ours"), certificate(tmp_path, "theirs")
    async with listening(Box(), tls=server_context(*ours, authorities=theirs[0])) as listener:
        ran = await run(*("echoscu", "+tls", theirs[1], theirs[0], "+cf", ours[0], "-rc", "127.0.0.1", listener.port))
    assert ran.status == 0, ran.output


def test_nothing_older_or_weaker_than_bcp_195_is_offered(tmp_path: Path) -> None:
    context = server_context(*certificate(tmp_path, "ours"))
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert {cipher["aead"] for cipher in context.get_ciphers()} == {True}
    names = [cipher["name"] for cipher in context.get_ciphers()]
    assert all(name.startswith(("TLS_", "ECDHE-")) for name in names)
    assert client_context().check_hostname


async def test_a_destination_that_wants_tls_needs_it_set_up() -> None:
    with pytest.raises(Unsupported, match="wants TLS"):
        async with Requestor(Settings()).associate("YOU", at(9, tls=True), ECHO):
            pass


# -- C-STORE -----------------------------------------------------------------------------------------------------------


async def test_instances_go_out_as_they_are_kept() -> None:
    box = Box()
    instances = [outgoing("1.1"), outgoing("1.2", syntax=IMPLICIT), outgoing("1.3", syntax=JPEG, data=bytes(250_000))]
    async with listening(box) as listener:
        sent = await all_sent(listener.port, *instances)
    assert [(one.status, one.why) for one in sent] == [(0, "")] * 3
    assert [kept.transfer_syntax for kept in box.instances] == [EXPLICIT, IMPLICIT, JPEG]
    assert box.instances[2].data == bytes(250_000)
    assert len(box.requests) == 1


async def test_a_data_set_that_comes_in_odd_pieces_goes_out_in_even_fragments() -> None:
    lengths: list[int] = []

    def seen(event: evt.Event) -> None:
        values = getattr(event.pdu, "presentation_data_value_items", ())
        lengths.extend(len(value.presentation_data_value) - 1 for value in values)

    ae = AE("DEST")
    ae.add_supported_context(CT, EXPLICIT)
    pieces = [DATA, b"\x10\x00\x20\x00L", b"O", b"\x05\x00abc", b"de"]

    async def in_pieces() -> AsyncIterator[Buffer]:
        for piece in pieces:
            yield piece

    instance = Outgoing(sop_class_uid=CT, sop_instance_uid="1.2.3", transfer_syntax_uid=EXPLICIT, open=in_pieces)
    with pynetdicom_scp(ae, (evt.EVT_PDU_RECV, seen), (evt.EVT_C_STORE, lambda _: 0)) as port:
        await all_sent(port, instance)
    assert sum(lengths) > sum(map(len, pieces))
    assert [length for length in lengths[:-1] if length % 2] == []


async def test_more_kinds_than_an_association_has_contexts_take_several() -> None:
    box = Box()
    instances = [outgoing(f"1.{number}", f"1.2.3.{number}", JPEG) for number in range(130)]
    async with listening(box) as listener:
        sent = await all_sent(listener.port, *instances)
    assert {one.status for one in sent} == {0}
    assert [len(request.contexts) for request in box.requests] == [128, 2]


async def test_a_peer_of_another_native_encoding_gets_it_converted_and_of_another_kind_nothing() -> None:
    ae = AE("DEST")
    ae.add_supported_context(CT, IMPLICIT)
    received: list[Dataset] = []

    def keep(event: evt.Event) -> int:
        received.append(event.dataset)
        return 0

    with pynetdicom_scp(ae, (evt.EVT_C_STORE, keep)) as port:
        sent = await all_sent(port, outgoing("1.1"), outgoing("1.2", syntax=JPEG), outgoing("1.3", sop_class="1.2.3"))
    assert [one.status for one in sent] == [0, None, None]
    assert [dataset.PatientID for dataset in received] == ["ID 1"]
    assert f"kept in {JPEG}" in sent[1].why
    assert "takes none" in sent[2].why


async def test_what_the_peer_says_of_each_instance_is_told() -> None:
    ae = AE("DEST")
    ae.add_supported_context(CT, EXPLICIT)
    statuses = iter([0x0000, 0xB000, 0xA700])
    with pynetdicom_scp(ae, (evt.EVT_C_STORE, lambda _: next(statuses))) as port:
        sent = await all_sent(port, outgoing("1.1"), outgoing("1.2"), outgoing("1.3"))
    assert [(one.status, one.is_stored, one.is_warning) for one in sent] == [
        (0, True, False),
        (0xB000, True, True),
        (0xA700, False, False),
    ]
    assert sent[2].why == "A700H, Refused: Out of resources"


async def test_an_instance_that_cannot_be_read_fails_alone() -> None:
    async def broken_at_once() -> AsyncIterator[Buffer]:
        raise PeerFailed("unreadable")
        yield b""

    async def broken_later() -> AsyncIterator[Buffer]:
        yield bytes(1000)
        yield bytes(1000)
        raise PeerFailed("unreadable later")

    def broken(uid: str, how: object) -> Outgoing:
        return Outgoing(sop_class_uid=CT, sop_instance_uid=uid, transfer_syntax_uid=EXPLICIT, open=how)  # type: ignore[arg-type]  # one of the two above

    box = Box()
    async with listening(box) as listener:
        sent = await all_sent(
            listener.port, outgoing("1.1"), broken("1.2", broken_at_once), broken("1.3", broken_later), outgoing("1.4")
        )
    assert [one.status for one in sent] == [0, None, None, 0]
    assert [kept.request.affected_sop_instance_uid for kept in box.instances] == ["1.1", "1.4"]
    assert len(box.requests) == 2


async def test_a_destination_that_is_gone_fails_every_instance_without_being_asked_again() -> None:
    sent = await all_sent(9, *(outgoing(f"1.{number}") for number in range(20)))
    assert {one.status for one in sent} == {None}
    assert len(sent) == 20


async def test_a_peer_that_aborts_each_time_is_not_asked_for_ever() -> None:
    ae = AE("DEST")
    ae.add_supported_context(CT, EXPLICIT)
    asked = []

    def abort(event: evt.Event) -> int:
        asked.append(1)
        event.assoc.abort()
        return 0

    with pynetdicom_scp(ae, (evt.EVT_C_STORE, abort)) as port:
        sent = await all_sent(port, *(outgoing(f"1.{number}") for number in range(10)))
    assert {one.status for one in sent} == {None}
    assert len(asked) == 4


async def test_a_peer_that_does_not_answer_a_store_is_given_up() -> None:
    box = Box()

    async def never(_received: CommandReceived) -> None:
        await asyncio.sleep(30)

    box.more = {CStoreRequest: never}
    async with listening(box, Settings(shutdown_timeout_s=0)) as listener:
        sent = await all_sent(listener.port, outgoing(), settings=Settings(dimse_timeout_s=1))
    assert "did not answer within 1 s" in sent[0].why


# -- C-FIND, C-MOVE, C-GET ---------------------------------------------------------------------------------------------


def identifier(**keys: str) -> bytes:
    dataset = Dataset()
    for keyword, value in keys.items():
        setattr(dataset, keyword, value)
    return json_model.decode(dataset.to_json_dict(), IMPLICIT)


async def test_answers_of_a_find_come_one_by_one_and_can_be_left_early() -> None:
    ae = AE("DEST")
    ae.add_supported_context(FIND, IMPLICIT)
    cancelled = []

    def answer(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        for number in range(50):
            if event.is_cancelled:
                cancelled.append(number)
                yield 0xFE00, None
                return
            dataset = Dataset()
            dataset.PatientID = str(number)
            yield 0xFF00, dataset

    with pynetdicom_scp(ae, (evt.EVT_C_FIND, answer)) as port:
        async with Requestor(Settings()).associate("YOU", at(port), [Proposal(FIND, (IMPLICIT,))]) as peer:
            query = identifier(QueryRetrieveLevel="STUDY", PatientID="")
            everything = [one async for one in scu.find(peer, FIND, query, 5)]
        proposals = [Proposal(FIND, (IMPLICIT,))]
        async with (
            Requestor(Settings()).associate("YOU", at(port), proposals) as peer,
            aclosing(scu.find(peer, FIND, query, 5)) as answers,
        ):
            first = await anext(answers)
    assert len(everything) == 50
    assert first == everything[0]
    assert b"0 " in first


async def test_a_find_that_fails_at_the_peer_is_its_failure() -> None:
    ae = AE("DEST")
    ae.add_supported_context(FIND, IMPLICIT)

    def fail(_event: evt.Event) -> Iterator[tuple[int, None]]:
        yield 0xA700, None

    with pynetdicom_scp(ae, (evt.EVT_C_FIND, fail)) as port:
        async with Requestor(Settings()).associate("YOU", at(port), [Proposal(FIND, (IMPLICIT,))]) as peer:
            with pytest.raises(PeerFailed, match="A700H, Refused: Out of resources"):
                async for _ in scu.find(peer, FIND, identifier(QueryRetrieveLevel="STUDY"), 5):
                    pass


def instances_to_send(count: int) -> Iterator[Dataset]:
    for number in range(count):
        dataset = Dataset()
        dataset.SOPClassUID, dataset.SOPInstanceUID = CT, f"1.2.3.{number + 1}"
        dataset.PatientID = "P1"
        dataset.file_meta = Dataset()
        dataset.file_meta.TransferSyntaxUID = IMPLICIT
        yield dataset


async def test_a_get_brings_the_instances_and_the_counts() -> None:
    ae = AE("DEST")
    ae.add_supported_context(GET, IMPLICIT)
    ae.add_supported_context(CT, IMPLICIT, scu_role=False, scp_role=True)
    received: list[tuple[str, bytes]] = []

    def answer(_event: evt.Event) -> Iterator[object]:
        yield 2
        for dataset in instances_to_send(2):
            yield 0xFF00, dataset

    async def keep(link: Link, _received: CommandReceived, request: CStoreRequest) -> int:
        received.append((request.affected_sop_instance_uid, await link.read_data(10_000)))
        return 0

    with pynetdicom_scp(ae, (evt.EVT_C_GET, answer)) as port:
        proposals = [Proposal(GET, (IMPLICIT,)), Proposal(CT, (IMPLICIT,))]
        roles = [RoleSelection(CT, False, True)]
        async with Requestor(Settings()).associate("YOU", at(port), proposals, roles=roles) as peer:
            query = identifier(QueryRetrieveLevel="STUDY", StudyInstanceUID="1.2.3")
            responses = [one async for one in scu.get(peer, GET, query, keep, 5)]
    assert [uid for uid, _ in received] == ["1.2.3.1", "1.2.3.2"]
    assert b"P1" in received[0][1]
    assert (responses[-1].status, responses[-1].completed_sub_operations) == (0, 2)


async def test_a_move_tells_how_far_it_is() -> None:
    box = Box()
    ae = AE("DEST")
    ae.add_supported_context(MOVE, IMPLICIT)
    ae.requested_contexts = []
    async with listening(box) as listener:

        def answer(_event: evt.Event) -> Iterator[object]:
            requested = AE()
            requested.add_requested_context(CT, IMPLICIT)
            yield "127.0.0.1", listener.port, {"contexts": requested.requested_contexts}
            yield 2
            for dataset in instances_to_send(2):
                yield 0xFF00, dataset

        with pynetdicom_scp(ae, (evt.EVT_C_MOVE, answer)) as port:
            async with Requestor(Settings()).associate("YOU", at(port), [Proposal(MOVE, (IMPLICIT,))]) as peer:
                query = identifier(QueryRetrieveLevel="STUDY", StudyInstanceUID="1.2.3")
                responses = [one async for one in scu.move(peer, MOVE, query, "BOX", 10)]
    assert (responses[-1].status, responses[-1].completed_sub_operations) == (0, 2)
    assert len(box.instances) == 2


async def test_a_response_that_nobody_asked_for_ends_the_association() -> None:
    box = Box()

    async def answer_wrongly(received: CommandReceived) -> None:
        response = CStoreResponse(message_id_being_responded_to=99, status=0)
        await box.links[0].skip_data()
        await box.links[0].send(received.context_id, response)

    box.more = {CStoreRequest: answer_wrongly}
    async with listening(box) as listener:
        (sent,) = await all_sent(listener.port, outgoing())
    assert "where another message was due" in sent.why
