"""Messages out of fragments."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagittal.dicom.messages.assembly import MAX_COMMAND_BYTES, CommandReceived, DataReceived, MessageReader
from sagittal.dicom.messages.command_set import encode_command
from sagittal.dicom.messages.commands import CEchoRequest, CStoreRequest
from sagittal.dicom.upper_layer.framing import Fragment
from sagittal.dicom.upper_layer.protocol_error import RemoteProtocolError

ECHO = CEchoRequest(message_id=1)
STORE = CStoreRequest(message_id=2, affected_sop_class_uid="1.2", affected_sop_instance_uid="1.2.3")


def command(data: bytes, *, is_last: bool = True, context_id: int = 1) -> Fragment:
    return Fragment(context_id, True, is_last, memoryview(data))


def data(value: bytes, *, is_last: bool = True, context_id: int = 1) -> Fragment:
    return Fragment(context_id, False, is_last, memoryview(value))


@given(st.integers(0, 200))
def test_a_command_may_come_in_pieces(cut: int) -> None:
    reader = MessageReader()
    encoded = encode_command(ECHO)
    assert reader.receive(command(encoded[:cut], is_last=False)) is None
    assert reader.is_mid_message
    assert reader.receive(command(encoded[cut:])) == CommandReceived(1, ECHO)
    assert not reader.is_mid_message


def test_a_data_set_is_passed_on_as_it_comes() -> None:
    reader = MessageReader()
    assert reader.receive(command(encode_command(STORE))) == CommandReceived(1, STORE)
    assert reader.receive(data(b"one", is_last=False)) == DataReceived(memoryview(b"one"), False)
    assert reader.is_mid_message
    assert reader.receive(data(b"two")) == DataReceived(memoryview(b"two"), True)
    assert not reader.is_mid_message
    assert reader.receive(command(encode_command(ECHO), context_id=3)) == CommandReceived(3, ECHO)


@pytest.mark.parametrize(
    ("fragments", "complaint"),
    [
        ([data(b"x")], "not of a command set"),
        ([command(encode_command(STORE)), command(encode_command(ECHO))], "not of a data set"),
        ([command(encode_command(STORE)), data(b"x", context_id=3)], "3 comes in the middle of a message in 1"),
        ([command(b"x", is_last=False), command(b"y", context_id=5)], "5 comes in the middle of a message in 1"),
        ([command(bytes(MAX_COMMAND_BYTES), is_last=False), command(b"x")], "more than 65536 bytes"),
    ],
)
def test_what_is_out_of_order_is_the_peers_mistake(fragments: list[Fragment], complaint: str) -> None:
    reader = MessageReader()
    for fragment in fragments[:-1]:
        reader.receive(fragment)
    with pytest.raises(RemoteProtocolError, match=complaint):
        reader.receive(fragments[-1])
