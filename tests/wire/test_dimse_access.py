"""Who may do what over DIMSE: every role with every service, two facilities, and devices that are not let in."""

import hashlib
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, get_args

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, build_role, evt
from pynetdicom.association import Association

from sagittal.access import devices, policy
from sagittal.access.policy import DEFAULT
from sagittal.dimse.negotiation import Kind
from sagittal.runtime.actor import ROLES, Action, Role
from support.archives import instance
from support.certificates import certificate
from support.deployment import NORTH, SOUTH, Deployment, deployed, destinations
from support.dimse import Ran, run
from support.peers import require
from support.server import free_port

MR, VERIFICATION = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.1.1"
EXPLICIT = "1.2.840.10008.1.2.1"
FIND, MOVE, GET = (f"1.2.840.10008.5.1.4.1.2.1.{number}" for number in (1, 2, 3))  # patient root: all levels
HERE, THERE, MISSING = "1.2.5.1", "1.2.5.2", "1.2.5.3"
NOT_AUTHORIZED = 0x0124
AET = {role: f"AET{number}" for number, role in enumerate(ROLES)}
LEVELS = ("PATIENT", "STUDY", "SERIES", "IMAGE")

SERVICES: dict[Kind, tuple[Action, ...]] = {
    "verification": (),
    "storage": ("store",),
    "find": ("query",),
    "get": ("read",),
    "move": ("send", "read"),  # to others; to the peer itself
}


class Sink(NamedTuple):
    """Takes what C-MOVE sends."""

    port: int
    came: list[str]


class Site(NamedTuple):
    deployment: Deployment
    sink: Sink

    @property
    def port(self) -> int:
        return self.deployment.listener.port


def one(study: str) -> Dataset:
    uids = {"StudyInstanceUID": study, "SeriesInstanceUID": f"{study}.1", "SOPInstanceUID": f"{study}.1.1"}
    return instance(**uids, PatientID=study)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    came: list[str] = []

    def on_store(event: evt.Event) -> int:
        came.append(str(event.request.AffectedSOPInstanceUID))
        return 0

    taker = AE("SINK")
    taker.add_supported_context(MR)
    port = free_port()
    server = taker.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, on_store)])
    where = destinations(OTHER=port, **dict.fromkeys(AET.values(), port))
    try:
        with deployed(tmp_path_factory.mktemp("site") / "data", destinations=where) as deployment:
            deployment.keep(NORTH, one(HERE))
            deployment.keep(SOUTH, one(THERE))
            for role, aet in AET.items():
                deployment.device(aet, NORTH, role=role)
            yield Site(deployment, Sink(port, came))
    finally:
        server.shutdown()


def associated(site: Site, aet: str, called: str = "SAGITTAL") -> Association:
    peer = AE(aet)
    for uid in (VERIFICATION, FIND, MOVE, GET, MR):
        peer.add_requested_context(uid, EXPLICIT)
    return peer.associate(
        "127.0.0.1",
        site.port,
        ae_title=called,
        ext_neg=[build_role(MR, scp_role=True, scu_role=True)],
        evt_handlers=[(evt.EVT_C_STORE, lambda _: 0)],
    )


@pytest.fixture(scope="module", params=ROLES)
def role(request: pytest.FixtureRequest) -> Role:
    found: Role = request.param
    return found


@pytest.fixture(scope="module")
def peer(site: Site, role: Role) -> Iterator[Association]:
    association = associated(site, AET[role])
    assert association.is_established
    yield association
    association.release()


def may(role: Role, action: Action) -> bool:
    return any(rule.role == role and action in rule.actions for rule in DEFAULT)


def reaches(role: Role, action: Action, study: str) -> bool:
    """Nothing is shared, assigned or referred here."""
    return study == HERE and any(
        rule.role == role and action in rule.actions and rule.relation == "performed_here" for rule in DEFAULT
    )


def key(level: str, study: str) -> Dataset:
    asked = Dataset()
    asked.QueryRetrieveLevel = level
    asked.PatientID = study
    for depth, name in enumerate(("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"), 1):
        if LEVELS.index(level) >= depth:
            setattr(asked, name, study + ".1" * (depth - 1))
    return asked


def test_every_service_is_in_the_table() -> None:
    assert set(SERVICES) == set(get_args(Kind))


def test_whoever_is_let_in_may_ask_for_an_echo(peer: Association) -> None:
    assert peer.send_c_echo().Status == 0


