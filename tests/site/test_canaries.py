"""What identifies a patient, and every secret, planted everywhere: it is in no log, ledger, error or header of ours."""

import base64
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from pydicom.datadict import DicomDictionary
from pydicom.dataset import Dataset
from pynetdicom import AE
from typer.testing import CliRunner

from sagittal.access import passwords
from sagittal.access.links import NewLink
from sagittal.cli.app import app
from sagittal.runtime.settings import RoleAt
from support.archives import file_bytes, instance
from support.deployment import NORTH, Deployment, deployed

CANARY = "CANARY"
PASSWORD, PIN, OIDC = "c4nary-pass-word", "c4nary-pin", "c4nary-oidc-secret"
STUDY = "1.2.9.1"
FIND, MOVE = "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.2.2.2"
_TEXTS = {"LO": 64, "SH": 16, "PN": 64, "ST": 100, "LT": 100, "UT": 100}
_GROUPS = (0x0008, 0x0010, 0x0018, 0x0020, 0x0032, 0x0038, 0x0040)


def planted(study: str = STUDY) -> Dataset:
    """An instance with a canary in each attribute of text, at the top and in a sequence, and in private ones."""
    dataset = instance(StudyInstanceUID=study, SeriesInstanceUID=f"{study}.1", SOPInstanceUID=f"{study}.1.1")
    inner = Dataset()
    for tag, (vr, vm, _, retired, _) in DicomDictionary.items():
        if tag >> 16 in _GROUPS and vr in _TEXTS and vm in ("1", "1-n") and not retired and tag != 0x00080005:
            value = f"{CANARY}{tag:08X}"[: _TEXTS[vr]]
            dataset.add_new(tag, vr, value)
            inner.add_new(tag, vr, value)
    dataset.RequestAttributesSequence = [inner]
    block = dataset.private_block(0x0011, CANARY, create=True)
    block.add_new(1, "LO", f"{CANARY} private")
    dataset.PatientBirthDate = "19010203"
    return dataset


class Heard(NamedTuple):
    """What was answered."""

    answers: list[httpx.Response]

    def __call__(self, answer: httpx.Response) -> httpx.Response:
        self.answers.append(answer)
        return answer


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Deployment]:
    with deployed(tmp_path / "data") as deployment:
        yield deployment


def test_canaries_stay_where_they_were_planted(
    site: Deployment, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, logger="pynetdicom")
    heard = Heard([])
    hashed = passwords.hash_password(PASSWORD)
    account = site.account("rad", RoleAt("radiologist", NORTH), password=hashed, facility=NORTH)
    token = site.token(account)
    secrets = [
        PASSWORD,
        PIN,
        hashed,
        token,
        token.removeprefix("sgt_"),
        site.session(account),
        site.link_session(NewLink(STUDY)),
    ]
    site.device("CT1", NORTH, role="service")
    _dimse(site)
    _web(site.client(token=token), heard)
    _web(site.client(), heard)
    _wrong(site, heard)
    told = capfd.readouterr()
    ledger = [
        row
        for table in ("ledger", "ledger_open")
        for row in site.run(site.archive.records.fetch(f"SELECT * FROM {table}", ()))  # one of two
    ]
    assert len(ledger) > 10
    assert len([answer for answer in heard.answers if answer.status_code >= 400]) > 30
    places = {"log": told.out + told.err + caplog.text, "ledger": repr(ledger)}
    for number, answer in enumerate(heard.answers):
        places[f"headers of {number}: {answer.request.url}"] = repr(answer.headers)
        if answer.status_code >= 400:
            places[f"body of {number}: {answer.request.url}"] = answer.text
    for place, text in places.items():
        found = [one for one in (CANARY, "19010203", *secrets) if one in text or one.lower() in text]
        assert found == [], f"{place}: {text[max(0, text.find(found[0]) - 200) :][:400]}"


def _dimse(site: Deployment) -> None:
    """Stores, asks and moves, well and badly."""
    peer = AE("CT1")
    for uid in (FIND, MOVE, "1.2.840.10008.5.1.4.1.1.4"):
        peer.add_requested_context(uid, "1.2.840.10008.1.2.1")
    association = peer.associate("127.0.0.1", site.listener.port)
    assert association.is_established
    assert association.send_c_store(planted()).Status == 0
    changed = planted()
    changed.PatientName = f"{CANARY}^Other"
    assert association.send_c_store(changed).Status == 0xB000  # kept beside
    nowhere = planted("1.2.9.2")
    del nowhere.StudyInstanceUID
    assert association.send_c_store(nowhere).Status != 0
    for key, value in (("PatientName", f"{CANARY}*"), ("StudyDate", CANARY), ("PatientID", CANARY)):
        asked = Dataset()
        asked.QueryRetrieveLevel = "STUDY"
        asked.StudyInstanceUID = ""
        asked.add_new(key, {"PatientName": "PN", "StudyDate": "LO", "PatientID": "LO"}[key], value)
        list(association.send_c_find(asked, FIND))
        list(association.send_c_move(asked, "NOWHERE", MOVE))
    association.release()


