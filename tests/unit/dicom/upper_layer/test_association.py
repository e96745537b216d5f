"""An association between two Associations, and between one and a peer that breaks its promises."""

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagittal.dicom.upper_layer.association import Aborted, Association, Event, Limits
from sagittal.dicom.upper_layer.framing import Fragment
from sagittal.dicom.upper_layer.items import ContextAnswer, ProposedContext, UserInformation
from sagittal.dicom.upper_layer.pdu import (
    CALLED_AET_NOT_RECOGNIZED,
    PROTOCOL_VERSION_NOT_SUPPORTED,
    Abort,
    AssociateAccept,
    AssociateRequest,
    ReleaseReply,
    ReleaseRequest,
    encode,
)
from sagittal.dicom.upper_layer.protocol_error import LocalProtocolError
from sagittal.dicom.upper_layer.state import State

REQUEST = AssociateRequest(
    called_aet="SAGITTAL",
    calling_aet="CT1",
    contexts=(ProposedContext(1, "1.2.840.10008.1.1", ("1.2.840.10008.1.2",)), ProposedContext(3, "1.2.3", ("1.2.4",))),
    user=UserInformation(max_length=16384, implementation_class_uid="1.2"),
)
ACCEPT = AssociateAccept(
    called_aet="SAGITTAL",
    calling_aet="CT1",
    contexts=(ContextAnswer(1, 0, "1.2.840.10008.1.2"), ContextAnswer(3, 3)),
    user=UserInformation(max_length=1000, implementation_class_uid="1.2"),
)


def sent(association: Association) -> bytes:
    return b"".join(association.outgoing())


def pair(limits: Limits | None = None) -> tuple[Association, Association]:
    """A requestor and an acceptor, associated."""
    requestor, acceptor = Association(is_requestor=True), Association(is_requestor=False, limits=limits)
    acceptor.connected(0)
    requestor.send(REQUEST, 0)
    requestor.connected(0)
    assert acceptor.receive(sent(requestor), 0) == [REQUEST]
    acceptor.send(ACCEPT, 0)
    assert requestor.receive(sent(acceptor), 0) == [ACCEPT]
    return requestor, acceptor


def joined(events: Iterable[Event]) -> list[object]:
    """The events with the fragments of each command or data set joined: what does not depend on the cutting."""
    out: list[object] = []
    data = b""
    for event in events:
        if isinstance(event, Fragment):
            data += event.data
            if event.is_last:
                out.append((event.context_id, event.is_command, data))
                data = b""
        elif isinstance(event, Aborted) and event.error is not None:
            out.append((str(event.error), event.error.reason, data))
        else:
            out.append(event)
    return out


def test_both_sides_know_what_was_agreed() -> None:
    requestor, acceptor = pair()
    assert requestor.contexts == acceptor.contexts == {1: "1.2.840.10008.1.2"}
    assert (requestor.peer_max_length, acceptor.peer_max_length) == (1000, 16384)
    assert requestor.state is acceptor.state is State.ESTABLISHED
    assert requestor.deadline is acceptor.deadline is None


def test_data_is_cut_to_what_the_peer_takes() -> None:
    requestor, acceptor = pair()
    requestor.send_data(1, bytes(5000), is_command=False, is_last=True)
    pdus = requestor.outgoing()
    assert {len(part) for part in pdus} == {12, 994, 30}
    events = acceptor.receive(b"".join(pdus), 0)
    assert joined(events) == [(1, False, bytes(5000))]


def test_data_is_sent_and_handed_out_without_copying() -> None:
    requestor, acceptor = pair()
    data = bytes(900)
    requestor.send_data(1, data, is_command=False, is_last=True)
    header, body = requestor.outgoing()
    assert body is data
    stream = bytes(header) + bytes(body)
    (event,) = acceptor.receive(stream, 0)
    assert isinstance(event, Fragment)
    assert event.data.obj is stream


def test_data_is_handed_out_before_its_pdu_is_whole() -> None:
    requestor, acceptor = pair()
    requestor.send_data(1, b"ab" * 400, is_command=False, is_last=True)
    stream = sent(requestor)
    (first,) = acceptor.receive(stream[:100], 0)
    assert isinstance(first, Fragment)
    assert (bytes(first.data), first.is_last) == (b"ab" * 44, False)
    assert acceptor.is_mid_pdu
    (rest,) = acceptor.receive(stream[100:], 0)
    assert isinstance(rest, Fragment)
    assert (bytes(rest.data), rest.is_last) == (b"ab" * 356, True)
    assert not acceptor.is_mid_pdu


def test_an_empty_last_fragment_ends_what_was_begun() -> None:
    requestor, acceptor = pair()
    requestor.send_data(1, b"abcd", is_command=False, is_last=False)
    requestor.send_data(1, b"", is_command=False, is_last=True)
    assert joined(acceptor.receive(sent(requestor), 0)) == [(1, False, b"abcd")]


def pdv(data: bytes, control: int, context_id: int = 1) -> bytes:
    return (len(data) + 2).to_bytes(4) + bytes((context_id, control)) + data


