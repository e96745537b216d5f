"""The protocol data units of PS3.8 Section 9.3, to and from bytes.

P-DATA-TF is not among the structs: its fragments pass through `association` without being gathered.

>>> decode(0x07, encode(Abort(source=2, reason=6))[6:])
Abort(source=2, reason=6)
"""

import struct
from typing import Final, assert_never

import msgspec

from sagittal.dicom.upper_layer.framing import Buffer
from sagittal.dicom.upper_layer.items import (
    APPLICATION_CONTEXT,
    MAX_PRESENTATION_CONTEXTS,
    ContextAnswer,
    ProposedContext,
    UserInformation,
    decode_context_answer,
    decode_proposed_context,
    decode_uid,
    decode_user_information,
    encode_context_answer,
    encode_proposed_context,
    encode_user_information,
    split_items,
    write_item,
)
from sagittal.dicom.upper_layer.protocol_error import (
    UNRECOGNIZED_PDU,
    LocalProtocolError,
    RemoteProtocolError,
)

ASSOCIATE_RQ: Final = 0x01
ASSOCIATE_AC: Final = 0x02
ASSOCIATE_RJ: Final = 0x03
RELEASE_RQ: Final = 0x05
RELEASE_RP: Final = 0x06
ABORT: Final = 0x07

_HEADER = struct.Struct(">BxI")
_ASSOCIATE = struct.Struct(">Hxx16s16s32x")


class AssociateRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A-ASSOCIATE-RQ (PS3.8 Table 9-11)."""

    called_aet: str
    calling_aet: str
    contexts: tuple[ProposedContext, ...]
    user: UserInformation = UserInformation()
    application_context: str = APPLICATION_CONTEXT
    protocol_version: int = 1


class AssociateAccept(msgspec.Struct, frozen=True, kw_only=True):
    """A-ASSOCIATE-AC (PS3.8 Table 9-17). The titles repeat the request's and are not to be tested by its receiver."""

    called_aet: str
    calling_aet: str
    contexts: tuple[ContextAnswer, ...]
    user: UserInformation = UserInformation()
    application_context: str = APPLICATION_CONTEXT
    protocol_version: int = 1


class AssociateReject(msgspec.Struct, frozen=True, kw_only=True):
    """A-ASSOCIATE-RJ; the numbers are those of PS3.8 Table 9-21."""

    result: int
    source: int
    reason: int


class ReleaseRequest(msgspec.Struct, frozen=True):
    """A-RELEASE-RQ (PS3.8 Table 9-24)."""


class ReleaseReply(msgspec.Struct, frozen=True):
    """A-RELEASE-RP (PS3.8 Table 9-25)."""


class Abort(msgspec.Struct, frozen=True, kw_only=True):
    """A-ABORT (PS3.8 Table 9-26): source 0 service-user, 2 service-provider."""

    source: int = 0
    reason: int = 0


Pdu = AssociateRequest | AssociateAccept | AssociateReject | ReleaseRequest | ReleaseReply | Abort

# Result, source and reason of rejections (PS3.8 Table 9-21).
NO_REASON_GIVEN: Final = AssociateReject(result=1, source=1, reason=1)
APPLICATION_CONTEXT_NOT_SUPPORTED: Final = AssociateReject(result=1, source=1, reason=2)
CALLING_AET_NOT_RECOGNIZED: Final = AssociateReject(result=1, source=1, reason=3)
CALLED_AET_NOT_RECOGNIZED: Final = AssociateReject(result=1, source=1, reason=7)
PROTOCOL_VERSION_NOT_SUPPORTED: Final = AssociateReject(result=1, source=2, reason=2)
TEMPORARY_CONGESTION: Final = AssociateReject(result=2, source=3, reason=1)
LOCAL_LIMIT_EXCEEDED: Final = AssociateReject(result=2, source=3, reason=2)


def decode(kind: int, body: Buffer) -> Pdu:
    """The PDU of type `kind` whose variable field is `body`; RemoteProtocolError if it is none.

    Not for P-DATA-TF.
    """
    data = memoryview(body)
    if kind == ASSOCIATE_RQ:
        return _decode_request(data)
    if kind == ASSOCIATE_AC:
        return _decode_accept(data)
    if kind not in (ASSOCIATE_RJ, RELEASE_RQ, RELEASE_RP, ABORT):
        raise RemoteProtocolError(f"PDU type {kind:02X}H is not one of PS3.8", UNRECOGNIZED_PDU)
    if len(data) != 4:
        raise RemoteProtocolError(f"PDU type {kind:02X}H has 4 bytes; got {len(data)}")
    if kind == ASSOCIATE_RJ:
        return AssociateReject(result=data[1], source=data[2], reason=data[3])
    if kind == ABORT:
        return Abort(source=data[2], reason=data[3])
    return ReleaseRequest() if kind == RELEASE_RQ else ReleaseReply()


