"""Command sets to and from bytes: always Implicit VR Little Endian, group 0000H (PS3.7 Section 6.3.1, Annex E)."""

import functools
import struct
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from sagittal.dicom.messages.commands import COMMANDS, Command
from sagittal.dicom.upper_layer.protocol_error import LocalProtocolError, RemoteProtocolError

Buffer = bytes | bytearray | memoryview

_ELEMENT: Final = struct.Struct("<HHI")
_US: Final = struct.Struct("<H")
_GROUP_LENGTH: Final = struct.Struct("<HHII")
_COMMAND_FIELD, _DATA_SET_TYPE = 0x0100, 0x0800
_NO_DATA_SET: Final = 0x0101
_MAX_ELEMENTS: Final = 256

_FIELDS: Final = {
    "affected_sop_class_uid": (0x0002, "UI"),
    "requested_sop_class_uid": (0x0003, "UI"),
    "message_id": (0x0110, "US"),
    "message_id_being_responded_to": (0x0120, "US"),
    "move_destination": (0x0600, "AE"),
    "priority": (0x0700, "US"),
    "status": (0x0900, "US"),
    "offending_element": (0x0901, "AT"),
    "error_comment": (0x0902, "LO"),
    "error_id": (0x0903, "US"),
    "affected_sop_instance_uid": (0x1000, "UI"),
    "requested_sop_instance_uid": (0x1001, "UI"),
    "event_type_id": (0x1002, "US"),
    "attribute_identifier_list": (0x1005, "AT"),
    "action_type_id": (0x1008, "US"),
    "remaining_sub_operations": (0x1020, "US"),
    "completed_sub_operations": (0x1021, "US"),
    "failed_sub_operations": (0x1022, "US"),
    "warning_sub_operations": (0x1023, "US"),
    "move_originator_aet": (0x1030, "AE"),
    "move_originator_message_id": (0x1031, "US"),
}
"""Element number in group 0000H and VR of each field (PS3.7 Table E.1-1)."""


def encode_command(command: Command) -> bytes:
    """The command set of `command`, Command Group Length included.

    >>> from sagittal.dicom.messages.commands import CEchoRequest
    >>> decode_command(encode_command(CEchoRequest(message_id=7))).message_id
    7
    """
    layout = _layout(type(command))
    parts: list[bytes] = []
    for number, name, write, _ in layout.elements:
        if name is None:
            value = layout.command_field if number == _COMMAND_FIELD else _data_set_type(command)
        else:
            value = getattr(command, name)
            if value is None:
                continue
            value = write(value)
        parts.append(_ELEMENT.pack(0, number, len(value)))
        parts.append(value)
    body = b"".join(parts)
    return _GROUP_LENGTH.pack(0, 0, 4, len(body)) + body


def decode_command(data: Buffer) -> Command:
    """The command in a command set; RemoteProtocolError when it is none. Elements it does not know are passed over."""
    elements = _split(data)
    kind = COMMANDS.get(_number(elements, _COMMAND_FIELD, "Command Field"))
    if kind is None:
        raise RemoteProtocolError(f"Command Field {_number(elements, _COMMAND_FIELD, 'Command Field'):04X}H is unknown")
    # Any: msgspec checks the names and types of what is put together here by table
    fields: dict[str, Any] = {}
    for number, name, _, read in _layout(kind).elements:
        value = elements.get(number)
        if value and name is not None:
            fields[name] = read(value)
    fields["has_data_set"] = _number(elements, _DATA_SET_TYPE, "Command Data Set Type") != _NO_DATA_SET
    try:
        return kind(**fields)
    except TypeError as error:
        raise RemoteProtocolError(f"{kind.__name__}: {error}") from None