def p_data(*pdvs: bytes) -> bytes:
    body = b"".join(pdvs)
    return b"\4\0" + len(body).to_bytes(4) + body


pdvs = st.builds(pdv, st.binary(max_size=30), st.integers(0, 3))
data_pdus = st.lists(pdvs, min_size=1, max_size=4).map(lambda parts: p_data(*parts))
endings = st.sampled_from(
    [
        b"",
        encode(ReleaseRequest()),
        encode(Abort(source=0, reason=0)),
        b"\x09\0\0\0\0\1x",
        p_data(pdv(b"", 3, 3)),
        b"\4\0\0\0",
    ]
)
streams = st.builds(lambda parts, end: b"".join(parts) + end, st.lists(data_pdus, max_size=5), endings)


@given(streams, st.data())
def test_a_stream_means_the_same_however_it_is_cut(stream: bytes, data: st.DataObject) -> None:
    _, whole = pair()
    expected = joined(whole.receive(stream, 0))
    _, acceptor = pair()
    events: list[Event] = []
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        events += acceptor.receive(stream[start:end], 0)
    assert joined(events) == expected
    assert sent(acceptor) == sent(whole)
    assert acceptor.state is whole.state


@given(st.lists(st.integers(0, 250), max_size=6))
def test_a_request_means_the_same_however_it_is_cut(cuts: list[int]) -> None:
    stream = encode(REQUEST)
    acceptor = Association(is_requestor=False)
    acceptor.connected(0)
    events: list[Event] = []
    places = sorted(min(cut, len(stream)) for cut in cuts)
    for start, end in zip([0, *places], [*places, len(stream)], strict=True):
        events += acceptor.receive(stream[start:end], 0)
    assert events == [REQUEST]


@settings(max_examples=300)
@given(st.lists(st.binary(max_size=60), max_size=5), st.sampled_from(["fresh", "established", "requestor"]))
def test_arbitrary_bytes_end_the_association_at_most(chunks: list[bytes], role: str) -> None:
    association = Association(is_requestor=False)
    if role == "fresh":
        association.connected(0)
    elif role == "established":
        association = pair()[1]
    else:
        association = Association(is_requestor=True)
        association.send(REQUEST, 0)
        association.connected(0)
    for chunk in chunks:
        association.receive(chunk, 0)
    association.closed(1)
    assert association.state is State.IDLE


@pytest.mark.parametrize(
    ("stream", "complaint"),
    [
        (b"\4\0\xff\xff\xff\xff", "P-DATA-TF announces 4294967295 bytes, more than max_pdu_bytes=131072"),
        (b"\4\0\0\0\0\0", "fewer than 6"),
        (b"\5\0\0\0\0\5", "more than the length in PS3.8=4"),
        (b"\5\0\0\0\0\3", "fewer than 4"),
        (b"\1\0\0\0\0\x44", "cannot come in ESTABLISHED"),
        (b"\x2a\0\0\0\0\4", "PDU type 2AH is not one"),
        (p_data(pdv(b"x", 0, 3)), "presentation context 3, which was not accepted"),
        (p_data((99).to_bytes(4) + b"\1\0abcd"), "PDV announces 99 bytes"),
        (p_data((1).to_bytes(4) + b"\1\0abcd"), "PDV announces 1 bytes"),
        (p_data(pdv(b"abc", 0), b"\0\0\0"), "ends inside a PDV header"),
    ],
)
def test_a_broken_promise_is_named_and_answered_with_an_abort(stream: bytes, complaint: str) -> None:
    _, acceptor = pair()
    (event,) = acceptor.receive(stream, 5)
    assert isinstance(event, Aborted)
    assert complaint in str(event.error)
    assert sent(acceptor)[:9] == b"\7\0\0\0\0\4\0\0\2"
    assert acceptor.state is State.AWAITING_CLOSE
    assert acceptor.deadline == 15
    assert acceptor.receive(stream, 6) == []


def test_a_long_request_is_refused_by_its_announced_length() -> None:
    acceptor = Association(is_requestor=False, limits=Limits(max_associate_bytes=1000))
    acceptor.connected(0)
    (event,) = acceptor.receive(b"\1\0" + (1001).to_bytes(4), 0)
    assert isinstance(event, Aborted)
    assert "more than max_associate_bytes=1000" in str(event.error)
    assert sent(acceptor) == encode(Abort())


def test_a_silent_peer_is_let_go_when_artim_ends() -> None:
    acceptor = Association(is_requestor=False, limits=Limits(artim_s=10))
    acceptor.connected(100)
    assert acceptor.deadline == 110
    acceptor.expire(109.9)
    assert not acceptor.must_close
    acceptor.expire(110)
    assert acceptor.must_close
    assert acceptor.deadline is None


def test_another_protocol_version_is_rejected_by_the_provider() -> None:
    acceptor = Association(is_requestor=False)
    acceptor.connected(0)
    old = AssociateRequest(called_aet="A", calling_aet="B", contexts=(), protocol_version=2)
    assert acceptor.receive(encode(old), 0) == []
    assert sent(acceptor) == encode(PROTOCOL_VERSION_NOT_SUPPORTED)
    assert acceptor.state is State.AWAITING_CLOSE


