"""PDUs to and from bytes: round trips, pynetdicom as the other hand, and bytes that are nothing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pynetdicom import pdu as oracle

from sagittal.dicom.upper_layer import pdu as pdus
from sagittal.dicom.upper_layer.items import (
    ContextAnswer,
    ProposedContext,
    RoleSelection,
    SOPClassCommonExtended,
    SOPClassExtended,
    UserIdentity,
    UserInformation,
    write_item,
)
from sagittal.dicom.upper_layer.pdu import (
    Abort,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    Pdu,
    ReleaseReply,
    ReleaseRequest,
    decode,
    encode,
)
from sagittal.dicom.upper_layer.protocol_error import LocalProtocolError, RemoteProtocolError

uids = st.from_regex(r"[1-9][0-9]{0,8}(\.[1-9][0-9]{0,8}){1,5}", fullmatch=True)
titles = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="\\"), min_size=1, max_size=16)
ids = st.integers(0, 127).map(lambda number: 2 * number + 1)
octets = st.integers(0, 255)
users = st.builds(
    UserInformation,
    max_length=st.one_of(st.just(0), st.integers(128, 2**32 - 1)),
    implementation_class_uid=uids,
    implementation_version_name=titles,
    async_operations=st.none() | st.tuples(st.integers(0, 65535), st.integers(0, 65535)),
    roles=st.lists(st.builds(RoleSelection, uids, st.booleans(), st.booleans()), max_size=3).map(tuple),
    extended=st.lists(st.builds(SOPClassExtended, uids, st.binary(max_size=8)), max_size=3).map(tuple),
    common_extended=st.lists(
        st.builds(SOPClassCommonExtended, uids, uids, st.lists(uids, max_size=3).map(tuple)), max_size=3
    ).map(tuple),
    user_identity=st.none()
    | st.builds(UserIdentity, st.integers(1, 5), st.booleans(), st.binary(max_size=20), st.binary(max_size=20)),
    user_identity_response=st.none() | st.binary(max_size=20),
)
requests = st.builds(
    AssociateRequest,
    called_aet=titles,
    calling_aet=titles,
    contexts=st.lists(
        st.builds(ProposedContext, ids, uids, st.lists(uids, max_size=4).map(tuple)),
        max_size=5,
        unique_by=lambda context: context.context_id,
    ).map(tuple),
    user=users,
)
accepts = st.builds(
    AssociateAccept,
    called_aet=titles,
    calling_aet=titles,
    contexts=st.lists(
        st.builds(ContextAnswer, ids, st.just(0), uids) | st.builds(ContextAnswer, ids, st.integers(1, 4)),
        max_size=5,
        unique_by=lambda context: context.context_id,
    ).map(tuple),
    user=users,
)
small = st.one_of(
    st.builds(AssociateReject, result=octets, source=octets, reason=octets),
    st.builds(Abort, source=octets, reason=octets),
    st.just(ReleaseRequest()),
    st.just(ReleaseReply()),
)


@given(st.one_of(requests, accepts, small))
def test_what_is_encoded_decodes_to_the_same(pdu: Pdu) -> None:
    data = encode(pdu)
    assert int.from_bytes(data[2:6]) == len(data) - 6
    assert decode(data[0], data[6:]) == pdu


@settings(max_examples=30)
@given(requests)
def test_pynetdicom_reads_the_same_request(request: AssociateRequest) -> None:
    theirs = oracle.A_ASSOCIATE_RQ()
    theirs.decode(encode(request))
    assert theirs.called_ae_title == request.called_aet
    assert theirs.calling_ae_title == request.calling_aet
    assert [
        (context.context_id, str(context.abstract_syntax), tuple(map(str, context.transfer_syntax)))
        for context in theirs.presentation_context
    ] == [(context.context_id, context.abstract_syntax, context.transfer_syntaxes) for context in request.contexts]
    items = theirs.user_information
    assert items.maximum_length == request.user.max_length
    assert {str(uid): (bool(role.scu_role), bool(role.scp_role)) for uid, role in items.role_selection.items()} == {
        role.sop_class_uid: (role.is_scu, role.is_scp) for role in request.user.roles
    }


@given(st.integers(0, 255), st.binary(max_size=300))
def test_arbitrary_bytes_are_a_pdu_or_the_peers_protocol_error(kind: int, body: bytes) -> None:
    try:
        decode(kind, body)
    except RemoteProtocolError:
        pass


@given(requests, st.data())
def test_a_damaged_request_is_a_pdu_or_the_peers_protocol_error(request: AssociateRequest, data: st.DataObject) -> None:
    body = bytearray(encode(request)[6:])
    position = data.draw(st.integers(68, len(body) - 1))
    body[position] = data.draw(octets)
    try:
        decode(pdus.ASSOCIATE_RQ, bytes(body[: data.draw(st.integers(0, len(body)))]))
    except RemoteProtocolError:
        pass


def with_items(*items: bytes) -> bytes:
    return encode(AssociateRequest(called_aet="A", calling_aet="B", contexts=()))[6:] + b"".join(items)


def test_items_of_unknown_types_are_passed_over() -> None:
    future = write_item(0x99, b"future")
    user = write_item(0x50, write_item(0x51, (16384).to_bytes(4)) + write_item(0x7E, b"whatever"))
    context = write_item(0x20, bytes((1, 0, 0, 0)) + write_item(0x30, b"1.2") + future)
    request = decode(pdus.ASSOCIATE_RQ, with_items(future, context, user))
    assert isinstance(request, AssociateRequest)
    assert (request.user.max_length, request.contexts) == (16384, (ProposedContext(1, "1.2", ()),))
    answer = write_item(0x21, bytes((1, 0, 0, 0)) + future + write_item(0x40, b"1.2"))
    accept = decode(pdus.ASSOCIATE_AC, with_items(future, answer, user))
    assert isinstance(accept, AssociateAccept)
    assert accept.contexts == (ContextAnswer(1, 0, "1.2"),)


def test_an_acceptance_without_a_transfer_syntax_is_none() -> None:
    with pytest.raises(RemoteProtocolError, match="accepted without a transfer syntax"):
        decode(pdus.ASSOCIATE_AC, with_items(write_item(0x21, bytes((1, 0, 0, 0)))))


def test_a_rejected_context_may_name_any_transfer_syntax_or_none() -> None:
    head = encode(AssociateAccept(called_aet="A", calling_aet="B", contexts=()))[6:]
    for inner in (b"", write_item(0x40, b""), write_item(0x40, b"\xff\xff")):
        accept = decode(pdus.ASSOCIATE_AC, head + write_item(0x21, bytes((5, 0, 3, 0)) + inner))
        assert isinstance(accept, AssociateAccept)
        assert accept.contexts == (ContextAnswer(5, 3, ""),)


@pytest.mark.parametrize(
    ("items", "complaint"),
    [
        ((write_item(0x20, bytes((2, 0, 0, 0)) + write_item(0x30, b"1.2")),), "not odd"),
        ((write_item(0x20, bytes((1, 0, 0, 0))),), "no abstract syntax"),
        ((write_item(0x20, bytes((1, 0, 0, 0)) + write_item(0x30, b"1.2")),) * 2, "twice"),
        ((write_item(0x20, bytes((1, 0, 0, 0)) + write_item(0x30, b"\xe9")),), "not ASCII"),
        ((write_item(0x20, b"\1"),), "fewer than 4"),
        ((b"\x20\0\0\xff\1",), "announces 255 bytes where 1 are left"),
        ((b"\x20\0",), "inside an item header"),
        ((write_item(0x50, write_item(0x51, b"\0")),), "not 4"),
        ((write_item(0x50, write_item(0x51, (16).to_bytes(4))),), "below 128"),
        ((write_item(0x50, write_item(0x53, b"\0")),), "not 4"),
        ((write_item(0x50, write_item(0x54, b"\0\x031.2\1")),), "before its roles"),
        ((write_item(0x50, write_item(0x54, b"\0")),), "inside a length"),
        ((write_item(0x50, write_item(0x54, b"\0\x091.2\1")),), "announces 9 bytes"),
        ((write_item(0x50, write_item(0x58, b"\1")),), "fewer than 2"),
    ],
)
def test_a_broken_item_is_named(items: tuple[bytes, ...], complaint: str) -> None:
    with pytest.raises(RemoteProtocolError, match=complaint):
        decode(pdus.ASSOCIATE_RQ, with_items(*items))


def test_a_request_has_at_most_128_presentation_contexts() -> None:
    item = write_item(0x20, bytes((1, 0, 0, 0)) + write_item(0x30, b"1.2"))
    with pytest.raises(RemoteProtocolError, match="more than 128"):
        decode(pdus.ASSOCIATE_RQ, with_items(item * 129))
    contexts = tuple(ProposedContext(1, "1.2", ()) for _ in range(129))
    with pytest.raises(LocalProtocolError, match="more than 128"):
        encode(AssociateRequest(called_aet="A", calling_aet="B", contexts=contexts))


def test_a_million_tiny_items_are_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="more than 16384 items"):
        decode(pdus.ASSOCIATE_RQ, with_items(write_item(0x99, b"") * 20_000))


def test_what_does_not_fit_is_not_sent() -> None:
    with pytest.raises(LocalProtocolError, match="at most 16 characters"):
        encode(AssociateRequest(called_aet="A" * 17, calling_aet="B", contexts=()))
    with pytest.raises(LocalProtocolError, match="at most 65535 bytes"):
        write_item(0x40, bytes(65536))


def test_a_passcode_is_not_shown() -> None:
    assert "secret" not in repr(UserIdentity(2, False, b"name", b"secret"))