def encode(pdu: Pdu) -> bytes:
    """The whole PDU, header included.

    >>> encode(ReleaseRequest()).hex()
    '05000000000400000000'
    """
    match pdu:
        case AssociateRequest():
            return _with_header(ASSOCIATE_RQ, _encode_request(pdu))
        case AssociateAccept():
            return _with_header(ASSOCIATE_AC, _encode_accept(pdu))
        case AssociateReject():
            return _with_header(ASSOCIATE_RJ, bytes((0, pdu.result, pdu.source, pdu.reason)))
        case ReleaseRequest():
            return _with_header(RELEASE_RQ, bytes(4))
        case ReleaseReply():
            return _with_header(RELEASE_RP, bytes(4))
        case Abort():
            return _with_header(ABORT, bytes((0, 0, pdu.source, pdu.reason)))
        case never:  # pragma: no cover
            assert_never(never)


def _with_header(kind: int, body: bytes) -> bytes:
    return _HEADER.pack(kind, len(body)) + body


def _decode_request(data: memoryview) -> AssociateRequest:
    version, called, calling = _head(data, "A-ASSOCIATE-RQ")
    application, user = "", UserInformation()
    contexts: list[ProposedContext] = []
    for kind, value in split_items(data[_ASSOCIATE.size :], "A-ASSOCIATE-RQ"):
        if kind == 0x10:
            application = decode_uid(value, "application context name")
        elif kind == 0x20:
            contexts.append(decode_proposed_context(value))
        elif kind == 0x50:
            user = decode_user_information(value)
    _check_context_ids([context.context_id for context in contexts], "A-ASSOCIATE-RQ")
    return AssociateRequest(
        called_aet=called,
        calling_aet=calling,
        contexts=tuple(contexts),
        user=user,
        application_context=application,
        protocol_version=version,
    )


def _decode_accept(data: memoryview) -> AssociateAccept:
    version, called, calling = _head(data, "A-ASSOCIATE-AC")
    application, user = "", UserInformation()
    contexts: list[ContextAnswer] = []
    for kind, value in split_items(data[_ASSOCIATE.size :], "A-ASSOCIATE-AC"):
        if kind == 0x10:
            application = decode_uid(value, "application context name")
        elif kind == 0x21:
            contexts.append(decode_context_answer(value))
        elif kind == 0x50:
            user = decode_user_information(value)
    _check_context_ids([context.context_id for context in contexts], "A-ASSOCIATE-AC")
    return AssociateAccept(
        called_aet=called,
        calling_aet=calling,
        contexts=tuple(contexts),
        user=user,
        application_context=application,
        protocol_version=version,
    )


def _head(data: memoryview, where: str) -> tuple[int, str, str]:
    if len(data) < _ASSOCIATE.size:
        raise RemoteProtocolError(f"{where} has at least {_ASSOCIATE.size} bytes; got {len(data)}")
    version, called, calling = _ASSOCIATE.unpack_from(data)
    # whether a title is one of ours, or a title at all, is for the negotiation to say
    return version, called.decode("latin-1").strip(" \0"), calling.decode("latin-1").strip(" \0")


def _check_context_ids(ids: list[int], where: str) -> None:
    if len(ids) > MAX_PRESENTATION_CONTEXTS:
        raise RemoteProtocolError(
            f"{where} has {len(ids)} presentation contexts, more than {MAX_PRESENTATION_CONTEXTS}"
        )
    if len(set(ids)) != len(ids):
        raise RemoteProtocolError(f"{where} uses a presentation context ID twice")


def _encode_request(pdu: AssociateRequest) -> bytes:
    contexts = b"".join(map(encode_proposed_context, pdu.contexts))
    return _encode_associate(pdu, contexts)


def _encode_accept(pdu: AssociateAccept) -> bytes:
    contexts = b"".join(map(encode_context_answer, pdu.contexts))
    return _encode_associate(pdu, contexts)


def _encode_associate(pdu: AssociateRequest | AssociateAccept, contexts: bytes) -> bytes:
    if len(pdu.contexts) > MAX_PRESENTATION_CONTEXTS:
        raise LocalProtocolError(f"{len(pdu.contexts)} presentation contexts, more than {MAX_PRESENTATION_CONTEXTS}")
    head = _ASSOCIATE.pack(pdu.protocol_version, _title(pdu.called_aet), _title(pdu.calling_aet))
    application = write_item(0x10, pdu.application_context.encode("ascii"))
    return head + application + contexts + encode_user_information(pdu.user)


def _title(aet: str) -> bytes:
    value = aet.encode("latin-1", "replace").ljust(16)
    if len(value) > 16:
        raise LocalProtocolError(f"an AE title has at most 16 characters; got {len(value)}")
    return value