@pytest.mark.parametrize("level", LEVELS)
def test_c_find_finds_what_the_policy_says(peer: Association, role: Role, level: str) -> None:
    for study in (HERE, THERE, MISSING):
        answers = list(peer.send_c_find(key(level, study), FIND))
        assert answers[-1][0].Status == (0 if may(role, "query") else NOT_AUTHORIZED)
        assert len(answers) - 1 == reaches(role, "query", study)


@pytest.mark.parametrize("level", LEVELS)
def test_c_get_gives_what_the_policy_says(peer: Association, role: Role, level: str) -> None:
    said = {}
    for study in (HERE, THERE, MISSING):
        status, _ = list(peer.send_c_get(key(level, study), GET))[-1]
        assert (status.Status == NOT_AUTHORIZED) is not may(role, "read")
        assert status.get("NumberOfCompletedSuboperations", 0) == reaches(role, "read", study)
        said[study] = [element for element in status if element.tag.group == 0 and element.tag.element != 0x0120]
    assert said[THERE] == said[MISSING]


@pytest.mark.parametrize("level", LEVELS)
def test_c_move_to_others_is_sending_and_to_oneself_is_reading(
    site: Site, peer: Association, role: Role, level: str
) -> None:
    for destination, action in (("OTHER", "send"), (AET[role], "read")):
        for study in (HERE, THERE, MISSING):
            site.sink.came.clear()
            status, _ = list(peer.send_c_move(key(level, study), destination, MOVE))[-1]
            assert (status.Status == NOT_AUTHORIZED) is not may(role, action)  # type: ignore[arg-type]  # both are actions
            assert site.sink.came == ([f"{HERE}.1.1"] if reaches(role, action, study) else [])  # type: ignore[arg-type]  # as above


def test_c_store_takes_what_the_policy_says(peer: Association, role: Role) -> None:
    for study in (HERE, THERE):
        status = peer.send_c_store(one(study)).Status
        assert status == (0 if reaches(role, "store", study) else NOT_AUTHORIZED)


def test_what_is_refused_is_in_the_ledger(site: Site) -> None:
    auditor = associated(site, AET["auditor"])
    list(auditor.send_c_find(key("STUDY", HERE), FIND))
    auditor.release()
    technologist = associated(site, AET["technologist"])
    technologist.send_c_store(one(THERE))
    technologist.release()
    said = {(line["actor"], line["subject"]) for line in site.deployment.lines(kind="refusal", door="dimse")}
    assert {(AET["auditor"], "query"), (AET["technologist"], "store")} <= said


def test_a_device_that_nobody_knows_is_not_let_in_and_is_in_the_ledger(site: Site) -> None:
    assert associated(site, "NOBODY").is_rejected
    (line,) = site.deployment.lines(kind="node refused", actor="NOBODY")
    assert (line["address"], line["called"], line["subject"]) == ("127.0.0.1", "SAGITTAL", "associate")


def test_a_device_is_let_in_from_its_address_only(site: Site) -> None:
    site.deployment.device("ELSEWHERE", NORTH, addresses=("192.0.2.0/24",))
    site.deployment.device("HOME", NORTH, addresses=("192.0.2.0/24", "127.0.0.1"))
    assert associated(site, "ELSEWHERE").is_rejected
    assert site.deployment.lines(kind="node refused", actor="ELSEWHERE")
    home = associated(site, "HOME")
    assert home.is_established
    home.release()


def test_a_device_out_of_use_is_not_let_in(site: Site) -> None:
    number = site.deployment.device("BROKEN", NORTH)
    before = associated(site, "BROKEN")
    assert before.is_established
    before.release()
    site.deployment.change(lambda c: devices.set_disabled(c, number, is_disabled=True))
    assert associated(site, "BROKEN").is_rejected
    assert site.deployment.lines(kind="node refused", actor="BROKEN")


def test_the_called_aet_says_which_of_two_facilities_is_meant(site: Site) -> None:
    for facility in (NORTH, SOUTH):
        site.deployment.device("CT1", facility)
    for called, theirs, others in (("NORTH", HERE, THERE), ("SOUTH", THERE, HERE)):
        peer = associated(site, "CT1", called)
        assert len(list(peer.send_c_find(key("STUDY", theirs), FIND))) == 2
        assert len(list(peer.send_c_find(key("STUDY", others), FIND))) == 1
        study = f"{theirs}.9"
        assert peer.send_c_store(one(study)).Status == 0
        peer.release()
        (row,) = site.deployment.run(
            site.deployment.archive.fetch("SELECT facility FROM studies WHERE study_instance_uid = ?", (study,))
        )
        assert row == (called.lower(),)
    assert associated(site, "CT1").is_rejected  # by our own title either could be meant