def _split(data: Buffer) -> dict[int, bytes]:
    """Value of each element by its number in group 0000H."""
    data = bytes(data)  # slices of it are cheaper than of a view
    elements: dict[int, bytes] = {}
    position, end = 0, len(data)
    while position < end:
        if end - position < _ELEMENT.size:
            raise RemoteProtocolError("the command set ends inside an element header")
        group, number, length = _ELEMENT.unpack_from(data, position)
        position += _ELEMENT.size
        if group != 0:
            raise RemoteProtocolError(f"the command set has an element ({group:04X},{number:04X}) outside group 0000H")
        if length > end - position:
            raise RemoteProtocolError(f"(0000,{number:04X}) announces {length} bytes where {end - position} are left")
        if len(elements) >= _MAX_ELEMENTS:
            raise RemoteProtocolError(f"the command set has more than {_MAX_ELEMENTS} elements")
        elements[number] = data[position : position + length]
        position += length
    return elements


def _number(elements: Mapping[int, bytes], number: int, name: str) -> int:
    value = elements.get(number)
    if value is None:
        raise RemoteProtocolError(f"the command set has no {name} (0000,{number:04X})")
    return _read_number(value)


def _data_set_type(command: Command) -> bytes:
    return _US.pack(0x0001 if command.has_data_set else _NO_DATA_SET)


# -- values by VR ------------------------------------------------------------------------------------------------------


def _read_number(value: bytes) -> int:
    if len(value) != 2:
        raise RemoteProtocolError(f"a command element of VR US has 2 bytes; got {len(value)}")
    number: int = _US.unpack(value)[0]
    return number


def _read_text(value: bytes) -> str:
    return value.decode("latin-1").strip("\0 ")


def _read_tags(value: bytes) -> tuple[int, ...]:
    if len(value) % 4:
        raise RemoteProtocolError(f"a command element of VR AT has tags of 4 bytes; got {len(value)}")
    numbers = struct.unpack(f"<{len(value) // 2}H", value)
    return tuple(group << 16 | element for group, element in zip(numbers[::2], numbers[1::2], strict=True))


def _write_number(value: int) -> bytes:
    if not 0 <= value <= 0xFFFF:
        raise LocalProtocolError(f"a command element of VR US takes 0 to 65535; got {value}")
    return _US.pack(value)


def _write_uid(value: str) -> bytes:
    data = value.encode("ascii", "replace")
    return data + b"\0" if len(data) % 2 else data


def _write_text(value: str) -> bytes:
    data = value.encode("ascii", "replace")[:64]
    return data + b" " if len(data) % 2 else data


def _write_tags(value: tuple[int, ...]) -> bytes:
    return b"".join(struct.pack("<HH", tag >> 16, tag & 0xFFFF) for tag in value)


# Any: each writer takes what its reader gives
_VRS: Final[dict[str, tuple[Callable[[Any], bytes], Callable[[bytes], object]]]] = {
    "US": (_write_number, _read_number),
    "UI": (_write_uid, _read_text),
    "AE": (_write_text, _read_text),
    "LO": (_write_text, _read_text),
    "AT": (_write_tags, _read_tags),
}


class _Layout(NamedTuple):
    """How a command is written: its elements in order of their numbers (number, field, writer, reader)."""

    command_field: bytes
    elements: tuple[tuple[int, str | None, Callable[[Any], bytes], Callable[[bytes], object]], ...]  # Any: as above


@functools.cache
def _layout(kind: type[Command]) -> _Layout:
    names = [field.name for field in msgspec.structs.fields(kind) if field.name != "has_data_set"]
    lines: list[tuple[int, str | None, Callable[[Any], bytes], Callable[[bytes], object]]]  # Any: as above
    lines = [(_FIELDS[name][0], name, *_VRS[_FIELDS[name][1]]) for name in names]
    lines += [(_COMMAND_FIELD, None, *_VRS["US"]), (_DATA_SET_TYPE, None, *_VRS["US"])]
    return _Layout(_US.pack(kind.command_field), tuple(sorted(lines, key=lambda line: line[0])))