def _web(client: httpx.Client, heard: Heard) -> None:
    """Asks for everything with canaries wherever a client can put them."""
    for level in ("studies", "series", "instances", f"studies/{STUDY}/series", "patients"):
        for query in (
            f"PatientName={CANARY}*",
            f"PatientID={CANARY}",
            f"StudyDate={CANARY}",
            f"StudyTime={CANARY}",
            f"limit={CANARY}",
            f"Nothing={CANARY}",
            f"PatientBirthDate=19010203-{CANARY}",
            f"PatientComments={CANARY}",
            f"fuzzymatching={CANARY}",
        ):
            heard(client.get(f"/dicom-web/{level}?{query}"))
    base = f"/dicom-web/studies/{STUDY}"
    for path in ("", "/metadata", "/rendered", "/thumbnail", "/bulkdata", f"/{CANARY}"):
        heard(client.get(base + path))
        heard(client.get(base + path, headers={"accept": f"text/{CANARY}", "x-request-id": "ours"}))
        heard(client.get(base + path + f"?viewport={CANARY}&window={CANARY}&accept={CANARY}"))
    heard(client.get(f"/wado?requestType={CANARY}&studyUID=1.2.99"))
    head = {"content-type": 'multipart/related; type="application/dicom"; boundary=x'}
    whole = file_bytes(planted("1.2.9.3"))
    for body in (whole, whole[:2000], whole[132:]):
        parts = b"--x\r\nContent-Type: application/dicom\r\n\r\n" + body + b"\r\n--x--\r\n"
        heard(client.post("/dicom-web/studies", content=parts, headers=head))
        heard(client.post("/dicom-web/studies/1.2.9.4", content=parts, headers=head))
    heard(client.post("/dicom-web/studies", content=whole, headers={"content-type": f"text/{CANARY}"}))
    for path, said in (
        ("/api/rejections", {"study": "1.2.9.9", "reason": CANARY}),
        ("/api/rejections", {"study": "1.2.9.3", "note": CANARY, CANARY: 1}),
        ("/api/shares", {"study": STUDY, "account": "nobody"}),
        ("/api/consents", {"patient_id": CANARY, "purpose": CANARY, "is_given": True}),
        ("/api/consents", {"patient_id": f"{CANARY}00100020", "purpose": "export", "is_given": False}),
        ("/api/holds", {"patient_id": CANARY, "reason": CANARY}),
        (f"/api/studies/{STUDY}/break-glass", {"reason": f"{CANARY} is unconscious"}),
    ):
        heard(client.post(path, json=said))
    heard(client.get(base, headers={"accept": "application/zip"}))  # the patient said no
    heard(client.get(f"/api/shares?study=1.2.99&x={CANARY}"))
    heard(client.get(f"/{CANARY}"))


def _wrong(site: Deployment, heard: Heard) -> None:
    """Shows what is wrong, and what is right in the wrong place."""
    for said in (f"{PASSWORD}:{CANARY}", f"rad:{PASSWORD}x", f"rad:{PASSWORD}"):
        basic = base64.b64encode(said.encode()).decode()
        heard(site.client().get("/dicom-web/studies", headers={"authorization": f"Basic {basic}"}))
    heard(site.client(token=f"sgt_{CANARY}").get("/dicom-web/studies"))
    heard(site.client(cookie=CANARY).get("/dicom-web/studies"))
    own = {"sec-fetch-site": "same-origin"}
    site.client().post("/sign-in", data={"name": PASSWORD, "password": CANARY}, headers=own)  # the form has it again
    heard(site.client().post("/sign-in", data={"name": "rad", "password": f"{PASSWORD}x"}, headers=own))
    heard(site.client().post(f"/link/{CANARY}", data={"pin": PIN}, headers=own))
    heard(site.client().get(f"/first-start/{CANARY}"))


def test_settings_are_shown_without_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGITTAL_OIDC_CLIENT_SECRET", OIDC)
    secret = tmp_path / "secret"
    secret.write_text(OIDC)
    file = tmp_path / "sagittal.toml"
    file.write_text(f'oidc_client_secret_file = "{secret}"\noidc_client_id = "sagittal"\n')
    for options in ((), ("--markdown",)):
        result = CliRunner().invoke(app, ["settings", "--settings", str(file), *options])
        assert result.exit_code == 0, result.output
        assert not re.search("c4nary", result.output, re.IGNORECASE)