async def test_dcmtk_is_refused_and_let_in_alike(site: Site) -> None:
    require("echoscu")
    known = await run("echoscu", "-aet", AET["service"], "-aec", "SAGITTAL", "127.0.0.1", site.port)
    unknown = await run("echoscu", "-aet", "STRANGER", "-aec", "SAGITTAL", "127.0.0.1", site.port)
    assert known.status == 0
    assert unknown.status != 0
    assert "Calling AE Title Not Recognized" in unknown.output
    assert site.deployment.lines(kind="node refused", actor="STRANGER")


async def test_under_tls_a_device_is_held_to_its_certificate(tmp_path: Path) -> None:
    require("echoscu")
    server, mine, others, foreign = (certificate(tmp_path, name) for name in ("server", "mine", "others", "foreign"))
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(mine[0].read_bytes() + others[0].read_bytes())
    tls = {"dicom_tls_certificate": server[0], "dicom_tls_key": server[1], "dicom_tls_ca": trusted}

    async def echo(shown: tuple[Path, Path]) -> Ran:
        options = ("+tls", shown[1], shown[0], "+cf", server[0], "-aet", "CT1")
        return await run("echoscu", *options, "127.0.0.1", deployment.listener.port)

    with deployed(tmp_path / "data", **{name: str(path) for name, path in tls.items()}) as deployment:
        der = ssl.PEM_cert_to_DER_cert(mine[0].read_text())
        deployment.device("CT1", NORTH, certificate=hashlib.sha256(der).hexdigest())
        assert (await echo(mine)).status == 0
        assert deployment.lines(kind="node refused") == []
        other = await echo(others)
        assert "Calling AE Title Not Recognized" in other.output
        assert deployment.lines(kind="node refused", actor="CT1", subject="associate")
        assert (await echo(foreign)).status != 0
        assert deployment.lines(kind="node refused", subject="tls handshake", address="127.0.0.1")


def test_what_changes_for_a_device_is_in_force_at_its_next_request(site: Site) -> None:
    number = site.deployment.device("CHANGING", NORTH, role="radiologist")
    query = Dataset()
    query.QueryRetrieveLevel, query.StudyInstanceUID, query.PatientID = "STUDY", "", ""
    association = associated(site, "CHANGING")

    def found() -> set[str]:
        answers = [answer for _, answer in association.send_c_find(query, FIND)]
        return {str(answer.StudyInstanceUID) for answer in answers if answer is not None}

    def stored(study: str) -> int:
        new = one(study)
        new.SOPInstanceUID = f"{study}.1.{site.deployment.archive.now_ns()}"
        new.file_meta.MediaStorageSOPInstanceUID = new.SOPInstanceUID
        return int(association.send_c_store(new).Status)

    assert (HERE in found(), THERE in found(), stored("1.2.5.7")) == (True, False, 0)
    site.deployment.change(lambda c: policy.change(c, "radiologist", "performed_here", ["query"]))
    try:
        assert (HERE in found(), stored("1.2.5.7")) == (True, NOT_AUTHORIZED)
        site.deployment.change(lambda c: policy.change(c, "radiologist", "performed_here", ["store"]))
        site.deployment.change(lambda c: policy.change(c, "radiologist", "shared_with_me", []))
        site.deployment.change(lambda c: policy.change(c, "radiologist", "assigned_to_me", []))
        assert (found(), stored("1.2.5.7")) == (set(), 0)
    finally:
        site.deployment.change(lambda c: policy.reset(c, "radiologist"))
    assert HERE in found()
    site.deployment.change(lambda c: devices.remove(c, number))
    assert found() == set()
    for _ in range(600):
        if association.is_aborted:
            break
        time.sleep(0.05)
    assert association.is_aborted
    refused = site.deployment.lines(kind="node refused", actor="CHANGING")
    assert [line["subject"] for line in refused] == ["associate"]


def test_an_association_of_a_facility_that_goes_elsewhere_follows_it(site: Site) -> None:
    number = site.deployment.device("MOVING", NORTH, role="radiologist")
    association = associated(site, "MOVING")
    query = Dataset()
    query.QueryRetrieveLevel, query.StudyInstanceUID = "STUDY", ""

    def found() -> set[str]:
        answers = [answer for _, answer in association.send_c_find(query, FIND)]
        return {str(answer.StudyInstanceUID) for answer in answers if answer is not None}

    assert (HERE in found(), THERE in found()) == (True, False)
    site.deployment.change(lambda c: devices.remove(c, number))
    site.deployment.device("MOVING", SOUTH, role="radiologist")
    assert (HERE in found(), THERE in found()) == (False, True)
    association.release()