def test_a_rejection_closes_the_requestor() -> None:
    requestor, acceptor = Association(is_requestor=True), Association(is_requestor=False)
    acceptor.connected(0)
    requestor.send(REQUEST, 0)
    requestor.connected(0)
    acceptor.receive(sent(requestor), 0)
    acceptor.send(CALLED_AET_NOT_RECOGNIZED, 3)
    assert acceptor.deadline == 13
    assert requestor.receive(sent(acceptor), 3) == [CALLED_AET_NOT_RECOGNIZED]
    assert requestor.must_close


def test_release_is_confirmed_and_closed() -> None:
    requestor, acceptor = pair()
    requestor.send(ReleaseRequest(), 0)
    assert acceptor.receive(sent(requestor), 0) == [ReleaseRequest()]
    acceptor.send(ReleaseReply(), 7)
    assert acceptor.deadline == 17
    assert requestor.receive(sent(acceptor), 7) == [ReleaseReply()]
    assert requestor.must_close
    acceptor.closed(8)
    assert acceptor.state is State.IDLE


def test_data_may_still_come_after_asking_for_release() -> None:
    requestor, acceptor = pair()
    requestor.send(ReleaseRequest(), 0)
    acceptor.send_data(1, b"late", is_command=True, is_last=True)
    assert joined(requestor.receive(sent(acceptor), 0)) == [(1, True, b"late")]


def test_both_may_ask_for_release_at_once() -> None:
    requestor, acceptor = pair()
    requestor.send(ReleaseRequest(), 0)
    acceptor.send(ReleaseRequest(), 0)
    from_requestor, from_acceptor = sent(requestor), sent(acceptor)
    assert requestor.receive(from_acceptor, 0) == acceptor.receive(from_requestor, 0) == [ReleaseRequest()]
    requestor.send(ReleaseReply(), 0)
    assert acceptor.receive(sent(requestor), 0) == [ReleaseReply()]
    acceptor.send(ReleaseReply(), 0)
    assert requestor.receive(sent(acceptor), 0) == [ReleaseReply()]
    assert requestor.must_close


def test_an_abort_tells_who_and_why() -> None:
    requestor, acceptor = pair()
    requestor.send(Abort(source=0, reason=0), 0)
    assert acceptor.receive(sent(requestor), 0) == [Aborted(source=0, reason=0)]
    assert acceptor.must_close


def test_a_lost_connection_is_told() -> None:
    _, acceptor = pair()
    assert acceptor.closed(0) == [Aborted(source=2, reason=0, is_lost=True)]
    assert acceptor.closed(0) == []


def test_what_comes_after_our_abort_is_ignored_even_in_the_middle_of_a_pdu() -> None:
    requestor, acceptor = pair()
    requestor.send_data(1, bytes(3000), is_command=False, is_last=True)
    stream = sent(requestor)
    acceptor.receive(stream[:500], 0)
    acceptor.send(Abort(), 0)
    assert acceptor.receive(stream[500:], 0) == []
    assert acceptor.receive(encode(ReleaseRequest()), 0) == []
    assert sent(acceptor) == encode(Abort())
    assert acceptor.state is State.AWAITING_CLOSE


def test_a_request_in_place_of_silence_is_aborted_again() -> None:
    _, acceptor = pair()
    acceptor.send(Abort(), 0)
    sent(acceptor)
    assert acceptor.receive(encode(REQUEST), 0) == []
    assert sent(acceptor)[:1] == b"\7"


def test_an_answer_to_what_was_not_proposed_is_the_peers_mistake() -> None:
    requestor = Association(is_requestor=True)
    requestor.send(REQUEST, 0)
    requestor.connected(0)
    wrong = AssociateAccept(called_aet="", calling_aet="", contexts=(ContextAnswer(1, 0, "1.2.4"),))
    (event,) = requestor.receive(encode(wrong), 0)
    assert isinstance(event, Aborted)
    assert "what was not proposed" in str(event.error)


def test_our_own_mistakes_are_ours() -> None:
    requestor, acceptor = pair()
    with pytest.raises(LocalProtocolError, match="was not accepted"):
        requestor.send_data(3, b"", is_command=True, is_last=True)
    with pytest.raises(LocalProtocolError, match="RELEASE_RESPONSE_LOCAL cannot be in ESTABLISHED"):
        acceptor.send(ReleaseReply(), 0)
    requestor.send(Abort(), 0)
    with pytest.raises(LocalProtocolError, match="no data can be sent"):
        requestor.send_data(1, b"", is_command=True, is_last=True)
    fresh = Association(is_requestor=False)
    fresh.connected(0)
    fresh.receive(encode(REQUEST), 0)
    wrong = AssociateAccept(called_aet="", calling_aet="", contexts=(ContextAnswer(1, 0, "1.2.4"),))
    with pytest.raises(LocalProtocolError, match="what was not proposed"):
        fresh.send(wrong, 0)
