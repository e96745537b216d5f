"""CPU of one C-STORE in the pure layers, without socket and archive. `python -m bench.upper_layer`."""

import time
from collections.abc import Callable

from sagittal.dicom.messages.assembly import MessageReader
from sagittal.dicom.messages.command_set import encode_command
from sagittal.dicom.messages.commands import CStoreRequest, CStoreResponse
from sagittal.dicom.upper_layer.association import Association
from sagittal.dicom.upper_layer.framing import Fragment
from sagittal.dicom.upper_layer.items import ContextAnswer, ProposedContext, UserInformation
from sagittal.dicom.upper_layer.pdu import AssociateAccept, AssociateRequest

CHUNK_BYTES = 65_536  # of a receive
MR, EXPLICIT = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.1.2.1"
UID = "1.2.826.0.1.3680043.8.498.10203040506070809010203040506070809"
RQ = CStoreRequest(message_id=1, affected_sop_class_uid=MR, affected_sop_instance_uid=UID)
RSP = CStoreResponse(
    message_id_being_responded_to=1, status=0, affected_sop_class_uid=MR, affected_sop_instance_uid=UID
)


def pair(max_pdu_bytes: int) -> tuple[Association, Association]:
    """A requestor and an acceptor that takes PDUs of `max_pdu_bytes`, associated."""
    requestor, acceptor = Association(is_requestor=True), Association(is_requestor=False)
    acceptor.connected(0)
    request = AssociateRequest(
        called_aet="B", calling_aet="A", contexts=(ProposedContext(1, MR, (EXPLICIT,)),), user=UserInformation()
    )
    requestor.send(request, 0)
    requestor.connected(0)
    acceptor.receive(b"".join(requestor.outgoing()), 0)
    user = UserInformation(max_length=max_pdu_bytes)
    acceptor.send(
        AssociateAccept(called_aet="B", calling_aet="A", contexts=(ContextAnswer(1, 0, EXPLICIT),), user=user), 0
    )
    requestor.receive(b"".join(acceptor.outgoing()), 0)
    return requestor, acceptor


def rows() -> list[tuple[str, float]]:
    """(what, microseconds of CPU for each C-STORE)."""
    out = []
    for size, max_pdu_bytes in ((10_000, 16_384), (525_000, 16_384), (525_000, 131_072)):
        what = f"{size / 1000:.0f} KB in PDUs of {max_pdu_bytes // 1024} KB"
        requestor, acceptor = pair(max_pdu_bytes)
        data = bytes(size)

        def send(requestor: Association = requestor, data: bytes = data) -> bytes:
            requestor.send_data(1, encode_command(RQ), is_command=True, is_last=True)
            requestor.send_data(1, data, is_command=False, is_last=True)
            return b"".join(requestor.outgoing())

        stream = send()
        chunks = [stream[start : start + CHUNK_BYTES] for start in range(0, len(stream), CHUNK_BYTES)]
        messages = MessageReader()

        def receive(
            acceptor: Association = acceptor, chunks: list[bytes] = chunks, messages: MessageReader = messages
        ) -> None:
            for chunk in chunks:
                for event in acceptor.receive(chunk, 0):
                    if isinstance(event, Fragment):
                        messages.receive(event)
            acceptor.send_data(1, encode_command(RSP), is_command=True, is_last=True)
            acceptor.outgoing()

        out.append((f"SCP, {what}", cpu_us(receive)))
        out.append((f"SCU with one join, {what}", cpu_us(send)))
    return out


def cpu_us(function: Callable[[], object], at_least_s: float = 0.3) -> float:
    count, began = 0, time.process_time()
    while (elapsed := time.process_time() - began) < at_least_s:
        function()
        count += 1
    return elapsed / count * 1e6


if __name__ == "__main__":
    for what, us in rows():
        print(f"{what:45} {us:8.1f} us")
