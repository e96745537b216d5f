"""What is negotiated: presentation contexts and user information (PS3.8 Section 9.3, PS3.7 Annex D.3).

Values, and the reading and writing of their items. Items of unknown types are passed over.
"""

import struct
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from sagittal.dicom.upper_layer.protocol_error import LocalProtocolError, RemoteProtocolError

APPLICATION_CONTEXT: Final = "1.2.840.10008.3.1.1.1"
"""The DICOM application context name (PS3.7 Section A.2.1)."""

MAX_PRESENTATION_CONTEXTS: Final = 128
_MAX_ITEMS: Final = 16_384  # of one kind in one place: a bound on the work that one association PDU can ask for
_MIN_MAX_LENGTH: Final = 128  # a peer that takes less per P-DATA-TF asks for a PDU per word

_ITEM = struct.Struct(">BxH")
_U16 = struct.Struct(">H")
_U32 = struct.Struct(">I")


class ProposedContext(msgspec.Struct, frozen=True):
    """An abstract syntax and the transfer syntaxes in which the requestor can do it, in its order of preference."""

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


class ContextAnswer(msgspec.Struct, frozen=True):
    """The acceptor's word on one proposal. `transfer_syntax` means something only if accepted (PS3.8 Table 9-18)."""

    context_id: int
    result: int
    transfer_syntax: str = ""

    @property
    def is_accepted(self) -> bool:
        return self.result == ACCEPTANCE


# Results of a presentation context (PS3.8 Table 9-18).
ACCEPTANCE: Final = 0
USER_REJECTION: Final = 1
NO_REASON: Final = 2
ABSTRACT_SYNTAX_NOT_SUPPORTED: Final = 3
TRANSFER_SYNTAXES_NOT_SUPPORTED: Final = 4


class RoleSelection(msgspec.Struct, frozen=True):
    """Who may be SCU and SCP of a SOP class, as seen from the requestor (PS3.7 Section D.3.3.4)."""

    sop_class_uid: str
    is_scu: bool
    is_scp: bool


class SOPClassExtended(msgspec.Struct, frozen=True):
    """Service class application information of a SOP class, one octet for each feature (PS3.7 Section D.3.3.5)."""

    sop_class_uid: str
    information: bytes


class SOPClassCommonExtended(msgspec.Struct, frozen=True):
    """Of which service class a SOP class is, and which general ones it specializes (PS3.7 Section D.3.3.6)."""

    sop_class_uid: str
    service_class_uid: str
    related_general_sop_class_uids: tuple[str, ...] = ()


class UserIdentity(msgspec.Struct, frozen=True):
    """Who asks: 1 name, 2 name and passcode, 3 Kerberos, 4 SAML, 5 JSON Web Token (PS3.7 Section D.3.3.7)."""

    kind: int
    wants_response: bool
    primary: bytes
    secondary: bytes = b""

    def __repr__(self) -> str:  # a passcode never reaches a log
        return f"UserIdentity(kind={self.kind}, wants_response={self.wants_response})"


class UserInformation(msgspec.Struct, frozen=True, kw_only=True):
    """The user information item of an A-ASSOCIATE PDU.

    Attributes:
        max_length: the longest P-DATA-TF variable field the sender takes, bytes; 0 for no limit.
        async_operations: (operations invoked, performed) at the same time, 0 for no limit; None when not negotiated.
        user_identity_response: the acceptor's answer to a user identity; None when there is none.
    """

    max_length: int = 0
    implementation_class_uid: str = ""
    implementation_version_name: str = ""
    async_operations: tuple[int, int] | None = None
    roles: tuple[RoleSelection, ...] = ()
    extended: tuple[SOPClassExtended, ...] = ()
    common_extended: tuple[SOPClassCommonExtended, ...] = ()
    user_identity: UserIdentity | None = None
    user_identity_response: bytes | None = None


# -- cutting -----------------------------------------------------------------------------------------------------------


def split_items(data: memoryview, where: str) -> Iterator[tuple[int, memoryview]]:
    """(item type, value) of each item in `data`; RemoteProtocolError when one reaches beyond the end."""
    position, end, count = 0, len(data), 0
    while position < end:
        if end - position < _ITEM.size:
            raise RemoteProtocolError(f"{where} ends inside an item header")
        kind, length = _ITEM.unpack_from(data, position)
        position += _ITEM.size
        if length > end - position:
            raise RemoteProtocolError(
                f"{where}: item {kind:02X}H announces {length} bytes where {end - position} are left"
            )
        count += 1
        if count > _MAX_ITEMS:
            raise RemoteProtocolError(f"{where} has more than {_MAX_ITEMS} items")
        yield kind, data[position : position + length]
        position += length


