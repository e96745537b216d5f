import base64
from xml.etree import ElementTree as ET

import pytest

from sagittal.audit.acts import EVENTS, MINOR_FAILURE
from sagittal.audit.line import Act, Line, line_of
from sagittal.audit.message import Reporter, message_of
from sagittal.audit.syslog import framed, syslog_line
from sagittal.runtime.actor import Actor

REPORTER = Reporter(source="pacs", site="district hospital")
ACTOR = Actor(door="dimse", name="CT1", called="SAGITTAL", address="192.0.2.7", facility="north", kind="machine")

# PS3.15 Section A.5.1: the order of child elements and the attributes that have to be there.
CHILDREN = {
    "AuditMessage": (
        "EventIdentification",
        "ActiveParticipant",
        "AuditSourceIdentification",
        "ParticipantObjectIdentification",
    ),
    "EventIdentification": ("EventID", "EventTypeCode", "EventOutcomeDescription"),
    "ActiveParticipant": ("RoleIDCode", "MediaIdentifier"),
    "AuditSourceIdentification": ("AuditSourceTypeCode",),
    "ParticipantObjectIdentification": (
        "ParticipantObjectIDTypeCode",
        "ParticipantObjectName",
        "ParticipantObjectQuery",
        "ParticipantObjectDetail",
        "ParticipantObjectDescription",
    ),
}
NEEDED = {
    "EventIdentification": {"EventDateTime", "EventOutcomeIndicator"},
    "ActiveParticipant": {"UserID", "UserIsRequestor"},
    "AuditSourceIdentification": {"AuditSourceID"},
    "ParticipantObjectIdentification": {"ParticipantObjectID"},
    "EventID": {"csd-code", "codeSystemName", "originalText"},
    "RoleIDCode": {"csd-code", "codeSystemName", "originalText"},
    "ParticipantObjectIDTypeCode": {"csd-code", "codeSystemName", "originalText"},
    "ParticipantObjectDetail": {"type", "value"},
}


def a_line(kind: str = "store", **more: object) -> Line:
    act = Act(kind=kind, actor=ACTOR, **more)  # type: ignore[arg-type]  # a row of the table below
    return line_of(act, seq=1, at_ns=1_700_000_000_123_456_789, until_ns=1_700_000_060_000_000_000, patient="ab12")


def read(line: Line) -> ET.Element:
    return ET.fromstring(message_of(line, REPORTER))


@pytest.mark.parametrize("kind", EVENTS)
def test_every_act_makes_a_message_of_the_schema(kind: str) -> None:
    root = read(a_line(kind, study_instance_uid="1.2.3" if EVENTS[kind].is_of_study else "", subject="x"))  # type: ignore[index]
    for element in root.iter():
        allowed = CHILDREN.get(element.tag, ())
        places = [allowed.index(child.tag) for child in element]
        assert places == sorted(places)
        assert NEEDED.get(element.tag, set()) <= set(element.attrib)
    one_of = {"ParticipantObjectName", "ParticipantObjectQuery"}
    for thing in root.findall("ParticipantObjectIdentification"):
        assert len([child for child in thing if child.tag in one_of]) == 1


def test_a_store_names_sender_receiver_and_study() -> None:
    root = read(a_line(study_instance_uid="1.2.3", count=100))
    them, us = root.findall("ActiveParticipant")
    assert them.get("AlternativeUserID") == "AETITLE=CT1"
    assert them.get("NetworkAccessPointID") == "192.0.2.7"
    assert them[0].get("csd-code") == "110153"
    assert us[0].get("csd-code") == "110152"
    study, patient = root.findall("ParticipantObjectIdentification")
    assert study.get("ParticipantObjectID") == "1.2.3"
    assert patient.get("ParticipantObjectID") == "ab12"
    details = {one.get("type"): base64.b64decode(one.get("value", "")) for one in study.iter("ParticipantObjectDetail")}
    assert details["count"] == b"100"


def test_the_time_is_universal_and_exact_to_the_microsecond() -> None:
    event = read(a_line()).find("EventIdentification")
    assert event is not None
    assert event.get("EventDateTime") == "2023-11-14T22:13:20.123456Z"


def test_a_refusal_says_why() -> None:
    root = read(a_line("refusal", outcome=MINOR_FAILURE, detail="no grant for purge"))
    assert root.findtext("EventIdentification/EventOutcomeDescription") == "no grant for purge"


def test_markup_and_control_characters_do_no_harm() -> None:
    hostile = Actor(door="dicomweb", name='"><x>\x00\x1b\ud800', address="::1")
    line = line_of(Act(kind="sign-in", actor=hostile), seq=1, at_ns=0, until_ns=0, patient="")
    participant = read(line).find("ActiveParticipant")
    assert participant is not None
    assert participant.get("UserID") == '"><x>��?'


def test_a_message_is_one_line() -> None:
    assert b"\n" not in message_of(a_line(study_instance_uid="1.2"), REPORTER)


def test_a_syslog_frame_counts_octets() -> None:
    line = syslog_line("<a>é</a>".encode(), at="2026-01-02T03:04:05Z", host="h", app="sagittal", process=1)
    length, _, rest = framed(line).partition(b" ")
    assert int(length) == len(rest) == len(line)
