"""Command sets to and from bytes, with pynetdicom as the other hand."""

import types
import typing
from io import BytesIO

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynetdicom import dimse_messages, dsutils

from sagittal.dicom.messages.command_set import decode_command, encode_command
from sagittal.dicom.messages.commands import (
    COMMANDS,
    RESPONSE_TO,
    CCancelRequest,
    CEchoRequest,
    CMoveResponse,
    Command,
    CStoreRequest,
    CStoreResponse,
)
from sagittal.dicom.messages.statuses import category, describe
from sagittal.dicom.upper_layer.protocol_error import LocalProtocolError, RemoteProtocolError

texts = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64)
numbers = st.integers(0, 0xFFFF)
tags = st.lists(st.integers(0, 0xFFFFFFFF), min_size=1, max_size=4).map(tuple)
VALUES: dict[object, st.SearchStrategy[object]] = {str: texts, int: numbers, bool: st.booleans(), tuple[int, ...]: tags}


def values_of(annotation: object) -> st.SearchStrategy[object]:
    if isinstance(annotation, types.UnionType):
        return st.one_of(*(st.none() if arm is type(None) else VALUES[arm] for arm in typing.get_args(annotation)))
    return VALUES[annotation]


def any_of(kind: type[Command]) -> st.SearchStrategy[Command]:
    fields = {field.name: values_of(field.type) for field in msgspec.structs.fields(kind)}
    return st.builds(kind, **fields)


commands = st.one_of(*(any_of(kind) for kind in COMMANDS.values()))


@given(commands)
def test_what_is_encoded_decodes_to_the_same(command: Command) -> None:
    assert decode_command(encode_command(command)) == command


@given(commands)
def test_pydicom_reads_the_same_elements(command: Command) -> None:
    data = encode_command(command)
    dataset = dsutils.decode(BytesIO(data), True, True)
    assert dataset.CommandGroupLength == len(data) - 12
    assert dataset.CommandField == command.command_field
    assert (dataset.CommandDataSetType != 0x0101) is command.has_data_set
    assert list(dataset.keys()) == sorted(dataset.keys())


def test_the_table_has_every_message_of_the_standard() -> None:
    theirs = {dimse_messages._MESSAGE_TYPES[field][0].replace("_", "") for field in COMMANDS}
    ours = {kind.__name__.replace("Request", "RQ").replace("Response", "RSP").upper() for kind in COMMANDS.values()}
    assert {name.replace("-", "") for name in theirs} == ours
    assert set(COMMANDS) == set(dimse_messages._MESSAGE_TYPES) - {0xFFFF}
    assert {field | 0x8000 for field in COMMANDS if field < 0x8000 and field != 0x0FFF} == {
        kind.command_field for kind in RESPONSE_TO.values()
    }


def test_a_store_request_is_the_bytes_of_the_standard() -> None:
    request = CStoreRequest(
        message_id=1, affected_sop_class_uid="1.2", affected_sop_instance_uid="1.2.3", move_originator_aet="CT"
    )
    assert encode_command(request) == bytes.fromhex(
        "0000 0000 04000000 4c000000"  # group length 76
        "0000 0200 04000000 312e3200"
        "0000 0001 02000000 0100"
        "0000 1001 02000000 0100"
        "0000 0007 02000000 0000"
        "0000 0008 02000000 0100"
        "0000 0010 06000000 312e322e3300"
        "0000 3010 02000000 4354"
    )


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_a_command_or_the_peers_protocol_error(data: bytes) -> None:
    try:
        decode_command(data)
    except RemoteProtocolError:
        pass


@given(commands, st.data())
def test_a_damaged_command_is_a_command_or_the_peers_protocol_error(command: Command, data: st.DataObject) -> None:
    body = bytearray(encode_command(command))
    body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        decode_command(bytes(body[: data.draw(st.integers(0, len(body)))]))
    except RemoteProtocolError:
        pass


def element(number: int, value: bytes, group: int = 0) -> bytes:
    return group.to_bytes(2, "little") + number.to_bytes(2, "little") + len(value).to_bytes(4, "little") + value


ECHO = encode_command(CEchoRequest(message_id=1))


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "no Command Field"),
        (element(0x0100, b"\x99\x99"), "Command Field 9999H is unknown"),
        (element(0x0100, b"\x30"), "VR US has 2 bytes; got 1"),
        (element(0x0100, b"\x30\0"), "no Command Data Set Type"),
        (element(0x0100, b"\x30\0") + element(0x0800, b"\1\1"), "message_id"),
        (ECHO + b"\0\0", "inside an element header"),
        (ECHO + element(0x0010, b"x", group=8), r"\(0008,0010\) outside group 0000H"),
        (ECHO + b"\0\0\x02\x09\x08\0\0\0abc", r"\(0000,0902\) announces 8 bytes where 3 are left"),
        (b"".join(element(0x2000 + number, b"") for number in range(300)), "more than 256 elements"),
        (
            encode_command(CStoreResponse(message_id_being_responded_to=1, status=0)) + element(0x0901, b"\1\2"),
            "tags of 4 bytes",
        ),
    ],
)
def test_a_broken_command_set_is_named(data: bytes, complaint: str) -> None:
    with pytest.raises(RemoteProtocolError, match=complaint):
        decode_command(data)


def test_elements_that_are_unknown_or_empty_are_passed_over() -> None:
    data = ECHO + element(0x5110, b"\1\0") + element(0x0002, b"")
    assert decode_command(data) == CEchoRequest(message_id=1)


def test_a_count_beyond_16_bits_is_not_sent() -> None:
    with pytest.raises(LocalProtocolError, match="0 to 65535; got 70000"):
        encode_command(CMoveResponse(message_id_being_responded_to=1, status=0xFF00, remaining_sub_operations=70000))


def test_a_long_comment_is_cut_to_what_its_element_takes() -> None:
    comment = decode_command(
        encode_command(CStoreResponse(message_id_being_responded_to=1, status=0, error_comment="é" * 99))
    )
    assert isinstance(comment, CStoreResponse)
    assert comment.error_comment == "?" * 64


def test_a_cancel_carries_no_data_set() -> None:
    assert decode_command(encode_command(CCancelRequest(message_id_being_responded_to=5))) == CCancelRequest(
        message_id_being_responded_to=5
    )


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (0, "success"),
        (0xFF00, "pending"),
        (0xFF01, "pending"),
        (0xFE00, "cancel"),
        (0x0001, "warning"),
        (0xB000, "warning"),
        (0xBFFF, "warning"),
        (0xA700, "failure"),
        (0xC123, "failure"),
        (0x0122, "failure"),
        (0x4242, "failure"),
    ],
)
def test_each_status_is_of_one_kind(status: int, kind: str) -> None:
    assert category(status) == kind


@pytest.mark.parametrize("status", [0, 0x0122, 0xA7FF, 0xA9FF, 0xB123, 0xC0FF, 0xFE00, 0xFF01])
def test_a_status_is_told_in_words(status: int) -> None:
    assert describe(status) != "Unknown status"
    assert describe(0x4242) == "Unknown status"