def decode_uid(value: memoryview | bytes, where: str) -> str:
    """A UID of an item, without padding. Its form is for the negotiation to judge."""
    try:
        return bytes(value).decode("ascii").strip("\0 ")
    except UnicodeDecodeError:
        raise RemoteProtocolError(f"{where} is not ASCII") from None


def write_item(kind: int, value: bytes) -> bytes:
    """One item with its header."""
    if len(value) > 0xFFFF:
        raise LocalProtocolError(f"item {kind:02X}H takes at most 65535 bytes; got {len(value)}")
    return _ITEM.pack(kind, len(value)) + value


def _counted(data: memoryview, position: int, where: str) -> tuple[memoryview, int]:
    """A value behind a 16 bit length, and the position after it."""
    if len(data) - position < 2:
        raise RemoteProtocolError(f"{where} ends inside a length")
    (length,) = _U16.unpack_from(data, position)
    position += 2
    if length > len(data) - position:
        raise RemoteProtocolError(f"{where} announces {length} bytes where {len(data) - position} are left")
    return data[position : position + length], position + length


def _with_count(value: bytes) -> bytes:
    return _U16.pack(len(value)) + value


# -- presentation contexts (PS3.8 Sections 9.3.2.2 and 9.3.3.2) --------------------------------------------------------


def decode_proposed_context(value: memoryview) -> ProposedContext:
    where = "presentation context item"
    context_id = _context_id(value, where)
    abstract: str | None = None
    syntaxes: list[str] = []
    for kind, inner in split_items(value[4:], where):
        if kind == 0x30:
            abstract = decode_uid(inner, "abstract syntax")
        elif kind == 0x40:
            syntaxes.append(decode_uid(inner, "transfer syntax"))
    if abstract is None:
        raise RemoteProtocolError(f"presentation context {context_id} proposes no abstract syntax")
    return ProposedContext(context_id, abstract, tuple(syntaxes))


def decode_context_answer(value: memoryview) -> ContextAnswer:
    where = "presentation context item"
    context_id = _context_id(value, where)
    syntax = ""
    for kind, inner in split_items(value[4:], where):
        if kind == 0x40:
            # not significant when rejected (PS3.8 Section 9.3.3.2), so not even to be read
            syntax = decode_uid(inner, "transfer syntax") if value[2] == ACCEPTANCE else ""
    if value[2] == ACCEPTANCE and not syntax:
        raise RemoteProtocolError(f"presentation context {context_id} is accepted without a transfer syntax")
    return ContextAnswer(context_id, value[2], syntax)


def _context_id(value: memoryview, where: str) -> int:
    if len(value) < 4:
        raise RemoteProtocolError(f"{where} has {len(value)} bytes, fewer than 4")
    if value[0] % 2 == 0:
        raise RemoteProtocolError(f"presentation context ID {value[0]} is not odd")
    return value[0]


def encode_proposed_context(context: ProposedContext) -> bytes:
    syntaxes = (write_item(0x40, syntax.encode("ascii")) for syntax in context.transfer_syntaxes)
    abstract = write_item(0x30, context.abstract_syntax.encode("ascii"))
    return write_item(0x20, bytes((context.context_id, 0, 0, 0)) + abstract + b"".join(syntaxes))


def encode_context_answer(answer: ContextAnswer) -> bytes:
    head = bytes((answer.context_id, 0, answer.result, 0))
    return write_item(0x21, head + write_item(0x40, answer.transfer_syntax.encode("ascii")))


# -- user information --------------------------------------------------------------------------------------------------


def decode_user_information(value: memoryview) -> UserInformation:
    """The user information item's value (PS3.8 Annex D.1); of what may stand once, the last counts."""
    once: dict[str, object] = {}
    many: dict[str, list[object]] = {}
    for kind, inner in split_items(value, "user information item"):
        line = _READERS.get(kind)
        if line is None:
            continue
        name, is_repeated, reader = line
        if is_repeated:
            many.setdefault(name, []).append(reader(kind, inner))
        else:
            once[name] = reader(kind, inner)
    fields = once | {name: tuple(values) for name, values in many.items()}
    return msgspec.convert(fields, UserInformation, strict=True) if fields else UserInformation()


