"""A line as a DICOM audit message (PS3.15 Section A.5.1)."""

import base64
import datetime as dt
import re
from collections.abc import Iterator
from typing import Final, NamedTuple, cast
from xml.etree import ElementTree as ET  # written only, never parsed

from sagittal.audit.acts import EVENTS, SUCCESS, Code, Event, Kind
from sagittal.audit.line import Line

_SOURCE: Final = Code("110153", "Source Role ID")
_DESTINATION: Final = Code("110152", "Destination Role ID")
_APPLICATION: Final = Code("110150", "Application")
_STUDY: Final = Code("110180", "Study Instance UID")
_NODE: Final = Code("110182", "Node ID")
_SOP_CLASS: Final = Code("110181", "SOP Class UID")

# What XML 1.0 cannot hold, not even escaped.
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_SENDERS: Final = ("store", "import")
_RECEIVERS: Final = ("read", "send", "export")


class Reporter(NamedTuple):
    """Who reports (PS3.15 Section A.5.2): AuditSourceID and AuditEnterpriseSiteID."""

    source: str
    site: str = ""


def message_of(line: Line, reporter: Reporter) -> bytes:
    """The message, an XML document in UTF-8 on one line."""
    event = EVENTS[cast("Kind", line.kind)]  # lines are made of acts only
    root = ET.Element("AuditMessage")
    _event(root, line, event)
    _participants(root, line, reporter)
    site = {"AuditEnterpriseSiteID": _xml(reporter.site)} if reporter.site else {}
    source = ET.SubElement(root, "AuditSourceIdentification", {**site, "AuditSourceID": _xml(reporter.source)})
    ET.SubElement(source, "AuditSourceTypeCode", {"csd-code": "4"})
    for one in _objects(line, event):
        root.append(one)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document.replace(b"\n", b"", 1)  # after the declaration


def _event(root: ET.Element, line: Line, event: Event) -> None:
    identification = ET.SubElement(
        root,
        "EventIdentification",
        {
            "EventActionCode": event.action,
            "EventDateTime": utc(line.at_ns),
            "EventOutcomeIndicator": str(line.outcome),
        },
    )
    _coded(identification, "EventID", event.event)
    if event.type is not None:
        _coded(identification, "EventTypeCode", event.type)
    if line.outcome != SUCCESS and line.detail:
        ET.SubElement(identification, "EventOutcomeDescription").text = _xml(line.detail)


def _participants(root: ET.Element, line: Line, reporter: Reporter) -> None:
    actor = {"UserID": _xml(line.actor) or line.actor_kind, "UserIsRequestor": "true"}
    if line.door == "dimse" and line.actor:
        actor["AlternativeUserID"] = f"AETITLE={_xml(line.actor)}"
    if line.address:
        actor |= {"NetworkAccessPointID": _xml(line.address), "NetworkAccessPointTypeCode": "2"}
    them = ET.SubElement(root, "ActiveParticipant", actor)
    us = ET.SubElement(root, "ActiveParticipant", {"UserID": _xml(reporter.source), "UserIsRequestor": "false"})
    if line.door == "dimse" and line.called:
        us.set("AlternativeUserID", f"AETITLE={_xml(line.called)}")
    if line.kind in _SENDERS:
        _coded(them, "RoleIDCode", _SOURCE)
        _coded(us, "RoleIDCode", _DESTINATION)
    elif line.kind in _RECEIVERS:
        _coded(them, "RoleIDCode", _DESTINATION)
        _coded(us, "RoleIDCode", _SOURCE)
    else:
        _coded(us, "RoleIDCode", _APPLICATION)


def _objects(line: Line, event: Event) -> Iterator[ET.Element]:
    if line.study_instance_uid:
        study = _object(line.study_instance_uid, _STUDY, "2", "3", event.life_cycle)
        ET.SubElement(study, "ParticipantObjectName").text = line.study_instance_uid
        _details(study, line, count=str(line.count), until=utc(line.until_ns), subject=line.subject)
        yield study
    if line.patient:
        # RFC 3881 code 2: Patient Number. The identity is hashed, so that a ledger that leaves the house names nobody.
        patient = _object(line.patient, Code("2", "Patient Number"), "1", "1", "")
        patient[0].set("codeSystemName", "RFC-3881")
        ET.SubElement(patient, "ParticipantObjectName").text = "keyed hash"
        yield patient
    if line.kind == "query":
        query = _object(line.subject or "query", _SOP_CLASS, "2", "24", "")
        said = base64.b64encode(line.detail.encode()).decode()
        ET.SubElement(query, "ParticipantObjectQuery").text = said
        yield query
    elif line.subject and not line.study_instance_uid:
        other = _object(line.subject, _NODE, "2", "13", "")
        ET.SubElement(other, "ParticipantObjectName").text = _xml(line.subject)
        _details(other, line)
        yield other


def _object(identity: str, code: Code, type_code: str, role: str, life_cycle: str) -> ET.Element:
    attributes = {
        "ParticipantObjectID": _xml(identity),
        "ParticipantObjectTypeCode": type_code,
        "ParticipantObjectTypeCodeRole": role,
    }
    if life_cycle:
        attributes["ParticipantObjectDataLifeCycle"] = life_cycle
    element = ET.Element("ParticipantObjectIdentification", attributes)
    _coded(element, "ParticipantObjectIDTypeCode", code)
    return element


def _details(element: ET.Element, line: Line, **more: str) -> None:
    for name, value in {"detail": line.detail, "facility": line.facility, **more}.items():
        if value:
            said = base64.b64encode(value.encode()).decode()
            ET.SubElement(element, "ParticipantObjectDetail", {"type": name, "value": said})


def _coded(parent: ET.Element, name: str, code: Code) -> None:
    ET.SubElement(parent, name, {"csd-code": code.value, "codeSystemName": "DCM", "originalText": code.meaning})


def utc(at_ns: int) -> str:
    """A time in nanoseconds since 1970-01-01 UTC as RFC 3339 writes it, to the microsecond."""
    seconds, rest = divmod(at_ns, 1_000_000_000)
    moment = dt.datetime.fromtimestamp(seconds, dt.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest // 1000:06}Z"


def _xml(text: str) -> str:
    return _NOT_XML.sub("�", text)