def encode_user_information(user: UserInformation) -> bytes:
    parts = [
        write_item(0x51, _U32.pack(user.max_length)),
        write_item(0x52, user.implementation_class_uid.encode("ascii")),
    ]
    if user.async_operations is not None:
        parts.append(write_item(0x53, struct.pack(">HH", *user.async_operations)))
    parts += [write_item(0x54, _role_value(role)) for role in user.roles]
    if user.implementation_version_name:
        parts.append(write_item(0x55, user.implementation_version_name.encode("ascii")))
    parts += [
        write_item(0x56, _with_count(item.sop_class_uid.encode("ascii")) + item.information) for item in user.extended
    ]
    parts += [write_item(0x57, _common_value(item)) for item in user.common_extended]
    if user.user_identity is not None:
        parts.append(write_item(0x58, _identity_value(user.user_identity)))
    if user.user_identity_response is not None:
        parts.append(write_item(0x59, _with_count(user.user_identity_response)))
    return write_item(0x50, b"".join(parts))


def _read_max_length(_kind: int, value: memoryview) -> int:
    if len(value) != 4:
        raise RemoteProtocolError(f"maximum length item has {len(value)} bytes, not 4")
    length: int = _U32.unpack(value)[0]
    if 0 < length < _MIN_MAX_LENGTH:
        raise RemoteProtocolError(f"maximum length {length} is below {_MIN_MAX_LENGTH} bytes")
    return length


def _read_uid(kind: int, value: memoryview) -> str:
    return decode_uid(value, f"user information item {kind:02X}H")


def _read_version_name(_kind: int, value: memoryview) -> str:
    return bytes(value).decode("latin-1").strip("\0 ")


def _read_async_operations(_kind: int, value: memoryview) -> tuple[int, int]:
    if len(value) != 4:
        raise RemoteProtocolError(f"asynchronous operations item has {len(value)} bytes, not 4")
    invoked, performed = struct.unpack(">HH", value)
    return invoked, performed


def _read_role(_kind: int, value: memoryview) -> RoleSelection:
    uid, position = _counted(value, 0, "role selection item")
    if len(value) - position < 2:
        raise RemoteProtocolError("role selection item ends before its roles")
    return RoleSelection(decode_uid(uid, "role selection"), value[position] == 1, value[position + 1] == 1)


def _role_value(role: RoleSelection) -> bytes:
    return _with_count(role.sop_class_uid.encode("ascii")) + bytes((role.is_scu, role.is_scp))


def _read_extended(_kind: int, value: memoryview) -> SOPClassExtended:
    uid, position = _counted(value, 0, "SOP class extended negotiation item")
    return SOPClassExtended(decode_uid(uid, "SOP class extended negotiation"), bytes(value[position:]))


def _read_common(_kind: int, value: memoryview) -> SOPClassCommonExtended:
    where = "SOP class common extended negotiation item"
    sop_class, position = _counted(value, 0, where)
    service_class, position = _counted(value, position, where)
    related, _ = _counted(value, position, where)
    uids: list[str] = []
    position = 0
    while position < len(related):
        uid, position = _counted(related, position, where)
        uids.append(decode_uid(uid, where))
    return SOPClassCommonExtended(decode_uid(sop_class, where), decode_uid(service_class, where), tuple(uids))


def _common_value(item: SOPClassCommonExtended) -> bytes:
    related = b"".join(_with_count(uid.encode("ascii")) for uid in item.related_general_sop_class_uids)
    uids = (item.sop_class_uid, item.service_class_uid)
    return b"".join(_with_count(uid.encode("ascii")) for uid in uids) + _with_count(related)


def _read_identity(_kind: int, value: memoryview) -> UserIdentity:
    where = "user identity item"
    if len(value) < 2:
        raise RemoteProtocolError(f"{where} has {len(value)} bytes, fewer than 2")
    primary, position = _counted(value, 2, where)
    secondary, _ = _counted(value, position, where)
    return UserIdentity(value[0], value[1] == 1, bytes(primary), bytes(secondary))


def _identity_value(identity: UserIdentity) -> bytes:
    head = bytes((identity.kind, identity.wants_response))
    return head + _with_count(identity.primary) + _with_count(identity.secondary)


def _read_identity_response(_kind: int, value: memoryview) -> bytes:
    return bytes(_counted(value, 0, "user identity response item")[0])


_READERS: Final[dict[int, tuple[str, bool, Callable[[int, memoryview], object]]]] = {
    0x51: ("max_length", False, _read_max_length),
    0x52: ("implementation_class_uid", False, _read_uid),
    0x53: ("async_operations", False, _read_async_operations),
    0x54: ("roles", True, _read_role),
    0x55: ("implementation_version_name", False, _read_version_name),
    0x56: ("extended", True, _read_extended),
    0x57: ("common_extended", True, _read_common),
    0x58: ("user_identity", False, _read_identity),
    0x59: ("user_identity_response", False, _read_identity_response),
}
"""Item type: field of UserInformation, whether it may stand several times, and how it is read."""
